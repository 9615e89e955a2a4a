/*
 * queue/fair: who is next, so that nobody waits because somebody else asks a lot.
 *
 * In memory, for one loop.  Of those that could start, the one whose user has the fewest
 * under way is next; then whose room has; then whose user was served longest ago; then
 * whose room was; then the oldest.  Nobody has more than three quarters of the places.
 * Loop thread only.
 */
#pragma once

#include "base/id.h"
#include "base/list.h"
#include "loop/loop.h"

/* Something that waits for its turn, then runs.  Embedded; zeroed with the first block
 * set. */
struct nc_work {
    struct nc_id id;   /* rises with age: the order of last resort */
    struct nc_id user; /* who wants it */
    struct nc_id room; /* where; zero: nowhere, which is fair among itself by user alone */
    /* Could it start now?  Looks, changes nothing; asked again at every pump.  NULL: yes.
     */
    bool (*may)(struct nc_work *w);
    /* It is its turn: it counts as under way until nc_fair_end. */
    void (*start)(struct nc_work *w);
    uint64_t not_before_ms; /* of nc_loop_now_ms: waits until then */

    struct nc_list node; /* the rest is the queue's */
    struct nc_fair *fair;
    struct nc_share *of_user, *of_room; /* of_room is of_user where there is no room */
    unsigned place;
    bool running;
};

struct nc_fair;

/* most: under way at once; waiting_max: more are refused, but for those of users who have
 * none waiting, up to as many again. */
struct nc_fair *nc_fair_new(struct nc_loop *l, unsigned most, unsigned waiting_max);
void nc_fair_free(struct nc_fair *f); /* everything was ended; NULL is fine */
void nc_fair_limits(struct nc_fair *f, unsigned most, unsigned waiting_max);

/* Wait.  It starts at the end of this turn at the earliest.  NC_ELIMIT: too many wait. */
NC_MUSTUSE enum nc_err nc_fair_add(struct nc_fair *f, struct nc_work *w);
/* It was under way and waits again (a retry), counted as new but keeping its id. */
void nc_fair_again(struct nc_work *w, uint64_t wait_ms);
/* Out, from wherever it is; idempotent.  Others may start at the end of this turn. */
void nc_fair_end(struct nc_work *w);
/* Something `may` looks at has changed. */
void nc_fair_pump(struct nc_fair *f);

/* 1 for who would be next, 2 …; 0: it doesn't wait.  As if all could start. */
unsigned nc_fair_position(const struct nc_work *w);
unsigned nc_fair_waiting(const struct nc_fair *f);
unsigned nc_fair_running(const struct nc_fair *f);
