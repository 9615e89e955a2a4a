/* client/model: one conversation out of what several servers tell */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/model.h"
#include "client_said.h"

#define ANNA_A "01890000-0000-7000-8000-0000000000a1"
#define ANNA_B "01890000-0000-7000-8000-0000000000b1"
#define OLGA "01890000-0000-7000-8000-0000000000cc"
#define KITCHEN "01890000-0000-7000-8000-000000000001"
#define CELLAR "01890000-0000-7000-8000-000000000002" /* with A alone */
#define ATTIC "01890000-0000-7000-8000-000000000003"  /* with B alone */

enum { A, B };

static void take_rooms(struct nc_model *m, unsigned from, const char *rooms)
{
    json_t *list = json("%s", rooms);
    nc_model_take_rooms(m, from, list);
    json_decref(list);
}

#define ROOM(id, name) "{\"id\":\"" id "\",\"name\":\"" name "\",\"kind\":\"room\"}"

static struct nc_model start(void)
{
    struct nc_model m = {0};
    struct nc_id a = id(ANNA_A), b = id(ANNA_B);

    nc_model_me(&m, A, &a, "anna");
    nc_model_me(&m, B, &b, "anna");
    take_rooms(&m, A, "[" ROOM(KITCHEN, "Kitchen") "," ROOM(CELLAR, "Store") "]");
    take_rooms(&m, B, "[" ROOM(ATTIC, "store") "," ROOM(KITCHEN, "Kitchen") "]");
    assert_int_equal(m.n, 3);
    return m;
}

static struct nc_model_room *room(const struct nc_model *m, const char *text)
{
    struct nc_id rid = id(text);
    return nc_model_room(m, &rid);
}

static struct nc_model_room *kitchen(const struct nc_model *m) { return room(m, KITCHEN); }

/* more: further members of the message, a comma in front. */
static json_t *message(unsigned n, const char *text, const char *more)
{
    return json("{\"id\":\"01900000-0000-7000-8000-%012u\",\"room\":\"" KITCHEN
                "\",\"sender\":{\"id\":\"" OLGA
                "\",\"username\":\"olga\",\"kind\":\"user\"},"
                "\"kind\":\"text\",\"text\":\"%s\",\"created_at\":"
                "\"2026-01-02T03:04:05.000Z\",\"mentions\":[]%s}",
                n, text, more);
}

static unsigned tell(struct nc_model *m, unsigned from, const char *type,
                     const char *event_id, json_t *msg)
{
    struct nc_model_room *about;
    json_t *event =
        json_pack("{s:s, s:s, s:o}", "type", type, "event_id", event_id, "message", msg);
    unsigned changed = nc_model_event(m, from, event, 1000, NULL, &about);

    json_decref(event);
    return changed;
}

static unsigned tell_raw(struct nc_model *m, unsigned from, const char *event)
{
    struct nc_model_room *about;
    json_t *j = json("%s", event);
    unsigned changed = nc_model_event(m, from, j, 1000, NULL, &about);

    json_decref(j);
    return changed;
}

static const struct nc_model_message *at(const struct nc_model *m, unsigned n)
{
    struct nc_id mid = message_id(n);
    return nc_model_message(kitchen(m), &mid);
}

static void assert_text(const struct nc_model *m, unsigned n, const char *want)
{
    assert_non_null(at(m, n));
    assert_int_equal(at(m, n)->text.n, strlen(want));
    assert_memory_equal(at(m, n)->text.p, want, strlen(want));
}

static void assert_order(const struct nc_model *m, size_t n)
{
    assert_int_equal(kitchen(m)->n, n);
    for (size_t i = 1; i < n; i++)
        assert_true(
            nc_id_cmp(&kitchen(m)->messages[i - 1]->id, &kitchen(m)->messages[i]->id) < 0);
}

static void test_each_event_is_taken_once(void **state)
{
    struct nc_origins o = {0};
    char name[64];

    (void)state;
    assert_true(nc_origins_new(&o, NC_STR("hjI7nALJiWI:12")));
    assert_false(nc_origins_new(&o, NC_STR("hjI7nALJiWI:12")));
    assert_false(nc_origins_new(&o, NC_STR("hjI7nALJiWI:3")));
    assert_true(nc_origins_new(&o, NC_STR("hjI7nALJiWI:13")));
    assert_true(nc_origins_new(&o, NC_STR("another----:13")));
    assert_false(nc_origins_new(&o, NC_STR("another----:13")));
    const char *const none[] = {
        "", ":", "x", "x:", "x:-1", "x:y", "x:99999999999999999999999"};
    for (size_t i = 0; i < NC_COUNT(none); i++)
        for (int twice = 0; twice < 2; twice++)
            assert_true(nc_origins_new(&o, nc_str(none[i])));
    for (unsigned i = 0; i < 1000; i++) { /* a server that makes them up */
        snprintf(name, sizeof name, "o%u:1", i);
        assert_true(nc_origins_new(&o, nc_str(name)));
    }
    assert_true(o.n <= 256);
    assert_false(nc_origins_new(&o, NC_STR("hjI7nALJiWI:13")));
    nc_origins_fini(&o);
}

static void test_two_streams_in_different_order_are_one(void **state)
{
    struct nc_model m = start();

    (void)state;
    /* Two origins; each server has its own ones first. */
    tell(&m, A, "message.created", "a:1", message(1, "one", ""));
    tell(&m, A, "message.created", "a:2", message(3, "three", ""));
    tell(&m, B, "message.created", "b:1", message(2, "two", ""));
    tell(&m, B, "message.created", "b:2", message(4, "four", ""));
    assert_int_equal(tell(&m, B, "message.created", "a:1", message(1, "one", "")), 0);
    assert_int_equal(tell(&m, A, "message.created", "b:1", message(2, "two", "")), 0);
    assert_int_equal(tell(&m, B, "message.created", "a:2", message(3, "three", "")), 0);
    assert_int_equal(tell(&m, A, "message.created", "b:2", message(4, "four", "")), 0);
    assert_order(&m, 4);
    assert_int_equal(kitchen(&m)->unread, 4);
    /* A late one takes its place. */
    tell(&m, B, "message.created", "c:7", message(0, "zero", ",\"late\":true"));
    assert_order(&m, 5);
    assert_true(kitchen(&m)->messages[0]->late);
    assert_int_equal(kitchen(&m)->unread, 5);
    nc_model_fini(&m);
}

static void test_who_lags_does_not_bring_back_what_was(void **state)
{
    struct nc_model m = start();
    json_t *page;

    (void)state;
    tell(&m, A, "message.created", "a:1", message(1, "old", ""));
    tell(&m, A, "message.updated", "a:2",
         message(1, "new", ",\"edited_at\":\"2026-01-02T04:00:00.000Z\""));
    tell(&m, A, "message.created", "a:3", message(2, "", ",\"state\":\"streaming\""));
    tell(&m, A, "message.completed", "a:4", message(2, "whole", ",\"state\":\"complete\""));
    tell(&m, A, "message.created", "a:5", message(3, "oops", ""));
    tell(&m, A, "message.deleted", "a:6", message(3, "", ",\"deleted\":true"));
    /* Pages of B were written before it heard of any of that. */
    page = json_pack("{s:[o,o,o], s:b}", "messages", message(1, "old", ""),
                     message(2, "", ",\"state\":\"streaming\""), message(3, "oops", ""),
                     "has_more", 0);
    nc_model_take_page(&m, B, kitchen(&m), page, false);
    json_decref(page);
    assert_text(&m, 1, "new");
    assert_text(&m, 2, "whole");
    assert_int_equal(at(&m, 2)->state, NC_ANSWER_COMPLETE);
    assert_true(at(&m, 3)->deleted);
    /* An edit of another node that is newer is taken, from whoever tells it first. */
    tell(&m, B, "message.updated", "b:9",
         message(1, "newest", ",\"edited_at\":\"2026-01-02T05:00:00.000Z\""));
    assert_text(&m, 1, "newest");
    /* And one that lost there, told by A when B's is here already, is not. */
    tell(&m, A, "message.updated", "c:1",
         message(1, "loser", ",\"edited_at\":\"2026-01-02T04:30:00.000Z\""));
    assert_text(&m, 1, "newest");
    assert_order(&m, 3);
    nc_model_fini(&m);
}

static void test_an_answer_grows_by_two_streams(void **state)
{
    static const unsigned from[] = {A, B, A, B, B, A}, n[] = {0, 0, 1, 1, 2, 2};
    static const char *const piece[] = {"a", "a", "b", "b", "c", "c"};
    struct nc_model m = start();
    char event[300];

    (void)state;
    tell(&m, A, "message.created", "a:1", message(1, "", ",\"state\":\"streaming\""));
    tell(&m, B, "message.created", "a:1", message(1, "", ",\"state\":\"streaming\""));
    for (size_t i = 0; i < NC_COUNT(from); i++) {
        snprintf(event, sizeof event,
                 "{\"type\":\"message.delta\",\"room\":\"" KITCHEN "\",\"message_id\":"
                 "\"01900000-0000-7000-8000-000000000001\",\"run\":0,\"n\":%u,\"at\":%u,"
                 "\"channel\":\"text\",\"text\":\"%s\"}",
                 n[i], n[i], piece[i]);
        tell_raw(&m, from[i], event);
    }
    assert_text(&m, 1, "abc");
    tell(&m, A, "message.completed", "a:2", message(1, "abc", ",\"state\":\"complete\""));
    assert_int_equal(tell(&m, B, "message.completed", "a:2",
                          message(1, "abc", ",\"state\":\"complete\"")),
                     0);
    assert_int_equal(kitchen(&m)->unread, 1);
    nc_model_fini(&m);
}

static void test_a_twin_goes_without_a_trace(void **state)
{
    struct nc_model m = start();

    (void)state;
    tell(&m, A, "message.created", "a:1", message(1, "once", ""));
    tell(&m, B, "message.created", "b:1", message(2, "once", ""));
    assert_order(&m, 2);
    json_t *event = json("{\"type\":\"message.deleted\",\"event_id\":\"b:2\",\"reason\":"
                         "\"duplicate\",\"replaced_by\":"
                         "\"01900000-0000-7000-8000-000000000001\"}");
    struct nc_model_room *about;
    json_object_set_new(event, "message", message(2, "", ",\"deleted\":true"));
    nc_model_event(&m, A, event, 1000, NULL, &about);
    json_decref(event);
    assert_order(&m, 1);
    assert_text(&m, 1, "once");
    nc_model_fini(&m);
}

static void test_own_words_at_two_servers_are_shown_once(void **state)
{
    static const char pair[] = ",\"client_id\":\"01890000-0000-7000-8000-00000000cccc\"";
    struct nc_model m = start();

    (void)state;
    tell(&m, B, "message.created", "b:1", message(2, "once", pair));
    tell(&m, A, "message.created", "a:1", message(1, "once", pair));
    assert_order(&m, 1);
    assert_non_null(at(&m, 1));
    tell(&m, A, "message.created", "a:2", message(3, "once", pair)); /* the other way */
    tell(&m, A, "message.created", "a:3", message(4, "more", ""));
    assert_order(&m, 2);
    assert_non_null(at(&m, 4));
    nc_model_fini(&m);
}

static void test_a_page_of_who_lags_leaves_the_choice(void **state)
{
    struct nc_model m = start();
    json_t *page;

    (void)state;
    tell(&m, A, "message.created", "a:1",
         message(1, "first", ",\"alternatives\":{\"count\":2,\"chosen\":1}"));
    tell(&m, A, "message.updated", "a:2",
         message(1, "second", ",\"alternatives\":{\"count\":2,\"chosen\":0}"));
    page = json_pack("{s:[o], s:b}", "messages",
                     message(1, "first", ",\"alternatives\":{\"count\":2,\"chosen\":1}"),
                     "has_more", 0);
    nc_model_take_page(&m, B, kitchen(&m), page, false);
    json_decref(page);
    assert_text(&m, 1, "second");
    assert_int_equal(at(&m, 1)->chosen, 0);
    nc_model_fini(&m);
}

static void test_rooms_of_two_servers_stand_side_by_side(void **state)
{
    struct nc_model m = start();

    (void)state;
    assert_int_equal(kitchen(&m)->servers, 1u << A | 1u << B);
    assert_int_equal(room(&m, CELLAR)->servers, 1u << A);
    assert_int_equal(room(&m, ATTIC)->servers, 1u << B);
    assert_true(nc_model_same_name(&m, room(&m, ATTIC)));
    assert_false(nc_model_same_name(&m, kitchen(&m)));
    take_rooms(&m, A, "[" ROOM(CELLAR, "Store") "]"); /* gone with A, B has it */
    assert_int_equal(kitchen(&m)->servers, 1u << B);
    take_rooms(&m, B, "[]");
    assert_int_equal(m.n, 1);
    nc_model_leave(&m, A);
    assert_int_equal(m.n, 0);
    assert_string_equal(nc_model_username(&m), "anna");
    nc_model_fini(&m);
}

static void test_a_new_room_is_asked_for_at_both(void **state)
{
    static const char created[] =
        "{\"type\":\"room.created\",\"event_id\":\"a:1\",\"room\":{\"id\":"
        "\"01890000-0000-7000-8000-000000000009\",\"name\":\"n\",\"kind\":\"room\"}}";
    struct nc_model m = start();

    (void)state;
    assert_int_equal(tell_raw(&m, A, created), NC_CHANGED_ASK);
    assert_int_equal(tell_raw(&m, B, created), NC_CHANGED_ASK);
    json_t *one = json(ROOM("01890000-0000-7000-8000-000000000009", "n"));
    assert_int_equal(nc_model_take_room(&m, A, one)->servers, 1u << A);
    json_decref(one);
    assert_int_equal(tell_raw(&m, B, created), 0); /* it has it, too */
    assert_int_equal(room(&m, "01890000-0000-7000-8000-000000000009")->servers,
                     1u << A | 1u << B);
    nc_model_fini(&m);
}

static void test_one_is_oneself_on_both(void **state)
{
    struct nc_model m = start();
    json_t *own = message(1, "mine", ",\"mentions\":[\"anna\"]");

    (void)state;
    json_object_set_new(own, "sender",
                        json("{\"id\":\"" ANNA_B "\",\"username\":\"anna\"}"));
    tell(&m, B, "message.created", "b:1", own);
    assert_true(at(&m, 1)->mine);
    assert_true(at(&m, 1)->mentions_me);
    assert_int_equal(kitchen(&m)->unread, 0);
    nc_model_fini(&m);
}

/* Messages first, first+step, … as a page. */
static void take_page(struct nc_model *m, unsigned from, unsigned first, unsigned last,
                      unsigned step, bool more, bool older)
{
    json_t *list = json_array();

    for (unsigned n = first; n <= last; n += step)
        json_array_append_new(list, message(n, "x", ""));
    json_t *page = json_pack("{s:o, s:b}", "messages", list, "has_more", more);
    nc_model_take_page(m, from, kitchen(m), page, older);
    json_decref(page);
}

static void test_pages_of_two_have_one_beginning(void **state)
{
    struct nc_model m = start();
    struct nc_id border = message_id(50);

    (void)state;
    /* A has the even ones, B, cut off from it, the odd ones; B's page reaches farther. */
    kitchen(&m)->loading = 1u << B;
    take_page(&m, A, 50, 58, 2, true, false);
    kitchen(&m)->loading = 0;
    take_page(&m, B, 41, 59, 2, true, false);
    assert_order(&m, 10); /* 50 to 59 */
    assert_memory_equal(&kitchen(&m)->messages[0]->id, &border, sizeof border);
    assert_true(kitchen(&m)->has_more);
    /* What lies before, of both: all of it now. */
    kitchen(&m)->answered = false;
    kitchen(&m)->loading = 1u << B;
    take_page(&m, A, 40, 48, 2, false, true);
    kitchen(&m)->loading = 0;
    take_page(&m, B, 43, 49, 2, true, true);
    assert_true(kitchen(&m)->has_more);
    border = message_id(43);
    assert_memory_equal(&kitchen(&m)->messages[0]->id, &border, sizeof border);
    assert_order(&m, 17);
    take_page(&m, A, 40, 42, 2, false, true); /* asked once more, nobody else is up */
    take_page(&m, A, 1, 0, 1, false, true);
    assert_false(kitchen(&m)->has_more);
    nc_model_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_event_is_taken_once),
        cmocka_unit_test(test_two_streams_in_different_order_are_one),
        cmocka_unit_test(test_who_lags_does_not_bring_back_what_was),
        cmocka_unit_test(test_an_answer_grows_by_two_streams),
        cmocka_unit_test(test_a_twin_goes_without_a_trace),
        cmocka_unit_test(test_own_words_at_two_servers_are_shown_once),
        cmocka_unit_test(test_a_page_of_who_lags_leaves_the_choice),
        cmocka_unit_test(test_rooms_of_two_servers_stand_side_by_side),
        cmocka_unit_test(test_a_new_room_is_asked_for_at_both),
        cmocka_unit_test(test_one_is_oneself_on_both),
        cmocka_unit_test(test_pages_of_two_have_one_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
