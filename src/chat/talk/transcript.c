#include "chat/talk/transcript.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "chat/rooms/room_json.h"
#include "chat/rooms/rooms.h"
#include "chat/talk/event.h"
#include "wire/json_in.h"

enum {
    PAGE = 64,
    PAGE_BYTES = 256 << 10,
    LATELY = 512, /* messages that a reply can still be named after */
    NAME_BYTES = 64
};

/* Who said it, for those who answer. */
struct said {
    struct nc_id id;
    uint64_t at_ms;
    char name[NAME_BYTES];
};

struct nc_transcript {
    struct nc_query query;
    struct nc_chat *chat;
    const struct nc_user *reader; /* users are never freed before the chat */
    struct nc_id room;
    uint64_t cleared_seq;
    enum nc_transcript_format format;
    bool begun;
    /* The store's reader while it runs. */
    bool full; /* the page is: what follows comes with the next */
    struct nc_id last;
    struct nc_buf out;
    struct nc_json json; /* remembers its comma from page to page */
    struct said lately[LATELY];
    unsigned said;
    nc_export_fn *done;
    void *arg;
};

struct nc_transcript *nc_transcript_new(struct nc_chat *c, const struct nc_user *reader,
                                        const struct nc_room *r,
                                        enum nc_transcript_format format)
{
    struct nc_transcript *x = nc_alloc(sizeof(*x));

    x->chat = c;
    x->reader = reader;
    x->room = r->rec.id;
    x->cleared_seq = nc_room_member(r, reader)->rec.cleared_seq;
    x->format = format;
    x->last.b[sizeof(x->last.b) - 1] = 1; /* before every message; zero would be the end */
    x->json = nc_json_to(&x->out);
    return x;
}

void nc_transcript_free(struct nc_transcript *x)
{
    if (!x)
        return;
    nc_buf_fini(&x->out);
    free(x);
}

/* ---- Markdown ------------------------------------------------------------------------ */

/* "2026-11-21 08:40:38 UTC" */
static void add_time(struct nc_buf *out, uint64_t ms)
{
    char text[NC_TIME_TEXT];

    nc_time_text(ms, text);
    nc_buf_printf(out, "%.10s %.8s UTC", text, text + 11);
}

/* Names are one line already; what Markdown would take for its own is not one's name. */
static void add_name(struct nc_buf *out, struct nc_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (strchr("\\`*_[]<>#|", name.p[i]))
            nc_buf_addc(out, '\\');
        nc_buf_addc(out, name.p[i]);
    }
}

static void remember(struct nc_transcript *x, const struct nc_message *m)
{
    struct said *s = &x->lately[x->said++ % LATELY];
    struct nc_str name = m->sender_display;
    size_t n = name.n < NAME_BYTES ? name.n : nc_utf8_boundary(name, NAME_BYTES - 1);

    s->id = m->id;
    s->at_ms = m->created_ms;
    if (n)
        memcpy(s->name, name.p, n);
    s->name[n] = '\0';
}

static void add_reply(struct nc_transcript *x, const struct nc_id *to)
{
    if (nc_id_zero(to))
        return;
    nc_buf_adds(&x->out, NC_STR("_in reply to "));
    for (unsigned i = 0; i < LATELY; i++)
        if (nc_id_eq(&x->lately[i].id, to)) {
            add_name(&x->out, nc_str(x->lately[i].name));
            nc_buf_adds(&x->out, NC_STR(", "));
            add_time(&x->out, x->lately[i].at_ms);
            nc_buf_adds(&x->out, NC_STR("_\n\n"));
            return;
        }
    nc_buf_adds(&x->out, NC_STR("an earlier message_\n\n"));
}

/* Of an answer: the model, and how it ended unless it is whole. */
static void add_origin(struct nc_transcript *x, const struct nc_message *m)
{
    struct nc_str model = {0};
    struct nc_problem odd;
    json_t *ai = NULL;

    if (!m->ai.n && m->state == NC_COMPLETE)
        return;
    if (m->ai.n && nc_json_parse(m->ai, &ai, &odd) == NC_OK &&
        nc_json_opt_str(ai, "model", 1, 1000, &model, &odd) == NC_OK && model.n) {
        nc_buf_adds(&x->out, NC_STR(" · "));
        add_name(&x->out, model);
    }
    if (m->state != NC_COMPLETE)
        nc_buf_printf(&x->out, " · %s", nc_event_state(m->state));
    json_decref(ai);
}

static void add_markdown(struct nc_transcript *x, const struct nc_message *m)
{
    struct nc_buf *out = &x->out;
    struct nc_str name = m->sender_display.n ? m->sender_display : NC_STR("(deleted)");

    nc_buf_adds(out, NC_STR("### "));
    add_name(out, name);
    if (m->sender_name.n)
        nc_buf_printf(out, " (@%.*s)", NC_FMT(m->sender_name));
    nc_buf_adds(out, NC_STR(" · "));
    add_time(out, m->created_ms);
    add_origin(x, m);
    if (m->edited_ms)
        nc_buf_adds(out, NC_STR(" · edited"));
    nc_buf_adds(out, NC_STR("\n\n"));
    add_reply(x, &m->reply_to);
    if (m->kind == NC_ACTION) {
        nc_buf_addc(out, '*');
        add_name(out, name);
        nc_buf_adds(out, NC_STR("* "));
    }
    nc_buf_adds(out, m->body);
    nc_buf_adds(out, NC_STR("\n\n"));
    remember(x, m);
}

/* ---- both ---------------------------------------------------------------------------- */

static void add_head(struct nc_transcript *x, const struct nc_room *r)
{
    struct nc_json *j = &x->json;

    if (x->format == NC_MARKDOWN) {
        nc_buf_adds(&x->out, NC_STR("# "));
        add_name(&x->out, nc_room_shown_name(r, x->reader));
        nc_buf_adds(&x->out, NC_STR("\n\n"));
        if (r->rec.topic.n)
            nc_buf_printf(&x->out, "%.*s\n\n", NC_FMT(r->rec.topic));
        return;
    }
    nc_json_obj(j);
    nc_json_ktime(j, "exported_at", nc_wall_ms());
    nc_json_key(j, "room");
    nc_room_json_open(x->chat, j, r, x->reader);
    nc_json_obj_end(j);
    nc_json_key(j, "messages");
    nc_json_arr(j);
}

/* Reader thread. */
static void on_row(struct nc_query *q, const struct nc_row *row)
{
    struct nc_transcript *x = nc_of(q, struct nc_transcript, query);
    const struct nc_message *m = &row->message;

    if (x->full)
        return;
    x->last = m->id;
    if (m->deleted)
        return;
    if (x->format == NC_MARKDOWN)
        add_markdown(x, m);
    else
        nc_event_message(&x->json, m, nc_id_eq(&m->sender, &x->reader->a.id));
    x->full = x->out.n >= PAGE_BYTES;
}

static void on_page(struct nc_query *q, enum nc_err e)
{
    struct nc_transcript *x = nc_of(q, struct nc_transcript, query);
    struct nc_problem why;
    bool last = !q->more && !x->full;

    if (e) {
        nc_rooms_why(&why, e);
        x->done(x->arg, &why, NC_STR(""), false);
        return;
    }
    if (last && x->format == NC_TRANSCRIPT_JSON) {
        nc_json_arr_end(&x->json);
        nc_json_obj_end(&x->json);
    }
    x->done(x->arg, NULL, nc_buf_str(&x->out), last);
}

static void on_gone(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    struct nc_transcript *x = arg;

    (void)r;
    x->done(x->arg, why, NC_STR(""), false);
}

void nc_transcript_next(struct nc_transcript *x, nc_export_fn *done, void *arg)
{
    struct nc_room *r = nc_room_find(x->chat, &x->room);
    struct nc_problem why;

    x->done = done;
    x->arg = arg;
    if (!r || !nc_room_member(r, x->reader)) {
        nc_problem_set(&why, NC_P_NOT_FOUND,
                       "There is no such room, or it is not open to you.");
        nc_rooms_later(x->chat, on_gone, x, &why, NULL);
        return;
    }
    nc_buf_clear(&x->out);
    x->full = false;
    if (!x->begun)
        add_head(x, r);
    x->begun = true;
    x->query = (struct nc_query){.kind = NC_Q_HISTORY,
                                 .room = x->room,
                                 .after = x->last,
                                 .limit = PAGE,
                                 .cleared_seq = x->cleared_seq,
                                 .row = on_row,
                                 .done = on_page};
    x->chat->opts.store->ops->read(x->chat->opts.store, &x->query);
}
