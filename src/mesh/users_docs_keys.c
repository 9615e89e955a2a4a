/*
 * What brokers are told of an account's keys and ended sessions is read from the store, a
 * few accounts at a time, before its document is looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/encode.h"
#include "chat/people/key.h"
#include "mesh/users_docs_parts.h"

enum {
    READING_MAX = 4,              /* accounts whose keys are being read */
    SESSION_S = NC_ACCESS_S + 120 /* how long a token of an ended session may be about */
};

struct reading {
    struct nc_query q;
    struct nc_users *users;
    struct nc_user_doc *doc;
    struct nc_id user;
    uint64_t now_s;
    struct nc_buf keys, revoked;
};

static void read_more(struct nc_users *u);

static void keep(struct nc_str *to, struct nc_buf *b)
{
    char *old;

    memcpy(&old, &to->p, sizeof old); /* ours */
    free(old);
    *to = b->n ? (struct nc_str){nc_str_dup(nc_buf_str(b)), b->n} : (struct nc_str){0};
}

/* Reader thread. */
static void on_key(struct nc_query *q, const struct nc_row *row)
{
    struct reading *r = nc_of(q, struct reading, q);
    char hash[NC_B64URL_LEN(32)];

    if (!(nc_key_scopes(row->key.scopes) & NC_KEY_MQTT))
        return;
    nc_b64url(row->key.hash, 32, hash);
    nc_buf_printf(&r->keys, "%s{\"hash\":\"%.*s\",\"exp\":%llu}", r->keys.n ? "," : "",
                  (int)sizeof hash, hash, (unsigned long long)(row->key.expires_ms / 1000));
}

/* Reader thread. */
static void on_session(struct nc_query *q, const struct nc_row *row)
{
    struct reading *r = nc_of(q, struct reading, q);
    uint64_t exp = row->session.ended_ms / 1000 + SESSION_S;
    char id[NC_ID_TEXT];

    if (!nc_id_eq(&row->session.user, &r->user) || exp <= r->now_s)
        return;
    nc_id_text(&row->session.id, id);
    nc_buf_printf(&r->revoked, "%s\"%.*s\":%llu", r->revoked.n ? "," : "", NC_ID_TEXT, id,
                  (unsigned long long)exp);
}

static void reading_free(struct reading *r)
{
    r->users->running--;
    nc_buf_fini(&r->keys);
    nc_buf_fini(&r->revoked);
    free(r);
}

static void on_read(struct reading *r, enum nc_err e)
{
    struct nc_users *u = r->users;
    struct nc_user_doc *d = r->doc;

    if (u->stopped) {
        reading_free(r);
        return;
    }
    d->reading = false;
    u->reading--;
    if (e == NC_OK) {
        keep(&d->keys, &r->keys);
        keep(&d->revoked, &r->revoked);
    }
    if (d->again || (e != NC_OK && e != NC_ECLOSED)) {
        nc_list_del(&d->change); /* what was read may be old already */
        nc_list_add(&u->unread, &d->change);
    } else if (e == NC_OK) {
        nc_users_doc_touch(u, d);
    }
    d->again = false;
    reading_free(r);
    read_more(u);
}

static void on_sessions(struct nc_query *q, enum nc_err e)
{
    on_read(nc_of(q, struct reading, q), e);
}

static void on_keys(struct nc_query *q, enum nc_err e)
{
    struct reading *r = nc_of(q, struct reading, q);
    struct nc_store *store = r->users->chat->opts.store;

    if (e != NC_OK || r->users->stopped) {
        on_read(r, e);
        return;
    }
    *q = (struct nc_query){.kind = NC_Q_ENDED,
                           .after_ms = (r->now_s - SESSION_S) * 1000,
                           .row = on_session,
                           .done = on_sessions};
    store->ops->read(store, q);
}

static void read_one(struct nc_users *u, struct nc_user_doc *d)
{
    struct nc_store *store = u->chat->opts.store;
    struct reading *r = nc_alloc(sizeof *r);

    r->users = u;
    r->doc = d;
    r->user = d->key.id;
    r->now_s = nc_wall_ms() / 1000;
    r->q =
        (struct nc_query){.kind = NC_Q_KEYS, .id = r->user, .row = on_key, .done = on_keys};
    d->reading = true;
    u->reading++;
    u->running++;
    store->ops->read(store, &r->q);
}

static void read_more(struct nc_users *u)
{
    struct nc_list *it;

    while (u->reading < READING_MAX && (it = nc_list_pop(&u->unread)))
        read_one(u, nc_of(it, struct nc_user_doc, change));
}

void nc_users_doc_user(struct nc_users *u, const struct nc_user *user)
{
    struct nc_user_doc *d;

    if (user->a.kind != NC_PERSON)
        return;
    d = nc_users_doc_of(u, NC_MQTT_DOC_USER, &user->a.id);
    if (d->reading) {
        d->again = true;
        return;
    }
    nc_list_del(&d->change); /* it is to be read before it is looked at */
    nc_list_add(&u->unread, &d->change);
    read_more(u);
}

void nc_users_doc_keys_free(struct nc_user_doc *d)
{
    struct nc_buf none = {0};

    keep(&d->keys, &none);
    keep(&d->revoked, &none);
}
