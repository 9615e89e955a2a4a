/* Another way on from a message of a dialog: a new one, with what was said before it. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "chat/rooms/dialog.h"
#include "chat/rooms/room_op.h"
#include "chat/talk/event.h"
#include "chat/talk/fetch.h"
#include "chat/talk/put.h"
#include "chat/talk/say.h"

/* All of it is one commit. */
enum { COPIES_MAX = 1000, BYTES_MAX = 4 << 20, BEFORE = 3 /* maker, room, persona */ };
/* More than that is not delivered in one turn: listeners fetch it from the log. */
enum { AT_ONCE = 32, BYTES_AT_ONCE = 64 << 10 };

struct branch {
    struct nc_query query;
    struct nc_chat *chat;
    struct nc_actor who;
    char address[64];
    struct nc_id from; /* the message whose place the new text takes */
    struct nc_send in;
    struct nc_room *room; /* the dialog it is in */
    struct nc_id made;    /* the new one's id */
    uint64_t *stamps;     /* of as many copies as there may be */
    struct nc_message *copies;
    struct nc_id *old; /* what they are copies of, sorted as they are */
    unsigned n;
    size_t bytes;
    bool too_much;
    struct nc_arena arena; /* their strings, and those of the new text */
    struct nc_message said;
    struct nc_id known; /* client_id stands for this one */
    bool is_command;    /* or for a command */
    nc_sent_fn *done;
    void *arg;
};

static void end(struct branch *x, const struct nc_problem *why, const struct nc_sent *sent)
{
    x->done(x->arg, why, why ? NULL : sent);
    nc_arena_fini(&x->arena);
    free(x->stamps);
    free(x->copies);
    free(x->old);
    free(x);
}

static void failed(struct branch *x, enum nc_err e)
{
    struct nc_problem why;

    nc_rooms_why(&why, e);
    end(x, &why, NULL);
}

/* ---- the end of one ------------------------------------------------------------------ */

static void publish(struct nc_room_op *op, struct nc_change *ch, struct nc_user *own)
{
    struct nc_message *m = &ch->message;
    struct nc_user *sender = nc_user_find(op->chat, &m->sender);
    struct nc_row row = {.log.event = ch->event};

    if (sender)
        nc_message_signed(m, sender);
    m->seq = ch->event.seq;
    op->room->newest = m->id;
    row.log.message = *m;
    nc_rooms_publish(op->chat, &op->room->topic, &row, own);
}

/* Only the new text is said: the copies ask nobody and mention nobody again. */
static void apply(struct nc_room_op *op)
{
    struct branch *x = op->arg;
    struct nc_change *said = &op->changes[op->commit.n - 1];

    nc_room_apply_made(op, 1);
    bool fetched = x->n > AT_ONCE || x->bytes > BYTES_AT_ONCE;
    if (fetched)
        nc_hub_fetched(op->chat->hub, &op->room->topic);
    for (unsigned i = 0; i < x->n && !fetched; i++)
        publish(op, &op->changes[BEFORE + i], NULL);
    publish(op, said, nc_id_zero(&x->in.client_id) ? NULL : x->who.user);
    nc_observe_stored(op->chat, op->room, &said->message);
    x->said = said->message;
}

/* Said twice at once: the other one was first. */
static bool refused(struct nc_room_op *op, enum nc_err e, struct nc_problem *why)
{
    struct branch *x = op->arg;

    nc_room_op_came(op);
    if (e == NC_EEXIST) {
        x->known = op->commit.existing;
        nc_problem_set(why, NC_P_CONFLICT, "client_id: stands for something else already.");
    }
    return false;
}

static void on_known(struct nc_fetch *f, enum nc_err e)
{
    struct nc_sent sent = {.repeated = true, .message = f->message};

    if (e || !f->found || !nc_room_find(f->chat, &f->message.room))
        failed(f->arg, e ? e : NC_ENOENT);
    else
        end(f->arg, NULL, &sent);
}

static void on_made(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    struct branch *x = arg;
    struct nc_sent sent = {.message = x->said};

    (void)r;
    if (why && !nc_id_zero(&x->known))
        nc_fetch(x->chat, &x->known, on_known, x);
    else
        end(x, why, &sent);
}

/* ---- making it ----------------------------------------------------------------------- */

/* "Soup" -> "Soup (2)" -> "Soup (3)"; cut so that it fits. */
static struct nc_str name_of(struct branch *x)
{
    struct nc_str name = x->room->rec.name;
    size_t max = x->chat->opts.limits.room_name_max, at = name.n, chars = 0;
    unsigned nth = 0, unit = 1;

    if (at && name.p[at - 1] == ')')
        for (at--; at && name.p[at - 1] >= '0' && name.p[at - 1] <= '9' && unit < 1000000;
             unit *= 10)
            nth += unit * (unsigned)(name.p[--at] - '0');
    if (nth && at > 2 && memcmp(name.p + at - 2, " (", 2) == 0)
        name.n = at - 2;
    else
        nth = 1;

    char *number = nc_arena_printf(&x->arena, " (%u)", nth + 1);
    struct nc_str rest = name;
    while (rest.n && chars + strlen(number) < max) {
        nc_utf8_next(&rest);
        chars++;
    }
    name.n -= rest.n;
    return nc_str(nc_arena_printf(&x->arena, "%.*s%s", NC_FMT(name), number));
}

/* The copy's id, if there is one. */
static struct nc_id copy_of(const struct branch *x, const struct nc_id *old)
{
    static const struct nc_id none;
    unsigned from = 0, to = x->n;

    while (from < to) {
        unsigned mid = from + (to - from) / 2;
        int order = nc_id_cmp(&x->old[mid], old);
        if (order == 0)
            return x->copies[mid].id;
        if (order < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return none;
}

static void fill_message(struct branch *x, struct nc_change *ch, struct nc_message *m)
{
    ch->event = nc_room_event(x->chat, NC_EV_MESSAGE_CREATED, &x->made, NULL,
                              nc_user_find(x->chat, &m->sender));
    if (!nc_id_zero(&m->reply_to))
        m->reply_to = copy_of(x, &m->reply_to);
    ch->kind = NC_MESSAGE_INSERT;
    ch->message = *m;
}

static void fill_copy(struct branch *x, struct nc_change *ch, unsigned i)
{
    fill_message(x, ch, &x->copies[i]);
    ch->event.hlc = x->stamps[i];
    ch->event.ref = x->copies[i].id;
}

static void fill(struct branch *x, struct nc_room_op *op, const struct nc_room_rec *rec,
                 struct nc_user *persona)
{
    struct nc_change *ch = op->changes;
    struct nc_buf *mentions = &x->chat->talk->json;

    ch[1].kind = NC_ROOM_INSERT;
    ch[1].room = *rec;
    ch[1].event = nc_room_event(x->chat, NC_EV_ROOM_CREATED, &rec->id, NULL, x->who.user);
    nc_room_member_set(&ch[2], &rec->id, persona, NC_MEMBER, NULL);
    ch[2].event =
        nc_room_event(x->chat, NC_EV_MEMBER_JOINED, &rec->id, persona, x->who.user);
    ch[2].event.reason = NC_MEMBER;
    for (unsigned i = 0; i < x->n; i++)
        fill_copy(x, &ch[BEFORE + i], i);

    nc_buf_clear(mentions);
    nc_message_mentions(x->chat, x->in.text, mentions);
    x->said = (struct nc_message){.room = rec->id,
                                  .sender = x->who.user->a.id,
                                  .client_id = x->in.client_id,
                                  .body = x->in.text,
                                  .mentions = nc_arena_str(&x->arena, nc_buf_str(mentions)),
                                  .created_ms = nc_wall_ms()};
    ch += BEFORE + x->n;
    fill_message(x, ch, &x->said);
    x->said.id = ch->message.id = ch->event.ref = nc_hlc_id(ch->event.hlc);
    ch = op->changes;
    /* What is copied was read: the mark stands behind it from the beginning. */
    nc_room_member_set(&ch[0], &rec->id, x->who.user, NC_OWNER,
                       x->n ? &x->copies[x->n - 1].id : NULL);
}

static struct nc_user *persona_of(const struct nc_room *r)
{
    size_t at = 0;

    for (struct nc_member *m; (m = nc_map_next(&r->members, &at));)
        if (m->user->a.kind == NC_PERSONA && !m->leaving && !m->user->a.deleted &&
            !m->user->going)
            return m->user;
    return NULL;
}

static void make(struct branch *x, struct nc_user *persona)
{
    struct nc_chat *c = x->chat;
    struct nc_room_op *op =
        nc_room_op_new(c, &x->who, NULL, "room.create", BEFORE + x->n + 1, on_made, x);
    struct nc_room_rec rec = {.id = x->made,
                              .kind = NC_DIALOG,
                              .visibility = NC_PRIVATE,
                              .name = name_of(x),
                              .topic = x->room->rec.topic,
                              .retention_days = x->room->rec.retention_days,
                              .settings = nc_event_room_ai(&x->room->rec, c->room_ai),
                              .created_by = x->who.user->a.id,
                              .created_ms = nc_wall_ms()};
    struct nc_buf settings = {0};

    nc_dialog_from(&rec, &(struct nc_message){.id = x->from, .room = x->room->rec.id},
                   &settings);
    nc_room_op_own(op, &rec);
    nc_buf_fini(&settings);
    op->apply = apply;
    op->refused = refused;
    fill(x, op, &rec, persona);
    nc_room_op_coming(op);
    nc_room_op_run(op);
}

/* ---- what was said before ------------------------------------------------------------ */

/* Reader thread. */
static void on_message(struct nc_query *q, const struct nc_row *row)
{
    struct branch *x = nc_of(q, struct branch, query);
    struct nc_message m = row->message;
    bool streaming = m.state == NC_STREAMING;

    x->bytes += m.body.n + m.ai.n;
    x->too_much |= x->n == COPIES_MAX || x->bytes > BYTES_MAX;
    if (x->too_much || m.deleted || (streaming && !m.body.n))
        return;

    struct nc_str *strs[] = {&m.content_type, &m.body, &m.mentions, &m.ai, &m.code};
    for (size_t i = 0; i < NC_COUNT(strs); i++)
        *strs[i] = nc_arena_str(&x->arena, *strs[i]);
    if (streaming)
        m.state = NC_STOPPED;
    m.late = false;
    m.alternatives = m.chosen = 0;
    memset(&m.client_id, 0, sizeof(m.client_id));
    if (!(x->n & (x->n - 1))) { /* full, doubling */
        size_t cap = x->n ? 2 * (size_t)x->n : 1;
        x->copies = nc_realloc(x->copies, cap * sizeof(*x->copies));
        x->old = nc_realloc(x->old, cap * sizeof(*x->old));
    }
    x->old[x->n] = m.id;
    m.id = nc_hlc_id(x->stamps[x->n]);
    m.room = x->made;
    m.seq = 0;
    x->copies[x->n++] = m;
}

static bool still_may(const struct branch *x, struct nc_problem *why)
{
    if (x->too_much)
        nc_problem_set(why, NC_P_TOO_LARGE,
                       "A branch takes at most %d messages and %d KiB with it.", COPIES_MAX,
                       BYTES_MAX >> 10);
    else if (!nc_room_is_alive(x->room) || !nc_room_member(x->room, x->who.user))
        nc_rooms_why(why, NC_ENOENT);
    else if (!persona_of(x->room))
        nc_problem_set(why, NC_P_CONFLICT, "The persona of this dialog is gone.");
    else if (x->who.user->going)
        nc_problem_set(why, NC_P_CONFLICT, "The account is being deleted.");
    else
        return true;
    return false;
}

static void on_read(struct nc_query *q, enum nc_err e)
{
    struct branch *x = nc_of(q, struct branch, query);
    struct nc_problem why;

    if (e)
        failed(x, e);
    else if (still_may(x, &why))
        make(x, persona_of(x->room));
    else
        end(x, &why, NULL);
}

/* ---- the beginning of one ------------------------------------------------------------ */

static bool may_branch(const struct branch *x, const struct nc_room *r,
                       const struct nc_message *m, struct nc_problem *why)
{
    if (m->deleted) {
        nc_problem_set(why, NC_P_NOT_FOUND, "The message was deleted.");
        return false;
    }
    if (r->rec.kind != NC_DIALOG || !nc_room_member(r, x->who.user) ||
        !nc_id_eq(&m->sender, &x->who.user->a.id)) {
        nc_problem_set(why, NC_P_FORBIDDEN,
                       "One branches off from one's own message in one's own dialog.");
        return false;
    }
    return nc_message_may_write(x->chat, &x->who, r, why) &&
           nc_room_may_make(x->chat, &x->who, why);
}

/* Before anything is read, so that copies get their ids where they are read. */
static void give_stamps(struct branch *x)
{
    struct nc_hlc *clock = &x->chat->clock;

    x->made = nc_hlc_id(nc_hlc_now(clock));
    x->stamps = nc_alloc(COPIES_MAX * sizeof(*x->stamps));
    for (unsigned i = 0; i < COPIES_MAX; i++)
        x->stamps[i] = nc_hlc_now(clock);
}

static void on_fetched(struct nc_fetch *f, enum nc_err e)
{
    struct branch *x = f->arg;
    struct nc_store *s = f->chat->opts.store;
    struct nc_problem why;
    struct nc_room *r = nc_fetch_room(&x->who, f, e, &why);
    const struct nc_member *mine = r ? nc_room_member(r, x->who.user) : NULL;

    if (!r || !may_branch(x, r, &f->message, &why)) {
        end(x, &why, NULL);
        return;
    }
    x->room = r;
    give_stamps(x);
    x->query = (struct nc_query){.kind = NC_Q_HISTORY,
                                 .room = r->rec.id,
                                 .before = x->from,
                                 .limit = COPIES_MAX + 1,
                                 .cleared_seq = mine ? mine->rec.cleared_seq : 0,
                                 .row = on_message,
                                 .done = on_read};
    s->ops->read(s, &x->query);
}

/* Reader thread. */
static void on_client(struct nc_query *q, const struct nc_row *row)
{
    struct branch *x = nc_of(q, struct branch, query);

    x->is_command = row->is_notice;
    if (!row->is_notice)
        x->known = row->message.id;
}

static void on_looked_up(struct nc_query *q, enum nc_err e)
{
    struct branch *x = nc_of(q, struct branch, query);
    struct nc_problem why;

    if (e) {
        failed(x, e);
    } else if (x->is_command) {
        nc_problem_set(&why, NC_P_CONFLICT, "client_id: stands for a command.");
        end(x, &why, NULL);
    } else if (!nc_id_zero(&x->known)) {
        nc_fetch(x->chat, &x->known, on_known, x);
    } else {
        nc_fetch(x->chat, &x->from, on_fetched, x);
    }
}

void nc_dialog_branch(struct nc_chat *c, const struct nc_actor *who,
                      const struct nc_id *message, const struct nc_send *in,
                      nc_sent_fn *done, void *arg)
{
    struct nc_problem why;

    if (!nc_message_text_ok(in->text, c->opts.limits.message_max, &why)) {
        nc_rooms_later_sent(c, done, arg, &why, NULL);
        return;
    }

    struct branch *x = nc_alloc(sizeof(*x));
    size_t address = who->address.n < sizeof(x->address) ? who->address.n : 0;

    x->chat = c;
    x->who = *who;
    if (address)
        memcpy(x->address, who->address.p, address);
    x->who.address = (struct nc_str){x->address, address};
    x->from = *message;
    x->in.client_id = in->client_id;
    x->in.text = nc_arena_str(&x->arena, in->text);
    x->done = done;
    x->arg = arg;
    if (nc_id_zero(&in->client_id)) {
        nc_fetch(c, message, on_fetched, x);
        return;
    }
    x->query = (struct nc_query){.kind = NC_Q_BY_CLIENT,
                                 .user = who->user->a.id,
                                 .id = in->client_id,
                                 .row = on_client,
                                 .done = on_looked_up};
    c->opts.store->ops->read(c->opts.store, &x->query);
}
