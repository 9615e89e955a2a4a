#include "chat/people/hashing.h"

#include <string.h>

#include "base/utf8.h"
#include "crypto/hash.h"

static void on_run(struct nc_work *w, unsigned thread)
{
    struct nc_hashing *h = nc_of(w, struct nc_hashing, work);
    struct nc_buf *set = h->sets ? &h->set : NULL;

    (void)thread;
    if (h->checks) {
        /* Asked for either way: making it takes time, once. */
        const char *dummy = nc_password_dummy(h->cost);
        const char *hash = h->hash[0] ? h->hash : dummy;
        h->fits = nc_password_verify(hash, nc_buf_str(&h->check)) && h->hash[0];
        if (!h->fits)
            return;
        if (h->refresh && nc_password_stale(h->hash, h->cost))
            set = &h->check;
    }
    if (set) {
        h->err = nc_password_hash(nc_buf_str(set), h->cost, h->hash);
        h->hashed = !h->err;
    }
}

static void on_done(struct nc_work *w, enum nc_err e)
{
    struct nc_hashing *h = nc_of(w, struct nc_hashing, work);

    /* A login that fits is not refused because its hash could not be renewed. */
    if (!e && h->sets)
        e = h->err;
    h->done(h, e);
}

void nc_hashing_give(struct nc_buf *to, struct nc_str password)
{
    nc_buf_add(to, password.p, password.n);
}

enum nc_err nc_hashing_start(struct nc_chat *c, struct nc_hashing *h)
{
    if (!c->opts.hashers) /* freed: what the closing store answers starts nothing more */
        return NC_ECLOSED;
    h->cost = c->opts.cheap_passwords ? NC_PWCOST_TEST : NC_PWCOST_NORMAL;
    h->work.run = on_run;
    h->work.done = on_done;
    return nc_pool_submit(c->opts.hashers, &h->work);
}

static void wipe(struct nc_buf *b)
{
    if (b->p)
        nc_wipe(b->p, b->n);
    nc_buf_fini(b);
}

void nc_hashing_fini(struct nc_hashing *h)
{
    wipe(&h->check);
    wipe(&h->set);
    nc_wipe(h->hash, sizeof h->hash);
}

bool nc_password_ok(struct nc_str password, const char *member, struct nc_problem *why)
{
    if (password.n > NC_PASSWORD_MAX)
        nc_problem_set(why, NC_P_TOO_LARGE, "%s has more than %d bytes", member,
                       NC_PASSWORD_MAX);
    else if (password.n < NC_PASSWORD_MIN)
        nc_problem_set(why, NC_P_BAD_REQUEST, "%s must have at least %d bytes", member,
                       NC_PASSWORD_MIN);
    else if (memchr(password.p, '\0', password.n) || !nc_utf8_valid(password))
        nc_problem_set(why, NC_P_BAD_REQUEST, "%s is not UTF-8 without NUL", member);
    else
        return true;
    return false;
}
