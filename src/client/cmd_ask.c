/*
 * ask MODEL TEXT: one question to a model, over the OpenAI-compatible API, the answer
 * printed as it comes.
 *
 * Stopping it (Ctrl-C) hangs up, and the node stops the model.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "client/client.h"
#include "client/commands.h"
#include "client/glyph.h"
#include "crypto/hash.h"
#include "net/http_client.h"
#include "wire/json.h"
#include "wire/openai.h"
#include "wire/sse.h"

enum { CONNECT_MS = 10000, IDLE_MS = 90000, WHOLE_MS = 3600000, LINE_MAX = 4 << 20 };

struct ask {
    struct nc_client *c;
    struct nc_token_wait wait;
    struct nc_http_call *http;
    struct nc_buf body, in; /* in: an answer in one piece, or what went wrong */
    struct nc_sse sse;
    unsigned generation;
    bool again; /* with another token */
    bool piecewise, finished, stopped, over;
    char last; /* that was printed */
    int rc;
};

static void end(struct ask *a, int rc)
{
    a->rc = rc;
    a->over = true;
    nc_loop_stop(a->c->loop);
}

/* ---- what comes ----------------------------------------------------------- */

static void print(struct ask *a, struct nc_str text)
{
    struct nc_buf clean = {0};

    nc_text_clean(&clean, text, true);
    if (clean.n) {
        a->last = clean.p[clean.n - 1];
        fwrite(clean.p, 1, clean.n, stdout);
    }
    nc_buf_fini(&clean);
}

/* What went wrong stands on a line of its own, after what was said. */
static void fail(struct ask *a, const char *why)
{
    if (a->last && a->last != '\n')
        putchar('\n');
    fflush(stdout);
    if (a->http)
        nc_http_call_cancel(a->http);
    end(a, nc_client_fail("%s", why));
}

static void take(struct ask *a, struct nc_str data)
{
    struct nc_openai_chunk chunk;

    if (nc_openai_chunk(&chunk, data, NC_STR("")) != NC_OK)
        fail(a, nc_word(NC_W_BAD_ANSWER));
    else if (chunk.failed)
        fail(a, chunk.reason);
    else
        print(a, chunk.text.n ? chunk.text : chunk.refusal);
    a->finished = a->finished || chunk.done;
    nc_openai_chunk_fini(&chunk);
}

static void on_data(void *arg, struct nc_str piece)
{
    struct ask *a = arg;
    struct nc_sse_event event;

    if (!a->piecewise) {
        if (a->in.n + piece.n <= LINE_MAX)
            nc_buf_adds(&a->in, piece);
        return;
    }
    while (!a->over && !a->finished && nc_sse_next(&a->sse, &piece, &event) == NC_OK)
        take(a, event.data);
    fflush(stdout);
}

static void on_head(void *arg, unsigned status)
{
    struct ask *a = arg;
    struct nc_str type = nc_http_call_header(a->http, "Content-Type");

    a->piecewise = status == 200 && nc_str_starts(type, NC_STR("text/event-stream"));
}

static void start(struct ask *a);

/* The whole answer, as an object of the API or as its text. */
static void whole(struct ask *a)
{
    json_t *root = json_loadb(a->in.p ? a->in.p : "", a->in.n, 0, NULL);

    if (root && a->c->cfg->json) {
        nc_client_printed(a->c, root);
        a->last = '\n';
    } else {
        take(a, nc_buf_str(&a->in));
    }
    json_decref(root);
    if (!a->over)
        end(a, NC_EXIT_OK);
}

static void refused(struct ask *a, unsigned status)
{
    json_t *root = json_loadb(a->in.p ? a->in.p : "", a->in.n, 0, NULL);
    const char *why =
        json_string_value(json_object_get(json_object_get(root, "error"), "message"));
    char words[64];
    struct nc_buf clean = {0};

    snprintf(words, sizeof words, "%s %u", nc_word(NC_W_STATUS), status);
    nc_text_clean(&clean, nc_str(why ? why : words), false);
    nc_buf_addc(&clean, '\0');
    fail(a, clean.p);
    nc_buf_fini(&clean);
    json_decref(root);
}

static void on_end(void *arg, enum nc_err e, const char *why)
{
    struct ask *a = arg;
    unsigned status = e == NC_OK ? nc_http_call_status(a->http) : 0;
    char words[400];

    a->http = NULL;
    if (a->stopped) {
        fail(a, nc_word(NC_W_CANCELLED));
    } else if (a->over) {
        nc_loop_stop(a->c->loop);
    } else if (e != NC_OK) {
        snprintf(words, sizeof words, "%s %s (%s)", nc_word(NC_W_UNREACHABLE),
                 a->c->api->url, why ? why : nc_strerr(e));
        fail(a, words);
    } else if (status == 401 && !a->again) {
        a->again = true;
        nc_session_stale(&a->c->api->session, a->generation);
        start(a);
    } else if (status != 200) {
        refused(a, status);
    } else if (!a->piecewise) {
        whole(a);
    } else if (!a->finished) {
        fail(a, nc_word(NC_W_FAILED));
    } else {
        end(a, NC_EXIT_OK);
    }
}

/* ---- asking --------------------------------------------------------------- */

static void on_token(struct nc_token_wait *w, enum nc_err e)
{
    static const struct nc_http_call_ops ops = {
        .head = on_head, .data = on_data, .end = on_end};
    struct ask *a = nc_of(w, struct ask, wait);
    struct nc_api *api = a->c->api;
    struct nc_buf url = {0}, token = {0};

    if (e != NC_OK || a->stopped) {
        fail(a, nc_word(e == NC_EACCESS ? NC_W_LOGIN_OVER : NC_W_CANCELLED));
        return;
    }
    nc_buf_printf(&url, "%s/v1/chat/completions", api->url);
    nc_buf_addc(&url, '\0');
    nc_buf_printf(&token, "Authorization: Bearer %s", api->session.tokens.access);
    nc_buf_addc(&token, '\0');
    static const char agent[] = "User-Agent: neuralchat/" NC_VERSION;
    const char *headers[] = {agent, nc_words_header(), "Content-Type: application/json",
                             token.p, NULL};
    a->generation = api->session.generation;
    nc_buf_clear(&a->in);
    a->http =
        nc_http_call_start(api->http,
                           &(struct nc_http_call_opts){
                               .method = "POST",
                               .url = url.p,
                               .headers = headers,
                               .body = nc_buf_str(&a->body),
                               .ca_file = api->ca_file,
                               .connect_ms = CONNECT_MS,
                               .first_byte_ms = WHOLE_MS,
                               /* a stream is never silent for so long: comments come */
                               .idle_ms = IDLE_MS,
                           },
                           &ops, a);
    nc_wipe(token.p, token.n);
    nc_buf_fini(&token);
    nc_buf_fini(&url);
}

static void start(struct ask *a)
{
    a->wait = (struct nc_token_wait){.done = on_token};
    nc_session_wait(&a->c->api->session, &a->wait);
}

static void say(struct nc_json *j, const char *role, struct nc_str content)
{
    nc_json_obj(j);
    nc_json_kstr(j, "role", nc_str(role));
    nc_json_kstr(j, "content", content);
    nc_json_obj_end(j);
}

static void write_body(const struct nc_client *c, struct nc_str text, struct nc_buf *out)
{
    struct nc_json j = nc_json_to(out);

    nc_json_obj(&j);
    nc_json_kstr(&j, "model", nc_str(c->args[0]));
    nc_json_key(&j, "messages");
    nc_json_arr(&j);
    if (*c->cfg->system)
        say(&j, "system", nc_str(c->cfg->system));
    say(&j, "user", text);
    nc_json_arr_end(&j);
    nc_json_kbool(&j, "stream", !c->cfg->no_stream && !c->cfg->json);
    nc_json_obj_end(&j);
}

static void on_signal(void *arg, int signum)
{
    struct ask *a = arg;

    (void)signum;
    a->stopped = true;
    if (a->http)
        nc_http_call_cancel(a->http);
}

int nc_cmd_ask(struct nc_client *c)
{
    struct ask a = {.c = c, .rc = NC_EXIT_FAILED, .sse = {.limit = LINE_MAX}};
    struct nc_buf text = {0};

    if (!nc_utf8_valid(nc_str(c->args[0])) || !nc_utf8_valid(nc_str(c->cfg->system))) {
        nc_client_fail("%s", nc_word(NC_W_NOT_UTF8));
        return NC_EXIT_USAGE;
    }
    if (!nc_client_text(c->args[1], &text)) {
        nc_buf_fini(&text);
        return NC_EXIT_FAILED;
    }
    write_body(c, nc_buf_str(&text), &a.body);
    nc_buf_fini(&text);
    if (nc_loop_signal(c->loop, SIGINT, on_signal, &a) == NC_OK &&
        nc_loop_signal(c->loop, SIGTERM, on_signal, &a) == NC_OK) {
        start(&a);
        while (!a.over || a.http)
            nc_loop_run(c->loop);
    }
    signal(SIGINT, SIG_DFL); /* `a` is about to go */
    signal(SIGTERM, SIG_DFL);
    if (a.rc == NC_EXIT_OK && a.last && a.last != '\n')
        putchar('\n');
    nc_sse_fini(&a.sse);
    nc_buf_fini(&a.body);
    nc_buf_fini(&a.in);
    return a.rc;
}
