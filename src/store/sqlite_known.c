#include "store/sqlite_known.h"

#include <string.h>

/* The ends of ids are random. */
static struct nc_sqlite_known_at *slot(struct nc_sqlite_known *k, enum nc_state_kind kind,
                                       const struct nc_id *id)
{
    uint32_t end;

    memcpy(&end, id->b + sizeof(id->b) - sizeof(end), sizeof(end));
    return &k->at[(end ^ (uint32_t)kind) % NC_SQLITE_KNOWN];
}

void nc_sqlite_known_clear(struct nc_sqlite_known *k)
{
    if (++k->age == 0) {
        memset(k->at, 0, sizeof(k->at));
        k->age = 1;
    }
}

struct nc_sqlite_known_at *nc_sqlite_known_find(struct nc_sqlite_known *k,
                                                enum nc_state_kind kind,
                                                const struct nc_id *id)
{
    struct nc_sqlite_known_at *at = slot(k, kind, id);

    return at->age == k->age && at->kind == kind && nc_id_eq(&at->id, id) ? at : NULL;
}

struct nc_sqlite_known_at *nc_sqlite_known_put(struct nc_sqlite_known *k,
                                               enum nc_state_kind kind,
                                               const struct nc_id *id, enum nc_standing is)
{
    struct nc_sqlite_known_at *at = slot(k, kind, id);

    *at = (struct nc_sqlite_known_at){.id = *id, .kind = kind, .is = is, .age = k->age};
    return at;
}

void nc_sqlite_known_forget(struct nc_sqlite_known *k, enum nc_state_kind kind,
                            const struct nc_id *id)
{
    struct nc_sqlite_known_at *at = nc_sqlite_known_find(k, kind, id);

    if (at)
        at->age = k->age - 1;
}

void nc_sqlite_known_said(struct nc_sqlite_known *k, const struct nc_id *room,
                          const struct nc_id *message)
{
    struct nc_sqlite_known_at *at = nc_sqlite_known_find(k, NC_STATE_ROOM, room);

    if (at && nc_id_cmp(message, &at->newest) > 0)
        at->newest = *message;
}
