/* models: what can be asked; admin providers …: where. */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/commands.h"
#include "wire/json.h"

#define PROVIDERS "/api/v1/providers"

int nc_cmd_models(struct nc_client *c)
{
    struct nc_answer a;
    json_t *model;
    size_t i;

    if (!nc_client_ask(c, "GET", "/api/v1/models", (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body)) {
        json_array_foreach(json_object_get(a.body, "models"), i, model)
        {
            printf("%c %-7s %7s  %-20s %s\n",
                   json_is_true(json_object_get(model, "is_default")) ? '*' : ' ',
                   nc_client_cell(model, "state"), nc_client_cell(model, "context"),
                   nc_client_cell(model, "destination"), nc_client_cell(model, "id"));
        }
    }
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

/* ---- a list ----------------------------------------------------------------- */

static void print_provider(const json_t *p)
{
    const char *reason = nc_client_words(p, "reason");

    printf("%c %-20s %-9s %-10s %-7s %s%s%s%s\n",
           json_is_true(json_object_get(p, "is_default")) ? '*' : ' ',
           nc_client_cell(p, "name"), nc_client_cell(p, "kind"),
           nc_client_cell(p, "origin"), nc_client_cell(p, "state"),
           nc_client_cell(p, "base_url"), *reason ? " (" : "", reason, *reason ? ")" : "");
}

static int list(struct nc_client *c, const char *method, const char *path)
{
    struct nc_answer a;
    json_t *provider;
    size_t i;

    if (!nc_client_ask(c, method, path, (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body)) {
        json_array_foreach(json_object_get(a.body, "providers"), i, provider)
        {
            print_provider(provider);
        }
    }
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

int nc_cmd_providers(struct nc_client *c)
{
    if (c->args_n && strcmp(c->args[0], "list") != 0) {
        nc_client_fail_word(NC_W_USAGE, "admin providers [list]");
        return NC_EXIT_USAGE;
    }
    return list(c, "GET", PROVIDERS);
}

int nc_cmd_provider_discover(struct nc_client *c)
{
    return list(c, "POST", PROVIDERS "/discover");
}

/* ---- what is set -------------------------------------------------------------- */

static const struct setting {
    const char *name;
    enum { TEXT, NUMBER, SWITCH, LIST } kind;
} settings[] = {
    {"name", TEXT},        {"kind", TEXT},      {"base_url", TEXT},  {"proxy", TEXT},
    {"model", TEXT},       {"models", LIST},    {"at_once", NUMBER}, {"per_model", NUMBER},
    {"timeout_s", NUMBER}, {"default", SWITCH},
};

static bool put(json_t *body, const struct setting *s, struct nc_str value)
{
    uint64_t n;
    json_t *list;

    switch (s->kind) {
    case TEXT:
        return json_object_set_new(body, s->name, json_stringn(value.p, value.n)) == 0;
    case NUMBER:
        return nc_str_u64(value, INT32_MAX, &n) == NC_OK &&
               json_object_set_new(body, s->name, json_integer((json_int_t)n)) == 0;
    case SWITCH:
        return (nc_str_eqz(value, "on") || nc_str_eqz(value, "off")) &&
               json_object_set_new(body, "is_default",
                                   json_boolean(nc_str_eqz(value, "on"))) == 0;
    case LIST:
        list = json_array();
        while (value.p) {
            struct nc_str item = nc_str_trim(nc_str_cut(&value, ','));
            if (item.n && json_array_append_new(list, json_stringn(item.p, item.n)))
                break;
        }
        return json_object_set_new(body, s->name, list) == 0 && !value.p;
    }
    return false;
}

/* SETTING=VALUE … into the body, or false (told). */
static bool put_all(struct nc_client *c, size_t from, json_t *body)
{
    for (; from < c->args_n; from++) {
        struct nc_str value = nc_str(c->args[from]), name = nc_str_cut(&value, '=');
        bool ok = false;
        for (size_t i = 0; value.p && i < NC_COUNT(settings); i++)
            if (nc_str_eqz(name, settings[i].name))
                ok = put(body, &settings[i], value);
        if (!ok) {
            nc_client_fail_word(NC_W_BAD_SETTING, c->args[from]);
            return false;
        }
    }
    return true;
}

/* The key comes from a file or the terminal: arguments are seen by everybody. */
static bool put_key(struct nc_client *c, json_t *body)
{
    char *key = NULL;

    if (c->cfg->no_key)
        json_object_set_new(body, "api_key", json_null());
    if (*c->cfg->key_file)
        key = nc_client_first_line(c->cfg->key_file);
    else if (c->cfg->ask_key)
        key = nc_client_secret(nc_word(NC_W_API_KEY));
    else
        return true;
    bool ok = key && json_object_set_new(body, "api_key", json_string(key)) == 0;
    nc_client_forget(key);
    return ok;
}

static int send_body(struct nc_client *c, const char *method, const char *path,
                     json_t *body)
{
    struct nc_answer a;
    char *text = json_dumps(body, JSON_COMPACT);
    bool ok = text && nc_client_ask(c, method, path, nc_str(text), &a);

    nc_client_forget(text);
    if (!ok)
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body))
        print_provider(a.body);
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

int nc_cmd_provider_add(struct nc_client *c)
{
    json_t *body = json_pack("{s:s, s:s, s:s}", "name", c->args[0], "kind", "openai",
                             "base_url", c->args[1]);
    int rc = NC_EXIT_USAGE;

    if (!body)
        nc_client_fail("%s", nc_word(NC_W_NOT_UTF8));
    else if (put_all(c, 2, body))
        rc = put_key(c, body) ? send_body(c, "POST", PROVIDERS, body) : NC_EXIT_FAILED;
    json_decref(body);
    return rc;
}

/* ---- one of them ---------------------------------------------------------------- */

/* PROVIDERS "/ID" + rest of the one called like the first argument, or false (told). */
static bool path_of(struct nc_client *c, const char *rest, char out[160])
{
    struct nc_answer a;
    json_t *provider;
    size_t i;
    bool found = false;

    if (!nc_client_ask(c, "GET", PROVIDERS, (struct nc_str){0}, &a))
        return false;
    json_array_foreach(json_object_get(a.body, "providers"), i, provider)
    {
        if (found || strcmp(nc_client_cell(provider, "name"), c->args[0]) != 0)
            continue;
        snprintf(out, 160, PROVIDERS "/%s%s", nc_client_cell(provider, "id"), rest);
        found = true;
    }
    nc_answer_fini(&a);
    if (!found)
        nc_client_fail_word(NC_W_NO_SUCH_PROVIDER, c->args[0]);
    return found;
}

int nc_cmd_provider_set(struct nc_client *c)
{
    json_t *body = json_object();
    char path[160];
    int rc = NC_EXIT_USAGE;

    if (put_all(c, 1, body))
        rc = path_of(c, "", path) && put_key(c, body) ? send_body(c, "PATCH", path, body)
                                                      : NC_EXIT_FAILED;
    json_decref(body);
    return rc;
}

int nc_cmd_provider_remove(struct nc_client *c)
{
    struct nc_answer a;
    char path[160];

    if (!path_of(c, "", path) || !nc_client_ask(c, "DELETE", path, (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    nc_client_printed(c, a.body);
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

/* Scripts want to know by the exit status. */
int nc_cmd_provider_check(struct nc_client *c)
{
    struct nc_answer a;
    char path[160];
    json_t *model;
    size_t i;

    if (!path_of(c, "/check", path) ||
        !nc_client_ask(c, "POST", path, (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    bool up = strcmp(nc_client_cell(a.body, "state"), "up") == 0;
    if (!nc_client_printed(c, a.body)) {
        printf("%s%s%s\n", nc_client_cell(a.body, "state"), up ? "" : ": ",
               nc_client_words(a.body, "reason"));
        json_array_foreach(json_object_get(a.body, "models"), i, model)
        {
            nc_client_print_text(stdout, model);
        }
    }
    nc_answer_fini(&a);
    return up ? NC_EXIT_OK : NC_EXIT_FAILED;
}
