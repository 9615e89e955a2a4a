/* ai/mesh: which of several nodes answers, and that one answer is shown. */
#include "ai_nodes.h"

#include "ai/job.h"
#include "ai/jobid.h"

static struct side *const a = &sides[0], *const b = &sides[1];
static struct nc_user *ann;  /* at a */
static struct nc_room *room; /* at a */
static struct nc_id question, olga;

static void stage(unsigned n)
{
    open_nodes(n);
    ann = citizen(a, "ann");
    room = make_room(a->w, ann, "kitchen", NC_PRIVATE);
    olga = a->w->chat->default_persona->a.id;
    carry_logs();
    assert_non_null(room_at(b, room));
}

static void ask(void)
{
    assert_int_equal(say(a->w, ann, room, "olga, what is soup?"), NC_P_NONE);
    question = got.message.id;
}

static struct answers seen(struct side *s)
{
    return answers_at(s, &room->rec.id, &question);
}

static unsigned answered(struct side *s)
{
    return whole_answers(s, &room->rec.id, &question);
}

static bool has_job(struct side *s, uint64_t attempt)
{
    struct nc_id id = nc_job_id(&question, &olga, attempt);
    char text[NC_ID_TEXT + 1] = "";

    nc_id_text(&id, text);
    return strstr(seen(s).ai, text) != NULL;
}

static void on_done(void *arg, const struct nc_problem *why) { got_why(arg, why); }

static enum nc_problem_code stop_at(struct side *s, struct nc_user *who,
                                    const struct nc_id *message)
{
    struct nc_actor actor = as(who);

    nc_ai_stop(s->ai, &actor, message, on_done, begin_call());
    UNTIL(got.calls);
    return got.code;
}

/* ---- who answers --------------------------------------------------------------------- */

static void the_node_that_stored_a_question_answers_it(void **state)
{
    (void)state;
    stage(2);
    give_model(a);
    give_model(b);
    ask();
    UNTIL(answered(a) == 1 && answered(b) == 1);
    assert_string_equal(seen(b).text, "answered by a");
    assert_int_equal(b->asks, 0);
    assert_true(has_job(b, NC_ATTEMPT_FIRST));
    all_nodes_are_the_same();
    close_nodes();
}

static void a_node_without_a_model_has_another_answer(void **state)
{
    uint64_t began = nc_mono_ms();

    (void)state;
    stage(3);
    give_model(b);
    ask();
    UNTIL(answered(a) == 1 && answered(b) == 1 && answered(&sides[2]) == 1);
    assert_string_equal(seen(a).text, "answered by b");
    assert_true(has_job(a, NC_ATTEMPT_FIRST));
    assert_int_equal(b->asks, 1);
    assert_int_equal(nc_ai_stats(a->ai)->waiting, 0); /* it is over there, too */
    assert_true(nc_mono_ms() - began < 15000);
    all_nodes_are_the_same();
    close_nodes();
}

static void what_may_not_leave_the_node_does_not(void **state)
{
    struct nc_room_patch patch = {0};
    struct nc_str near =
        NC_STR("{\"allowed\":true,\"destination\":\"this_node\",\"call\":\"name\","
               "\"persona_turns\":0}");
    struct nc_actor who;

    (void)state;
    stage(2);
    give_model(b);
    who = as(ann);
    patch.settings = &near;
    nc_room_update(a->w->chat, &who, room, &patch, on_room_answer, begin_call());
    assert_int_equal(end_call(a->w), NC_P_NONE);
    ask();
    for_ms(200);
    assert_int_equal(b->asks, 0);
    a->cut = true;
    a->gone_ms = 31000; /* nor does anybody stand in for it */
    for_ms(300);
    assert_int_equal(b->asks, 0);
    assert_int_equal(answered(b), 0);
    close_nodes();
}

static void where_nobody_has_a_model_the_room_is_told(void **state)
{
    (void)state;
    stage(2);
    struct ear *ear = ear_open(a->w, ann, NULL);
    ask();
    for_ms(50);
    assert_int_equal(ear_count(ear, "no_model"), 0); /* somebody may yet say so */
    UNTIL(ear_count(ear, "no_model") == 1);
    give_model(b); /* it comes later, and is asked all the same */
    UNTIL(answered(a) == 1);
    assert_string_equal(seen(a).text, "answered by b");
    ear_close(a->w, ear);
    close_nodes();
}

static void what_was_given_to_a_node_that_is_gone_is_given_to_another(void **state)
{
    struct side *c = &sides[2];

    (void)state;
    stage(3);
    give_model(b);
    b->holds = true;
    ask();
    UNTIL(b->ask);
    ask(); /* it waits there behind the first, and nobody has seen anything of it */
    UNTIL(nc_ai_stats(b->ai)->waiting == 1);
    b->cut = true;
    b->gone_ms = 10000;
    give_model(c);
    for_ms(300);
    assert_int_equal(c->asks, 0);
    b->gone_ms = 31000;
    UNTIL(answered(a) == 1);
    assert_string_equal(seen(a).text, "answered by c");
    close_nodes();
}

/* ---- from afar ----------------------------------------------------------------------- */

static void an_answer_is_stopped_where_its_asker_is(void **state)
{
    struct nc_user *bob;

    (void)state;
    stage(2);
    bob = citizen(a, "bob");
    assert_int_equal(put_member(a->w, ann, room, bob, NC_MEMBER), NC_P_NONE);
    give_model(b);
    b->holds = true;
    ask();
    UNTIL(b->ask && seen(a).streaming == 1);
    model_says(b, "soup is");
    struct nc_id answer = seen(a).last.id;
    assert_int_equal(stop_at(a, bob, &answer), NC_P_FORBIDDEN);
    struct nc_actor who = as(ann);
    nc_ai_stop(a->ai, &who, &question, on_done, begin_call());
    for_ms(100);
    model_ends(b, NC_ECLOSED); /* as a provider does that is told to stop */
    UNTIL(got.calls);
    assert_int_equal(got.code, NC_P_NONE);
    UNTIL(answered(a) == 1);
    assert_int_equal(seen(a).last.state, NC_STOPPED);
    assert_string_equal(seen(a).text, "soup is");
    assert_int_equal(stop_at(a, ann, &answer), NC_P_NOT_FOUND);
    close_nodes();
}

static void another_answer_comes_from_where_the_model_is(void **state)
{
    (void)state;
    stage(2);
    give_model(b);
    ask();
    UNTIL(answered(a) == 1);
    struct nc_id answer = seen(a).last.id;
    struct nc_actor who = as(ann);
    nc_ai_regenerate(a->ai, &who, &answer, NC_STR(""), on_json, begin_call());
    UNTIL(got.calls);
    assert_int_equal(got.code, NC_P_NONE);
    UNTIL(b->asks == 2 && answered(a) == 1 && answered(b) == 1);
    struct answers now = seen(a);
    assert_true(nc_id_eq(&now.last.id, &answer));
    assert_true(has_job(a, NC_ATTEMPT_FIRST)); /* the message is still that job's */
    UNTIL(nc_ai_stats(a->ai)->waiting == 0);
    all_nodes_are_the_same();
    close_nodes();
}

static void who_comes_late_sees_what_has_grown_elsewhere(void **state)
{
    char delta[600], message[NC_ID_TEXT + 1] = "", where[NC_ID_TEXT + 1] = "";

    (void)state;
    stage(2);
    give_model(b);
    b->holds = true;
    ask();
    UNTIL(b->ask && seen(a).streaming == 1);
    struct nc_id answer = seen(a).last.id;
    nc_id_text(&answer, message);
    nc_id_text(&room->rec.id, where);
    for (int i = 0; i < 2; i++) { /* as it comes from the other node */
        snprintf(delta, sizeof(delta),
                 "{\"type\":\"message.delta\",\"room\":\"%s\",\"message_id\":\"%s\","
                 "\"run\":0,\"n\":%d,\"at\":%d,\"channel\":\"text\",\"text\":\"%s\"}",
                 where, message, i, i ? 5 : 0, i ? "is hot" : "soup ");
        nc_hub_publish_ephemeral(a->w->chat->hub, &room->topic, "message.delta",
                                 nc_str(delta));
    }
    struct ear *ear = ear_open(a->w, ann, NULL);
    for_ms(50);
    assert_int_equal(ear_count(ear, "soup is hot"), 1);
    assert_int_equal(ear_count(ear, "\"snapshot\":true"), 1);
    ear_close(a->w, ear);
    model_says(b, "soup is hot");
    model_ends(b, NC_OK);
    UNTIL(answered(a) == 1);
    ear = ear_open(a->w, ann, NULL);
    for_ms(50);
    assert_int_equal(ear_count(ear, "\"snapshot\":true"), 0);
    ear_close(a->w, ear);
    close_nodes();
}

/* ---- where a node is gone ------------------------------------------------------------ */

static void another_stands_in_for_a_node_that_is_gone(void **state)
{
    (void)state;
    stage(3);
    ask(); /* it dies before it has said another word to anybody */
    carry(a, b);
    carry(a, &sides[2]);
    a->cut = true;
    a->gone_ms = 20000;
    give_model(b);
    for_ms(300);
    assert_int_equal(b->asks, 0); /* it may come back yet */
    a->gone_ms = 31000;
    UNTIL(answered(b) == 1 && answered(&sides[2]) == 1);
    assert_string_equal(seen(b).text, "answered by b");
    assert_true(has_job(b, NC_ATTEMPT_INSTEAD));
    assert_int_equal(b->asks, 1);
    for_ms(300);
    assert_int_equal(b->asks, 1);
    close_nodes();
}

static void of_two_answers_one_is_shown(void **state)
{
    (void)state;
    stage(3);
    ask();
    carry(a, b); /* the question, and no more */
    carry(a, &sides[2]);
    a->cut = true;
    a->gone_ms = 31000;
    give_model(a);
    give_model(b);
    UNTIL(answered(a) == 1 && answered(b) == 1);
    assert_string_equal(seen(a).text, "answered by a");
    assert_string_equal(seen(b).text, "answered by b");
    a->cut = false;
    a->gone_ms = 0;
    for_ms(10); /* the logs are whole again */
    struct nc_id first = nc_job_id(&question, &olga, NC_ATTEMPT_FIRST);
    struct nc_id instead = nc_job_id(&question, &olga, NC_ATTEMPT_INSTEAD);
    const char *kept = nc_id_cmp(&first, &instead) < 0 ? "answered by a" : "answered by b";
    for (unsigned i = 0; i < sides_n; i++) {
        UNTIL(answered(&sides[i]) == 1);
        assert_string_equal(seen(&sides[i]).text, kept);
    }
    for_ms(50);
    all_nodes_are_the_same();
    assert_int_equal(seen(a).last.alternatives, 2);
    assert_int_equal(seen(b).last.alternatives, 2);
    close_nodes();
}

static void an_answer_of_a_node_that_is_gone_fails_and_may_still_be_whole(void **state)
{
    (void)state;
    stage(3);
    give_model(b);
    b->holds = true;
    ask();
    UNTIL(b->ask && seen(a).streaming == 1 && seen(&sides[2]).streaming == 1);
    b->cut = true;
    b->gone_ms = 10000;
    for_ms(300);
    assert_int_equal(seen(a).streaming, 1);
    b->gone_ms = 31000;
    UNTIL(seen(a).last.state == NC_FAILED && seen(&sides[2]).last.state == NC_FAILED);
    assert_non_null(strstr(seen(a).ai, "node_stopped"));
    model_says(b, "soup is soup"); /* it wasn't dead at all */
    model_ends(b, NC_OK);
    for_ms(100);
    b->cut = false;
    b->gone_ms = 0;
    UNTIL(seen(a).last.state == NC_COMPLETE && seen(&sides[2]).last.state == NC_COMPLETE);
    assert_string_equal(seen(a).text, "soup is soup");
    assert_string_equal(seen(b).text, "soup is soup");
    for_ms(20);
    all_nodes_are_the_same();
    close_nodes();
}

/* ---- one name of two ----------------------------------------------------------------- */

static void make_persona(struct side *s, struct nc_user *by, const char *json)
{
    struct nc_actor who = as(by);
    json_t *body = json_loads(json, 0, NULL);

    by->a.role = NC_ROLE_ADMIN;
    nc_personas_add(nc_ai_personas(s->ai), &who, body, on_json, begin_call());
    json_decref(body);
    assert_int_equal(end_call(s->w), NC_P_NONE);
}

static const struct nc_persona *persona_at(struct side *s, const char *username)
{
    return nc_persona_of(nc_ai_personas(s->ai),
                         nc_user_named(s->w->chat, nc_str(username)));
}

static void a_name_given_on_both_sides_of_a_cut_is_the_first_ones(void **state)
{
    (void)state;
    stage(2);
    make_persona(a, ann, "{\"username\":\"max\",\"aliases\":[\"Толя\"]}");
    make_persona(b, citizen(b, "bob"), "{\"username\":\"kim\",\"display_name\":\"толя\"}");
    citizen(b, "olya");
    carry_logs(); /* each has its own first, and the other's later */
    all_nodes_are_the_same();
    struct nc_id max = persona_at(a, "max")->user->a.id;
    struct nc_id kim = persona_at(a, "kim")->user->a.id;
    bool max_is = nc_id_cmp(&max, &kim) < 0;
    for (unsigned i = 0; i < 2; i++) {
        const struct nc_persona *x = persona_at(&sides[i], "max");
        const struct nc_persona *y = persona_at(&sides[i], "kim");
        assert_ptr_equal(nc_persona_taken(x, 1), max_is ? NULL : y->user);
        assert_ptr_equal(nc_persona_taken(y, 0), max_is ? x->user : NULL);
        const struct nc_persona *first = persona_at(&sides[i], "olga");
        unsigned others = 0; /* who is called by names of hers */
        for (size_t k = 0; k < first->names_n; k++)
            others += nc_persona_taken(first, k) != NULL;
        assert_int_equal(others, 1);
    }
    assert_int_equal(put_member(a->w, ann, room, nc_user_find(a->w->chat, &max), NC_MEMBER),
                     NC_P_NONE);
    assert_int_equal(put_member(a->w, ann, room, nc_user_find(a->w->chat, &kim), NC_MEMBER),
                     NC_P_NONE);
    give_model(a);
    assert_int_equal(say(a->w, ann, room, "Толя, what is soup?"), NC_P_NONE);
    question = got.message.id;
    UNTIL(answered(a) == 1 && answered(b) == 1);
    struct nc_message answer = seen(a).last;
    assert_true(nc_id_eq(&answer.sender, max_is ? &max : &kim));
    for_ms(50);
    assert_int_equal(a->asks, 1);
    all_nodes_are_the_same();
    close_nodes();
}

/* ---- a node that is bad -------------------------------------------------------------- */

static void word_of(struct side *from, struct side *to, const char *type,
                    const struct nc_id *job, const struct nc_id *asked, const char *more)
{
    char id[5][NC_ID_TEXT + 1] = {"", "", "", "", ""}, text[800];

    nc_id_text(job, id[0]);
    nc_id_text(&room->rec.id, id[1]);
    nc_id_text(asked, id[2]);
    nc_id_text(&olga, id[3]);
    nc_id_text(&ann->a.id, id[4]);
    snprintf(text, sizeof(text),
             "{\"type\":\"%s\",\"job\":\"%s\",\"room\":\"%s\",\"question\":\"%s\","
             "\"persona\":\"%s\",\"asker\":\"%s\",\"payer\":\"%s\",\"depth\":0%s}",
             type, id[0], id[1], id[2], id[3], id[4], id[4], more);
    nc_ai_mesh_told(to->ai, &from->node, nc_str(text));
}

static void who_keeps_a_question_is_passed_over(void **state)
{
    struct side *c = &sides[2];

    (void)state;
    pace = 20;
    stage(3);
    b->deaf = true;
    ask();
    struct nc_id job = nc_job_id(&question, &olga, NC_ATTEMPT_FIRST);
    for (uint64_t until = nc_mono_ms() + 200; nc_mono_ms() < until; go_on())
        word_of(b, a, "mine", &job, &question, "");
    give_model(c);
    assert_int_equal(c->asks, 0);
    for (uint64_t until = nc_mono_ms() + 50000; answered(a) != 1; go_on()) {
        assert_true(nc_mono_ms() < until);
        word_of(b, a, "mine", &job, &question, "");
        word_of(b, a, "can", &job, &question, "");
    }
    assert_string_equal(seen(a).text, "answered by c");
    assert_true(nc_ai_stats(a->ai)->held > 0);
    pace = 10;
    close_nodes();
}

/* How that one is with the others that wait at a; NULL: it doesn't wait any more. */
static const struct nc_away *away_of(const struct nc_id *job)
{
    nc_list_each(n, &a->ai->jobs) {
        const struct nc_job *j = nc_of(n, struct nc_job, node);
        if (nc_id_eq(&j->kept.rec.id, job))
            return &j->away;
    }
    return NULL;
}

static void where_all_keep_it_the_room_is_told(void **state)
{
    const char *later = ",\"later\":true";

    (void)state;
    pace = 300;
    stage(2);
    b->deaf = true;
    struct ear *ear = ear_open(a->w, ann, NULL);
    ask();
    struct nc_id job = nc_job_id(&question, &olga, NC_ATTEMPT_FIRST);
    word_of(b, a, "mine", &job, &question, "");
    assert_int_equal(away_of(&job)->state, NC_AWAY_GIVEN);
    for (uint64_t until = nc_mono_ms() + 40000; away_of(&job)->held < 100; go_on()) {
        assert_true(nc_mono_ms() < until);
        if (away_of(&job)->state == NC_AWAY_ASKING) /* or it is given up for silence */
            word_of(b, a, "can", &job, &question, later);
        word_of(b, a, "mine", &job, &question, "");
    }
    UNTIL(ear_count(ear, "no_model") == 1);
    assert_true(away_of(&job)->gave_up);
    assert_true(nc_ai_stats(a->ai)->held >= 10);
    for_ms(50);
    word_of(b, a, "mine", &job, &question, "");
    word_of(b, a, "not", &job, &question, "");
    for_ms(50);
    assert_int_equal(ear_count(ear, "no_model"), 1); /* once */
    ear_close(a->w, ear);
    pace = 10;
    close_nodes();
}

static void where_the_only_one_that_had_it_is_gone_the_room_is_told(void **state)
{
    (void)state;
    stage(2);
    give_model(b);
    b->holds = true;
    ask();
    UNTIL(b->ask && seen(a).streaming == 1);
    struct ear *ear = ear_open(a->w, ann, NULL);
    ask(); /* it waits there */
    struct nc_id job = nc_job_id(&question, &olga, NC_ATTEMPT_FIRST);
    UNTIL(nc_ai_stats(b->ai)->waiting == 1 && away_of(&job)->state == NC_AWAY_GIVEN);
    for_ms(510); /* by then it is known who is here */
    assert_int_equal(ear_count(ear, "no_model"), 0);
    b->cut = true;
    b->gone_ms = 31000;
    UNTIL(ear_count(ear, "no_model") == 1);
    assert_true(away_of(&job)->gave_up);
    give_model(a);
    UNTIL(answered(a) == 1);
    assert_string_equal(seen(a).text, "answered by a");
    assert_int_equal(ear_count(ear, "no_model"), 1);
    ear_close(a->w, ear);
    model_ends(b, NC_OK);
    close_nodes();
}

/* However often somebody has too much to do, that isn't held against anybody. */
static void who_says_later_is_waited_for(void **state)
{
    const char *later = ",\"later\":true";
    unsigned n = 0;

    (void)state;
    pace = 100;
    stage(2);
    b->deaf = true;
    struct ear *ear = ear_open(a->w, ann, NULL);
    ask();
    struct nc_id job = nc_job_id(&question, &olga, NC_ATTEMPT_FIRST);
    for (uint64_t until = nc_mono_ms() + 30000; n < 120; go_on()) {
        assert_true(nc_mono_ms() < until);
        word_of(b, a, "can", &job, &question, later);
        word_of(b, a, "can", &job, &question, "");
        n += away_of(&job)->state == NC_AWAY_GIVEN;
        word_of(b, a, "not", &job, &question, later);
        assert_int_equal(away_of(&job)->state, NC_AWAY_ASKING);
        assert_int_equal(away_of(&job)->held, 0);
    }
    assert_int_equal(ear_count(ear, "no_model"), 0);
    b->deaf = false;
    give_model(b);
    UNTIL(answered(a) == 1);
    assert_string_equal(seen(a).text, "answered by b");
    ear_close(a->w, ear);
    pace = 10;
    close_nodes();
}

/* … but for what is older than an hour. */
static void who_says_later_is_not_waited_for_without_end(void **state)
{
    (void)state;
    pace = 3000;
    stage(2);
    b->deaf = true;
    struct ear *ear = ear_open(a->w, ann, NULL);
    ask();
    struct nc_id job = nc_job_id(&question, &olga, NC_ATTEMPT_FIRST);
    for (uint64_t until = nc_mono_ms() + 20000; !ear_count(ear, "no_model"); go_on()) {
        assert_true(nc_mono_ms() < until);
        word_of(b, a, "can", &job, &question, ",\"later\":true");
    }
    ear_close(a->w, ear);
    pace = 10;
    close_nodes();
}

static void what_is_done_is_not_done_again_by_another_name(void **state)
{
    struct nc_id made_up = nc_id_random();

    (void)state;
    stage(3);
    give_model(b);
    ask();
    UNTIL(answered(a) == 1 && answered(b) == 1);
    for (unsigned i = 0; i < 20; i++) {
        made_up.b[0]++;
        word_of(&sides[2], b, "yours", &made_up, &question, "");
        word_of(&sides[2], b, "yours", &made_up, &question,
                ",\"message\":\"00000000-0000-7000-8000-000000000001\"");
    }
    struct nc_id first = nc_job_id(&question, &olga, NC_ATTEMPT_FIRST);
    word_of(&sides[2], b, "yours", &first, &question, "");
    for_ms(100);
    assert_int_equal(b->asks, 1);
    assert_int_equal(nc_ai_stats(b->ai)->not_taken, 40);
    close_nodes();
}

static void one_node_does_not_fill_anothers_queue(void **state)
{
    (void)state;
    stage(2);
    give_model(b);
    b->holds = true;
    for (unsigned i = 0; i < 90; i++)
        ask();
    UNTIL(b->ask && nc_ai_stats(b->ai)->waiting == 64);
    for_ms(100);
    assert_int_equal(nc_ai_stats(b->ai)->waiting, 64);
    b->holds = false;
    model_says(b, "the first");
    model_ends(b, NC_OK);
    UNTIL(b->asks == 90 && nc_ai_stats(a->ai)->waiting == 0);
    close_nodes();
}

/* Deltas of nothing, without end, don't make us forget whose answers still grow. */
static void who_makes_noise_hides_no_answer_that_is_lost(void **state)
{
    char delta[400], where[NC_ID_TEXT + 1] = "";

    (void)state;
    stage(3);
    give_model(b);
    b->holds = true;
    ask();
    UNTIL(b->ask && seen(a).streaming == 1 && seen(&sides[2]).streaming == 1);
    nc_id_text(&room->rec.id, where);
    for (unsigned i = 0; i < 600; i++) {
        struct nc_id id = nc_id_random();
        char text[NC_ID_TEXT + 1] = "";
        nc_id_text(&id, text);
        snprintf(delta, sizeof(delta),
                 "{\"type\":\"message.delta\",\"room\":\"%s\",\"message_id\":\"%s\","
                 "\"run\":0,\"n\":0,\"at\":0,\"channel\":\"text\",\"text\":\"x\"}",
                 where, text);
        for (unsigned k = 0; k < 3; k += 2)
            nc_hub_publish_ephemeral(sides[k].w->chat->hub,
                                     &room_at(&sides[k], room)->topic, "message.delta",
                                     nc_str(delta));
    }
    b->cut = true;
    b->gone_ms = 31000;
    UNTIL(seen(a).last.state == NC_FAILED && seen(&sides[2]).last.state == NC_FAILED);
    model_ends(b, NC_OK);
    close_nodes();
}

static void an_answer_that_never_ends_is_given_up(void **state)
{
    (void)state;
    pace = 3000;
    stage(3);
    give_model(b);
    b->holds = true;
    ask();
    UNTIL(b->ask && seen(a).last.ai.n);
    b->cut = true; /* as if it heard nothing of that, and is there all the same */
    UNTIL(seen(a).last.state == NC_FAILED);
    assert_true(nc_ai_stats(a->ai)->unended + nc_ai_stats(sides[2].ai)->unended > 0);
    model_ends(b, NC_OK);
    pace = 10;
    close_nodes();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_node_that_stored_a_question_answers_it),
        cmocka_unit_test(a_node_without_a_model_has_another_answer),
        cmocka_unit_test(what_may_not_leave_the_node_does_not),
        cmocka_unit_test(where_nobody_has_a_model_the_room_is_told),
        cmocka_unit_test(what_was_given_to_a_node_that_is_gone_is_given_to_another),
        cmocka_unit_test(an_answer_is_stopped_where_its_asker_is),
        cmocka_unit_test(another_answer_comes_from_where_the_model_is),
        cmocka_unit_test(who_comes_late_sees_what_has_grown_elsewhere),
        cmocka_unit_test(another_stands_in_for_a_node_that_is_gone),
        cmocka_unit_test(of_two_answers_one_is_shown),
        cmocka_unit_test(an_answer_of_a_node_that_is_gone_fails_and_may_still_be_whole),
        cmocka_unit_test(a_name_given_on_both_sides_of_a_cut_is_the_first_ones),
        cmocka_unit_test(who_keeps_a_question_is_passed_over),
        cmocka_unit_test(where_all_keep_it_the_room_is_told),
        cmocka_unit_test(where_the_only_one_that_had_it_is_gone_the_room_is_told),
        cmocka_unit_test(who_says_later_is_waited_for),
        cmocka_unit_test(who_says_later_is_not_waited_for_without_end),
        cmocka_unit_test(what_is_done_is_not_done_again_by_another_name),
        cmocka_unit_test(one_node_does_not_fill_anothers_queue),
        cmocka_unit_test(who_makes_noise_hides_no_answer_that_is_lost),
        cmocka_unit_test(an_answer_that_never_ends_is_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
