/* Answers that grow: what everybody has been told of them, told again as a whole now and
 * then, for those who came in the middle. */
#include <stdlib.h>
#include <string.h>

#include "mesh/users_parts.h"
#include "wire/json.h"
#include "wire/json_in.h"

enum {
    SNAPSHOT_MS = 3000,
    STREAMS_MAX = 256,
    TEXT_MAX = 4 << 20, /* of one channel: answers have a limit of their own below it */
};

static const char *const channels[] = {"text", "reasoning", NULL};

struct stream {
    struct nc_id message, room;
    uint64_t run, n; /* of the delta that came last */
    struct nc_buf text[2];
    bool grown; /* since it was told as a whole */
};

static void stream_free(struct nc_users *u, struct stream *s)
{
    nc_map_del(&u->streams, &s->message, sizeof s->message);
    for (int i = 0; i < 2; i++)
        nc_buf_fini(&s->text[i]);
    free(s);
}

static struct stream *stream_of(struct nc_users *u, const struct nc_id *message,
                                const struct nc_id *room)
{
    struct stream *s = nc_map_get(&u->streams, message, sizeof *message);

    if (s || u->streams.n >= STREAMS_MAX)
        return s;
    s = nc_alloc(sizeof *s);
    s->message = *message;
    s->room = *room;
    nc_map_put(&u->streams, &s->message, sizeof s->message, s);
    return s;
}

/* The node's own JSON, told to everybody just now. */
void nc_users_delta(struct nc_users *u, struct nc_str json)
{
    struct nc_id message, room;
    int64_t run, n, at;
    unsigned channel;
    struct nc_str text;
    struct stream *s = NULL;
    json_t *doc;

    if (nc_json_parse(json, &doc, NULL) != NC_OK)
        return;
    if (nc_json_need_id(doc, "message_id", &message, NULL) == NC_OK &&
        nc_json_need_id(doc, "room", &room, NULL) == NC_OK &&
        nc_json_need_int(doc, "run", 0, INT64_MAX, &run, NULL) == NC_OK &&
        nc_json_need_int(doc, "n", 0, INT64_MAX, &n, NULL) == NC_OK &&
        nc_json_need_int(doc, "at", 0, TEXT_MAX, &at, NULL) == NC_OK &&
        nc_json_need_word(doc, "channel", channels, &channel, NULL) == NC_OK)
        s = stream_of(u, &message, &room);
    if (s) {
        struct nc_buf *b = &s->text[channel];
        text = nc_json_text(json_object_get(doc, "text"));
        if ((uint64_t)run != s->run)
            for (int i = 0; i < 2; i++)
                nc_buf_clear(&s->text[i]);
        if ((size_t)at < b->n) /* said anew from there on */
            b->n = (size_t)at;
        if ((size_t)at == b->n && b->n + text.n <= TEXT_MAX)
            nc_buf_adds(b, text);
        s->run = (uint64_t)run;
        s->n = (uint64_t)n;
        s->grown = true;
        if (!u->snapshots.due)
            nc_loop_deadline(u->o.loop, &u->snapshots, SNAPSHOT_MS);
    }
    json_decref(doc);
}

void nc_users_grown(struct nc_users *u, struct nc_str json)
{
    static const char mark[] = "\"message\":{\"id\":\"";
    struct nc_id message;
    const char *at = u->streams.n ? memmem(json.p, json.n, mark, sizeof mark - 1) : NULL;

    if (!at)
        return;
    struct nc_str id = {at + sizeof mark - 1, NC_ID_TEXT};
    if (id.p + id.n > json.p + json.n || nc_id_parse(id, &message) != NC_OK)
        return;
    struct stream *s = nc_map_get(&u->streams, &message, sizeof message);
    if (s)
        stream_free(u, s);
}

static void tell_whole(const struct stream *s, void (*tell)(void *arg, struct nc_str json),
                       void *arg)
{
    for (int i = 0; i < 2; i++) {
        struct nc_buf b = {0};
        struct nc_json j = nc_json_to(&b);
        if (!s->text[i].n)
            continue;
        nc_json_obj(&j);
        nc_json_kstr(&j, "type", NC_STR("message.delta"));
        nc_json_kid(&j, "room", &s->room);
        nc_json_kid(&j, "message_id", &s->message);
        nc_json_kuint(&j, "run", s->run);
        nc_json_kuint(&j, "n", s->n);
        nc_json_kuint(&j, "at", 0);
        nc_json_kstr(&j, "channel", nc_str(channels[i]));
        nc_json_kstr(&j, "text", nc_buf_str(&s->text[i]));
        nc_json_kbool(&j, "snapshot", true);
        nc_json_obj_end(&j);
        tell(arg, nc_buf_str(&b));
        nc_buf_fini(&b);
    }
}

bool nc_users_snapshot(struct nc_users *u, const struct nc_id *room,
                       const struct nc_id *message,
                       void (*tell)(void *arg, struct nc_str json), void *arg)
{
    struct stream *s =
        u->streams.n ? nc_map_get(&u->streams, message, sizeof *message) : NULL;

    if (!s || !nc_id_eq(&s->room, room) || !(s->text[0].n + s->text[1].n))
        return false;
    tell_whole(s, tell, arg);
    return true;
}

struct telling {
    struct nc_users *users;
    const struct stream *s;
};

static void tell_room(void *arg, struct nc_str json)
{
    struct telling *t = arg;
    nc_users_tell_room(t->users, &t->s->room, json);
}

static void on_snapshots(struct nc_deadline *d)
{
    struct nc_users *u = nc_of(d, struct nc_users, snapshots);
    size_t at = 0;

    for (struct stream *s; (s = nc_map_next(&u->streams, &at));)
        if (s->grown) {
            s->grown = false;
            tell_whole(s, tell_room, &(struct telling){u, s});
        }
    if (u->streams.n)
        nc_loop_deadline(u->o.loop, &u->snapshots, SNAPSHOT_MS);
}

void nc_users_live_open(struct nc_users *u) { u->snapshots.fire = on_snapshots; }

void nc_users_live_close(struct nc_users *u)
{
    size_t at = 0;

    nc_loop_deadline(u->o.loop, &u->snapshots, 0);
    for (struct stream *s; (s = nc_map_next(&u->streams, &at));)
        stream_free(u, s);
    nc_map_fini(&u->streams);
}
