/* What every provider promises, told over a real connection to a server that does what
 * the script says. */
#include "wire_anthropic.h"
#include "wire_ollama.h"
#include "wire_openai.h"

#include <zlib.h>

/* ---- answers -------------------------------------------------------------- */

static void is_whole(struct asker *a)
{
    if (a->end.e != NC_OK)
        fail_msg("%s: %s", nc_strerr(a->end.e), a->reason);
    has_text(&a->text, TEXT);
    assert_int_equal(a->end.finish, NC_LLM_STOP);
    assert_int_equal(a->end.status, 200);
    assert_true(a->end.has_usage);
    assert_int_equal(a->end.prompt_tokens, 11);
    assert_int_equal(a->end.completion_tokens, 7);
    assert_string_equal(a->destination, "this_node");
    assert_string_equal(a->model, "test-model");
}

static void test_an_answer_in_pieces(void **state)
{
    (void)state;
    struct asker a = {0};
    char key[120];

    ask(&a, (struct script){.body = wire->answer});
    is_whole(&a);
    assert_int_equal(a.pieces, 4);
    assert_int_equal(a.reasoning.n, 0);
    snprintf(key, sizeof(key), "%s%s", wire->before_key, KEY);
    assert_string_equal(w.key, key);
    assert_string_equal(w.node, NODE);
    assert_string_equal(w.path, wire->chat);

    json_t *root = json_loadb(w.body.p, w.body.n, 0, NULL);
    assert_true(json_is_true(json_object_get(root, "stream")));
    assert_string_equal(json_string_value(json_object_get(root, "model")), "test-model");
    json_decref(root);
    forget(&a);
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    struct asker a = {0};

    ask(&a, (struct script){.body = wire->answer, .how = BYTES});
    is_whole(&a);
    forget(&a);
}

/* Every LF as CRLF. */
static void test_crlf(void **state)
{
    (void)state;
    struct asker a = {0};
    struct nc_buf b = {0};

    for (const char *c = wire->answer; *c; c++) {
        if (*c == '\n')
            nc_buf_addc(&b, '\r');
        nc_buf_addc(&b, *c);
    }
    nc_buf_addc(&b, '\0');
    ask(&a, (struct script){.body = b.p});
    is_whole(&a);
    forget(&a);
    ask(&a, (struct script){.body = b.p, .how = BYTES});
    is_whole(&a);
    forget(&a);
    nc_buf_fini(&b);
}

static void test_reasoning_is_apart(void **state)
{
    (void)state;
    struct asker a = {0};

    ask(&a, (struct script){.body = wire->thinks});
    is_whole(&a);
    has_text(&a.reasoning, "hm so");
    forget(&a);
}

static void test_why_it_stopped(void **state)
{
    (void)state;
    struct asker a = {0};

    ask(&a, (struct script){.body = wire->answer_length});
    assert_int_equal(a.end.e, NC_OK);
    assert_int_equal(a.end.finish, NC_LLM_LENGTH);
    forget(&a);
    ask(&a, (struct script){.body = wire->answer_tools});
    assert_int_equal(a.end.e, NC_OK);
    assert_int_equal(a.end.finish, NC_LLM_TOOLS);
    forget(&a);
}

static void test_another_content_type(void **state)
{
    (void)state;
    struct asker a = {0};

    ask(&a, (struct script){.body = wire->answer, .type = "text/plain"});
    is_whole(&a);
    forget(&a);
    ask(&a,
        (struct script){.body = wire->answer, .type = "application/json", .how = BYTES});
    is_whole(&a);
    forget(&a);
}

static void test_gzip_that_nobody_asked_for(void **state)
{
    (void)state;
    struct asker a = {0};
    char packed[8192];
    z_stream z = {0};

    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)wire->answer;
    z.avail_in = (unsigned)strlen(wire->answer);
    z.next_out = (Bytef *)packed;
    z.avail_out = sizeof(packed);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    ask(&a, (struct script){.body = packed,
                            .n = z.total_out,
                            .header = {NC_STR("Content-Encoding"), NC_STR("gzip")}});
    deflateEnd(&z);
    is_whole(&a);
    forget(&a);
}

static void test_the_first_model_answers_if_none_is_named(void **state)
{
    (void)state;
    struct asker a = {0};

    open_here("");
    ask(&a, (struct script){.body = wire->answer});
    assert_int_equal(a.end.e, NC_OK);
    assert_string_equal(a.model, "first-model");
    forget(&a);
    ask(&a, (struct script){.body = wire->answer});
    assert_int_equal(w.lists, 1); /* remembered */
    forget(&a);
    a.ask.model = NC_STR("another");
    ask(&a, (struct script){.body = wire->answer});
    assert_string_equal(a.model, "another");
    forget(&a);
}

static void test_connections_are_used_again(void **state)
{
    (void)state;
    struct asker a = {0};

    for (int i = 0; i < 5; i++) {
        ask(&a, (struct script){.body = wire->answer});
        is_whole(&a);
        forget(&a);
        wait_ms(5);
    }
    assert_int_equal(nc_listeners_open(w.ls), 1);
}

/* ---- for programs --------------------------------------------------------- */

/* The text in all pieces; no [DONE]; usage once. */
static void join(struct asker *a, const char *where)
{
    struct nc_str lines = nc_buf_str(&a->raw);
    unsigned usages = 0;

    while (lines.n) {
        struct nc_str line = nc_str_cut(&lines, '\n');
        json_t *root = json_loadb(line.p, line.n, 0, NULL);
        assert_true(json_is_object(root));
        const json_t *choice = json_array_get(json_object_get(root, "choices"), 0);
        const json_t *content = json_object_get(json_object_get(choice, where), "content");
        const json_t *usage = json_object_get(root, "usage");
        if (json_is_string(content))
            nc_buf_adds(&a->text, nc_str(json_string_value(content)));
        if (json_is_object(usage)) {
            usages++;
            assert_int_equal(json_integer_value(json_object_get(usage, "prompt_tokens")),
                             11);
            assert_int_equal(
                json_integer_value(json_object_get(usage, "completion_tokens")), 7);
        }
        json_decref(root);
    }
    assert_int_equal(usages, 1);
}

static void test_a_program_streams(void **state)
{
    (void)state;
    static const enum how hows[] = {AT_ONCE, BYTES};
    json_t *request = json_pack("{s:s, s:b, s:[{s:s, s:s}]}", "model", "whatever", "stream",
                                1, "messages", "role", "user", "content", "hello");

    for (size_t i = 0; i < NC_COUNT(hows); i++) {
        struct asker a = {.ask.request = request};
        ask(&a, (struct script){.body = wire->answer, .how = hows[i]});
        join(&a, "delta");
        is_whole(&a);
        forget(&a);
    }
    json_t *got = json_loadb(w.body.p, w.body.n, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(got, "model")), "test-model");
    json_decref(got);
    json_decref(request);
}

static void test_a_program_waits_for_the_whole(void **state)
{
    (void)state;
    json_t *request = json_pack("{s:s, s:[{s:s, s:s}]}", "model", "whatever", "messages",
                                "role", "user", "content", "hello");
    struct asker a = {.ask.request = request};

    ask(&a, (struct script){.body = wire->whole ? wire->whole : wire->answer,
                            .type = wire->whole ? "application/json" : NULL});
    assert_int_equal(a.pieces, 1);
    join(&a, "message");
    is_whole(&a);
    forget(&a);
    json_decref(request);
}

static void test_a_program_hears_of_errors(void **state)
{
    (void)state;
    json_t *request = json_pack("{s:s, s:b, s:[{s:s, s:s}]}", "model", "whatever", "stream",
                                1, "messages", "role", "user", "content", "hello");
    struct asker a = {.ask.request = request};

    ask(&a, (struct script){.body = wire->error_midway});
    assert_int_equal(a.end.e, NC_EIO);
    assert_non_null(strstr(a.reason, "it burns"));
    forget(&a);
    a.ask.request = request;
    ask(&a, (struct script){.body = wire->cut});
    assert_int_equal(a.end.e, NC_EIO);
    assert_int_equal(a.end.fault, NC_FAULT_SERVER);
    forget(&a);
    json_decref(request);
}

/* ---- what goes wrong ------------------------------------------------------ */

static void fails(struct script s, enum nc_llm_fault fault, unsigned status,
                  const char *reason)
{
    struct asker a = {0};

    ask(&a, s);
    assert_int_equal(a.end.e, NC_EIO);
    if (a.end.fault != fault || !strstr(a.reason, reason))
        fail_msg("fault %d, not %d: %s", (int)a.end.fault, (int)fault, a.reason);
    assert_int_equal(a.end.status, status);
    forget(&a);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char json[] = "application/json";

    fails((struct script){.status = 400, .type = json, .body = wire->refused},
          NC_FAULT_REQUEST, 400, "no such thing");
    fails((struct script){.status = wire->unknown_model_status,
                          .type = json,
                          .body = wire->unknown_model},
          NC_FAULT_MODEL, wire->unknown_model_status, "");
    fails((struct script){.status = wire->too_long_status,
                          .type = json,
                          .body = wire->too_long},
          NC_FAULT_CONTEXT, wire->too_long_status, "");
    fails((struct script){.status = 401, .type = json, .body = wire->says_key},
          NC_FAULT_KEY, 401, "[hidden]");
    fails((struct script){.status = 508, .type = json, .body = "{}"}, NC_FAULT_LOOP, 508,
          "");
    fails((struct script){.status = 503,
                          .type = "text/html",
                          .body = "<html><title>503 Busy</title></html>"},
          NC_FAULT_BUSY, 503, "503 Busy");
    fails((struct script){.status = 500,
                          .type = "text/html",
                          .body = "<html><h1>it fell over</h1>"},
          NC_FAULT_SERVER, 500, "it fell over");
    fails((struct script){.type = "text/html", .body = "<html>log in</html>"},
          NC_FAULT_SERVER, 200, "");
}

static void test_busy_says_when(void **state)
{
    (void)state;
    struct asker a = {0};

    ask(&a, (struct script){.status = 429,
                            .type = "application/json",
                            .body = wire->busy,
                            .header = {NC_STR("Retry-After"), NC_STR("7")}});
    assert_int_equal(a.end.fault, NC_FAULT_BUSY);
    assert_int_equal(a.end.retry_ms, 7000);
    forget(&a);
}

static void test_a_redirect_is_not_followed(void **state)
{
    (void)state;
    struct asker a = {0};
    char url[100];

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/elsewhere", w.at.port);
    ask(&a, (struct script){.status = 307,
                            .type = "text/plain",
                            .body = "",
                            .header = {NC_STR("Location"), nc_str(url)}});
    assert_int_equal(a.end.e, NC_EIO);
    assert_int_equal(a.end.status, 307);
    assert_int_equal(w.questions, 1);
    forget(&a);
}

static void begun_well(struct script s, enum nc_llm_fault fault, const char *reason)
{
    struct asker a = {0};

    ask(&a, s);
    assert_int_equal(a.end.e, NC_EIO);
    has_text(&a.text, "Добрый");
    if (a.end.fault != fault || !strstr(a.reason, reason))
        fail_msg("fault %d, not %d: %s", (int)a.end.fault, (int)fault, a.reason);
    forget(&a);
}

static void test_it_ends_in_the_middle(void **state)
{
    (void)state;
    begun_well((struct script){.body = wire->cut}, NC_FAULT_SERVER, "broke off");
    begun_well((struct script){.body = wire->cut, .how = THEN_BREAK}, NC_FAULT_SERVER,
               "broke off");
    begun_well((struct script){.body = wire->cut, .how = THEN_HOLD}, NC_FAULT_SERVER,
               "stopped in the middle");
    begun_well((struct script){.body = wire->error_midway}, NC_FAULT_SERVER, "it burns");
    begun_well((struct script){.body = wire->error_midway, .how = THEN_HOLD},
               NC_FAULT_SERVER, "it burns");
}

static void test_nothing_comes(void **state)
{
    (void)state;
    fails((struct script){.how = SILENT}, NC_FAULT_SERVER, 0, "in time");
    fails((struct script){.body = "", .how = THEN_HOLD}, NC_FAULT_SERVER, 200, "");
    fails((struct script){.body = ""}, NC_FAULT_SERVER, 200, "");
}

static void test_nonsense(void **state)
{
    (void)state;
    fails((struct script){.body = wire->nonsense}, NC_FAULT_SERVER, 200, "no answer");
    fails((struct script){.body = wire->nonsense, .how = BYTES}, NC_FAULT_SERVER, 200, "");
    fails((struct script){.body = "\x01\x02\xff\xfe\n\n"}, NC_FAULT_SERVER, 200, "");
}

static void test_a_line_without_end(void **state)
{
    (void)state;
    struct asker a = {0};
    size_t n = 3 << 20;
    char *much = nc_alloc(n + 1);

    memset(much, 'x', n);
    memcpy(much, "data: {\"choices\":\"", 18);
    ask(&a, (struct script){.body = much});
    assert_true(a.end.e == NC_EIO || a.end.e == NC_ELIMIT);
    assert_int_equal(a.end.fault, NC_FAULT_SERVER);
    forget(&a);
    free(much);
}

static void test_nobody_is_there(void **state)
{
    (void)state;
    char url[100];

    nc_listeners_close(w.ls);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", w.at.port, wire->base);
    open_provider(url, "m", "");
    fails((struct script){.body = ""}, NC_FAULT_UNREACHABLE, 0, "can't be reached");
}

/* ---- how far -------------------------------------------------------------- */

static void goes(const char *url, const char *proxy, enum nc_destination furthest,
                 enum nc_llm_fault fault)
{
    struct asker a = {.ask.furthest = furthest};

    open_provider(url, "m", proxy);
    ask(&a, (struct script){.body = wire->answer});
    if (a.end.fault != fault)
        fail_msg("%s: fault %d, not %d: %s", url, (int)a.end.fault, (int)fault, a.reason);
    if (fault == NC_FAULT_TOO_FAR)
        assert_string_equal(a.destination, "");
    forget(&a);
}

static void test_too_far(void **state)
{
    (void)state;
    char here[100];

    /* Nothing is sent: the address is judged before it is connected to. */
    goes("http://1.1.1.1:9", "", NC_DEST_LAN, NC_FAULT_TOO_FAR);
    goes("http://10.0.0.1:9", "", NC_DEST_THIS_NODE, NC_FAULT_TOO_FAR);
    goes("http://10.0.0.1:9", "", NC_DEST_OWN_WORKER, NC_FAULT_TOO_FAR);
    goes("http://169.254.169.254", "", NC_DEST_NOWHERE, NC_FAULT_UNREACHABLE);
    snprintf(here, sizeof(here), "http://127.0.0.1:%u%s", w.at.port, wire->base);
    goes(here, "socks5h://127.0.0.1:9", NC_DEST_LAN, NC_FAULT_TOO_FAR);
    assert_int_equal(w.questions, 0);
    goes(here, "", NC_DEST_THIS_NODE, NC_FAULT_NONE);
    goes(here, "", NC_DEST_CLOUD, NC_FAULT_NONE);
}

/* ---- stopping ------------------------------------------------------------- */

static void test_stop_closes_the_connection(void **state)
{
    (void)state;
    struct asker a = {.stops = true};

    ask(&a, (struct script){.body = wire->answer, .how = THEN_HOLD});
    assert_int_equal(a.end.e, NC_ECLOSED);
    assert_int_equal(a.pieces, 1);
    while (!w.gone)
        wait_ms(1);
    assert_true(w.gone_ns - a.stopped_ns < 100000000);
    forget(&a);
}

static void test_stop_before_anything_came(void **state)
{
    (void)state;
    struct asker a = {0};

    w.script = (struct script){.how = SILENT};
    begin(&a);
    w.provider->ops->stop(w.provider, &a.ask);
    assert_int_equal(a.ends, 0);
    wait_for();
    assert_int_equal(a.end.e, NC_ECLOSED);
    forget(&a);
    begin(&a);
    while (!w.held_n)
        wait_ms(1);
    w.provider->ops->stop(w.provider, &a.ask);
    wait_for();
    assert_int_equal(a.end.e, NC_ECLOSED);
    while (!w.gone)
        wait_ms(1);
    forget(&a);
}

static void test_pause_holds_the_rest(void **state)
{
    (void)state;
    struct asker a = {.pauses = true};

    w.script = (struct script){.body = wire->answer, .how = BYTES};
    begin(&a);
    wait_for();
    assert_int_equal(a.pieces, 1);
    wait_ms(400); /* longer than it may be idle */
    assert_int_equal(a.ends, 0);
    assert_int_equal(a.pieces, 1);
    w.provider->ops->pause(w.provider, &a.ask, false);
    while (!a.ends)
        wait_for();
    is_whole(&a);
    forget(&a);
}

static unsigned listed;
static struct nc_llm_end listed_as;

static void on_listed(struct nc_llm_list *l, const struct nc_llm_end *end,
                      const struct nc_llm_model *models, size_t n)
{
    (void)l;
    listed++;
    listed_as = *end;
    nc_loop_stop(w.loop);
    if (end->e != NC_OK) {
        assert_int_equal(n, 0);
        return;
    }
    assert_int_equal(n, 2);
    assert_true(nc_str_eqz(models[0].name, "first-model"));
    assert_true(nc_str_eqz(models[1].name, "second-model"));
    assert_int_equal(models[0].context, wire->context);
    assert_int_equal(models[0].bytes, wire->bytes);
    assert_true(nc_str_eqz(end->destination, "this_node"));
}

static void test_close_ends_what_runs(void **state)
{
    (void)state;
    struct asker a = {0}, b = {0}, c = {0};
    struct nc_llm_list l = {.done = on_listed};

    listed = 0;
    w.script = (struct script){.body = wire->cut, .how = THEN_HOLD};
    begin(&a);
    begin(&b);
    while (!a.pieces || !b.pieces)
        wait_ms(1);
    begin(&c);
    w.provider->ops->list(w.provider, &l);
    w.provider->ops->close(w.provider);
    w.provider = NULL;
    assert_int_equal(a.ends, 1);
    assert_int_equal(b.ends, 1);
    assert_int_equal(c.ends, 1);
    assert_int_equal(listed, 1);
    assert_int_equal(a.end.e, NC_ECLOSED);
    assert_int_equal(c.end.e, NC_ECLOSED);
    assert_int_equal(listed_as.e, NC_ECLOSED);
    while (w.gone < 2)
        wait_ms(1);
    open_here("m");
    forget(&a);
    forget(&b);
    forget(&c);
}

/* ---- models --------------------------------------------------------------- */

static void list(struct script s)
{
    struct nc_llm_list l = {.done = on_listed};

    w.script = s;
    listed = 0;
    w.provider->ops->list(w.provider, &l);
    assert_int_equal(listed, 0);
    while (!listed)
        wait_for();
    assert_int_equal(listed, 1);
}

static void test_models(void **state)
{
    (void)state;
    list((struct script){.body = ""});
    assert_int_equal(listed_as.e, NC_OK);
    list((struct script){.status = 500, .type = "application/json", .body = "{}"});
    assert_int_equal(listed_as.e, NC_EIO);
    assert_int_equal(listed_as.fault, NC_FAULT_SERVER);
    list((struct script){.status = 200, .type = "application/json", .body = "{\"no\":1}"});
    assert_int_equal(listed_as.e, NC_EIO);
    list((struct script){.status = 200, .type = "text/html", .body = "<html>"});
    assert_int_equal(listed_as.e, NC_EIO);
    list((struct script){.how = SILENT});
    assert_int_equal(listed_as.e, NC_EIO);
}

static void test_a_key_is_one_visible_word(void **state)
{
    (void)state;
    struct nc_provider *p = NULL;
    struct nc_provider_opts o = {.loop = w.loop,
                                 .http = w.http,
                                 .name = "test",
                                 .base_url = "http://127.0.0.1",
                                 .model = "",
                                 .key = "two words",
                                 .proxy = "",
                                 .node = NODE};
    nc_log_level(NC_ERROR + 1);
    assert_int_equal(wire->ops->open(&p, &o), NC_EINVAL);
    assert_null(p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)

int main(void)
{
    static const struct wire *const wires[] = {&openai, &ollama, &anthropic};
    const struct CMUnitTest tests[] = {
        TEST(test_an_answer_in_pieces),
        TEST(test_byte_by_byte),
        TEST(test_crlf),
        TEST(test_reasoning_is_apart),
        TEST(test_why_it_stopped),
        TEST(test_another_content_type),
        TEST(test_gzip_that_nobody_asked_for),
        TEST(test_the_first_model_answers_if_none_is_named),
        TEST(test_connections_are_used_again),
        TEST(test_a_program_streams),
        TEST(test_a_program_waits_for_the_whole),
        TEST(test_a_program_hears_of_errors),
        TEST(test_refusals),
        TEST(test_busy_says_when),
        TEST(test_a_redirect_is_not_followed),
        TEST(test_it_ends_in_the_middle),
        TEST(test_nothing_comes),
        TEST(test_nonsense),
        TEST(test_a_line_without_end),
        TEST(test_nobody_is_there),
        TEST(test_too_far),
        TEST(test_stop_closes_the_connection),
        TEST(test_stop_before_anything_came),
        TEST(test_pause_holds_the_rest),
        TEST(test_close_ends_what_runs),
        TEST(test_models),
        TEST(test_a_key_is_one_visible_word),
    };
    int failed = 0;

    for (size_t i = 0; i < NC_COUNT(wires); i++) {
        wire = wires[i];
        failed += cmocka_run_group_tests_name(wire->ops->kind, tests, NULL, NULL);
    }
    return failed;
}
