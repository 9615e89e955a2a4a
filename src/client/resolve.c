/* Asking, and finding the room somebody means. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/model.h"
#include "wire/json.h"

int nc_client_fail(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fputs("neuralchat: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return NC_EXIT_FAILED;
}

int nc_client_fail_word(enum nc_words w, const char *arg)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    return nc_client_fail(nc_word(w), arg);
#pragma GCC diagnostic pop
}

bool nc_client_ask(struct nc_client *c, const char *method, const char *path,
                   struct nc_str json, struct nc_answer *out)
{
    nc_api_wait(c->api, &(struct nc_api_ask){method, path, json, 0}, out);
    if (nc_answer_ok(out))
        return true;
    nc_client_fail("%s", out->detail);
    nc_answer_fini(out);
    return false;
}

static bool direct_room(struct nc_client *c, const char *username, struct nc_id *out)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);
    struct nc_answer a;
    bool ok;

    nc_json_obj(&j);
    nc_json_kstr(&j, "kind", NC_STR("direct"));
    nc_json_key(&j, "members");
    nc_json_arr(&j);
    nc_json_str(&j, nc_str(username));
    nc_json_arr_end(&j);
    nc_json_obj_end(&j);
    ok = nc_client_ask(c, "POST", "/api/v1/rooms", nc_buf_str(&b), &a);
    nc_buf_fini(&b);
    if (!ok)
        return false;
    ok =
        nc_id_parse(nc_str(json_string_value(json_object_get(a.body, "id"))), out) == NC_OK;
    nc_answer_fini(&a);
    return ok || nc_client_fail("%s", nc_word(NC_W_BAD_ANSWER)) == NC_EXIT_OK;
}

/* Among the rooms of one answer.  NC_ENOENT, NC_EINVAL (ambiguous), NC_EIO (told). */
static enum nc_err among(struct nc_client *c, const char *path, const char *name,
                         struct nc_id *out)
{
    struct nc_model m = {0};
    struct nc_answer a;
    bool ambiguous;

    if (!nc_client_ask(c, "GET", path, (struct nc_str){0}, &a))
        return NC_EIO;
    nc_model_me(&m, 0, &c->api->session.tokens.user, c->api->session.tokens.username);
    nc_model_take_rooms(&m, 0, json_object_get(a.body, "rooms"));
    const struct nc_model_room *r = nc_model_find(&m, nc_str(name), &ambiguous);
    if (r)
        *out = r->id;
    nc_model_fini(&m);
    nc_answer_fini(&a);
    return r ? NC_OK : ambiguous ? NC_EINVAL : NC_ENOENT;
}

/* The same at all servers in `where`: c->api is the first that has it then, or, if none
 * has, that answered.  *unknown: those that did not.  NC_EIO: none did.  Two rooms of that
 * name on two servers are ambiguous, too. */
static enum nc_err among_all(struct nc_client *c, unsigned where, const char *path,
                             const char *name, struct nc_id *out, unsigned *unknown)
{
    enum nc_err all = NC_ENOENT;
    struct nc_api *first = NULL, *answered = NULL;
    struct nc_id found;

    c->holders = *unknown = 0;
    for (size_t i = 0; i < c->apis_n; i++) {
        if (!(where & 1u << i))
            continue;
        c->api = c->apis[i];
        enum nc_err e = among(c, path, name, &found);
        if (e == NC_EINVAL || (e == NC_OK && all == NC_OK && !nc_id_eq(&found, out)))
            return NC_EINVAL;
        if (e == NC_EIO)
            *unknown |= 1u << i;
        else if (!answered)
            answered = c->api;
        if (e == NC_OK) {
            c->holders |= 1u << i;
            first = first ? first : c->api;
            *out = found;
            all = NC_OK;
        }
    }
    c->api = first ? first : answered ? answered : c->apis[0];
    return *unknown == where ? NC_EIO : all;
}

static enum nc_err find_room(struct nc_client *c, const char *name, struct nc_id *out)
{
    unsigned all = (1u << c->apis_n) - 1, unknown, more;
    struct nc_buf path = {0};
    enum nc_err e = among_all(c, all, "/api/v1/rooms", name, out, &unknown);

    if (e == NC_ENOENT && name[0] != '@') {
        nc_buf_adds(&path, NC_STR("/api/v1/rooms/public?limit=200&q="));
        nc_url_add(&path, nc_str(name));
        nc_buf_addc(&path, '\0');
        e = among_all(c, all & ~unknown, path.p, name, out, &more);
        nc_buf_fini(&path);
    } else if (e == NC_ENOENT) {
        e = direct_room(c, name + 1, out) ? NC_OK : NC_EIO;
        for (size_t i = 0; i < c->apis_n; i++)
            c->holders |= c->apis[i] == c->api ? 1u << i : 0;
    }
    c->holders |= unknown;
    return e;
}

bool nc_client_room(struct nc_client *c, const char *name, struct nc_id *out)
{
    enum nc_err e;

    c->holders = 1;
    if (nc_id_parse(nc_str(name), out) == NC_OK) {
        struct nc_id same;
        unsigned unknown;
        if (c->apis_n == 1)
            return true;
        /* One that nobody lists may be a public one: whoever has it will say so. */
        e = among_all(c, (1u << c->apis_n) - 1, "/api/v1/rooms", name, &same, &unknown);
        c->holders = e == NC_OK ? c->holders | unknown : (1u << c->apis_n) - 1;
        return true;
    }
    e = find_room(c, name, out);
    if (e == NC_ENOENT || e == NC_EINVAL)
        nc_client_fail_word(e == NC_ENOENT ? NC_W_NO_ROOM : NC_W_AMBIGUOUS, name);
    return e == NC_OK;
}

struct pause {
    struct nc_deadline deadline;
    struct nc_loop *loop;
    bool over;
};

static void on_over(struct nc_deadline *d)
{
    struct pause *p = nc_of(d, struct pause, deadline);

    p->over = true;
    nc_loop_stop(p->loop);
}

void nc_client_pause(struct nc_client *c, uint64_t ms)
{
    struct pause p = {.deadline.fire = on_over, .loop = c->loop};

    nc_loop_deadline(c->loop, &p.deadline, ms);
    while (!p.over)
        nc_loop_run(c->loop);
}
