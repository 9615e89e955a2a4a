/* dialog, jobs, stop, regenerate: questions to personas, and what becomes of them. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "client/client.h"
#include "client/commands.h"
#include "client/follow.h"
#include "wire/json.h"

enum { PAGE = 200 };

/* ---- jobs -------------------------------------------------------------------- */

static void print_job(const json_t *job)
{
    const char *position = nc_client_cell(job, "position");

    printf("%s  %-7s %3s  %-12s %-12s %s", nc_client_cell(job, "id"),
           nc_client_cell(job, "state"), position, nc_client_cell(job, "persona"),
           nc_client_cell(job, "asked_by"), nc_client_cell(job, "model"));
    if (json_object_get(job, "reason"))
        printf("  (%s)", nc_client_words(job, "reason"));
    putchar('\n');
}

int nc_cmd_jobs(struct nc_client *c)
{
    uint64_t left = c->cfg->limit;
    char path[160], before[64] = "";
    struct nc_answer a;
    bool more = true;
    json_t *job;
    size_t i;

    while (more && left) {
        snprintf(path, sizeof path, "/api/v1/jobs?limit=%u%s%s%s",
                 left < PAGE ? (unsigned)left : PAGE,
                 c->cfg->all ? "" : "&state=queued,running", *before ? "&before=" : "",
                 before);
        if (!nc_client_ask(c, "GET", path, (struct nc_str){0}, &a))
            return NC_EXIT_FAILED;
        json_t *jobs = json_object_get(a.body, "jobs");
        size_t n = json_array_size(jobs);
        if (!nc_client_printed(c, a.body)) {
            json_array_foreach(jobs, i, job) print_job(job);
        }
        more = n && json_is_true(json_object_get(a.body, "has_more"));
        left -= n < left ? n : left;
        snprintf(before, sizeof before, "%s",
                 nc_client_cell(json_array_get(jobs, n ? n - 1 : 0), "id"));
        nc_answer_fini(&a);
    }
    return NC_EXIT_OK;
}

/* ---- one answer ---------------------------------------------------------------- */

/* The first argument as an id; what: behind the message's path. */
static bool path_of(struct nc_client *c, const char *what, char *path, size_t n)
{
    char id[NC_ID_TEXT];
    struct nc_id message;

    if (nc_id_parse(nc_str(c->args[0]), &message) != NC_OK) {
        nc_client_fail_word(NC_W_BAD_ID, c->args[0]);
        return false;
    }
    nc_id_text(&message, id);
    snprintf(path, n, "/api/v1/messages/%.*s%s", NC_ID_TEXT, id, what);
    return true;
}

int nc_cmd_stop(struct nc_client *c)
{
    struct nc_answer a;
    char path[128];

    if (!path_of(c, "/stop", path, sizeof path))
        return NC_EXIT_USAGE;
    if (!nc_client_ask(c, "POST", path, (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    nc_client_printed(c, a.body);
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

/* {"model":…} or {}. */
static bool ask_again(struct nc_client *c, const char *path, struct nc_answer *a)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);

    nc_json_obj(&j);
    if (*c->cfg->model)
        nc_json_kstr(&j, "model", nc_str(c->cfg->model));
    nc_json_obj_end(&j);
    bool ok = nc_client_ask(c, "POST", path, nc_buf_str(&b), a);
    nc_buf_fini(&b);
    return ok;
}

static int follow_again(struct nc_client *c, const char *path)
{
    struct nc_answer before = {0}, a = {0};
    struct nc_follow *f = nc_follow_new(c);
    char message[128];
    int rc = NC_EXIT_FAILED;
    struct nc_id job;

    if (f && path_of(c, "", message, sizeof message) &&
        nc_client_ask(c, "GET", message, (struct nc_str){0}, &before) &&
        ask_again(c, path, &a)) {
        const char *id =
            json_string_value(json_object_get(json_object_get(a.body, "job"), "id"));
        if (id && nc_id_parse(nc_str(id), &job) == NC_OK)
            rc = nc_follow_again(f, before.body, &job);
        else
            nc_client_fail("%s", nc_word(NC_W_BAD_ANSWER));
    }
    nc_follow_free(f);
    nc_answer_fini(&before);
    nc_answer_fini(&a);
    return rc;
}

int nc_cmd_regenerate(struct nc_client *c)
{
    struct nc_answer a;
    char path[128];

    if (!path_of(c, "/regenerate", path, sizeof path))
        return NC_EXIT_USAGE;
    if (!nc_utf8_valid(nc_str(c->cfg->model))) {
        nc_client_fail("%s", nc_word(NC_W_NOT_UTF8));
        return NC_EXIT_USAGE;
    }
    if (c->cfg->wait_answer)
        return follow_again(c, path);
    if (!ask_again(c, path, &a))
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body))
        puts(nc_client_cell(json_object_get(a.body, "job"), "id"));
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

/* ---- dialogs --------------------------------------------------------------------- */

static void member(struct nc_json *j, const char *key, const char *value)
{
    if (*value)
        nc_json_kstr(j, key, nc_str(value));
}

int nc_cmd_dialog(struct nc_client *c)
{
    const char *name = c->args_n ? c->args[0] : "";
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);
    struct nc_answer a;
    bool ok;

    if (!nc_utf8_valid(nc_str(name)) || !nc_utf8_valid(nc_str(c->cfg->model)) ||
        !nc_utf8_valid(nc_str(c->cfg->system)) || !nc_utf8_valid(nc_str(c->cfg->persona))) {
        nc_client_fail("%s", nc_word(NC_W_NOT_UTF8));
        return NC_EXIT_USAGE;
    }
    nc_json_obj(&j);
    nc_json_kstr(&j, "kind", NC_STR("dialog"));
    member(&j, "name", name);
    member(&j, "persona", c->cfg->persona);
    if (*c->cfg->model || *c->cfg->system) {
        nc_json_key(&j, "ai");
        nc_json_obj(&j);
        member(&j, "model", c->cfg->model);
        member(&j, "system_prompt", c->cfg->system);
        nc_json_obj_end(&j);
    }
    nc_json_obj_end(&j);
    ok = nc_client_ask(c, "POST", "/api/v1/rooms", nc_buf_str(&b), &a);
    nc_buf_fini(&b);
    if (!ok)
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body))
        puts(nc_client_cell(a.body, "id"));
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}
