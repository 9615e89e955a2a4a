#include "chat/rooms/dialog.h"
#include "talk_world.h"

struct den {
    struct world *w;
    struct nc_user *ada, *olga;
    struct nc_room *r;
};

static struct nc_room *make_dialog(struct den *d, const char *name, const char *settings)
{
    struct nc_actor who = as(d->ada);
    struct nc_room_new in = {
        .kind = NC_DIALOG, .name = nc_str(name), .settings = nc_str(settings)};

    nc_room_create(d->w->chat, &who, &in, on_room_answer, begin_call());
    assert_int_equal(end_call(d->w), NC_P_NONE);
    return got.room;
}

static struct den den_new(const char *name)
{
    struct den d = {.w = world_new()};

    d.ada = person(d.w, "ada", NC_PERSON);
    d.olga = person(d.w, "olga", NC_PERSONA);
    d.w->chat->default_persona = d.olga;
    d.r = make_dialog(&d, name, "");
    return d;
}

static struct nc_id tell(struct den *d, const char *text)
{
    assert_int_equal(say(d->w, d->ada, d->r, text), NC_P_NONE);
    return got.message.id;
}

static struct nc_id answer(struct den *d, const struct nc_id *to, const char *text)
{
    nc_answer_start(d->w->chat, d->olga, d->r, to, NC_STR("{\"model\":\"m\"}"), on_sent,
                    begin_call());
    assert_int_equal(end_call(d->w), NC_P_NONE);
    struct nc_id id = got.message.id;
    if (!text)
        return id;
    nc_answer_finish(d->w->chat, &id, nc_str(text), NC_COMPLETE,
                     NC_STR("{\"model\":\"m\"}"), on_sent, begin_call());
    assert_int_equal(end_call(d->w), NC_P_NONE);
    return id;
}

static enum nc_problem_code branch(struct den *d, const struct nc_id *from,
                                   const char *text, const struct nc_id *client)
{
    struct nc_actor who = as(d->ada);
    struct nc_send in = {.text = nc_str(text)};

    if (client)
        in.client_id = *client;
    nc_dialog_branch(d->w->chat, &who, from, &in, on_sent, begin_call());
    return end_call(d->w);
}

static struct nc_room *made(struct den *d)
{
    return nc_room_find(d->w->chat, &got.message.room);
}

static bool settings_have(const struct nc_room *r, const char *text)
{
    return memmem(r->rec.settings.p, r->rec.settings.n, text, strlen(text)) != NULL;
}

static void its_title_comes_once(void **state)
{
    struct den d = den_new("");

    (void)state;
    assert_true(nc_str_eqz(d.r->rec.name, "New dialog"));
    assert_true(settings_have(d.r, "\"auto_title\":true"));
    nc_dialog_title(d.w->chat, d.r, NC_STR("About soup"));
    settle(d.w);
    assert_true(nc_str_eqz(d.r->rec.name, "About soup"));
    assert_false(settings_have(d.r, "auto_title"));
    assert_true(settings_have(d.r, "\"destination\":\"cloud\""));
    nc_dialog_title(d.w->chat, d.r, NC_STR("About stew"));
    settle(d.w);
    assert_true(nc_str_eqz(d.r->rec.name, "About soup"));
    world_free(d.w);
}

static void a_name_given_meanwhile_stays(void **state)
{
    struct den d = den_new("");
    struct nc_actor ada = as(d.ada);
    struct nc_str name = NC_STR("Mine"),
                  settings = NC_STR("{\"auto_title\":true,\"t\":0.7}");
    struct nc_room_patch patch = {.name = &name, .settings = &settings};

    (void)state;
    nc_room_update(d.w->chat, &ada, d.r, &patch, on_room_answer, begin_call());
    nc_dialog_title(d.w->chat, d.r, NC_STR("About soup")); /* in the same turn */
    assert_int_equal(end_call(d.w), NC_P_NONE);
    nc_dialog_title(d.w->chat, d.r, NC_STR("About soup"));
    settle(d.w);
    assert_true(nc_str_eqz(d.r->rec.name, "Mine"));
    assert_true(nc_str_eqz(d.r->rec.settings, "{\"t\":0.7}"));
    world_free(d.w);
}

static void its_passing_name_is_in_the_makers_language(void **state)
{
    struct den d = den_new("");

    (void)state;
    struct nc_room *r = make_dialog(&d, "", "{\"system_prompt\":\"отвечай кратко\"}");
    assert_true(nc_str_eqz(r->rec.name, "Новый диалог"));
    assert_true(settings_have(r, "отвечай кратко"));
    assert_true(settings_have(r, "\"auto_title\":true"));
    world_free(d.w);
}

static void a_branch_is_the_same_live_and_later(void **state)
{
    struct den d = den_new("Soup (2)");
    struct nc_buf cursor = {0};
    struct nc_id one = tell(&d, "one"), client = nc_id_random();
    struct ear *live = ear_open(d.w, d.ada, NULL), *later;

    (void)state;
    answer(&d, &one, "answer @ada");
    struct nc_id two = tell(&d, "two");
    answer(&d, &two, NULL); /* of which there is no word yet */
    struct nc_id three = tell(&d, "three");
    nc_cursor_add(&cursor, &d.w->store->info.incarnation, d.w->store->info.head);
    nc_buf_addc(&cursor, 0);
    nc_buf_clear(&live->heard);
    assert_int_equal(branch(&d, &three, "four", &client), NC_P_NONE);
    assert_true(nc_str_eqz(made(&d)->rec.name, "Soup (3)"));
    later = ear_open(d.w, d.ada, cursor.p);
    ear_hears_the_same(d.w, later, live);
    assert_int_equal(ear_count(live, "message.created"), 4);
    assert_int_equal(ear_count(live, "\"state\":\"streaming\""), 0);
    assert_int_equal(ear_count(live, "\"client_id\""), 1);
    struct nc_id first = got.message.id;
    assert_int_equal(branch(&d, &three, "four", &client), NC_P_NONE);
    assert_true(got.repeated);
    assert_true(nc_id_eq(&got.message.id, &first));
    assert_int_equal(overview(d.w, d.ada), NC_P_NONE);
    assert_null(strstr(got.json, "\"unread\":2"));
    ear_close(d.w, live);
    ear_close(d.w, later);
    nc_buf_fini(&cursor);
    world_free(d.w);
}

/* It is fetched from the log, not delivered in one turn. */
static void a_long_branch_is_the_same_live_and_later(void **state)
{
    struct den d = den_new("Soup");
    struct nc_buf cursor = {0};
    struct ear *live = ear_open(d.w, d.ada, NULL), *later;

    (void)state;
    for (int i = 0; i < 600; i++)
        tell(&d, "word");
    struct nc_id last = tell(&d, "last");
    settle(d.w);
    nc_cursor_add(&cursor, &d.w->store->info.incarnation, d.w->store->info.head);
    nc_buf_addc(&cursor, 0);
    nc_buf_clear(&live->heard);
    uint64_t pages = nc_hub_stats(d.w->chat->hub)->catchup_pages;
    assert_int_equal(branch(&d, &last, "new", NULL), NC_P_NONE);
    tell(&d, "and then");
    for (uint64_t until = nc_mono_ms() + 30000;
         ear_count(live, "message.created") < 602 && nc_mono_ms() < until;)
        turn(d.w);
    assert_int_equal(ear_count(live, "message.created"), 602);
    assert_true(nc_hub_stats(d.w->chat->hub)->catchup_pages >= pages + 3);
    later = ear_open(d.w, d.ada, cursor.p);
    ear_hears_the_same(d.w, later, live);
    ear_close(d.w, live);
    ear_close(d.w, later);
    nc_buf_fini(&cursor);
    world_free(d.w);
}

static void nothing_is_half_made_on_a_full_disk(void **state)
{
    struct den d = den_new("Soup");
    struct nc_id one = tell(&d, "one"), client = nc_id_random();
    size_t rooms = d.w->chat->rooms.n;

    (void)state;
    d.w->fail = NC_EIO;
    assert_int_equal(branch(&d, &one, "two", &client), NC_P_UNAVAILABLE);
    d.w->fail = NC_OK;
    assert_int_equal(d.w->chat->rooms.n, rooms);
    assert_int_equal(d.ada->coming + d.olga->coming, 0);
    assert_int_equal(branch(&d, &one, "two", &client), NC_P_NONE);
    assert_false(got.repeated);
    assert_int_equal(d.w->chat->rooms.n, rooms + 1);
    assert_int_equal(d.ada->coming + d.olga->coming, 0);
    world_free(d.w);
}

static void twice_at_once_is_one(void **state)
{
    struct den d = den_new("Soup");
    struct nc_id one = tell(&d, "one"), client = nc_id_random();
    struct nc_actor who = as(d.ada);
    struct nc_send in = {.text = NC_STR("two"), .client_id = client};
    static struct got first;
    size_t rooms = d.w->chat->rooms.n;

    (void)state;
    memset(&first, 0, sizeof(first));
    nc_dialog_branch(d.w->chat, &who, &one, &in, on_sent, &first);
    assert_int_equal(branch(&d, &one, "two", &client), NC_P_NONE);
    assert_int_equal(first.code, NC_P_NONE);
    assert_true(first.repeated != got.repeated);
    assert_true(nc_id_eq(&first.message.id, &got.message.id));
    assert_int_equal(d.w->chat->rooms.n, rooms + 1);
    world_free(d.w);
}

static void so_much_is_copied(void **state)
{
    struct den d = den_new("Soup");
    char *big = nc_alloc(500001);

    (void)state;
    memset(big, 'x', 500000);
    for (int i = 0; i < 9; i++)
        answer(&d, NULL, big);
    struct nc_id after = tell(&d, "after");
    assert_int_equal(branch(&d, &after, "x", NULL), NC_P_TOO_LARGE);
    world_free(d.w);

    d = den_new("Stew");
    for (int i = 0; i < 1000; i++)
        tell(&d, "word");
    struct nc_id last = tell(&d, "last");
    assert_int_equal(branch(&d, &last, "x", NULL), NC_P_NONE);
    after = tell(&d, "after");
    assert_int_equal(branch(&d, &after, "x", NULL), NC_P_TOO_LARGE);
    free(big);
    world_free(d.w);
}

static void what_was_cleared_is_not_copied(void **state)
{
    struct den d = den_new("Soup");
    struct nc_actor who = as(d.ada);

    (void)state;
    tell(&d, "forgotten");
    assert_int_equal(say(d.w, d.ada, d.r, "/clear"), NC_P_NONE);
    tell(&d, "kept");
    struct nc_id last = tell(&d, "last");
    assert_int_equal(branch(&d, &last, "new", NULL), NC_P_NONE);
    struct nc_page page = {.limit = 50};
    struct nc_room *r = made(&d);
    nc_message_history(d.w->chat, &who, r, &page, on_json, begin_call());
    assert_int_equal(end_call(d.w), NC_P_NONE);
    assert_null(strstr(got.json, "forgotten"));
    assert_non_null(strstr(got.json, "kept"));
    world_free(d.w);
}

static void a_long_name_is_cut_for_its_number(void **state)
{
    char name[201] = "";
    struct den d;

    (void)state;
    for (int i = 0; i < 100; i++)
        memcpy(name + 2 * i, "я", 3);
    d = den_new(name);
    struct nc_id one = tell(&d, "one");
    assert_int_equal(branch(&d, &one, "two", NULL), NC_P_NONE);
    struct nc_str n = made(&d)->rec.name;
    assert_int_equal(n.n, 2 * 96 + 4);
    assert_memory_equal(n.p + 2 * 96, " (2)", 4);
    d.r = made(&d);
    one = tell(&d, "one");
    assert_int_equal(branch(&d, &one, "two", NULL), NC_P_NONE);
    assert_memory_equal(made(&d)->rec.name.p + 2 * 96, " (3)", 4);
    world_free(d.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_title_comes_once),
        cmocka_unit_test(a_name_given_meanwhile_stays),
        cmocka_unit_test(its_passing_name_is_in_the_makers_language),
        cmocka_unit_test(a_branch_is_the_same_live_and_later),
        cmocka_unit_test(a_long_branch_is_the_same_live_and_later),
        cmocka_unit_test(nothing_is_half_made_on_a_full_disk),
        cmocka_unit_test(twice_at_once_is_one),
        cmocka_unit_test(so_much_is_copied),
        cmocka_unit_test(what_was_cleared_is_not_copied),
        cmocka_unit_test(a_long_name_is_cut_for_its_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
