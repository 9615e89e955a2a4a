/*
 * tail ROOM: what is said, as it is said.
 *
 * Listens first and reads history then, so nothing falls between; what both bring is
 * printed once.  After a loss the cursor brings what was missed; when the node can't
 * replay it, the history after the last message does.
 *
 * Several servers are sources of one conversation: their history is put together before it
 * is printed, without those that can't be reached; what one of them tells later than
 * another is not printed again.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "client/client.h"
#include "client/commands.h"
#include "client/live.h"
#include "client/origins.h"

enum { PAGE = 200, AGAIN_MS = 1000, PRINTED_MAX = 20000 };

struct source {
    struct tail *t;
    struct nc_api *api;
    struct nc_live *live;
    json_t *held;        /* events that came while history was asked for */
    json_t *past;        /* history, oldest first, while older pages are fetched */
    struct nc_id oldest; /* of it */
    struct nc_deadline again;
    uint64_t wanted;               /* messages of history still to be fetched first */
    bool asked_past;               /* what it was asked for last was its past */
    bool asking, ready, out, gone; /* ready: its history is here; out: not reached; gone:
                                      and never will be */
};

struct tail {
    struct nc_client *c;
    struct source sources[NC_MODEL_SERVERS];
    size_t n;
    struct nc_id room, last; /* last: the newest message printed */
    struct nc_map printed;   /* by id, of the pages: what live may bring again */
    struct nc_list ids;
    size_t ids_n;
    struct nc_origins origins; /* events that were printed */
    bool begun, over;
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

    if (t->n > 1 && t->ids_n++ >= PRINTED_MAX) {
        struct printed *first = nc_of(nc_list_pop(&t->ids), struct printed, node);
        nc_map_del(&t->printed, &first->id, sizeof first->id);
        free(first);
    }
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

/* What went wrong with one of them; which one, if there are several. */
static void complain(const struct source *s, const char *words)
{
    if (s->t->n > 1)
        nc_client_fail("%s: %s", s->api->url, words);
    else
        nc_client_fail("%s", words);
}

/* Readable lines show a message when it is whole, and a change as a line of its own. */
static void print_event(struct tail *t, const json_t *event)
{
    const json_t *message = json_object_get(event, "message");
    const char *state = json_string_value(json_object_get(message, "state"));
    bool streaming = state && strcmp(state, "streaming") == 0;

    const char *reason = json_string_value(json_object_get(event, "reason"));
    bool twin = reason && strcmp(reason, "duplicate") == 0; /* it stands there once more */

    if (nc_client_printed(t->c, event) || streaming || twin)
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
    const char *event_id = json_string_value(json_object_get(event, "event_id"));
    if (t->n > 1 && event_id && !nc_origins_new(&t->origins, nc_str(event_id)))
        return;
    if (strcmp(type, "message.created") == 0) {
        if (nc_map_get(&t->printed, &id, sizeof id))
            return;
        if (t->n > 1)
            remember(t, &id);
        else if (nc_id_cmp(&t->last, &id) < 0)
            t->last = id;
    }
    print_event(t, event);
    flush(t);
}

/* ---- history -------------------------------------------------------------- */

static void ask(struct source *s);

static void release_held(struct source *s)
{
    json_t *held = s->held, *event;
    size_t i;

    s->held = json_array();
    s->asking = false;
    json_array_foreach(held, i, event) take_event(s->t, event);
    json_decref(held);
    if (s->t->n == 1)
        forget_printed(s->t);
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
static bool past_is_whole(struct source *s, json_t *messages, bool more)
{
    size_t n = json_array_size(messages);
    struct nc_id id;

    if (s->wanted == 0) { /* only where to go on after a loss */
        if (n && message_id(json_array_get(messages, n - 1), &id) &&
            nc_id_cmp(&s->t->last, &id) < 0)
            s->t->last = id;
        return true;
    }
    json_t *joined = json_copy(messages);
    json_array_extend(joined, s->past);
    json_decref(s->past);
    s->past = joined;
    s->wanted -= n < s->wanted ? n : s->wanted;
    return !(s->wanted && more && n && message_id(json_array_get(messages, 0), &s->oldest));
}

static int by_id(const void *a, const void *b)
{
    json_t *const *x = a, *const *y = b;
    struct nc_id i = {0}, k = {0};

    if (!message_id(*x, &i) || !message_id(*y, &k))
        return 0;
    return nc_id_cmp(&i, &k);
}

/* The newest of what all of them have, in the order of the ids. */
static void print_past(struct tail *t)
{
    json_t *all = json_array(), *sorted = json_array(), *message;
    size_t i, n = 0;

    for (i = 0; i < t->n; i++)
        json_array_extend(all, t->sources[i].past);
    json_t **v = nc_alloc((json_array_size(all) + 1) * sizeof(json_t *));
    json_array_foreach(all, i, message) v[i] = message;
    if (t->n > 1)
        qsort(v, json_array_size(all), sizeof(json_t *), by_id);
    for (i = 0; i < json_array_size(all); i++)
        if (n == 0 || by_id(&v[n - 1], &v[i]) != 0)
            v[n++] = v[i];
    for (i = n > t->c->cfg->history ? n - t->c->cfg->history : 0; i < n; i++)
        json_array_append(sorted, v[i]);
    print_page(t, sorted);
    free(v);
    json_decref(sorted);
    json_decref(all);
    for (i = 0; i < t->n; i++)
        json_array_clear(t->sources[i].past);
}

/* As soon as all that can be reached have told their past. */
static void begin(struct tail *t)
{
    bool any = false;

    for (size_t i = 0; i < t->n; i++) {
        if (!t->sources[i].ready && !t->sources[i].out)
            return;
        any = any || t->sources[i].ready;
    }
    if (!any || t->begun)
        return;
    print_past(t);
    t->begun = true;
    for (size_t i = 0; i < t->n; i++)
        if (t->sources[i].ready)
            release_held(&t->sources[i]);
}

/* Without that one.  When it was the last one, that is the end. */
static void lose(struct source *s)
{
    s->gone = s->out = true;
    s->asking = false;
    for (size_t i = 0; i < s->t->n; i++)
        if (!s->t->sources[i].gone) {
            begin(s->t);
            return;
        }
    end(s->t, NC_EXIT_FAILED);
}

static void on_past(struct source *s, json_t *messages, bool more)
{
    if (s->t->begun || !past_is_whole(s, messages, more)) {
        ask(s); /* begun: the others have gone on without it, it follows */
        return;
    }
    s->ready = true;
    begin(s->t);
}

static void on_missed(struct source *s, const json_t *messages, bool more)
{
    print_page(s->t, messages);
    s->ready = true;
    if (more && json_array_size(messages))
        ask(s);
    else
        release_held(s);
}

static void on_history(void *arg, const struct nc_answer *a)
{
    struct source *s = arg;
    struct tail *t = s->t;

    if (a->err == NC_ECLOSED || t->over || s->gone)
        return;
    if (nc_answer_passing(a)) {
        nc_loop_deadline(t->c->loop, &s->again,
                         a->retry_after_s ? a->retry_after_s * 1000 : AGAIN_MS);
        return;
    }
    if (!nc_answer_ok(a)) {
        nc_client_fail("%s", a->detail);
        lose(s);
        return;
    }
    json_t *messages = json_object_get(a->body, "messages");
    bool more = json_is_true(json_object_get(a->body, "has_more"));
    if (s->asked_past)
        on_past(s, messages, more);
    else
        on_missed(s, messages, more);
}

static void ask(struct source *s)
{
    struct tail *t = s->t;
    char room[NC_ID_TEXT], id[NC_ID_TEXT];
    struct nc_buf path = {0};
    uint64_t limit = t->begun || s->wanted > PAGE ? PAGE : s->wanted ? s->wanted : 1;
    const struct nc_id *border = t->begun ? &t->last : &s->oldest;

    s->asking = true;
    s->asked_past = !t->begun;
    nc_id_text(&t->room, room);
    nc_id_text(border, id);
    nc_buf_printf(&path, "/api/v1/rooms/%.*s/messages?limit=%llu", NC_ID_TEXT, room,
                  (unsigned long long)limit);
    if (t->begun || !nc_id_zero(border))
        nc_buf_printf(&path, "&%s=%.*s", t->begun ? "after" : "before", NC_ID_TEXT, id);
    nc_buf_addc(&path, '\0');
    nc_api_call(s->api, &(struct nc_api_ask){"GET", path.p, {0}, 0}, on_history, s);
    nc_buf_fini(&path);
}

static void on_again(struct nc_deadline *d) { ask(nc_of(d, struct source, again)); }

/* ---- live ----------------------------------------------------------------- */

static void on_event(void *arg, json_t *event)
{
    struct source *s = arg;

    if (s->t->over || s->gone)
        return;
    if (s->asking)
        json_array_append(s->held, event);
    else
        take_event(s->t, event);
}

static void on_resync(void *arg)
{
    struct source *s = arg;

    nc_origins_fini(&s->t->origins); /* it may be another life of the node */
    if (!s->asking && s->t->begun)
        ask(s);
}

static void on_state(void *arg, enum nc_live_state state, const char *why)
{
    struct source *s = arg;
    struct tail *t = s->t;
    char words[240];

    if (s->gone)
        return;
    if (state == NC_LIVE_ONLINE && !s->ready && !s->asking)
        ask(s);
    if (state == NC_LIVE_ONLINE && t->c->cfg->verbose)
        fprintf(stderr, "neuralchat: %s%s%s\n", t->n > 1 ? s->api->url : "",
                t->n > 1 ? ": " : "", nc_word(NC_W_ONLINE_AGAIN));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (state == NC_LIVE_PAUSE && t->c->cfg->verbose) {
        snprintf(words, sizeof words, nc_word(NC_W_OFFLINE_RETRY), why ? why : "");
        complain(s, words);
    }
#pragma GCC diagnostic pop
    if (state == NC_LIVE_ONLINE)
        s->out = false;
    if (state == NC_LIVE_PAUSE) {
        s->out = true;
        begin(t);
    }
    if (state == NC_LIVE_OVER) {
        complain(s, nc_word(NC_W_LOGIN_OVER));
        lose(s);
    }
}

static bool listen_to(struct tail *t, struct nc_api *api)
{
    static const struct nc_live_ops ops = {
        .state = on_state, .event = on_event, .resync = on_resync};
    struct source *s = &t->sources[t->n++];

    *s = (struct source){.t = t,
                         .api = api,
                         .held = json_array(),
                         .past = json_array(),
                         .wanted = t->c->cfg->history,
                         .again.fire = on_again};
    return (s->live = nc_live_new(api, &ops, s)) != NULL;
}

int nc_cmd_tail(struct nc_client *c)
{
    struct tail t = {.c = c};

    nc_list_init(&t.ids);
    if (!nc_client_room(c, c->args[0], &t.room) ||
        nc_loop_signal(c->loop, SIGINT, on_signal, &t) != NC_OK ||
        nc_loop_signal(c->loop, SIGTERM, on_signal, &t) != NC_OK) {
        t.rc = NC_EXIT_FAILED;
        t.over = true;
    }
    for (size_t i = 0; i < c->apis_n && !t.over; i++)
        if ((c->holders & 1u << i) && !listen_to(&t, c->apis[i]))
            end(&t, NC_EXIT_FAILED);
    for (size_t i = 0; i < t.n && !t.over; i++)
        nc_live_start(t.sources[i].live);
    while (!t.over)
        nc_loop_run(c->loop);
    signal(SIGINT, SIG_DFL); /* `t` is about to go */
    signal(SIGTERM, SIG_DFL);
    for (size_t i = 0; i < t.n; i++) {
        nc_loop_deadline(c->loop, &t.sources[i].again, 0);
        nc_live_free(t.sources[i].live);
        json_decref(t.sources[i].held);
        json_decref(t.sources[i].past);
    }
    forget_printed(&t);
    nc_origins_fini(&t.origins);
    return t.rc;
}
