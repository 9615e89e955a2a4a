/* client/model: events and pages, in any order, as what is shown */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/ai_words.h"
#include "client/model.h"
#include "client/words.h"
#include "client_said.h"

#define ME "01890000-0000-7000-8000-0000000000aa"
#define OLGA "01890000-0000-7000-8000-0000000000bb"
#define ROOM "01890000-0000-7000-8000-000000000001"
#define OTHER "01890000-0000-7000-8000-000000000002"

static struct nc_model start(void)
{
    struct nc_model m = {0};
    struct nc_id me = id(ME);
    json_t *rooms =
        json("[{\"id\":\"" ROOM "\",\"name\":\"Кухня\",\"kind\":\"room\",\"visibility\":"
             "\"public\",\"topic\":\"t\",\"members_count\":2,\"unread\":2,\"mentions\":1,"
             "\"role\":\"member\"},"
             "{\"id\":\"" OTHER "\",\"name\":\"Olga P\",\"kind\":\"direct\",\"visibility\":"
             "\"private\",\"members\":[{\"id\":\"" ME
             "\",\"username\":\"me\"},{\"id\":\"" OLGA "\",\"username\":\"olga\"}]}]");

    nc_model_me(&m, 0, &me, "me");
    nc_model_take_rooms(&m, 0, rooms);
    json_decref(rooms);
    assert_int_equal(m.n, 2);
    return m;
}

/* One message object; extra: further members, with a comma in front. */
static json_t *message(unsigned n, const char *sender, const char *text, const char *extra)
{
    return json(
        "{\"id\":\"01900000-0000-7000-8000-%012u\",\"room\":\"" ROOM
        "\",\"sender\":{\"id\":\"%s\",\"username\":\"%s\",\"display_name\":\"D\",\"kind\":"
        "\"user\"},\"kind\":\"text\",\"text\":\"%s\",\"created_at\":"
        "\"2026-01-02T03:04:05.000Z\",\"mentions\":[],\"state\":\"complete\"%s}",
        n, sender, strcmp(sender, ME) == 0 ? "me" : "olga", text, extra);
}

static unsigned feed(struct nc_model *m, const struct nc_model_room *seen, json_t *event)
{
    struct nc_model_room *room;
    unsigned changed = nc_model_event(m, 0, event, 1000, seen, &room);

    json_decref(event);
    return changed;
}

static unsigned feed_message(struct nc_model *m, const struct nc_model_room *seen,
                             const char *type, json_t *msg)
{
    return feed(m, seen, json_pack("{s:s, s:o}", "type", type, "message", msg));
}

static unsigned feed_delta(struct nc_model *m, unsigned n, int run, int seq, unsigned at,
                           const char *text, const char *extra)
{
    return feed(
        m, NULL,
        json("{\"type\":\"message.delta\",\"room\":\"" ROOM
             "\",\"message_id\":\"01900000-0000-7000-8000-%012u\",\"run\":%d,\"n\":%d,"
             "\"at\":%u,\"channel\":\"text\",\"text\":\"%s\"%s}",
             n, run, seq, at, text, extra));
}

static void assert_text(const struct nc_model_room *r, unsigned n, const char *want)
{
    struct nc_id mid = message_id(n);
    const struct nc_model_message *x = nc_model_message(r, &mid);

    assert_non_null(x);
    assert_int_equal(x->text.n, strlen(want));
    assert_memory_equal(x->text.p, want, x->text.n);
}

static void test_finding_rooms(void **state)
{
    struct nc_model m = start();
    bool ambiguous;

    (void)state;
    assert_non_null(nc_model_find(&m, nc_str("кухня"), &ambiguous));
    assert_non_null(nc_model_find(&m, NC_STR("@olga"), &ambiguous));
    assert_non_null(nc_model_find(&m, NC_STR(ROOM), &ambiguous));
    assert_null(nc_model_find(&m, NC_STR("nowhere"), &ambiguous));
    assert_false(ambiguous);
    json_t *twin =
        json("{\"id\":\"01890000-0000-7000-8000-000000000003\",\"name\":\"Кухня\","
             "\"kind\":\"room\"}");
    nc_model_take_room(&m, 0, twin);
    json_decref(twin);
    assert_null(nc_model_find(&m, nc_str("Кухня"), &ambiguous));
    assert_true(ambiguous);
    nc_model_fini(&m);
}

static void test_twice_and_out_of_order(void **state)
{
    struct nc_model m = start();
    struct nc_id room = id(ROOM);
    struct nc_model_room *r = nc_model_room(&m, &room);

    (void)state;
    feed_message(&m, r, "message.created", message(3, OLGA, "three", ""));
    feed_message(&m, r, "message.created", message(1, OLGA, "one", ""));
    json_t *page = json_pack("{s:[o,o], s:b}", "messages", message(2, ME, "two", ""),
                             message(3, OLGA, "three", ""), "has_more", 1);
    nc_model_take_page(&m, 0, r, page, false);
    json_decref(page);
    feed_message(&m, r, "message.created", message(2, ME, "two", ""));
    assert_int_equal(r->n, 3);
    for (unsigned i = 0; i < 3; i++) {
        struct nc_id want = message_id(i + 1);
        assert_true(nc_id_eq(&r->messages[i]->id, &want));
    }
    assert_true(r->loaded && r->has_more);
    assert_true(nc_model_last_own(r) == r->messages[1]);
    nc_model_fini(&m);
}

static void test_unread(void **state)
{
    struct nc_model m = start();
    struct nc_id room = id(ROOM), want = message_id(2);
    struct nc_model_room *r = nc_model_room(&m, &room);

    (void)state;
    /* Two are unread: the line stands above the second last of others. */
    json_t *page = json_pack("{s:[o,o,o,o], s:b}", "messages", message(1, OLGA, "1", ""),
                             message(2, OLGA, "2", ""), message(3, ME, "3", ""),
                             message(4, OLGA, "4", ""), "has_more", 0);
    nc_model_take_page(&m, 0, r, page, false);
    json_decref(page);
    assert_true(nc_id_eq(&r->first_unread, &want));
    assert_true(nc_model_read(r));
    assert_false(nc_model_read(r));
    assert_int_equal(r->unread, 0);

    assert_int_equal(feed_message(&m, r, "message.created", message(5, OLGA, "x", "")) &
                         NC_CHANGED_ROOMS,
                     0);
    assert_int_equal(r->unread, 0); /* looked at */
    unsigned changed = feed_message(&m, NULL, "message.created",
                                    message(6, OLGA, "@me", ",\"mentions\":[\"me\"]"));
    /* The duplicate key is the last one's: jansson takes it here. */
    assert_true(changed & NC_CHANGED_MENTION);
    assert_int_equal(r->unread, 1);
    assert_int_equal(r->mentions, 1);
    feed_message(&m, NULL, "message.created", message(7, ME, "mine", ""));
    feed_message(&m, NULL, "message.created", message(6, OLGA, "@me", ""));
    assert_int_equal(r->unread, 1);
    feed(&m, NULL,
         json("{\"type\":\"read\",\"room\":\"" ROOM
              "\",\"message_id\":\"01900000-0000-7000-8000-%012u\"}",
              6u));
    assert_int_equal(r->unread, 0);
    assert_int_equal(r->mentions, 0);
    nc_model_fini(&m);
}

static void test_edit_and_delete(void **state)
{
    struct nc_model m = start();
    struct nc_id room = id(ROOM);
    struct nc_model_room *r = nc_model_room(&m, &room);

    (void)state;
    feed_message(&m, r, "message.created", message(1, ME, "one", ""));
    feed_message(&m, r, "message.updated",
                 message(1, ME, "uno", ",\"edited_at\":\"2026-01-02T03:04:06.000Z\""));
    assert_text(r, 1, "uno");
    assert_true(r->messages[0]->edited);
    feed_message(&m, r, "message.deleted", message(1, ME, "", ",\"deleted\":true"));
    assert_true(r->messages[0]->deleted);
    assert_text(r, 1, "");
    assert_null(nc_model_last_own(r));
    feed_message(&m, r, "message.updated", message(9, OLGA, "never seen", ""));
    assert_int_equal(r->n, 1);
    nc_model_fini(&m);
}

static void test_an_answer_grows(void **state)
{
    struct nc_model m = start();
    struct nc_id room = id(ROOM);
    struct nc_model_room *r = nc_model_room(&m, &room);
    json_t *msg = message(1, OLGA, "", "");

    (void)state;
    json_object_set_new(msg, "state", json_string("streaming"));
    feed_message(&m, NULL, "message.created", msg);
    assert_int_equal(r->unread, 2); /* not before it is complete */
    feed_delta(&m, 1, 0, 0, 0, "При", "");
    feed_delta(&m, 1, 0, 1, 6, "вет", "");
    assert_int_equal(feed_delta(&m, 1, 0, 1, 6, "вет", ""), 0); /* a copy */
    assert_text(r, 1, "Привет");
    feed_delta(&m, 1, 0, 3, 20, "lost one", "");
    feed_delta(&m, 1, 0, 4, 28, "!", "");
    assert_text(r, 1, "Привет"); /* a gap: nothing wrong is shown */
    feed_delta(&m, 1, 0, 4, 0, "Привет, мир", ",\"snapshot\":true");
    feed_delta(&m, 1, 0, 5, 20, "!", "");
    assert_text(r, 1, "Привет, мир!");
    feed_delta(&m, 1, 1, 0, 0, "Again", ""); /* a fallback model begins anew */
    feed_delta(&m, 1, 0, 6, 21, "?", "");
    assert_text(r, 1, "Again");
    assert_true(nc_model_running(r) == r->messages[0]);
    feed_message(&m, NULL, "message.completed", message(1, OLGA, "Again, whole", ""));
    assert_text(r, 1, "Again, whole");
    assert_null(nc_model_running(r));
    assert_int_equal(r->unread, 3);
    feed_delta(&m, 1, 1, 1, 5, "late", "");
    assert_text(r, 1, "Again, whole");
    nc_model_fini(&m);
}

static void test_a_snapshot_before_its_message(void **state)
{
    struct nc_model m = start();
    struct nc_id room = id(ROOM);
    struct nc_model_room *r = nc_model_room(&m, &room);
    json_t *msg = message(1, OLGA, "He", "");

    (void)state;
    json_object_set_new(msg, "state", json_string("streaming"));
    /* The socket is faster than the history. */
    feed_delta(&m, 1, 0, 7, 0, "Hello", ",\"snapshot\":true");
    feed_delta(&m, 1, 0, 8, 5, " wor", "");
    json_t *page = json_pack("{s:[o], s:b}", "messages", msg, "has_more", 0);
    nc_model_take_page(&m, 0, r, page, false);
    json_decref(page);
    assert_text(r, 1, "Hello wor");
    feed_delta(&m, 1, 0, 9, 9, "ld", "");
    assert_text(r, 1, "Hello world");
    for (unsigned i = 100; i < 300; i++)
        feed_delta(&m, i, 0, 0, 0, "x", ""); /* bounded */
    assert_int_equal(m.orphans_n, NC_MODEL_ORPHANS);
    nc_model_fini(&m);
}

/* An answer of olga's: state, how many there are, which is shown. */
static json_t *answer(unsigned n, const char *text, const char *state, unsigned count,
                      unsigned chosen)
{
    json_t *msg = message(n, OLGA, text, "");

    json_object_set_new(msg, "state", json_string(state));
    json_object_set_new(json_object_get(msg, "sender"), "kind", json_string("persona"));
    if (count > 1)
        json_object_set_new(
            msg, "alternatives",
            json_pack("{s:i, s:i}", "count", (int)count, "chosen", (int)chosen));
    return msg;
}

static void test_an_answer_begins_anew(void **state)
{
    struct nc_model m = start();
    struct nc_id room = id(ROOM);
    struct nc_model_room *r = nc_model_room(&m, &room);

    (void)state;
    feed_message(&m, r, "message.created", answer(1, "", "streaming", 0, 0));
    feed_delta(&m, 1, 0, 0, 0, "first", "");
    feed_message(&m, r, "message.completed", answer(1, "first", "complete", 0, 0));
    assert_true(nc_model_last_answer(r) == r->messages[0]);
    assert_true(nc_model_read(r));
    assert_false(nc_model_read(r));
    /* Regenerated: empty, and growing. */
    feed_message(&m, r, "message.updated", answer(1, "", "streaming", 2, 1));
    assert_text(r, 1, "");
    assert_null(nc_model_last_answer(r));
    assert_true(nc_model_running(r) == r->messages[0]);
    feed_delta(&m, 1, 0, 1, 5, "stale", ""); /* of the run before */
    feed_delta(&m, 1, 1, 0, 0, "sec", "");
    feed_delta(&m, 1, 1, 1, 3, "ond", "");
    assert_text(r, 1, "second");
    /* A page that was read before comes late. */
    json_t *page = json_pack("{s:[o], s:b}", "messages",
                             answer(1, "first", "complete", 0, 0), "has_more", 0);
    nc_model_take_page(&m, 0, r, page, false);
    json_decref(page);
    assert_text(r, 1, "second");
    assert_int_equal(r->messages[0]->state, NC_ANSWER_STREAMING);
    feed_message(&m, r, "message.completed", answer(1, "second", "complete", 2, 1));
    page = json_pack("{s:[o], s:b}", "messages", answer(1, "sec", "streaming", 2, 1),
                     "has_more", 0);
    nc_model_take_page(&m, 0, r, page, false);
    json_decref(page);
    assert_text(r, 1, "second");
    assert_int_equal(r->messages[0]->state, NC_ANSWER_COMPLETE);
    /* It came whole behind what was read, so that is told once more. */
    assert_true(nc_model_read(r));
    assert_false(nc_model_read(r));
    /* The first one is chosen, and another asked for: its run is the third. */
    feed_message(&m, r, "message.updated", answer(1, "first", "complete", 2, 0));
    assert_text(r, 1, "first");
    assert_int_equal(r->messages[0]->chosen, 0);
    assert_int_equal(r->messages[0]->alternatives, 2);
    feed_delta(&m, 1, 1, 2, 6, "stale", "");
    assert_text(r, 1, "first");
    feed_delta(&m, 1, 2, 0, 0, "third", ""); /* the deltas alone would do */
    assert_text(r, 1, "third");
    nc_model_fini(&m);
}

static void test_thoughts_are_kept_apart(void **state)
{
    struct nc_model m = start();
    struct nc_id room = id(ROOM);
    struct nc_model_room *r = nc_model_room(&m, &room);
    struct nc_buf b = {0};

    (void)state;
    feed_message(&m, r, "message.created", answer(1, "", "streaming", 0, 0));
    feed_delta(&m, 1, 0, 0, 0, "ду\\u001bмаю", ",\"channel\":\"reasoning\"");
    nc_say_thoughts(&b, r->messages[0], true);
    assert_true(nc_str_eqz(nc_buf_str(&b), "thinking... 6"));
    feed_delta(&m, 1, 0, 1, 0, "said", "");
    assert_text(r, 1, "said");
    feed_delta(&m, 1, 0, 1, 0, "other", ",\"channel\":\"reasoning\",\"snapshot\":true");
    assert_true(nc_str_eqz(nc_buf_str(&r->messages[0]->reasoning), "other"));
    assert_text(r, 1, "said");
    feed_delta(&m, 1, 1, 0, 0, "anew", "");
    assert_int_equal(r->messages[0]->reasoning.n, 0);
    nc_buf_fini(&b);
    nc_model_fini(&m);
}

static void assert_words(struct nc_buf *b, const char *want)
{
    nc_buf_addc(b, '\0');
    assert_string_equal(b->p, want);
    nc_buf_clear(b);
}

static void test_how_an_answer_came_to_be(void **state)
{
    struct nc_model m = start();
    struct nc_id room = id(ROOM);
    struct nc_model_room *r = nc_model_room(&m, &room);
    json_t *msg = answer(1, "short", "stopped", 3, 1);
    struct nc_buf b = {0};

    (void)state;
    json_object_set_new(
        msg, "ai",
        json("{\"model\":\"tiny\",\"destination\":\"lan:box\",\"prompt_tokens\":10,"
             "\"completion_tokens\":11,\"estimated\":true,\"omitted_messages\":12,"
             "\"reasoning_chars\":2,\"reason\":\"length\",\"parts\":[{\"model\":\"big\"},"
             "{\"model\":\"tiny\"}]}"));
    feed_message(&m, r, "message.created", msg);
    const struct nc_model_message *x = r->messages[0];
    nc_say_answer(&b, x, false);
    assert_words(&b, "‹2/3› tiny · local network: box · instead of big · 12 earlier "
                     "messages not included · "
                     "~21 tokens (10 + 11)");
    assert_string_equal(nc_say_reason(&x->ai), "as long as an answer may be");
    nc_words_russian(true);
    nc_say_answer(&b, x, true);
    assert_words(&b, "<2/3> tiny - локальная сеть: box - вместо big - не вошло 12 более "
                     "ранних сообщений "
                     "- ~21 токен (10 + 11)");
    nc_say_thoughts(&b, x, true);
    assert_words(&b, "размышления, 2 знака");
    nc_words_russian(false);
    nc_buf_fini(&b);
    nc_model_fini(&m);
}

static void test_who_answers_where(void **state)
{
    struct nc_model m = start();
    struct nc_id room = id(ROOM);
    struct nc_model_room *r = nc_model_room(&m, &room);
    struct nc_buf b = {0};

    (void)state;
    nc_say_room(&b, &r->ai, false, true);
    assert_int_equal(b.n, 0);
    json_t *whole = json(
        "{\"id\":\"" ROOM "\",\"kind\":\"room\",\"ai\":{\"allowed\":true,"
        "\"destination\":\"lan\"},\"personas\":[{\"username\":\"olga\",\"display_name\":"
        "\"Ольга\",\"model\":\"box/tiny\",\"destination\":\"this_node\",\"state\":\"up\"},"
        "{\"username\":\"bob\",\"display_name\":\"Bob\",\"model\":\"big\","
        "\"destination\":\"\",\"state\":\"too_far\"},{\"username\":\"eve\","
        "\"display_name\":\"Eve\",\"state\":\"missing\"}]}");
    nc_model_room_ai_take(&r->ai, whole);
    json_decref(whole);
    nc_say_room(&b, &r->ai, false, true);
    assert_words(&b, "Ольга -> this node (box/tiny) - Bob: farther than this room allows - "
                     "Eve: no model - limit: local network");
    nc_words_russian(true);
    nc_say_room(&b, &r->ai, true, false);
    assert_words(&b, "Ольга → этот узел");
    /* The event knows the settings, not who is there. */
    unsigned changed =
        feed(&m, NULL,
             json("{\"type\":\"room.updated\",\"room\":{\"id\":\"" ROOM
                  "\",\"name\":\"Зал\",\"kind\":\"room\",\"ai\":{\"allowed\":false}}}"));
    assert_true(changed & NC_CHANGED_AI);
    nc_say_room(&b, &r->ai, false, false);
    assert_words(&b, "ИИ здесь выключен");
    nc_words_russian(false);
    nc_buf_fini(&b);
    nc_model_fini(&m);
}

static void feed_job(struct nc_model *m, unsigned n, const char *job_state,
                     unsigned position)
{
    feed(m, NULL,
         json("{\"type\":\"job.updated\",\"room\":\"" ROOM
              "\",\"job\":{\"id\":\"01910000-0000-7000-8000-%012u\",\"state\":\"%s\","
              "\"position\":%u,\"waiting_ms\":500,\"question\":"
              "\"01900000-0000-7000-8000-%012u\",\"persona\":\"olga\"}}",
              n, job_state, position, n));
}

static void test_questions_that_wait(void **state)
{
    struct nc_model m = start();
    struct nc_id room = id(ROOM);
    struct nc_model_room *r = nc_model_room(&m, &room);
    struct nc_buf b = {0};

    (void)state;
    feed_job(&m, 1, "queued", 3);
    feed_job(&m, 2, "queued", 12);
    feed_job(&m, 1, "queued", 2);
    assert_int_equal(r->ai.waiting_n, 2);
    nc_say_waiting(&b, &r->ai, &r->ai.waiting[0], 13000); /* told at 1000 */
    assert_words(&b, "olga: 2nd in line, 12 s");
    nc_say_waiting(&b, &r->ai, &r->ai.waiting[1], 1000);
    assert_words(&b, "olga: 12th in line, 0 s");
    nc_words_russian(true);
    nc_say_waiting(&b, &r->ai, &r->ai.waiting[0], 13000);
    assert_words(&b, "olga: 2-й в очереди, 12 с");
    nc_words_russian(false);
    feed_job(&m, 2, "running", 0);
    assert_int_equal(r->ai.waiting_n, 1);
    /* What was dropped on the way is seen by the answer itself. */
    json_t *msg = answer(5, "", "streaming", 0, 0);
    json_object_set_new(msg, "reply_to",
                        json_string("01900000-0000-7000-8000-000000000001"));
    feed_message(&m, r, "message.created", msg);
    assert_int_equal(r->ai.waiting_n, 0);
    for (unsigned i = 0; i < 100; i++)
        feed_job(&m, i, "queued", i); /* bounded */
    assert_int_equal(r->ai.waiting_n, NC_MODEL_WAITING);
    nc_buf_fini(&b);
    nc_model_fini(&m);
}

static void test_numbers_have_forms(void **state)
{
    static const struct {
        unsigned n;
        const char *en, *ru;
    } rows[] = {{0, "%llu tokens", "%llu токенов"},   {1, "%llu token", "%llu токен"},
                {2, "%llu tokens", "%llu токена"},    {5, "%llu tokens", "%llu токенов"},
                {11, "%llu tokens", "%llu токенов"},  {14, "%llu tokens", "%llu токенов"},
                {21, "%llu tokens", "%llu токен"},    {24, "%llu tokens", "%llu токена"},
                {111, "%llu tokens", "%llu токенов"}, {101, "%llu tokens", "%llu токен"}};

    (void)state;
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        assert_string_equal(nc_word_n(NC_W_TOKENS, rows[i].n), rows[i].en);
        nc_words_russian(true);
        assert_string_equal(nc_word_n(NC_W_TOKENS, rows[i].n), rows[i].ru);
        nc_words_russian(false);
    }
}

static void test_rooms_come_and_go(void **state)
{
    struct nc_model m = start();

    (void)state;
    assert_int_equal(feed(&m, NULL,
                          json("{\"type\":\"member.joined\",\"room\":"
                               "\"01890000-0000-7000-8000-000000000009\",\"user\":{"
                               "\"id\":\"" ME "\",\"username\":\"me\"}}")),
                     NC_CHANGED_ASK);
    feed(&m, NULL,
         json("{\"type\":\"room.updated\",\"room\":{\"id\":\"" ROOM
              "\",\"name\":\"Зал\",\"kind\":\"room\",\"visibility\":\"public\"}}"));
    assert_string_equal(m.rooms[0]->name, "Зал");
    assert_string_equal(m.rooms[0]->topic, "t");
    feed(&m, NULL,
         json("{\"type\":\"room.updated\",\"room\":{\"id\":\"" OTHER
              "\",\"name\":\"\",\"kind\":\"direct\"}}"));
    assert_string_equal(m.rooms[1]->name,
                        "Olga P"); /* events know no name of a direct room */
    feed(&m, NULL,
         json("{\"type\":\"member.left\",\"room\":\"" ROOM "\",\"user\":{\"id\":\"" ME
              "\",\"username\":\"me\"}}"));
    assert_int_equal(m.n, 1);
    feed(&m, NULL, json("{\"type\":\"room.deleted\",\"room\":{\"id\":\"" OTHER "\"}}"));
    assert_int_equal(m.n, 0);
    nc_model_fini(&m);
}

static void test_typing_and_presence(void **state)
{
    struct nc_model m = start();
    struct nc_id room = id(ROOM);
    struct nc_model_room *r = nc_model_room(&m, &room);
    struct nc_buf b = {0};

    (void)state;
    feed(&m, r,
         json("{\"type\":\"typing\",\"room\":\"" ROOM "\",\"user\":{\"id\":\"" OLGA
              "\",\"username\":\"olga\\u001b\"},\"typing\":true}"));
    assert_true(nc_model_typing(r, 1500, &b));
    assert_true(nc_str_eqz(nc_buf_str(&b), "olga\ufffd"));
    nc_buf_clear(&b);
    assert_false(nc_model_typing(r, 7500, &b));
    feed(&m, r,
         json("{\"type\":\"typing\",\"room\":\"" ROOM "\",\"user\":{\"id\":\"" OLGA
              "\",\"username\":\"olga\"}}"));
    feed_message(&m, r, "message.created", message(1, OLGA, "said", ""));
    assert_false(nc_model_typing(r, 1500, &b));
    feed(&m, r,
         json("{\"type\":\"presence\",\"room\":\"" ROOM
              "\",\"online\":[{\"username\":\"olga\"},{\"username\":\"me\"}],\"offline\":[]"
              "}"));
    assert_int_equal(nc_model_online(r), 2);
    feed(&m, r,
         json("{\"type\":\"presence\",\"room\":\"" ROOM
              "\",\"online\":[],\"offline\":[{\"username\":\"olga\"}]}"));
    assert_int_equal(nc_model_online(r), 1);
    nc_buf_fini(&b);
    nc_model_fini(&m);
}

static void test_notices_stand_at_the_end(void **state)
{
    struct nc_model m = start();
    struct nc_id room = id(ROOM);
    struct nc_model_room *r = nc_model_room(&m, &room);
    json_t *far = message(1, OLGA, "from the future", "");

    (void)state;
    json_object_set_new(far, "id", json_string("0fff0000-0000-7000-8000-000000000001"));
    feed_message(&m, r, "message.created", far);
    feed(&m, r,
         json("{\"type\":\"notice\",\"room\":\"" ROOM "\",\"text\":\"a\\u202eb\\nc\"}"));
    assert_int_equal(r->n, 2);
    assert_int_equal(r->messages[1]->kind, NC_TEXT_LOCAL);
    assert_true(nc_str_eqz(nc_buf_str(&r->messages[1]->text), "a\ufffdb\nc"));
    nc_model_fini(&m);
}

static void test_a_room_does_not_grow_for_ever(void **state)
{
    struct nc_model m = start();
    struct nc_id room = id(ROOM), newest = message_id(NC_MODEL_KEEP * 3);
    struct nc_model_room *r = nc_model_room(&m, &room);

    (void)state;
    for (unsigned i = 1; i <= NC_MODEL_KEEP * 3; i++)
        feed_message(&m, NULL, "message.created", message(i, OLGA, "x", ""));
    assert_in_range(r->n, NC_MODEL_KEEP / 2, NC_MODEL_KEEP);
    assert_true(r->has_more);
    assert_non_null(nc_model_message(r, &newest));
    nc_model_fini(&m);
}

static void test_nonsense_changes_nothing(void **state)
{
    static const char *const events[] = {
        "{}",
        "{\"type\":7}",
        "{\"type\":\"message.created\"}",
        "{\"type\":\"message.created\",\"message\":{\"room\":\"" ROOM "\"}}",
        "{\"type\":\"message.delta\",\"room\":\"" ROOM "\"}",
        "{\"type\":\"typing\",\"room\":\"" ROOM "\",\"user\":\"x\"}",
        "{\"type\":\"presence\",\"room\":\"" ROOM "\",\"online\":{}}",
        "{\"type\":\"room.deleted\"}",
        "{\"type\":\"member.left\",\"user\":{\"id\":\"" ME "\"}}",
        "{\"type\":\"job.updated\",\"room\":\"" ROOM "\"}",
        "{\"type\":\"job.updated\",\"room\":\"" ROOM "\",\"job\":[1]}",
        "{\"type\":\"notice\",\"text\":\"about no room, seen from none\"}",
        "{\"type\":\"something.new\",\"room\":\"" ROOM "\"}"};
    struct nc_model m = start();

    (void)state;
    for (size_t i = 0; i < NC_COUNT(events); i++)
        feed(&m, NULL, json("%s", events[i]));
    assert_int_equal(m.n, 2);
    assert_int_equal(m.rooms[0]->n, 0);
    nc_model_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finding_rooms),
        cmocka_unit_test(test_twice_and_out_of_order),
        cmocka_unit_test(test_unread),
        cmocka_unit_test(test_edit_and_delete),
        cmocka_unit_test(test_an_answer_grows),
        cmocka_unit_test(test_a_snapshot_before_its_message),
        cmocka_unit_test(test_an_answer_begins_anew),
        cmocka_unit_test(test_thoughts_are_kept_apart),
        cmocka_unit_test(test_how_an_answer_came_to_be),
        cmocka_unit_test(test_who_answers_where),
        cmocka_unit_test(test_questions_that_wait),
        cmocka_unit_test(test_numbers_have_forms),
        cmocka_unit_test(test_rooms_come_and_go),
        cmocka_unit_test(test_typing_and_presence),
        cmocka_unit_test(test_notices_stand_at_the_end),
        cmocka_unit_test(test_a_room_does_not_grow_for_ever),
        cmocka_unit_test(test_nonsense_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
