#include "llm/fault.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LOOKED_AT 4096
#define DAY_S 86400u

static const struct {
    unsigned status;
    enum nc_llm_fault fault;
} statuses[] = {
    {401, NC_FAULT_KEY},   {402, NC_FAULT_KEY},     {403, NC_FAULT_KEY},
    {404, NC_FAULT_MODEL}, {413, NC_FAULT_CONTEXT}, {429, NC_FAULT_BUSY},
    {503, NC_FAULT_BUSY},  {508, NC_FAULT_LOOP},    {529, NC_FAULT_BUSY},
};

/* What the servers say, in small letters.  The first that is found counts. */
static const struct {
    const char *words;
    enum nc_llm_fault fault;
} said[] = {
    {"context_length_exceeded", NC_FAULT_CONTEXT}, /* OpenAI */
    {"maximum context length", NC_FAULT_CONTEXT},  /* OpenAI, vLLM, OpenRouter */
    {"maximum model length", NC_FAULT_CONTEXT},    /* vLLM, older */
    {"exceed_context_size", NC_FAULT_CONTEXT},     /* llama-server */
    {"available context size", NC_FAULT_CONTEXT},  /* llama-server */
    {"exceeds the context", NC_FAULT_CONTEXT},     /* Ollama, LM Studio */
    {"context length", NC_FAULT_CONTEXT},          /* LM Studio */
    {"context window", NC_FAULT_CONTEXT},          /* Mistral, Gemini */
    {"context the overflows", NC_FAULT_CONTEXT},   /* LM Studio */
    {"prompt is too long", NC_FAULT_CONTEXT},      /* Anthropic */
    {"input is too long", NC_FAULT_CONTEXT},       /* Bedrock */
    {"max_num_tokens", NC_FAULT_CONTEXT},          /* TensorRT-LLM */
    {"max_input_len", NC_FAULT_CONTEXT},           /* TensorRT-LLM */
    {"insufficient_quota", NC_FAULT_KEY},          /* OpenAI, with 429 */
    {"invalid_api_key", NC_FAULT_KEY},             /* OpenAI */
    {"authentication_error", NC_FAULT_KEY},        /* Anthropic, llama-server */
    {"permission_error", NC_FAULT_KEY},            /* Anthropic */
    {"rate_limit", NC_FAULT_BUSY},                 /* OpenAI, Anthropic */
    {"overloaded", NC_FAULT_BUSY},                 /* Anthropic, OpenAI */
    {"server busy", NC_FAULT_BUSY},                /* Ollama */
    {"unavailable_error", NC_FAULT_BUSY},          /* llama-server, loading */
    {"model_not_found", NC_FAULT_MODEL},           /* OpenAI, LM Studio */
    {"model_not_available", NC_FAULT_MODEL},       /* Together */
    {"not a valid model", NC_FAULT_MODEL},         /* OpenRouter */
    {"unknown model", NC_FAULT_MODEL},             /* several */
    {"invalid model", NC_FAULT_MODEL},             /* Mistral */
    {"no models loaded", NC_FAULT_MODEL},          /* LM Studio */
    {"try pulling it first", NC_FAULT_MODEL},      /* Ollama */
    {"model does not exist", NC_FAULT_MODEL},      /* vLLM, DeepSeek */
};

static bool has(const char *low, size_t n, const char *words)
{
    return memmem(low, n, words, strlen(words)) != NULL;
}

/* A code that stands in the body of an error: {"error":{"code":429, …}}. */
static unsigned code_in(const json_t *root)
{
    const json_t *error = json_object_get(root, "error");
    const json_t *code = json_object_get(error ? error : root, "code");
    json_int_t n = json_integer_value(code);

    return n >= 400 && n < 600 ? (unsigned)n : 0;
}

static enum nc_llm_fault by_status(unsigned status)
{
    for (size_t i = 0; i < NC_COUNT(statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].fault;
    return status >= 400 && status < 500 ? NC_FAULT_REQUEST : NC_FAULT_SERVER;
}

enum nc_llm_fault nc_llm_fault_of(unsigned status, struct nc_str body)
{
    char low[LOOKED_AT];
    size_t n = body.n < sizeof(low) ? body.n : sizeof(low);

    /* These say all; their words are of somebody's making. */
    if (status == 401 || status == 403 || status == 508)
        return by_status(status);
    for (size_t i = 0; i < n; i++)
        low[i] = body.p[i] >= 'A' && body.p[i] <= 'Z' ? (char)(body.p[i] + 32) : body.p[i];
    for (size_t i = 0; i < NC_COUNT(said); i++)
        if (has(low, n, said[i].words))
            return said[i].fault;
    if (status >= 400 && status < 600)
        return by_status(status);

    json_t *root = json_loadb(body.n ? body.p : "", body.n, JSON_ALLOW_NUL, NULL);
    unsigned code = code_in(root);
    json_decref(root);
    return by_status(code);
}

unsigned nc_llm_retry_ms(struct nc_str value, uint64_t wall_ms)
{
    char text[40];
    uint64_t s;
    struct tm tm = {0};
    struct nc_str left = nc_str_trim(value);

    snprintf(text, sizeof(text), "%.*s", (int)(left.n < 39 ? left.n : 39),
             left.n ? left.p : "");
    if (nc_str_u64(nc_str_cut(&left, '.'), UINT32_MAX, &s) != NC_OK) {
        if (!strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm))
            return 0;
        time_t at = timegm(&tm), now = (time_t)(wall_ms / 1000);
        s = at > now ? (uint64_t)(at - now) : 0;
    }
    return (unsigned)(s < DAY_S ? s : DAY_S) * 1000;
}
