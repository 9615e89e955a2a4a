#include "chat/people/ticket.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/people/throttle.h"
#include "crypto/token.h"

#define PREFIX "nct_"
enum { TICKETS_MAX = 65536 };

struct ticket {
    struct nc_list by_age;
    uint8_t hash[NC_SHA256];
    uint64_t until_ms; /* monotonic */
    struct nc_id user;
    struct nc_auth auth; /* its user is looked up again when it is used */
};

struct nc_tickets {
    struct nc_map map; /* by hash */
    struct nc_list by_age;
};

struct nc_tickets *nc_tickets_new(void)
{
    struct nc_tickets *t = nc_alloc(sizeof *t);

    nc_list_init(&t->by_age);
    return t;
}

static void drop(struct nc_tickets *all, struct ticket *t)
{
    nc_map_del(&all->map, t->hash, sizeof t->hash);
    nc_list_del(&t->by_age);
    free(t);
}

void nc_tickets_free(struct nc_tickets *t)
{
    if (!t)
        return;
    nc_list_each(n, &t->by_age)
        drop(t, nc_of(n, struct ticket, by_age));
    nc_map_fini(&t->map);
    free(t);
}

void nc_tickets_forget(struct nc_chat *c, const struct nc_id *ends_with)
{
    nc_list_each(n, &c->people->tickets->by_age) {
        struct ticket *t = nc_of(n, struct ticket, by_age);
        if (!ends_with || nc_id_eq(&t->auth.ends_with, ends_with))
            drop(c->people->tickets, t);
    }
}

bool nc_ticket_new(struct nc_chat *c, const struct nc_auth *of, char out[NC_TICKET_TEXT],
                   struct nc_problem *why)
{
    struct nc_tickets *all = c->people->tickets;
    uint64_t now = nc_mono_ms();

    if (!nc_rate_take(c, of->user, NC_RATE_TICKETS, why))
        return false;
    nc_list_each(n, &all->by_age) {
        struct ticket *old = nc_of(n, struct ticket, by_age);
        if (old->until_ms > now)
            break;
        drop(all, old);
    }
    if (all->map.n >= TICKETS_MAX) {
        nc_problem_set(why, NC_P_BUSY, "too many tickets are out");
        return false;
    }
    struct ticket *t = nc_alloc(sizeof *t);
    nc_token_new(PREFIX, out);
    nc_token_hash(nc_str(out), t->hash);
    t->until_ms = now + NC_TICKET_MS;
    t->user = of->user->a.id;
    t->auth = *of;
    nc_map_put(&all->map, t->hash, sizeof t->hash, t);
    nc_list_add(&all->by_age, &t->by_age);
    return true;
}

bool nc_ticket_use(struct nc_chat *c, struct nc_str ticket, struct nc_auth *out,
                   struct nc_problem *why)
{
    struct nc_tickets *all = c->people->tickets;
    uint8_t hash[NC_SHA256];
    struct ticket *t = NULL;
    bool good = false;

    if (nc_token_formed(ticket, PREFIX)) {
        nc_token_hash(ticket, hash);
        t = nc_map_get(&all->map, hash, sizeof hash);
    }
    if (t) {
        struct nc_user *u = nc_user_find(c, &t->user);
        *out = t->auth;
        out->user = u;
        good =
            t->until_ms > nc_mono_ms() && u && !u->a.deleted && !u->a.disabled &&
            (nc_id_zero(&out->session) || !nc_session_ended(c, &t->user, &out->session)) &&
            (!out->expires_ms || out->expires_ms > nc_wall_ms());
        drop(all, t);
    }
    if (!good)
        nc_problem_set(why, NC_P_UNAUTHORIZED, "the ticket is unknown, used or over");
    return good;
}
