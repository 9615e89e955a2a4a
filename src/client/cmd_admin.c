/* admin rooms, audit, backup, health, settings */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/client.h"
#include "client/commands.h"
#include "client/glyph.h"
#include "crypto/hash.h"
#include "wire/json.h"

enum { AUDIT_PAGE = 500 };

static void print_rooms(struct nc_client *c, const json_t *page)
{
    json_t *room;
    size_t i;

    json_array_foreach(page, i, room)
    {
        if (nc_client_printed(c, room))
            continue;
        printf("%s  %-7s %-8s %5s  %s", nc_client_cell(room, "id"),
               nc_client_cell(room, "kind"), nc_client_cell(room, "visibility"),
               nc_client_cell(room, "members_count"), nc_client_cell(room, "name"));
        puts(json_object_get(room, "deleted_at") ? "  (deleted)" : "");
    }
}

/* Page by page, by id. */
int nc_cmd_all_rooms(struct nc_client *c)
{
    char path[128] = "/api/v1/admin/rooms?limit=1000";
    bool more = true;

    while (more) {
        struct nc_answer a;
        if (!nc_client_ask(c, "GET", path, (struct nc_str){0}, &a))
            return NC_EXIT_FAILED;
        const json_t *page = json_object_get(a.body, "rooms");
        const char *last = json_string_value(
            json_object_get(json_array_get(page, json_array_size(page) - 1), "id"));
        print_rooms(c, page);
        more = last && json_is_true(json_object_get(a.body, "has_more"));
        if (more)
            snprintf(path, sizeof path, "/api/v1/admin/rooms?limit=1000&after=%.36s", last);
        nc_answer_fini(&a);
    }
    return NC_EXIT_OK;
}

/* ---- audit ---------------------------------------------------------------- */

static void print_entry(struct nc_client *c, const json_t *entry)
{
    static const char *const rest[] = {"who", "target", "address", "detail"};

    if (nc_client_printed(c, entry))
        return;
    printf("%s  %-4s %-24s", nc_client_cell(entry, "at"),
           json_is_true(json_object_get(entry, "ok")) ? "ok" : "no",
           nc_client_cell(entry, "action"));
    for (size_t i = 0; i < NC_COUNT(rest); i++)
        if (json_object_get(entry, rest[i]))
            printf(" %s=%s", rest[i], nc_client_cell(entry, rest[i]));
    putchar('\n');
}

/* Pages come newest first; people read downwards, so the last is printed first. */
int nc_cmd_audit(struct nc_client *c)
{
    json_t *all = json_array();
    uint64_t left = c->cfg->limit, next = UINT64_MAX;
    int rc = NC_EXIT_OK;

    while (left > 0 && next > 0) {
        char path[128];
        struct nc_answer a;
        uint64_t page = left < AUDIT_PAGE ? left : AUDIT_PAGE;
        int n = snprintf(path, sizeof path, "/api/v1/admin/audit?limit=%llu",
                         (unsigned long long)page);
        if (next != UINT64_MAX)
            snprintf(path + n, sizeof path - (size_t)n, "&before=%llu",
                     (unsigned long long)next);
        if (!nc_client_ask(c, "GET", path, (struct nc_str){0}, &a)) {
            rc = NC_EXIT_FAILED;
            break;
        }
        const json_t *entries = json_object_get(a.body, "entries");
        size_t got = json_array_size(entries);
        for (size_t i = 0; i < got; i++)
            json_array_append(all, json_array_get(entries, i));
        next = (uint64_t)json_integer_value(json_object_get(a.body, "next"));
        left -= got < left ? got : left;
        nc_answer_fini(&a);
        if (got == 0)
            break;
    }
    for (size_t i = json_array_size(all); i > 0; i--)
        print_entry(c, json_array_get(all, i - 1));
    json_decref(all);
    return rc;
}

/* ---- backup --------------------------------------------------------------- */

/* The node writes the file, so it needs the whole path. */
static void add_path(struct nc_json *j, const char *file)
{
    struct nc_buf b = {0};
    char *here = file[0] == '/' ? NULL : getcwd(NULL, 0);

    nc_buf_printf(&b, "%s%s%s", here ? here : "", here ? "/" : "", file);
    nc_json_kstr(j, "path", nc_buf_str(&b));
    nc_buf_fini(&b);
    free(here);
}

int nc_cmd_backup(struct nc_client *c)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);
    struct nc_answer a;
    char *passphrase = NULL;
    int rc = NC_EXIT_OK;

    if (c->cfg->with_keys && !*c->cfg->passphrase_file) {
        nc_client_fail("%s", nc_word(NC_W_PASSPHRASE_NEEDED));
        return NC_EXIT_USAGE;
    }
    if (c->cfg->with_keys && !(passphrase = nc_client_first_line(c->cfg->passphrase_file)))
        return NC_EXIT_FAILED;
    nc_json_obj(&j);
    if (c->args_n)
        add_path(&j, c->args[0]);
    if (passphrase) {
        nc_json_kbool(&j, "with_keys", true);
        nc_json_kstr(&j, "passphrase", nc_str(passphrase));
    }
    nc_json_obj_end(&j);
    nc_api_wait(c->api,
                &(struct nc_api_ask){"POST", "/api/v1/admin/backup", nc_buf_str(&b),
                                     NC_API_PATIENT},
                &a);
    if (!nc_answer_ok(&a))
        rc = nc_client_fail("%s", a.detail);
    else if (!nc_client_printed(c, a.body))
        printf("%s  %s bytes\n", nc_client_cell(a.body, "path"),
               nc_client_cell(a.body, "bytes"));
    nc_answer_fini(&a);
    nc_wipe(b.p, b.n);
    nc_buf_fini(&b);
    nc_client_forget(passphrase);
    return rc;
}

/* ---- one thing a line ----------------------------------------------------- */

static int print_members(struct nc_client *c, const char *path, const char *inside)
{
    struct nc_answer a;
    const char *key;
    json_t *value;

    if (!nc_client_ask(c, "GET", path, (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    json_t *obj = inside ? json_object_get(a.body, inside) : a.body;
    if (!nc_client_printed(c, a.body)) {
        json_object_foreach(obj, key, value)
        {
            struct nc_buf name = {0};
            nc_text_clean(&name, nc_str(key), false);
            printf("%-24.*s %s\n", NC_FMT(nc_buf_str(&name)), nc_client_cell(obj, key));
            nc_buf_fini(&name);
        }
    }
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

int nc_cmd_health(struct nc_client *c)
{
    return print_members(c, "/api/v1/admin/health", NULL);
}
int nc_cmd_settings(struct nc_client *c)
{
    return print_members(c, "/api/v1/admin/settings", "settings");
}
