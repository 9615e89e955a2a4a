#include "talk_world.h"

#include "ai/deltas.h"

struct answer {
    struct world *w;
    struct ear *ear;
    struct nc_deltas d;
};

static void answer_new(struct answer *a)
{
    struct nc_user *ada, *olga;
    struct nc_room *r;

    a->w = world_new();
    ada = person(a->w, "ada", NC_PERSON);
    olga = person(a->w, "olga", NC_PERSONA);
    a->w->chat->default_persona = olga;
    r = make_room(a->w, ada, "den", NC_PUBLIC);
    a->ear = ear_open(a->w, ada, NULL);
    nc_answer_start(a->w->chat, olga, r, NULL, NC_STR("{}"), on_sent, begin_call());
    assert_int_equal(end_call(a->w), NC_P_NONE);
    nc_deltas_init(&a->d, a->w->chat, a->w->loop, &r->rec.id);
    nc_deltas_begin(&a->d, &got.message.id, 0);
}

static void answer_free(struct answer *a)
{
    nc_deltas_fini(&a->d);
    ear_close(a->w, a->ear);
    world_free(a->w);
}

static void say_piece(struct answer *a, const char *piece)
{
    assert_true(nc_deltas_add(&a->d, NC_LLM_TEXT, nc_str(piece)));
}

/* Loop time stands still meanwhile. */
static void end_turn(struct answer *a) { nc_loop_settle(a->w->loop); }

static unsigned heard(const struct answer *a, const char *text)
{
    return ear_count(a->ear, text);
}

static void the_first_words_are_told_at_once(void **state)
{
    struct answer a;

    (void)state;
    answer_new(&a);
    say_piece(&a, "Once ");
    say_piece(&a, "upon ");
    assert_int_equal(heard(&a, "message.delta"), 0); /* what comes together is joined */
    end_turn(&a);
    assert_int_equal(heard(&a, "message.delta"), 1);
    assert_int_equal(heard(&a, "\"text\":\"Once upon \""), 1);
    answer_free(&a);
}

static void then_at_most_every_forty_milliseconds(void **state)
{
    struct answer a;
    uint64_t begun;

    (void)state;
    answer_new(&a);
    begun = nc_mono_ms();
    say_piece(&a, "Once ");
    end_turn(&a);
    say_piece(&a, "upon ");
    end_turn(&a);
    if (nc_mono_ms() - begun < 40) /* else this very test was held up */
        assert_int_equal(heard(&a, "message.delta"), 1);
    /* Silence: nobody but the clock tells it. */
    while (heard(&a, "message.delta") < 2 && nc_mono_ms() - begun < 30000)
        turn(a.w);
    assert_int_equal(heard(&a, "\"text\":\"upon \""), 1);
    assert_true(nc_mono_ms() - begun >= 40);
    answer_free(&a);
}

static void what_is_left_is_told_at_the_end(void **state)
{
    struct answer a;

    (void)state;
    answer_new(&a);
    say_piece(&a, "Once ");
    end_turn(&a);
    say_piece(&a, "upon ");
    say_piece(&a, "a time");
    nc_deltas_end(&a.d);
    end_turn(&a);
    assert_int_equal(heard(&a, "\"text\":\"upon a time\""), 1);
    assert_int_equal(heard(&a, "message.delta"), 2);
    answer_free(&a);
}

static void what_ends_before_its_turn_does_is_told_once(void **state)
{
    struct answer a;

    (void)state;
    answer_new(&a);
    say_piece(&a, "Yes.");
    nc_deltas_end(&a.d);
    end_turn(&a);
    assert_int_equal(heard(&a, "message.delta"), 1);
    assert_int_equal(heard(&a, "\"text\":\"Yes.\""), 1);
    say_piece(&a, "gone"); /* freed before its turn ends: told to nobody */
    answer_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_words_are_told_at_once),
        cmocka_unit_test(then_at_most_every_forty_milliseconds),
        cmocka_unit_test(what_is_left_is_told_at_the_end),
        cmocka_unit_test(what_ends_before_its_turn_does_is_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
