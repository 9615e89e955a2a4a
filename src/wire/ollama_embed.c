/* Embeddings: OpenAI's request and answer, with Ollama's between them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "wire/json.h"
#include "wire/json_in.h"
#include "wire/ollama.h"

#define INPUTS_MAX 2048 /* as many as OpenAI takes */
#define DIMENSIONS_MAX 65536

static enum nc_err refuse(char why[NC_OPENAI_REASON], const char *words)
{
    snprintf(why, NC_OPENAI_REASON, "%s", words);
    return NC_EINVAL;
}

static enum nc_err put_input(struct nc_json *j, const json_t *input, char *why)
{
    if (json_is_string(input)) {
        nc_json_kstr(j, "input", nc_json_text(input));
        return NC_OK;
    }
    if (!json_is_array(input) || json_array_size(input) == 0 ||
        json_array_size(input) > INPUTS_MAX)
        return refuse(why, "input must be a string or a list of 1 to 2048 strings");
    nc_json_key(j, "input");
    nc_json_arr(j);
    for (size_t i = 0; i < json_array_size(input); i++) {
        if (!json_is_string(json_array_get(input, i)))
            return refuse(why, "input: this provider takes strings only");
        nc_json_str(j, nc_json_text(json_array_get(input, i)));
    }
    nc_json_arr_end(j);
    return NC_OK;
}

enum nc_err nc_ollama_embed(struct nc_buf *out, const json_t *body, struct nc_str model,
                            bool *base64, char why[NC_OPENAI_REASON])
{
    struct nc_json j = nc_json_to(out);
    struct nc_str format = nc_json_text(json_object_get(body, "encoding_format"));
    const json_t *dimensions = json_object_get(body, "dimensions");
    enum nc_err e;

    *base64 = nc_str_eqz(format, "base64");
    if (format.n && !*base64 && !nc_str_eqz(format, "float"))
        return refuse(why, "encoding_format must be float or base64");
    if (dimensions && !json_is_null(dimensions) &&
        (json_integer_value(dimensions) < 1 ||
         json_integer_value(dimensions) > DIMENSIONS_MAX))
        return refuse(why, "dimensions must be a whole number from 1 to 65536");
    nc_json_obj(&j);
    nc_json_kstr(&j, "model", model);
    if ((e = put_input(&j, json_object_get(body, "input"), why)) != NC_OK)
        return e;
    if (json_is_integer(dimensions))
        nc_json_kint(&j, "dimensions", json_integer_value(dimensions));
    nc_json_obj_end(&j);
    return NC_OK;
}

/* Little-endian floats of 32 bits, as OpenAI's own clients ask for them. */
static void put_base64(struct nc_json *j, const json_t *numbers)
{
    size_t n = json_array_size(numbers);
    uint8_t *bytes = nc_alloc(n * 4 + 1);
    char *text = nc_alloc((n * 4 + 2) / 3 * 4 + 1);

    for (size_t i = 0; i < n; i++) {
        float f = (float)json_number_value(json_array_get(numbers, i));
        uint32_t u;

        memcpy(&u, &f, sizeof(u));
        for (unsigned b = 0; b < 4; b++)
            bytes[i * 4 + b] = (uint8_t)(u >> 8 * b);
    }
    int len = EVP_EncodeBlock((unsigned char *)text, bytes, (int)(n * 4));
    nc_json_str(j, (struct nc_str){text, (size_t)len});
    free(text);
    free(bytes);
}

static enum nc_err put_vector(struct nc_json *j, const json_t *numbers, size_t at,
                              bool base64)
{
    if (!json_is_array(numbers) || json_array_size(numbers) > DIMENSIONS_MAX)
        return NC_EINVAL;
    nc_json_obj(j);
    nc_json_kstr(j, "object", NC_STR("embedding"));
    nc_json_kuint(j, "index", at);
    nc_json_key(j, "embedding");
    if (base64) {
        put_base64(j, numbers);
    } else {
        nc_json_arr(j);
        for (size_t i = 0; i < json_array_size(numbers); i++)
            nc_json_real(j, json_number_value(json_array_get(numbers, i)));
        nc_json_arr_end(j);
    }
    nc_json_obj_end(j);
    return NC_OK;
}

enum nc_err nc_ollama_embedded(struct nc_buf *out, struct nc_str answer,
                               struct nc_str model, bool base64, uint64_t *prompt_tokens)
{
    struct nc_json j = nc_json_to(out);
    json_t *root = json_loadb(answer.n ? answer.p : "", answer.n, JSON_ALLOW_NUL, NULL);
    const json_t *vectors = json_object_get(root, "embeddings");
    enum nc_err e = json_is_array(vectors) ? NC_OK : NC_EINVAL;

    *prompt_tokens = nc_reply_count(root, "prompt_eval_count");
    nc_json_obj(&j);
    nc_json_kstr(&j, "object", NC_STR("list"));
    nc_json_key(&j, "data");
    nc_json_arr(&j);
    for (size_t i = 0; e == NC_OK && i < json_array_size(vectors); i++)
        e = put_vector(&j, json_array_get(vectors, i), i, base64);
    nc_json_arr_end(&j);
    nc_json_kstr(&j, "model", model);
    nc_json_key(&j, "usage");
    nc_json_obj(&j);
    nc_json_kuint(&j, "prompt_tokens", *prompt_tokens);
    nc_json_kuint(&j, "total_tokens", *prompt_tokens);
    nc_json_obj_end(&j);
    nc_json_obj_end(&j);
    json_decref(root);
    return e;
}
