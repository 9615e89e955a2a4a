/* ai/personas: made, kept, changed, deleted; by whom they may be asked. */
#include "talk_world.h"

#include "ai/personas.h"
#include "chat/people/account.h"
#include "wire/json_in.h"

static struct nc_personas *personas;
static struct nc_user *ada, *bob; /* an admin, and somebody */

static int setup(void **state)
{
    struct world *w = world_new();

    ada = person(w, "ada", NC_PERSON);
    bob = person(w, "bob", NC_PERSON);
    ada->a.role = NC_ROLE_ADMIN;
    personas = nc_personas_new(w->chat, w->loop);
    assert_non_null(personas);
    settle(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    nc_personas_free(personas);
    world_free(*state);
    return 0;
}

/* The node starts again on what the store has. */
static void restart(struct world *w)
{
    nc_personas_free(personas);
    nc_chat_free(w->chat);
    world_open_chat(w);
    ada = nc_user_named(w->chat, NC_STR("ada"));
    bob = nc_user_named(w->chat, NC_STR("bob"));
    ada->a.role = NC_ROLE_ADMIN;
    personas = nc_personas_new(w->chat, w->loop);
    assert_non_null(personas);
    settle(w);
}

static json_t *body_of(const char *json)
{
    struct nc_problem why;
    json_t *body;

    assert_int_equal(nc_json_parse(nc_str(json), &body, &why), NC_OK);
    return body;
}

static enum nc_problem_code add(struct world *w, struct nc_user *by, const char *json)
{
    struct nc_actor who = as(by);
    json_t *body = body_of(json);

    nc_personas_add(personas, &who, body, on_json, begin_call());
    json_decref(body); /* it need not live on */
    return end_call(w);
}

static struct nc_persona *find(struct world *w, const char *username)
{
    return nc_persona_of(personas, nc_user_named(w->chat, nc_str(username)));
}

static enum nc_problem_code change(struct world *w, struct nc_user *by,
                                   const char *username, const char *json)
{
    struct nc_actor who = as(by);
    struct nc_id id = find(w, username)->user->a.id;
    json_t *body = body_of(json);

    nc_personas_patch(personas, &who, &id, body, on_json, begin_call());
    json_decref(body);
    return end_call(w);
}

static void on_done(void *arg, const struct nc_problem *why) { got_why(arg, why); }

static enum nc_problem_code del(struct world *w, struct nc_user *by, const char *username)
{
    struct nc_actor who = as(by);
    struct nc_id id = find(w, username)->user->a.id;

    nc_personas_delete(personas, &who, &id, on_done, begin_call());
    return end_call(w);
}

static const char *list(struct world *w, struct nc_user *by)
{
    struct nc_actor who = as(by);

    nc_personas_list(personas, &who, on_json, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    return got.json;
}

/* ---- the first one --------------------------------------------------------------- */

static void olga_is_there_from_the_start_and_waits_in_a_room(void **state)
{
    struct world *w = *state;
    struct nc_persona *olga = find(w, "olga");
    size_t at = 0;

    assert_non_null(olga);
    assert_true(nc_str_eqz(olga->names[0], "Ольга"));
    assert_int_equal(olga->names_n, 5);
    assert_ptr_equal(w->chat->default_persona, olga->user);
    struct nc_room *lounge = nc_map_next(&w->chat->rooms, &at);
    assert_non_null(lounge);
    assert_int_equal(nc_room_member(lounge, olga->user)->rec.role, NC_OWNER);
    nc_personas_owner(personas, ada);
    settle(w);
    assert_int_equal(nc_room_member(lounge, ada)->rec.role, NC_OWNER);
    assert_int_equal(nc_room_member(lounge, olga->user)->rec.role, NC_MEMBER);
    restart(w);
    assert_non_null(find(w, "olga"));
    assert_int_equal(w->chat->rooms.n, 1); /* not a second one */
}

static void one_from_before_personas_had_settings_gets_them(void **state)
{
    (void)state;
    struct world *w = world_new();
    person(w, "olga", NC_PERSONA);
    struct nc_personas *p = nc_personas_new(w->chat, w->loop);
    struct nc_persona *olga = nc_persona_next(p, NULL);

    assert_non_null(olga);
    assert_int_equal(olga->names_n, 5);
    settle(w);
    nc_personas_free(p);
    world_free(w);
}

static void a_person_who_had_the_name_first_keeps_it(void **state)
{
    (void)state;
    struct world *w = world_new();
    person(w, "olga", NC_PERSON);
    struct nc_personas *p = nc_personas_new(w->chat, w->loop);

    settle(w);
    assert_null(nc_persona_next(p, NULL));
    assert_null(w->chat->default_persona);
    nc_personas_free(p);
    world_free(w);
}

static void whoever_deletes_olga_does_not_get_her_back(void **state)
{
    struct world *w = *state;

    assert_int_equal(add(w, ada, "{\"username\":\"max\"}"), NC_P_NONE);
    assert_ptr_equal(w->chat->default_persona, find(w, "olga")->user);
    assert_int_equal(del(w, ada, "olga"), NC_P_NONE);
    assert_null(find(w, "olga"));
    assert_ptr_equal(w->chat->default_persona, find(w, "max")->user);
    restart(w);
    assert_null(find(w, "olga"));
    assert_ptr_equal(w->chat->default_persona, find(w, "max")->user);
    assert_int_equal(del(w, ada, "max"), NC_P_NONE);
    assert_null(w->chat->default_persona);
}

/* ---- others ---------------------------------------------------------------------- */

static void a_new_one_is_kept_as_it_was_made(void **state)
{
    struct world *w = *state;

    assert_int_equal(
        add(w, ada,
            "{\"username\":\"max\",\"display_name\":\"Макс\",\"aliases\":[\"Максик\"],"
            "\"system_prompt\":\"Be brief.\",\"model\":\"box/llama\",\"fallbacks\":[\"b\","
            "\"c\"],\"temperature\":0.25,\"max_tokens\":99,\"context\":{\"messages\":7,"
            "\"tokens\":999},\"who_may_ask\":{\"users\":[\"bob\"]}}"),
        NC_P_NONE);
    assert_non_null(strstr(got.json, "\"who_may_ask\":{\"users\":[\"bob\"]}"));
    for (int again = 0; again < 2; again++) {
        struct nc_persona *max = find(w, "max");
        assert_non_null(max);
        assert_true(nc_str_eqz(max->names[0], "Макс") && max->names_n == 2);
        assert_true(nc_str_eqz(max->names[1], "Максик"));
        assert_true(nc_str_eqz(max->system_prompt, "Be brief."));
        assert_true(nc_str_eqz(max->model, "box/llama"));
        assert_true(max->fallbacks_n == 2 && nc_str_eqz(max->fallbacks[1], "c"));
        assert_true(max->temperature == 0.25 && max->max_tokens == 99);
        assert_true(max->context_messages == 7 && max->context_tokens == 999);
        assert_true(max->who_may_ask == NC_ASK_LISTED && max->listed_n == 1);
        assert_true(nc_id_eq(&max->listed[0], &bob->a.id));
        restart(w);
    }
}

static void only_admins_make_and_see_all(void **state)
{
    struct world *w = *state;

    assert_int_equal(add(w, bob, "{\"username\":\"max\"}"), NC_P_FORBIDDEN);
    assert_int_equal(change(w, bob, "olga", "{\"model\":\"x\"}"), NC_P_FORBIDDEN);
    assert_int_equal(del(w, bob, "olga"), NC_P_FORBIDDEN);
    assert_int_equal(change(w, ada, "olga",
                            "{\"system_prompt\":\"secret\",\"who_may_ask\":{\"users\":["
                            "\"ada\",\"bob\"]}}"),
                     NC_P_NONE);
    assert_non_null(strstr(list(w, ada), "\"system_prompt\":\"secret\""));
    assert_non_null(strstr(list(w, ada), "\"users\":[\"ada\",\"bob\"]"));
    assert_null(strstr(list(w, bob), "secret"));
    assert_non_null(strstr(list(w, bob), "\"users\":[\"bob\"]"));
    assert_non_null(strstr(list(w, bob), "\"is_default\":true"));
}

static void a_patch_changes_what_it_names(void **state)
{
    struct world *w = *state;

    assert_int_equal(change(w, ada, "olga",
                            "{\"display_name\":\"Хельга\",\"temperature\":1,\"model\":"
                            "\"m1\",\"max_tokens\":5}"),
                     NC_P_NONE);
    struct nc_persona *olga = find(w, "olga");
    assert_true(nc_str_eqz(olga->names[0], "Хельга"));
    assert_true(nc_str_eqz(olga->user->a.display_name, "Хельга"));
    assert_int_equal(olga->names_n, 5); /* the aliases stay */
    assert_int_equal(
        change(w, ada, "olga", "{\"temperature\":null,\"aliases\":[],\"max_tokens\":null}"),
        NC_P_NONE);
    olga = find(w, "olga");
    assert_true(olga->temperature < 0 && olga->max_tokens == 0 && olga->names_n == 1);
    assert_true(nc_str_eqz(olga->model, "m1"));
    restart(w);
    assert_true(nc_str_eqz(find(w, "olga")->names[0], "Хельга"));
    /* as an account, it can be renamed too: memory follows */
    struct nc_actor who = as(ada);
    nc_account_rename(w->chat, &who, find(w, "olga")->user, NC_STR("Ольга II"), on_done,
                      begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    assert_true(nc_str_eqz(find(w, "olga")->names[0], "Ольга II"));
}

static void a_deleted_one_leaves_and_its_words_stay(void **state)
{
    struct world *w = *state;
    struct nc_room *den = make_room(w, bob, "den", NC_PRIVATE);
    struct nc_user *olga = find(w, "olga")->user;

    assert_non_null(nc_room_member(den, olga));
    assert_int_equal(del(w, ada, "olga"), NC_P_NONE);
    assert_null(nc_room_member(den, olga));
    assert_true(olga->a.deleted);
    assert_int_equal(add(w, ada, "{\"username\":\"olga\"}"), NC_P_CONFLICT);
    assert_non_null(strstr(got.detail, "`username`"));
}

static void names_that_mean_somebody_else_are_refused(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *body, *names;
        enum nc_problem_code code;
    } rows[] = {
        {"{\"username\":\"bob\"}", "`username`", NC_P_CONFLICT},
        {"{\"username\":\"olga\"}", "`username`", NC_P_CONFLICT},
        {"{\"username\":\"olya\"}", "`username`", NC_P_CONFLICT},
        {"{\"username\":\"max\",\"display_name\":\"ОЛЬГА\"}", "`display_name`",
         NC_P_CONFLICT},
        {"{\"username\":\"max\",\"display_name\":\"Bob\"}", "`display_name`",
         NC_P_CONFLICT},
        {"{\"username\":\"max\",\"aliases\":[\"Макс\",\"оля\"]}", "оля", NC_P_CONFLICT},
        {"{\"username\":\"max\",\"aliases\":[\"olga\"]}", "@olga", NC_P_CONFLICT},
        {"{\"username\":\"max\",\"aliases\":[\"BOB\"]}", "@bob", NC_P_CONFLICT},
        {"{\"username\":\"max\",\"aliases\":[\"!\"]}", "`aliases`", NC_P_BAD_REQUEST},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        assert_int_equal(add(w, ada, rows[i].body), rows[i].code);
        if (!strstr(got.detail, rows[i].names))
            fail_msg("%s: %s", rows[i].body, got.detail);
    }
    assert_null(find(w, "max"));
    assert_int_equal(add(w, ada, "{\"username\":\"max\",\"aliases\":[\"Макс\"]}"),
                     NC_P_NONE);
    assert_int_equal(change(w, ada, "olga", "{\"aliases\":[\"макс\"]}"), NC_P_CONFLICT);
    assert_int_equal(change(w, ada, "olga", "{\"aliases\":[\"Ольга\",\"Оля\"]}"),
                     NC_P_NONE); /* its own names are its own */
}

static void who_comes_later_takes_no_name_away(void **state)
{
    struct world *w = *state;

    person(w, "olya", NC_PERSON); /* as an alias of hers */
    assert_int_equal(change(w, ada, "olga", "{\"model\":\"m1\"}"), NC_P_NONE);
    assert_int_equal(change(w, ada, "olga", "{\"aliases\":[\"Olya\",\"Ada\"]}"),
                     NC_P_CONFLICT);
    assert_non_null(strstr(got.detail, "@ada"));
}

static void what_can_not_be_is_named(void **state)
{
    struct world *w = *state;
    static const char *const rows[][2] = {
        {"\"display_name\":\"\"", "display_name"},
        {"\"display_name\":5", "display_name"},
        {"\"display_name\":\"new\\nline\"", "display_name"},
        {"\"aliases\":\"x\"", "aliases"},
        {"\"aliases\":[1]", "aliases"},
        {"\"aliases\":[\"\"]", "aliases"},
        {"\"aliases\":[\"a\\u0007\"]", "aliases"},
        {"\"aliases\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
         "\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]",
         "aliases"},
        {"\"system_prompt\":5", "system_prompt"},
        {"\"model\":\"a b\"", "model"},
        {"\"model\":5", "model"},
        {"\"fallbacks\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]",
         "fallbacks"},
        {"\"fallbacks\":[\"a b\"]", "fallbacks"},
        {"\"temperature\":-1", "temperature"},
        {"\"temperature\":3", "temperature"},
        {"\"max_tokens\":-1", "max_tokens"},
        {"\"max_tokens\":0", "max_tokens"},
        {"\"max_tokens\":99999999", "max_tokens"},
        {"\"context\":5", "context"},
        {"\"context\":{\"messages\":0}", "messages"},
        {"\"context\":{\"messages\":501}", "messages"},
        {"\"context\":{\"tokens\":-5}", "tokens"},
        {"\"context\":{\"tokens\":255}", "tokens"},
        {"\"context\":{\"tokens\":2000001}", "tokens"},
        {"\"who_may_ask\":\"nobody\"", "who_may_ask"},
        {"\"who_may_ask\":5", "who_may_ask"},
        {"\"who_may_ask\":{}", "who_may_ask"},
        {"\"who_may_ask\":{\"users\":[5]}", "who_may_ask"},
        {"\"who_may_ask\":{\"users\":[\"nobody\"]}", "who_may_ask"},
        {"\"username\":\"x\"", "username"},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        char body[400];
        snprintf(body, sizeof(body), "{%s}", rows[i][0]);
        enum nc_problem_code code = change(w, ada, "olga", body);
        if (code != NC_P_BAD_REQUEST || !strstr(got.detail, rows[i][1]))
            fail_msg("%s: %d %s", body, (int)code, got.detail);
    }
    assert_int_equal(add(w, ada, "{}"), NC_P_BAD_REQUEST);
    assert_int_equal(add(w, ada, "{\"username\":\"Big Name\"}"), NC_P_BAD_REQUEST);
    assert_int_equal(add(w, ada, "{\"username\":\"x\"}"), NC_P_BAD_REQUEST);
}

static void a_full_disk_changes_nothing(void **state)
{
    struct world *w = *state;

    w->fail = NC_EIO;
    assert_int_equal(change(w, ada, "olga", "{\"display_name\":\"X\"}"), NC_P_UNAVAILABLE);
    assert_int_equal(add(w, ada, "{\"username\":\"max\"}"), NC_P_UNAVAILABLE);
    w->fail = NC_OK;
    assert_true(nc_str_eqz(find(w, "olga")->names[0], "Ольга"));
    assert_null(find(w, "max"));
    assert_int_equal(add(w, ada, "{\"username\":\"max\"}"), NC_P_NONE);
}

/* ---- asked ----------------------------------------------------------------------- */

static struct nc_message text(struct nc_user *by, const char *body)
{
    return (struct nc_message){.sender = by->a.id,
                               .sender_kind = by->a.kind,
                               .kind = NC_TEXT,
                               .state = NC_COMPLETE,
                               .body = nc_str(body)};
}

static void settings(struct nc_room *r, const char *json)
{
    r->rec.settings = nc_str(json); /* a room of this test: it is freed without them */
}

static bool called(const struct nc_persona *p, const struct nc_room *r, struct nc_user *by,
                   const char *body)
{
    struct nc_message m = text(by, body);
    return nc_persona_called(p, r, &m);
}

static void it_listens_where_it_is_and_may(void **state)
{
    struct world *w = *state;
    struct nc_room *den = make_room(w, bob, "den", NC_PRIVATE);
    struct nc_persona *olga = find(w, "olga");
    struct nc_str before = den->rec.settings;

    assert_true(called(olga, den, bob, "Ольга, привет"));
    assert_false(called(olga, den, bob, "всем привет"));
    struct nc_message m = text(bob, "hm");
    m.mentions = NC_STR("ada olga");
    assert_true(nc_persona_called(olga, den, &m));
    m.kind = NC_ACTION;
    assert_false(nc_persona_called(olga, den, &m));
    m = text(bob, "Olga, hi");
    m.content_type = NC_STR("application/mls");
    assert_false(nc_persona_called(olga, den, &m));
    m = text(bob, "Olga, hi");
    m.state = NC_STREAMING;
    assert_false(nc_persona_called(olga, den, &m));

    settings(den, "{\"call\":\"strict\"}");
    assert_true(called(olga, den, bob, "Ольга, привет"));
    assert_false(called(olga, den, bob, "Ольга привет"));
    settings(den, "{\"allowed\":false}");
    assert_false(called(olga, den, bob, "Ольга, привет"));
    m = text(bob, "a reply");
    assert_false(nc_persona_listens(olga, den, &m));
    den->rec.settings = before;
    assert_true(nc_persona_listens(olga, den, &m));

    struct nc_actor who = as(bob);
    nc_room_kick(w->chat, &who, den, olga->user, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    assert_false(called(olga, den, bob, "Ольга, привет"));
}

static void personas_hear_each_other_only_where_the_room_says_so(void **state)
{
    struct world *w = *state;
    struct nc_room *den = make_room(w, bob, "den", NC_PRIVATE);

    assert_int_equal(add(w, ada, "{\"username\":\"max\"}"), NC_P_NONE);
    struct nc_persona *olga = find(w, "olga"), *max = find(w, "max");
    struct nc_str before = den->rec.settings;
    assert_int_equal(put_member(w, bob, den, max->user, NC_MEMBER), NC_P_NONE);
    assert_false(called(olga, den, max->user, "Olga, hello"));
    settings(den, "{\"persona_turns\":1}");
    assert_true(called(olga, den, max->user, "Olga, hello"));
    assert_false(called(max, den, max->user, "Max, hello")); /* never itself */
    den->rec.settings = before;
}

static void a_namesake_keeps_the_bare_form(void **state)
{
    struct world *w = *state;
    struct nc_room *den = make_room(w, bob, "den", NC_PRIVATE);
    struct nc_persona *olga = find(w, "olga");
    struct nc_actor self = as(bob);

    assert_true(called(olga, den, bob, "ольга расскажи"));
    nc_account_rename(w->chat, &self, bob, NC_STR("Ольга Петровна"), on_done, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    assert_false(called(olga, den, bob, "ольга расскажи"));
    assert_true(called(olga, den, bob, "ольга, расскажи"));
    assert_true(called(olga, den, bob, "оля расскажи"));
}

static void who_may_ask_it_is_its_own_to_say(void **state)
{
    struct world *w = *state;
    struct nc_user *eve = person(w, "eve", NC_PERSON);
    struct nc_room *den = make_room(w, bob, "den", NC_PUBLIC);
    struct nc_problem why;
    static const struct {
        const char *body;
        bool owner, moderator, member;
        const char *about; /* why others may not */
    } rows[] = {
        {"{\"who_may_ask\":\"everyone\"}", true, true, true, NULL},
        {"{\"who_may_ask\":\"moderators\"}", true, true, false, "only_moderators"},
        {"{\"who_may_ask\":\"owners\"}", true, false, false, "only_owners"},
        {"{\"who_may_ask\":{\"users\":[\"eve\"]}}", false, false, true, "only_listed"},
        {"{\"who_may_ask\":{\"users\":[]}}", false, false, false, "only_listed"},
    };
    struct nc_user *mod = person(w, "mod", NC_PERSON);

    assert_int_equal(join(w, eve, den), NC_P_NONE);
    assert_int_equal(join(w, mod, den), NC_P_NONE);
    assert_int_equal(put_member(w, bob, den, mod, NC_MODERATOR), NC_P_NONE);
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        assert_int_equal(change(w, ada, "olga", rows[i].body), NC_P_NONE);
        struct nc_persona *olga = find(w, "olga");
        assert_int_equal(nc_persona_may_ask(olga, den, bob, &why), rows[i].owner);
        assert_int_equal(nc_persona_may_ask(olga, den, mod, &why), rows[i].moderator);
        assert_int_equal(nc_persona_may_ask(olga, den, eve, &why), rows[i].member);
        if (rows[i].about) {
            assert_int_equal(why.code, NC_P_FORBIDDEN);
            assert_string_equal(why.about, rows[i].about);
        }
    }
}

/* ---- one name of two -------------------------------------------------------------- */

static const struct nc_persona_rec tolya = {
    .settings = {"{\"aliases\":[\"Толя\"]}", sizeof("{\"aliases\":[\"Толя\"]}") - 1}};

static void of_two_with_one_name_the_older_is_called_by_it(void **state)
{
    struct world *w = *state;
    struct nc_room *den = make_room(w, bob, "den", NC_PRIVATE);
    struct nc_user *u[2] = {person(w, "max", NC_PERSONA), person(w, "kim", NC_PERSONA)};
    unsigned older = nc_id_cmp(&u[0]->a.id, &u[1]->a.id) < 0 ? 0 : 1;
    char said[100];

    for (int i = 0; i < 2; i++)
        assert_int_equal(put_member(w, bob, den, u[i], NC_MEMBER), NC_P_NONE);
    /* As another node's are heard of, in both orders. */
    for (unsigned first = 0; first < 2; first++) {
        nc_personas_follow(personas, u[first], &tolya);
        assert_true(called(nc_persona_of(personas, u[first]), den, bob, "Толя, привет"));
        nc_personas_follow(personas, u[!first], &tolya);
        for (unsigned i = 0; i < 2; i++) {
            const struct nc_persona *p = nc_persona_of(personas, u[i]);
            assert_int_equal(called(p, den, bob, "Толя, привет"), i == older);
            assert_int_equal(called(p, den, bob, "скажи, толя!"), i == older);
            assert_true(called(p, den, bob, i ? "Kim, hi" : "Max, hi"));
            assert_ptr_equal(nc_persona_taken(p, 1), i == older ? NULL : u[older]);
        }
        snprintf(said, sizeof(said), "\"taken\":[{\"name\":\"Толя\",\"by\":\"%s\"}]",
                 older ? "kim" : "max");
        const char *at = strstr(list(w, bob), said);
        assert_non_null(at);
        assert_null(strstr(at + strlen(said), "taken")); /* it alone */
        nc_personas_follow(personas, u[older], NULL);
        assert_true(called(nc_persona_of(personas, u[!older]), den, bob, "Толя, привет"));
        nc_personas_follow(personas, u[!older], NULL);
    }
    nc_personas_follow(personas, u[0], &tolya);
    nc_personas_follow(personas, u[1], &tolya);
    assert_int_equal(change(w, ada, older ? "kim" : "max", "{\"aliases\":[]}"), NC_P_NONE);
    assert_true(called(nc_persona_of(personas, u[!older]), den, bob, "Толя, привет"));
    assert_null(strstr(list(w, bob), "taken"));
    /* What was its own all along it may keep, and others may not have. */
    assert_int_equal(change(w, ada, older ? "max" : "kim", "{\"model\":\"m1\"}"),
                     NC_P_NONE);
    assert_int_equal(change(w, ada, older ? "kim" : "max", "{\"aliases\":[\"толя\"]}"),
                     NC_P_CONFLICT);
}

static void a_display_name_is_a_name(void **state)
{
    struct world *w = *state;
    struct nc_room *den = make_room(w, bob, "den", NC_PRIVATE);
    struct nc_user *max = person(w, "max", NC_PERSONA);
    struct nc_user *olga = find(w, "olga")->user;
    struct nc_account later = max->a;

    assert_int_equal(put_member(w, bob, den, max, NC_MEMBER), NC_P_NONE);
    nc_personas_follow(personas, max, &(struct nc_persona_rec){0});
    assert_true(called(find(w, "max"), den, bob, "Max, hi"));
    later.display_name = NC_STR("ОЛЯ"); /* by another node, where Olga had been deleted */
    nc_user_changed(w->chat, max, &later);
    assert_false(called(find(w, "max"), den, bob, "Оля, привет"));
    assert_true(called(find(w, "olga"), den, bob, "Оля, привет"));
    assert_ptr_equal(nc_persona_taken(find(w, "max"), 0), olga);
    assert_true(called(find(w, "max"), den, bob, "Max, hi"));
    nc_user_deleted(w->chat, olga);
    assert_true(called(find(w, "max"), den, bob, "Оля, привет"));
    nc_personas_follow(personas, olga, NULL);
    assert_true(called(find(w, "max"), den, bob, "Оля, привет"));
}

static void a_username_goes_before_other_names(void **state)
{
    struct world *w = *state;
    struct nc_room *den = make_room(w, bob, "den", NC_PRIVATE);
    struct nc_persona *olga = find(w, "olga");

    assert_true(called(olga, den, bob, "Olya, hi"));
    assert_true(w->chat->name_held(w->chat->name_held_arg, NC_STR("olya")));
    assert_false(w->chat->name_held(w->chat->name_held_arg, NC_STR("tolya")));
    struct nc_user *olya = person(w, "olya", NC_PERSON); /* where nobody knew of her */
    assert_false(called(olga, den, bob, "Olya, hi"));
    assert_true(called(olga, den, bob, "Оля, привет"));
    assert_true(called(olga, den, bob, "Olga, hi"));
    assert_non_null(
        strstr(list(w, bob), "\"taken\":[{\"name\":\"Olya\",\"by\":\"olya\"}]"));
    nc_user_renamed(w->chat, olya, NC_STR("olya-2"));
    assert_true(called(olga, den, bob, "Olya, hi"));
    nc_user_renamed(w->chat, olya, NC_STR("olya"));
    assert_false(called(olga, den, bob, "Olya, hi"));
    nc_user_deleted(w->chat, olya);
    assert_true(called(olga, den, bob, "Olya, hi"));
    assert_null(strstr(list(w, bob), "taken"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(olga_is_there_from_the_start_and_waits_in_a_room),
        cmocka_unit_test(one_from_before_personas_had_settings_gets_them),
        cmocka_unit_test(a_person_who_had_the_name_first_keeps_it),
        T(whoever_deletes_olga_does_not_get_her_back),
        T(a_new_one_is_kept_as_it_was_made),
        T(only_admins_make_and_see_all),
        T(a_patch_changes_what_it_names),
        T(a_deleted_one_leaves_and_its_words_stay),
        T(names_that_mean_somebody_else_are_refused),
        T(who_comes_later_takes_no_name_away),
        T(what_can_not_be_is_named),
        T(a_full_disk_changes_nothing),
        T(it_listens_where_it_is_and_may),
        T(personas_hear_each_other_only_where_the_room_says_so),
        T(a_namesake_keeps_the_bare_form),
        T(who_may_ask_it_is_its_own_to_say),
        T(of_two_with_one_name_the_older_is_called_by_it),
        T(a_display_name_is_a_name),
        T(a_username_goes_before_other_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
