#include "people.h"

#include "chat/people/export.h"

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

static void a_refresh_token_is_spent_by_its_use(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada");
    struct answer b = refresh(w, a.refresh);

    assert_int_equal(b.why.code, NC_P_NONE);
    assert_true(nc_id_eq(&a.session, &b.session));
    assert_ptr_equal(a.user, b.user);
    assert_string_not_equal(a.refresh, b.refresh);
    assert_true(holds(w, a.access) && holds(w, b.access));
    struct answer c = refresh(w, b.refresh);
    assert_int_equal(c.why.code, NC_P_NONE);
}

static void a_refresh_token_used_twice_ends_its_family(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada");
    struct answer other = log_in(w, "ada", "correct horse", "192.0.2.2");
    struct answer b = refresh(w, a.refresh);
    struct answer c = refresh(w, b.refresh);

    assert_int_equal(refresh(w, a.refresh).why.code, NC_P_UNAUTHORIZED);
    assert_string_equal(w->last_action, "refresh.reuse");
    assert_false(w->last_ok);
    assert_false(holds(w, a.access));
    assert_false(holds(w, b.access));
    assert_false(holds(w, c.access));
    assert_int_equal(refresh(w, c.refresh).why.code, NC_P_UNAUTHORIZED);
    assert_true(holds(w, other.access)); /* another login is another family */
}

static void a_refresh_whose_answer_was_lost_may_be_repeated(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada");
    struct answer lost = refresh(w, a.refresh), lost_too = refresh(w, a.refresh);

    assert_int_equal(lost_too.why.code, NC_P_NONE);
    nc_wall_bend(29 * 1000);
    struct answer b = refresh(w, a.refresh);
    assert_int_equal(b.why.code, NC_P_NONE);
    assert_true(nc_id_eq(&a.session, &b.session));
    assert_string_not_equal(lost.refresh, b.refresh);
    assert_string_not_equal(lost_too.refresh, b.refresh);
    assert_true(holds(w, b.access));
    struct answer c = refresh(w, b.refresh);
    assert_int_equal(c.why.code, NC_P_NONE);
    nc_wall_bend(3600 * 1000);
    assert_int_equal(refresh(w, c.refresh).why.code, NC_P_NONE);
    nc_wall_bend(0);
}

static void what_was_replaced_ends_the_family(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada");
    struct answer lost = refresh(w, a.refresh);
    struct answer b = refresh(w, a.refresh);

    assert_int_equal(refresh(w, lost.refresh).why.code, NC_P_UNAUTHORIZED);
    assert_string_equal(w->last_action, "refresh.reuse");
    assert_false(holds(w, b.access));
    assert_int_equal(refresh(w, b.refresh).why.code, NC_P_UNAUTHORIZED);
}

static void after_half_a_minute_a_spent_token_ends_its_family(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada");
    struct answer b = refresh(w, a.refresh);

    nc_wall_bend(20 * 1000);
    b = refresh(w, a.refresh); /* does not put it off */
    assert_int_equal(b.why.code, NC_P_NONE);
    nc_wall_bend(31 * 1000);
    assert_int_equal(refresh(w, a.refresh).why.code, NC_P_UNAUTHORIZED);
    assert_string_equal(w->last_action, "refresh.reuse");
    assert_int_equal(refresh(w, b.refresh).why.code, NC_P_UNAUTHORIZED);
    nc_wall_bend(0);
}

static void a_clock_set_back_forgives_nothing(void **state)
{
    struct world *w = *state;
    struct answer a;

    nc_wall_bend(3600 * 1000);
    a = person(w, "ada");
    refresh(w, a.refresh);
    nc_wall_bend(3600 * 1000 - 5000); /* within what two clocks may differ by */
    assert_int_equal(refresh(w, a.refresh).why.code, NC_P_UNAUTHORIZED);
    assert_string_equal(w->last_action, "refresh.reuse");
    nc_wall_bend(0);
}

static void of_two_refreshes_at_once_one_gives_what_goes_on(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada"), b = {.w = w}, c = {.w = w};
    struct nc_from f = from("192.0.2.1");

    nc_session_refresh(w->chat, nc_str(a.refresh), &f, on_login, &b);
    nc_session_refresh(w->chat, nc_str(a.refresh), &f, on_login, &c);
    while (!b.calls || !c.calls)
        nc_loop_run(w->loop);
    assert_int_equal(b.why.code, NC_P_NONE);
    assert_int_equal(c.why.code, NC_P_NONE);
    assert_string_not_equal(b.refresh, c.refresh);
    struct answer d = refresh(w, c.refresh);
    assert_int_equal(d.why.code, NC_P_NONE);
    assert_int_equal(refresh(w, b.refresh).why.code, NC_P_UNAUTHORIZED);
    assert_false(holds(w, d.access));
}

static void one_kind_of_token_is_not_the_other(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada");

    assert_false(holds(w, a.refresh));
    assert_int_equal(refresh(w, a.access).why.code, NC_P_UNAUTHORIZED);
    assert_int_equal(refresh(w, "").why.code, NC_P_UNAUTHORIZED);
    a.access[strlen(a.access) - 2] ^= 1;
    assert_false(holds(w, a.access));
}

static void tokens_of_another_node_are_refused(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada");

    w->chat->opts.node_id = nc_id_random();
    nc_session_keys_changed(w->chat);
    assert_false(holds(w, a.access));
    assert_int_equal(refresh(w, a.refresh).why.code, NC_P_UNAUTHORIZED);
}

static void
access_tokens_end_after_fifteen_minutes_refresh_tokens_after_thirty_days(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada");

    nc_wall_bend(14 * 60 * 1000);
    assert_true(holds(w, a.access));
    nc_wall_bend(16 * 60 * 1000);
    assert_false(holds(w, a.access));
    struct answer b = refresh(w, a.refresh);
    assert_int_equal(b.why.code, NC_P_NONE);
    nc_wall_bend(29ll * 86400 * 1000);
    struct answer c = refresh(w, b.refresh); /* sliding */
    assert_int_equal(c.why.code, NC_P_NONE);
    nc_wall_bend(58ll * 86400 * 1000);
    struct answer d = refresh(w, c.refresh);
    assert_int_equal(d.why.code, NC_P_NONE);
    nc_wall_bend(90ll * 86400 * 1000);
    assert_int_equal(refresh(w, d.refresh).why.code, NC_P_UNAUTHORIZED);
    nc_wall_bend(0);
}

static enum nc_problem_code log_out(struct world *w, const struct answer *a)
{
    struct answer out = {.w = w};
    struct nc_actor who = actor(a->user);

    nc_session_logout(w->chat, &who, &a->session, on_done, &out);
    return wait_for(&out);
}

static void logging_out_ends_everything_at_once_and_after_a_restart(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada");
    struct answer b = log_in(w, "ada", "correct horse", "192.0.2.2");

    assert_int_equal(log_out(w, &a), NC_P_NONE);
    assert_string_equal(w->last_action, "logout");
    assert_false(holds(w, a.access));
    assert_int_equal(refresh(w, a.refresh).why.code, NC_P_UNAUTHORIZED);
    assert_true(holds(w, b.access));
    assert_int_equal(log_out(w, &a), NC_P_NONE); /* fine, again */
    nc_chat_free(w->chat);
    world_chat(w);
    assert_false(holds(w, a.access));
    assert_true(holds(w, b.access));
}

static void sessions_are_listed_and_ended_one_by_one(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada"), bob = person(w, "bob"), list = {.w = w};
    struct answer b = log_in(w, "ada", "correct horse", "192.0.2.2");
    struct answer no = {.w = w}, yes = {.w = w}, gone = {.w = w};
    struct nc_actor he = actor(bob.user), she = actor(a.user);

    nc_session_list(w->chat, a.user, &a.session, on_json, &list);
    assert_int_equal(wait_for(&list), NC_P_NONE);
    assert_non_null(strstr(list.text, "\"192.0.2.2\""));
    assert_non_null(strstr(list.text, "\"device\":\"a test\""));
    assert_non_null(strstr(list.text, "\"current\":true"));
    nc_session_end(w->chat, &he, bob.user, &b.session, on_done, &no);
    assert_int_equal(wait_for(&no), NC_P_NOT_FOUND);
    assert_true(holds(w, b.access));
    nc_session_end(w->chat, &she, a.user, &b.session, on_done, &yes);
    assert_int_equal(wait_for(&yes), NC_P_NONE);
    assert_false(holds(w, b.access));
    nc_session_end(w->chat, &she, a.user, &b.session, on_done, &gone);
    assert_int_equal(wait_for(&gone), NC_P_NOT_FOUND);
}

static void beyond_the_limit_the_oldest_session_ends(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada"), last = {0};

    w->chat->opts.limits.sessions_per_user = 3;
    for (int i = 0; i < 3; i++) {
        nc_wall_bend((i + 1) * 1000);
        last = log_in(w, "ada", "correct horse", "192.0.2.2");
        assert_int_equal(last.why.code, NC_P_NONE);
    }
    assert_false(holds(w, a.access));
    assert_true(holds(w, last.access));
    nc_wall_bend(0);
}

static bool redeem(struct world *w, const char *ticket, struct nc_auth *out)
{
    struct nc_problem why;
    bool good = nc_ticket_use(w->chat, nc_str(ticket), out, &why);

    if (!good)
        assert_int_equal(why.code, NC_P_UNAUTHORIZED);
    return good;
}

static void a_ticket_works_once_while_its_session_lives(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada");
    struct nc_auth me, out;
    struct nc_problem why;
    char one[NC_TICKET_TEXT], two[NC_TICKET_TEXT];

    assert_true(nc_session_verify(w->chat, nc_str(a.access), &me, &why));
    assert_true(nc_ticket_new(w->chat, &me, one, &why));
    assert_true(nc_ticket_new(w->chat, &me, two, &why));
    assert_true(redeem(w, one, &out));
    assert_ptr_equal(out.user, a.user);
    assert_true(nc_id_eq(&out.session, &a.session));
    assert_false(redeem(w, one, &out));
    assert_false(redeem(w, "nct_", &out));
    assert_int_equal(log_out(w, &a), NC_P_NONE);
    assert_false(redeem(w, two, &out));
}

static void thirty_tickets_a_minute(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada");
    char ticket[NC_TICKET_TEXT];
    struct nc_problem why;
    struct nc_auth me;

    assert_true(nc_session_verify(w->chat, nc_str(a.access), &me, &why));
    for (int i = 0; i < 30; i++)
        assert_true(nc_ticket_new(w->chat, &me, ticket, &why));
    assert_false(nc_ticket_new(w->chat, &me, ticket, &why));
    assert_int_equal(why.code, NC_P_RATE_LIMITED);
    assert_true(why.retry_after_s > 0);
}

/* A socket: what it heard when its authority ended. */
struct ear {
    struct nc_listener l;
    unsigned code;
};

static void on_deliver(struct nc_listener *l, struct nc_blob **frames, unsigned n)
{
    (void)l, (void)frames, (void)n;
}

static size_t on_queued(struct nc_listener *l)
{
    (void)l;
    return 0;
}

static void on_end(struct nc_listener *l, unsigned code, const char *reason)
{
    (void)reason;
    nc_of(l, struct ear, l)->code = code;
}

static void on_resync(struct nc_listener *l) { (void)l; }

static void listen(struct world *w, struct ear *e, struct nc_user *u,
                   const struct nc_id *id)
{
    static const struct nc_listener_ops ops = {
        .deliver = on_deliver, .queued = on_queued, .end = on_end, .resync = on_resync};

    e->l.ops = &ops;
    e->l.user = u;
    e->l.session = *id;
    assert_int_equal(nc_hub_attach(w->chat->hub, &e->l, NULL), NC_OK);
}

static void on_key(void *arg, const struct nc_problem *why, const struct nc_key *rec,
                   struct nc_str key)
{
    struct answer *a = arg;

    a->id = rec->id;
    put(a->text, sizeof a->text, key);
    take(a, why);
}

static void on_auth(void *arg, const struct nc_problem *why, const struct nc_auth *auth)
{
    struct answer *a = arg;

    a->auth = *auth;
    take(a, why);
}

static void sockets_end_with_what_they_came_by(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada"), key = {.w = w}, change = {.w = w}, use = {.w = w};
    struct answer b = log_in(w, "ada", "correct horse", "192.0.2.2");
    struct answer c = log_in(w, "ada", "correct horse", "192.0.2.2"), gone = {.w = w};
    struct ear ea = {0}, eb = {0}, eb2 = {0}, ec = {0}, ek = {0};
    struct nc_actor she = actor(a.user);
    struct nc_key_new in = {.name = NC_STR("bot"), .scopes = NC_KEY_CHAT};

    nc_key_create(w->chat, &she, &in, on_key, &key);
    assert_int_equal(wait_for(&key), NC_P_NONE);
    assert_int_equal(nc_key_verify(w->chat, nc_str(key.text), NC_STR("::1"), &use.auth,
                                   &use.why, on_auth, &use),
                     NC_AGAIN);
    assert_int_equal(wait_for(&use), NC_P_NONE);
    listen(w, &ea, a.user, &a.session);
    listen(w, &eb, a.user, &b.session);
    listen(w, &eb2, a.user, &b.session);
    listen(w, &ec, a.user, &c.session);
    listen(w, &ek, a.user, &use.auth.ends_with);
    assert_int_equal(log_out(w, &c), NC_P_NONE);
    assert_int_equal(ec.code, 4401);
    assert_int_equal(eb.code, 0);
    nc_account_password(w->chat, &she, &a.session, NC_STR("correct horse"),
                        NC_STR("another one"), on_done, &change);
    assert_int_equal(wait_for(&change), NC_P_NONE);
    assert_int_equal(eb.code, 4401);
    assert_int_equal(eb2.code, 4401);
    assert_int_equal(ea.code, 0);
    assert_int_equal(ek.code, 0); /* a key is no session */
    nc_key_delete(w->chat, &she, &key.id, on_done, &gone);
    assert_int_equal(wait_for(&gone), NC_P_NONE);
    assert_int_equal(ek.code, 4401);
    nc_hub_detach(w->chat->hub, &ea.l);
}

struct export_answer {
    struct answer a;
    struct nc_buf all;
    bool last;
};

static void on_piece(void *arg, const struct nc_problem *why, struct nc_str piece,
                     bool last)
{
    struct export_answer *x = arg;

    nc_buf_adds(&x->all, piece);
    x->last = last;
    take(&x->a, why);
}

static void an_export_is_one_whole_object(void **state)
{
    struct world *w = *state;
    struct answer a = person(w, "ada");
    struct export_answer x = {.a = {.w = w}};
    struct nc_export *ex = nc_export_new(w->chat, a.user);

    for (int pages = 0; !x.last; pages++) {
        assert_true(pages < 10);
        x.a.calls = 0;
        nc_export_next(ex, on_piece, &x);
        assert_int_equal(wait_for(&x.a), NC_P_NONE);
    }
    nc_export_free(ex);
    nc_buf_addc(&x.all, '\0');
    assert_non_null(strstr(x.all.p, "\"username\":\"ada\""));
    assert_non_null(strstr(x.all.p, "\"sessions\":[{"));
    assert_non_null(strstr(x.all.p, "\"keys\":[],\"messages\":[]}"));
    assert_null(strstr(x.all.p, "argon2"));
    nc_buf_fini(&x.all);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_refresh_token_is_spent_by_its_use),
        TEST(a_refresh_token_used_twice_ends_its_family),
        TEST(a_refresh_whose_answer_was_lost_may_be_repeated),
        TEST(what_was_replaced_ends_the_family),
        TEST(after_half_a_minute_a_spent_token_ends_its_family),
        TEST(a_clock_set_back_forgives_nothing),
        TEST(of_two_refreshes_at_once_one_gives_what_goes_on),
        TEST(one_kind_of_token_is_not_the_other),
        TEST(tokens_of_another_node_are_refused),
        TEST(access_tokens_end_after_fifteen_minutes_refresh_tokens_after_thirty_days),
        TEST(logging_out_ends_everything_at_once_and_after_a_restart),
        TEST(sessions_are_listed_and_ended_one_by_one),
        TEST(beyond_the_limit_the_oldest_session_ends),
        TEST(a_ticket_works_once_while_its_session_lives),
        TEST(thirty_tickets_a_minute),
        TEST(sockets_end_with_what_they_came_by),
        TEST(an_export_is_one_whole_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
