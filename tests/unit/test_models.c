/* Which provider a name means, how many may ask it, how it comes and goes. */
#include "talk_world.h"

#include <unistd.h>

#include "ai/models_parts.h"
#include "base/log.h"

/* ---- a provider that does what the test says --------------------------------- */

struct fake {
    struct nc_provider base;
    struct nc_loop *loop;
    struct nc_llm_list *list;
    struct nc_task answer;
};

static struct {
    enum nc_err e;
    enum nc_llm_fault fault;
    const char *destination, *models[4];
    unsigned lists, opened, closed;
} says;

static void answer_list(struct fake *f, enum nc_err e)
{
    struct nc_llm_model models[4] = {0};
    struct nc_llm_end end = {.e = e,
                             .fault = says.fault,
                             .reason = e == NC_OK ? "" : "it says no",
                             .destination = nc_str(says.destination)};
    struct nc_llm_list *l = f->list;
    size_t n = 0;

    for (; n < NC_COUNT(models) && says.models[n]; n++)
        models[n].name = nc_str(says.models[n]);
    f->list = NULL;
    l->done(l, &end, models, e == NC_OK ? n : 0);
}

static void on_answer(struct nc_task *t)
{
    answer_list(nc_of(t, struct fake, answer), says.e);
}

static enum nc_err fake_open(struct nc_provider **out, const struct nc_provider_opts *o)
{
    extern const struct nc_provider_ops fake_ops;
    struct fake *f = nc_alloc(sizeof(*f));

    f->base.ops = &fake_ops;
    f->loop = o->loop;
    f->answer.run = on_answer;
    *out = &f->base;
    says.opened++;
    return NC_OK;
}

static void fake_close(struct nc_provider *p)
{
    struct fake *f = nc_of(p, struct fake, base);

    says.closed++;
    nc_loop_undefer(f->loop, &f->answer);
    if (f->list)
        answer_list(f, NC_ECLOSED);
    free(f);
}

static void fake_list(struct nc_provider *p, struct nc_llm_list *l)
{
    struct fake *f = nc_of(p, struct fake, base);

    assert_null(f->list);
    says.lists++;
    f->list = l;
    nc_loop_defer(f->loop, &f->answer);
}

extern const struct nc_provider_ops fake_ops;
const struct nc_provider_ops fake_ops = {
    .kind = "fake", .open = fake_open, .close = fake_close, .list = fake_list};

/* ---- the stage --------------------------------------------------------------- */

static struct world *w;
static struct nc_models *m;
static unsigned told;

static void on_changed(void *arg)
{
    (void)arg;
    told++;
}

static int begin(void **state)
{
    (void)state;
    nc_log_level(NC_ERROR + 1);
    memset(&says, 0, sizeof(says));
    says.destination = "this_node";
    told = 0;
    w = world_new();
    m = nc_models_new(&(struct nc_models_opts){.chat = w->chat,
                                               .loop = w->loop,
                                               .node = "node",
                                               .key_path = "/nonexistent/provider.key",
                                               .connect_ms = 1,
                                               .first_byte_ms = 1,
                                               .idle_ms = 1,
                                               .base_url = "",
                                               .changed = on_changed});
    assert_non_null(m);
    return 0;
}

static int end(void **state)
{
    (void)state;
    nc_models_quiet(m);
    w->real->close(w->store);
    nc_models_free(m);
    assert_int_equal(says.opened, says.closed);
    nc_chat_free(w->chat);
    nc_loop_free(w->loop);
    free(w);
    return 0;
}

static struct nc_source *put(const char *name, enum nc_origin origin, const char *settings)
{
    struct nc_problem why;
    struct nc_id id = nc_hlc_id(nc_hlc_now(&w->chat->clock)); /* in their order */
    json_t *in = json_loads(settings, 0, NULL), *all;

    json_object_set_new(in, "kind", json_string("openai"));
    if (!json_object_get(in, "base_url"))
        json_object_set_new(in, "base_url", json_string("http://127.0.0.1:9/v1"));
    assert_int_equal(nc_source_settings(in, NULL, &all, &why), NC_OK);
    json_decref(in);
    struct nc_source *s = nc_source_new(m, origin, &id, name, all);
    s->ops = &fake_ops;
    assert_int_equal(nc_source_open(s, NC_STR("")), NC_OK);
    nc_source_join(s);
    return s;
}

static void check(struct nc_source *s)
{
    unsigned before = says.lists;

    nc_source_check(s, NULL);
    assert_int_equal(says.lists, before + 1);
    turn(w);
    assert_false(s->listing);
}

/* As it was found when it was asked what it has. */
static struct nc_source *has(struct nc_source *s, enum nc_err e, const char *destination,
                             const char *a, const char *b)
{
    says.e = e;
    says.fault = e == NC_OK ? NC_FAULT_NONE : NC_FAULT_UNREACHABLE;
    says.destination = destination;
    says.models[0] = a;
    says.models[1] = b;
    check(s);
    return s;
}

static uint64_t next_check_ms(const struct nc_source *s)
{
    return s->check_at.due ? s->check_at.due - nc_loop_now_ms(w->loop) : 0;
}

/* ---- choosing ---------------------------------------------------------------- */

static void without_a_provider(void **state)
{
    struct nc_choice c;
    struct nc_problem why;

    (void)state;
    assert_int_equal(nc_models_choose(m, NC_STR(""), NC_DEST_CLOUD, &c, &why), NC_ENOENT);
    assert_string_equal(why.detail, "no AI provider is set up");
    assert_int_equal(nc_models_count(m), 0);
}

static void what_a_name_means(void **state)
{
    static const struct {
        const char *name;
        enum nc_destination furthest;
        enum nc_err e;
        const char *provider, *model, *words;
    } table[] = {
        /* the default one, and its first model */
        {"", NC_DEST_CLOUD, NC_OK, "near", "small", ""},
        {"small", NC_DEST_CLOUD, NC_OK, "near", "small", ""},
        {"near/small", NC_DEST_CLOUD, NC_OK, "near", "small", ""},
        {"near/small", NC_DEST_NOWHERE, NC_OK, "near", "small", ""},
        {"near/small", NC_DEST_THIS_NODE, NC_OK, "near", "small", ""},
        /* Ollama's short names */
        {"tagged", NC_DEST_CLOUD, NC_OK, "near", "tagged", ""},
        {"tagged:latest", NC_DEST_CLOUD, NC_OK, "near", "tagged:latest", ""},
        {"tagged:other", NC_DEST_CLOUD, NC_ENOENT, "", "", "no AI provider has"},
        /* only another has it */
        {"meta/llama", NC_DEST_CLOUD, NC_OK, "far", "meta/llama", ""},
        {"far/meta/llama", NC_DEST_CLOUD, NC_OK, "far", "meta/llama", ""},
        /* what the owner offers there is all there is */
        {"far/hidden", NC_DEST_CLOUD, NC_ENOENT, "", "", "the provider far has no"},
        {"hidden", NC_DEST_CLOUD, NC_ENOENT, "", "", "no AI provider has"},
        /* too far */
        {"far/meta/llama", NC_DEST_LAN, NC_EACCESS, "", "",
         "the provider far is farther (cloud) than is allowed here (lan)"},
        {"far/meta/llama", NC_DEST_THIS_NODE, NC_EACCESS, "", "", "the provider far"},
        /* one that is down is named all the same */
        {"down/big", NC_DEST_CLOUD, NC_AGAIN, "down", "big",
         "the provider down is down: it"},
        {"big", NC_DEST_CLOUD, NC_AGAIN, "down", "big", "the provider down is down: it"},
        /* nobody has asked it yet what it has */
        {"new/anything", NC_DEST_THIS_NODE, NC_OK, "new", "anything", ""},
        /* no such provider, no such model */
        {"nowhere/small", NC_DEST_CLOUD, NC_ENOENT, "", "", "no AI provider has"},
        {"near/none", NC_DEST_CLOUD, NC_ENOENT, "", "", "the provider near has no model"},
        {"near/", NC_DEST_CLOUD, NC_ENOENT, "", "", "no AI provider has"},
        {"/", NC_DEST_CLOUD, NC_ENOENT, "", "", "no AI provider has"},
    };

    (void)state;
    has(put("near", NC_CONFIGURED, "{}"), NC_OK, "this_node", "small", "tagged:latest");
    has(put("far", NC_MADE, "{\"models\":[\"meta/llama\"]}"), NC_OK, "cloud:far.example",
        "meta/llama", "hidden");
    has(put("down", NC_MADE, "{\"model\":\"big\"}"), NC_EIO, "", NULL, NULL);
    put("new", NC_MADE, "{}");
    for (size_t i = 0; i < NC_COUNT(table); i++) {
        struct nc_choice c;
        struct nc_problem why = {0};
        enum nc_err e =
            nc_models_choose(m, nc_str(table[i].name), table[i].furthest, &c, &why);
        if (e != table[i].e)
            fail_msg("\"%s\": %s, %s", table[i].name, nc_strerr(e), why.detail);
        if (strncmp(why.detail, table[i].words, strlen(table[i].words)) != 0)
            fail_msg("\"%s\" says %s", table[i].name, why.detail);
        if (*table[i].provider) {
            assert_string_equal(nc_source_name(c.source), table[i].provider);
            assert_string_equal(c.model, table[i].model);
        }
    }
}

static void the_default_is_what_the_owner_says_else_the_first(void **state)
{
    struct nc_source *found, *up, *made, *said;

    (void)state;
    found = put("found", NC_FOUND, "{}");
    has(found, NC_EIO, "", NULL, NULL);
    assert_ptr_equal(nc_models_default(m), found);
    up = put("found-2", NC_FOUND, "{\"base_url\":\"http://127.0.0.1:10\"}");
    has(up, NC_OK, "this_node", "x", NULL);
    assert_ptr_equal(nc_models_default(m), up); /* rather one that is there */
    made = put("made", NC_MADE, "{}");
    put("later", NC_MADE, "{}");
    assert_ptr_equal(nc_models_default(m), made);
    struct nc_source *configured = put("openai", NC_CONFIGURED, "{\"model\":\"m\"}");
    assert_ptr_equal(nc_models_default(m), configured);
    said = put("said", NC_MADE, "{\"is_default\":true,\"models\":[\"one\",\"two\"]}");
    assert_ptr_equal(nc_models_default(m), said);
    assert_true(nc_str_eqz(nc_source_default_model(said), "one"));
    assert_true(nc_str_eqz(nc_source_default_model(configured), "m"));
    assert_true(nc_str_eqz(nc_source_default_model(made), ""));
}

/* ---- places ------------------------------------------------------------------ */

static void places(void **state)
{
    struct nc_source *s = put("s", NC_MADE, "{\"at_once\":3,\"per_model\":2}");
    struct nc_choice a = {s, "a"}, b = {s, "b"};

    (void)state;
    nc_source_enter(&a);
    assert_true(nc_source_has_room(&a));
    nc_source_enter(&a);
    assert_false(nc_source_has_room(&a)); /* the model's */
    assert_true(nc_source_has_room(&b));
    nc_source_enter(&b);
    assert_false(nc_source_has_room(&b)); /* the provider's */
    turn(w);
    told = 0;
    nc_source_leave(&a);
    assert_int_equal(told, 0); /* at the end of the turn, once */
    nc_source_leave(&a);
    turn(w);
    assert_int_equal(told, 1);
    assert_true(nc_source_has_room(&a));
    nc_source_leave(&b);
}

static void a_deleted_one_stays_until_the_last_has_left(void **state)
{
    struct nc_source *s = put("s", NC_MADE, "{}");
    struct nc_choice c = {s, "a"};

    (void)state;
    nc_source_enter(&c);
    nc_source_enter(&c);
    assert_non_null(nc_source_provider(s));
    nc_source_drop(s);
    assert_int_equal(says.closed, 1);
    assert_int_equal(nc_models_count(m), 0);
    assert_null(nc_source_provider(s));
    assert_string_equal(nc_source_name(s), "s");
    nc_source_learn(s, &(struct nc_llm_end){.e = NC_ECLOSED});
    nc_source_leave(&c);
    nc_source_leave(&c); /* freed here; the sanitizers look on */
}

/* Who hears that the old one was closed may go on with the new one. */
static void a_changed_one_is_opened_before_the_old_one_ends(void **state)
{
    struct nc_source *s = put("s", NC_MADE, "{}");
    struct nc_buf none = {0};
    json_t *more = json_deep_copy(s->settings);

    (void)state;
    nc_source_check(s, NULL);
    json_object_set_new(more, "at_once", json_integer(2));
    nc_source_change(s, "s", more, &none);
    assert_int_equal(says.opened, 1); /* nothing that the back end was told */
    assert_int_equal(s->at_once, 2);
    more = json_deep_copy(s->settings);
    json_object_set_new(more, "timeout_s", json_integer(7));
    struct nc_provider *before = s->provider;
    nc_source_change(s, "t", more, &none);
    assert_int_equal(says.opened, 2);
    assert_int_equal(says.closed, 1);
    assert_ptr_not_equal(s->provider, before);
    assert_false(s->listing);
    assert_string_equal(nc_source_name(s), "t");
    assert_in_range(next_check_ms(s), 0, 100);
    has(s, NC_OK, "this_node", "m", NULL);
}

/* ---- health ------------------------------------------------------------------ */

static void the_longer_it_is_down_the_rarer_it_is_asked(void **state)
{
    static const unsigned seconds[] = {5, 10, 20, 40, 80, 160, 300, 300};
    struct nc_source *s = put("s", NC_MADE, "{}");

    (void)state;
    for (size_t i = 0; i < NC_COUNT(seconds); i++) {
        has(s, NC_EIO, "", NULL, NULL);
        assert_int_equal(s->state, NC_SOURCE_DOWN);
        assert_string_equal(s->reason, "it says no");
        assert_in_range(next_check_ms(s), seconds[i] * 1000 - 50, seconds[i] * 1000);
    }
    has(s, NC_OK, "lan:10.0.0.1", "m", NULL);
    assert_int_equal(s->state, NC_SOURCE_UP);
    assert_string_equal(s->reason, "");
    assert_int_equal(nc_source_destination(s), NC_DEST_LAN);
    assert_in_range(next_check_ms(s), 290000, 300000); /* nobody asks it */
    struct nc_choice c;
    struct nc_problem why;
    assert_int_equal(nc_models_choose(m, NC_STR("m"), NC_DEST_CLOUD, &c, &why), NC_OK);
    has(s, NC_OK, "lan:10.0.0.1", "m", NULL);
    assert_in_range(next_check_ms(s), 59000, 60000); /* somebody does */
    has(s, NC_EIO, "", NULL, NULL);
    assert_in_range(next_check_ms(s), 4950, 5000);           /* from the beginning */
    assert_int_equal(nc_source_destination(s), NC_DEST_LAN); /* as it was known */
}

static void one_without_a_list_is_up_all_the_same(void **state)
{
    struct nc_source *s = put("s", NC_MADE, "{}");
    struct nc_choice c;
    struct nc_problem why;

    (void)state;
    says.e = NC_EIO;
    says.fault = NC_FAULT_MODEL; /* 404 */
    check(s);
    assert_int_equal(s->state, NC_SOURCE_UP);
    assert_int_equal(nc_models_choose(m, NC_STR("any"), NC_DEST_CLOUD, &c, &why), NC_OK);
    assert_ptr_equal(c.source, s);
}

static void answers_teach(void **state)
{
    static const struct {
        enum nc_llm_fault fault;
        enum nc_source_state then;
        bool looks_again;
    } table[] = {
        {NC_FAULT_UNREACHABLE, NC_SOURCE_DOWN, false},
        {NC_FAULT_KEY, NC_SOURCE_DOWN, false},
        {NC_FAULT_SERVER, NC_SOURCE_UP, true},
        {NC_FAULT_MODEL, NC_SOURCE_UP, true},
        {NC_FAULT_BUSY, NC_SOURCE_UP, false},
        {NC_FAULT_REQUEST, NC_SOURCE_UP, false},
        {NC_FAULT_CONTEXT, NC_SOURCE_UP, false},
    };
    struct nc_source *s = put("s", NC_MADE, "{}");

    (void)state;
    for (size_t i = 0; i < NC_COUNT(table); i++) {
        has(s, NC_OK, "this_node", "m", NULL);
        turn(w);
        told = 0;
        nc_source_learn(s, &(struct nc_llm_end){
                               .e = NC_EIO, .fault = table[i].fault, .reason = "so it is"});
        assert_int_equal(s->state, table[i].then);
        assert_int_equal(next_check_ms(s) < 100, table[i].looks_again);
        turn(w);
        assert_int_equal(told, table[i].then == NC_SOURCE_DOWN);
    }
    has(s, NC_EIO, "", NULL, NULL);
    nc_source_learn(s, &(struct nc_llm_end){
                           .e = NC_OK, .reason = "", .destination = NC_STR("cloud:x")});
    assert_int_equal(s->state, NC_SOURCE_UP);
    assert_int_equal(nc_source_destination(s), NC_DEST_CLOUD);
}

/* ---- who waits for a check --------------------------------------------------- */

struct waiter {
    struct nc_check check;
    struct nc_source *heard;
    unsigned calls;
};

static void on_check(struct nc_check *c, struct nc_source *s)
{
    struct waiter *x = nc_of(c, struct waiter, check);

    x->heard = s;
    x->calls++;
}

static void two_who_wait_hear_of_one_list(void **state)
{
    struct nc_source *s = put("s", NC_MADE, "{}");
    struct waiter a = {.check.done = on_check}, b = a;

    (void)state;
    nc_source_check(s, &a.check);
    nc_source_check(s, &b.check);
    assert_int_equal(says.lists, 1);
    assert_int_equal(a.calls, 0);
    turn(w);
    assert_int_equal(a.calls, 1);
    assert_int_equal(b.calls, 1);
    assert_ptr_equal(a.heard, s);
}

static void who_waits_hears_that_it_was_deleted(void **state)
{
    struct nc_source *s = put("s", NC_MADE, "{}");
    struct waiter a = {.check.done = on_check};

    (void)state;
    nc_source_check(s, &a.check);
    nc_source_drop(s);
    assert_int_equal(a.calls, 1);
    assert_null(a.heard);
}

/* ---- settings ---------------------------------------------------------------- */

static void the_same_server_by_other_names(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } table[] = {
        {"http://127.0.0.1:11434/v1", "http://127.0.0.1:11434", true},
        {"http://localhost:11434/v1", "http://127.0.0.1:11434/", true},
        {"http://[::1]:8080/v1", "http://localhost:8080", true},
        {"http://Example.com/v1", "http://example.com:80", true},
        {"HTTPS://example.com", "https://example.com:443/v1", true},
        {"http://127.0.0.1:11434", "http://127.0.0.1:1143", false},
        {"http://127.0.0.1:11434", "http://127.0.0.2:11434", false},
        {"http://example.com", "https://example.com", false},
        {"http://[fd00::1]:80", "http://[fd00::1]", true},
    };

    (void)state;
    for (size_t i = 0; i < NC_COUNT(table); i++)
        if (nc_source_same_server(table[i].a, table[i].b) != table[i].same)
            fail_msg("%s and %s", table[i].a, table[i].b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(without_a_provider),
        T(what_a_name_means),
        T(the_default_is_what_the_owner_says_else_the_first),
        T(places),
        T(a_deleted_one_stays_until_the_last_has_left),
        T(a_changed_one_is_opened_before_the_old_one_ends),
        T(the_longer_it_is_down_the_rarer_it_is_asked),
        T(one_without_a_list_is_up_all_the_same),
        T(answers_teach),
        T(two_who_wait_hear_of_one_list),
        T(who_waits_hears_that_it_was_deleted),
        cmocka_unit_test(the_same_server_by_other_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
