/*
 * Segments, introductions and pieces of a node that is trusted and means harm, against a
 * whole intake over a chat and a store in memory.
 *
 * The input is a script: a byte says what comes, then what of it.  Segments are signed by
 * the node's key, so that the fuzzer gets behind the signature; some are spoilt afterwards.
 * Whatever comes: nothing crashes, what counts as taken is what the store has, memory stays
 * in its bounds, and another node's log is taken as if nothing were.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "chat/merge.h"
#include "crypto/hash.h"
#include "loop/loop.h"
#include "mesh/intake.h"
#include "mesh/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NEED(what)            \
    do {                      \
        if (!(what))          \
            __builtin_trap(); \
    } while (0)

enum { EVIL, GOOD, LOGS };

struct world {
    struct nc_loop *loop;
    struct nc_store *store;
    struct nc_chat *chat;
    struct nc_intake *in;
    struct nc_task stop;
    uint64_t next[LOGS];
    uint8_t chain[LOGS][NC_SHA256];
};

static struct nc_identity self, key[LOGS];
static const struct nc_id me = {{1}}, node[LOGS] = {{{2}}, {{3}}};
static const struct nc_id log_of[LOGS] = {{{4, [15] = 1}}, {{5, [15] = 2}}};

static const uint8_t *key_of(void *arg, const struct nc_id *id)
{
    (void)arg;
    for (unsigned i = 0; i < LOGS; i++)
        if (nc_id_eq(id, &node[i]))
            return key[i].key;
    return NULL;
}

static enum nc_err ask(void *arg, const struct nc_id *peer, const struct nc_id *origin,
                       uint64_t origin_seq, uint64_t at)
{
    (void)arg, (void)peer, (void)origin, (void)origin_seq;
    return at & 1 ? NC_ECLOSED : NC_OK;
}

static void on_stop(struct nc_task *t) { nc_loop_stop(nc_of(t, struct world, stop)->loop); }

static void settle(struct world *w)
{
    for (unsigned i = 0; i < 6; i++) {
        nc_loop_defer(w->loop, &w->stop);
        nc_loop_run(w->loop);
    }
}

static void introduce(struct world *w, unsigned who)
{
    struct nc_origins o = {.n = 1};

    o.at[0] = (struct nc_origin){.node = node[who], .origin = log_of[who], .hlc = 1};
    nc_origin_sign(&o.at[0], &key[who]);
    nc_intake_origins(w->in, &node[who], &o);
    nc_chain_begin(&node[who], &log_of[who], w->chain[who]);
    w->next[who] = 1;
}

static void up(struct world *w)
{
    struct nc_chat_opts chat = {.cheap_passwords = true, .limits = nc_limits_default};
    struct nc_intake_opts o = {.identity = &self, .self = me, .key_of = key_of, .ask = ask};

    w->stop.run = on_stop;
    NEED(nc_loop_new(&w->loop) == NC_OK);
    NEED(nc_store_open(&w->store, w->loop, "mem:", NULL) == NC_OK);
    chat.loop = w->loop;
    chat.store = w->store;
    NEED((w->chat = nc_chat_new(&chat)) != NULL);
    o.loop = w->loop;
    o.chat = w->chat;
    NEED(nc_intake_new(&w->in, &o) == NC_OK);
    introduce(w, EVIL);
    introduce(w, GOOD);
    settle(w);
}

static void down(struct world *w)
{
    nc_intake_stop(w->in);
    w->store->ops->close(w->store);
    nc_intake_free(w->in);
    nc_chat_free(w->chat);
    nc_loop_free(w->loop);
}

/* Small numbers, so that things refer to one another. */
static struct nc_id any_id(struct nc_unpack *u)
{
    struct nc_id id = {{1, 0x94, 0x20, [6] = 0x70, [8] = 0x80}};

    id.b[15] = (uint8_t)(nc_unpack_be(u, 1) % 8);
    return id;
}

static void any_row(struct nc_unpack *u, struct nc_mesh_row *row)
{
    struct nc_event *ev = &row->ev;
    unsigned bits = (unsigned)nc_unpack_be(u, 1);

    ev->kind = (enum nc_event_kind)nc_unpack_be(u, 1);
    ev->audience = (enum nc_audience)(bits & 3);
    ev->hlc = bits & 4 ? nc_unpack_be(u, 8) : (uint64_t)1767225600000u << 12;
    ev->ref = any_id(u);
    ev->to = bits & 8 ? ev->ref : any_id(u);
    ev->subject = any_id(u);
    ev->actor = any_id(u);
    ev->reason = (uint32_t)nc_unpack_be(u, 1);
    row->hash_only = (bits & 0x70) == 0x70;
    if (!(bits & 0x10))
        return;
    row->is = bits & 0x20 ? NC_RECORD_LARGE : NC_RECORD_HERE;
    row->record = nc_unpack_str(u, 4096);
    row->size = row->record.n;
    if (!(bits & 0x80))
        nc_sha256(row->record.p, row->record.n, ev->body_hash);
}

static void segment(struct world *w, struct nc_unpack *u)
{
    static struct nc_mesh_segment s;
    unsigned how = (unsigned)nc_unpack_be(u, 1);
    uint8_t head[NC_SHA256];
    const char *why = NULL;

    memset(&s, 0, sizeof s);
    s.node = node[EVIL];
    s.origin = log_of[EVIL];
    s.first = how & 1 ? 1 + nc_unpack_be(u, 1) : w->next[EVIL];
    s.n = 1 + how / 2 % 4;
    s.has_prev = true;
    memcpy(s.prev, w->chain[EVIL], sizeof s.prev);
    if (s.first == 1)
        nc_chain_begin(&s.node, &s.origin, s.prev);
    for (unsigned i = 0; i < s.n; i++) {
        any_row(u, &s.rows[i]);
        s.rows[i].ev.origin = s.origin;
        s.rows[i].ev.origin_seq = s.first + i;
        if (s.rows[i].hash_only)
            nc_row_hash(&s.rows[i].ev, s.rows[i].hash);
    }
    if (nc_segment_sign(&s, &key[EVIL], head, &why) != NC_OK)
        return;
    if ((how & 0x30) == 0x30)
        s.sig[how & 0x0f] ^= 1;
    if ((how & 0xc0) == 0xc0)
        s.has_prev = false;
    if (nc_intake_segment(w->in, &node[how >> 7], &s, &why) == NC_OK &&
        s.first == w->next[EVIL]) {
        w->next[EVIL] += s.n;
        memcpy(w->chain[EVIL], head, sizeof head);
    }
    NEED(why || s.n);
}

/* What the other one says is taken, whatever happens around it. */
static void good(struct world *w)
{
    static struct nc_mesh_segment s;
    const char *why = "";

    memset(&s, 0, sizeof s);
    s.node = node[GOOD];
    s.origin = log_of[GOOD];
    s.first = w->next[GOOD]++;
    s.n = 1;
    s.has_prev = true;
    memcpy(s.prev, w->chain[GOOD], sizeof s.prev);
    s.rows[0].ev = (struct nc_event){.origin = s.origin,
                                     .origin_seq = s.first,
                                     .hlc = (uint64_t)1767225600000u << 12,
                                     .kind = NC_EV_READ};
    NEED(nc_segment_sign(&s, &key[GOOD], w->chain[GOOD], &why) == NC_OK);
    NEED(nc_intake_segment(w->in, &node[GOOD], &s, &why) == NC_OK);
}

static void step(struct world *w, struct nc_unpack *u)
{
    struct nc_str bytes;
    uint64_t at, size;

    switch (nc_unpack_be(u, 1) % 8) {
    case 0: good(w); break;
    case 1: settle(w); break;
    case 2:
        at = nc_unpack_be(u, 1);
        size = nc_unpack_be(u, 1);
        bytes = nc_unpack_str(u, 255);
        nc_intake_piece(w->in, &node[EVIL], &log_of[EVIL], 1 + nc_unpack_be(u, 1), at, size,
                        bytes);
        break;
    case 3: (void)nc_intake_accept(w->in, &node[EVIL]); break;
    case 4: nc_intake_forget(w->in, &node[EVIL]); break;
    default: segment(w, u); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static bool begun;
    struct nc_unpack u = {.in = {(const char *)data, n}};
    struct world w = {0};

    if (!begun) {
        nc_crypto_init();
        nc_log_level(NC_ERROR);
        nc_identity_make(&self);
        for (unsigned i = 0; i < LOGS; i++)
            nc_identity_make(&key[i]);
        begun = true;
    }
    up(&w);
    for (unsigned i = 0; i < 40 && u.in.n && !u.bad; i++)
        step(&w, &u);
    good(&w);
    settle(&w);
    NEED(nc_vector_get(nc_intake_vector(w.in), &log_of[GOOD]) == w.next[GOOD] - 1);
    NEED(nc_vector_get(nc_intake_vector(w.in), &log_of[EVIL]) ==
         nc_chat_merged(w.chat, &log_of[EVIL]));
    NEED(nc_intake_stats(w.in).bytes < 1 << 20);
    down(&w);
    return 0;
}
