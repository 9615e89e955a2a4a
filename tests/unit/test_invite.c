#include "people.h"

static int setup(void **state)
{
    static struct world w;

    world_open(&w);
    w.chat->opts.registration = NC_REG_INVITE;
    w.chat->opts.limits.rates = false;
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    return 0;
}

static void on_invite(void *arg, const struct nc_problem *why, const struct nc_invite *i,
                      struct nc_str url)
{
    struct answer *a = arg;

    if (i) {
        a->id = i->id;
        put(a->text, sizeof a->text, i->code);
        assert_true(url.n > i->code.n);
    }
    take(a, why);
}

static struct answer make(struct world *w, struct nc_user *u, struct nc_invite_new in)
{
    struct answer a = {.w = w};
    struct nc_actor who = actor(u);

    nc_invite_create(w->chat, &who, &in, on_invite, &a);
    wait_for(&a);
    return a;
}

static struct answer come(struct world *w, const char *name, const char *code)
{
    return sign_up(w, (struct nc_register){.username = nc_str(name),
                                           .password = NC_STR("correct horse"),
                                           .invite = nc_str(code)});
}

static void an_invite_lets_in_as_many_as_it_says(void **state)
{
    struct world *w = *state;
    struct answer root = owner(w, "root");
    struct answer i = make(w, root.user, (struct nc_invite_new){.uses = 2});
    char typed[sizeof i.text + 4];

    assert_int_equal(i.why.code, NC_P_NONE);
    assert_int_equal(come(w, "ada", "WRONG-CODE").why.code, NC_P_FORBIDDEN);
    assert_int_equal(come(w, "ada", i.text).why.code, NC_P_NONE);
    assert_int_equal(come(w, "ada", i.text).why.code, NC_P_CONFLICT); /* spends nothing */
    snprintf(typed, sizeof typed, "  %s ", i.text);
    for (char *p = typed; *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    assert_int_equal(come(w, "bob", typed).why.code, NC_P_NONE);
    assert_int_equal(come(w, "eve", i.text).why.code, NC_P_FORBIDDEN);
}

static void of_many_at_once_only_so_many_get_in(void **state)
{
    struct world *w = *state;
    struct answer root = owner(w, "root"), a[4];
    struct answer i = make(w, root.user, (struct nc_invite_new){.uses = 2});
    unsigned in = 0, answered = 0;
    char name[16];

    memset(a, 0, sizeof a);
    for (unsigned n = 0; n < NC_COUNT(a); n++) {
        a[n].w = w;
        snprintf(name, sizeof name, "user%u", n);
        struct nc_register r = {.username = nc_str(name),
                                .password = NC_STR("correct horse"),
                                .invite = nc_str(i.text)};
        nc_account_register(w->chat, &r, on_login, &a[n]);
    }
    while (answered < NC_COUNT(a)) {
        nc_loop_run(w->loop);
        answered = 0;
        for (unsigned n = 0; n < NC_COUNT(a); n++)
            answered += a[n].calls;
    }
    for (unsigned n = 0; n < NC_COUNT(a); n++)
        in += a[n].why.code == NC_P_NONE;
    assert_int_equal(in, 2);
}

static void invites_end(void **state)
{
    struct world *w = *state;
    struct answer root = owner(w, "root"), gone = {.w = w}, no = {.w = w};
    struct answer week = make(w, root.user, (struct nc_invite_new){.uses = 1});
    struct answer cut = make(w, root.user, (struct nc_invite_new){.uses = 1});
    struct nc_actor boss = actor(root.user);

    nc_invite_delete(w->chat, &boss, &cut.id, on_done, &gone);
    assert_int_equal(wait_for(&gone), NC_P_NONE);
    assert_int_equal(come(w, "ada", cut.text).why.code, NC_P_FORBIDDEN);
    nc_wall_bend(8ll * 86400 * 1000);
    assert_int_equal(come(w, "ada", week.text).why.code, NC_P_FORBIDDEN);
    nc_wall_bend(0);
    struct answer ada = come(w, "ada", week.text);
    assert_int_equal(ada.why.code, NC_P_NONE);
    struct answer other = make(w, root.user, (struct nc_invite_new){.uses = 1});
    struct nc_actor she = actor(ada.user);
    nc_invite_delete(w->chat, &she, &other.id, on_done, &no);
    assert_int_equal(wait_for(&no), NC_P_NOT_FOUND);
}

static void what_an_invite_cannot_be(void **state)
{
    struct world *w = *state;
    struct answer root = owner(w, "root"), list = {.w = w};
    struct answer code = make(w, root.user, (struct nc_invite_new){.uses = 1});
    struct answer ada = come(w, "ada", code.text);
    struct nc_invite_new in = {.uses = 0};
    struct nc_actor she = actor(ada.user);

    assert_int_equal(make(w, root.user, in).why.code, NC_P_BAD_REQUEST);
    in.uses = NC_INVITE_USES_MAX + 1;
    assert_int_equal(make(w, root.user, in).why.code, NC_P_BAD_REQUEST);
    in = (struct nc_invite_new){.uses = 1, .expires_ms = 1};
    assert_int_equal(make(w, root.user, in).why.code, NC_P_BAD_REQUEST);
    w->chat->opts.limits.invites_per_user = 1;
    in = (struct nc_invite_new){.uses = 1};
    struct answer hers = make(w, ada.user, in);
    assert_int_equal(hers.why.code, NC_P_NONE);
    assert_int_equal(make(w, ada.user, in).why.code, NC_P_FORBIDDEN);
    nc_invite_list(w->chat, &she, on_json, &list);
    assert_int_equal(wait_for(&list), NC_P_NONE);
    assert_non_null(strstr(list.text, hers.text));
    assert_non_null(strstr(list.text, "/#invite="));
    w->chat->opts.registration = NC_REG_CLOSED;
    assert_int_equal(make(w, ada.user, in).why.code, NC_P_FORBIDDEN);
}

static void on_room(void *arg, const struct nc_problem *why, struct nc_room *room)
{
    struct answer *a = arg;

    if (room)
        a->id = room->rec.id;
    take(a, why);
}

static void an_invite_may_lead_into_a_room(void **state)
{
    struct world *w = *state;
    struct answer root = owner(w, "root"), made = {.w = w};
    struct nc_actor boss = actor(root.user);
    struct nc_room_new in = {.name = NC_STR("den"), .visibility = NC_PRIVATE};

    nc_room_create(w->chat, &boss, &in, on_room, &made);
    assert_int_equal(wait_for(&made), NC_P_NONE);
    struct nc_room *r = nc_room_find(w->chat, &made.id);
    struct answer i = make(w, root.user, (struct nc_invite_new){.uses = 3, .room = r});
    assert_int_equal(i.why.code, NC_P_NONE);
    struct answer ada = come(w, "ada", i.text);
    assert_int_equal(ada.why.code, NC_P_NONE);
    assert_non_null(nc_room_member(r, ada.user));
    assert_int_equal(nc_room_member(r, ada.user)->rec.role, NC_MEMBER);
    /* A mere member brings nobody into a private room. */
    assert_int_equal(
        make(w, ada.user, (struct nc_invite_new){.uses = 1, .room = r}).why.code,
        NC_P_FORBIDDEN);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_invite_lets_in_as_many_as_it_says),
        TEST(of_many_at_once_only_so_many_get_in),
        TEST(invites_end),
        TEST(what_an_invite_cannot_be),
        TEST(an_invite_may_lead_into_a_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
