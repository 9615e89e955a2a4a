/* What an OpenAI-compatible server says. */
#pragma once

#include "provider_words.h"

#define DELTA(inside, finish)                                                   \
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\"," \
    "\"choices\":[{\"index\":0,\"delta\":{" inside "},\"finish_reason\":" finish "}]}\n\n"
#define SAYS(text) DELTA("\"content\":\"" text "\"", "null")
#define USAGE \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7}}\n\n"
#define DONE "data: [DONE]\n\n"
#define OPENAI_TEXT                         \
    DELTA("\"role\":\"assistant\"", "null") \
    SAYS("До") SAYS("брый") ": hush\n\n" SAYS(" день ") SAYS("🌍")
#define OPENAI_ERROR(message, code) \
    "{\"error\":{\"message\":\"" message "\",\"code\":\"" code "\"}}"

static const struct wire openai = {
    .ops = &nc_provider_openai,
    .base = "/v1/",
    .chat = "/v1/chat/completions",
    .list = "/v1/models",
    .type = "text/event-stream; charset=utf-8",
    .key = "Authorization",
    .before_key = "Bearer ",
    .answer = OPENAI_TEXT DELTA("", "\"stop\"") USAGE DONE,
    .answer_length = OPENAI_TEXT DELTA("", "\"length\"") USAGE DONE,
    .answer_tools = OPENAI_TEXT DELTA("", "\"tool_calls\"") USAGE DONE,
    .thinks = DELTA("\"reasoning_content\":\"hm \"", "null")
        DELTA("\"reasoning_content\":\"so\"", "null") OPENAI_TEXT DELTA("", "\"stop\"")
            USAGE DONE,
    .cut = SAYS("Добрый"),
    .error_midway = SAYS("Добрый") "data: " OPENAI_ERROR("it burns", "server_error") "\n\n",
    .whole =
        "{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{"
        "\"role\":\"assistant\",\"content\":\"" TEXT "\"},\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7}}",
    .nonsense = "data: {\"what\":\n\n",
    .refused = OPENAI_ERROR("no such thing", "bad"),
    .unknown_model = OPENAI_ERROR("The model `x` does not exist", "model_not_found"),
    .unknown_model_status = 404,
    .too_long = OPENAI_ERROR("This model's maximum context length is 4096 tokens",
                             "context_length_exceeded"),
    .too_long_status = 400,
    .says_key = OPENAI_ERROR("Incorrect API key provided: " KEY, "invalid_api_key"),
    .busy = OPENAI_ERROR("slow down", "rate_limit_exceeded"),
    .models =
        "{\"object\":\"list\",\"data\":[{\"id\":\"first-model\",\"max_model_len\":8192,"
        "\"meta\":{\"size\":1234}},{\"id\":\"second-model\"},{\"id\":7}]}",
    .context = 8192,
    .bytes = 1234,
};

#undef DELTA
#undef SAYS
#undef USAGE
#undef DONE
