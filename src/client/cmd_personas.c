/* admin personas …: the AI people of the node. */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/commands.h"
#include "client/glyph.h"

#define PERSONAS "/api/v1/personas"

/* ---- a list ----------------------------------------------------------------- */

static void print_clean(const char *before, const json_t *text)
{
    struct nc_buf clean = {0};

    nc_text_clean(&clean, nc_str(json_is_string(text) ? json_string_value(text) : ""),
                  false);
    printf("%s%.*s", before, NC_FMT(nc_buf_str(&clean)));
    nc_buf_fini(&clean);
}

static void print_persona(const json_t *p)
{
    const json_t *aliases = json_object_get(p, "aliases"), *alias;
    const json_t *taken = json_object_get(p, "taken"), *one;
    const char *model = nc_client_cell(p, "model");
    size_t i;

    printf("%c %s %s %s", json_is_true(json_object_get(p, "is_default")) ? '*' : ' ',
           nc_client_column(p, "username", 20), nc_client_column(p, "display_name", 20),
           *model ? model : "-");
    json_array_foreach(aliases, i, alias) print_clean(i ? ", " : "  (", alias);
    printf("%s", json_array_size(aliases) ? ")" : "");
    json_array_foreach(taken, i, one)
    {
        print_clean(i ? ", " : "  taken: ", json_object_get(one, "name"));
        print_clean(" by @", json_object_get(one, "by"));
    }
    puts("");
}

int nc_cmd_personas(struct nc_client *c)
{
    struct nc_answer a;
    json_t *persona;
    size_t i;

    if (c->args_n && strcmp(c->args[0], "list") != 0) {
        nc_client_fail_word(NC_W_USAGE, "admin personas [list]");
        return NC_EXIT_USAGE;
    }
    if (!nc_client_ask(c, "GET", PERSONAS, (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body)) {
        json_array_foreach(json_object_get(a.body, "personas"), i, persona)
        {
            print_persona(persona);
        }
    }
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

/* ---- what is set -------------------------------------------------------------- */

static const struct setting {
    const char *name;
    enum { TEXT, LIST, NUMBER, REAL, CONTEXT, WHO } kind;
} settings[] = {
    {"display_name", TEXT},      {"aliases", LIST},
    {"system_prompt", TEXT},     {"model", TEXT},
    {"fallbacks", LIST},         {"temperature", REAL},
    {"max_tokens", NUMBER},      {"context_messages", CONTEXT},
    {"context_tokens", CONTEXT}, {"who_may_ask", WHO},
};

static json_t *list_of(struct nc_str value)
{
    json_t *list = json_array();

    while (value.p) {
        struct nc_str item = nc_str_trim(nc_str_cut(&value, ','));
        if (item.n && json_array_append_new(list, json_stringn(item.p, item.n)))
            break;
    }
    return list;
}

static json_t *number_of(struct nc_str value)
{
    uint64_t n;

    return nc_str_u64(value, INT32_MAX, &n) == NC_OK ? json_integer((json_int_t)n) : NULL;
}

static json_t *real_of(const char *value)
{
    char *end;
    double d = strtod(value, &end);

    return *value && !*end ? json_real(d) : NULL;
}

/* "everyone", "moderators", "owners", or usernames with an @ each. */
static json_t *who_of(struct nc_str value)
{
    json_t *users;

    if (!value.n || value.p[0] != '@')
        return json_stringn(value.p, value.n);
    users = json_array();
    while (value.p) {
        struct nc_str item = nc_str_trim(nc_str_cut(&value, ','));
        if (item.n && item.p[0] == '@')
            item.p++, item.n--;
        if (item.n && json_array_append_new(users, json_stringn(item.p, item.n)))
            break;
    }
    return json_pack("{s:o}", "users", users);
}

/* An empty value takes what was said back. */
static bool put(json_t *body, const struct setting *s, struct nc_str value)
{
    json_t *context = json_object_get(body, "context");

    if (s->kind == CONTEXT) {
        if (!context && json_object_set_new(body, "context", json_object()))
            return false;
        return json_object_set_new(json_object_get(body, "context"),
                                   s->name + strlen("context_"), number_of(value)) == 0;
    }
    if (!value.n)
        return json_object_set_new(body, s->name, json_null()) == 0;
    switch (s->kind) {
    case LIST: return json_object_set_new(body, s->name, list_of(value)) == 0;
    case NUMBER: return json_object_set_new(body, s->name, number_of(value)) == 0;
    case REAL: return json_object_set_new(body, s->name, real_of(value.p)) == 0;
    case WHO: return json_object_set_new(body, s->name, who_of(value)) == 0;
    case CONTEXT:
    case TEXT: break;
    }
    return json_object_set_new(body, s->name, json_stringn(value.p, value.n)) == 0;
}

/* SETTING=VALUE … into the body, or false (told). */
static bool put_all(struct nc_client *c, json_t *body)
{
    for (size_t at = 1; at < c->args_n; at++) {
        struct nc_str value = nc_str(c->args[at]), name;
        bool ok = false;

        name.n = strcspn(value.p, "=");
        name.p = value.p;
        if (name.n < value.n) {
            value = (struct nc_str){name.p + name.n + 1, value.n - name.n - 1};
            for (size_t i = 0; i < NC_COUNT(settings); i++)
                if (nc_str_eqz(name, settings[i].name))
                    ok = put(body, &settings[i], value);
        }
        if (!ok) {
            nc_client_fail_word(NC_W_BAD_SETTING, c->args[at]);
            return false;
        }
    }
    return true;
}

static int send_body(struct nc_client *c, const char *method, const char *path,
                     json_t *body)
{
    struct nc_answer a;
    char *text = json_dumps(body, JSON_COMPACT);
    bool ok = text && nc_client_ask(c, method, path, nc_str(text), &a);

    free(text);
    if (!ok)
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body))
        print_persona(a.body);
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

int nc_cmd_persona_add(struct nc_client *c)
{
    json_t *body = json_pack("{s:s}", "username", c->args[0]);
    int rc = NC_EXIT_USAGE;

    if (!body)
        nc_client_fail("%s", nc_word(NC_W_NOT_UTF8));
    else if (put_all(c, body))
        rc = send_body(c, "POST", PERSONAS, body);
    json_decref(body);
    return rc;
}

/* ---- one of them ---------------------------------------------------------------- */

/* PERSONAS "/ID" of the one called like the first argument, or false (told). */
static bool path_of(struct nc_client *c, char out[80])
{
    struct nc_answer a;
    json_t *persona;
    size_t i;
    bool found = false;

    if (!nc_client_ask(c, "GET", PERSONAS, (struct nc_str){0}, &a))
        return false;
    json_array_foreach(json_object_get(a.body, "personas"), i, persona)
    {
        if (found || strcmp(nc_client_cell(persona, "username"), c->args[0]) != 0)
            continue;
        snprintf(out, 80, PERSONAS "/%s", nc_client_cell(persona, "id"));
        found = true;
    }
    nc_answer_fini(&a);
    if (!found)
        nc_client_fail_word(NC_W_NO_SUCH_PERSONA, c->args[0]);
    return found;
}

int nc_cmd_persona_set(struct nc_client *c)
{
    json_t *body = json_object();
    char path[80];
    int rc = NC_EXIT_USAGE;

    if (put_all(c, body))
        rc = path_of(c, path) ? send_body(c, "PATCH", path, body) : NC_EXIT_FAILED;
    json_decref(body);
    return rc;
}

int nc_cmd_persona_remove(struct nc_client *c)
{
    struct nc_answer a;
    char path[80];

    if (!path_of(c, path) || !nc_client_ask(c, "DELETE", path, (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    nc_client_printed(c, a.body);
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}
