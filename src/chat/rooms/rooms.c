#include "chat/rooms/rooms.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "chat/later.h"
#include "chat/talk/answer.h"
#include "chat/talk/command_table.h"
#include "chat/talk/event.h"
#include "chat/talk/read.h"
#include "chat/talk/retention.h"
#include "chat/talk/system.h"

/* ---- memory -------------------------------------------------------------- */

static struct nc_str own(struct nc_str s) { return (struct nc_str){nc_str_dup(s), s.n}; }

static void disown(struct nc_str *s)
{
    char *p;

    memcpy(&p, &s->p, sizeof(p)); /* ours, made by own() */
    free(p);
    *s = (struct nc_str){NULL, 0};
}

struct nc_room *nc_rooms_add(struct nc_chat *c, const struct nc_room_rec *rec)
{
    struct nc_room *r = nc_alloc(sizeof(*r));

    r->rec = *rec;
    r->rec.name = own(rec->name);
    r->rec.topic = own(rec->topic);
    r->rec.settings = own(rec->settings);
    r->rec.encryption = own(rec->encryption);
    nc_list_init(&r->typing);
    nc_map_put(&c->rooms, &r->rec.id, sizeof(r->rec.id), r);
    return r;
}

void nc_rooms_rewrite(struct nc_room *r, const struct nc_room_rec *rec)
{
    struct nc_str name = own(rec->name), topic = own(rec->topic);
    struct nc_str settings = own(rec->settings);

    disown(&r->rec.name);
    disown(&r->rec.topic);
    disown(&r->rec.settings);
    r->rec.name = name;
    r->rec.topic = topic;
    r->rec.settings = settings;
    r->rec.visibility = rec->visibility;
    r->rec.retention_days = rec->retention_days;
}

void nc_rooms_replace(struct nc_room *r, const struct nc_room_rec *rec)
{
    struct nc_str encryption = own(rec->encryption);
    struct nc_room_rec all = *rec;

    nc_rooms_rewrite(r, rec);
    disown(&r->rec.encryption);
    all.id = r->rec.id;
    all.name = r->rec.name;
    all.topic = r->rec.topic;
    all.settings = r->rec.settings;
    all.encryption = encryption;
    r->rec = all;
}

struct nc_member *nc_rooms_add_member(struct nc_room *r, struct nc_user *u,
                                      const struct nc_member_rec *rec)
{
    struct nc_member *m = nc_alloc(sizeof(*m));

    m->rec = *rec;
    m->room = r;
    m->user = u;
    nc_map_put(&r->members, &m->rec.user, sizeof(m->rec.user), m);
    nc_list_add(&u->memberships, &m->by_user);
    r->owners += rec->role == NC_OWNER;
    return m;
}

void nc_rooms_set_role(struct nc_member *m, enum nc_member_role role)
{
    m->room->owners -= m->rec.role == NC_OWNER;
    m->room->owners += role == NC_OWNER;
    m->rec.role = role;
}

void nc_rooms_drop_member(struct nc_chat *c, struct nc_member *m)
{
    nc_hub_left(c->hub, m->user, &m->room->topic);
    m->room->owners -= m->rec.role == NC_OWNER;
    nc_map_del(&m->room->members, &m->rec.user, sizeof(m->rec.user));
    nc_list_del(&m->by_user);
    nc_list_del(&m->read_due);
    free(m);
}

void nc_rooms_drop(struct nc_chat *c, struct nc_room *r)
{
    size_t at = 0;

    for (struct nc_member *m; (m = nc_map_next(&r->members, &at));)
        nc_rooms_drop_member(c, m);
    at = 0;
    for (struct nc_ban *b; (b = nc_map_next(&r->bans, &at));)
        free(b);
    nc_map_fini(&r->members);
    nc_map_fini(&r->bans);
    nc_topic_fini(&r->topic);
    nc_map_del(&c->rooms, &r->rec.id, sizeof(r->rec.id));
    disown(&r->rec.name);
    disown(&r->rec.topic);
    disown(&r->rec.settings);
    disown(&r->rec.encryption);
    free(r);
}

void nc_rooms_forget(struct nc_chat *c, struct nc_user *u)
{
    size_t at = 0;

    nc_list_each(n, &u->memberships)
        nc_rooms_drop_member(c, nc_of(n, struct nc_member, by_user));
    for (struct nc_room *r; (r = nc_map_next(&c->rooms, &at));)
        free(nc_map_del(&r->bans, &u->a.id, sizeof(u->a.id)));
}

/* ---- rights -------------------------------------------------------------- */

bool nc_room_is_alive(const struct nc_room *r)
{
    return !r->rec.deleted_ms && !r->deleting;
}

struct nc_room *nc_room_find(const struct nc_chat *c, const struct nc_id *id)
{
    struct nc_room *r = nc_map_get(&c->rooms, id, sizeof(*id));

    return r && nc_room_is_alive(r) ? r : NULL;
}

struct nc_member *nc_room_member(const struct nc_room *r, const struct nc_user *u)
{
    struct nc_member *m = u ? nc_map_get(&r->members, &u->a.id, sizeof(u->a.id)) : NULL;

    return m && !m->leaving ? m : NULL;
}

struct nc_room *nc_room_visible(struct nc_chat *c, const struct nc_actor *who,
                                const struct nc_id *id, struct nc_problem *why)
{
    struct nc_room *r = nc_room_find(c, id);

    if (r && (r->rec.visibility == NC_PUBLIC || nc_room_rank(r, who)))
        return r;
    nc_problem_set(why, NC_P_NOT_FOUND, "There is no such room, or it is not open to you.");
    return NULL;
}

enum { ABOVE_ALL = NC_OWNER + 2 };

unsigned nc_room_rank(const struct nc_room *r, const struct nc_actor *who)
{
    if (who->admin_socket)
        return ABOVE_ALL;

    const struct nc_member *m = nc_room_member(r, who->user);
    return m ? m->rec.role + 1u : 0;
}

bool nc_room_banned(const struct nc_room *r, const struct nc_user *u)
{
    const struct nc_ban *b = u ? nc_map_get(&r->bans, &u->a.id, sizeof(u->a.id)) : NULL;

    return b && (!b->until_ms || b->until_ms > nc_wall_ms());
}

unsigned nc_room_persons(const struct nc_room *r)
{
    unsigned n = 0;
    size_t at = 0;

    for (struct nc_member *m; (m = nc_map_next(&r->members, &at));)
        n += m->user->a.kind == NC_PERSON && !m->leaving;
    return n;
}

bool nc_room_last_owner(const struct nc_room *r, const struct nc_member *m)
{
    size_t at = 0;

    if (m->rec.role != NC_OWNER)
        return false;
    for (struct nc_member *o; (o = nc_map_next(&r->members, &at));)
        if (o != m && o->rec.role == NC_OWNER && !o->leaving && !o->pending)
            return false;
    return true;
}

bool nc_name_ok(struct nc_str *s, unsigned max)
{
    struct nc_str rest = *s = nc_str_trim(*s);
    size_t n = 0;

    for (; rest.n; n++) {
        uint32_t cp = nc_utf8_next(&rest);
        if (n >= max || cp == NC_UTF8_BAD || nc_utf8_unseen(cp))
            return false;
    }
    return nc_utf8_visible(*s);
}

bool nc_is_cyrillic(struct nc_str s)
{
    while (s.n) {
        uint32_t cp = nc_utf8_next(&s);
        if (cp >= 0x400 && cp <= 0x52f)
            return true;
    }
    return false;
}

bool nc_name_has(struct nc_str name, struct nc_str folded_q, struct nc_buf *scratch)
{
    nc_buf_clear(scratch);
    nc_utf8_fold(name, true, scratch);
    /* What has no name has no bytes either. */
    return !folded_q.n ||
           (scratch->n && memmem(scratch->p, scratch->n, folded_q.p, folded_q.n));
}

static int by_id(const void *a, const void *b)
{
    return nc_id_cmp(&(*(struct nc_room *const *)a)->rec.id,
                     &(*(struct nc_room *const *)b)->rec.id);
}

struct nc_room **nc_rooms_find(const struct nc_chat *c, struct nc_str q,
                               const struct nc_id *after,
                               bool (*fits)(const struct nc_room *, const void *arg),
                               const void *arg, size_t *n)
{
    struct nc_room **found = nc_alloc((c->rooms.n + 1) * sizeof(struct nc_room *));
    struct nc_buf folded = {0}, scratch = {0};
    size_t at = 0;

    *n = 0;
    nc_utf8_fold(q, true, &folded);
    for (struct nc_room *r; (r = nc_map_next(&c->rooms, &at));)
        if (nc_id_cmp(&r->rec.id, after) > 0 && (!fits || fits(r, arg)) &&
            nc_name_has(r->rec.name, nc_buf_str(&folded), &scratch))
            found[(*n)++] = r;
    qsort(found, *n, sizeof(struct nc_room *), by_id);
    nc_buf_fini(&folded);
    nc_buf_fini(&scratch);
    return found;
}

/* ---- events and answers -------------------------------------------------- */

struct nc_event nc_room_event(struct nc_chat *c, enum nc_event_kind kind,
                              const struct nc_id *room, const struct nc_user *subject,
                              const struct nc_user *actor)
{
    struct nc_event ev = {.kind = kind,
                          .audience = NC_AUD_ROOM,
                          .hlc = nc_hlc_now(&c->clock),
                          .to = *room,
                          .ref = *room};

    if (subject)
        ev.subject = subject->a.id;
    if (actor)
        ev.actor = actor->a.id;
    return ev;
}

void nc_rooms_publish(struct nc_chat *c, struct nc_topic *t, const struct nc_row *row,
                      struct nc_user *own_user)
{
    struct nc_rooms *talk = c->talk;
    const struct nc_event *ev = &row->log.event;

    /* The store logs nothing where nothing has changed. */
    if (!ev->seq)
        return;
    nc_hub_saw(c->hub, &ev->origin, ev->origin_seq);
    struct nc_log_at at = nc_hub_at(c->hub);
    nc_buf_clear(&talk->json);
    nc_buf_clear(&talk->own_json);
    if (!nc_event_encode(&talk->json, &at, c->room_ai, row, false))
        return;
    if (own_user)
        nc_event_own(&talk->own_json, nc_buf_str(&talk->json), &row->log.message.client_id);
    nc_hub_publish(c->hub, t, ev->seq, nc_event_name(ev->kind), nc_buf_str(&talk->json),
                   own_user, nc_buf_str(&talk->own_json));
}

void nc_rooms_why(struct nc_problem *why, enum nc_err e)
{
    switch (e) {
    case NC_ENOENT: nc_problem_set(why, NC_P_NOT_FOUND, "It is not there any more."); break;
    case NC_EEXIST: nc_problem_set(why, NC_P_CONFLICT, "It is there already."); break;
    case NC_ECLOSED:
        nc_problem_set(why, NC_P_UNAVAILABLE, "The node is shutting down.");
        break;
    case NC_ELIMIT:
        nc_problem_set(why, NC_P_BUSY, "The store takes too long to answer.");
        break;
    default:
        nc_problem_set(why, NC_P_UNAVAILABLE,
                       "The store cannot keep or read anything now; nothing was done.");
        why->retry_after_s = 5;
    }
}

void nc_rooms_audit(struct nc_chat *c, const struct nc_actor *who, const char *action,
                    const struct nc_room *r, const struct nc_user *target,
                    const struct nc_problem *why)
{
    char room[NC_ID_TEXT];
    struct nc_audit a = {.action = action,
                         .ok = !why,
                         .who = who->user ? who->user->a.username : NC_STR("admin.sock"),
                         .address = who->address};

    if (!c->opts.audit)
        return;
    if (r) {
        nc_id_text(&r->rec.id, room);
        a.target = (struct nc_str){room, sizeof(room)};
    }
    if (target)
        a.detail = target->a.username;
    else if (why)
        a.detail = nc_str(nc_problem_name(why->code));
    c->opts.audit(c->opts.audit_arg, &a);
}

/* ---- start and end ------------------------------------------------------- */

struct load {
    struct nc_query q;
    struct nc_chat *chat;
    struct nc_room *room;
    enum nc_err err;
};

static void on_room(struct nc_query *q, const struct nc_row *row)
{
    nc_rooms_add(nc_of(q, struct load, q)->chat, &row->room);
}

static void on_member(struct nc_query *q, const struct nc_row *row)
{
    struct nc_chat *c = nc_of(q, struct load, q)->chat;
    struct nc_room *r = nc_map_get(&c->rooms, &row->member.room, sizeof(struct nc_id));
    struct nc_user *u = nc_user_find(c, &row->member.user);

    if (r && u && !u->a.deleted)
        nc_rooms_add_member(r, u, &row->member);
}

static void on_ban(struct nc_query *q, const struct nc_row *row)
{
    struct nc_chat *c = nc_of(q, struct load, q)->chat;
    struct nc_room *r = nc_map_get(&c->rooms, &row->ban.room, sizeof(struct nc_id));
    const struct nc_user *u = nc_user_find(c, &row->ban.user);

    if (r && !(u && u->a.deleted))
        nc_rooms_add_ban(r, &row->ban);
}

static void on_newest(struct nc_query *q, const struct nc_row *row)
{
    nc_of(q, struct load, q)->room->newest = row->message.id;
}

static void on_unfinished(struct nc_query *q, const struct nc_row *row)
{
    nc_answer_recover(nc_of(q, struct load, q)->chat, &row->message);
}

static void on_loaded(struct nc_query *q, enum nc_err e)
{
    nc_of(q, struct load, q)->err = e;
}

static enum nc_err load(struct nc_chat *c, struct nc_room *r, enum nc_query_kind kind,
                        void (*row)(struct nc_query *, const struct nc_row *))
{
    struct load l = {.q = {.kind = kind, .row = row, .done = on_loaded, .limit = 1},
                     .chat = c,
                     .room = r};

    if (r)
        l.q.room = r->rec.id;

    enum nc_err e = nc_store_read_now(c->opts.store, &l.q);
    return e ? e : l.err;
}

void nc_rooms_newest(struct nc_chat *c, struct nc_room *r)
{
    r->newest = (struct nc_id){{0}};
    enum nc_err e = load(c, r, NC_Q_HISTORY, on_newest);

    if (e != NC_OK)
        nc_log(NC_ERROR, "rooms.read", "error=%s", nc_strerr(e));
}

enum nc_err nc_rooms_load(struct nc_chat *c)
{
    struct nc_rooms *t = nc_alloc(sizeof(*t));
    enum nc_err e;
    size_t at = 0;

    t->chat = c;
    c->talk = t;
    nc_list_init(&t->unsaid);
    nc_later_init(t);
    nc_read_init(t);
    nc_commands_init(t);
    if ((e = load(c, NULL, NC_Q_ROOMS, on_room)) ||
        (e = load(c, NULL, NC_Q_MEMBERS, on_member)) ||
        (e = load(c, NULL, NC_Q_BANS, on_ban)))
        return e;
    for (struct nc_room *r; (r = nc_map_next(&c->rooms, &at));)
        if ((e = load(c, r, NC_Q_HISTORY, on_newest)))
            return e;
    if ((e = load(c, NULL, NC_Q_STREAMING, on_unfinished)))
        return e;
    t->retention = nc_retention_new(c);
    return NC_OK;
}

void nc_rooms_free(struct nc_chat *c)
{
    struct nc_rooms *t = c->talk;
    size_t at = 0;

    if (!t)
        return;
    nc_retention_free(t->retention);
    nc_read_fini(t);
    nc_later_fini(t);
    nc_answers_free(t);
    nc_system_free(t);
    for (struct nc_room *r; (r = nc_map_next(&c->rooms, &at));)
        nc_rooms_drop(c, r);
    nc_map_fini(&t->running);
    nc_map_fini(&t->arriving);
    nc_map_fini(&t->lanes);
    nc_buf_fini(&t->json);
    nc_buf_fini(&t->own_json);
    free(t);
    c->talk = NULL;
}
