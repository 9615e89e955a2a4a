#include "ai/setting.h"

#include "base/utf8.h"
#include "llm/provider.h"
#include "wire/json_in.h"

enum nc_err nc_setting_model_ok(struct nc_str s, const char *name, struct nc_problem *why)
{
    if (s.n >= NC_LLM_MODEL) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "`%s` has more than %d bytes", name,
                       NC_LLM_MODEL - 1);
        return NC_EINVAL;
    }
    while (s.n) {
        uint32_t cp = nc_utf8_next(&s);
        if (cp == ' ' || nc_utf8_unseen(cp)) {
            nc_problem_set(why, NC_P_BAD_REQUEST,
                           "`%s` must be a model's name, without blanks", name);
            return NC_EINVAL;
        }
    }
    return NC_OK;
}

enum nc_err nc_setting_model(const json_t *o, const char *name, struct nc_str *out,
                             struct nc_problem *why)
{
    struct nc_str s = *out;
    enum nc_err e = nc_json_opt_str(o, name, 0, NC_LLM_MODEL, &s, why);

    if (!e)
        e = nc_setting_model_ok(s, name, why);
    if (!e)
        *out = s;
    return e;
}

enum nc_err nc_setting_prompt(const json_t *o, const char *name, struct nc_str *out,
                              struct nc_problem *why)
{
    struct nc_str s = *out;
    enum nc_err e = nc_json_opt_str(o, name, 0, SIZE_MAX, &s, why);

    if (e)
        return e;
    if (s.n > NC_PROMPT_MAX) {
        nc_problem_set(why, NC_P_TOO_LARGE, "`%s` has more than %u bytes", name,
                       NC_PROMPT_MAX);
        return NC_EINVAL;
    }
    *out = s;
    return NC_OK;
}

enum nc_err nc_setting_temperature(const json_t *o, const char *name, double *out,
                                   struct nc_problem *why)
{
    const json_t *v = json_object_get(o, name);

    if (!v || json_is_null(v))
        return NC_OK;
    double t = json_number_value(v);
    if (!json_is_number(v) || !(t >= 0 && t <= 2)) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "`%s` must be a number from 0 to 2", name);
        return NC_EINVAL;
    }
    *out = t;
    return NC_OK;
}

enum nc_err nc_setting_max_tokens(const json_t *o, const char *name, unsigned *out,
                                  struct nc_problem *why)
{
    int64_t n = *out;
    enum nc_err e = nc_json_opt_int(o, name, 1, NC_ANSWER_TOKENS_MAX, &n, why);

    if (!e)
        *out = (unsigned)n;
    return e;
}
