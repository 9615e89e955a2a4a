/*
 * bench/fill: many messages into a node's store, while the node is not running.
 *
 *   fill STORE-URL COUNT < lines of "ROOM-ID<tab>USER-ID", taken in random order
 *
 * By the same commits as a node makes, 1,000 at a time.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"
#include "store/store.h"
#include "tool.h"

enum { BATCH = 1000, LINES_MAX = 100000 };

struct place {
    struct nc_id room, user;
};

static struct place places[LINES_MAX];
static size_t places_n;
static uint64_t stored;

struct send {
    struct nc_commit commit;
    struct nc_change change;
};

static void on_stored(struct nc_commit *c, enum nc_err e)
{
    (void)c;
    if (e != NC_OK)
        tool_die("a commit failed: %s", nc_strerr(e));
    stored++;
}

static void read_places(void)
{
    char *line = NULL;
    size_t cap = 0;

    while (places_n < LINES_MAX && getline(&line, &cap, stdin) > 0) {
        struct nc_str user = nc_str(line), room = nc_str_cut(&user, '\t');
        struct place *p = &places[places_n++];
        if (nc_id_parse(room, &p->room) != NC_OK ||
            nc_id_parse(nc_str_trim(user), &p->user) != NC_OK)
            tool_die("not two ids: %s", line);
    }
    free(line);
    if (places_n == 0)
        tool_die("no rooms");
}

static void submit(struct nc_store *store, struct send *s, struct nc_hlc *clock)
{
    static const char body[] =
        "There is nothing in here that anybody would look for: it is two hundred bytes of "
        "what people say in a room, neither short nor long, so that a page of fifty such "
        "messages has about its usual size. ...";
    const struct place *p = &places[(size_t)random() % places_n];
    uint64_t stamp = nc_hlc_now(clock);
    struct nc_message m = {
        .id = nc_hlc_id(stamp),
        .room = p->room,
        .sender = p->user,
        .client_id = nc_id_random(),
        .body = {body, sizeof body - 1},
        .created_ms = nc_wall_ms(),
    };

    *s = (struct send){.change = {.kind = NC_MESSAGE_INSERT, .message = m}};
    s->change.event = (struct nc_event){.kind = NC_EV_MESSAGE_CREATED,
                                        .audience = NC_AUD_ROOM,
                                        .to = m.room,
                                        .ref = m.id,
                                        .actor = m.sender,
                                        .hlc = stamp,
                                        .body_hash = {1}};
    s->commit = (struct nc_commit){.changes = &s->change, .n = 1, .done = on_stored};
    store->ops->commit(store, &s->commit);
}

int main(int argc, char **argv)
{
    static struct send sends[BATCH];
    struct nc_loop *loop;
    struct nc_store *store;
    struct nc_hlc clock;

    if (argc != 3)
        tool_die("usage: fill STORE-URL COUNT < lines of ROOM and USER");
    uint64_t count = strtoull(argv[2], NULL, 10), begun = tool_now_ns();
    nc_log_level(NC_ERROR);
    read_places();
    nc_hlc_init(&clock, 0);
    if (nc_loop_new(&loop) != NC_OK || nc_store_open(&store, loop, argv[1], NULL) != NC_OK)
        tool_die("cannot open %s", argv[1]);
    while (stored < count) {
        for (unsigned i = 0; i < BATCH; i++)
            submit(store, &sends[i], &clock);
        nc_loop_run(loop);
    }
    printf("{\"messages\":%llu,\"per_s\":%.0f}\n", (unsigned long long)stored,
           (double)stored / ((double)(tool_now_ns() - begun) / 1e9));
    store->ops->close(store);
    nc_loop_free(loop);
    return 0;
}
