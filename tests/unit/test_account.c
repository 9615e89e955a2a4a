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

static enum nc_problem_code registering(struct world *w, const char *name,
                                        struct nc_str password)
{
    return sign_up(w, (struct nc_register){.username = nc_str(name), .password = password})
        .why.code;
}

static void registering_makes_an_ordinary_member(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada");

    assert_int_equal(a.user->a.role, NC_ROLE_USER);
    assert_true(nc_str_eqz(a.user->a.display_name, "ada"));
    assert_ptr_equal(nc_user_named(w->chat, NC_STR("ada")), a.user);
    assert_true(holds(w, a.access));
    assert_string_equal(w->last_action, "register");
    assert_true(w->last_ok);
}

static void what_cannot_be_a_name_or_password_is_named(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"",     "a",
                                        "Ada",  "-ada",
                                        ".ada", "ada lovelace",
                                        "ада",  "a23456789012345678901234567890123"};
    char big[1100];
    struct nc_str good = NC_STR("correct horse");

    w->chat->opts.limits.rates = false;
    for (size_t i = 0; i < NC_COUNT(names); i++)
        assert_int_equal(registering(w, names[i], good), NC_P_BAD_REQUEST);
    memset(big, 'x', sizeof big);
    assert_int_equal(registering(w, "ada", NC_STR("1234567")), NC_P_BAD_REQUEST);
    assert_int_equal(registering(w, "ada", NC_STR("1234\0005678")), NC_P_BAD_REQUEST);
    assert_int_equal(registering(w, "ada", NC_STR("1234567\xff")), NC_P_BAD_REQUEST);
    assert_int_equal(registering(w, "ada", (struct nc_str){big, 1025}), NC_P_TOO_LARGE);
    assert_int_equal(registering(w, "ada", (struct nc_str){big, 1024}), NC_P_NONE);
    assert_int_equal(registering(w, "bo", (struct nc_str){big, 8}), NC_P_NONE);

    struct nc_register in = {.username = NC_STR("eve"), .password = good};
    in.display_name = NC_STR("Eve\nve");
    assert_int_equal(sign_up(w, in).why.code, NC_P_BAD_REQUEST);
    in.display_name = (struct nc_str){big, 101};
    struct answer a = sign_up(w, in);
    assert_int_equal(a.why.code, NC_P_BAD_REQUEST);
    assert_non_null(strstr(a.why.detail, "display_name"));
    assert_null(nc_user_named(w->chat, NC_STR("eve")));
}

static void a_taken_name_is_a_conflict(void **state)
{
    struct world *w = *state;

    person(w, "ada");
    assert_int_equal(registering(w, "ada", NC_STR("another one")), NC_P_CONFLICT);
    assert_int_equal(registering(w, "system", NC_STR("another one")), NC_P_CONFLICT);
    assert_int_equal(registering(w, "admin.sock", NC_STR("another one")), NC_P_CONFLICT);
}

static void of_two_at_once_the_writer_takes_one(void **state)
{
    struct world *w = *state;
    struct answer a = {.w = w}, b = {.w = w};
    struct nc_register in = {.username = NC_STR("ada"),
                             .password = NC_STR("correct horse"),
                             .from = from("192.0.2.1")};

    nc_account_register(w->chat, &in, on_login, &a);
    nc_account_register(w->chat, &in, on_login, &b);
    while (!a.calls || !b.calls)
        nc_loop_run(w->loop);
    assert_int_equal(a.why.code, NC_P_NONE);
    assert_int_equal(b.why.code, NC_P_CONFLICT);
}

static void registration_modes(void **state)
{
    struct world *w = *state;
    struct nc_register in = {.username = NC_STR("root"),
                             .password = NC_STR("correct horse")};

    w->chat->opts.owner_code = NC_STR("CODE-1234");
    w->chat->opts.registration = NC_REG_CLOSED;
    assert_int_equal(registering(w, "ada", NC_STR("correct horse")), NC_P_FORBIDDEN);
    w->chat->opts.registration = NC_REG_INVITE;
    assert_int_equal(registering(w, "ada", NC_STR("correct horse")), NC_P_FORBIDDEN);
    in.owner_code = NC_STR("CODE-1235");
    assert_int_equal(sign_up(w, in).why.code, NC_P_FORBIDDEN);
    w->chat->opts.registration = NC_REG_CLOSED;
    in.owner_code = NC_STR("CODE-1234");
    struct answer a = sign_up(w, in);
    assert_int_equal(a.why.code, NC_P_NONE);
    assert_int_equal(a.user->a.role, NC_ROLE_OWNER);
    assert_int_equal(w->owners_made, 1);
    assert_true(nc_account_has_owner(w->chat));
    in.username = NC_STR("root2"); /* once */
    assert_int_equal(sign_up(w, in).why.code, NC_P_FORBIDDEN);
    assert_int_equal(w->owners_made, 1);
}

static void an_owner_code_survives_a_failed_try(void **state)
{
    struct world *w = *state;

    person(w, "ada");
    w->chat->opts.owner_code = NC_STR("CODE");
    struct nc_register in = {.username = NC_STR("ada"),
                             .password = NC_STR("correct horse"),
                             .owner_code = NC_STR("CODE")};
    assert_int_equal(sign_up(w, in).why.code, NC_P_CONFLICT);
    in.username = NC_STR("eva");
    assert_int_equal(sign_up(w, in).why.code, NC_P_NONE);
}

static void ten_registrations_an_hour_from_one_address(void **state)
{
    struct world *w = *state;
    char name[16];

    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "user%d", i);
        assert_int_equal(registering(w, name, NC_STR("correct horse")), NC_P_NONE);
    }
    struct answer a = sign_up(w, (struct nc_register){.username = NC_STR("eleven"),
                                                      .password = NC_STR("correct horse")});
    assert_int_equal(a.why.code, NC_P_RATE_LIMITED);
    assert_true(a.why.retry_after_s > 0);
}

static void login_says_the_same_of_a_wrong_name_and_a_wrong_password(void **state)
{
    struct world *w = *state;

    person(w, "ada");
    struct answer good = log_in(w, "ada", "correct horse", "192.0.2.1");
    assert_int_equal(good.why.code, NC_P_NONE);
    assert_string_equal(w->last_action, "login");
    struct answer wrong = log_in(w, "ada", "battery staple", "192.0.2.1");
    struct answer nobody = log_in(w, "nobody", "battery staple", "192.0.2.1");
    struct answer odd = log_in(w, "No Body", "battery staple", "192.0.2.1");
    assert_int_equal(wrong.why.code, NC_P_UNAUTHORIZED);
    assert_memory_equal(&wrong.why, &nobody.why, sizeof wrong.why);
    assert_memory_equal(&wrong.why, &odd.why, sizeof wrong.why);
    assert_string_equal(w->last_action, "login.failed");
}

static void failed_logins_are_limited_and_lock_nobody_out(void **state)
{
    struct world *w = *state;
    char address[32];

    person(w, "ada");
    assert_int_equal(log_in(w, "ada", "correct horse", "192.0.2.1").why.code, NC_P_NONE);
    for (int i = 0; i < 5; i++)
        assert_int_equal(log_in(w, "ada", "wrong", "198.51.100.1").why.code,
                         NC_P_UNAUTHORIZED);
    struct answer a = log_in(w, "ada", "correct horse", "198.51.100.1");
    assert_int_equal(a.why.code, NC_P_RATE_LIMITED);
    assert_true(a.why.retry_after_s > 0 && a.why.retry_after_s <= 60);
    for (int i = 0; i < 40; i++) {
        snprintf(address, sizeof address, "203.0.113.%d", i);
        log_in(w, "ada", "wrong", address);
    }
    assert_int_equal(log_in(w, "ada", "correct horse", "203.0.113.99").why.code,
                     NC_P_RATE_LIMITED);
    assert_int_equal(log_in(w, "ada", "correct horse", "192.0.2.1").why.code, NC_P_NONE);
}

static void after_a_restart_her_sessions_tell_where_she_comes_from(void **state)
{
    struct world *w = *state;
    char address[32];

    person(w, "ada");
    assert_int_equal(log_in(w, "ada", "correct horse", "192.0.2.7").why.code, NC_P_NONE);
    nc_chat_free(w->chat);
    world_chat(w);
    for (int i = 0; i < 40; i++) {
        snprintf(address, sizeof address, "203.0.113.%d", i);
        log_in(w, "ada", "wrong", address);
    }
    assert_int_equal(log_in(w, "ada", "correct horse", "203.0.113.99").why.code,
                     NC_P_RATE_LIMITED);
    assert_int_equal(log_in(w, "ada", "correct horse", "192.0.2.7").why.code, NC_P_NONE);
}

static void a_full_queue_of_hashes_is_busy_and_no_failure(void **state)
{
    struct world *w = *state;
    struct answer a[40];
    struct nc_from f = from("192.0.2.1");
    unsigned busy = 0, answered = 0;

    person(w, "ada");
    w->chat->opts.limits.rates = false;
    memset(a, 0, sizeof a);
    for (size_t i = 0; i < NC_COUNT(a); i++) {
        a[i].w = w;
        nc_account_login(w->chat, NC_STR("ada"), NC_STR("correct horse"), &f, on_login,
                         &a[i]);
    }
    while (answered < NC_COUNT(a)) {
        nc_loop_run(w->loop);
        answered = 0;
        for (size_t i = 0; i < NC_COUNT(a); i++)
            answered += a[i].calls;
    }
    for (size_t i = 0; i < NC_COUNT(a); i++) {
        assert_true(a[i].why.code == NC_P_NONE || a[i].why.code == NC_P_BUSY);
        busy += a[i].why.code == NC_P_BUSY;
        if (a[i].why.code == NC_P_BUSY)
            assert_true(a[i].why.retry_after_s > 0);
    }
    assert_true(busy > 0 && busy < NC_COUNT(a));
}

static enum nc_problem_code change_password(struct world *w, const struct answer *me,
                                            const char *old, const char *new_one)
{
    struct answer a = {.w = w};
    struct nc_actor who = actor(me->user);

    nc_account_password(w->chat, &who, &me->session, nc_str(old), nc_str(new_one), on_done,
                        &a);
    return wait_for(&a);
}

static void a_changed_password_ends_the_other_sessions(void **state)
{
    struct world *w = *state;
    struct answer here = person(w, "ada");
    struct answer there = log_in(w, "ada", "correct horse", "192.0.2.2");

    assert_int_equal(change_password(w, &here, "wrong", "another one"), NC_P_FORBIDDEN);
    assert_int_equal(change_password(w, &here, "correct horse", "short"), NC_P_BAD_REQUEST);
    assert_true(holds(w, there.access));
    assert_int_equal(change_password(w, &here, "correct horse", "another one"), NC_P_NONE);
    assert_true(holds(w, here.access));
    assert_false(holds(w, there.access));
    assert_int_equal(refresh(w, there.refresh).why.code, NC_P_UNAUTHORIZED);
    assert_int_equal(refresh(w, here.refresh).why.code, NC_P_NONE);
    assert_int_equal(log_in(w, "ada", "correct horse", "192.0.2.1").why.code,
                     NC_P_UNAUTHORIZED);
    struct answer again = log_in(w, "ada", "another one", "192.0.2.1");
    assert_int_equal(again.why.code, NC_P_NONE);
    assert_true(holds(w, again.access));
}

static void a_login_with_the_old_password_does_not_outlive_its_change(void **state)
{
    struct world *w = *state;
    struct answer here = person(w, "ada");
    struct answer change = {.w = w}, late = {.w = w};
    struct nc_actor who = actor(here.user);
    struct nc_from f = from("192.0.2.9");

    nc_account_password(w->chat, &who, &here.session, NC_STR("correct horse"),
                        NC_STR("another one"), on_done, &change);
    nc_account_login(w->chat, NC_STR("ada"), NC_STR("correct horse"), &f, on_login, &late);
    while (!change.calls || !late.calls)
        nc_loop_run(w->loop);
    assert_int_equal(change.why.code, NC_P_NONE);
    assert_true(late.why.code != NC_P_NONE || !holds(w, late.access));
}

static void renaming(void **state)
{
    struct world *w = *state;
    struct answer ada = person(w, "ada"), bob = person(w, "bob");
    struct nc_actor who = actor(ada.user);
    struct answer a = {.w = w}, b = {.w = w}, c = {.w = w}, d = {.w = w};

    nc_account_rename(w->chat, &who, ada.user, NC_STR("  Ада  "), on_done, &a);
    nc_account_rename(w->chat, &who, ada.user, NC_STR("Ada"), on_done, &b);
    while (!a.calls || !b.calls)
        nc_loop_run(w->loop);
    assert_int_equal(a.why.code, NC_P_NONE);
    assert_int_equal(b.why.code, NC_P_BUSY); /* one at a time */
    assert_true(nc_str_eqz(ada.user->a.display_name, "Ада"));
    nc_account_rename(w->chat, &who, ada.user, NC_STR(" "), on_done, &c);
    assert_int_equal(wait_for(&c), NC_P_BAD_REQUEST);
    nc_account_rename(w->chat, &who, bob.user, NC_STR("Bob"), on_done, &d);
    assert_int_equal(wait_for(&d), NC_P_FORBIDDEN);
}

static enum nc_problem_code patch(struct world *w, struct nc_user *by, struct nc_user *u,
                                  const bool *disabled, const enum nc_account_role *role)
{
    struct answer a = {.w = w};
    struct nc_actor who = actor(by);
    struct nc_account_patch in = {disabled, role};

    nc_account_patch(w->chat, &who, u, &in, on_done, &a);
    return wait_for(&a);
}

static void administration(void **state)
{
    struct world *w = *state;
    struct answer root = owner(w, "root"), ada = person(w, "ada"), bob = person(w, "bob");
    const bool yes = true, no = false;
    const enum nc_account_role admin = NC_ROLE_ADMIN, member = NC_ROLE_USER,
                               top = NC_ROLE_OWNER;

    assert_int_equal(patch(w, ada.user, bob.user, &yes, NULL), NC_P_FORBIDDEN);
    assert_int_equal(patch(w, root.user, ada.user, NULL, &admin), NC_P_NONE);
    assert_int_equal(patch(w, ada.user, bob.user, NULL, &admin), NC_P_FORBIDDEN);
    assert_int_equal(patch(w, ada.user, root.user, &yes, NULL), NC_P_FORBIDDEN);
    assert_int_equal(patch(w, ada.user, bob.user, &yes, NULL), NC_P_NONE);
    assert_false(holds(w, bob.access));
    assert_int_equal(refresh(w, bob.refresh).why.code, NC_P_UNAUTHORIZED);
    assert_int_equal(log_in(w, "bob", "correct horse", "192.0.2.1").why.code,
                     NC_P_FORBIDDEN);
    assert_int_equal(log_in(w, "bob", "wrong horse", "192.0.2.1").why.code,
                     NC_P_UNAUTHORIZED);
    assert_int_equal(patch(w, ada.user, bob.user, &no, NULL), NC_P_NONE);
    assert_false(holds(w, bob.access)); /* what ended stays ended */
    assert_int_equal(log_in(w, "bob", "correct horse", "192.0.2.1").why.code, NC_P_NONE);
    assert_int_equal(patch(w, root.user, root.user, NULL, &member), NC_P_CONFLICT);
    assert_int_equal(patch(w, root.user, root.user, &yes, NULL), NC_P_CONFLICT);
    assert_int_equal(patch(w, root.user, ada.user, NULL, &top), NC_P_NONE);
    assert_int_equal(patch(w, root.user, root.user, NULL, &member), NC_P_NONE);
}

static void on_code(void *arg, const struct nc_problem *why, struct nc_str code,
                    struct nc_str url)
{
    struct answer *a = arg;

    if (!why) {
        put(a->text, sizeof a->text, code);
        assert_true(url.n > code.n);
    }
    take(a, why);
}

static enum nc_problem_code reset(struct world *w, const char *code, const char *password)
{
    struct answer a = {.w = w};
    struct nc_from f = from("192.0.2.1");

    nc_account_reset(w->chat, nc_str(code), nc_str(password), &f, on_done, &a);
    return wait_for(&a);
}

static void a_reset_code_works_once_and_a_day(void **state)
{
    struct world *w = *state;
    struct answer root = owner(w, "root"), ada = person(w, "ada");
    struct answer no = {.w = w}, first = {.w = w}, second = {.w = w}, third = {.w = w};
    struct nc_actor boss = actor(root.user), she = actor(ada.user);

    nc_account_reset_code(w->chat, &she, root.user, on_code, &no);
    assert_int_equal(wait_for(&no), NC_P_FORBIDDEN);
    nc_account_reset_code(w->chat, &boss, ada.user, on_code, &first);
    assert_int_equal(wait_for(&first), NC_P_NONE);
    nc_account_reset_code(w->chat, &boss, ada.user, on_code, &second);
    assert_int_equal(wait_for(&second), NC_P_NONE);
    assert_int_equal(reset(w, first.text, "another one"), NC_P_FORBIDDEN);
    assert_int_equal(reset(w, "ncr_nonsense", "another one"), NC_P_FORBIDDEN);
    assert_int_equal(reset(w, second.text, "short"), NC_P_BAD_REQUEST);
    assert_int_equal(reset(w, second.text, "another one"), NC_P_NONE);
    assert_int_equal(reset(w, second.text, "yet another"), NC_P_FORBIDDEN);
    assert_false(holds(w, ada.access));
    assert_int_equal(log_in(w, "ada", "another one", "192.0.2.1").why.code, NC_P_NONE);
    nc_account_reset_code(w->chat, &boss, ada.user, on_code, &third);
    assert_int_equal(wait_for(&third), NC_P_NONE);
    nc_wall_bend(25ll * 3600 * 1000);
    assert_int_equal(reset(w, third.text, "yet another"), NC_P_FORBIDDEN);
    nc_wall_bend(0);
}

static void the_last_owner_stays(void **state)
{
    struct world *w = *state;
    struct answer root = owner(w, "root");
    struct answer a = {.w = w};
    struct nc_actor who = actor(root.user);

    nc_account_delete(w->chat, &who, on_done, &a);
    assert_int_equal(wait_for(&a), NC_P_CONFLICT);
    assert_true(holds(w, root.access));
}

static void on_room(void *arg, const struct nc_problem *why, struct nc_room *room)
{
    struct answer *a = arg;

    if (room)
        a->id = room->rec.id;
    take(a, why);
}

static struct nc_id make_room(struct world *w, struct nc_user *u, const char *name)
{
    struct answer a = {.w = w};
    struct nc_actor who = actor(u);
    struct nc_room_new in = {.name = nc_str(name), .visibility = NC_PUBLIC};

    nc_room_create(w->chat, &who, &in, on_room, &a);
    assert_int_equal(wait_for(&a), NC_P_NONE);
    return a.id;
}

static void a_deleted_account_leaves_its_rooms_in_good_hands(void **state)
{
    struct world *w = *state;
    struct answer ada = person(w, "ada"), bob = person(w, "bob");
    struct nc_id shared = make_room(w, ada.user, "shared"),
                 own = make_room(w, ada.user, "own");
    struct nc_actor she = actor(ada.user), he = actor(bob.user);
    struct answer join = {.w = w}, bye = {.w = w};

    nc_room_join(w->chat, &he, nc_room_find(w->chat, &shared), on_room, &join);
    assert_int_equal(wait_for(&join), NC_P_NONE);
    nc_account_delete(w->chat, &she, on_done, &bye);
    assert_int_equal(wait_for(&bye), NC_P_NONE);
    struct nc_room *r = nc_room_find(w->chat, &shared);
    assert_non_null(r);
    assert_int_equal(nc_room_member(r, bob.user)->rec.role, NC_OWNER);
    assert_null(nc_room_member(r, ada.user));
    assert_null(nc_room_find(w->chat, &own));
    assert_false(holds(w, ada.access));
    assert_null(nc_user_named(w->chat, NC_STR("ada")));
    assert_int_equal(refresh(w, ada.refresh).why.code, NC_P_UNAUTHORIZED);
    assert_int_equal(registering(w, "ada", NC_STR("correct horse")), NC_P_CONFLICT);
    nc_chat_free(w->chat);
    world_chat(w);
    r = nc_room_find(w->chat, &shared);
    assert_int_equal(r->members.n, 1);
}

static void search(struct world *w, struct nc_user *u, const char *q, char *out, size_t cap)
{
    struct nc_actor who = actor(u);
    struct nc_buf b = {0};

    nc_account_search(w->chat, &who, nc_str(q), 50, &b);
    put(out, cap, nc_buf_str(&b));
    nc_buf_fini(&b);
}

static void only_those_who_share_a_room_are_found(void **state)
{
    struct world *w = *state;
    struct answer ada = person(w, "ada"), bob = person(w, "bob"), eve = person(w, "eve");
    struct nc_id id = make_room(w, ada.user, "den");
    struct nc_actor he = actor(bob.user), she = actor(ada.user);
    struct answer join = {.w = w};
    char text[4096];

    nc_room_join(w->chat, &he, nc_room_find(w->chat, &id), on_room, &join);
    assert_int_equal(wait_for(&join), NC_P_NONE);
    search(w, ada.user, "", text, sizeof text);
    assert_non_null(strstr(text, "\"bob\""));
    assert_null(strstr(text, "\"eve\""));
    search(w, ada.user, "BO", text, sizeof text);
    assert_non_null(strstr(text, "\"bob\""));
    assert_null(strstr(text, "\"ada\""));
    assert_true(nc_account_visible(w->chat, &she, bob.user));
    assert_false(nc_account_visible(w->chat, &she, eve.user));
    w->chat->opts.directory_open = true;
    search(w, ada.user, "", text, sizeof text);
    assert_non_null(strstr(text, "\"eve\""));
}

static void what_waits_at_the_end_is_answered_once(void **state)
{
    struct world *w = *state;
    struct answer a = {.w = w}, b = {.w = w};
    struct nc_from f = from("192.0.2.1");
    struct nc_register in = {.username = NC_STR("a"), .password = NC_STR("correct horse")};

    nc_account_register(w->chat, &in, on_login, &a); /* refused, not yet told */
    nc_account_login(w->chat, NC_STR("ada"), NC_STR("correct horse"), &f, on_login, &b);
    world_close(w);
    assert_int_equal(a.calls, 1);
    assert_int_equal(b.calls, 1);
    world_open(w);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(registering_makes_an_ordinary_member),
        TEST(what_cannot_be_a_name_or_password_is_named),
        TEST(a_taken_name_is_a_conflict),
        TEST(of_two_at_once_the_writer_takes_one),
        TEST(registration_modes),
        TEST(an_owner_code_survives_a_failed_try),
        TEST(ten_registrations_an_hour_from_one_address),
        TEST(login_says_the_same_of_a_wrong_name_and_a_wrong_password),
        TEST(failed_logins_are_limited_and_lock_nobody_out),
        TEST(after_a_restart_her_sessions_tell_where_she_comes_from),
        TEST(a_full_queue_of_hashes_is_busy_and_no_failure),
        TEST(a_changed_password_ends_the_other_sessions),
        TEST(a_login_with_the_old_password_does_not_outlive_its_change),
        TEST(renaming),
        TEST(administration),
        TEST(a_reset_code_works_once_and_a_day),
        TEST(the_last_owner_stays),
        TEST(a_deleted_account_leaves_its_rooms_in_good_hands),
        TEST(only_those_who_share_a_room_are_found),
        TEST(what_waits_at_the_end_is_answered_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
