/* What every store promises: alternatives, providers, personas, jobs, usage. */
#include "store_words.h"

#define DAY_MS (24 * 3600 * 1000ull)

/* ---- alternatives -------------------------------------------------------- */

/* Of what it shows now. */
static struct nc_change restart(uint64_t ms, enum nc_message_state state, const char *body)
{
    struct nc_change c = change_message(NC_MESSAGE_RESTART, NC_EV_NONE, DEN, ms);

    ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(ms)});
    if (answer.rows)
        c.message.chosen = answer.row.message.chosen;
    c.message.state = state;
    c.message.body = nc_str(body);
    c.message.ai = nc_str("{\"old\":1}");
    c.message.created_ms = 777;
    return c;
}

static struct nc_change choose(uint64_t ms, uint32_t n, const char *body)
{
    struct nc_change c = change_message(NC_MESSAGE_CHOOSE, NC_EV_MESSAGE_UPDATED, DEN, ms);

    c.message.chosen = n;
    c.message.body = nc_str(body);
    c.message.ai = nc_str("{}");
    return c;
}

/* An answer of `bob` at 100 that is complete. */
static void an_answer(const char *body)
{
    struct nc_change born = say(DEN, BOB, 100, "");

    born.message.state = NC_STREAMING;
    OK(born);
    OK(complete(DEN, 100, body));
}

static struct nc_message the_answer(void)
{
    ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(100)});
    assert_int_equal(answer.rows, 1);
    return answer.row.message;
}

#define ALTERNATIVES(expected) ASK(expected, .kind = NC_Q_ALTERNATIVES, .id = mid(100))

static void an_answer_begins_anew_beside_the_old_one(void **state)
{
    struct nc_change part = change_message(NC_MESSAGE_CHECKPOINT, NC_EV_NONE, DEN, 100);

    (void)state;
    an_answer("one");
    assert_true(the_answer().alternatives == 0 && the_answer().chosen == 0);
    ALTERNATIVES(""); /* just one */
    OK(restart(100, NC_COMPLETE, "one"));
    assert_int_equal(last.changes[0].message.alternatives, 2);
    assert_int_equal(last.changes[0].message.chosen, 1);
    ASK("", .kind = NC_Q_STREAMING);
    assert_int_equal(answer.rows, 1); /* empty, and found after a crash */
    struct nc_message m = the_answer();
    assert_true(m.state == NC_STREAMING && m.alternatives == 2 && m.chosen == 1);
    ALTERNATIVES("0/0:one 1/1:");
    assert_true(answer.row.alternative.created_ms == 777);
    part.message.body = nc_str("tw");
    OK(part);
    assert_int_equal(last.changes[0].touched, 1);
    ASK("tw", .kind = NC_Q_STREAMING);
    OK(complete(DEN, 100, "two"));
    ASK("", .kind = NC_Q_STREAMING);
    assert_int_equal(answer.rows, 0);
    ALTERNATIVES("0/0:one 1/0:two");
    OK(complete(DEN, 100, "two!")); /* a later one still wins */
    ALTERNATIVES("0/0:one 1/0:two!");
    OK(restart(100, NC_COMPLETE, "two!"));
    OK(restart(100, NC_FAILED, "thr")); /* its provider went away */
    assert_int_equal(last.changes[0].message.chosen, 3);
    ALTERNATIVES("0/0:one 1/0:two! 2/3:thr 3/1:");
    OK(complete(DEN, 100, "four"));
    ALTERNATIVES("0/0:one 1/0:two! 2/3:thr 3/0:four");
    ASK("four", .kind = NC_Q_MESSAGE, .id = mid(100));
}

static void the_ai_of_an_answer_is_kept_until_the_next_completes(void **state)
{
    struct nc_change end = complete(DEN, 100, "two");

    (void)state;
    an_answer("one");
    end.message.ai = nc_str("{\"model\":\"m\"}");
    OK(end);
    OK(restart(100, NC_COMPLETE, "one"));
    assert_int_equal(the_answer().ai.n, 13);
    end.message.ai = nc_str("{}");
    OK(end);
    assert_int_equal(the_answer().ai.n, 2);
    ALTERNATIVES("0/0:one 1/0:two");
    assert_int_equal(answer.row.alternative.ai.n, 2);
    assert_memory_equal(&answer.row.alternative.message, &end.message.id, 16);
}

/* Somebody chose between reading the text and beginning anew: no other's text is kept. */
static void restarting_is_refused_when_another_is_shown_by_now(void **state)
{
    (void)state;
    an_answer("one");
    OK(restart(100, NC_COMPLETE, "one"));
    OK(complete(DEN, 100, "two"));
    struct nc_change late = restart(100, NC_COMPLETE, "two");
    OK(choose(100, 0, "one"));
    REFUSED(late, NC_EEXIST);
    ALTERNATIVES("0/0:one 1/0:two");
    ASK("one", .kind = NC_Q_MESSAGE, .id = mid(100));
}

static void restarting_is_refused_where_nothing_is(void **state)
{
    (void)state;
    REFUSED(restart(100, NC_COMPLETE, "x"), NC_ENOENT);
    an_answer("one");
    OK(delete_message(DEN, 100));
    REFUSED(restart(100, NC_COMPLETE, "x"), NC_ENOENT);
    ALTERNATIVES("");
}

static void one_of_several_answers_is_chosen(void **state)
{
    struct nc_change back = choose(100, 0, "one @bob");

    (void)state;
    people_and_rooms();
    an_answer("one @bob");
    REFUSED(back, NC_ENOENT); /* there is just one */
    OK(restart(100, NC_COMPLETE, "one @bob"));
    REFUSED(back, NC_ENOENT); /* it streams */
    OK(complete(DEN, 100, "two"));
    back.message.state = NC_STOPPED;
    back.message.mentions = nc_str("ada");
    OK(back);
    assert_int_equal(last.changes[0].message.alternatives, 2);
    struct nc_message m = the_answer();
    assert_true(m.chosen == 0 && m.alternatives == 2 && m.state == NC_STOPPED);
    assert_true(m.mentions.n == 3 && m.ai.n == 2);
    ASK("one @bob", .kind = NC_Q_MESSAGE, .id = mid(100));
    assert_string_equal(unread(member(DEN, ADA)), "1/1:one @bob");
    back.message.chosen = 1;
    back.message.mentions = nc_str("");
    OK(back);
    assert_string_equal(unread(member(DEN, ADA)), "1/0:one @bob");
    REFUSED(choose(100, 2, "none"), NC_ENOENT);
    REFUSED(choose(999, 0, "none"), NC_ENOENT);
    /* From there on the next is the third, whatever is shown. */
    OK(choose(100, 0, "one @bob"));
    OK(restart(100, NC_COMPLETE, "one @bob"));
    assert_int_equal(last.changes[0].message.chosen, 2);
    OK(complete(DEN, 100, "three"));
    ALTERNATIVES("0/0:one @bob 1/0:two 2/0:three");
    OK(delete_message(DEN, 100));
    REFUSED(choose(100, 0, "x"), NC_ENOENT);
}

static void another_answer_is_no_news(void **state)
{
    (void)state;
    people_and_rooms();
    an_answer("one");
    OK(mark_read(DEN, ADA, 100));
    assert_string_equal(unread(member(DEN, ADA)), "0/0:one");
    OK(restart(100, NC_COMPLETE, "one"));
    assert_string_equal(unread(member(DEN, ADA)), "0/0:");
    OK(complete(DEN, 100, "two"));
    assert_string_equal(unread(member(DEN, ADA)), "0/0:two");
    OK(choose(100, 0, "one"));
    OK(choose(100, 1, "two")); /* nor is looking back and forth */
    assert_string_equal(unread(member(DEN, ADA)), "0/0:two");
}

static void what_is_edited_away_is_in_no_alternative(void **state)
{
    struct nc_change edit =
        change_message(NC_MESSAGE_EDIT, NC_EV_MESSAGE_UPDATED, DEN, 100);

    (void)state;
    an_answer("one");
    OK(restart(100, NC_COMPLETE, "one"));
    OK(complete(DEN, 100, "two"));
    edit.message.body = nc_str("2");
    OK(edit);
    ALTERNATIVES("0/0:one 1/0:2");
}

static void every_read_tells_of_alternatives(void **state)
{
    static const enum nc_query_kind kinds_of_one[] = {
        NC_Q_MESSAGE, NC_Q_HISTORY, NC_Q_STREAMING, NC_Q_OF_USER, NC_Q_BY_CLIENT};
    struct nc_change born = say(DEN, BOB, 100, "");

    (void)state;
    people_and_rooms();
    born.message.state = NC_STREAMING;
    born.message.client_id = id(300);
    born.message.alternatives = 9; /* a new one has none, whatever is said */
    born.message.chosen = 9;
    OK(born);
    assert_true(the_answer().alternatives == 0 && the_answer().chosen == 0);
    OK(restart(100, NC_FAILED, "on"));
    for (size_t i = 0; i < NC_COUNT(kinds_of_one); i++) {
        enum nc_query_kind kind = kinds_of_one[i];
        ask((struct nc_query){.kind = kind,
                              .id = kind == NC_Q_BY_CLIENT ? id(300) : mid(100),
                              .user = BOB,
                              .room = DEN,
                              .limit = 5});
        assert_int_equal(answer.rows, 1);
        assert_int_equal(answer.row.message.alternatives, 2);
        assert_int_equal(answer.row.message.chosen, 1);
    }
    unread(member(DEN, ADA));
    assert_int_equal(answer.row.unread.last.alternatives, 2);
    assert_int_equal(answer.row.unread.last.chosen, 1);
    struct nc_room_since rooms = {DEN, 0};
    ask((struct nc_query){.kind = NC_Q_LOG,
                          .since = w.store->info.head - 1,
                          .audience = {.rooms = &rooms, .rooms_n = 1},
                          .limit = 5});
    assert_int_equal(answer.row.log.message.alternatives, 2);
    assert_int_equal(answer.row.log.message.chosen, 1);
}

static void what_erases_a_message_erases_its_alternatives(void **state)
{
    struct nc_change expire = {.kind = NC_MESSAGES_EXPIRE,
                               .message = {.room = DEN, .created_ms = 101},
                               .limit = 9};
    struct nc_change erase = {.kind = NC_ROOM_ERASE, .room = {.id = DEN}, .limit = 9};

    (void)state;
    for (int way = 0; way < 3; way++) {
        an_answer("one");
        OK(restart(100, NC_COMPLETE, "one"));
        OK(complete(DEN, 100, "two"));
        if (way == 0)
            OK(delete_message(DEN, 100));
        else
            OK(way == 1 ? expire : erase);
        ALTERNATIVES("");
        if (way == 0) {
            assert_true(the_answer().alternatives == 0 && the_answer().chosen == 0);
            OK(expire);
        }
    }
}

static void a_refused_commit_leaves_alternatives_alone(void **state)
{
    (void)state;
    an_answer("one");
    OK(restart(100, NC_COMPLETE, "one"));
    OK(complete(DEN, 100, "two"));
    assert_int_equal(put2(restart(100, NC_COMPLETE, "two"), leave(DEN, EVE)), NC_ENOENT);
    assert_int_equal(put2(delete_message(DEN, 100), leave(DEN, EVE)), NC_ENOENT);
    ALTERNATIVES("0/0:one 1/0:two");
    assert_true(the_answer().alternatives == 2 && the_answer().state == NC_COMPLETE);
}

static void messages_before_one_are_counted(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        OK(say(DEN, ADA, 100 + i, "x"));
    OK(say(HALL, ADA, 90, "x"));
    OK(delete_message(DEN, 101));
    ask((struct nc_query){
        .kind = NC_Q_BEFORE, .room = DEN, .before = mid(104), .limit = 100});
    assert_int_equal(answer.q.count, 3);
    ask((struct nc_query){
        .kind = NC_Q_BEFORE, .room = DEN, .before = mid(104), .limit = 2});
    assert_int_equal(answer.q.count, 2);
    ask((struct nc_query){.kind = NC_Q_BEFORE, .room = DEN, .before = mid(1), .limit = 2});
    assert_int_equal(answer.q.count, 0);
}

/* ---- providers and personas ---------------------------------------------- */

static struct nc_change provider(unsigned n, const char *name, const char *settings)
{
    return (struct nc_change){.kind = NC_PROVIDER_SET,
                              .provider = {.id = id(n),
                                           .name = nc_str(name),
                                           .settings = nc_str(settings),
                                           .secret = NC_STR("s\0ealed"),
                                           .created_ms = n}};
}

static void providers_have_names_of_their_own(void **state)
{
    struct nc_change gone = {.kind = NC_PROVIDER_DELETE, .provider = {.id = id(400)}};
    struct nc_change a = provider(400, "near", "{}");

    (void)state;
    OK(a);
    OK(provider(401, "far", "{}"));
    REFUSED(provider(402, "near", "{}"), NC_EEXIST);
    REFUSED(provider(401, "near", "{}"), NC_EEXIST);
    a.provider.settings = nc_str("{\"a\":1}");
    a.provider.created_ms = 999;
    OK(a); /* its own name is no other's */
    ASK("near={\"a\":1} far={}", .kind = NC_Q_PROVIDERS);
    a.provider.name = nc_str("nearer");
    a.provider.secret = nc_str("");
    OK(a);
    OK(((struct nc_change){.kind = NC_PROVIDER_DELETE, .provider = {.id = id(401)}}));
    ASK("nearer={\"a\":1}", .kind = NC_Q_PROVIDERS);
    assert_true(answer.row.provider.created_ms == 400); /* when it was first set */
    assert_int_equal(answer.row.provider.secret.n, 0);
    assert_memory_equal(&answer.row.provider.id, &a.provider.id, 16);
    OK(provider(403, "near", "{}")); /* free again */
    assert_int_equal(ask((struct nc_query){.kind = NC_Q_PROVIDERS})[0], 'n');
    assert_int_equal(answer.row.provider.secret.n, 7);
    OK(gone);
    REFUSED(gone, NC_ENOENT);
    ASK("near={}", .kind = NC_Q_PROVIDERS);
}

static struct nc_change persona(struct nc_id user, const char *settings)
{
    return (struct nc_change){.kind = NC_PERSONA_SET,
                              .persona = {.user = user,
                                          .settings = nc_str(settings),
                                          .created_ms = settings[2] ? 9 : 5}};
}

static void personas_are_set_and_go_with_their_accounts(void **state)
{
    struct nc_change gone = {.kind = NC_PERSONA_DELETE, .persona = {.user = BOB}};

    (void)state;
    people_and_rooms();
    OK(persona(ADA, "{}"));
    OK(persona(BOB, "{}"));
    OK(persona(BOB, "{\"b\":2}"));
    ASK("1={} 2={\"b\":2}", .kind = NC_Q_PERSONAS);
    assert_true(answer.row.persona.created_ms == 5);
    OK(gone);
    REFUSED(gone, NC_ENOENT);
    OK(persona(BOB, "{}"));
    OK(((struct nc_change){.kind = NC_ACCOUNT_DELETE, .account = {.id = ADA}}));
    ASK("2={}", .kind = NC_Q_PERSONAS);
}

/* ---- jobs ---------------------------------------------------------------- */

static struct nc_change job(unsigned n, struct nc_id r)
{
    return (struct nc_change){.kind = NC_JOB_INSERT,
                              .job = {.id = id(n),
                                      .room = r,
                                      .question = mid(100),
                                      .asker = ADA,
                                      .persona = BOB,
                                      .depth = 2,
                                      .again = true,
                                      .model = nc_str("near/model"),
                                      .created_ms = 40}};
}

static struct nc_change job_is(unsigned n, enum nc_job_state state)
{
    struct nc_change c = {.kind = NC_JOB_UPDATE, .job = {.id = id(n), .state = state}};

    c.job.ended_ms = state >= NC_JOB_DONE ? 60 + n : 0;
    return c;
}

static void every_field_of_a_job_comes_back(void **state)
{
    struct nc_change made = job(1, DEN), end = job_is(1, NC_JOB_FAILED);

    (void)state;
    OK(made);
    ask((struct nc_query){.kind = NC_Q_JOBS});
    struct nc_job_rec *j = &answer.row.job;
    assert_int_equal(answer.rows, 1);
    assert_memory_equal(&j->id, &made.job.id, 16);
    assert_memory_equal(&j->room, &made.job.room, 16);
    assert_memory_equal(&j->question, &made.job.question, 16);
    assert_memory_equal(&j->asker, &made.job.asker, 16);
    assert_memory_equal(&j->persona, &made.job.persona, 16);
    assert_true(nc_id_zero(&j->message));
    assert_true(j->state == NC_JOB_QUEUED && j->depth == 2 && j->tries == 0 && j->again);
    assert_true(j->model.n == 10 && j->reason.n == 0 && j->code.n == 0);
    assert_true(j->created_ms == 40 && j->started_ms == 0 && j->ended_ms == 0);
    end.job.message = mid(101);
    end.job.tries = 3;
    end.job.model = nc_str("far/model");
    end.job.reason = nc_str("timeout");
    end.job.code = nc_str("late");
    end.job.started_ms = 50;
    OK(end);
    ASK("1/4", .kind = NC_Q_JOBS_ENDED, .limit = 9);
    assert_memory_equal(&j->message, &end.job.message, 16);
    assert_true(j->tries == 3 && j->model.n == 9 && j->reason.n == 7 && j->code.n == 4);
    assert_true(j->created_ms == 40 && j->started_ms == 50 && j->ended_ms == 61);
    assert_true(j->depth == 2 && j->again);
}

static void jobs_end_once(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 5; n++)
        OK(job(n, DEN));
    REFUSED(job(3, DEN), NC_EEXIST);
    REFUSED(job_is(9, NC_JOB_DONE), NC_ENOENT);
    OK(job_is(1, NC_JOB_RUNNING));
    ASK("1/1 2/0 3/0 4/0 5/0", .kind = NC_Q_JOBS);
    OK(job_is(1, NC_JOB_QUEUED)); /* its node died: it is taken up again */
    OK(job_is(4, NC_JOB_DONE));
    OK(job_is(2, NC_JOB_STOPPED));
    OK(job_is(5, NC_JOB_FAILED));
    REFUSED(job_is(2, NC_JOB_DONE), NC_ENOENT);
    REFUSED(job_is(2, NC_JOB_RUNNING), NC_ENOENT);
    ASK("1/0 3/0", .kind = NC_Q_JOBS);
    ASK("5/4 4/2 2/3", .kind = NC_Q_JOBS_ENDED, .limit = 9);
    ASK("5/4 4/2", .kind = NC_Q_JOBS_ENDED, .limit = 2);
    ASK("2/3", .kind = NC_Q_JOBS_ENDED, .before = id(4), .limit = 2);
    ASK("", .kind = NC_Q_JOBS_ENDED, .before = id(2), .limit = 2);
}

static void jobs_go_with_their_room(void **state)
{
    struct nc_change erase = {.kind = NC_ROOM_ERASE, .room = {.id = DEN}, .limit = 1};

    (void)state;
    people_and_rooms();
    OK(say(DEN, ADA, 100, "x"));
    OK(say(DEN, ADA, 101, "y"));
    OK(job(1, DEN));
    OK(job(2, HALL));
    OK(job(3, DEN));
    OK(job_is(3, NC_JOB_DONE));
    OK(erase);
    ASK("1/0 2/0", .kind = NC_Q_JOBS); /* there is something left of it */
    OK(erase);
    ASK("2/0", .kind = NC_Q_JOBS);
    ASK("", .kind = NC_Q_JOBS_ENDED, .limit = 9);
}

/* ---- usage --------------------------------------------------------------- */

static struct nc_change use(uint32_t day, struct nc_id user, struct nc_id r,
                            const char *model, uint64_t tokens)
{
    return (struct nc_change){.kind = NC_USAGE_ADD,
                              .usage = {.day = day,
                                        .user = user,
                                        .room = r,
                                        .persona = EVE,
                                        .provider = nc_str("near"),
                                        .model = nc_str(model),
                                        .requests = 1,
                                        .prompt_tokens = tokens,
                                        .completion_tokens = 2 * tokens,
                                        .estimated = tokens}};
}

#define USAGE(expected, from, to, ...) \
    ASK(expected, .kind = NC_Q_USAGE, .since = from, .upto_day = to, __VA_ARGS__)

static void usage_adds_up_by_day_and_names(void **state)
{
    const struct nc_id none = {{0}};
    struct nc_change by_key = use(20000, ADA, none, "m", 100);

    (void)state;
    OK(use(20000, ADA, DEN, "m", 1));
    OK(use(20000, ADA, DEN, "m", 10));
    OK(use(20000, ADA, HALL, "m", 3));
    OK(use(20000, BOB, DEN, "m", 4));
    OK(use(20000, ADA, DEN, "other", 5));
    OK(use(20001, ADA, DEN, "m", 6));
    OK(use(19999, BOB, HALL, "m", 7));
    OK(by_key);
    by_key.usage.key = id(60);
    OK(by_key);
    USAGE("20000:1/0:m=1/100+200 20000:1/0:m=1/100+200 20000:1/11:m=2/11+22"
          " 20000:1/11:other=1/5+10 20000:1/12:m=1/3+6 20000:2/11:m=1/4+8",
          20000, 20000, .limit = 0);
    USAGE("20000:1/11:m=2/11+22 20000:1/11:other=1/5+10 20001:1/11:m=1/6+12", 19000, 21000,
          .user = ADA, .room = DEN);
    USAGE("19999:2/12:m=1/7+14 20000:2/11:m=1/4+8", 0, UINT32_MAX, .user = BOB);
    assert_true(answer.row.usage.estimated == 4 && answer.row.usage.provider.n == 4);
    assert_memory_equal(&answer.row.usage.persona, &by_key.usage.persona, 16);
    assert_true(nc_id_zero(&answer.row.usage.key));
    USAGE("19999:2/12:m=1/7+14 20000:1/12:m=1/3+6", 0, 30000, .room = HALL);
    USAGE("", 20002, 30000, .limit = 0);
    OK(account(BOB, "bob"));
    OK(((struct nc_change){.kind = NC_ACCOUNT_DELETE, .account = {.id = BOB}}));
    USAGE("20000:2/11:m=1/4+8", 20000, 20000, .user = BOB); /* what was used was used */
}

/* ---- what is trimmed ----------------------------------------------------- */

static void ended_jobs_and_old_usage_are_trimmed(void **state)
{
    uint32_t today = (uint32_t)(nc_wall_ms() / DAY_MS);
    struct nc_change trim = {.kind = NC_TRIM, .before_ms = 63, .limit = 100};

    (void)state;
    for (unsigned n = 1; n <= 4; n++)
        OK(job(n, DEN));
    for (unsigned n = 1; n <= 3; n++)
        OK(job_is(n, NC_JOB_DONE)); /* ended at 61, 62, 63 */
    OK(use(today, ADA, DEN, "m", 1));
    OK(use(today - 399, ADA, DEN, "m", 1));
    OK(use(today - 402, ADA, DEN, "m", 1));
    OK(use(today - 402, BOB, DEN, "m", 1));
    trim.limit = 3;
    OK(trim);
    assert_int_equal(last.changes[0].touched, 3);
    OK(trim);
    assert_int_equal(last.changes[0].touched, 1);
    OK(trim);
    assert_int_equal(last.changes[0].touched, 0);
    ASK("3/2", .kind = NC_Q_JOBS_ENDED, .limit = 9);
    ASK("4/0", .kind = NC_Q_JOBS);
    ask((struct nc_query){.kind = NC_Q_USAGE, .upto_day = UINT32_MAX});
    assert_int_equal(answer.rows, 2);
}

static void keys_have_limits(void **state)
{
    struct nc_change key = {.kind = NC_KEY_INSERT,
                            .key = {.id = id(60),
                                    .user = ADA,
                                    .hash = {1},
                                    .name = nc_str("k"),
                                    .tokens_per_day = 1ull << 40,
                                    .requests_per_day = 7}};

    (void)state;
    OK(key);
    ask((struct nc_query){.kind = NC_Q_KEY, .hash = {1}});
    assert_true(answer.row.key.tokens_per_day == 1ull << 40);
    ask((struct nc_query){.kind = NC_Q_KEYS, .id = ADA});
    assert_true(answer.row.key.requests_per_day == 7);
}

/* ---- what only a store with a disk promises ------------------------------ */

static void fill(void)
{
    people_and_rooms();
    an_answer("one");
    OK(restart(100, NC_COMPLETE, "one"));
    OK(provider(400, "near", "{}"));
    OK(persona(BOB, "{}"));
    OK(job(1, DEN));
    OK(job(2, DEN));
    OK(job_is(2, NC_JOB_DONE));
    OK(use(20000, ADA, DEN, "m", 1));
}

static char secret[16];

static void on_provider(struct nc_query *q, const struct nc_row *row)
{
    (void)q;
    assert_int_equal(row->provider.secret.n, 7);
    memcpy(secret, row->provider.secret.p, 7);
}

static void check_filled(void)
{
    struct nc_query q = {.kind = NC_Q_PROVIDERS, .row = on_provider};

    ALTERNATIVES("0/0:one 1/1:");
    assert_true(the_answer().alternatives == 2 && the_answer().state == NC_STREAMING);
    ASK("near={}", .kind = NC_Q_PROVIDERS);
    ASK("2={}", .kind = NC_Q_PERSONAS);
    ASK("1/0", .kind = NC_Q_JOBS);
    ASK("2/2", .kind = NC_Q_JOBS_ENDED, .limit = 9);
    USAGE("20000:1/11:m=1/1+2", 20000, 20000, .room = DEN);
    assert_int_equal(nc_store_read_now(w.store, &q), NC_OK);
    assert_memory_equal(secret, "s\0ealed", 7);
}

static void it_is_there_after_a_restart(void **state)
{
    (void)state;
    fill();
    reopen();
    check_filled();
}

static enum nc_err copied;

static void on_copied(struct nc_backup *b, enum nc_err e)
{
    (void)b;
    copied = e;
}

static void it_is_there_in_a_restored_backup(void **state)
{
    char path[96], where[96];
    struct nc_backup b = {.path = path, .done = on_copied};

    (void)state;
    fill();
    snprintf(path, sizeof(path), "%s/copy", w.dir);
    snprintf(where, sizeof(where), "%s/new.db", w.dir);
    copied = NC_EIO;
    w.store->ops->backup(w.store, &b);
    nc_loop_run(w.loop);
    assert_int_equal(copied, NC_OK);
    assert_int_equal(w.store->ops->restore(where, path, NULL, NULL), NC_OK);
    snprintf(w.url, sizeof(w.url), "%s:%s", scheme, where);
    reopen();
    check_filled();
}

int main(void)
{
    const struct CMUnitTest both[] = {
        T(an_answer_begins_anew_beside_the_old_one),
        T(the_ai_of_an_answer_is_kept_until_the_next_completes),
        T(restarting_is_refused_when_another_is_shown_by_now),
        T(restarting_is_refused_where_nothing_is),
        T(one_of_several_answers_is_chosen),
        T(another_answer_is_no_news),
        T(what_is_edited_away_is_in_no_alternative),
        T(every_read_tells_of_alternatives),
        T(what_erases_a_message_erases_its_alternatives),
        T(a_refused_commit_leaves_alternatives_alone),
        T(messages_before_one_are_counted),
        T(providers_have_names_of_their_own),
        T(personas_are_set_and_go_with_their_accounts),
        T(every_field_of_a_job_comes_back),
        T(jobs_end_once),
        T(jobs_go_with_their_room),
        T(usage_adds_up_by_day_and_names),
        T(ended_jobs_and_old_usage_are_trimmed),
        T(keys_have_limits),
    };
    const struct CMUnitTest rest[] = {
        T(it_is_there_after_a_restart),
        T(it_is_there_in_a_restored_backup),
    };
    int failed = 0;

    OVER_EVERY_BACKEND(failed, both);
    return failed + cmocka_run_group_tests_name("sqlite alone", rest, NULL, NULL);
}
