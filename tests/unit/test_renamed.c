/* Two nodes gave one name to two people: what these are told, and when. */
#include "base/clock.h"
#include "chat/merge.h"
#include "chat/people/renamed.h"
#include "crypto/password.h"
#include "people.h"

/* ---- time ------------------------------------------------------------------ */

static struct world w;

static void on_stop(struct nc_task *t)
{
    (void)t;
    nc_loop_stop(w.loop);
}

static void settle(void)
{
    static struct nc_task stop = {.run = on_stop};

    for (unsigned quiet = 0; quiet < 4; quiet++) {
        nc_loop_defer(w.loop, &stop);
        nc_loop_run(w.loop);
        if (w.store->info.pending_commits || w.store->info.pending_queries)
            quiet = 0;
    }
}

/* ---- the other node -------------------------------------------------------- */

static struct nc_id there; /* its log */
static uint64_t there_n;

static void on_merged(struct nc_merge *m) { *(bool *)m->arg = true; }

/* Somebody of that name was made there, at that stamp. */
static struct nc_user *comes(const char *name, const char *password, uint64_t hlc)
{
    char hash[NC_PWHASH];
    struct nc_buf bytes = {0};
    bool done = false;
    struct nc_record r = {.kind = NC_STATE_ACCOUNT,
                          .account = {.id = nc_id_random(),
                                      .username = nc_str(name),
                                      .display_name = nc_str(name),
                                      .created_ms = hlc >> 12},
                          .created_hlc = hlc};
    struct nc_merge_row row = {.ev = {.kind = NC_EV_ACCOUNT_CREATED,
                                      .audience = NC_AUD_ADMINS,
                                      .origin = there,
                                      .origin_seq = ++there_n,
                                      .hlc = hlc,
                                      .subject = r.account.id}};
    struct nc_merge m = {.rows = &row, .n = 1, .done = on_merged, .arg = &done};

    assert_int_equal(nc_password_hash(nc_str(password), NC_PWCOST_TEST, hash), NC_OK);
    r.account.password = nc_str(hash);
    nc_name_claim(r.account.username, r.claim);
    nc_record_hash(&r, row.ev.body_hash);
    nc_record_bytes(&r, &bytes);
    row.record = nc_buf_str(&bytes);
    nc_chat_merge(w.chat, &m);
    settle();
    assert_true(done);
    assert_int_equal(m.err, NC_OK);
    nc_buf_fini(&bytes);
    return nc_user_find(w.chat, &r.account.id);
}

/* ---- who listens ------------------------------------------------------------ */

struct ear {
    struct nc_listener l;
    struct nc_buf heard;
};

static void ear_deliver(struct nc_listener *l, struct nc_blob **frames, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        nc_buf_adds(&nc_of(l, struct ear, l)->heard, nc_blob_str(frames[i]));
}
static size_t ear_queued(struct nc_listener *l)
{
    (void)l;
    return 0;
}
static void ear_end(struct nc_listener *l, unsigned code, const char *reason)
{
    (void)l, (void)code, (void)reason;
}
static void ear_live(struct nc_listener *l) { (void)l; }

static const struct nc_listener_ops ear_ops = {ear_deliver, ear_queued, ear_end, ear_live,
                                               ear_live};

static void ear_open(struct ear *e, struct nc_user *u)
{
    *e = (struct ear){.l = {.ops = &ear_ops, .user = u, .encoding = NC_ENC_JSON}};
    assert_int_equal(nc_hub_attach(w.chat->hub, &e->l, NULL), NC_OK);
    settle();
}

static bool ear_heard(const struct ear *e, const char *text)
{
    return e->heard.n && memmem(e->heard.p, e->heard.n, text, strlen(text));
}

static void ear_close(struct ear *e)
{
    nc_hub_detach(w.chat->hub, &e->l);
    nc_buf_fini(&e->heard);
}

/* Somebody listens, and hears that, or (NULL) nothing of names. */
static void hears(struct nc_user *u, const char *text)
{
    struct ear e;

    ear_open(&e, u);
    assert_true(ear_heard(&e, "\"renamed\"") == (text != NULL));
    if (text)
        assert_true(ear_heard(&e, text));
    ear_close(&e);
}

static int setup(void **state)
{
    (void)state;
    world_open(&w);
    there = nc_id_random();
    there_n = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

/* Ada is ada-2 from now on: somebody over there was first. */
static struct nc_user *ada_comes_second(struct nc_user **first)
{
    struct answer a = person(&w, "ada");

    *first = comes("ada", "another horse", (nc_wall_ms() - 60000) << 12);
    assert_true(nc_str_eqz(a.user->a.username, "ada-2"));
    assert_ptr_equal(nc_user_named(w.chat, NC_STR("ada")), *first);
    return a.user;
}

/* ---- at the door ------------------------------------------------------------- */

static void the_old_name_with_its_password_tells_the_new_one(void **state)
{
    struct nc_user *first, *ada = ada_comes_second(&first);
    struct nc_buf russian = {0};

    (void)state;
    struct answer a = log_in(&w, "ada", "correct horse", "192.0.2.7");
    assert_int_equal(a.why.code, NC_P_CONFLICT);
    assert_non_null(strstr(a.why.detail, "yours is ada-2 now"));
    a.why.russian = true;
    nc_problem_words(&russian, &a.why);
    nc_buf_addc(&russian, 0);
    assert_non_null(strstr(russian.p, "ваше теперь ada-2"));
    nc_buf_fini(&russian);
    assert_string_equal(w.last_action, "login.failed");

    /* It was no wrong password, however often. */
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(log_in(&w, "ada", "correct horse", "192.0.2.7").why.code,
                         NC_P_CONFLICT);
    a = log_in(&w, "ada-2", "correct horse", "192.0.2.7");
    assert_int_equal(a.why.code, NC_P_NONE);
    assert_ptr_equal(a.user, ada);
    a = log_in(&w, "ada", "another horse", "192.0.2.7");
    assert_int_equal(a.why.code, NC_P_NONE);
    assert_ptr_equal(a.user, first);
}

static void it_is_told_after_a_restart_and_by_any_of_several(void **state)
{
    struct nc_user *first;

    (void)ada_comes_second(&first);
    struct nc_user *third = comes("ada", "third horse", (nc_wall_ms() + 5000) << 12);

    (void)state;
    assert_true(nc_str_eqz(third->a.username, "ada-3"));
    settle();
    nc_chat_free(w.chat);
    world_chat(&w);
    assert_int_equal(nc_renamed_tries(w.chat), 2);
    struct answer a = log_in(&w, "ada", "third horse", "192.0.2.7");
    assert_int_equal(a.why.code, NC_P_CONFLICT);
    assert_non_null(strstr(a.why.detail, "ada-3"));
    a = log_in(&w, "ada", "correct horse", "192.0.2.7");
    assert_int_equal(a.why.code, NC_P_CONFLICT);
    assert_non_null(strstr(a.why.detail, "ada-2"));
    assert_int_equal(log_in(&w, "ada", "another horse", "192.0.2.7").why.code, NC_P_NONE);
}

static const struct nc_store_ops *real;
static unsigned passwords;

static void counted_read(struct nc_store *s, struct nc_query *q)
{
    passwords += q->kind == NC_Q_PASSWORD;
    real->read(s, q);
}

static unsigned asks(const char *name, const char *password)
{
    passwords = 0;
    struct answer a = log_in(&w, name, password, "192.0.2.8");
    assert_int_equal(a.why.code, NC_P_UNAUTHORIZED);
    assert_string_equal(a.why.detail, "wrong username or password");
    return passwords;
}

static void to_strangers_all_names_are_alike(void **state)
{
    struct nc_user *first;
    struct nc_store_ops ops = *w.store->ops;

    (void)state;
    real = w.store->ops;
    ops.read = counted_read;
    w.store->ops = &ops;
    w.chat->opts.limits.rates = false;
    (void)person(&w, "bob");
    assert_int_equal(asks("bob", "a wrong horse"), 1);
    assert_int_equal(asks("nobody", "a wrong horse"), 1);
    (void)ada_comes_second(&first);
    assert_int_equal(asks("ada", "a wrong horse"), 2);
    assert_int_equal(asks("ada-2", "a wrong horse"), 2);
    assert_int_equal(asks("bob", "a wrong horse"), 2);
    assert_int_equal(asks("nobody", "correct horse"), 2);
    w.store->ops = real;
}

static void who_is_disabled_is_told_that_alone(void **state)
{
    struct nc_user *first, *ada = ada_comes_second(&first);

    (void)state;
    ada->a.disabled = true;
    struct answer a = log_in(&w, "ada", "correct horse", "192.0.2.7");
    assert_int_equal(a.why.code, NC_P_FORBIDDEN);
    assert_null(strstr(a.why.detail, "ada"));
}

/* ---- as soon as they listen --------------------------------------------------- */

static void both_are_told_when_they_come_once(void **state)
{
    struct nc_user *first, *ada = ada_comes_second(&first);

    (void)state;
    hears(ada, "yours is ada-2 now");
    hears(ada, NULL);
    hears(first, "they are ada-2 now");
    hears(first, NULL);
    settle();
    struct nc_id id = first->a.id;
    nc_chat_free(w.chat);
    world_chat(&w);
    hears(nc_user_find(w.chat, &id), NULL);
}

static void who_was_not_there_is_told_after_a_restart(void **state)
{
    struct nc_user *first, *ada = ada_comes_second(&first);
    struct nc_id id = ada->a.id, his = first->a.id;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        settle();
        nc_chat_free(w.chat);
        world_chat(&w);
        hears(nc_user_find(w.chat, &id), i ? NULL : "yours is ada-2 now");
    }
    hears(nc_user_find(w.chat, &his), "they are ada-2 now");
}

static void who_listens_is_told_at_once_and_not_again(void **state)
{
    struct answer a = person(&w, "ada");
    struct ear e;

    (void)state;
    ear_open(&e, a.user);
    struct nc_user *later = comes("ada", "another horse", (nc_wall_ms() + 5000) << 12);
    assert_true(nc_str_eqz(later->a.username, "ada-2"));
    assert_true(ear_heard(&e, "they are ada-2 now"));
    ear_close(&e);
    hears(a.user, NULL);
    hears(later, "yours is ada-2 now");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_old_name_with_its_password_tells_the_new_one),
        TEST(it_is_told_after_a_restart_and_by_any_of_several),
        TEST(to_strangers_all_names_are_alike),
        TEST(who_is_disabled_is_told_that_alone),
        TEST(both_are_told_when_they_come_once),
        TEST(who_was_not_there_is_told_after_a_restart),
        TEST(who_listens_is_told_at_once_and_not_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
