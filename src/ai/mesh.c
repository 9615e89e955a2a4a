#include "ai/mesh.h"

#include <stdlib.h>
#include <string.h>

#include "ai/job.h"
#include "ai/others.h"
#include "base/clock.h"
#include "base/log.h"
#include "chat/rooms/room.h"
#include "crypto/hash.h"
#include "wire/json_in.h"

enum { NODES_MAX = 64, TICK_MS = 1000, ANSWERS_READ = 200 };

/* ---- who is there ------------------------------------------------------------------ */

static unsigned nodes_of(const struct nc_ai *ai, struct nc_id out[NODES_MAX])
{
    const struct nc_others *o = ai->others;

    return o ? o->mesh.nodes(o->mesh.arg, out, NODES_MAX) : 0;
}

bool nc_others_any(const struct nc_ai *ai)
{
    struct nc_id nodes[NODES_MAX];

    return nodes_of(ai, nodes) > 0;
}

uint64_t nc_others_gone_ms(const struct nc_ai *ai, const struct nc_id *which)
{
    const struct nc_others *o = ai->others;

    return o ? o->mesh.gone_ms(o->mesh.arg, which) : UINT64_MAX;
}

unsigned nc_others_here(const struct nc_ai *ai)
{
    struct nc_id nodes[NODES_MAX];
    unsigned n = nodes_of(ai, nodes), here = 0;

    while (n-- > 0)
        here += nc_others_gone_ms(ai, &nodes[n]) == 0;
    return here;
}

/* As mesh/rendezvous has it for rooms: the highest digest is the first. */
static void digest_of(const struct nc_id *thing, const struct nc_id *node,
                      uint8_t out[NC_SHA256])
{
    struct nc_id both[2] = {*thing, *node};

    nc_sha256(both, sizeof(both), out);
}

bool nc_others_first(const struct nc_ai *ai, const struct nc_id *thing)
{
    struct nc_id nodes[NODES_MAX];
    unsigned n = nodes_of(ai, nodes);
    uint8_t ours[NC_SHA256], other[NC_SHA256];

    digest_of(thing, &ai->others->mesh.self, ours);
    while (n-- > 0) {
        digest_of(thing, &nodes[n], other);
        if (memcmp(other, ours, sizeof(ours)) > 0 &&
            nc_others_gone_ms(ai, &nodes[n]) < NC_GONE_MS)
            return false;
    }
    return true;
}

uint64_t nc_others_ms(const struct nc_ai *ai, uint64_t ms)
{
    return ai->others->mesh.pace ? ms / ai->others->mesh.pace + 1 : ms;
}

/* ---- words ------------------------------------------------------------------------- */

struct nc_json nc_others_word(struct nc_buf *b, const char *type)
{
    struct nc_json w = nc_json_to(b);

    nc_json_obj(&w);
    nc_json_kstr(&w, "type", nc_str(type));
    return w;
}

void nc_others_say(struct nc_ai *ai, const struct nc_id *to, struct nc_buf *b)
{
    static const struct nc_id all;
    struct nc_others *o = ai->others;
    struct nc_json w = {b, true};

    nc_json_obj_end(&w);
    if (!ai->closing)
        o->mesh.tell(o->mesh.arg, to ? to : &all, nc_buf_str(b));
    nc_buf_fini(b);
}

enum word { OPEN, YOURS, CAN, MINE, NOT, STOP, STOPPED, STOP_ROOM, ABLE };
static const char *const words[] = {
    [OPEN] = "open", [YOURS] = "yours", [CAN] = "can",         [MINE] = "mine",
    [NOT] = "not",   [STOP] = "stop",   [STOPPED] = "stopped", [STOP_ROOM] = "stop_room",
    [ABLE] = "able", [ABLE + 1] = NULL,
};

void nc_ai_mesh_came(struct nc_ai *ai) { nc_able_soon(ai); }

void nc_ai_mesh_told(struct nc_ai *ai, const struct nc_id *from, struct nc_str json)
{
    unsigned word;
    json_t *doc;

    if (ai->closing || !ai->others || nc_json_parse(json, &doc, NULL) != NC_OK)
        return;
    if (nc_json_need_word(doc, "type", words, &word, NULL) == NC_OK)
        switch ((enum word)word) {
        case OPEN: nc_help(ai, from, doc, false); break;
        case YOURS: nc_help(ai, from, doc, true); break;
        case CAN: nc_away_can(ai, from, doc); break;
        case MINE: nc_away_mine(ai, from, doc); break;
        case NOT: nc_away_not(ai, from, doc); break;
        case STOP: nc_stop_asked(ai, from, doc); break;
        case STOPPED: nc_stop_done(ai, doc); break;
        case STOP_ROOM: nc_stop_room_asked(ai, doc); break;
        case ABLE: nc_able_heard(ai, from, doc); break;
        }
    json_decref(doc); /* a word of a later version is none */
}

/* ---- what an answer says of itself --------------------------------------------------- */

bool nc_made_of(const struct nc_message *m, struct nc_made *out)
{
    struct nc_str by = NC_STR("");
    json_t *doc;
    bool ok;

    *out = (struct nc_made){0};
    if (m->sender_kind != NC_PERSONA || m->deleted || !m->ai.n ||
        nc_json_parse(m->ai, &doc, NULL) != NC_OK)
        return false;
    ok = nc_json_need_id(doc, "asked_message", &out->question, NULL) == NC_OK &&
         nc_json_opt_id(doc, "job", &out->job, NULL) == NC_OK &&
         nc_json_opt_str(doc, "asked_by", 0, 64, &by, NULL) == NC_OK;
    nc_people_copy(out->asked_by, sizeof(out->asked_by), by);
    json_decref(doc);
    return ok;
}

/* ---- what happens ------------------------------------------------------------------ */

void nc_others_answered(struct nc_ai *ai, const struct nc_message *m)
{
    struct nc_made made;

    if (!ai->others || !nc_made_of(m, &made))
        return;
    nc_watch_answered(ai, &made.question, &m->sender);
    nc_away_answered(ai, m, &made);
}

void nc_others_merged(struct nc_ai *ai, struct nc_room *r, const struct nc_message *m,
                      const struct nc_event *ev)
{
    struct nc_made made;
    uint64_t now = nc_wall_ms();

    if (!ai->others)
        return;
    if (nc_made_of(m, &made)) {
        nc_growing_merged(ai, m, &made, ev);
        nc_others_answered(ai, m);
        nc_twins_look(ai, m, &made);
    } else if (ev->kind == NC_EV_MESSAGE_CREATED && !m->deleted &&
               m->created_ms + NC_YOUNG_MS > now && m->created_ms < now + NC_YOUNG_MS) {
        nc_ai_heard(ai, r, m, &ev->origin);
    }
}

void nc_others_deleted(struct nc_ai *ai, const struct nc_id *message)
{
    if (!ai->others)
        return;
    nc_watch_deleted(ai, message);
    nc_growing_gone(ai, message);
}

static void on_tick(struct nc_deadline *d)
{
    struct nc_others *o = nc_of(d, struct nc_others, tick);
    bool watching = nc_watch_look(o->ai);
    bool growing = nc_growing_look(o->ai);

    if (watching || growing)
        nc_loop_deadline(o->ai->o.loop, d, nc_others_ms(o->ai, TICK_MS));
}

void nc_others_tick(struct nc_ai *ai)
{
    if (!ai->others->tick.due && !ai->closing)
        nc_loop_deadline(ai->o.loop, &ai->others->tick, nc_others_ms(ai, TICK_MS));
}

/* ---- what the last run left ---------------------------------------------------------- */

/* While this node was away another may have stood in for it. */
struct look {
    struct nc_query query;
    const struct nc_job_rec *rec;
    struct nc_id answer;
};

static void on_later(struct nc_query *q, const struct nc_row *row)
{
    struct look *x = nc_of(q, struct look, query);
    struct nc_made made;

    if (nc_id_eq(&row->message.sender, &x->rec->persona) &&
        nc_made_of(&row->message, &made) && nc_id_eq(&made.question, &x->rec->question))
        x->answer = row->message.id;
}

static bool is_answered(struct nc_job *j)
{
    struct nc_store *s = j->ai->o.chat->opts.store;
    struct look x = {.query = {.kind = NC_Q_HISTORY,
                               .room = j->kept.rec.room,
                               .after = j->kept.rec.question,
                               .limit = ANSWERS_READ,
                               .row = on_later},
                     .rec = &j->kept.rec};

    if (j->kept.rec.again || s->ops->read_now(s, &x.query) != NC_OK ||
        nc_id_zero(&x.answer))
        return false;
    j->kept.rec.message = x.answer;
    return true;
}

static void look_at_resumed(struct nc_ai *ai)
{
    nc_list_each(n, &ai->jobs) {
        struct nc_job *j = nc_of(n, struct nc_job, node);
        if (j->step != NC_STEP_WAITING)
            continue;
        if (is_answered(j))
            nc_job_drop(j, NC_JOB_DONE, NULL, NULL);
        else
            nc_away_ask_first(j);
    }
}

/* ---- made and freed ------------------------------------------------------------------ */

void nc_ai_mesh(struct nc_ai *ai, const struct nc_ai_mesh *m)
{
    struct nc_others *o = nc_alloc(sizeof(*o));

    o->ai = ai;
    o->mesh = *m;
    o->name = nc_str_dup(nc_str(m->name));
    o->mesh.name = o->name;
    o->tick.fire = on_tick;
    nc_list_init(&o->watched);
    nc_list_init(&o->growing);
    nc_list_init(&o->twins);
    nc_list_init(&o->able);
    nc_list_init(&o->stops);
    nc_list_init(&o->asked);
    ai->others = o;
    nc_growing_open(ai);
    nc_able_soon(ai);
    if (nc_others_any(ai))
        look_at_resumed(ai);
}

void nc_others_quiet(struct nc_ai *ai)
{
    nc_loop_deadline(ai->o.loop, &ai->others->tick, 0);
    nc_loop_deadline(ai->o.loop, &ai->others->able_due, 0);
}

void nc_others_free(struct nc_ai *ai)
{
    struct nc_others *o = ai->others;

    if (!o)
        return;
    nc_loop_deadline(ai->o.loop, &o->tick, 0);
    nc_watch_free(ai);
    nc_growing_free(ai);
    nc_able_free(ai);
    nc_twins_free(ai);
    nc_stops_free(ai);
    free(o->name);
    free(o);
    ai->others = NULL;
}
