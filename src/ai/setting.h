/*
 * ai/setting: the members that the settings of rooms and of personas share.
 *
 * Pure.  Each takes one member of a JSON object, which may be absent or null: then *out
 * stays as it was.  NC_EINVAL: *why names the member.
 */
#pragma once

#include <jansson.h>

#include "wire/problem.h"

#define NC_PROMPT_MAX (16u << 10)     /* bytes of a system prompt */
#define NC_ANSWER_TOKENS_MAX 1000000u /* the most that `max_tokens` may say */

/* "provider/model" or "model"; empty: none said. */
NC_MUSTUSE enum nc_err nc_setting_model(const json_t *o, const char *name,
                                        struct nc_str *out, struct nc_problem *why);
NC_MUSTUSE enum nc_err nc_setting_prompt(const json_t *o, const char *name,
                                         struct nc_str *out, struct nc_problem *why);
/* 0..2 */
NC_MUSTUSE enum nc_err nc_setting_temperature(const json_t *o, const char *name,
                                              double *out, struct nc_problem *why);
NC_MUSTUSE enum nc_err nc_setting_max_tokens(const json_t *o, const char *name,
                                             unsigned *out, struct nc_problem *why);
/* A model's name as it stands alone, e.g. in a list. */
NC_MUSTUSE enum nc_err nc_setting_model_ok(struct nc_str s, const char *name,
                                           struct nc_problem *why);
