#include "people.h"

#include <jansson.h>

#include "ai/usage.h"
#include "chat/rooms/room.h"

#define DAY_MS (86400ull * 1000)

static int setup(void **state)
{
    static struct world w;

    world_open(&w);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    nc_wall_bend(0);
    world_close(*state);
    return 0;
}

static struct nc_usages *usages(struct world *w, struct nc_caps caps)
{
    struct nc_usages *u = nc_usages_new(w->chat, &caps);

    assert_non_null(u);
    return u;
}

static void spend(struct nc_usages *u, const struct nc_id *user, uint64_t tokens)
{
    char provider[] = "box", model[] = "m1"; /* copied by the call */
    struct nc_usage rec = {.provider = nc_str(provider),
                           .model = nc_str(model),
                           .requests = 1,
                           .prompt_tokens = tokens - 1,
                           .completion_tokens = 1};

    rec.user = *user;
    nc_usage_add(u, &rec);
    memset(model, 'x', sizeof model - 1);
}

/* Lets what was committed become durable. */
static void settle(struct world *w) { nc_loop_settle(w->loop); }

static bool may(struct nc_usages *u, const struct nc_id *user, struct nc_problem *why)
{
    struct nc_spender s = {.key = NULL};

    s.user = *user;
    return nc_usage_may(u, &s, why);
}

static void test_caps_of_a_user(void **state)
{
    struct world *w = *state;
    struct nc_id anna = person(w, "anna").user->a.id, boris = person(w, "boris").user->a.id;
    struct nc_usages *u = usages(w, (struct nc_caps){.user_tokens = 100});
    struct nc_problem why;

    assert_true(may(u, &anna, &why));
    spend(u, &anna, 99);
    assert_true(may(u, &anna, &why));
    spend(u, &anna, 3);
    assert_false(may(u, &anna, &why));
    assert_int_equal(why.code, NC_P_RATE_LIMITED);
    assert_true(why.retry_after_s > 0 && why.retry_after_s <= 86400);
    assert_non_null(
        strstr(why.detail, "daily limit of your account is reached: 102 of 100 tokens"));
    assert_string_equal(why.about, "cap_user");
    assert_true(may(u, &boris, &why)); /* others have their own */
    nc_usages_caps(u, &(struct nc_caps){.user_requests = 2});
    assert_false(may(u, &anna, &why));
    assert_non_null(strstr(why.detail, "2 of 2 requests"));
    nc_usages_caps(u, &(struct nc_caps){0});
    assert_true(may(u, &anna, &why));
    assert_int_equal(nc_usages_stats(u)->requests, 2);
    assert_int_equal(nc_usages_stats(u)->refused, 2);
    settle(w);
    nc_usages_free(u);
}

static void test_caps_of_rooms_personas_keys_and_the_node(void **state)
{
    struct world *w = *state;
    struct nc_id anna = person(w, "anna").user->a.id;
    struct nc_auth key = {.ends_with = nc_id_random(), .requests_per_day = 1};
    struct nc_usages *u = usages(w, (struct nc_caps){.room_tokens = 10, .node_tokens = 50});
    struct nc_spender s = {.user = anna, .room = nc_id_random(), .key = &key};
    struct nc_usage rec = {.user = anna,
                           .room = s.room,
                           .key = key.ends_with,
                           .requests = 1,
                           .prompt_tokens = 10};
    struct nc_problem why;

    assert_true(nc_usage_may(u, &s, &why));
    nc_usage_add(u, &rec);
    assert_false(nc_usage_may(u, &s, &why));
    assert_non_null(strstr(why.detail, "this API key"));
    assert_string_equal(why.about, "cap_key");
    s.key = NULL;
    assert_false(nc_usage_may(u, &s, &why));
    assert_non_null(strstr(why.detail, "this room"));
    assert_string_equal(why.about, "cap_room");
    s.room = nc_id_random();
    assert_true(nc_usage_may(u, &s, &why));
    spend(u, &anna, 40);
    assert_false(nc_usage_may(u, &s, &why));
    assert_non_null(strstr(why.detail, "this node"));
    assert_string_equal(why.about, "cap_node");
    settle(w);
    nc_usages_free(u);
}

static void test_a_day_ends_at_midnight_utc(void **state)
{
    struct world *w = *state;
    struct nc_id anna = person(w, "anna").user->a.id;
    struct nc_usages *u = usages(w, (struct nc_caps){.user_tokens = 10});
    struct nc_problem why;
    uint64_t left = DAY_MS - nc_wall_ms() % DAY_MS;

    spend(u, &anna, 10);
    assert_false(may(u, &anna, &why));
    nc_wall_bend((int64_t)left - 5000);
    assert_false(may(u, &anna, &why));
    assert_true(why.retry_after_s >= 4 && why.retry_after_s <= 5);
    nc_wall_bend((int64_t)left + 1000);
    assert_true(may(u, &anna, &why));
    settle(w);
    nc_usages_free(u);
}

static void test_todays_sums_are_read_at_start(void **state)
{
    struct world *w = *state;
    struct nc_id anna = person(w, "anna").user->a.id;
    struct nc_usages *u = usages(w, (struct nc_caps){.user_tokens = 100});
    struct nc_problem why;

    spend(u, &anna, 60);
    spend(u, &anna, 50);
    settle(w);
    nc_usages_free(u);
    u = usages(w, (struct nc_caps){.user_tokens = 100});
    assert_false(may(u, &anna, &why));
    assert_non_null(strstr(why.detail, "110 of 100"));
    nc_usages_free(u);
}

static struct answer list(struct world *w, struct nc_usages *u, struct nc_user *who,
                          struct nc_usage_query q)
{
    struct answer a = {.w = w};
    struct nc_actor me = actor(who);

    nc_usage_json(u, &me, &q, on_json, &a);
    wait_for(&a);
    return a;
}

static void test_lists(void **state)
{
    struct world *w = *state;
    struct nc_user *anna = person(w, "anna").user, *olaf = owner(w, "olaf").user;
    struct nc_usages *u = usages(w, (struct nc_caps){.user_tokens = 1000});
    uint32_t today = (uint32_t)(nc_wall_ms() / DAY_MS);
    struct nc_usage_query q = {.from_day = today - 1, .to_day = today};

    spend(u, &anna->a.id, 10);
    spend(u, &anna->a.id, 20);
    spend(u, &olaf->a.id, 5);
    settle(w);
    struct answer a = list(w, u, anna, q);
    json_t *root = json_loads(a.text, 0, NULL);
    json_t *rows = json_object_get(root, "rows"), *row = json_array_get(rows, 0);
    assert_int_equal(json_array_size(rows), 1);
    assert_int_equal(json_integer_value(json_object_get(row, "requests")), 2);
    assert_int_equal(json_integer_value(json_object_get(row, "prompt_tokens")), 28);
    assert_string_equal(json_string_value(json_object_get(row, "model")), "m1");
    assert_null(json_object_get(row, "room"));
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(root, "today"), "tokens")), 30);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(root, "caps"), "user_tokens")),
        1000);
    assert_non_null(strstr(a.text, "\"anna\""));
    json_decref(root);

    q.all = true;
    assert_int_equal(list(w, u, anna, q).why.code, NC_P_FORBIDDEN);
    a = list(w, u, olaf, q);
    assert_non_null(strstr(a.text, "\"totals\":{\"requests\":3,\"prompt_tokens\":32,"
                                   "\"completion_tokens\":3,\"estimated\":0}"));
    q.all = false;
    q.room = nc_id_random();
    assert_int_equal(list(w, u, anna, q).why.code, NC_P_NOT_FOUND);
    nc_usages_free(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_caps_of_a_user, setup, teardown),
        cmocka_unit_test_setup_teardown(test_caps_of_rooms_personas_keys_and_the_node,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_day_ends_at_midnight_utc, setup, teardown),
        cmocka_unit_test_setup_teardown(test_todays_sums_are_read_at_start, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
