/* A persona's settings: as the API says them, as the store keeps them. */
#include <string.h>

#include "ai/personas_parts.h"
#include "ai/setting.h"
#include "chat/user.h"
#include "wire/json.h"
#include "wire/json_in.h"

enum {
    MESSAGES_MAX = 500,
    TOKENS_MIN = 256,
    TOKENS_MAX = 2000000,
    MESSAGES_NEW = 40,
    TOKENS_NEW = 8192,
    ALIAS_MAX = 64
};

static const char *const whos[] = {"everyone", "moderators", "owners", NULL};

void nc_draft_new(struct nc_draft *d)
{
    *d = (struct nc_draft){
        .temperature = -1, .context_messages = MESSAGES_NEW, .context_tokens = TOKENS_NEW};
}

void nc_draft_of(struct nc_draft *d, const struct nc_persona *x)
{
    *d = (struct nc_draft){
        .system_prompt = x->system_prompt,
        .model = x->model,
        .aliases_n = x->names_n - 1,
        .fallbacks_n = x->fallbacks_n,
        .temperature = x->temperature,
        .max_tokens = x->max_tokens,
        .context_messages = x->context_messages,
        .context_tokens = x->context_tokens,
        .who_may_ask = x->who_may_ask,
        .listed_n = x->listed_n,
    };
    memcpy(d->aliases, x->names + 1, d->aliases_n * sizeof(d->aliases[0]));
    memcpy(d->fallbacks, x->fallbacks, d->fallbacks_n * sizeof(d->fallbacks[0]));
    memcpy(d->listed, x->listed, d->listed_n * sizeof(d->listed[0]));
}

/* ---- one member after the other -------------------------------------------------- */

static bool is_null(const json_t *o, const char *name)
{
    return json_is_null(json_object_get(o, name));
}

static enum nc_err take_aliases(struct nc_draft *d, const json_t *o, struct nc_problem *why)
{
    size_t n = 0;
    bool given = false;

    if (!nc_json_has(o, "aliases"))
        return NC_OK;
    if (nc_json_opt_strs(o, "aliases", NC_ALIASES_MAX, ALIAS_MAX, d->aliases, &n, &given,
                         why))
        return NC_EINVAL;
    d->aliases_n = given ? n : 0;
    for (size_t i = 0; i < d->aliases_n; i++) {
        if (!nc_people_text_ok(d->aliases[i], "aliases", ALIAS_MAX, why))
            return NC_EINVAL;
        d->aliases[i] = nc_str_trim(d->aliases[i]);
    }
    return NC_OK;
}

static enum nc_err take_fallbacks(struct nc_draft *d, const json_t *o,
                                  struct nc_problem *why)
{
    size_t n = 0;
    bool given = false;

    if (!nc_json_has(o, "fallbacks"))
        return NC_OK;
    if (nc_json_opt_strs(o, "fallbacks", NC_FALLBACKS_MAX, 200, d->fallbacks, &n, &given,
                         why))
        return NC_EINVAL;
    d->fallbacks_n = given ? n : 0;
    for (size_t i = 0; i < d->fallbacks_n; i++)
        if (nc_setting_model_ok(d->fallbacks[i], "fallbacks", why))
            return NC_EINVAL;
    return NC_OK;
}

static enum nc_err take_context(struct nc_draft *d, const json_t *o, struct nc_problem *why)
{
    const json_t *context = json_object_get(o, "context");
    int64_t messages = d->context_messages, tokens = d->context_tokens;

    if (!context)
        return NC_OK;
    if (json_is_null(context)) {
        d->context_messages = MESSAGES_NEW;
        d->context_tokens = TOKENS_NEW;
        return NC_OK;
    }
    if (!json_is_object(context)) {
        nc_problem_set(why, NC_P_BAD_REQUEST,
                       "`context` must be an object {messages, tokens}");
        return NC_EINVAL;
    }
    if (nc_json_opt_int(context, "messages", 1, MESSAGES_MAX, &messages, why) ||
        nc_json_opt_int(context, "tokens", TOKENS_MIN, TOKENS_MAX, &tokens, why)) {
        char detail[sizeof(why->detail)];
        memcpy(detail, why->detail, sizeof(detail));
        nc_problem_set(why, NC_P_BAD_REQUEST, "`context`: %s", detail);
        return NC_EINVAL;
    }
    d->context_messages = (unsigned)messages;
    d->context_tokens = (unsigned)tokens;
    return NC_OK;
}

static enum nc_err bad_who(struct nc_problem *why)
{
    nc_problem_set(why, NC_P_BAD_REQUEST,
                   "`who_may_ask` must be \"everyone\", \"moderators\", \"owners\" or "
                   "{\"users\":[usernames]} of at most %d",
                   NC_LISTED_MAX);
    return NC_EINVAL;
}

static enum nc_err take_listed(struct nc_draft *d, const json_t *who, bool kept,
                               const struct nc_chat *c, struct nc_problem *why)
{
    const json_t *users = json_object_get(who, kept ? "ids" : "users");
    size_t n = json_array_size(users);

    if (!json_is_array(users) || n > NC_LISTED_MAX)
        return bad_who(why);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(users, i);
        struct nc_str s = nc_json_text(v);
        if (!json_is_string(v) || (kept && nc_id_parse(s, &d->listed[i])))
            return bad_who(why);
        if (kept)
            continue;
        const struct nc_user *u = nc_user_named(c, s);
        if (!u || u->a.kind == NC_SYSTEM) {
            nc_problem_set(why, NC_P_BAD_REQUEST,
                           "`who_may_ask`: there is nobody called %.*s", NC_FMT(s));
            return NC_EINVAL;
        }
        d->listed[i] = u->a.id;
    }
    d->listed_n = n;
    d->who_may_ask = NC_ASK_LISTED;
    return NC_OK;
}

static enum nc_err take_who(struct nc_draft *d, const json_t *o, bool kept,
                            const struct nc_chat *c, struct nc_problem *why)
{
    const json_t *who = json_object_get(o, "who_may_ask");
    unsigned word = 0;

    if (!who)
        return NC_OK;
    if (json_is_object(who))
        return take_listed(d, who, kept, c, why);
    if (!json_is_null(who) && !json_is_string(who))
        return bad_who(why);
    if (nc_json_opt_word(o, "who_may_ask", whos, &word, why))
        return bad_who(why);
    d->who_may_ask = (enum nc_who_may_ask)word;
    d->listed_n = 0;
    return NC_OK;
}

enum nc_err nc_draft_take(struct nc_draft *d, const json_t *o, bool kept,
                          const struct nc_chat *c, struct nc_problem *why)
{
    if (is_null(o, "system_prompt"))
        d->system_prompt = NC_STR("");
    if (is_null(o, "model"))
        d->model = NC_STR("");
    if (is_null(o, "temperature"))
        d->temperature = -1;
    if (is_null(o, "max_tokens"))
        d->max_tokens = 0;
    if (nc_json_opt_str(o, "display_name", 1, SIZE_MAX, &d->display_name, why) ||
        take_aliases(d, o, why) ||
        nc_setting_prompt(o, "system_prompt", &d->system_prompt, why) ||
        nc_setting_model(o, "model", &d->model, why) || take_fallbacks(d, o, why) ||
        nc_setting_temperature(o, "temperature", &d->temperature, why) ||
        nc_setting_max_tokens(o, "max_tokens", &d->max_tokens, why) ||
        take_context(d, o, why) || take_who(d, o, kept, c, why))
        return NC_EINVAL;
    if (d->display_name.n && !nc_people_text_ok(d->display_name, "display_name",
                                                c->opts.limits.display_max, why))
        return NC_EINVAL;
    d->display_name = nc_str_trim(d->display_name);
    return NC_OK;
}

/* ---- out ------------------------------------------------------------------------- */

static void write_strs(struct nc_json *j, const char *name, const struct nc_str *s,
                       size_t n)
{
    nc_json_key(j, name);
    nc_json_arr(j);
    for (size_t i = 0; i < n; i++)
        nc_json_str(j, s[i]);
    nc_json_arr_end(j);
}

static void write_context(struct nc_json *j, unsigned messages, unsigned tokens)
{
    nc_json_key(j, "context");
    nc_json_obj(j);
    nc_json_kuint(j, "messages", messages);
    nc_json_kuint(j, "tokens", tokens);
    nc_json_obj_end(j);
}

void nc_draft_write(const struct nc_draft *d, struct nc_buf *out)
{
    struct nc_json j = nc_json_to(out);

    nc_json_obj(&j);
    write_strs(&j, "aliases", d->aliases, d->aliases_n);
    nc_json_kstr(&j, "system_prompt", d->system_prompt);
    nc_json_kstr(&j, "model", d->model);
    write_strs(&j, "fallbacks", d->fallbacks, d->fallbacks_n);
    if (d->temperature >= 0)
        nc_json_kreal(&j, "temperature", d->temperature);
    if (d->max_tokens)
        nc_json_kuint(&j, "max_tokens", d->max_tokens);
    write_context(&j, d->context_messages, d->context_tokens);
    nc_json_key(&j, "who_may_ask");
    if (d->who_may_ask != NC_ASK_LISTED) {
        nc_json_str(&j, nc_str(whos[d->who_may_ask]));
    } else {
        nc_json_obj(&j);
        nc_json_key(&j, "ids");
        nc_json_arr(&j);
        for (size_t i = 0; i < d->listed_n; i++)
            nc_json_id(&j, &d->listed[i]);
        nc_json_arr_end(&j);
        nc_json_obj_end(&j);
    }
    nc_json_obj_end(&j);
}

bool nc_personas_admin(const struct nc_actor *who)
{
    return who->admin_socket || (who->user && who->user->a.role != NC_ROLE_USER);
}

/* Who is on a list is for admins; others see whether they are. */
static void write_who(struct nc_json *j, const struct nc_personas *p,
                      const struct nc_persona *x, const struct nc_actor *who)
{
    nc_json_key(j, "who_may_ask");
    if (x->who_may_ask != NC_ASK_LISTED) {
        nc_json_str(j, nc_str(whos[x->who_may_ask]));
        return;
    }
    nc_json_obj(j);
    nc_json_key(j, "users");
    nc_json_arr(j);
    for (size_t i = 0; i < x->listed_n; i++) {
        const struct nc_user *u = nc_user_find(p->chat, &x->listed[i]);
        if (u && !u->a.deleted && (nc_personas_admin(who) || u == who->user))
            nc_json_str(j, u->a.username);
    }
    nc_json_arr_end(j);
    nc_json_obj_end(j);
}

/* Names of its own by which others are called, if there are any. */
static void write_taken(struct nc_json *j, const struct nc_persona *x)
{
    bool any = false;

    for (size_t i = 0; i < x->names_n; i++) {
        const struct nc_user *u = nc_persona_taken(x, i);
        if (!u)
            continue;
        if (!any) {
            nc_json_key(j, "taken");
            nc_json_arr(j);
        }
        any = true;
        nc_json_obj(j);
        nc_json_kstr(j, "name", x->names[i]);
        nc_json_kstr(j, "by", u->a.username);
        nc_json_obj_end(j);
    }
    if (any)
        nc_json_arr_end(j);
}

void nc_persona_json(struct nc_json *j, const struct nc_personas *p,
                     const struct nc_persona *x, const struct nc_actor *who)
{
    nc_json_obj(j);
    nc_json_kid(j, "id", &x->user->a.id);
    nc_json_kstr(j, "username", x->user->a.username);
    nc_json_kstr(j, "display_name", x->user->a.display_name);
    write_strs(j, "aliases", x->names + 1, x->names_n - 1);
    write_taken(j, x);
    nc_json_kstr(j, "model", x->model);
    write_who(j, p, x, who);
    nc_json_kbool(j, "is_default", p->chat->default_persona == x->user);
    if (nc_personas_admin(who)) {
        nc_json_kstr(j, "system_prompt", x->system_prompt);
        write_strs(j, "fallbacks", x->fallbacks, x->fallbacks_n);
        nc_json_key(j, "temperature");
        if (x->temperature >= 0)
            nc_json_real(j, x->temperature);
        else
            nc_json_null(j);
        nc_json_key(j, "max_tokens");
        if (x->max_tokens)
            nc_json_uint(j, x->max_tokens);
        else
            nc_json_null(j);
        write_context(j, x->context_messages, x->context_tokens);
    }
    nc_json_obj_end(j);
}
