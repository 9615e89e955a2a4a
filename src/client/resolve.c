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
    nc_api_wait(&c->api, &(struct nc_api_ask){method, path, json, 0}, out);
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
    nc_model_me(&m, &c->api.session.tokens.user, c->api.session.tokens.username);
    nc_model_take_rooms(&m, json_object_get(a.body, "rooms"));
    const struct nc_model_room *r = nc_model_find(&m, nc_str(name), &ambiguous);
    if (r)
        *out = r->id;
    nc_model_fini(&m);
    nc_answer_fini(&a);
    return r ? NC_OK : ambiguous ? NC_EINVAL : NC_ENOENT;
}

bool nc_client_room(struct nc_client *c, const char *name, struct nc_id *out)
{
    struct nc_buf path = {0};
    enum nc_err e;

    if (nc_id_parse(nc_str(name), out) == NC_OK)
        return true;
    e = among(c, "/api/v1/rooms", name, out);
    if (e == NC_ENOENT && name[0] == '@')
        return direct_room(c, name + 1, out);
    if (e == NC_ENOENT) {
        nc_buf_adds(&path, NC_STR("/api/v1/rooms/public?limit=200&q="));
        nc_url_add(&path, nc_str(name));
        nc_buf_addc(&path, '\0');
        e = among(c, path.p, name, out);
        nc_buf_fini(&path);
    }
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
