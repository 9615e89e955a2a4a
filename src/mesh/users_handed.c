/*
 * What was handed over to a broker, and what of it the broker has.
 *
 * How far a broker is, it keeps itself, in n/<self>/rendered: one that died and came back
 * with yesterday's messages has yesterday's mark as well, and gets what came since once
 * more.  Events have ids; what is told twice is one event.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "chat/live/cursor.h"
#include "mesh/users_parts.h"
#include "wire/json.h"
#include "wire/json_in.h"

enum { TELL_MS = 1000 /* between two marks of how far a broker is */ };

struct nc_user_sent {
    uint64_t seq, origin_seq;
    struct nc_id origin; /* its short id */
    bool acked;
};

/* ---- origins -------------------------------------------------------------- */

/* Event ids carry the last eight bytes of an origin: as an id that is all of it. */
struct nc_id nc_render_origin(const struct nc_id *origin)
{
    struct nc_id out = {{0}};

    memcpy(out.b + 8, origin->b + 8, 8);
    return out;
}

static struct nc_str event_id_in(struct nc_str json)
{
    static const char mark[] = "\"event_id\":\"";
    const char *at = memmem(json.p, json.n < 256 ? json.n : 256, mark, sizeof mark - 1);
    struct nc_str rest = {NULL, 0};

    if (!at)
        return rest;
    at += sizeof mark - 1;
    rest = (struct nc_str){at, (size_t)(json.p + json.n - at)};
    return nc_str_cut(&rest, '"');
}

static struct nc_user_sent sent_of(uint64_t seq, struct nc_str event_id)
{
    struct nc_user_sent s = {.seq = seq};
    struct nc_str n = event_id, text = nc_str_cut(&n, ':');
    size_t bytes;

    if (nc_b64url_decode(text, s.origin.b + 8, 8, &bytes) != NC_OK || bytes != 8 ||
        nc_str_u64(n, INT64_MAX, &s.origin_seq) != NC_OK)
        s.origin_seq = 0;
    return s;
}

/* ---- handing over --------------------------------------------------------- */

static void push(struct nc_user_render *r, const struct nc_user_sent *s)
{
    if (r->sent_n == r->sent_cap) {
        uint32_t cap = r->sent_cap ? r->sent_cap * 2 : 64;
        struct nc_user_sent *more = nc_alloc(cap * sizeof *more);
        for (uint32_t i = 0; i < r->sent_n; i++)
            more[i] = r->sent[(r->sent_at + i) % r->sent_cap];
        free(r->sent);
        r->sent = more;
        r->sent_at = 0;
        r->sent_cap = cap;
    }
    r->sent[(r->sent_at + r->sent_n++) % r->sent_cap] = *s;
}

enum nc_err nc_render_hand_over(struct nc_user_end *e, struct nc_str topic, uint64_t seq,
                                struct nc_str json)
{
    struct nc_user_render *r = &e->render;
    struct nc_str id = event_id_in(json);
    struct nc_mqtt_out m = {.topic = topic,
                            .payload = json,
                            .qos = 1,
                            .event = id,
                            .tag = r->first + r->sent_n};
    enum nc_err err = nc_users_publish(e, &m);

    if (err == NC_OK) {
        struct nc_user_sent s = sent_of(seq, id);
        push(r, &s);
        e->users->stats.events++;
    } else if (err == NC_ELIMIT || err == NC_EINVAL) {
        nc_log(NC_WARN, "users.unrendered", "seq=%llu error=%s", (unsigned long long)seq,
               nc_strerr(err));
        return NC_OK; /* it never will be */
    }
    return err;
}

/* ---- how far a broker is -------------------------------------------------- */

void nc_render_tell(struct nc_user_end *e)
{
    struct nc_user_render *r = &e->render;
    struct nc_users *u = e->users;
    struct nc_buf cursor = {0}, vector = {0}, json = {0};
    struct nc_json j = nc_json_to(&json);

    if (!e->up || !r->known || r->acked == r->told)
        return;
    nc_cursor_add(&cursor, &u->chat->opts.store->info.incarnation, r->acked);
    nc_vector_add(&vector, r->have);
    nc_json_obj(&j);
    nc_json_kstr(&j, "cursor", nc_buf_str(&cursor));
    nc_json_kstr(&j, "vector", nc_buf_str(&vector));
    nc_json_kuint(&j, "at", nc_wall_ms());
    nc_json_obj_end(&j);
    struct nc_mqtt_out m = {.topic = nc_users_own_topic(u, NC_STR("rendered")),
                            .payload = nc_buf_str(&json),
                            .qos = 1,
                            .retain = true};
    if (nc_users_publish(e, &m) == NC_OK)
        r->told = r->acked;
    nc_buf_fini(&cursor);
    nc_buf_fini(&vector);
    nc_buf_fini(&json);
}

static void tell_soon(struct nc_user_end *e)
{
    struct nc_user_render *r = &e->render;

    if (r->acked != r->told && !r->tell.due)
        nc_loop_deadline(e->users->o.loop, &r->tell, TELL_MS);
}

/* Where nothing is on its way, all that was handed over is there. */
void nc_render_settle(struct nc_user_end *e)
{
    struct nc_user_render *r = &e->render;

    if (!r->sent_n && r->pos > r->acked)
        r->acked = r->pos;
    tell_soon(e);
}

void nc_render_acked(struct nc_user_end *e, uint64_t tag)
{
    struct nc_user_render *r = &e->render;

    if (tag < r->first || tag >= r->first + r->sent_n)
        return;
    r->sent[(r->sent_at + (uint32_t)(tag - r->first)) % r->sent_cap].acked = true;
    while (r->sent_n && r->sent[r->sent_at].acked) {
        struct nc_user_sent *s = &r->sent[r->sent_at];
        /* The one behind it may be of the same position, or be still to come. */
        bool whole = r->sent_n == 1 ? s->seq <= r->pos
                                    : r->sent[(r->sent_at + 1) % r->sent_cap].seq > s->seq;
        if (whole && s->origin_seq &&
            nc_vector_raise(r->have, &s->origin, s->origin_seq) != NC_OK)
            nc_log(NC_WARN, "users.origins", "max=%d", NC_VECTOR_MAX);
        if (whole && s->seq > r->acked)
            r->acked = s->seq;
        r->sent_at = (r->sent_at + 1) % r->sent_cap;
        r->sent_n--;
        r->first++;
    }
    nc_render_settle(e);
    if (r->state == NC_RENDER_LIVE)
        nc_told_soon(e->users);
    else if (r->state == NC_RENDER_STALLED && !r->full &&
             r->sent_n <= NC_RENDER_UNDER_WAY / 2)
        nc_users_soon(e->users);
}

/* What it knows of how far it is.  node: NULL for our own mark. */
void nc_render_rendered(struct nc_user_end *e, const struct nc_id *node,
                        struct nc_str payload)
{
    struct nc_user_render *r = &e->render;
    struct nc_vector *v;
    struct nc_str cursor, vector;
    int64_t at;
    uint64_t seq;
    json_t *doc;

    if (!node && e->ready) /* what we said ourselves */
        return;
    if (nc_json_parse(payload, &doc, NULL) != NC_OK)
        return;
    v = nc_alloc(sizeof *v);
    if (nc_json_need_str(doc, "cursor", 1, 1024, &cursor, NULL) == NC_OK &&
        nc_json_need_str(doc, "vector", 0, 32768, &vector, NULL) == NC_OK &&
        nc_json_need_int(doc, "at", 0, INT64_MAX, &at, NULL) == NC_OK &&
        nc_vector_parse(vector, v, NULL) == NC_OK) {
        if (node) {
            r->others = true;
            if (nc_vector_merge(r->have, v) != NC_OK)
                nc_log(NC_WARN, "users.origins", "max=%d", NC_VECTOR_MAX);
        } else if (nc_cursor_parse(cursor, &e->users->chat->opts.store->info.incarnation,
                                   &seq) == NC_CURSOR_OURS) {
            r->kept = seq;
            r->kept_ms = (uint64_t)at;
        } else {
            r->kept_foreign = true;
        }
    }
    free(v);
    json_decref(doc);
}
