/* Routes between three nodes of one process, whose sync is played: an envelope is who seals
 * it, for whom, and the frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/keyring.h"
#include "loop/loop.h"
#include "mesh/envelope.h"
#include "mesh/nodes.h"
#include "mesh/paths.h"
#include "mesh/sync.h"
#include "mesh/way_ws.h"
#include "wire/json.h"
#include "wire/problem.h"

enum { NODES = 3, WAYS_MAX = 16 };

/* ---- sync, played ------------------------------------------------------------------- */

struct nc_sync {
    struct nc_id self;
    struct nc_identity identity;
    struct nc_list hooks;
    struct nc_way *ways[WAYS_MAX];
    unsigned ways_n;
    uint64_t counter;
    struct nc_frame in;
    unsigned heard; /* ephemeral frames */
    char last[64];
    struct nc_id last_from;
    enum nc_way_kind last_by;
    unsigned rooms;
};

static struct nc_loop *loop;
static struct nc_identity keys[NODES];
static struct nc_id ids[NODES];

static const uint8_t *key_of(const struct nc_id *id)
{
    for (unsigned i = 0; i < NODES; i++)
        if (nc_id_eq(id, &ids[i]))
            return keys[i].key;
    return NULL;
}

void nc_sync_hook(struct nc_sync *s, struct nc_sync_hook *h)
{
    nc_list_add(&s->hooks, &h->node);
}

void nc_sync_unhook(struct nc_sync *s, struct nc_sync_hook *h)
{
    (void)s;
    nc_list_del(&h->node);
}

static void tell_way(struct nc_sync *s, struct nc_way *w, bool up)
{
    nc_list_each(it, &s->hooks) {
        struct nc_sync_hook *h = nc_of(it, struct nc_sync_hook, node);
        h->ops->way(h, w, up);
    }
}

static struct nc_sync_hook *hook_of(struct nc_sync *s)
{
    return nc_of(s->hooks.next, struct nc_sync_hook, node);
}

void nc_sync_way_up(struct nc_sync *s, struct nc_way *w)
{
    assert_true(s->ways_n < WAYS_MAX);
    assert_false(w->up);
    w->up = true;
    s->ways[s->ways_n++] = w;
    tell_way(s, w, true);
}

void nc_sync_way_down(struct nc_sync *s, struct nc_way *w, const char *why)
{
    unsigned i = 0;

    assert_non_null(why);
    if (!w->up)
        return;
    w->up = false;
    while (s->ways[i] != w)
        i++;
    s->ways[i] = s->ways[--s->ways_n];
    tell_way(s, w, false);
}

void nc_sync_way_room(struct nc_sync *s, struct nc_way *w)
{
    assert_true(w->up);
    s->rooms++;
}

enum nc_err nc_sync_seal(struct nc_sync *s, const struct nc_id *to,
                         const struct nc_frame *f, struct nc_buf *out)
{
    struct nc_buf payload = {0};

    enum nc_err e = nc_frame_add(&payload, f, NULL);
    if (e == NC_OK)
        nc_envelope_seal(&(struct nc_envelope){.sender = s->self,
                                               .receiver = *to,
                                               .epoch_ms = 1,
                                               .counter = ++s->counter,
                                               .wall_ms = 1,
                                               .payload = nc_buf_str(&payload)},
                         &s->identity, out);
    nc_buf_fini(&payload);
    return e;
}

enum nc_err nc_sync_send_by(struct nc_sync *s, struct nc_way *w, const struct nc_id *to,
                            const struct nc_frame *f)
{
    struct nc_buf out = {0};

    if (!w->up)
        return NC_ECLOSED;
    assert_true(nc_id_eq(to, &w->peer));
    enum nc_err e = nc_sync_seal(s, to, f, &out);
    if (e == NC_OK)
        e = w->ops->send(w, to, nc_buf_str(&out), false);
    nc_buf_fini(&out);
    return e;
}

void nc_sync_take(struct nc_sync *s, struct nc_way *w, struct nc_str envelope)
{
    struct nc_envelope e;
    enum nc_err err = NC_ENOENT;

    for (unsigned i = 0; i < NODES && err != NC_OK; i++)
        if (!nc_id_eq(&ids[i], &s->self))
            err = nc_envelope_open(envelope, &ids[i], key_of(&ids[i]), &s->self, &e, NULL);
    assert_int_equal(err, NC_OK);
    assert_int_equal(nc_frame_parse(e.payload, NULL, &s->in, NULL), NC_OK);
    assert_true(nc_id_eq(&w->peer, &e.sender)); /* a way to it is a way from it */
    w->in++;
    if (s->in.type == NC_FRAME_EPHEMERAL) {
        s->heard++;
        s->last_from = e.sender;
        s->last_by = w->kind;
        snprintf(s->last, sizeof s->last, "%.*s", NC_FMT(s->in.ephemeral.json));
        return;
    }
    hook_of(s)->ops->frame(hook_of(s), w, &e.sender, &s->in);
}

bool nc_sync_is_from(struct nc_sync *s, const struct nc_id *by, const struct nc_id *from,
                     struct nc_str envelope)
{
    struct nc_envelope e;

    (void)by;
    return nc_envelope_open(envelope, from, key_of(from), &s->self, &e, NULL) == NC_OK;
}

void nc_sync_ways(struct nc_sync *s, const struct nc_id *peer,
                  void (*fn)(void *arg, struct nc_way *w), void *arg)
{
    for (unsigned i = 0; i < s->ways_n; i++)
        if (nc_id_eq(&s->ways[i]->peer, peer))
            fn(arg, s->ways[i]);
}

void nc_way_ws_lost(struct nc_way_ws *w,
                    void (*fn)(void *arg, const struct nc_way_ws_lost *at), void *arg)
{
    (void)w, (void)fn, (void)arg;
}

/* ---- cables -------------------------------------------------------------------------- */

/* What is sent at one end comes out of the other in the next turn, unless it is cut. */
struct cable {
    struct nc_way way;
    struct nc_task task;
    struct cable *other;
    struct nc_sync *at;
    struct nc_list going;
    bool cut, full;
};

struct parcel {
    struct nc_list node;
    size_t n;
    char bytes[];
};

static void on_arrive(struct nc_task *t)
{
    struct cable *c = nc_of(t, struct cable, task);
    struct nc_list *it;

    while ((it = nc_list_pop(&c->going))) {
        struct parcel *p = nc_of(it, struct parcel, node);
        if (!c->cut && c->other->way.up)
            nc_sync_take(c->other->at, &c->other->way, (struct nc_str){p->bytes, p->n});
        free(p);
    }
}

static enum nc_err on_send(struct nc_way *w, const struct nc_id *to, struct nc_str envelope,
                           bool keep)
{
    struct cable *c = nc_of(w, struct cable, way);

    (void)to, (void)keep;
    if (c->full)
        return NC_AGAIN;
    struct parcel *p = nc_alloc(sizeof *p + envelope.n);
    p->n = envelope.n;
    memcpy(p->bytes, envelope.p, envelope.n);
    nc_list_add(&c->going, &p->node);
    nc_loop_defer(loop, &c->task);
    return NC_OK;
}

static const struct nc_way_ops cable_ops = {on_send};

struct world {
    struct nc_sync sync[NODES];
    struct nc_nodes *nodes[NODES];
    struct nc_paths *paths[NODES];
    struct cable cable[NODES][NODES];
    char file[NODES][64];
    bool (*until)(struct world *w);
    struct nc_deadline look;
    unsigned looks;
};

static void plug(struct world *w, unsigned a, unsigned b)
{
    for (unsigned i = 0; i < 2; i++, a ^= b, b ^= a, a ^= b) {
        struct cable *c = &w->cable[a][b];
        c->way.ops = &cable_ops;
        c->way.kind = NC_WAY_LAN;
        c->way.peer = ids[b];
        snprintf(c->way.where, sizeof c->way.where, "cable %u-%u", a, b);
        c->task.run = on_arrive;
        c->other = &w->cable[b][a];
        c->at = &w->sync[a];
        nc_list_init(&c->going);
    }
    nc_sync_way_up(&w->sync[a], &w->cable[a][b].way);
    nc_sync_way_up(&w->sync[b], &w->cable[b][a].way);
}

static void unplug(struct world *w, unsigned a, unsigned b)
{
    nc_sync_way_down(&w->sync[a], &w->cable[a][b].way, "unplugged");
    nc_sync_way_down(&w->sync[b], &w->cable[b][a].way, "unplugged");
}

static struct nc_way *best(struct world *w, unsigned from, unsigned to)
{
    struct nc_sync_hook *h = hook_of(&w->sync[from]);

    return h->ops->pick(h, &ids[to]);
}

static void pin(struct world *w, unsigned at, unsigned who)
{
    struct nc_card card = {.id = ids[who]};
    struct nc_problem why;

    memcpy(card.key, keys[who].key, sizeof card.key);
    snprintf(card.name, sizeof card.name, "node%u", who);
    struct nc_keyring *ring;
    assert_int_equal(nc_keyring_new(&ring), NC_OK);
    nc_keyring_jwks(ring, &card.jwks);
    nc_keyring_free(ring);
    assert_int_equal(nc_nodes_pin(w->nodes[at], &card, 0, &why), NC_OK);
}

static int begin(void **state)
{
    struct world *w = nc_alloc(sizeof *w);

    assert_int_equal(nc_loop_new(&loop), NC_OK);
    for (unsigned i = 0; i < NODES; i++) {
        nc_identity_make(&keys[i]);
        ids[i] =
            (struct nc_id){{0x01, 0x94, [6] = 0x70, [8] = 0x80, [15] = (uint8_t)(i + 1)}};
    }
    for (unsigned i = 0; i < NODES; i++) {
        struct nc_sync *s = &w->sync[i];
        s->self = ids[i];
        s->identity = keys[i];
        nc_list_init(&s->hooks);
        snprintf(w->file[i], sizeof w->file[i], "/tmp/nc-paths-%d-%u.json", (int)getpid(),
                 i);
        assert_int_equal(
            nc_nodes_open(&w->nodes[i], &(struct nc_nodes_opts){.path = w->file[i],
                                                                .self = ids[i],
                                                                .identity = &keys[i],
                                                                .name = "self"}),
            NC_OK);
        for (unsigned k = 0; k < NODES; k++)
            if (k != i)
                pin(w, i, k);
        w->paths[i] = nc_paths_new(&(struct nc_paths_opts){
            .loop = loop, .sync = s, .nodes = w->nodes[i], .self = ids[i]});
    }
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;

    nc_loop_deadline(loop, &w->look, 0);
    for (unsigned i = 0; i < NODES * NODES; i++)
        w->cable[i / NODES][i % NODES].cut = true;
    for (unsigned i = 0; i < NODES; i++) {
        nc_paths_free(w->paths[i]);
        assert_true(w->sync[i].ways_n <= NODES - 1); /* no relay is left */
        nc_nodes_free(w->nodes[i]);
        nc_frame_fini(&w->sync[i].in);
        unlink(w->file[i]);
    }
    nc_loop_settle(loop);
    nc_loop_free(loop);
    free(w);
    return 0;
}

static void on_look(struct nc_deadline *d)
{
    struct world *w = nc_of(d, struct world, look);

    if (w->until(w)) {
        nc_loop_stop(loop);
        return;
    }
    assert_true(++w->looks < 6000); /* a minute */
    nc_loop_deadline(loop, d, 10);
}

static void wait_for(struct world *w, bool (*until)(struct world *w))
{
    w->until = until;
    w->looks = 0;
    w->look.fire = on_look;
    nc_loop_deadline(loop, &w->look, 1);
    nc_loop_run(loop);
}

static void tell(struct world *w, unsigned from, unsigned to, const char *text)
{
    struct nc_frame *f = nc_alloc(sizeof *f);
    struct nc_way *by = best(w, from, to);

    assert_non_null(by);
    f->type = NC_FRAME_EPHEMERAL;
    f->ephemeral.what = NC_EPHEMERAL_TYPING;
    f->ephemeral.json = nc_str(text);
    assert_int_equal(nc_sync_send_by(&w->sync[from], by, &ids[to], f), NC_OK);
    free(f);
}

/* ---- tests ----------------------------------------------------------------- */

static bool measured(struct world *w, unsigned from, unsigned to, const char *state)
{
    struct nc_buf b = {0}, name = {0};
    struct nc_json j = nc_json_to(&b);
    bool found = false;

    nc_json_obj(&j);
    nc_paths_json(w->paths[from], NULL, &j);
    nc_json_obj_end(&j);
    json_t *o = json_loadb(b.p, b.n, 0, NULL), *r;
    size_t i;
    nc_buf_printf(&name, "node%u", to);
    nc_buf_addc(&name, '\0');
    json_array_foreach(json_object_get(o, "routes"), i, r)
    {
        if (strcmp(json_string_value(json_object_get(r, "name")), name.p) == 0 &&
            strcmp(json_string_value(json_object_get(r, "kind")), state) == 0 &&
            json_object_get(r, "rtt_us"))
            found = true;
    }
    json_decref(o);
    nc_buf_fini(&b), nc_buf_fini(&name);
    return found;
}

static bool both_measured(struct world *w)
{
    return measured(w, 0, 1, "lan") && measured(w, 1, 0, "lan");
}

static void a_way_is_measured_at_both_ends(void **state)
{
    struct world *w = *state;

    assert_null(best(w, 0, 1));
    plug(w, 0, 1);
    wait_for(w, both_measured);
    assert_ptr_equal(best(w, 0, 1), &w->cable[0][1].way);
    unplug(w, 0, 1);
    assert_null(best(w, 0, 1));
}

static bool reach_over_the_third(struct world *w)
{
    return measured(w, 0, 2, "relay") && measured(w, 2, 0, "relay");
}

static bool ends_heard(struct world *w) { return w->sync[0].heard && w->sync[2].heard; }

static void who_is_not_reached_is_reached_over_a_third(void **state)
{
    struct world *w = *state;

    plug(w, 0, 1);
    plug(w, 1, 2);
    wait_for(w, reach_over_the_third);
    tell(w, 0, 2, "{\"to\":2}");
    tell(w, 2, 0, "{\"to\":0}");
    wait_for(w, ends_heard);
    assert_string_equal(w->sync[2].last, "{\"to\":2}");
    assert_true(nc_id_eq(&w->sync[2].last_from, &ids[0]));
    assert_int_equal(w->sync[2].last_by, NC_WAY_RELAY);
    assert_string_equal(w->sync[0].last, "{\"to\":0}");
    assert_int_equal(w->sync[1].heard, 0); /* it has only carried */

    /* What is direct is better, as soon as it is there. */
    plug(w, 0, 2);
    nc_loop_settle(loop);
}

static bool direct(struct world *w)
{
    struct nc_way *by = best(w, 0, 2);
    return by && by->kind == NC_WAY_LAN;
}

static bool over_the_third(struct world *w)
{
    struct nc_way *by = best(w, 0, 2);
    return by && by->kind == NC_WAY_RELAY;
}

static void a_way_that_goes_is_replaced_by_a_detour(void **state)
{
    struct world *w = *state;

    plug(w, 0, 1);
    plug(w, 1, 2);
    plug(w, 0, 2);
    wait_for(w, direct);
    unplug(w, 0, 2);
    wait_for(w, over_the_third);
}

static bool none_left(struct world *w) { return !best(w, 0, 2) && !best(w, 2, 0); }

static void a_detour_goes_with_its_carrier(void **state)
{
    struct world *w = *state;

    plug(w, 0, 1);
    plug(w, 1, 2);
    wait_for(w, reach_over_the_third);
    unplug(w, 1, 2);
    wait_for(w, none_left);
}

static void nothing_is_carried_for_others_but_what_they_sealed(void **state)
{
    struct world *w = *state;
    struct nc_frame *f = nc_alloc(sizeof *f);
    struct nc_buf sealed = {0}, text = {0};

    plug(w, 0, 1);
    plug(w, 1, 2);
    wait_for(w, reach_over_the_third);
    uint64_t before = w->cable[1][2].other->way.in;
    /* Something that node 2 sealed, given to 1 by 0; and what is no envelope. */
    f->type = NC_FRAME_ERROR;
    f->error.code = NC_STR("x");
    assert_int_equal(nc_sync_seal(&w->sync[2], &ids[0], f, &sealed), NC_OK);
    f->type = NC_FRAME_RELAY;
    f->relay.to = ids[2];
    f->relay.envelope = nc_buf_str(&sealed);
    hook_of(&w->sync[1])->ops->frame(hook_of(&w->sync[1]), &w->cable[1][0].way, &ids[0], f);
    f->relay.envelope = NC_STR("garbage");
    hook_of(&w->sync[1])->ops->frame(hook_of(&w->sync[1]), &w->cable[1][0].way, &ids[0], f);
    f->relay.to = ids[1];
    hook_of(&w->sync[1])->ops->frame(hook_of(&w->sync[1]), &w->cable[1][0].way, &ids[0], f);
    nc_loop_settle(loop);
    assert_true(w->cable[1][2].other->way.in <= before + 4); /* probes */
    nc_paths_metrics(w->paths[1], &text);
    nc_buf_addc(&text, '\0');
    assert_non_null(strstr(text.p, "neuralchat_mesh_relay_dropped_total 3\n"));
    nc_buf_fini(&sealed), nc_buf_fini(&text);
    free(f);
}

static unsigned long dropped(struct nc_paths *p)
{
    static const char name[] = "\nneuralchat_mesh_relay_dropped_total ";
    struct nc_buf text = {0};

    nc_paths_metrics(p, &text);
    nc_buf_addc(&text, '\0');
    unsigned long n = strtoul(strstr(text.p, name) + sizeof(name) - 1, NULL, 10);
    nc_buf_fini(&text);
    return n;
}

/* Who passes on what looks like another's makes no way to that one. */
static void a_detour_is_used_once_its_end_has_spoken(void **state)
{
    struct world *w = *state;
    struct nc_frame *f = nc_alloc(sizeof *f);
    struct nc_buf forged = {0}, sealed = {0};
    struct nc_sync_hook *hook = hook_of(&w->sync[0]);

    plug(w, 0, 1);
    wait_for(w, both_measured);
    unsigned before = w->sync[0].ways_n;
    nc_envelope_seal(&(struct nc_envelope){.sender = ids[2],
                                           .receiver = ids[0],
                                           .epoch_ms = 1,
                                           .counter = 1000,
                                           .wall_ms = 1,
                                           .payload = NC_STR("x")},
                     &keys[1], &forged);
    f->type = NC_FRAME_RELAY;
    f->relay.to = ids[0];
    f->relay.envelope = nc_buf_str(&forged);
    hook->ops->frame(hook, &w->cable[0][1].way, &ids[1], f);
    unsigned long lost = dropped(w->paths[0]);
    nc_loop_settle(loop);
    assert_int_equal(w->sync[0].ways_n, before);
    assert_int_equal(dropped(w->paths[0]), lost + 1);
    f->type = NC_FRAME_PROBE;
    f->probe = 7;
    assert_int_equal(nc_sync_seal(&w->sync[2], &ids[0], f, &sealed), NC_OK);
    f->type = NC_FRAME_RELAY;
    f->relay.to = ids[0];
    f->relay.envelope = nc_buf_str(&sealed);
    hook->ops->frame(hook, &w->cable[0][1].way, &ids[1], f);
    nc_loop_settle(loop);
    assert_int_equal(w->sync[0].ways_n, before + 1);
    nc_buf_fini(&forged), nc_buf_fini(&sealed);
    free(f);
}

static void what_finds_no_room_is_said(void **state)
{
    static char much[60000];
    struct world *w = *state;
    struct nc_frame *f = nc_alloc(sizeof *f);
    enum nc_err e = NC_OK;
    unsigned n = 0;

    plug(w, 0, 1);
    plug(w, 1, 2);
    wait_for(w, reach_over_the_third);
    struct nc_way *by = best(w, 0, 2);
    assert_int_equal(by->kind, NC_WAY_RELAY);
    w->cable[0][1].full = true;
    memset(much, ' ', sizeof much);
    much[0] = '{', much[sizeof much - 1] = '}';
    f->type = NC_FRAME_EPHEMERAL;
    f->ephemeral.what = NC_EPHEMERAL_TYPING;
    f->ephemeral.json = (struct nc_str){much, sizeof much};
    for (; e == NC_OK; n++)
        e = nc_sync_send_by(&w->sync[0], by, &ids[2], f);
    assert_int_equal(e, NC_AGAIN);
    assert_in_range(n, 10, 1 + NC_PATHS_QUEUE_MAX / sizeof much);
    nc_loop_settle(loop);
    assert_int_equal(w->sync[0].rooms, 0);
    w->cable[0][1].full = false;
    hook_of(&w->sync[0])->ops->room(hook_of(&w->sync[0]), &ids[1]);
    nc_loop_settle(loop);
    assert_int_equal(w->sync[0].rooms, 1);
    assert_int_equal(w->sync[2].heard, n - 1);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, begin, end)
        TEST(a_way_is_measured_at_both_ends),
        TEST(who_is_not_reached_is_reached_over_a_third),
        TEST(a_way_that_goes_is_replaced_by_a_detour),
        TEST(a_detour_goes_with_its_carrier),
        TEST(nothing_is_carried_for_others_but_what_they_sealed),
        TEST(a_detour_is_used_once_its_end_has_spoken),
        TEST(what_finds_no_room_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
