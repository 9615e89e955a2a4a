/* admin users …, admin sessions … */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/commands.h"
#include "wire/json.h"

enum { PAGE = 1000 };

/* One page of accounts after `after` (zero: the first), or false (told). */
static bool users_page(struct nc_client *c, const struct nc_id *after, struct nc_answer *a)
{
    char path[128], id[NC_ID_TEXT];

    nc_id_text(after, id);
    if (nc_id_zero(after))
        snprintf(path, sizeof path, "/api/v1/admin/users?limit=%d", PAGE);
    else
        snprintf(path, sizeof path, "/api/v1/admin/users?limit=%d&after=%.*s", PAGE,
                 NC_ID_TEXT, id);
    return nc_client_ask(c, "GET", path, (struct nc_str){0}, a);
}

/* Calls `each` for every account until it returns false.  False: told. */
static bool each_user(struct nc_client *c,
                      bool (*each)(struct nc_client *c, const json_t *user, void *arg),
                      void *arg)
{
    struct nc_id last = {0};
    bool more = true;

    while (more) {
        struct nc_answer a;
        json_t *user;
        size_t i;
        if (!users_page(c, &last, &a))
            return false;
        more = json_is_true(json_object_get(a.body, "has_more"));
        struct nc_id before = last;
        json_array_foreach(json_object_get(a.body, "users"), i, user)
        {
            const char *id = json_string_value(json_object_get(user, "id"));
            if (!id || nc_id_parse(nc_str(id), &last) != NC_OK)
                continue;
            more = each(c, user, arg) && more;
        }
        nc_answer_fini(&a);
        more = more && !nc_id_eq(&before, &last);
    }
    return true;
}

static bool print_user(struct nc_client *c, const json_t *user, void *arg)
{
    (void)arg;
    if (!nc_client_printed(c, user))
        printf("%s  %-8s %-7s %-9s %-20s %s\n", nc_client_cell(user, "id"),
               nc_client_cell(user, "role"), nc_client_cell(user, "kind"),
               json_is_true(json_object_get(user, "disabled")) ? "disabled" : "",
               nc_client_cell(user, "username"), nc_client_cell(user, "display_name"));
    return true;
}

int nc_cmd_users(struct nc_client *c)
{
    if (c->args_n && strcmp(c->args[0], "list") != 0) {
        nc_client_fail_word(NC_W_USAGE, "admin users [list]");
        return NC_EXIT_USAGE;
    }
    return each_user(c, print_user, NULL) ? NC_EXIT_OK : NC_EXIT_FAILED;
}

/* ---- one of them ---------------------------------------------------------- */

struct wanted {
    const char *name;
    struct nc_id id;
    bool found;
};

static bool is_wanted(struct nc_client *c, const json_t *user, void *arg)
{
    struct wanted *w = arg;
    const char *name = json_string_value(json_object_get(user, "username"));
    const char *id = json_string_value(json_object_get(user, "id"));

    (void)c;
    if (name && id && strcmp(name, w->name) == 0)
        w->found = nc_id_parse(nc_str(id), &w->id) == NC_OK;
    return !w->found;
}

/* "/api/v1/admin/users/ID" + `rest` of the account called like the first argument. */
static bool path_of(struct nc_client *c, const char *rest, char out[160])
{
    struct wanted w = {.name = c->args[0]};
    char id[NC_ID_TEXT];

    if (w.name[0] == '@')
        w.name++;
    if (!each_user(c, is_wanted, &w))
        return false;
    if (!w.found) {
        nc_client_fail_word(NC_W_NO_SUCH_USER, c->args[0]);
        return false;
    }
    nc_id_text(&w.id, id);
    snprintf(out, 160, "/api/v1/admin/users/%.*s%s", NC_ID_TEXT, id, rest);
    return true;
}

int nc_cmd_user_reset(struct nc_client *c)
{
    struct nc_answer a;
    char path[160];

    if (!path_of(c, "/reset", path) || !nc_client_ask(c, "POST", path, NC_STR("{}"), &a))
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body)) {
        puts(nc_word(NC_W_RESET_LINK));
        puts(nc_client_cell(a.body, "url"));
        printf("neuralchat reset %s\n", nc_client_cell(a.body, "code"));
    }
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

static int patch(struct nc_client *c, const char *json)
{
    struct nc_answer a;
    char path[160];

    if (!path_of(c, "", path) || !nc_client_ask(c, "PATCH", path, nc_str(json), &a))
        return NC_EXIT_FAILED;
    nc_client_printed(c, a.body);
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

int nc_cmd_user_disable(struct nc_client *c) { return patch(c, "{\"disabled\":true}"); }
int nc_cmd_user_enable(struct nc_client *c) { return patch(c, "{\"disabled\":false}"); }

int nc_cmd_user_role(struct nc_client *c)
{
    static const char *const roles[] = {"owner", "admin", "member"};
    char json[64];

    for (size_t i = 0; i < NC_COUNT(roles); i++) {
        if (strcmp(c->args[1], roles[i]) != 0)
            continue;
        snprintf(json, sizeof json, "{\"role\":\"%s\"}", roles[i]);
        return patch(c, json);
    }
    nc_client_fail("%s", nc_word(NC_W_BAD_ROLE));
    return NC_EXIT_USAGE;
}

/* ---- sessions ------------------------------------------------------------- */

static bool sessions_of(struct nc_client *c, const char *name)
{
    struct nc_buf path = {0};
    struct nc_answer a;
    json_t *one;
    size_t i;

    nc_buf_adds(&path, NC_STR("/api/v1/admin/sessions?user="));
    nc_url_add(&path, nc_str(name));
    nc_buf_addc(&path, '\0');
    bool ok = nc_client_ask(c, "GET", path.p, (struct nc_str){0}, &a);
    nc_buf_fini(&path);
    if (!ok)
        return false;
    json_array_foreach(json_object_get(a.body, "sessions"), i, one)
    {
        json_object_set_new(one, "username", json_string(name));
        if (!nc_client_printed(c, one))
            printf("%s  %-16s %-24s %-16s %s\n", nc_client_cell(one, "id"), name,
                   nc_client_cell(one, "used_at"), nc_client_cell(one, "address"),
                   nc_client_cell(one, "device"));
    }
    nc_answer_fini(&a);
    return true;
}

static bool their_sessions(struct nc_client *c, const json_t *user, void *arg)
{
    bool *ok = arg;

    if (strcmp(nc_client_cell(user, "kind"), "user") == 0)
        *ok = sessions_of(c, nc_client_cell(user, "username")) && *ok;
    return *ok;
}

int nc_cmd_sessions(struct nc_client *c)
{
    bool ok = true;

    if (c->args_n)
        ok = sessions_of(c, c->args[0] + (c->args[0][0] == '@'));
    else
        ok = each_user(c, their_sessions, &ok) && ok;
    return ok ? NC_EXIT_OK : NC_EXIT_FAILED;
}

int nc_cmd_session_end(struct nc_client *c)
{
    char path[128];
    struct nc_answer a;
    struct nc_id id;

    if (nc_id_parse(nc_str(c->args[0]), &id) != NC_OK) {
        nc_client_fail_word(NC_W_BAD_ID, c->args[0]);
        return NC_EXIT_USAGE;
    }
    snprintf(path, sizeof path, "/api/v1/admin/sessions/%s", c->args[0]);
    if (!nc_client_ask(c, "DELETE", path, (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}
