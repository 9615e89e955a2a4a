/* What is seen and not kept, told to other nodes and by them; sync is played. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live_world.h"

#include "chat/live/hub_parts.h"
#include "chat/live/presence.h"
#include "mesh/ephemera.h"
#include "mesh/sync.h"

/* ---- sync, played ------------------------------------------------------------------- */

struct nc_sync {
    struct nc_sync_hook *hook;
    unsigned here, sent;
    enum nc_err answer;
    enum nc_ephemeral what;
    struct nc_id room;
    struct nc_buf json; /* of what was sent, one behind the other */
};
static struct nc_sync sync;

void nc_sync_hook(struct nc_sync *s, struct nc_sync_hook *h) { s->hook = h; }
void nc_sync_unhook(struct nc_sync *s, struct nc_sync_hook *h)
{
    assert_ptr_equal(s->hook, h);
    s->hook = NULL;
}
unsigned nc_sync_here_n(const struct nc_sync *s) { return s->here; }
enum nc_err nc_sync_send(struct nc_sync *s, const struct nc_id *to,
                         const struct nc_frame *f)
{
    (void)to;
    assert_int_equal(f->type, NC_FRAME_EPHEMERAL);
    if (s->answer != NC_OK)
        return s->answer;
    s->sent++;
    s->what = f->ephemeral.what;
    s->room = f->ephemeral.room;
    nc_buf_adds(&s->json, f->ephemeral.json);
    nc_buf_addc(&s->json, '\n');
    return NC_OK;
}
void nc_frame_fini(struct nc_frame *f) { nc_buf_fini(&f->records); }

/* ---- a world ------------------------------------------------------------------------ */

static struct world *w;
static struct nc_ephemera *e;
static struct nc_frame frame;

static void begin(void)
{
    static const struct nc_presence_times quick = {60, 50, 60000, 20, 20000};

    sync = (struct nc_sync){.here = 1};
    w = world_new();
    nc_presence_free(w->chat.hub->presence);
    w->chat.hub->presence = nc_presence_new(&w->chat, &quick);
    join(w, 0, 0);
    join(w, 0, 1);
    world_settle(w);
    e = nc_ephemera_new(w->loop, &w->chat, &sync);
}

static void end(void)
{
    nc_ephemera_free(e);
    assert_null(sync.hook);
    nc_buf_fini(&sync.json);
    world_free(w);
}

static bool said(const char *text)
{
    return sync.json.n && memmem(sync.json.p, sync.json.n, text, strlen(text));
}

static void until_said(const char *text)
{
    uint64_t begun = nc_mono_ms();

    while (!said(text)) {
        assert_true(nc_mono_ms() - begun < 30000);
        world_turn(w);
    }
}

static const char *id_of(unsigned user)
{
    static char text[2][NC_ID_TEXT + 1];

    nc_id_text(&w->users[user].a.id, text[user & 1]);
    return text[user & 1];
}

/* Of node number n. */
static void comes(unsigned n, enum nc_ephemeral what, unsigned room, const char *json)
{
    struct nc_id from = {.b = {[0] = (uint8_t)n}};

    frame.type = NC_FRAME_EPHEMERAL;
    frame.ephemeral.what = what;
    frame.ephemeral.room = w->rooms[room].rec.id;
    frame.ephemeral.json = nc_str(json);
    sync.hook->ops->frame(sync.hook, NULL, &from, &frame);
}

static void peer(unsigned n, bool here)
{
    struct nc_id from = {.b = {[0] = (uint8_t)n}};

    sync.hook->ops->peer(sync.hook, &from, here, false);
}

static bool counted(const char *line)
{
    struct nc_buf out = {0};

    nc_ephemera_metrics(e, &out);
    bool has = memmem(out.p, out.n, line, strlen(line)) != NULL;
    nc_buf_fini(&out);
    return has;
}

static bool online(unsigned user) { return nc_presence_online(&w->chat, &w->users[user]); }

/* JSON with the room's id for @. */
static const char *of_room(unsigned room, const char *json)
{
    static char text[512];
    const char *at = strchr(json, '@');
    char id[NC_ID_TEXT + 1] = "";

    if (!at)
        return json;
    nc_id_text(&w->rooms[room].rec.id, id);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - json), json, id, at + 1);
    return text;
}

#define DELTA "{\"type\":\"message.delta\",\"room\":\"@\",\"text\":\"word\"}"

static void deltas_go_out_and_those_that_came_do_not_go_back(void **state)
{
    struct ear *a;

    (void)state;
    begin();
    a = ear_new(&w->users[0], NC_ENC_JSON);
    ear_attach_head(w, a);
    world_settle(w);
    nc_hub_publish_ephemeral(w->chat.hub, &w->rooms[0].topic, "message.delta",
                             nc_str(of_room(0, DELTA)));
    assert_int_equal(sync.sent, 1);
    assert_int_equal(sync.what, NC_EPHEMERAL_DELTA);
    assert_true(nc_id_eq(&sync.room, &w->rooms[0].rec.id));
    comes(1, NC_EPHEMERAL_DELTA, 0, of_room(0, DELTA));
    world_settle(w);
    assert_int_equal(sync.sent, 1);
    assert_true(ear_heard(a, "word"));
    assert_true(counted("{what=\"delta\",way=\"in\"} 1\n"));
    assert_true(counted("{what=\"delta\",way=\"out\"} 1\n"));
    /* Nobody is there to be told; then somebody is, and there is no way. */
    sync.here = 0;
    nc_hub_publish_ephemeral(w->chat.hub, &w->rooms[0].topic, "message.delta",
                             nc_str(of_room(0, DELTA)));
    assert_true(counted("unsaid_total 0\n"));
    sync.here = 1;
    sync.answer = NC_AGAIN;
    nc_hub_publish_ephemeral(w->chat.hub, &w->rooms[0].topic, "message.delta",
                             nc_str(of_room(0, DELTA)));
    assert_true(counted("unsaid_total 1\n"));
    ear_free(w, a);
    end();
}

static void what_is_nothing_is_counted_and_not_shown(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{\"type\":\"message.delta\"}",
        "{\"type\":\"message.created\",\"room\":\"@\"}",
        "{\"type\":\"message.delta\",\"room\":\"00000000-0000-7000-8000-000000000000\"}",
        "{\"type\":\"message.delta\",\n\"room\":\"@\"}"};
    struct ear *a;
    char line[64];

    (void)state;
    begin();
    a = ear_new(&w->users[0], NC_ENC_JSON);
    ear_attach_head(w, a);
    world_settle(w);
    size_t before = a->heard.n;
    for (unsigned i = 0; i < NC_COUNT(bad); i++)
        comes(1, NC_EPHEMERAL_DELTA, 0, of_room(0, bad[i]));
    comes(1, NC_EPHEMERAL_TYPING, 0, of_room(0, "{\"type\":\"typing\",\"room\":\"@\"}"));
    comes(1, NC_EPHEMERAL_PRESENCE, 0, "{\"round\":-1,\"here\":[]}");
    comes(1, (enum nc_ephemeral)77, 0, "of a later version");
    world_settle(w);
    assert_int_equal(a->heard.n, before);
    snprintf(line, sizeof line, "refused_total %u\n", (unsigned)NC_COUNT(bad) + 3);
    assert_true(counted(line));
    ear_free(w, a);
    end();
}

static void who_types_there_types_here_if_he_is_in_the_room(void **state)
{
    struct ear *a;
    char json[256], room[NC_ID_TEXT + 1] = "";

    (void)state;
    begin();
    a = ear_new(&w->users[0], NC_ENC_JSON);
    ear_attach_head(w, a);
    world_settle(w);
    nc_id_text(&w->rooms[0].rec.id, room);
    for (unsigned user = 1; user <= 2; user++) { /* the second is in no room */
        snprintf(json, sizeof json,
                 "{\"type\":\"typing\",\"room\":\"%s\",\"user\":{\"id\":\"%s\"},"
                 "\"typing\":true}",
                 room, id_of(user));
        comes(1, NC_EPHEMERAL_TYPING, 0, json);
    }
    world_settle(w);
    assert_true(ear_heard(a, "\"type\":\"typing\""));
    assert_true(ear_heard(a, "user1"));
    assert_false(ear_heard(a, "user2"));
    assert_false(said("typing")); /* it came from elsewhere */
    assert_true(counted("{what=\"typing\",way=\"in\"} 1\n"));
    assert_true(counted("refused_total 1\n"));
    ear_free(w, a);
    end();
}

static void who_is_there_is_here_until_the_node_is_gone_or_says_so(void **state)
{
    char json[256];

    (void)state;
    begin();
    snprintf(json, sizeof json, "{\"round\":1,\"here\":[\"%s\"],\"last\":true}", id_of(1));
    comes(1, NC_EPHEMERAL_PRESENCE, 0, json);
    comes(2, NC_EPHEMERAL_PRESENCE, 0, json);
    assert_true(online(1));
    peer(1, false);
    assert_true(online(1)); /* at the other */
    snprintf(json, sizeof json, "{\"gone\":[\"%s\"]}", id_of(1));
    comes(2, NC_EPHEMERAL_PRESENCE, 0, json);
    assert_false(online(1));
    comes(2, NC_EPHEMERAL_PRESENCE, 0, json); /* once more: nothing goes below nobody */
    assert_false(online(1));
    /* One telling may be lost, not two. */
    snprintf(json, sizeof json, "{\"round\":2,\"here\":[\"%s\"],\"last\":true}", id_of(1));
    comes(1, NC_EPHEMERAL_PRESENCE, 0, json);
    comes(1, NC_EPHEMERAL_PRESENCE, 0, "{\"round\":3,\"here\":[],\"last\":true}");
    assert_true(online(1));
    comes(1, NC_EPHEMERAL_PRESENCE, 0, "{\"round\":4,\"here\":[],\"last\":true}");
    assert_false(online(1));
    end();
}

static void
who_comes_by_a_broker_is_told_to_other_nodes_who_comes_by_these_is_not(void **state)
{
    char json[256];

    (void)state;
    begin();
    snprintf(json, sizeof json, "{\"round\":1,\"here\":[\"%s\"],\"last\":true}", id_of(0));
    comes(1, NC_EPHEMERAL_PRESENCE, 0, json);
    nc_presence_broker(&w->chat, &w->users[1], true);
    assert_true(online(0) && online(1));
    until_said("\"here\":[");
    snprintf(json, sizeof json, "{\"gone\":[],\"here\":[\"%s\"]}", id_of(1));
    assert_true(said(json));
    assert_false(said(id_of(0)));
    /* A second broker says nothing new; only when the last one takes it back he is gone. */
    nc_presence_broker(&w->chat, &w->users[1], true);
    nc_presence_broker(&w->chat, &w->users[1], false);
    assert_true(nc_presence_by_us(&w->users[1]));
    nc_presence_broker(&w->chat, &w->users[1], false);
    assert_false(online(1));
    snprintf(json, sizeof json, "{\"gone\":[\"%s\"],\"here\":[]}", id_of(1));
    until_said(json);
    /* A node that comes is told of all: those who are here by a broker, too. */
    nc_presence_broker(&w->chat, &w->users[1], true);
    nc_buf_clear(&sync.json);
    peer(2, true);
    snprintf(json, sizeof json, "\"here\":[\"%s\"],\"last\":true", id_of(1));
    until_said(json);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deltas_go_out_and_those_that_came_do_not_go_back),
        cmocka_unit_test(what_is_nothing_is_counted_and_not_shown),
        cmocka_unit_test(who_types_there_types_here_if_he_is_in_the_room),
        cmocka_unit_test(who_is_there_is_here_until_the_node_is_gone_or_says_so),
        cmocka_unit_test(
            who_comes_by_a_broker_is_told_to_other_nodes_who_comes_by_these_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
