#include "store/sqlite_names.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS 1024
#define NAMES_MAX 160 /* bytes of both names; longer ones are looked up each time */

struct nc_sqlite_name {
    struct nc_id id;
    unsigned as_of;
    enum nc_account_kind kind;
    uint8_t name_n, display_n;
    char names[NAMES_MAX];
};

/* The last bytes of an id are the random ones. */
static struct nc_sqlite_name *slot_of(const struct nc_sqlite_names *n,
                                      const struct nc_id *id)
{
    return &n->slots[(id->b[15] | id->b[14] << 8) % SLOTS];
}

void nc_sqlite_names_begin(struct nc_sqlite_names *n)
{
    if (n->changes)
        n->now = atomic_load(n->changes);
}

bool nc_sqlite_names_get(const struct nc_sqlite_names *n, struct nc_message *m)
{
    const struct nc_sqlite_name *s = n->slots ? slot_of(n, &m->sender) : NULL;

    if (!s || s->as_of != n->now || !nc_id_eq(&s->id, &m->sender))
        return false;
    m->sender_kind = s->kind;
    m->sender_name = (struct nc_str){s->names, s->name_n};
    m->sender_display = (struct nc_str){s->names + s->name_n, s->display_n};
    return true;
}

void nc_sqlite_names_put(struct nc_sqlite_names *n, const struct nc_message *m)
{
    if (!n->changes || m->sender_name.n + m->sender_display.n > NAMES_MAX)
        return;
    if (!n->slots)
        n->slots = nc_alloc(SLOTS * sizeof(*n->slots));
    struct nc_sqlite_name *s = slot_of(n, &m->sender);
    s->id = m->sender;
    s->as_of = n->now;
    s->kind = m->sender_kind;
    s->name_n = (uint8_t)m->sender_name.n;
    s->display_n = (uint8_t)m->sender_display.n;
    if (s->name_n)
        memcpy(s->names, m->sender_name.p, s->name_n);
    if (s->display_n)
        memcpy(s->names + s->name_n, m->sender_display.p, s->display_n);
}

void nc_sqlite_names_fini(struct nc_sqlite_names *n)
{
    free(n->slots);
    n->slots = NULL;
}
