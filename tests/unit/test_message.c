#include "chat/people/throttle.h"
#include "talk_world.h"

struct den {
    struct world *w;
    struct nc_user *ada, *bob;
    struct nc_room *r;
};

static struct den den_new(void)
{
    struct den d = {.w = world_new()};

    d.ada = person(d.w, "ada", NC_PERSON);
    d.bob = person(d.w, "bob", NC_PERSON);
    d.r = make_room(d.w, d.ada, "den", NC_PUBLIC);
    assert_int_equal(join(d.w, d.bob, d.r), NC_P_NONE);
    return d;
}

static enum nc_problem_code edit(struct den *d, struct nc_user *u, struct nc_id id,
                                 const char *text)
{
    struct nc_actor who = as(u);

    nc_message_edit(d->w->chat, &who, &id, nc_str(text), on_sent, begin_call());
    return end_call(d->w);
}

static enum nc_problem_code erase(struct den *d, struct nc_user *u, struct nc_id id)
{
    struct nc_actor who = as(u);

    nc_message_delete(d->w->chat, &who, &id, on_sent, begin_call());
    return end_call(d->w);
}

static enum nc_problem_code look(struct den *d, struct nc_user *u, struct nc_id id)
{
    struct nc_actor who = as(u);

    nc_message_get(d->w->chat, &who, &id, on_sent, begin_call());
    return end_call(d->w);
}

static enum nc_problem_code mark_read(struct den *d, struct nc_user *u, struct nc_id id)
{
    struct nc_actor who = as(u);

    nc_message_read(d->w->chat, &who, d->r, &id, on_room_answer, begin_call());
    return end_call(d->w);
}

static void said_and_heard(void **state)
{
    struct den d = den_new();
    struct ear *ada = ear_open(d.w, d.ada, NULL), *bob = ear_open(d.w, d.bob, NULL);
    struct nc_send in = {.text = NC_STR("hello @Bob"), .client_id = nc_id_random()};

    (void)state;
    assert_int_equal(send_in(d.w, d.ada, d.r, &in), NC_P_NONE);
    assert_false(got.repeated);
    assert_string_equal(got.text, "hello @Bob");
    assert_string_equal(got.mentions, "bob");
    assert_true(nc_id_eq(&d.r->newest, &got.message.id));
    assert_true(got.message.seq > 0);
    assert_int_equal(ear_count(bob, "message.created"), 1);
    assert_int_equal(ear_count(bob, "client_id"), 0);
    assert_int_equal(ear_count(ada, "message.created"), 1);
    assert_int_equal(ear_count(ada, "client_id"), 1);
    ear_close(d.w, ada);
    ear_close(d.w, bob);
    world_free(d.w);
}

static void a_repeat_is_the_same_message(void **state)
{
    struct den d = den_new();
    struct ear *bob = ear_open(d.w, d.bob, NULL);
    struct nc_send in = {.text = NC_STR("once"), .client_id = nc_id_random()};
    struct nc_actor who = as(d.ada);
    struct nc_id id;
    static struct got first;

    (void)state;
    memset(&first, 0, sizeof(first));
    nc_message_send(d.w->chat, &who, d.r, &in, on_sent, &first); /* at the same moment */
    assert_int_equal(send_in(d.w, d.ada, d.r, &in), NC_P_NONE);
    assert_false(first.repeated);
    assert_true(got.repeated);
    assert_true(nc_id_eq(&first.message.id, &got.message.id));
    id = got.message.id;
    in.text = NC_STR("something else");
    assert_int_equal(send_in(d.w, d.ada, d.r, &in), NC_P_NONE);
    assert_true(got.repeated);
    assert_true(nc_id_eq(&id, &got.message.id));
    assert_string_equal(got.text, "once");
    assert_int_equal(ear_count(bob, "message.created"), 1);
    /* Another sender's client_id is another one. */
    assert_int_equal(send_in(d.w, d.bob, d.r, &in), NC_P_NONE);
    assert_false(got.repeated);
    ear_close(d.w, bob);
    world_free(d.w);
}

static void what_may_not_be_said(void **state)
{
    struct den d = den_new();
    struct nc_user *cat = person(d.w, "cat", NC_PERSON);
    struct nc_send nul = {.text = {"a\0b", 3}};
    char *big = malloc(65538);

    (void)state;
    memset(big, 'x', 65537);
    big[65537] = 0;
    assert_int_equal(say(d.w, d.ada, d.r, ""), NC_P_BAD_REQUEST);
    assert_int_equal(say(d.w, d.ada, d.r, " \n\t "), NC_P_BAD_REQUEST);
    assert_int_equal(send_in(d.w, d.ada, d.r, &nul), NC_P_BAD_REQUEST);
    assert_int_equal(say(d.w, d.ada, d.r, big), NC_P_TOO_LARGE);
    assert_non_null(strstr(got.detail, "65536"));
    big[65536] = 0;
    assert_int_equal(say(d.w, d.ada, d.r, big), NC_P_NONE);
    assert_int_equal(say(d.w, cat, d.r, "hi"), NC_P_FORBIDDEN);
    d.w->chat->sends_stopped = true;
    assert_int_equal(say(d.w, d.ada, d.r, "hi"), NC_P_UNAVAILABLE);
    d.w->chat->sends_stopped = false;
    d.w->fail = NC_EIO;
    struct ear *ear = ear_open(d.w, d.bob, NULL);
    assert_int_equal(say(d.w, d.ada, d.r, "hi"), NC_P_UNAVAILABLE);
    struct nc_buf heard = ear_durable(ear);
    assert_int_equal(heard.n, 0);
    nc_buf_fini(&heard);
    d.w->fail = NC_OK;
    assert_int_equal(say(d.w, d.ada, d.r, "hi"), NC_P_NONE);
    ear_close(d.w, ear);
    free(big);
    world_free(d.w);
}

static void not_too_often(void **state)
{
    struct den d = den_new();

    (void)state;
    d.w->chat->opts.limits.rates = true;
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(say(d.w, d.ada, d.r, "spam"), NC_P_NONE);
    assert_int_equal(say(d.w, d.ada, d.r, "spam"), NC_P_RATE_LIMITED);
    assert_int_equal(say(d.w, d.bob, d.r, "not me"), NC_P_NONE);
    world_free(d.w);
}

static void replies_are_to_this_room(void **state)
{
    struct den d = den_new();
    struct nc_room *other = make_room(d.w, d.ada, "other", NC_PUBLIC);
    struct nc_send in = {.text = NC_STR("re")};
    struct nc_id first, elsewhere;

    (void)state;
    assert_int_equal(say(d.w, d.ada, d.r, "one"), NC_P_NONE);
    first = got.message.id;
    assert_int_equal(say(d.w, d.ada, d.r, "two"), NC_P_NONE);
    assert_int_equal(say(d.w, d.ada, other, "three"), NC_P_NONE);
    elsewhere = got.message.id;
    in.reply_to = first;
    assert_int_equal(send_in(d.w, d.bob, d.r, &in), NC_P_NONE);
    assert_true(nc_id_eq(&got.message.reply_to, &first));
    in.reply_to = elsewhere;
    assert_int_equal(send_in(d.w, d.bob, d.r, &in), NC_P_NOT_FOUND);
    in.reply_to = nc_id_random();
    assert_int_equal(send_in(d.w, d.bob, d.r, &in), NC_P_NOT_FOUND);
    world_free(d.w);
}

static void a_reply_keeps_its_place(void **state)
{
    struct den d = den_new();
    struct nc_actor who = as(d.ada);
    static struct got one, two, bad;
    struct nc_send in = {.text = NC_STR("re")};

    (void)state;
    memset(&one, 0, sizeof(one));
    memset(&two, 0, sizeof(two));
    memset(&bad, 0, sizeof(bad));
    assert_int_equal(say(d.w, d.ada, d.r, "0"), NC_P_NONE);
    in.reply_to = got.message.id;
    assert_int_equal(say(d.w, d.ada, d.r, "1"), NC_P_NONE);
    nc_message_send(d.w->chat, &who, d.r, &in, on_sent, &one);
    in.reply_to = (struct nc_id){{0}};
    nc_message_send(d.w->chat, &who, d.r, &in, on_sent, &two);
    in.reply_to = nc_id_random();
    nc_message_send(d.w->chat, &who, d.r, &in, on_sent, &bad);
    assert_int_equal(say(d.w, d.ada, d.r, "last"), NC_P_NONE);
    assert_int_equal(bad.code, NC_P_NOT_FOUND);
    assert_true(nc_id_cmp(&one.message.id, &two.message.id) < 0);
    assert_true(one.message.seq < two.message.seq);
    assert_true(nc_id_cmp(&two.message.id, &got.message.id) < 0);
    world_free(d.w);
}

static void order_survives_a_clock_that_jumps(void **state)
{
    struct den d = den_new();
    struct nc_id last = {{0}};

    (void)state;
    for (int i = 0; i < 6; i++) {
        nc_wall_bend(i % 2 ? -3600000 : 3600000);
        assert_int_equal(say(d.w, d.ada, d.r, "tick"), NC_P_NONE);
        assert_true(nc_id_cmp(&got.message.id, &last) > 0);
        assert_false(got.message.late);
        last = got.message.id;
    }
    nc_wall_bend(0);
    world_free(d.w);
}

static void edits(void **state)
{
    struct den d = den_new();
    struct ear *bob = ear_open(d.w, d.bob, NULL);
    struct nc_id id;

    (void)state;
    assert_int_equal(say(d.w, d.ada, d.r, "helo"), NC_P_NONE);
    id = got.message.id;
    assert_int_equal(edit(&d, d.bob, id, "mine"), NC_P_FORBIDDEN);
    assert_int_equal(edit(&d, d.ada, id, "  "), NC_P_BAD_REQUEST);
    assert_int_equal(edit(&d, d.ada, nc_id_random(), "x"), NC_P_NOT_FOUND);
    assert_int_equal(edit(&d, d.ada, id, "hello @bob"), NC_P_NONE);
    assert_string_equal(got.text, "hello @bob");
    assert_string_equal(got.mentions, "bob");
    assert_true(got.message.edited_ms > 0);
    assert_int_equal(ear_count(bob, "message.updated"), 1);
    assert_int_equal(edit(&d, d.ada, id, "/me stays text"), NC_P_NONE);
    assert_int_equal(got.message.kind, NC_TEXT);
    assert_int_equal(look(&d, d.bob, id), NC_P_NONE);
    assert_string_equal(got.text, "/me stays text");
    ear_close(d.w, bob);
    world_free(d.w);
}

static void deletes(void **state)
{
    struct den d = den_new();
    struct nc_user *cat = person(d.w, "cat", NC_PERSON);
    struct ear *bob = ear_open(d.w, d.bob, NULL);
    struct nc_id id, other;

    (void)state;
    assert_int_equal(join(d.w, cat, d.r), NC_P_NONE);
    assert_int_equal(say(d.w, d.bob, d.r, "oops"), NC_P_NONE);
    id = got.message.id;
    assert_int_equal(say(d.w, d.ada, d.r, "mine"), NC_P_NONE);
    other = got.message.id;
    assert_int_equal(erase(&d, cat, id), NC_P_FORBIDDEN);
    assert_int_equal(erase(&d, d.bob, other), NC_P_FORBIDDEN);
    assert_int_equal(erase(&d, d.bob, id), NC_P_NONE);
    assert_int_equal(erase(&d, d.bob, id), NC_P_NOT_FOUND);
    assert_int_equal(edit(&d, d.bob, id, "x"), NC_P_CONFLICT);
    assert_int_equal(ear_count(bob, "message.deleted"), 1);
    assert_int_equal(ear_count(bob, "\"deleted\":true"), 1);
    assert_int_equal(look(&d, cat, id), NC_P_NONE);
    assert_true(got.message.deleted);
    assert_string_equal(got.text, "");
    assert_int_equal(history(d.w, cat, d.r, (struct nc_page){0}), NC_P_NONE);
    assert_null(strstr(got.json, "oops"));
    assert_non_null(strstr(got.json, "\"deleted\":true"));
    /* The owner deletes anybody's. */
    assert_int_equal(say(d.w, cat, d.r, "rude"), NC_P_NONE);
    assert_int_equal(erase(&d, d.ada, got.message.id), NC_P_NONE);
    ear_close(d.w, bob);
    world_free(d.w);
}

static void history_in_pages(void **state)
{
    struct den d = den_new();
    struct nc_id ids[10];
    char text[16];

    (void)state;
    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof(text), "m%d.", i);
        assert_int_equal(say(d.w, d.ada, d.r, text), NC_P_NONE);
        ids[i] = got.message.id;
    }
    assert_int_equal(history(d.w, d.bob, d.r, (struct nc_page){.limit = 3}), NC_P_NONE);
    assert_non_null(strstr(got.json, "m7."));
    assert_true(strstr(got.json, "m7.") < strstr(got.json, "m9."));
    assert_null(strstr(got.json, "m6."));
    assert_non_null(strstr(got.json, "\"has_more\":true"));
    assert_int_equal(
        history(d.w, d.bob, d.r, (struct nc_page){.before = ids[2], .limit = 3}),
        NC_P_NONE);
    assert_non_null(strstr(got.json, "m0."));
    assert_null(strstr(got.json, "m2."));
    assert_non_null(strstr(got.json, "\"has_more\":false"));
    assert_int_equal(
        history(d.w, d.bob, d.r, (struct nc_page){.after = ids[7], .limit = 3}), NC_P_NONE);
    assert_non_null(strstr(got.json, "m8."));
    assert_null(strstr(got.json, "m7."));
    assert_int_equal(
        history(d.w, d.bob, d.r, (struct nc_page){.around = ids[5], .limit = 3}),
        NC_P_NONE);
    assert_non_null(strstr(got.json, "m4."));
    assert_non_null(strstr(got.json, "m5."));
    assert_non_null(strstr(got.json, "m6."));
    assert_null(strstr(got.json, "m7."));
    world_free(d.w);
}

static void unread_until_read(void **state)
{
    struct den d = den_new();
    struct ear *bob = ear_open(d.w, d.bob, NULL);
    struct nc_id first, second;

    (void)state;
    assert_int_equal(say(d.w, d.ada, d.r, "one @bob"), NC_P_NONE);
    first = got.message.id;
    assert_int_equal(say(d.w, d.ada, d.r, "two"), NC_P_NONE);
    second = got.message.id;
    assert_int_equal(say(d.w, d.bob, d.r, "mine"), NC_P_NONE);
    assert_int_equal(overview(d.w, d.bob), NC_P_NONE);
    assert_non_null(strstr(got.json, "\"unread\":2,\"mentions\":1"));
    assert_non_null(strstr(got.json, "\"role\":\"member\""));
    assert_non_null(strstr(got.json, "\"members_count\":2"));
    assert_non_null(strstr(got.json, "\"text\":\"mine\""));

    assert_int_equal(mark_read(&d, d.bob, first), NC_P_NONE);
    assert_int_equal(overview(d.w, d.bob), NC_P_NONE);
    assert_non_null(strstr(got.json, "\"unread\":1,\"mentions\":0"));
    assert_int_equal(mark_read(&d, d.bob, second), NC_P_NONE);
    assert_int_equal(mark_read(&d, d.bob, first), NC_P_NONE); /* never back */
    assert_int_equal(overview(d.w, d.bob), NC_P_NONE);
    assert_non_null(strstr(got.json, "\"unread\":0,\"mentions\":0"));
    assert_int_equal(mark_read(&d, d.bob, nc_id_random()), NC_P_NOT_FOUND);

    /* The second marker's event is held back for a while, and comes then. */
    assert_int_equal(ear_count(bob, "\"type\":\"read\""), 1);
    uint64_t until = nc_mono_ms() + 30000;
    while (nc_mono_ms() < until && ear_count(bob, "\"type\":\"read\"") < 2)
        turn(d.w);
    assert_int_equal(ear_count(bob, "\"type\":\"read\""), 2);
    assert_int_equal(overview(d.w, d.bob), NC_P_NONE);
    assert_non_null(strstr(got.json, "\"unread\":0,\"mentions\":0"));
    ear_close(d.w, bob);
    world_free(d.w);
}

static void what_came_before_one_joined_is_not_unread(void **state)
{
    struct den d = den_new();
    struct nc_user *cat = person(d.w, "cat", NC_PERSON);

    (void)state;
    assert_int_equal(say(d.w, d.ada, d.r, "old"), NC_P_NONE);
    assert_int_equal(join(d.w, cat, d.r), NC_P_NONE);
    assert_int_equal(overview(d.w, cat), NC_P_NONE);
    assert_non_null(strstr(got.json, "\"unread\":0"));
    world_free(d.w);
}

static unsigned seen_stored, seen_changed, seen_deleted;

static void on_stored(struct nc_observer *o, struct nc_room *r, const struct nc_message *m)
{
    (void)o;
    assert_true(nc_id_eq(&r->rec.id, &m->room));
    assert_true(m->sender_name.n > 0);
    seen_stored++;
}
static void on_changed(struct nc_observer *o, struct nc_room *r, const struct nc_message *m)
{
    (void)o;
    (void)r;
    (void)m;
    seen_changed++;
}
static void on_deleted(struct nc_observer *o, struct nc_room *r, const struct nc_id *id)
{
    (void)o;
    (void)r;
    (void)id;
    seen_deleted++;
}

static void observers_hear(void **state)
{
    struct den d = den_new();
    struct nc_observer o = {
        .stored = on_stored, .changed = on_changed, .deleted = on_deleted};
    struct nc_id id;

    (void)state;
    nc_chat_observe(d.w->chat, &o);
    assert_int_equal(say(d.w, d.ada, d.r, "one"), NC_P_NONE);
    id = got.message.id;
    assert_int_equal(edit(&d, d.ada, id, "two"), NC_P_NONE);
    assert_int_equal(erase(&d, d.ada, id), NC_P_NONE);
    assert_int_equal(seen_stored, 1);
    assert_int_equal(seen_changed, 1);
    assert_int_equal(seen_deleted, 1);
    nc_list_del(&o.node);
    world_free(d.w);
}

static void the_system_speaks(void **state)
{
    struct den d = den_new();
    struct ear *bob = ear_open(d.w, d.bob, NULL);

    (void)state;
    nc_message_system(d.w->chat, d.r, &(struct nc_notice){.text = NC_STR("first")});
    nc_message_system(d.w->chat, d.r, &(struct nc_notice){.text = NC_STR("second")});
    settle(d.w);
    nc_message_system(d.w->chat, d.r,
                      &(struct nc_notice){.text = NC_STR("third"), .code = "no_model"});
    settle(d.w);
    assert_int_equal(ear_count(bob, "\"kind\":\"system\""), 3);
    assert_int_equal(ear_count(bob, "\"kind\":\"notice\""), 3);
    assert_int_equal(ear_count(bob, "\"code\":\"no_model\""), 1);
    assert_int_equal(nc_user_named(d.w->chat, NC_STR("system"))->a.kind, NC_SYSTEM);
    ear_close(d.w, bob);
    world_free(d.w);
}

static void who_waits_at_the_end_is_told(void **state)
{
    struct den d = den_new();
    struct nc_actor who = as(d.ada);
    struct nc_send in = {.text = NC_STR("hi")}, empty = {.text = NC_STR("")};
    struct nc_send command = {.text = NC_STR("/help")};
    static struct got a, b, c;

    (void)state;
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    memset(&c, 0, sizeof(c));
    nc_message_send(d.w->chat, &who, d.r, &in, on_sent, &a);
    nc_message_send(d.w->chat, &who, d.r, &empty, on_sent, &b);
    nc_message_send(d.w->chat, &who, d.r, &command, on_sent, &c);
    world_free(d.w);
    assert_int_equal(a.calls, 1);
    assert_int_equal(b.calls, 1);
    assert_int_equal(c.calls, 1);
    assert_int_equal(c.code, NC_P_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(said_and_heard),
        cmocka_unit_test(a_repeat_is_the_same_message),
        cmocka_unit_test(what_may_not_be_said),
        cmocka_unit_test(not_too_often),
        cmocka_unit_test(replies_are_to_this_room),
        cmocka_unit_test(a_reply_keeps_its_place),
        cmocka_unit_test(order_survives_a_clock_that_jumps),
        cmocka_unit_test(edits),
        cmocka_unit_test(deletes),
        cmocka_unit_test(history_in_pages),
        cmocka_unit_test(unread_until_read),
        cmocka_unit_test(what_came_before_one_joined_is_not_unread),
        cmocka_unit_test(observers_hear),
        cmocka_unit_test(the_system_speaks),
        cmocka_unit_test(who_waits_at_the_end_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
