/*
 * What brokers are told of who may do what: a signed, retained document per room and per
 * account, and our public keys.
 *
 * A document gets a new stamp when what it says has changed, and never otherwise, so the
 * same bytes are published again and again.  They are made when they are needed: kept are a
 * hash and a stamp.  Everything here goes in small steps, a few documents a turn.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "crypto/keyring.h"
#include "mesh/users_docs_parts.h"
#include "wire/json.h"
#include "wire/signed.h"

enum {
    AT_ONCE = 32,           /* documents made in one turn */
    MEMBERS_AT_ONCE = 2000, /* and names in them */
    LARGE = 1000,           /* members: such a room is told of after a moment's quiet */
    SETTLE_MS = 500
};

#define KEY sizeof(((struct nc_user_doc *)0)->key)

/* ---- what they say -------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct nc_str *x = a, *y = b;
    size_t n = x->n < y->n ? x->n : y->n;
    int order = memcmp(x->p, y->p, n);

    return order ? order : x->n < y->n ? -1 : x->n > y->n;
}

static void write_acl(struct nc_json *j, const struct nc_users *u, const struct nc_id *id)
{
    const struct nc_room *r = nc_room_find(u->chat, id);
    size_t at = 0, n = 0;

    nc_json_kid(j, "room", id);
    nc_json_key(j, "members");
    nc_json_arr(j);
    if (r) {
        struct nc_str *names = nc_alloc((r->members.n + 1) * sizeof *names);
        for (struct nc_member *m; (m = nc_map_next(&r->members, &at));)
            if (!m->leaving && m->user->a.kind == NC_PERSON && !m->user->a.deleted)
                names[n++] = m->user->a.username;
        qsort(names, n, sizeof *names, by_name);
        for (size_t i = 0; i < n; i++)
            nc_json_str(j, names[i]);
        free(names);
    }
    nc_json_arr_end(j);
    if (!r)
        nc_json_kbool(j, "deleted", true);
}

static void write_user(struct nc_json *j, const struct nc_users *u,
                       const struct nc_user_doc *d)
{
    const struct nc_user *user = nc_user_find(u->chat, &d->key.id);
    bool gone = !user || user->a.deleted;

    nc_json_kid(j, "id", &d->key.id);
    nc_json_kstr(j, "name", gone ? NC_STR("") : user->a.username);
    nc_json_kbool(j, "disabled", gone || user->a.disabled);
    nc_json_kuint(j, "not_before", 0);
    nc_json_key(j, "sessions");
    nc_json_obj(j);
    nc_buf_adds(j->out, d->revoked);
    nc_json_obj_end(j);
    nc_json_key(j, "keys");
    nc_json_arr(j);
    if (!gone)
        nc_buf_adds(j->out, d->keys);
    nc_json_arr_end(j);
}

static void write_jwks(struct nc_json *j, const struct nc_users *u)
{
    struct nc_buf b = {0};

    nc_keyring_jwks(u->chat->opts.ring, &b); /* {"keys":[…]} */
    nc_buf_addc(j->out, ',');
    nc_buf_add(j->out, b.p + 1, b.n - 2);
    nc_buf_fini(&b);
}

static void write_doc(struct nc_buf *out, struct nc_users *u, const struct nc_user_doc *d,
                      uint64_t stamp)
{
    struct nc_json j = nc_json_to(out);

    nc_json_obj(&j);
    nc_json_kuint(&j, "v", stamp);
    switch (d->key.kind) {
    case NC_MQTT_DOC_ACL: write_acl(&j, u, &d->key.id); break;
    case NC_MQTT_DOC_USER: write_user(&j, u, d); break;
    case NC_MQTT_DOC_JWKS: write_jwks(&j, u); break;
    default: break;
    }
    nc_json_obj_end(&j);
}

static void hash_doc(struct nc_users *u, const struct nc_user_doc *d,
                     uint8_t out[NC_STAMP_HASH])
{
    nc_buf_clear(&u->json);
    write_doc(&u->json, u, d, 0);
    nc_sha256(u->json.p, u->json.n, out);
}

/* ---- when they change ----------------------------------------------------- */

/* It is told after everything that changed before it; who was to tell it next tells what
 * followed it. */
static void move_to_end(struct nc_users *u, struct nc_user_doc *d)
{
    struct nc_list *next = nc_list_linked(&d->told) ? d->told.next : &u->told;

    nc_list_each(it, &u->ends) {
        struct nc_user_end *e = nc_of(it, struct nc_user_end, node);
        if (e->doc == d)
            e->doc = next == &u->told ? NULL : nc_of(next, struct nc_user_doc, told);
    }
    nc_list_del(&d->told);
    nc_list_add(&u->told, &d->told);
    nc_list_each(it, &u->ends) {
        struct nc_user_end *e = nc_of(it, struct nc_user_end, node);
        if (e->up && !e->doc)
            e->doc = d;
    }
}

static void look_at(struct nc_users *u, struct nc_user_doc *d)
{
    uint8_t hash[NC_STAMP_HASH];

    hash_doc(u, d, hash);
    uint64_t stamp = nc_stamps_get(u->stamps, d->key.kind, &d->key.id, hash);
    if (stamp && stamp == d->stamp && !d->skipped)
        return; /* it says what it said */
    d->skipped = false;
    if (!stamp) {
        stamp = nc_hlc_now(&u->chat->clock);
        nc_stamps_set(u->stamps, d->key.kind, &d->key.id, hash, stamp);
    }
    d->stamp = stamp;
    move_to_end(u, d);
}

static size_t members_of(const struct nc_users *u, const struct nc_user_doc *d)
{
    const struct nc_room *r =
        d->key.kind == NC_MQTT_DOC_ACL ? nc_room_find(u->chat, &d->key.id) : NULL;

    return r ? r->members.n : 0;
}

static void on_look(struct nc_task *t)
{
    struct nc_users *u = nc_of(t, struct nc_users, look);
    size_t names = 0;

    for (unsigned n = 0; n < AT_ONCE && names < MEMBERS_AT_ONCE; n++) {
        struct nc_list *it = nc_list_pop(&u->dirty);
        if (!it)
            break;
        struct nc_user_doc *d = nc_of(it, struct nc_user_doc, change);
        names += members_of(u, d);
        look_at(u, d);
    }
    nc_list_each(it, &u->ends)
        nc_users_docs_pump(nc_of(it, struct nc_user_end, node));
    if (!nc_list_empty(&u->dirty))
        nc_loop_defer(u->o.loop, &u->look);
}

static void on_settled(struct nc_deadline *d)
{
    struct nc_users *u = nc_of(d, struct nc_users, settle);

    for (struct nc_list *it; (it = nc_list_pop(&u->settling));)
        nc_list_add(&u->dirty, it);
    nc_loop_defer(u->o.loop, &u->look);
}

struct nc_user_doc *nc_users_doc_of(struct nc_users *u, enum nc_mqtt_doc kind,
                                    const struct nc_id *id)
{
    struct nc_user_doc key = {.key = {.kind = kind, .id = *id}};
    struct nc_user_doc *d = nc_map_get(&u->docs, &key.key, KEY);

    if (d)
        return d;
    d = nc_alloc(sizeof *d);
    d->key = key.key;
    nc_map_put(&u->docs, &d->key, KEY, d);
    return d;
}

void nc_users_doc_touch(struct nc_users *u, struct nc_user_doc *d)
{
    if (nc_list_linked(&d->change))
        return;
    nc_list_add(&u->dirty, &d->change);
    nc_loop_defer(u->o.loop, &u->look);
}

void nc_users_doc_room(struct nc_users *u, const struct nc_room *r)
{
    struct nc_user_doc *d = nc_users_doc_of(u, NC_MQTT_DOC_ACL, &r->rec.id);

    if (d->stamp && r->members.n > LARGE && !r->rec.deleted_ms) {
        if (!nc_list_linked(&d->change))
            nc_list_add(&u->settling, &d->change);
        if (!u->settle.due)
            nc_loop_deadline(u->o.loop, &u->settle, SETTLE_MS);
        return;
    }
    nc_users_doc_touch(u, d);
}

void nc_users_doc_jwks(struct nc_users *u)
{
    nc_users_doc_touch(u, nc_users_doc_of(u, NC_MQTT_DOC_JWKS, &(struct nc_id){{0}}));
}

/* ---- to the brokers ------------------------------------------------------- */

static enum nc_err tell(struct nc_user_end *e, const struct nc_user_doc *d)
{
    struct nc_users *u = e->users;
    struct nc_buf rest = {0}, below = {0}, payload = {0};

    nc_mqtt_doc_add(&rest, (enum nc_mqtt_doc)d->key.kind, &d->key.id);
    nc_mqtt_node_add(&below, NC_STR(""), &u->self, nc_buf_str(&rest));
    nc_buf_clear(&u->json);
    write_doc(&u->json, u, d, d->stamp);
    nc_signed_add(u->o.identity, nc_buf_str(&below), nc_buf_str(&u->json), &payload);
    enum nc_err err = nc_users_publish(
        e, &(struct nc_mqtt_out){.topic = nc_users_own_topic(u, nc_buf_str(&rest)),
                                 .payload = nc_buf_str(&payload),
                                 .qos = 1,
                                 .retain = true});
    if (err == NC_ELIMIT || err == NC_EINVAL) {
        nc_log(NC_ERROR, "users.document", "topic=%.*s bytes=%zu error=%s",
               NC_FMT(nc_buf_str(&below)), payload.n, nc_strerr(err));
        err = NC_OK; /* it never will be told */
    }
    nc_buf_fini(&rest);
    nc_buf_fini(&below);
    nc_buf_fini(&payload);
    return err;
}

void nc_users_docs_up(struct nc_user_end *e)
{
    struct nc_users *u = e->users;

    e->doc = nc_list_empty(&u->told) ? NULL : nc_of(u->told.next, struct nc_user_doc, told);
}

/* One that is to be looked at again says already what it will get a new stamp for: it is
 * told then. */
void nc_users_docs_pump(struct nc_user_end *e)
{
    struct nc_users *u = e->users;
    size_t names = 0;

    for (unsigned n = 0; e->up && e->doc && n < AT_ONCE && names < MEMBERS_AT_ONCE; n++) {
        struct nc_user_doc *d = e->doc;
        if (d->reading || nc_list_linked(&d->change))
            d->skipped = true;
        else if (tell(e, d) != NC_OK)
            return;
        else
            u->stats.documents++;
        names += members_of(u, d);
        e->doc =
            d->told.next == &u->told ? NULL : nc_of(d->told.next, struct nc_user_doc, told);
    }
    if (e->up && e->doc)
        nc_users_soon(u);
}

/* ---- life ----------------------------------------------------------------- */

static void touch_all(struct nc_users *u)
{
    size_t at = 0;

    nc_users_doc_jwks(u);
    for (struct nc_user *user; (user = nc_map_next(&u->chat->users_by_id, &at));)
        nc_users_doc_user(u, user);
    at = 0;
    for (struct nc_room *r; (r = nc_map_next(&u->chat->rooms, &at));)
        nc_users_doc_room(u, r);
}

enum nc_err nc_users_docs_open(struct nc_users *u)
{
    struct nc_buf path = {0};

    u->look.run = on_look;
    u->settle.fire = on_settled;
    nc_list_init(&u->told);
    nc_list_init(&u->dirty);
    nc_list_init(&u->unread);
    nc_list_init(&u->settling);
    nc_buf_printf(&path, "%s/mesh-documents", u->o.dir);
    nc_buf_addc(&path, 0);
    enum nc_err e = nc_stamps_open(&u->stamps, path.p);
    nc_buf_fini(&path);
    if (e != NC_OK)
        return e;
    nc_hlc_seen(&u->chat->clock, nc_stamps_highest(u->stamps));
    touch_all(u);
    return NC_OK;
}

void nc_users_docs_close(struct nc_users *u)
{
    size_t at = 0;

    nc_loop_undefer(u->o.loop, &u->look);
    nc_loop_deadline(u->o.loop, &u->settle, 0);
    for (struct nc_user_doc *d; (d = nc_map_next(&u->docs, &at));) {
        nc_users_doc_keys_free(d);
        free(d);
    }
    nc_map_fini(&u->docs);
    nc_stamps_close(u->stamps);
    u->stamps = NULL;
}
