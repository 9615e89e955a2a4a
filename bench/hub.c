/*
 * What the hub itself costs per delivery: both passes, with a listener that only
 * counts.  Prints nanoseconds; the floor beside it is a plain walk over the listeners
 * that calls the same function.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/live/hub.h"
#include "chat/rooms/room.h"
#include "loop/loop.h"

struct sink {
    struct nc_listener l;
    struct nc_user user;
    uint64_t bytes;
    char conn[512]; /* what a connection would have beside it */
};

static uint64_t delivered;

static void on_deliver(struct nc_listener *l, struct nc_blob **frames, unsigned n)
{
    struct sink *s = nc_of(l, struct sink, l);
    for (unsigned i = 0; i < n; i++)
        s->bytes += frames[i]->n;
    delivered++;
}

static size_t on_queued(struct nc_listener *l)
{
    return (size_t)nc_of(l, struct sink, l)->conn[0];
}

static void on_end(struct nc_listener *l, unsigned code, const char *reason)
{
    (void)l, (void)code, (void)reason;
}

static void on_resync(struct nc_listener *l) { (void)l; }

static const struct nc_listener_ops ops = {on_deliver, on_queued, on_end, NULL, on_resync};

struct bench {
    struct nc_loop *loop;
    struct nc_store store;
    struct nc_chat chat;
    struct nc_task stop;
    struct nc_room *rooms;
    struct nc_member *members;
    struct sink *sinks;
    unsigned rooms_n, per_room, per_turn;
    uint64_t seq;
};

static void on_stop(struct nc_task *t) { nc_loop_stop(nc_of(t, struct bench, stop)->loop); }

static void turn(struct bench *b)
{
    nc_loop_defer(b->loop, &b->stop);
    nc_loop_run(b->loop);
}

static void set_up(struct bench *b)
{
    unsigned n = b->rooms_n * b->per_room;

    b->stop.run = on_stop;
    b->store.info.incarnation = nc_id_random();
    b->chat.opts.loop = b->loop;
    b->chat.opts.store = &b->store;
    b->chat.opts.limits.queue_max = 1 << 20;
    b->chat.opts.limits.queue_total_max = 64 << 20;
    nc_list_init(&b->chat.observers);
    b->chat.hub = nc_hub_new(&b->chat);
    b->rooms = nc_alloc(b->rooms_n * sizeof *b->rooms);
    b->members = nc_alloc(n * sizeof *b->members);
    b->sinks = nc_alloc(n * sizeof *b->sinks);
    for (unsigned i = 0; i < n; i++) {
        struct sink *s = &b->sinks[i];
        s->user.a.id = nc_id_random();
        nc_list_init(&s->user.memberships);
        nc_list_init(&s->user.listeners);
        b->members[i].room = &b->rooms[i % b->rooms_n];
        nc_list_add(&s->user.memberships, &b->members[i].by_user);
        s->l.ops = &ops;
        s->l.user = &s->user;
        s->l.encoding = NC_ENC_WS;
        if (nc_hub_attach(b->chat.hub, &s->l, NULL) != NC_OK)
            abort();
    }
    turn(b);
}

static void tear_down(struct bench *b)
{
    unsigned n = b->rooms_n * b->per_room;

    for (unsigned i = 0; i < n; i++)
        nc_hub_detach(b->chat.hub, &b->sinks[i].l);
    for (unsigned i = 0; i < n; i++)
        nc_topic_fini(&b->sinks[i].user.topic);
    for (unsigned i = 0; i < b->rooms_n; i++)
        nc_topic_fini(&b->rooms[i].topic);
    nc_hub_free(b->chat.hub);
    free(b->rooms);
    free(b->members);
    free(b->sinks);
}

static double floor_ns(struct bench *b, struct nc_blob *blob)
{
    unsigned n = b->rooms_n * b->per_room, rounds = 0;
    uint64_t begun = nc_mono_ns(), took;

    do {
        for (unsigned i = 0; i < n; i++)
            b->sinks[i].l.ops->deliver(&b->sinks[i].l, &blob, 1);
        rounds++;
    } while ((took = nc_mono_ns() - begun) < 200000000);
    return (double)took / rounds / n;
}

static void measure(const char *shape, unsigned rooms, unsigned per_room, unsigned per_turn)
{
    struct bench b = {.rooms_n = rooms, .per_room = per_room, .per_turn = per_turn};
    char json[560];
    uint64_t begun, took, turns = 0;

    if (nc_loop_new(&b.loop) != NC_OK)
        abort();
    set_up(&b);
    memset(json, 'x', sizeof json);
    struct nc_blob *blob = nc_blob_new(json, sizeof json);
    double floor = floor_ns(&b, blob);
    delivered = 0;
    begun = nc_mono_ns();
    do {
        for (unsigned r = 0; r < rooms; r++)
            for (unsigned i = 0; i < per_turn; i++)
                nc_hub_publish(b.chat.hub, &b.rooms[r].topic, ++b.seq, "message.created",
                               (struct nc_str){json, sizeof json}, NULL, NC_STR(""));
        b.store.info.head = b.seq;
        turn(&b);
        turns++;
    } while ((took = nc_mono_ns() - begun) < 1000000000);
    printf("%-8s %4u rooms x %4u, %2u events a turn: %6.1f ns/send %6.1f ns/delivery, "
           "walk alone %5.1f ns\n",
           shape, rooms, per_room, per_turn, (double)took / (double)delivered,
           (double)took / (double)delivered / per_turn, floor);
    nc_blob_unref(blob);
    tear_down(&b);
    nc_loop_free(b.loop);
}

int main(void)
{
    measure("A", 1, 1000, 1);
    measure("B", 1, 1000, 64);
    measure("C", 100, 10, 1);
    measure("C x 4", 100, 10, 4);
    measure("10,000", 1, 10000, 1);
    return 0;
}
