#include "people.h"

static int setup(void **state)
{
    static struct world w;

    world_open(&w);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    return 0;
}

static void on_key(void *arg, const struct nc_problem *why, const struct nc_key *rec,
                   struct nc_str key)
{
    struct answer *a = arg;

    if (rec) {
        a->id = rec->id;
        put(a->text, sizeof a->text, key);
    }
    take(a, why);
}

static struct answer make(struct world *w, struct nc_user *u, struct nc_key_new in)
{
    struct answer a = {.w = w};
    struct nc_actor who = actor(u);

    nc_key_create(w->chat, &who, &in, on_key, &a);
    wait_for(&a);
    return a;
}

static void on_auth(void *arg, const struct nc_problem *why, const struct nc_auth *auth)
{
    struct answer *a = arg;

    if (auth)
        a->auth = *auth;
    take(a, why);
}

/* Whether the store had to be asked, in *asked. */
static struct answer verify(struct world *w, const char *key, bool *asked)
{
    struct answer a = {.w = w};
    enum nc_err e = nc_key_verify(w->chat, nc_str(key), NC_STR("192.0.2.1"), &a.auth,
                                  &a.why, on_auth, &a);

    *asked = e == NC_AGAIN;
    if (*asked)
        wait_for(&a);
    else if (e == NC_OK)
        a.why.code = NC_P_NONE;
    return a;
}

static enum nc_problem_code delete (struct world *w, struct nc_user *u,
                                    const struct nc_id *id) {
    struct answer a = {.w = w}; struct nc_actor who = actor(u);

    nc_key_delete(w->chat, &who, id, on_done, &a);
    return wait_for(&a);
}

static void a_key_stands_for_its_maker_until_it_is_deleted(void **state)
{
    struct world *w = *state;
    struct answer ada = person(w, "ada"), bob = person(w, "bob");
    struct answer k = make(
        w, ada.user,
        (struct nc_key_new){.name = NC_STR("a bot"), .scopes = NC_KEY_CHAT | NC_KEY_AI});
    bool asked;

    assert_int_equal(k.why.code, NC_P_NONE);
    assert_int_equal(strlen(k.text), NC_KEY_TEXT - 1);
    assert_memory_equal(k.text, "nck_", 4);
    struct answer v = verify(w, k.text, &asked);
    assert_true(asked);
    assert_int_equal(v.why.code, NC_P_NONE);
    assert_ptr_equal(v.auth.user, ada.user);
    assert_int_equal(v.auth.scopes, NC_KEY_CHAT | NC_KEY_AI);
    assert_true(nc_id_zero(&v.auth.session));
    assert_true(nc_id_eq(&v.auth.ends_with, &k.id));
    v = verify(w, k.text, &asked);
    assert_false(asked); /* remembered */
    assert_int_equal(v.why.code, NC_P_NONE);
    assert_int_equal(delete (w, bob.user, &k.id), NC_P_NOT_FOUND);
    assert_int_equal(delete (w, ada.user, &k.id), NC_P_NONE);
    assert_int_equal(verify(w, k.text, &asked).why.code, NC_P_UNAUTHORIZED);
    assert_int_equal(delete (w, ada.user, &k.id), NC_P_NOT_FOUND);
}

static void a_key_deleted_while_it_is_looked_up_is_not_remembered(void **state)
{
    struct world *w = *state;
    struct answer ada = person(w, "ada");
    struct answer k = make(
        w, ada.user, (struct nc_key_new){.name = NC_STR("bot"), .scopes = NC_KEY_CHAT});
    struct answer v = {.w = w}, d = {.w = w};
    struct nc_actor who = actor(ada.user);
    bool asked;

    assert_int_equal(
        nc_key_verify(w->chat, nc_str(k.text), NC_STR("::1"), &v.auth, &v.why, on_auth, &v),
        NC_AGAIN);
    nc_key_delete(w->chat, &who, &k.id, on_done, &d);
    while (!v.calls || !d.calls)
        nc_loop_run(w->loop);
    assert_int_equal(d.why.code, NC_P_NONE);
    assert_int_equal(verify(w, k.text, &asked).why.code, NC_P_UNAUTHORIZED);
}

static void keys_end_with_their_time_and_their_user(void **state)
{
    struct world *w = *state;
    struct answer ada = person(w, "ada");
    uint64_t soon = nc_wall_ms() + 60000;
    struct answer k =
        make(w, ada.user,
             (struct nc_key_new){
                 .name = NC_STR("bot"), .scopes = NC_KEY_CHAT, .expires_ms = soon});
    bool asked;

    assert_int_equal(verify(w, k.text, &asked).why.code, NC_P_NONE);
    nc_wall_bend(61000);
    assert_int_equal(verify(w, k.text, &asked).why.code, NC_P_UNAUTHORIZED);
    nc_wall_bend(0);
    assert_int_equal(verify(w, k.text, &asked).why.code, NC_P_NONE);
    ada.user->a.disabled = true;
    assert_int_equal(verify(w, k.text, &asked).why.code, NC_P_UNAUTHORIZED);
    ada.user->a.disabled = false;
}

static void a_keys_caps_are_known_from_the_first_use_on(void **state)
{
    struct world *w = *state;
    struct answer ada = person(w, "ada"), list = {.w = w};
    struct answer k = make(w, ada.user,
                           (struct nc_key_new){.name = NC_STR("bot"),
                                               .scopes = NC_KEY_AI,
                                               .tokens_per_day = 1ull << 53,
                                               .requests_per_day = 7});
    bool asked;

    for (int i = 0; i < 2; i++) { /* from the store, then from memory */
        struct answer v = verify(w, k.text, &asked);
        assert_int_equal(asked, i == 0);
        assert_true(v.auth.tokens_per_day == 1ull << 53);
        assert_int_equal(v.auth.requests_per_day, 7);
    }
    nc_key_list(w->chat, ada.user, on_json, &list);
    assert_int_equal(wait_for(&list), NC_P_NONE);
    assert_non_null(
        strstr(list.text, "\"tokens_per_day\":9007199254740992,\"requests_per_day\":7"));
}

static void what_is_no_key_is_refused(void **state)
{
    struct world *w = *state;
    struct answer ada = person(w, "ada");
    struct nc_key_new in = {.name = NC_STR("bot"), .scopes = NC_KEY_CHAT};
    bool asked;

    assert_int_equal(verify(w, "nck_short", &asked).why.code, NC_P_UNAUTHORIZED);
    assert_false(asked);
    in.scopes = 0;
    assert_int_equal(make(w, ada.user, in).why.code, NC_P_BAD_REQUEST);
    in = (struct nc_key_new){.name = NC_STR(""), .scopes = NC_KEY_CHAT};
    assert_int_equal(make(w, ada.user, in).why.code, NC_P_BAD_REQUEST);
    in = (struct nc_key_new){
        .name = NC_STR("bot"), .scopes = NC_KEY_CHAT, .expires_ms = nc_wall_ms() - 1};
    assert_int_equal(make(w, ada.user, in).why.code, NC_P_BAD_REQUEST);
    assert_int_equal(nc_key_scope(NC_STR("mqtt")), NC_KEY_MQTT);
    assert_int_equal(nc_key_scope(NC_STR("root")), 0);
}

static void so_many_keys_a_user(void **state)
{
    struct world *w = *state;
    struct answer ada = person(w, "ada"), list = {.w = w};
    struct nc_key_new in = {.name = NC_STR("bot"), .scopes = NC_KEY_CHAT | NC_KEY_MQTT};

    w->chat->opts.limits.keys_per_user = 2;
    assert_int_equal(make(w, ada.user, in).why.code, NC_P_NONE);
    struct answer second = make(w, ada.user, in);
    assert_int_equal(second.why.code, NC_P_NONE);
    assert_int_equal(make(w, ada.user, in).why.code, NC_P_FORBIDDEN);
    nc_key_list(w->chat, ada.user, on_json, &list);
    assert_int_equal(wait_for(&list), NC_P_NONE);
    assert_non_null(strstr(list.text, "\"scopes\":[\"chat\",\"mqtt\"]"));
    assert_null(strstr(list.text, second.text));
    assert_null(strstr(list.text, "nck_"));
}

static void guessing_keys_is_limited_by_address(void **state)
{
    struct world *w = *state;
    char key[NC_KEY_TEXT];
    bool asked;

    for (int i = 0; i < 20; i++) {
        memset(key, 'A', sizeof key);
        memcpy(key, "nck_", 4);
        key[10] = (char)('a' + i);
        key[NC_KEY_TEXT - 1] = '\0';
        assert_int_equal(verify(w, key, &asked).why.code, NC_P_UNAUTHORIZED);
        assert_true(asked);
    }
    key[10] = 'Z';
    assert_int_equal(verify(w, key, &asked).why.code, NC_P_RATE_LIMITED);
    assert_false(asked);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_stands_for_its_maker_until_it_is_deleted),
        TEST(a_key_deleted_while_it_is_looked_up_is_not_remembered),
        TEST(keys_end_with_their_time_and_their_user),
        TEST(a_keys_caps_are_known_from_the_first_use_on),
        TEST(what_is_no_key_is_refused),
        TEST(so_many_keys_a_user),
        TEST(guessing_keys_is_limited_by_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
