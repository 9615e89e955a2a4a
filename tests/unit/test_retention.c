#include "chat/talk/retention.h"
#include "talk_world.h"

#define DAY 86400000ll

static bool over;
static enum nc_err result;

static void on_over(void *arg, enum nc_err e)
{
    (void)arg;
    over = true;
    result = e;
}

static enum nc_err run(struct world *w)
{
    over = false;
    assert_int_equal(nc_retention_run(w->chat, on_over, NULL), NC_OK);
    assert_int_equal(nc_retention_run(w->chat, on_over, NULL), NC_EEXIST);
    for (uint64_t until = nc_mono_ms() + 30000; !over && nc_mono_ms() < until;)
        turn(w);
    assert_true(over);
    return result;
}

static void old_messages_go_in_small_steps(void **state)
{
    struct world *w = world_new();
    struct nc_user *ada = person(w, "ada", NC_PERSON);
    struct nc_room *kept = make_room(w, ada, "kept", NC_PUBLIC);
    struct nc_room *brief = make_room(w, ada, "brief", NC_PUBLIC);
    struct nc_actor who = as(ada);
    uint32_t days = 1;
    struct nc_room_patch patch = {.retention_days = &days};
    struct nc_send in = {.text = NC_STR("old")};

    (void)state;
    nc_room_update(w->chat, &who, brief, &patch, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    static struct got many;
    for (int i = 0; i < 1100; i++)
        nc_message_send(w->chat, &who, brief, &in, on_sent, &many);
    settle(w);
    assert_int_equal(many.calls, 1100);
    assert_int_equal(say(w, ada, kept, "kept"), NC_P_NONE);

    assert_int_equal(run(w), NC_OK);
    assert_int_equal(nc_retention_stats(w->chat)->messages, 0);
    nc_wall_bend(2 * DAY);
    assert_int_equal(say(w, ada, brief, "new"), NC_P_NONE);
    assert_int_equal(run(w), NC_OK);
    assert_int_equal(nc_retention_stats(w->chat)->messages, 1100);
    assert_int_equal(history(w, ada, brief, (struct nc_page){0}), NC_P_NONE);
    assert_null(strstr(got.json, "old"));
    assert_non_null(strstr(got.json, "new"));
    assert_int_equal(history(w, ada, kept, (struct nc_page){0}), NC_P_NONE);
    assert_non_null(strstr(got.json, "kept"));
    nc_wall_bend(0);
    world_free(w);
}

static void hidden_rooms_go_after_a_week(void **state)
{
    struct world *w = world_new();
    struct nc_user *ada = person(w, "ada", NC_PERSON), *bob = person(w, "bob", NC_PERSON);
    struct nc_room *r = make_room(w, ada, "den", NC_PUBLIC);
    struct nc_actor who = as(ada);
    struct ear *ear = ear_open(w, bob, NULL);
    struct nc_id id = r->rec.id;

    (void)state;
    assert_int_equal(join(w, bob, r), NC_P_NONE);
    assert_int_equal(say(w, ada, r, "bye"), NC_P_NONE);
    nc_room_delete(w->chat, &who, r, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    assert_int_equal(ear_count(ear, "\"room.deleted\""), 1);
    assert_null(nc_room_find(w->chat, &id));
    assert_int_equal(say(w, ada, r, "still?"), NC_P_NOT_FOUND);
    assert_int_equal(overview(w, bob), NC_P_NONE);
    assert_string_equal(got.json, "{\"rooms\":[]}");
    assert_int_equal(run(w), NC_OK);
    assert_non_null(nc_map_get(&w->chat->rooms, &id, sizeof(id)));
    nc_wall_bend(8 * DAY);
    assert_int_equal(run(w), NC_OK);
    nc_wall_bend(0);
    assert_null(nc_map_get(&w->chat->rooms, &id, sizeof(id)));
    assert_true(nc_list_empty(&bob->memberships));
    assert_int_equal(nc_retention_stats(w->chat)->rooms, 1);
    ear_close(w, ear);
    world_free(w);
}

static void the_log_is_trimmed_after_its_days(void **state)
{
    struct world *w = world_new();
    struct nc_user *ada = person(w, "ada", NC_PERSON), *bob = person(w, "bob", NC_PERSON);
    struct nc_room *r = make_room(w, ada, "den", NC_PUBLIC);

    (void)state;
    assert_int_equal(say(w, ada, r, "stays"), NC_P_NONE);
    assert_int_equal(join(w, bob, r), NC_P_NONE); /* what only was so once, goes */
    assert_int_equal(put_member(w, ada, r, bob, NC_MODERATOR), NC_P_NONE);
    assert_int_equal(run(w), NC_OK);
    assert_int_equal(nc_retention_stats(w->chat)->trimmed, 0);
    nc_wall_bend(40 * DAY);
    assert_int_equal(run(w), NC_OK);
    nc_wall_bend(0);
    assert_int_equal(nc_retention_stats(w->chat)->trimmed, 1);
    assert_int_equal(history(w, ada, r, (struct nc_page){0}), NC_P_NONE);
    assert_non_null(strstr(got.json, "stays"));
    world_free(w);
}

static void a_full_disk_ends_the_run(void **state)
{
    struct world *w = world_new();

    (void)state;
    w->fail = NC_EIO;
    assert_int_equal(run(w), NC_EIO);
    w->fail = NC_OK;
    assert_int_equal(run(w), NC_OK);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_messages_go_in_small_steps),
        cmocka_unit_test(hidden_rooms_go_after_a_week),
        cmocka_unit_test(the_log_is_trimmed_after_its_days),
        cmocka_unit_test(a_full_disk_ends_the_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
