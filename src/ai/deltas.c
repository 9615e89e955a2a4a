#include "ai/deltas.h"

#include "base/utf8.h"
#include "chat/chat.h"
#include "chat/live/hub.h"
#include "chat/rooms/room.h"
#include "chat/talk/message.h"
#include "wire/json.h"

#define FLUSH_MS 40
#define CHECKPOINT_MS 1000
#define CHECKPOINT_BYTES 2048

static const char *const channel_names[] = {
    [NC_LLM_TEXT] = "text", [NC_LLM_REASONING] = "reasoning"};

static void write_delta(const struct nc_deltas *d, enum nc_llm_channel ch, uint64_t n,
                        size_t at, struct nc_str text, bool snapshot, struct nc_buf *out)
{
    struct nc_json w = nc_json_to(out);

    nc_json_obj(&w);
    nc_json_kstr(&w, "type", NC_STR("message.delta"));
    nc_json_kid(&w, "room", &d->room);
    nc_json_kid(&w, "message_id", &d->message);
    nc_json_kuint(&w, "run", d->run);
    nc_json_kuint(&w, "n", n);
    nc_json_kuint(&w, "at", at);
    nc_json_kstr(&w, "channel", nc_str(channel_names[ch]));
    nc_json_kstr(&w, "text", text);
    if (snapshot)
        nc_json_kbool(&w, "snapshot", true);
    nc_json_obj_end(&w);
}

static void flush(struct nc_deltas *d)
{
    struct nc_room *r = nc_room_find(d->chat, &d->room);

    for (int i = 0; i < 2; i++) {
        struct nc_delta_channel *c = &d->channel[i];
        struct nc_buf json = {0};
        if (c->sent == c->text.n)
            continue;
        write_delta(d, (enum nc_llm_channel)i, d->n++, c->sent,
                    (struct nc_str){c->text.p + c->sent, c->text.n - c->sent},
                    d->replaces && c->sent == 0, &json);
        c->sent = c->text.n;
        if (r)
            nc_hub_publish_ephemeral(d->chat->hub, &r->topic, "message.delta",
                                     nc_buf_str(&json));
        nc_buf_fini(&json);
    }
    d->flushed_ms = nc_loop_now_ms(d->loop);
}

static void on_flush(struct nc_deadline *at) { flush(nc_of(at, struct nc_deltas, flush)); }

static void on_turn_end(struct nc_task *t)
{
    struct nc_deltas *d = nc_of(t, struct nc_deltas, turn_end);

    nc_loop_deadline(d->loop, &d->flush, 0);
    flush(d);
}

/* As soon as it may be, with all that came in the same turn.  The deadline, which may be
 * late, is for text that is followed by silence. */
static void flush_soon(struct nc_deltas *d)
{
    uint64_t since = nc_loop_now_ms(d->loop) - d->flushed_ms;

    if (since >= FLUSH_MS)
        nc_loop_defer(d->loop, &d->turn_end);
    else if (!d->flush.due)
        nc_loop_deadline(d->loop, &d->flush, FLUSH_MS - since);
}

static void stop_clocks(struct nc_deltas *d)
{
    nc_loop_undefer(d->loop, &d->turn_end);
    nc_loop_deadline(d->loop, &d->flush, 0);
    nc_loop_deadline(d->loop, &d->checkpoint, 0);
}

static void keep(struct nc_deltas *d)
{
    struct nc_str text = nc_deltas_text(d, NC_LLM_TEXT);

    nc_loop_deadline(d->loop, &d->checkpoint, 0);
    if (text.n == d->kept)
        return;
    d->kept = text.n;
    nc_answer_checkpoint(d->chat, &d->message, text);
}

static void on_checkpoint(struct nc_deadline *at)
{
    keep(nc_of(at, struct nc_deltas, checkpoint));
}

void nc_deltas_init(struct nc_deltas *d, struct nc_chat *c, struct nc_loop *l,
                    const struct nc_id *room)
{
    *d = (struct nc_deltas){.chat = c,
                            .loop = l,
                            .room = *room,
                            .turn_end = {.run = on_turn_end},
                            .flush = {.fire = on_flush},
                            .checkpoint = {.fire = on_checkpoint}};
}

void nc_deltas_fini(struct nc_deltas *d)
{
    stop_clocks(d);
    nc_buf_fini(&d->channel[NC_LLM_TEXT].text);
    nc_buf_fini(&d->channel[NC_LLM_REASONING].text);
}

void nc_deltas_begin(struct nc_deltas *d, const struct nc_id *message, uint32_t run)
{
    stop_clocks(d);
    for (int i = 0; i < 2; i++) {
        nc_buf_clear(&d->channel[i].text);
        d->channel[i].sent = 0;
    }
    d->message = *message;
    d->run = run;
    d->replaces = false;
    d->n = 0;
    d->kept = 0;
}

bool nc_deltas_add(struct nc_deltas *d, enum nc_llm_channel ch, struct nc_str piece)
{
    struct nc_delta_channel *c = &d->channel[ch];
    size_t max = d->chat->opts.limits.answer_max; /* it may have been lowered meanwhile */
    size_t room = max > c->text.n ? max - c->text.n : 0;
    bool fits = piece.n <= room;

    if (!fits)
        piece.n = nc_utf8_boundary(piece, room);
    nc_buf_adds(&c->text, piece);
    flush_soon(d);
    if (d->channel[NC_LLM_TEXT].text.n - d->kept >= CHECKPOINT_BYTES)
        keep(d);
    else if (!d->checkpoint.due)
        nc_loop_deadline(d->loop, &d->checkpoint, CHECKPOINT_MS);
    return fits;
}

void nc_deltas_end(struct nc_deltas *d)
{
    flush(d);
    stop_clocks(d);
}

void nc_deltas_snapshot(const struct nc_deltas *d, struct nc_listener *l)
{
    for (int i = 0; i < 2; i++) {
        const struct nc_delta_channel *c = &d->channel[i];
        struct nc_buf json = {0};
        if (c->sent == 0)
            continue;
        write_delta(d, (enum nc_llm_channel)i, d->n - 1, 0,
                    (struct nc_str){c->text.p, c->sent}, true, &json);
        nc_hub_tell(d->chat->hub, l, "message.delta", nc_buf_str(&json));
        nc_buf_fini(&json);
    }
}

struct nc_str nc_deltas_text(const struct nc_deltas *d, enum nc_llm_channel ch)
{
    struct nc_str text = nc_buf_str(&d->channel[ch].text);
    size_t max = d->chat->opts.limits.answer_max;

    if (text.n > max)
        text.n = nc_utf8_boundary(text, max);
    return text;
}
