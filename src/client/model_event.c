#include <stdlib.h>
#include <string.h>

#include "client/model_parts.h"

enum { TYPING_MS = 6000, COUNT_MAX = 1000 };

struct context {
    struct nc_model *m;
    unsigned from;
    struct nc_model_room *r; /* the room it is about, if we know it */
    const struct nc_model_room *seen;
    uint64_t now_ms;
};

static void drop_typist(struct nc_model_room *r, const struct nc_id *user)
{
    for (size_t i = 0; i < r->typists_n; i++)
        if (nc_id_eq(&r->typists[i].user, user))
            r->typists[i].until_ms = 0;
}

/* Counted once: when it came whole. */
static unsigned count(struct context *c, const struct nc_model_message *x)
{
    unsigned changed = 0;

    if (x->mine || x->deleted || x->state == NC_ANSWER_STREAMING)
        return 0;
    if (x->mentions_me)
        changed |= NC_CHANGED_MENTION;
    if (nc_id_cmp(&x->id, &c->r->read) <= 0)
        c->r->behind = true;
    if (c->r == c->seen)
        return changed;
    if (c->r->unread == 0 && c->r->loaded)
        c->r->first_unread = x->id;
    c->r->unread += c->r->unread < COUNT_MAX;
    c->r->mentions += x->mentions_me && c->r->mentions < COUNT_MAX;
    return changed | NC_CHANGED_ROOMS;
}

/* No room may grow for ever; its past can be asked for again.  In steps, so that it is
 * not every message that moves the others. */
static void trim(struct context *c)
{
    if (c->r->n > (c->r == c->seen ? NC_MODEL_MOST : NC_MODEL_KEEP))
        nc_model_forget_oldest(c->r, NC_MODEL_KEEP / 2);
}

static unsigned on_created(struct context *c, const json_t *event)
{
    bool fresh;
    struct nc_model_message *x =
        nc_model_put(c->m, c->from, c->r, json_object_get(event, "message"), &fresh);

    if (!x)
        return 0;
    drop_typist(c->r, &x->sender);
    if (x->sender_kind == NC_SENDER_PERSONA)
        nc_model_job_begun(&c->r->ai, &x->reply_to, x->username);
    unsigned changed = NC_CHANGED_MESSAGES | NC_CHANGED_STATUS | (fresh ? count(c, x) : 0);
    trim(c);
    return changed;
}

static unsigned on_updated(struct context *c, const json_t *event)
{
    const json_t *message = json_object_get(event, "message");
    struct nc_id id;
    bool fresh;

    /* What was never shown need not be: its page will bring it as it is. */
    if (nc_model_id(message, "id", &id) && nc_model_message(c->r, &id))
        nc_model_put(c->m, c->from, c->r, message, &fresh);
    return NC_CHANGED_MESSAGES;
}

/* Said to two nodes that did not know of each other: the copy goes, its twin stays. */
static unsigned on_deleted(struct context *c, const json_t *event)
{
    struct nc_id id;

    if (nc_str_eqz(nc_model_str(event, "reason"), "duplicate") &&
        nc_model_id(json_object_get(event, "message"), "id", &id)) {
        nc_model_drop_message(c->r, &id);
        return NC_CHANGED_MESSAGES;
    }
    return on_updated(c, event);
}

static unsigned on_completed(struct context *c, const json_t *event)
{
    const json_t *message = json_object_get(event, "message");
    struct nc_model_message *x;
    struct nc_id id;
    bool fresh;

    if (!nc_model_id(message, "id", &id))
        return 0;
    x = nc_model_message(c->r, &id);
    bool ran = !x || x->state == NC_ANSWER_STREAMING;
    if (!(x = nc_model_put(c->m, c->from, c->r, message, &fresh)))
        return 0;
    /* How it went tells who answers now. */
    return NC_CHANGED_MESSAGES | NC_CHANGED_AI | (ran ? count(c, x) : 0);
}

static unsigned on_delta(struct context *c, const json_t *event)
{
    return nc_model_delta(c->m, c->r, event) ? NC_CHANGED_MESSAGES : 0;
}

static unsigned on_room(struct context *c, const json_t *event)
{
    const json_t *room = json_object_get(event, "room");

    if (c->r)
        nc_model_take_room(c->m, c->from, room);
    return c->r ? NC_CHANGED_ROOMS | NC_CHANGED_AI : NC_CHANGED_ASK;
}

static unsigned on_room_deleted(struct context *c, const json_t *event)
{
    struct nc_id id;

    c->r = NULL;
    if (nc_model_id(json_object_get(event, "room"), "id", &id) ||
        nc_model_id(event, "room", &id))
        nc_model_drop_room(c->m, &id);
    return NC_CHANGED_ROOMS;
}

static unsigned on_member(struct context *c, const json_t *event)
{
    const json_t *user = json_object_get(event, "user");
    bool left = nc_str_eqz(nc_model_str(event, "type"), "member.left");
    struct nc_id id;

    if (!nc_model_id(user, "id", &id))
        return 0;
    if (nc_model_is_me(c->m, &id)) {
        if (!left)
            return NC_CHANGED_ASK;
        struct nc_id room = c->r ? c->r->id : (struct nc_id){0};
        c->r = NULL;
        nc_model_drop_room(c->m, &room);
        return NC_CHANGED_ROOMS;
    }
    if (!c->r)
        return 0;
    if (nc_str_eqz(nc_model_str(event, "type"), "member.joined"))
        c->r->members_count++;
    else if (left && c->r->members_count > 0)
        c->r->members_count--;
    char *name = nc_model_clean(nc_model_str(user, "username"));
    nc_model_person(c->r, name, left ? 0 : -1);
    free(name);
    return NC_CHANGED_STATUS | NC_CHANGED_ROOMS | NC_CHANGED_AI;
}

/* Read on another device of ours. */
static unsigned on_read(struct context *c, const json_t *event)
{
    struct nc_id id;
    unsigned unread = 0, mentions = 0;

    if (!nc_model_id(event, "message_id", &id))
        return 0;
    if (!c->r->loaded)
        return NC_CHANGED_ASK;
    for (size_t i = c->r->n; i > 0; i--) {
        const struct nc_model_message *x = c->r->messages[i - 1];
        if (nc_id_cmp(&x->id, &id) <= 0)
            break;
        if (x->mine || x->deleted || x->kind == NC_TEXT_LOCAL)
            continue;
        unread++;
        mentions += x->mentions_me;
    }
    c->r->unread = c->r == c->seen ? 0 : unread;
    c->r->mentions = c->r == c->seen ? 0 : mentions;
    return NC_CHANGED_ROOMS;
}

static unsigned on_typing(struct context *c, const json_t *event)
{
    const json_t *user = json_object_get(event, "user");
    const json_t *on = json_object_get(event, "typing");
    struct nc_model_typist *t = NULL;
    struct nc_id id;

    if (!nc_model_id(user, "id", &id) || nc_model_is_me(c->m, &id))
        return 0;
    if (json_is_false(on)) {
        drop_typist(c->r, &id);
        return NC_CHANGED_STATUS;
    }
    for (size_t i = 0; i < c->r->typists_n; i++)
        if (nc_id_eq(&c->r->typists[i].user, &id))
            t = &c->r->typists[i];
    if (!t) {
        c->r->typists = nc_realloc(c->r->typists,
                                   (c->r->typists_n + 1) * sizeof(struct nc_model_typist));
        t = &c->r->typists[c->r->typists_n++];
        *t = (struct nc_model_typist){.user = id};
        t->name = nc_model_clean(nc_model_str(user, "username"));
    }
    t->until_ms = c->now_ms + TYPING_MS;
    return NC_CHANGED_STATUS;
}

static unsigned on_presence(struct context *c, const json_t *event)
{
    static const char *const keys[] = {"offline", "online"};
    json_t *user;
    size_t i;

    for (int online = 0; online < 2; online++) {
        json_array_foreach(json_object_get(event, keys[online]), i, user)
        {
            char *name = nc_model_clean(nc_model_str(user, "username"));
            nc_model_person(c->r, name, online);
            free(name);
        }
    }
    return NC_CHANGED_STATUS;
}

/* One that is about no room is read where one looks. */
static unsigned on_notice(struct context *c, const json_t *event)
{
    if (!c->r && c->seen && !json_object_get(event, "room"))
        c->r = nc_model_room(c->m, &c->seen->id);
    if (!c->r)
        return 0;
    nc_model_say(c->r, nc_model_str(event, "text"));
    return NC_CHANGED_MESSAGES;
}

static unsigned on_job(struct context *c, const json_t *event)
{
    const json_t *job = json_object_get(event, "job");

    return nc_model_job_take(&c->r->ai, job, c->now_ms) ? NC_CHANGED_MESSAGES : 0;
}

/* What an event needs to know its room for, and what is done about one we don't know. */
enum need { NO_ROOM, ROOM_OR_ASK, ROOM_OR_NOTHING };

static const struct row {
    const char *type;
    enum need need;
    unsigned (*take)(struct context *c, const json_t *event);
} rows[] = {
    {"message.created", ROOM_OR_ASK, on_created},
    {"message.updated", ROOM_OR_ASK, on_updated},
    {"message.deleted", ROOM_OR_ASK, on_deleted},
    {"message.completed", ROOM_OR_ASK, on_completed},
    {"message.delta", NO_ROOM, on_delta},
    {"room.created", NO_ROOM, on_room},
    {"room.updated", NO_ROOM, on_room},
    {"room.deleted", NO_ROOM, on_room_deleted},
    {"member.joined", NO_ROOM, on_member},
    {"member.left", NO_ROOM, on_member},
    {"member.updated", NO_ROOM, on_member},
    {"read", ROOM_OR_ASK, on_read},
    {"typing", ROOM_OR_NOTHING, on_typing},
    {"presence", ROOM_OR_NOTHING, on_presence},
    {"notice", NO_ROOM, on_notice},
    {"job.updated", ROOM_OR_NOTHING, on_job},
};

/* "room" is an id, a room object, or inside the message. */
static struct nc_model_room *room_of(const struct nc_model *m, const json_t *event)
{
    const json_t *room = json_object_get(event, "room");
    struct nc_id id;

    if (nc_model_id(event, "room", &id) || nc_model_id(room, "id", &id) ||
        nc_model_id(json_object_get(event, "message"), "room", &id))
        return nc_model_room(m, &id);
    return NULL;
}

/* Another server has told it.  All that is new is that this one holds the room, too. */
static unsigned on_known(struct context *c, struct nc_str type)
{
    if (c->r && !nc_str_eqz(type, "member.left"))
        c->r->servers |= 1u << c->from;
    return !c->r && (nc_str_eqz(type, "room.created") || nc_str_eqz(type, "member.joined"))
               ? NC_CHANGED_ASK
               : 0;
}

unsigned nc_model_event(struct nc_model *m, unsigned from, const json_t *event,
                        uint64_t now_ms, const struct nc_model_room *seen,
                        struct nc_model_room **room)
{
    struct context c = {
        .m = m, .from = from, .r = room_of(m, event), .seen = seen, .now_ms = now_ms};
    struct nc_str type = nc_model_str(event, "type");
    unsigned changed = 0;

    *room = c.r;
    if (!nc_origins_new(&m->origins, nc_model_str(event, "event_id")))
        return on_known(&c, type);
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        if (!nc_str_eqz(type, rows[i].type))
            continue;
        if (rows[i].need == NO_ROOM || c.r)
            changed = rows[i].take(&c, event);
        else if (rows[i].need == ROOM_OR_ASK)
            changed = NC_CHANGED_ASK;
        break;
    }
    *room = c.r;
    return changed;
}

bool nc_model_read(struct nc_model_room *r)
{
    const struct nc_model_message *newest = NULL;

    for (size_t i = r->n; i > 0 && !newest; i--)
        if (r->messages[i - 1]->kind != NC_TEXT_LOCAL)
            newest = r->messages[i - 1];
    bool had = r->unread > 0 || r->mentions > 0;
    r->unread = r->mentions = 0;
    if (!newest || newest->state == NC_ANSWER_STREAMING ||
        (!had && !r->behind && (newest->mine || nc_id_cmp(&newest->id, &r->read) <= 0)))
        return false;
    if (nc_id_cmp(&newest->id, &r->read) <= 0 && !r->behind)
        return false;
    r->behind = false;
    r->read = newest->id;
    return true;
}
