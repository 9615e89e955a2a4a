#include "base/russian.h"
#include "chat/talk/command.h"
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

/* A notice comes, and nothing is stored. */
static const char *notice(struct den *d, struct nc_user *u, const char *line)
{
    uint64_t head = d->w->store->info.head;

    assert_int_equal(say(d->w, u, d->r, line), NC_P_NONE);
    assert_true(got.is_notice);
    assert_int_equal(d->w->store->info.head, head);
    return got.text;
}

static void help_lists_everything(void **state)
{
    static const char *const names[] = {"/help", "/clear", "/join",  "/leave",
                                        "/me",   "/nick",  "/topic", "/invite",
                                        "/kick", "/ban",   "/who",   "//"};
    struct den d = den_new();
    const char *help = notice(&d, d.ada, "/help");

    (void)state;
    for (size_t i = 0; i < NC_COUNT(names); i++)
        assert_non_null(strstr(help, names[i]));
    help = notice(&d, d.ada, "/HELP topic");
    assert_non_null(strstr(help, "/topic"));
    assert_null(strstr(help, "/kick"));
    notice(&d, d.ada, "/help nothing");
    world_free(d.w);
}

static void unknown_ones_store_nothing(void **state)
{
    struct den d = den_new();
    struct nc_send in = {.text = NC_STR("/frobnicate now"), .client_id = nc_id_random()};

    (void)state;
    assert_non_null(strstr(notice(&d, d.ada, "/frobnicate"), "/frobnicate"));
    assert_non_null(strstr(notice(&d, d.ada, "/привет"), "Нет команды"));
    notice(&d, d.ada, "/");
    assert_int_equal(send_in(d.w, d.ada, d.r, &in), NC_P_NONE);
    assert_true(got.is_notice);
    assert_int_equal(history(d.w, d.ada, d.r, (struct nc_page){0}), NC_P_NONE);
    assert_string_equal(got.json, "{\"messages\":[],\"has_more\":false}");
    world_free(d.w);
}

static void me_and_literal_slashes(void **state)
{
    struct den d = den_new();
    struct nc_send in = {.text = NC_STR("/me waves"), .client_id = nc_id_random()};
    struct nc_id id;

    (void)state;
    assert_int_equal(send_in(d.w, d.ada, d.r, &in), NC_P_NONE);
    assert_false(got.is_notice);
    assert_int_equal(got.message.kind, NC_ACTION);
    assert_string_equal(got.text, "waves");
    id = got.message.id;
    assert_int_equal(send_in(d.w, d.ada, d.r, &in), NC_P_NONE);
    assert_true(got.repeated);
    assert_true(nc_id_eq(&id, &got.message.id));
    assert_int_equal(say(d.w, d.ada, d.r, "//me waves"), NC_P_NONE);
    assert_string_equal(got.text, "/me waves");
    assert_int_equal(got.message.kind, NC_TEXT);
    notice(&d, d.ada, "/me");
    world_free(d.w);
}

static unsigned runs;

static void run_count(struct nc_command_run *run)
{
    nc_command_answer(run, "run %u", ++runs);
}

static void once_for_its_client_id(void **state)
{
    struct den d = den_new();
    struct nc_command cmd = {.name = "count",
                             .args = "",
                             .help_en = "counts",
                             .help_ru = "считает",
                             .run = run_count};
    struct nc_send in = {.text = NC_STR("/count"), .client_id = nc_id_random()};
    struct nc_actor who = as(d.ada);
    static struct got first;

    (void)state;
    nc_command_add(d.w->chat, &cmd);
    memset(&first, 0, sizeof(first));
    nc_message_send(d.w->chat, &who, d.r, &in, on_sent, &first); /* two tabs at once */
    assert_int_equal(send_in(d.w, d.ada, d.r, &in), NC_P_NONE);
    assert_string_equal(first.text, "run 1");
    assert_string_equal(got.text, "run 1");
    assert_int_equal(send_in(d.w, d.ada, d.r, &in), NC_P_NONE);
    assert_string_equal(got.text, "run 1");
    assert_true(got.repeated);
    /* The same id for a message is the same thing again. */
    in.text = NC_STR("hello");
    assert_int_equal(send_in(d.w, d.ada, d.r, &in), NC_P_NONE);
    assert_true(got.is_notice);
    assert_string_equal(got.text, "run 1");
    assert_int_equal(runs, 1);
    assert_non_null(strstr(notice(&d, d.ada, "/help"), "/count"));
    world_free(d.w);
}

static void rooms_by_commands(void **state)
{
    struct den d = den_new();
    struct nc_user *cat = person(d.w, "cat", NC_PERSON);
    struct nc_room *hall = make_room(d.w, d.ada, "Зал", NC_PUBLIC);

    (void)state;
    assert_int_equal(say(d.w, d.bob, d.r, "/join #зал"), NC_P_NONE);
    assert_non_null(nc_room_member(hall, d.bob));
    assert_int_equal(say(d.w, d.bob, hall, "/leave"), NC_P_NONE);
    assert_null(nc_room_member(hall, d.bob));
    assert_int_equal(say(d.w, cat, d.r, "/join"), NC_P_NONE); /* the room one looks at */
    assert_non_null(nc_room_member(d.r, cat));
    notice(&d, d.bob, "/join nowhere");

    assert_int_equal(say(d.w, d.bob, d.r, "/topic cats"), NC_P_FORBIDDEN);
    assert_int_equal(say(d.w, d.ada, d.r, "/topic cats and dogs"), NC_P_NONE);
    assert_true(nc_str_eqz(d.r->rec.topic, "cats and dogs"));
    assert_non_null(strstr(notice(&d, d.bob, "/topic"), "cats and dogs"));

    assert_int_equal(say(d.w, d.ada, d.r, "/kick @Cat"), NC_P_NONE);
    assert_null(nc_room_member(d.r, cat));
    assert_int_equal(say(d.w, d.ada, d.r, "/invite cat"), NC_P_NONE);
    assert_non_null(nc_room_member(d.r, cat));
    notice(&d, d.ada, "/invite cat");
    notice(&d, d.ada, "/kick nobody-here");
    notice(&d, d.ada, "/kick");
    notice(&d, d.ada, "/ban cat soon");
    assert_int_equal(say(d.w, cat, d.r, "/ban @bob"), NC_P_FORBIDDEN);
    assert_int_equal(say(d.w, d.ada, d.r, "/ban @cat 2h"), NC_P_NONE);
    assert_true(nc_room_banned(d.r, cat));
    world_free(d.w);
}

static void clear_hides_for_one(void **state)
{
    struct den d = den_new();

    (void)state;
    assert_int_equal(say(d.w, d.ada, d.r, "before"), NC_P_NONE);
    notice(&d, d.bob, "/clear");
    assert_int_equal(say(d.w, d.ada, d.r, "later"), NC_P_NONE);
    assert_int_equal(history(d.w, d.bob, d.r, (struct nc_page){0}), NC_P_NONE);
    assert_null(strstr(got.json, "before"));
    assert_non_null(strstr(got.json, "later"));
    assert_int_equal(history(d.w, d.ada, d.r, (struct nc_page){0}), NC_P_NONE);
    assert_non_null(strstr(got.json, "before"));
    world_free(d.w);
}

static void oneself(void **state)
{
    struct den d = den_new();
    struct ear *ear = ear_open(d.w, d.ada, NULL);
    const char *who = notice(&d, d.bob, "/who");

    (void)state;
    assert_non_null(strstr(who, "ada"));
    assert_non_null(strstr(who, "1 of 2"));
    assert_int_equal(say(d.w, d.bob, d.r, "/nick Боб Б."), NC_P_NONE);
    assert_true(nc_str_eqz(d.bob->a.display_name, "Боб Б."));
    assert_non_null(strstr(got.text, "Теперь вас зовут"));
    notice(&d, d.bob, "/nick");
    ear_close(d.w, ear);
    world_free(d.w);
}

static const char *answer(struct den *d, struct nc_user *u, enum nc_language l,
                          const char *line)
{
    struct nc_actor who = {.user = u, .language = (uint8_t)l};
    struct nc_send in = {.text = nc_str(line)};

    nc_message_send(d->w->chat, &who, d->r, &in, on_sent, begin_call());
    assert_int_equal(end_call(d->w), NC_P_NONE);
    assert_true(got.is_notice);
    return got.text;
}

static void in_the_language_of_who_asks(void **state)
{
    static const struct {
        const char *line, *en, *ru;
    } asked[] = {
        {"/who", "of 2 are here", "Здесь 0 из 2"},
        {"/frobnicate", "There is no command /frobnicate", "Нет команды /frobnicate"},
        {"/привет", "There is no command /привет", "Нет команды /привет"},
        {"/help nothing", "There is no such command", "Нет такой команды"},
        {"/help kick", "/kick @user — put somebody out", "/kick @имя — удалить из комнаты"},
        {"/help", "//text — say /text as it is", "//текст — сказать /текст как есть"},
        {"/help join", "/join room — come", "/join комната — войти"},
        {"/kick", "A name is needed", "Нужно имя"},
        {"/nick", "You are called", "Вас зовут"},
        {"/join nowhere", "There is no open room", "Нет открытой комнаты"},
        {"/invite bob", "bob is here already", "bob уже здесь"},
    };
    struct den d = den_new();

    (void)state;
    for (size_t i = 0; i < NC_COUNT(asked); i++) {
        assert_non_null(strstr(answer(&d, d.ada, NC_ENGLISH, asked[i].line), asked[i].en));
        assert_non_null(strstr(answer(&d, d.ada, NC_RUSSIAN, asked[i].line), asked[i].ru));
    }
    assert_null(strstr(answer(&d, d.ada, NC_ENGLISH, "/help"), "сказать"));
    assert_null(strstr(answer(&d, d.ada, NC_RUSSIAN, "/help"), "say"));
    /* Who did not say: by their words, else by their name. */
    assert_non_null(strstr(answer(&d, d.ada, NC_ANY_LANGUAGE, "/who"), "are here"));
    assert_non_null(strstr(answer(&d, d.ada, NC_ANY_LANGUAGE, "/кто"), "Нет команды"));
    assert_int_equal(say(d.w, d.ada, d.r, "/nick Ада"), NC_P_NONE);
    assert_non_null(strstr(answer(&d, d.ada, NC_ANY_LANGUAGE, "/who"), "Здесь"));
    assert_non_null(strstr(answer(&d, d.ada, NC_ENGLISH, "/who"), "are here"));
    world_free(d.w);
}

static void strangers_do_not_command(void **state)
{
    struct den d = den_new();
    struct nc_user *cat = person(d.w, "cat", NC_PERSON);
    struct nc_room *secret = make_room(d.w, d.ada, "secret", NC_PRIVATE);

    (void)state;
    assert_int_equal(say(d.w, cat, secret, "/help"), NC_P_NOT_FOUND);
    assert_int_equal(say(d.w, cat, d.r, "/me sneaks"), NC_P_FORBIDDEN);
    assert_int_equal(say(d.w, cat, d.r, "/kick bob"), NC_P_FORBIDDEN);
    assert_int_equal(say(d.w, cat, d.r, "/clear"), NC_P_NOT_FOUND);
    world_free(d.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_lists_everything),
        cmocka_unit_test(unknown_ones_store_nothing),
        cmocka_unit_test(me_and_literal_slashes),
        cmocka_unit_test(once_for_its_client_id),
        cmocka_unit_test(rooms_by_commands),
        cmocka_unit_test(clear_hides_for_one),
        cmocka_unit_test(oneself),
        cmocka_unit_test(in_the_language_of_who_asks),
        cmocka_unit_test(strangers_do_not_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
