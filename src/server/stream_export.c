#include "server/stream_export.h"

#include "chat/people/export.h"
#include "chat/people/throttle.h"
#include "chat/rooms/room_json.h"
#include "chat/talk/transcript.h"
#include "server/call.h"

/* A page is far below the first; the second lets the next one be read early. */
enum { QUEUE_MAX = 64 << 20, QUEUE_LOW = 128 << 10 };

/* Where the pieces come from. */
struct source {
    void (*next)(void *of, nc_export_fn *done, void *arg);
    void (*free)(void *of);
};

/* Lives in the call's arena. */
struct stream {
    struct nc_call *call;
    const struct source *source;
    void *of;
    struct nc_str type, disposition;
    bool begun, reading; /* reading: a page is under way */
};

static void on_page(void *arg, const struct nc_problem *why, struct nc_str piece,
                    bool last);

static void end(struct stream *s)
{
    struct nc_call *call = s->call;

    s->source->free(s->of);
    call->drained = NULL;
    call->left = NULL;
    nc_call_done(call);
}

static void read_on(struct stream *s)
{
    s->reading = true;
    s->source->next(s->of, on_page, s);
}

static void on_drained(struct nc_call *call)
{
    struct stream *s = call->owner;

    if (!s->reading)
        read_on(s);
}

static void on_left(struct nc_call *call)
{
    struct stream *s = call->owner;

    if (!s->reading) /* otherwise when the page comes */
        end(s);
}

static void begin(struct stream *s)
{
    const struct nc_http_header headers[] = {
        {NC_STR("Content-Disposition"), s->disposition},
        {NC_STR("Cache-Control"), NC_STR("no-store")},
    };

    s->begun = true;
    nc_stream_begin(s->call->req, &(struct nc_answer){.status = 200,
                                                      .type = s->type,
                                                      .headers = headers,
                                                      .n_headers = NC_COUNT(headers)});
    nc_stream_limit(s->call->req, QUEUE_MAX, QUEUE_LOW);
}

static void fail(struct stream *s, const struct nc_problem *why)
{
    struct nc_call *call = s->call;

    call->drained = NULL;
    call->left = NULL;
    if (s->begun) {
        nc_stream_abort(call->req, "export");
        end(s);
    } else {
        s->source->free(s->of);
        nc_call_problem(call, why);
    }
}

static void on_page(void *arg, const struct nc_problem *why, struct nc_str piece, bool last)
{
    struct stream *s = arg;
    struct nc_call *call = s->call;

    s->reading = false;
    if (call->gone) {
        end(s);
        return;
    }
    if (why) {
        fail(s, why);
        return;
    }
    if (!s->begun)
        begin(s);
    if (nc_stream_write(call->req, piece) == NC_ELIMIT) {
        fail(s, why);
        return;
    }
    if (last) {
        call->drained = NULL;
        call->left = NULL;
        nc_stream_end(call->req);
        end(s);
    } else if (nc_stream_queued(call->req) <= QUEUE_LOW) {
        read_on(s);
    }
}

/* False when the call has been answered. */
static bool may_read(struct nc_call *call)
{
    struct nc_problem why;

    if (nc_rate_take(call->chat, call->actor.user, NC_RATE_HISTORY, &why))
        return true;
    nc_call_problem(call, &why);
    return false;
}

static void start(struct nc_call *call, const struct stream *as)
{
    struct stream *s = nc_arena_alloc(call->arena, sizeof *s);

    *s = *as;
    s->call = call;
    call->owner = s;
    call->drained = on_drained;
    call->left = on_left;
    read_on(s);
}

/* ---- a person ---------------------------------------------------------------- */

static void export_next(void *of, nc_export_fn *done, void *arg)
{
    nc_export_next(of, done, arg);
}
static void export_free(void *of) { nc_export_free(of); }

void nc_stream_export(struct nc_call *call)
{
    static const struct source person = {export_next, export_free};

    if (!may_read(call))
        return;
    start(call, &(struct stream){.source = &person,
                                 .of = nc_export_new(call->chat, call->actor.user),
                                 .type = NC_STR("application/json"),
                                 .disposition = NC_STR(
                                     "attachment; filename=\"neuralchat-export.json\"")});
}

/* ---- a room ------------------------------------------------------------------- */

static void room_next(void *of, nc_export_fn *done, void *arg)
{
    nc_transcript_next(of, done, arg);
}
static void room_free(void *of) { nc_transcript_free(of); }

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-';
}

/* The room's name as a file's: in ASCII for old programs, and whole (RFC 6266, 5987);
 * nothing of it is a path or a quote. */
static struct nc_str disposition(struct nc_call *call, struct nc_str name,
                                 const char *ending)
{
    struct nc_buf plain = {0}, whole = {0};

    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        bool odd = c < 0x80 && !is_plain((char)c);
        if (odd || c < 0x80)
            nc_buf_addc(&whole, odd ? '_' : (char)c);
        else
            nc_buf_printf(&whole, "%%%02X", c);
        if (c < 0x80 && (!odd || (plain.n && plain.p[plain.n - 1] != '_')))
            nc_buf_addc(&plain, odd ? '_' : (char)c);
    }
    char *text = nc_arena_printf(
        call->arena, "attachment; filename=\"%.*s.%s\"; filename*=UTF-8''%.*s.%s",
        NC_FMT(plain.n ? nc_buf_str(&plain) : NC_STR("room")), ending,
        NC_FMT(nc_buf_str(&whole)), ending);
    nc_buf_fini(&plain);
    nc_buf_fini(&whole);
    return nc_str(text);
}

void nc_stream_room(struct nc_call *call, struct nc_room *r)
{
    static const struct source room = {room_next, room_free};
    bool given;
    struct nc_str format = nc_call_query(call, "format", &given);
    bool json = nc_str_eqz(format, "json");

    if (given && !json && !nc_str_eqz(format, "markdown")) {
        nc_call_fail(call, NC_P_BAD_REQUEST, "format: markdown or json");
        return;
    }
    if (!may_read(call))
        return;
    start(call,
          &(struct stream){.source = &room,
                           .of = nc_transcript_new(call->chat, call->actor.user, r,
                                                   json ? NC_TRANSCRIPT_JSON : NC_MARKDOWN),
                           .type = json ? NC_STR("application/json")
                                        : NC_STR("text/markdown; charset=utf-8"),
                           .disposition =
                               disposition(call, nc_room_shown_name(r, call->actor.user),
                                           json ? "json" : "md")});
}
