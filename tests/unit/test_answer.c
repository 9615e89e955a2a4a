#include "talk_world.h"

struct den {
    struct world *w;
    struct nc_user *ada, *olga;
    struct nc_room *r;
    struct ear *ear;
};

static struct den den_new(void)
{
    struct den d = {.w = world_new()};

    d.ada = person(d.w, "ada", NC_PERSON);
    d.olga = person(d.w, "olga", NC_PERSONA);
    d.w->chat->default_persona = d.olga;
    d.r = make_room(d.w, d.ada, "den", NC_PUBLIC);
    d.ear = ear_open(d.w, d.ada, NULL);
    return d;
}

static void den_free(struct den *d)
{
    ear_close(d->w, d->ear);
    world_free(d->w);
}

static struct nc_id start(struct den *d)
{
    nc_answer_start(d->w->chat, d->olga, d->r, NULL, NC_STR("{\"model\":\"m\"}"), on_sent,
                    begin_call());
    assert_int_equal(end_call(d->w), NC_P_NONE);
    return got.message.id;
}

static enum nc_problem_code finish(struct den *d, struct nc_id id, const char *text,
                                   enum nc_message_state state)
{
    nc_answer_finish(d->w->chat, &id, nc_str(text), state, NC_STR("{\"model\":\"m\"}"),
                     on_sent, begin_call());
    return end_call(d->w);
}

static void from_empty_to_whole(void **state)
{
    struct den d = den_new();
    struct nc_id id = start(&d);

    (void)state;
    assert_int_equal(ear_count(d.ear, "\"state\":\"streaming\""), 1);
    assert_int_equal(overview(d.w, d.ada), NC_P_NONE);
    assert_non_null(strstr(got.json, "\"unread\":0"));
    nc_answer_checkpoint(d.w->chat, &id, NC_STR("hel"));
    nc_answer_checkpoint(d.w->chat, &id, NC_STR("hello"));
    settle(d.w);
    assert_int_equal(finish(&d, id, "hello @ada", NC_COMPLETE), NC_P_NONE);
    assert_string_equal(got.mentions, "ada");
    assert_int_equal(ear_count(d.ear, "\"message.completed\""), 1);
    assert_int_equal(ear_count(d.ear, "hello @ada"), 1);
    /* It counts, and its mentions notify, once it is complete. */
    assert_int_equal(overview(d.w, d.ada), NC_P_NONE);
    assert_non_null(strstr(got.json, "\"unread\":1,\"mentions\":1"));
    assert_int_equal(finish(&d, id, "again", NC_COMPLETE), NC_P_NOT_FOUND);
    den_free(&d);
}

static void stopped_and_too_long(void **state)
{
    struct den d = den_new();
    struct nc_id id = start(&d);
    struct nc_str big = {nc_alloc(600000), 524289};

    (void)state;
    nc_answer_finish(d.w->chat, &id, big, NC_COMPLETE, NC_STR(""), on_sent, begin_call());
    assert_int_equal(end_call(d.w), NC_P_TOO_LARGE);
    assert_int_equal(finish(&d, id, "as far as", NC_STOPPED), NC_P_NONE);
    assert_int_equal(ear_count(d.ear, "\"state\":\"stopped\""), 1);
    free((void *)(uintptr_t)big.p);
    den_free(&d);
}

static void nobody_edits_and_deleting_ends_it(void **state)
{
    struct den d = den_new();
    struct nc_id id = start(&d);
    struct nc_actor ada = as(d.ada), olga = as(d.olga);

    (void)state;
    nc_message_edit(d.w->chat, &ada, &id, NC_STR("x"), on_sent, begin_call());
    assert_int_equal(end_call(d.w), NC_P_FORBIDDEN);
    nc_message_edit(d.w->chat, &olga, &id, NC_STR("x"), on_sent, begin_call());
    assert_int_equal(end_call(d.w), NC_P_FORBIDDEN);
    nc_message_delete(d.w->chat, &ada, &id, on_sent, begin_call());
    assert_int_equal(end_call(d.w), NC_P_NONE);
    assert_int_equal(finish(&d, id, "too late", NC_COMPLETE), NC_P_NOT_FOUND);
    assert_int_equal(ear_count(d.ear, "too late"), 0);
    den_free(&d);
}

static void deleted_while_it_is_finished(void **state)
{
    struct den d = den_new();
    struct nc_id id = start(&d);
    struct nc_actor ada = as(d.ada);
    static struct got deleted;

    (void)state;
    memset(&deleted, 0, sizeof(deleted));
    nc_message_delete(d.w->chat, &ada, &id, on_sent, &deleted);
    enum nc_problem_code code = finish(&d, id, "done", NC_COMPLETE);
    assert_int_equal(deleted.code, NC_P_NONE);
    assert_true(code == NC_P_NONE || code == NC_P_NOT_FOUND);
    nc_message_get(d.w->chat, &ada, &id, on_sent, begin_call());
    assert_int_equal(end_call(d.w), NC_P_NONE);
    assert_true(got.message.deleted);
    assert_string_equal(got.text, "");
    den_free(&d);
}

static void a_restart_keeps_the_partial_text(void **state)
{
    struct den d = den_new();
    struct nc_id id = start(&d);
    struct nc_actor who;

    (void)state;
    nc_answer_checkpoint(d.w->chat, &id, NC_STR("as far as this"));
    settle(d.w);
    nc_hub_detach(d.w->chat->hub, &d.ear->l);
    nc_chat_free(d.w->chat);
    world_open_chat(d.w);
    who = as(nc_user_named(d.w->chat, NC_STR("ada")));
    nc_message_get(d.w->chat, &who, &id, on_sent, begin_call());
    assert_int_equal(end_call(d.w), NC_P_NONE);
    assert_int_equal(got.message.state, NC_FAILED);
    assert_string_equal(got.text, "as far as this");
    assert_int_equal(finish(&d, id, "x", NC_COMPLETE), NC_P_NOT_FOUND);
    den_free(&d);
}

static void a_full_disk_can_be_tried_again(void **state)
{
    struct den d = den_new();
    struct nc_id id = start(&d);

    (void)state;
    d.w->fail = NC_EIO;
    assert_int_equal(finish(&d, id, "whole", NC_COMPLETE), NC_P_UNAVAILABLE);
    d.w->fail = NC_OK;
    assert_int_equal(finish(&d, id, "whole", NC_COMPLETE), NC_P_NONE);
    den_free(&d);
}

static void only_where_the_persona_is(void **state)
{
    struct den d = den_new();
    struct nc_user *igor = person(d.w, "igor", NC_PERSONA);

    (void)state;
    nc_answer_start(d.w->chat, igor, d.r, NULL, NC_STR(""), on_sent, begin_call());
    assert_int_equal(end_call(d.w), NC_P_NOT_FOUND);
    den_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_empty_to_whole),
        cmocka_unit_test(stopped_and_too_long),
        cmocka_unit_test(nobody_edits_and_deleting_ends_it),
        cmocka_unit_test(deleted_while_it_is_finished),
        cmocka_unit_test(a_restart_keeps_the_partial_text),
        cmocka_unit_test(a_full_disk_can_be_tried_again),
        cmocka_unit_test(only_where_the_persona_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
