#include "mesh/ephemera.h"

#include <stdlib.h>
#include <string.h>

#include "chat/chat.h"
#include "chat/live/hub.h"
#include "chat/live/presence.h"
#include "chat/user.h"
#include "loop/loop.h"
#include "mesh/sync.h"
#include "wire/json.h"
#include "wire/json_in.h"

enum {
    SOON_MS = 500,    /* changes of that time go together */
    WHOLE_MS = 30000, /* all who are here */
    USERS_MAX = 1000, /* in one frame */
};

/* Another node, and who is there. */
struct far {
    struct nc_list node;
    struct nc_id id;
    struct nc_map guests; /* struct guest, by user */
    uint64_t round;       /* of the telling of all that came last */
};

struct guest {
    struct nc_user *user; /* never freed while the hub lives */
    uint64_t round;       /* the last that named them, or the one that was when they came */
};

struct nc_ephemera {
    struct nc_loop *loop;
    struct nc_chat *chat;
    struct nc_sync *sync;
    struct nc_hub_tap tap;
    struct nc_sync_hook hook;
    struct nc_list far;
    struct nc_deadline soon, whole;
    struct nc_user **changed;
    size_t changed_n, changed_cap;
    uint64_t round;
    bool taking; /* what is published now came from elsewhere */
    struct nc_frame frame;
    struct {
        uint64_t in[NC_EPHEMERAL_JOB + 1], out[NC_EPHEMERAL_JOB + 1]; /* by kind */
        uint64_t unsaid;  /* no way, or no room */
        uint64_t refused; /* came, and were nothing, or of no room that is here */
    } count;
};

static void say(struct nc_ephemera *e, const struct nc_id *to, enum nc_ephemeral what,
                const struct nc_id *room, struct nc_str json)
{
    static const struct nc_id none;

    if (json.n > NC_FRAME_JSON_MAX) {
        e->count.unsaid++;
        return;
    }
    e->frame.type = NC_FRAME_EPHEMERAL;
    e->frame.ephemeral.what = what;
    e->frame.ephemeral.room = room ? *room : none;
    e->frame.ephemeral.json = json;
    if (nc_sync_send(e->sync, to ? to : &none, &e->frame) == NC_OK)
        e->count.out[what]++;
    else
        e->count.unsaid++; /* it is not worth saying later */
}

/* ---- what is published --------------------------------------------------- */

static const struct {
    const char *type;
    enum nc_ephemeral what;
} kinds[] = {
    {"message.delta", NC_EPHEMERAL_DELTA},
    {"typing", NC_EPHEMERAL_TYPING},
    {"job.updated", NC_EPHEMERAL_JOB},
};

/* Typing ends by itself, everywhere at its time. */
static bool begins(struct nc_str json)
{
    static const char on[] = "\"typing\":true";

    return memmem(json.p, json.n, on, sizeof on - 1) != NULL;
}

static void on_event(struct nc_hub_tap *tap, struct nc_topic *t, uint64_t seq,
                     const char *type, struct nc_str json)
{
    struct nc_ephemera *e = nc_of(tap, struct nc_ephemera, tap);

    if (seq || t->of_user || e->taking || !nc_sync_here_n(e->sync))
        return;
    for (unsigned i = 0; i < NC_COUNT(kinds); i++)
        if (strcmp(kinds[i].type, type) == 0 &&
            (kinds[i].what != NC_EPHEMERAL_TYPING || begins(json)))
            say(e, NULL, kinds[i].what, &nc_hub_room_of(t)->rec.id, json);
}

/* What is in the log is not ours to tell. */
static void on_fetched(struct nc_hub_tap *tap) { (void)tap; }

static bool hears_nothing(struct nc_hub_tap *tap)
{
    (void)tap;
    return false;
}

/* ---- who is here --------------------------------------------------------- */

static void add_id(struct nc_json *j, const struct nc_user *u)
{
    char text[NC_ID_TEXT];

    nc_id_text(&u->a.id, text);
    nc_json_str(j, (struct nc_str){text, NC_ID_TEXT});
}

static void tell_changes(struct nc_ephemera *e, size_t from, size_t n)
{
    static const char *const keys[] = {"gone", "here"};
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);

    nc_json_obj(&j);
    for (unsigned k = 0; k < 2; k++) {
        nc_json_key(&j, keys[k]);
        nc_json_arr(&j);
        for (size_t i = from; i < from + n; i++)
            if (nc_presence_by_us(e->changed[i]) == (k == 1))
                add_id(&j, e->changed[i]);
        nc_json_arr_end(&j);
    }
    nc_json_obj_end(&j);
    say(e, NULL, NC_EPHEMERAL_PRESENCE, NULL, nc_buf_str(&b));
    nc_buf_fini(&b);
}

static void on_soon(struct nc_deadline *d)
{
    struct nc_ephemera *e = nc_of(d, struct nc_ephemera, soon);
    bool anybody = nc_sync_here_n(e->sync) > 0;

    for (size_t i = 0, n; i < e->changed_n; i += n) {
        n = e->changed_n - i < USERS_MAX ? e->changed_n - i : USERS_MAX;
        if (anybody)
            tell_changes(e, i, n);
    }
    for (size_t i = 0; i < e->changed_n; i++)
        e->changed[i]->presence.untold = false;
    e->changed_n = 0;
}

static void on_local(void *arg, struct nc_user *u)
{
    struct nc_ephemera *e = arg;

    if (u->presence.untold)
        return;
    if (e->changed_n == e->changed_cap) {
        e->changed_cap = e->changed_cap ? 2 * e->changed_cap : 64;
        e->changed = nc_realloc(e->changed, e->changed_cap * sizeof *e->changed);
    }
    e->changed[e->changed_n++] = u;
    u->presence.untold = true;
    if (!e->soon.due)
        nc_loop_deadline(e->loop, &e->soon, SOON_MS);
}

/* One frame of all who are here; false: it was the last. */
static bool tell_page(struct nc_ephemera *e, const struct nc_id *to, size_t *at)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);
    struct nc_user *u = NULL;
    unsigned n = 0;

    nc_json_obj(&j);
    nc_json_kuint(&j, "round", e->round);
    nc_json_key(&j, "here");
    nc_json_arr(&j);
    while (n < USERS_MAX && (u = nc_map_next(&e->chat->users_by_id, at)))
        if (nc_presence_by_us(u)) {
            add_id(&j, u);
            n++;
        }
    nc_json_arr_end(&j);
    nc_json_kbool(&j, "last", u == NULL);
    nc_json_obj_end(&j);
    say(e, to, NC_EPHEMERAL_PRESENCE, NULL, nc_buf_str(&b));
    nc_buf_fini(&b);
    return u != NULL;
}

static void tell_all(struct nc_ephemera *e, const struct nc_id *to)
{
    size_t at = 0;

    e->round++;
    while (tell_page(e, to, &at))
        continue;
}

static void on_whole(struct nc_deadline *d)
{
    struct nc_ephemera *e = nc_of(d, struct nc_ephemera, whole);

    if (nc_sync_here_n(e->sync))
        tell_all(e, NULL);
    nc_loop_deadline(e->loop, d, WHOLE_MS);
}

/* ---- who is there -------------------------------------------------------- */

static struct far *far_of(struct nc_ephemera *e, const struct nc_id *id)
{
    nc_list_each(n, &e->far) {
        struct far *f = nc_of(n, struct far, node);
        if (nc_id_eq(&f->id, id))
            return f;
    }
    struct far *f = nc_alloc(sizeof *f);
    f->id = *id;
    nc_list_add(&e->far, &f->node);
    return f;
}

static void goes(struct nc_ephemera *e, struct far *f, struct guest *g)
{
    nc_map_del(&f->guests, &g->user->a.id, sizeof g->user->a.id);
    nc_presence_far(e->chat, g->user, false);
    free(g);
}

/* Who was named neither in the newest round nor in the one before has gone: one may have
 * been lost.  A node that starts anew counts anew. */
static void sweep(struct nc_ephemera *e, struct far *f)
{
    size_t at = 0;

    for (struct guest *g; (g = nc_map_next(&f->guests, &at));)
        if (g->round != f->round && g->round + 1 != f->round)
            goes(e, f, g);
}

static void far_free(struct nc_ephemera *e, struct far *f)
{
    size_t at = 0;

    for (struct guest *g; (g = nc_map_next(&f->guests, &at));)
        goes(e, f, g);
    nc_map_fini(&f->guests);
    nc_list_del(&f->node);
    free(f);
}

static void is_there(struct nc_ephemera *e, struct far *f, const struct nc_id *id)
{
    struct guest *g = nc_map_get(&f->guests, id, sizeof *id);

    if (!g) {
        struct nc_user *u = nc_user_find(e->chat, id);
        if (!u) /* of whom we haven't heard: named again before long */
            return;
        g = nc_alloc(sizeof *g);
        g->user = u;
        nc_map_put(&f->guests, &u->a.id, sizeof u->a.id, g);
        nc_presence_far(e->chat, u, true);
    }
    g->round = f->round;
}

static void is_gone(struct nc_ephemera *e, struct far *f, const struct nc_id *id)
{
    struct guest *g = nc_map_get(&f->guests, id, sizeof *id);

    if (g)
        goes(e, f, g);
}

static void each_id(const json_t *list, struct nc_ephemera *e, struct far *f,
                    void (*fn)(struct nc_ephemera *e, struct far *f,
                               const struct nc_id *id))
{
    for (size_t i = 0; i < json_array_size(list) && i < USERS_MAX; i++) {
        struct nc_id id;
        if (nc_id_parse(nc_json_text(json_array_get(list, i)), &id) == NC_OK)
            fn(e, f, &id);
    }
}

static bool take_presence(struct nc_ephemera *e, const struct nc_id *from,
                          const json_t *doc)
{
    struct far *f = far_of(e, from);
    int64_t round = 0;
    bool last = false;

    if (nc_json_opt_int(doc, "round", 0, INT64_MAX, &round, NULL) != NC_OK ||
        nc_json_opt_bool(doc, "last", &last, NULL) != NC_OK)
        return false;
    if (round)
        f->round = (uint64_t)round;
    each_id(json_object_get(doc, "gone"), e, f, is_gone);
    each_id(json_object_get(doc, "here"), e, f, is_there);
    if (last)
        sweep(e, f);
    return true;
}

/* ---- what comes ---------------------------------------------------------- */

static bool take_typing(struct nc_ephemera *e, struct nc_room *r, const json_t *doc)
{
    struct nc_id id;

    if (nc_json_need_id(json_object_get(doc, "user"), "id", &id, NULL) != NC_OK)
        return false;
    struct nc_user *u = nc_user_find(e->chat, &id);
    if (!u || !nc_map_get(&r->members, &id, sizeof id))
        return false;
    nc_presence_typing(e->chat, r, u);
    return true;
}

/* As a stream of events takes it: on one line. */
static bool is_line(struct nc_str json)
{
    for (size_t i = 0; i < json.n; i++)
        if ((unsigned char)json.p[i] < 0x20)
            return false;
    return true;
}

/* False: it is nothing, or of no room that is here. */
static bool take(struct nc_ephemera *e, const struct nc_frame *f, const json_t *doc)
{
    bool taken = false;

    struct nc_room *r =
        nc_map_get(&e->chat->rooms, &f->ephemeral.room, sizeof f->ephemeral.room);
    struct nc_str type = nc_json_text(json_object_get(doc, "type"));
    struct nc_id room;

    if (!r || r->rec.deleted_ms || !is_line(f->ephemeral.json) ||
        nc_json_need_id(doc, "room", &room, NULL) != NC_OK || !nc_id_eq(&room, &r->rec.id))
        return false;
    for (unsigned i = 0; i < NC_COUNT(kinds); i++) {
        if (kinds[i].what != f->ephemeral.what || !nc_str_eqz(type, kinds[i].type))
            continue;
        e->taking = true;
        taken = kinds[i].what != NC_EPHEMERAL_TYPING || take_typing(e, r, doc);
        if (kinds[i].what != NC_EPHEMERAL_TYPING)
            nc_hub_publish_ephemeral(e->chat->hub, &r->topic, kinds[i].type,
                                     f->ephemeral.json);
        e->taking = false;
    }
    return taken;
}

static void on_frame(struct nc_sync_hook *h, struct nc_way *w, const struct nc_id *from,
                     const struct nc_frame *f)
{
    struct nc_ephemera *e = nc_of(h, struct nc_ephemera, hook);
    json_t *doc;

    (void)w;
    if (f->type != NC_FRAME_EPHEMERAL || f->ephemeral.what == NC_EPHEMERAL_AI)
        return;
    if (f->ephemeral.what > NC_EPHEMERAL_AI ||
        nc_json_parse(f->ephemeral.json, &doc, NULL) != NC_OK) {
        e->count.refused++;
        return;
    }
    enum nc_ephemeral what = f->ephemeral.what;
    bool taken =
        what == NC_EPHEMERAL_PRESENCE ? take_presence(e, from, doc) : take(e, f, doc);
    e->count.in[what] += taken;
    e->count.refused += !taken;
    json_decref(doc);
}

static void on_peer(struct nc_sync_hook *h, const struct nc_id *peer, bool here,
                    bool forgotten)
{
    struct nc_ephemera *e = nc_of(h, struct nc_ephemera, hook);

    (void)forgotten;
    if (here)
        nc_loop_deadline(e->loop, &e->whole, SOON_MS); /* all at once, if several come */
    else
        far_free(e, far_of(e, peer));
}

/* ---- life ---------------------------------------------------------------- */

struct nc_ephemera *nc_ephemera_new(struct nc_loop *l, struct nc_chat *c, struct nc_sync *s)
{
    static const struct nc_sync_hook_ops ops = {.frame = on_frame, .peer = on_peer};
    struct nc_ephemera *e = nc_alloc(sizeof *e);

    e->loop = l;
    e->chat = c;
    e->sync = s;
    e->soon.fire = on_soon;
    e->whole.fire = on_whole;
    nc_list_init(&e->far);
    e->tap.event = on_event;
    e->tap.fetched = on_fetched;
    e->tap.hears = hears_nothing;
    nc_hub_tap(c->hub, &e->tap);
    e->hook.ops = &ops;
    nc_sync_hook(s, &e->hook);
    nc_presence_watch(c, on_local, e);
    nc_loop_deadline(l, &e->whole, WHOLE_MS);
    return e;
}

void nc_ephemera_free(struct nc_ephemera *e)
{
    if (!e)
        return;
    nc_presence_watch(e->chat, NULL, NULL);
    nc_list_del(&e->tap.node);
    nc_sync_unhook(e->sync, &e->hook);
    nc_loop_deadline(e->loop, &e->soon, 0);
    nc_loop_deadline(e->loop, &e->whole, 0);
    while (!nc_list_empty(&e->far))
        far_free(e, nc_of(e->far.next, struct far, node));
    nc_frame_fini(&e->frame);
    free(e->changed);
    free(e);
}

void nc_ephemera_metrics(const struct nc_ephemera *e, struct nc_buf *out)
{
    static const char *const names[] = {[NC_EPHEMERAL_DELTA] = "delta",
                                        [NC_EPHEMERAL_TYPING] = "typing",
                                        [NC_EPHEMERAL_PRESENCE] = "presence",
                                        [NC_EPHEMERAL_JOB] = "job"};

    nc_buf_adds(out,
                NC_STR("# HELP neuralchat_mesh_ephemera_total What is seen and not kept, "
                       "told to other nodes and by them.\n"
                       "# TYPE neuralchat_mesh_ephemera_total counter\n"));
    for (unsigned i = NC_EPHEMERAL_DELTA; i <= NC_EPHEMERAL_JOB; i++)
        nc_buf_printf(out,
                      "neuralchat_mesh_ephemera_total{what=\"%s\",way=\"in\"} %llu\n"
                      "neuralchat_mesh_ephemera_total{what=\"%s\",way=\"out\"} %llu\n",
                      names[i], (unsigned long long)e->count.in[i], names[i],
                      (unsigned long long)e->count.out[i]);
    nc_buf_printf(
        out,
        "# HELP neuralchat_mesh_ephemera_unsaid_total Of that, what found no way.\n"
        "# TYPE neuralchat_mesh_ephemera_unsaid_total counter\n"
        "neuralchat_mesh_ephemera_unsaid_total %llu\n"
        "# HELP neuralchat_mesh_ephemera_refused_total Of that, what came and was "
        "nothing.\n"
        "# TYPE neuralchat_mesh_ephemera_refused_total counter\n"
        "neuralchat_mesh_ephemera_refused_total %llu\n",
        (unsigned long long)e->count.unsaid, (unsigned long long)e->count.refused);
}
