#include <string.h>

#include "base/encode.h"
#include "wire/json.h"
#include "wire/openai_server.h"

/* ---- embeddings ----------------------------------------------------------- */

static bool pack(json_t *item)
{
    const json_t *v = json_object_get(item, "embedding");
    size_t n = json_array_size(v);
    struct nc_buf raw = {0}, text = {0};

    if (!json_is_array(v))
        return false;
    for (size_t i = 0; i < n; i++) {
        float f = (float)json_number_value(json_array_get(v, i));
        uint32_t bits;
        memcpy(&bits, &f, sizeof(bits));
        for (unsigned k = 0; k < 32; k += 8)
            nc_buf_addc(&raw, (char)(bits >> k));
    }
    nc_b64url_add(&text, raw.p, raw.n);
    for (size_t i = 0; i < text.n; i++)
        text.p[i] = (char)(text.p[i] == '-' ? '+' : text.p[i] == '_' ? '/' : text.p[i]);
    while (text.n % 4)
        nc_buf_addc(&text, '=');
    json_object_set_new(item, "embedding", json_stringn(text.p ? text.p : "", text.n));
    nc_buf_fini(&raw);
    nc_buf_fini(&text);
    return true;
}

static int on_dump(const char *p, size_t n, void *arg)
{
    nc_buf_add(arg, p, n);
    return 0;
}

bool nc_openai_pack_embeddings(struct nc_str answer, struct nc_buf *out)
{
    json_t *root = json_loadb(answer.p ? answer.p : "", answer.n, 0, NULL);
    json_t *data = json_object_get(root, "data");
    bool changed = false;

    for (size_t i = 0; i < json_array_size(data); i++)
        changed = pack(json_array_get(data, i)) || changed;
    if (changed)
        json_dump_callback(root, on_dump, out, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(root);
    return changed;
}

/* ---- errors --------------------------------------------------------------- */

static const struct words {
    const char *type, *code; /* code NULL: the name in wire/problem */
} words[NC_P_COUNT] = {
    [NC_P_BAD_REQUEST] = {"invalid_request_error", ""},
    [NC_P_INVALID_JSON] = {"invalid_request_error", NULL},
    [NC_P_UNAUTHORIZED] = {"invalid_request_error", "invalid_api_key"},
    [NC_P_FORBIDDEN] = {"permission_error", "insufficient_permissions"},
    [NC_P_NOT_FOUND] = {"invalid_request_error", NULL},
    [NC_P_METHOD_NOT_ALLOWED] = {"invalid_request_error", NULL},
    [NC_P_TOO_LARGE] = {"invalid_request_error", NULL},
    [NC_P_UNSUPPORTED_TYPE] = {"invalid_request_error", NULL},
    [NC_P_RATE_LIMITED] = {"requests", "rate_limit_exceeded"},
};

void nc_openai_error(struct nc_buf *out, const struct nc_problem *why, const char *param,
                     const char *code)
{
    const struct words *w = &words[why->code];
    const char *type = w->type ? w->type : "server_error";
    struct nc_json j = nc_json_to(out);
    struct nc_buf message = {0};

    if (!code)
        code = w->code ? w->code : nc_problem_name(why->code);
    if (strcmp(code, "insufficient_quota") == 0)
        type = code;
    nc_json_obj(&j);
    nc_json_key(&j, "error");
    nc_json_obj(&j);
    nc_problem_words(&message, why);
    nc_json_kstr(&j, "message", nc_buf_str(&message));
    nc_buf_fini(&message);
    nc_json_kstr(&j, "type", nc_str(type));
    nc_json_key(&j, "param");
    if (param && *param)
        nc_json_str(&j, nc_str(param));
    else
        nc_json_null(&j);
    nc_json_key(&j, "code");
    if (*code)
        nc_json_str(&j, nc_str(code));
    else
        nc_json_null(&j);
    nc_json_obj_end(&j);
    nc_json_obj_end(&j);
}
