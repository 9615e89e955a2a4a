/*
 * tail ROOM: what is said, as it is said.
 *
 * Listens first and reads history then, so nothing falls between; what both bring is
 * printed once.  After a loss the cursor brings what was missed; when the node can't
 * replay it, the history after the last message does.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "client/client.h"
#include "client/commands.h"
#include "client/live.h"

enum { PAGE = 200, AGAIN_MS = 1000 };

struct tail {
    struct nc_client *c;
    struct nc_live *live;
    struct nc_id room, last; /* last: the newest message printed */
    json_t *held;            /* events that came while history was asked for */
    json_t *past;            /* history, oldest first, while older pages are fetched */
    struct nc_id oldest;     /* of it */
    struct nc_deadline again;
    struct nc_map printed; /* by id, of the pages: what live may bring again */
    struct nc_list ids;
    uint64_t wanted; /* messages of history still to be printed first */
    bool asking, begun, over;
    int rc;
};

struct printed {
    struct nc_list node;
    struct nc_id id;
};

static void end(struct tail *t, int rc)
{
    t->over = true;
    t->rc = rc;
    nc_loop_stop(t->c->loop);
}

static void on_signal(void *arg, int signum)
{
    (void)signum;
    end(arg, NC_EXIT_OK);
}

/* ---- printing ------------------------------------------------------------- */

static void flush(struct tail *t)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        end(t, NC_EXIT_OK); /* whoever read us has gone: that is how a pipe ends */
}

static bool message_id(const json_t *message, struct nc_id *out)
{
    const char *id = json_string_value(json_object_get(message, "id"));
    return id && nc_id_parse(nc_str(id), out) == NC_OK;
}

static void remember(struct tail *t, const struct nc_id *id)
{
    struct printed *p = nc_alloc(sizeof *p);

    p->id = *id;
    nc_list_add(&t->ids, &p->node);
    nc_map_put(&t->printed, &p->id, sizeof p->id, p);
    if (nc_id_cmp(&t->last, id) < 0)
        t->last = *id;
}

static void forget_printed(struct tail *t)
{
    struct nc_list *node;

    nc_map_fini(&t->printed);
    while ((node = nc_list_pop(&t->ids)))
        free(nc_of(node, struct printed, node));
}

/* Readable lines show a message when it is whole, and a change as a line of its own. */
static void print_event(struct tail *t, const json_t *event)
{
    const json_t *message = json_object_get(event, "message");
    const char *state = json_string_value(json_object_get(message, "state"));
    bool streaming = state && strcmp(state, "streaming") == 0;

    if (nc_client_printed(t->c, event) || streaming)
        return;
    nc_client_print_message(stdout, message);
}

static void take_event(struct tail *t, const json_t *event)
{
    const char *type = json_string_value(json_object_get(event, "type"));
    const json_t *message = json_object_get(event, "message");
    const char *room = json_string_value(json_object_get(message, "room"));
    struct nc_id id, room_id;

    if (!type || strncmp(type, "message.", 8) != 0 || !room ||
        nc_id_parse(nc_str(room), &room_id) != NC_OK || !nc_id_eq(&room_id, &t->room) ||
        !message_id(message, &id))
        return;
    if (strcmp(type, "message.created") == 0) {
        if (nc_map_get(&t->printed, &id, sizeof id))
            return;
        if (nc_id_cmp(&t->last, &id) < 0)
            t->last = id;
    }
    print_event(t, event);
    flush(t);
}

/* ---- history -------------------------------------------------------------- */

static void ask(struct tail *t);

static void release_held(struct tail *t)
{
    json_t *held = t->held, *event;
    size_t i;

    t->held = json_array();
    t->asking = false;
    t->begun = true;
    json_array_foreach(held, i, event) take_event(t, event);
    json_decref(held);
    forget_printed(t);
}

static void print_page(struct tail *t, const json_t *messages)
{
    json_t *message;
    size_t i;
    struct nc_id id;

    json_array_foreach(messages, i, message)
    {
        const char *state = json_string_value(json_object_get(message, "state"));
        if (!message_id(message, &id) || nc_map_get(&t->printed, &id, sizeof id))
            continue;
        remember(t, &id);
        if (t->c->cfg->json) {
            json_t *event =
                json_pack("{s:s, s:O}", "type", "message.created", "message", message);
            nc_client_printed(t->c, event);
            json_decref(event);
        } else if (!state || strcmp(state, "streaming") != 0) {
            nc_client_print_message(stdout, message);
        }
    }
    flush(t);
}

/* Pages of the past come newest first, so they are put together before they are printed. */
static bool past_is_whole(struct tail *t, json_t *messages, bool more)
{
    size_t n = json_array_size(messages);
    struct nc_id id;

    if (t->wanted == 0) { /* only where to go on after a loss */
        if (n && message_id(json_array_get(messages, n - 1), &id))
            t->last = id;
        return true;
    }
    json_t *joined = json_copy(messages);
    json_array_extend(joined, t->past);
    json_decref(t->past);
    t->past = joined;
    t->wanted -= n < t->wanted ? n : t->wanted;
    if (t->wanted && more && n && message_id(json_array_get(messages, 0), &t->oldest))
        return false;
    print_page(t, t->past);
    json_array_clear(t->past);
    return true;
}

static void on_history(void *arg, const struct nc_answer *a)
{
    struct tail *t = arg;

    if (a->err == NC_ECLOSED || t->over)
        return;
    if (nc_answer_passing(a)) {
        nc_loop_deadline(t->c->loop, &t->again,
                         a->retry_after_s ? a->retry_after_s * 1000 : AGAIN_MS);
        return;
    }
    if (!nc_answer_ok(a)) {
        nc_client_fail("%s", a->detail);
        end(t, NC_EXIT_FAILED);
        return;
    }
    json_t *messages = json_object_get(a->body, "messages");
    bool more = json_is_true(json_object_get(a->body, "has_more"));
    if (t->begun)
        print_page(t, messages);
    if (t->begun ? more && json_array_size(messages) : !past_is_whole(t, messages, more))
        ask(t);
    else
        release_held(t);
}

static void ask(struct tail *t)
{
    char room[NC_ID_TEXT], id[NC_ID_TEXT];
    struct nc_buf path = {0};
    uint64_t limit = t->begun || t->wanted > PAGE ? PAGE : t->wanted ? t->wanted : 1;
    const struct nc_id *border = t->begun ? &t->last : &t->oldest;

    t->asking = true;
    nc_id_text(&t->room, room);
    nc_id_text(border, id);
    nc_buf_printf(&path, "/api/v1/rooms/%.*s/messages?limit=%llu", NC_ID_TEXT, room,
                  (unsigned long long)limit);
    if (t->begun || !nc_id_zero(border))
        nc_buf_printf(&path, "&%s=%.*s", t->begun ? "after" : "before", NC_ID_TEXT, id);
    nc_buf_addc(&path, '\0');
    nc_api_call(&t->c->api, &(struct nc_api_ask){"GET", path.p, {0}, 0}, on_history, t);
    nc_buf_fini(&path);
}

static void on_again(struct nc_deadline *d) { ask(nc_of(d, struct tail, again)); }

/* ---- live ----------------------------------------------------------------- */

static void on_event(void *arg, json_t *event)
{
    struct tail *t = arg;

    if (t->over)
        return;
    if (t->asking)
        json_array_append(t->held, event);
    else
        take_event(t, event);
}

static void on_resync(void *arg)
{
    struct tail *t = arg;

    if (!t->asking && t->begun)
        ask(t);
}

static void on_state(void *arg, enum nc_live_state s, const char *why)
{
    struct tail *t = arg;

    if (s == NC_LIVE_ONLINE && !t->begun && !t->asking)
        ask(t);
    if (s == NC_LIVE_ONLINE && t->c->cfg->verbose)
        fprintf(stderr, "neuralchat: %s\n", nc_word(NC_W_ONLINE_AGAIN));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (s == NC_LIVE_PAUSE && t->c->cfg->verbose)
        nc_client_fail(nc_word(NC_W_OFFLINE_RETRY), why ? why : "");
#pragma GCC diagnostic pop
    if (s == NC_LIVE_OVER) {
        nc_client_fail("%s", nc_word(NC_W_LOGIN_OVER));
        end(t, NC_EXIT_FAILED);
    }
}

int nc_cmd_tail(struct nc_client *c)
{
    static const struct nc_live_ops ops = {
        .state = on_state, .event = on_event, .resync = on_resync};
    struct tail t = {.c = c,
                     .held = json_array(),
                     .past = json_array(),
                     .wanted = c->cfg->history,
                     .again.fire = on_again};

    nc_list_init(&t.ids);
    if (!nc_client_room(c, c->args[0], &t.room) ||
        nc_loop_signal(c->loop, SIGINT, on_signal, &t) != NC_OK ||
        nc_loop_signal(c->loop, SIGTERM, on_signal, &t) != NC_OK ||
        !(t.live = nc_live_new(&c->api, &ops, &t))) {
        t.rc = NC_EXIT_FAILED;
        t.over = true;
    }
    if (t.live)
        nc_live_start(t.live);
    while (!t.over)
        nc_loop_run(c->loop);
    signal(SIGINT, SIG_DFL); /* `t` is about to go */
    signal(SIGTERM, SIG_DFL);
    nc_loop_deadline(c->loop, &t.again, 0);
    nc_live_free(t.live);
    forget_printed(&t);
    json_decref(t.held);
    json_decref(t.past);
    return t.rc;
}
