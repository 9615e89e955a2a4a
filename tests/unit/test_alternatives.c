#include "talk_world.h"

/* Ada owns the room and Bob asks in it; Cat is in it too. */
struct den {
    struct world *w;
    struct nc_user *ada, *bob, *cat, *olga;
    struct nc_room *r;
    struct ear *ear;
};

#define AI NC_STR("{\"model\":\"m\",\"asked_by\":\"bob\"}")
#define AI_B NC_STR("{\"model\":\"b\",\"asked_by\":\"bob\"}")

static struct den den_new(void)
{
    struct den d = {.w = world_new()};

    d.ada = person(d.w, "ada", NC_PERSON);
    d.bob = person(d.w, "bob", NC_PERSON);
    d.cat = person(d.w, "cat", NC_PERSON);
    d.olga = person(d.w, "olga", NC_PERSONA);
    d.w->chat->default_persona = d.olga;
    d.r = make_room(d.w, d.ada, "den", NC_PUBLIC);
    assert_int_equal(join(d.w, d.bob, d.r), NC_P_NONE);
    assert_int_equal(join(d.w, d.cat, d.r), NC_P_NONE);
    d.ear = ear_open(d.w, d.ada, NULL);
    return d;
}

static void den_free(struct den *d)
{
    if (d->ear)
        ear_close(d->w, d->ear);
    world_free(d->w);
}

static struct nc_id start(struct den *d)
{
    nc_answer_start(d->w->chat, d->olga, d->r, NULL, AI, on_sent, begin_call());
    assert_int_equal(end_call(d->w), NC_P_NONE);
    return got.message.id;
}

static enum nc_problem_code finish(struct den *d, struct nc_id id, const char *text,
                                   struct nc_str ai)
{
    nc_answer_finish(d->w->chat, &id, nc_str(text), NC_COMPLETE, ai, on_sent, begin_call());
    return end_call(d->w);
}

static enum nc_problem_code restart(struct den *d, struct nc_id id, const char *text,
                                    enum nc_message_state state)
{
    nc_answer_restart(d->w->chat, &id, nc_str(text), state, AI, on_sent, begin_call());
    return end_call(d->w);
}

static enum nc_problem_code choose(struct den *d, struct nc_user *u, struct nc_id id,
                                   uint32_t n)
{
    struct nc_actor who = as(u);

    nc_answer_choose(d->w->chat, &who, &id, n, on_sent, begin_call());
    return end_call(d->w);
}

static enum nc_problem_code list(struct den *d, struct nc_user *u, struct nc_id id)
{
    struct nc_actor who = as(u);

    nc_answer_alternatives(d->w->chat, &who, &id, on_json, begin_call());
    return end_call(d->w);
}

static enum nc_problem_code get(struct den *d, struct nc_id id)
{
    struct nc_actor who = as(d->ada);

    nc_message_get(d->w->chat, &who, &id, on_sent, begin_call());
    return end_call(d->w);
}

static void another_model_begins_anew_in_the_middle(void **state)
{
    struct den d = den_new();
    struct nc_id id = start(&d);

    (void)state;
    nc_answer_checkpoint(d.w->chat, &id, NC_STR("half of it @ada"));
    assert_int_equal(restart(&d, id, "half of it @ada", NC_FAILED), NC_P_NONE);
    assert_int_equal(got.message.chosen, 1);
    assert_int_equal(got.message.alternatives, 2);
    assert_int_equal(got.message.state, NC_STREAMING);
    assert_int_equal(ear_count(d.ear, "\"message.updated\""), 1);
    assert_int_equal(
        ear_count(d.ear,
                  "\"state\":\"streaming\",\"alternatives\":{\"count\":2,\"chosen\":1}"),
        1);
    assert_int_equal(get(&d, id), NC_P_NONE);
    assert_string_equal(got.text, "");
    nc_answer_checkpoint(d.w->chat, &id, NC_STR("who"));
    settle(d.w);
    assert_int_equal(list(&d, d.cat, id), NC_P_NONE);
    assert_non_null(strstr(got.json, "{\"n\":0,\"text\":\"half of it @ada\","
                                     "\"state\":\"failed\",\"ai\":{\"model\":\"m\""));
    assert_non_null(strstr(got.json, "{\"n\":1,\"text\":\"who\",\"state\":\"streaming\""));
    assert_non_null(strstr(got.json, "\"chosen\":1}"));
    assert_int_equal(choose(&d, d.bob, id, 0), NC_P_CONFLICT);
    assert_int_equal(finish(&d, id, "whole", AI_B), NC_P_NONE);
    assert_int_equal(ear_count(d.ear, "\"message.completed\""), 1);
    assert_int_equal(ear_count(d.ear,
                               "\"state\":\"complete\",\"alternatives\":{\"count\":2,"
                               "\"chosen\":1},\"ai\":{\"model\":\"b\""),
                     1);
    den_free(&d);
}

static void regenerated_and_chosen(void **state)
{
    struct den d = den_new();
    struct nc_id id = start(&d);

    (void)state;
    assert_int_equal(finish(&d, id, "first @cat", AI), NC_P_NONE);
    assert_int_equal(choose(&d, d.bob, id, 0), NC_P_NONE); /* it is shown already */
    assert_int_equal(choose(&d, d.bob, id, 1), NC_P_NOT_FOUND);
    assert_int_equal(list(&d, d.cat, id), NC_P_NONE);
    assert_non_null(
        strstr(got.json, "[{\"n\":0,\"text\":\"first @cat\",\"state\":\"complete\""));
    /* What it says was so is not believed: the store knows. */
    assert_int_equal(restart(&d, id, "", NC_STOPPED), NC_P_NONE);
    assert_int_equal(restart(&d, id, "", NC_STOPPED), NC_P_NONE); /* and once more */
    assert_int_equal(got.message.chosen, 2);
    assert_int_equal(finish(&d, id, "third", AI_B), NC_P_NONE);
    assert_int_equal(choose(&d, d.cat, id, 0), NC_P_FORBIDDEN);
    assert_int_equal(choose(&d, d.bob, id, 0), NC_P_NONE);
    assert_string_equal(got.text, "first @cat");
    assert_string_equal(got.mentions, "cat");
    assert_int_equal(got.message.alternatives, 3);
    assert_int_equal(ear_count(d.ear, "\"alternatives\":{\"count\":3,\"chosen\":0},\"ai\":{"
                                      "\"model\":\"m\""),
                     1);
    assert_int_equal(choose(&d, d.ada, id, 2), NC_P_NONE);
    assert_int_equal(get(&d, id), NC_P_NONE);
    assert_string_equal(got.text, "third");
    assert_int_equal(choose(&d, d.ada, id, 0), NC_P_NONE);
    /* The next is the fourth, whichever was shown. */
    assert_int_equal(restart(&d, id, "", NC_COMPLETE), NC_P_NONE);
    assert_int_equal(got.message.chosen, 3);
    den_free(&d);
}

static void live_is_what_a_replay_gives(void **state)
{
    struct den d = den_new();
    struct nc_buf cursor = {0};
    struct nc_id id = start(&d);
    struct ear *again;

    (void)state;
    assert_int_equal(finish(&d, id, "first", AI), NC_P_NONE);
    nc_cursor_add(&cursor, &d.w->store->info.incarnation, d.w->store->info.head);
    nc_buf_addc(&cursor, 0);
    nc_buf_clear(&d.ear->heard);
    assert_int_equal(restart(&d, id, "", NC_COMPLETE), NC_P_NONE);
    again = ear_open(d.w, d.ada, cursor.p);
    ear_hears_the_same(d.w, again, d.ear);
    ear_close(d.w, again);
    nc_buf_fini(&cursor);
    den_free(&d);
}

static void what_is_no_answer_begins_nothing(void **state)
{
    struct den d = den_new();
    struct nc_actor ada = as(d.ada);
    struct nc_id id = start(&d), nowhere = nc_id_random();

    (void)state;
    assert_int_equal(say(d.w, d.ada, d.r, "a person's words"), NC_P_NONE);
    struct nc_id words = got.message.id;
    assert_int_equal(restart(&d, words, "", NC_COMPLETE), NC_P_NOT_FOUND);
    assert_int_equal(list(&d, d.ada, words), NC_P_NOT_FOUND);
    assert_int_equal(choose(&d, d.ada, words, 0), NC_P_NOT_FOUND);
    assert_int_equal(restart(&d, nowhere, "", NC_COMPLETE), NC_P_NOT_FOUND);
    assert_int_equal(finish(&d, id, "first", AI), NC_P_NONE);
    nc_message_delete(d.w->chat, &ada, &id, on_sent, begin_call());
    assert_int_equal(end_call(d.w), NC_P_NONE);
    assert_int_equal(restart(&d, id, "", NC_COMPLETE), NC_P_NOT_FOUND);
    assert_int_equal(list(&d, d.ada, id), NC_P_NOT_FOUND);
    den_free(&d);
}

static void two_who_begin_it_anew_at_once(void **state)
{
    struct den d = den_new();
    struct nc_id id = start(&d);
    static struct got first;

    (void)state;
    assert_int_equal(finish(&d, id, "first", AI), NC_P_NONE);
    memset(&first, 0, sizeof(first));
    nc_answer_restart(d.w->chat, &id, NC_STR(""), NC_COMPLETE, AI, on_sent, &first);
    enum nc_problem_code second = restart(&d, id, "", NC_COMPLETE);
    assert_int_equal(first.calls, 1);
    assert_int_equal(first.code ? first.code : second, NC_P_CONFLICT);
    assert_int_equal(first.code ? second : first.code, NC_P_NONE);
    assert_int_equal((first.code ? got : first).message.alternatives, 2);
    assert_int_equal(finish(&d, id, "second", AI), NC_P_NONE);
    den_free(&d);
}

static void a_full_disk_leaves_it_as_it_was(void **state)
{
    struct den d = den_new();
    struct nc_id id = start(&d);

    (void)state;
    d.w->fail = NC_EIO;
    assert_int_equal(restart(&d, id, "half", NC_FAILED), NC_P_UNAVAILABLE);
    d.w->fail = NC_OK;
    assert_int_equal(finish(&d, id, "first", AI), NC_P_NONE);
    d.w->fail = NC_EIO;
    assert_int_equal(restart(&d, id, "", NC_COMPLETE), NC_P_UNAVAILABLE);
    d.w->fail = NC_OK;
    assert_int_equal(finish(&d, id, "x", AI), NC_P_NOT_FOUND);
    assert_int_equal(restart(&d, id, "", NC_COMPLETE), NC_P_NONE);
    assert_int_equal(got.message.chosen, 1);
    den_free(&d);
}

static void begin_again(struct den *d)
{
    nc_hub_detach(d->w->chat->hub, &d->ear->l);
    nc_buf_fini(&d->ear->heard);
    free(d->ear);
    d->ear = NULL;
    nc_chat_free(d->w->chat);
    world_open_chat(d->w);
    d->ada = nc_user_named(d->w->chat, NC_STR("ada"));
}

static void one_without_a_word_goes_on_after_a_restart_of_the_node(void **state)
{
    struct den d = den_new();
    struct nc_id resumed = start(&d), left = start(&d), partial = start(&d);

    (void)state;
    nc_answer_checkpoint(d.w->chat, &partial, NC_STR("as far as"));
    settle(d.w);
    begin_again(&d);
    assert_true(nc_answer_resume(d.w->chat, &resumed));
    assert_false(nc_answer_resume(d.w->chat, &resumed));
    assert_false(nc_answer_resume(d.w->chat, &partial));
    nc_answers_abandon(d.w->chat);
    settle(d.w);
    assert_int_equal(get(&d, resumed), NC_P_NONE);
    assert_int_equal(got.message.state, NC_STREAMING);
    assert_int_equal(get(&d, left), NC_P_NONE);
    assert_int_equal(got.message.state, NC_FAILED);
    assert_int_equal(get(&d, partial), NC_P_NONE);
    assert_int_equal(got.message.state, NC_FAILED);
    assert_string_equal(got.text, "as far as");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(list(&d, d.ada, i ? left : partial), NC_P_NONE);
        assert_non_null(strstr(got.json, "\"ai\":{\"model\":\"m\""));
        assert_non_null(strstr(
            got.json,
            ",\"reason\":\"the node stopped meanwhile\",\"code\":\"node_stopped\"}"));
    }
    assert_int_equal(finish(&d, resumed, "whole", AI), NC_P_NONE);
    assert_int_equal(finish(&d, left, "x", AI), NC_P_NOT_FOUND);
    den_free(&d);
}

static void a_notice_is_for_one_person(void **state)
{
    struct den d = den_new();
    struct ear *bob = ear_open(d.w, d.bob, NULL);

    (void)state;
    nc_message_notice(
        d.w->chat, d.bob, d.r,
        &(struct nc_notice){.text = NC_STR("12 \"earlier\" messages left out"),
                            .code = "earlier",
                            .retry_after_s = 9});
    settle(d.w);
    assert_int_equal(ear_count(d.ear, "notice"), 0);
    assert_int_equal(ear_count(bob, "{\"type\":\"notice\",\"room\":\""), 1);
    assert_int_equal(ear_count(bob, "12 \\\"earlier\\\" messages left out\","
                                    "\"code\":\"earlier\",\"retry_after\":9}"),
                     1);
    ear_close(d.w, bob);
    den_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_model_begins_anew_in_the_middle),
        cmocka_unit_test(regenerated_and_chosen),
        cmocka_unit_test(live_is_what_a_replay_gives),
        cmocka_unit_test(what_is_no_answer_begins_nothing),
        cmocka_unit_test(two_who_begin_it_anew_at_once),
        cmocka_unit_test(a_full_disk_leaves_it_as_it_was),
        cmocka_unit_test(one_without_a_word_goes_on_after_a_restart_of_the_node),
        cmocka_unit_test(a_notice_is_for_one_person),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
