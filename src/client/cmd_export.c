/*
 * export ROOM: the whole history, page by page, oldest first; or the node's own writing of
 * it, as Markdown or JSON, as it comes.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "client/client.h"
#include "client/commands.h"
#include "client/glyph.h"
#include "crypto/hash.h"
#include "net/http_client.h"

enum { PAGE = 200, CONNECT_MS = 10000, REFUSAL_MAX = 1 << 16 };

/* False at the end of the output: a pipe was closed. */
static bool print_page(struct nc_client *c, const json_t *messages, struct nc_id *last)
{
    json_t *one;
    size_t i;

    json_array_foreach(messages, i, one)
    {
        const char *id = json_string_value(json_object_get(one, "id"));
        if (!id || nc_id_parse(nc_str(id), last) != NC_OK)
            continue;
        if (!nc_client_printed(c, one))
            nc_client_print_message(stdout, one);
    }
    return fflush(stdout) == 0 && !ferror(stdout);
}

static int print_pages(struct nc_client *c, const struct nc_id *room)
{
    char path[160], room_text[NC_ID_TEXT], last_text[NC_ID_TEXT];
    /* Sorts before every message, so the first page is the oldest.  (All zeros would be
     * no id at all.) */
    struct nc_id last = {.b[15] = 1};
    struct nc_answer a;
    bool more = true;

    nc_id_text(room, room_text);
    while (more) {
        struct nc_id before = last;
        nc_id_text(&last, last_text);
        snprintf(path, sizeof path, "/api/v1/rooms/%.*s/messages?after=%.*s&limit=%d",
                 NC_ID_TEXT, room_text, NC_ID_TEXT, last_text, PAGE);
        nc_api_wait(c->api, &(struct nc_api_ask){"GET", path, {0}, 0}, &a);
        if (a.status == 429) { /* the node's own pace */
            nc_answer_fini(&a);
            nc_client_pause(c, 1000);
            continue;
        }
        if (!nc_answer_ok(&a)) {
            nc_client_fail("%s", a.detail);
            nc_answer_fini(&a);
            return NC_EXIT_FAILED;
        }
        more = json_is_true(json_object_get(a.body, "has_more"));
        bool open = print_page(c, json_object_get(a.body, "messages"), &last);
        nc_answer_fini(&a);
        if (!open)
            return NC_EXIT_FAILED;
        more = more && !nc_id_eq(&before, &last);
    }
    return NC_EXIT_OK;
}

/* ---- as the node writes it ------------------------------------------------------ */

struct download {
    struct nc_client *c;
    struct nc_token_wait wait;
    struct nc_http_call *http;
    struct nc_buf in; /* what was refused; of a terminal's, bytes of half a character */
    unsigned generation;
    bool again, over, shown; /* shown: to a person, so nothing may steer the terminal */
    int rc;
    char path[128];
};

static void end(struct download *d, int rc)
{
    d->rc = rc;
    d->over = true;
    nc_loop_stop(d->c->loop);
}

static void fail(struct download *d, const char *words)
{
    nc_client_fail("%s", words);
    end(d, NC_EXIT_FAILED);
}

/* How many of the last bytes are only the beginning of a character. */
static size_t unfinished(struct nc_str s)
{
    for (size_t back = 1; back <= 3 && back <= s.n; back++) {
        unsigned char c = (unsigned char)s.p[s.n - back];
        if (c >= 0xc0)
            return (c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : 2u) > back ? back : 0;
        if (c < 0x80)
            return 0;
    }
    return 0;
}

static void show(struct download *d, struct nc_str piece)
{
    struct nc_buf clean = {0};

    nc_buf_adds(&d->in, piece);
    size_t n = d->in.n - unfinished(nc_buf_str(&d->in));
    nc_text_clean(&clean, (struct nc_str){d->in.p, n}, true);
    nc_buf_consume(&d->in, n);
    if (clean.n)
        fwrite(clean.p, 1, clean.n, stdout);
    nc_buf_fini(&clean);
}

static void on_data(void *arg, struct nc_str piece)
{
    struct download *d = arg;

    if (nc_http_call_status(d->http) != 200) {
        if (d->in.n + piece.n <= REFUSAL_MAX)
            nc_buf_adds(&d->in, piece);
        return;
    }
    if (d->shown)
        show(d, piece);
    else
        fwrite(piece.p, 1, piece.n, stdout);
    if (ferror(stdout))
        nc_http_call_cancel(d->http); /* whoever read us has gone */
}

static void start(struct download *d);

static void refused(struct download *d, unsigned status)
{
    json_t *root = json_loadb(d->in.p ? d->in.p : "", d->in.n, 0, NULL);
    const char *detail = json_string_value(json_object_get(root, "detail"));
    char words[64];

    snprintf(words, sizeof words, "%s %u", nc_word(NC_W_STATUS), status);
    fail(d, detail ? nc_client_cell(root, "detail") : words);
    json_decref(root);
}

static void on_end(void *arg, enum nc_err e, const char *why)
{
    struct download *d = arg;
    unsigned status = nc_http_call_status(d->http);
    char words[400];

    d->http = NULL;
    if (e == NC_ECLOSED) {
        end(d, NC_EXIT_FAILED);
    } else if (e != NC_OK) {
        snprintf(words, sizeof words, "%s %s (%s)", nc_word(NC_W_UNREACHABLE),
                 d->c->api->url, why ? why : nc_strerr(e));
        fail(d, words);
    } else if (status == 401 && !d->again) {
        d->again = true;
        nc_session_stale(&d->c->api->session, d->generation);
        start(d);
    } else if (status != 200) {
        refused(d, status);
    } else {
        end(d, NC_EXIT_OK);
    }
}

static void on_token(struct nc_token_wait *w, enum nc_err e)
{
    static const struct nc_http_call_ops ops = {.data = on_data, .end = on_end};
    struct download *d = nc_of(w, struct download, wait);
    struct nc_api *api = d->c->api;
    struct nc_buf url = {0}, token = {0};

    if (e != NC_OK) {
        fail(d, nc_word(e == NC_EACCESS ? NC_W_LOGIN_OVER : NC_W_CANCELLED));
        return;
    }
    nc_buf_printf(&url, "%s%s", api->url, d->path);
    nc_buf_addc(&url, '\0');
    nc_buf_printf(&token, "Authorization: Bearer %s", api->session.tokens.access);
    nc_buf_addc(&token, '\0');
    const char *headers[] = {"User-Agent: neuralchat/" NC_VERSION, nc_words_header(),
                             token.p, NULL};
    d->generation = api->session.generation;
    nc_buf_clear(&d->in);
    d->http = nc_http_call_start(api->http,
                                 &(struct nc_http_call_opts){.method = "GET",
                                                             .url = url.p,
                                                             .headers = headers,
                                                             .ca_file = api->ca_file,
                                                             .connect_ms = CONNECT_MS,
                                                             .max_bytes = UINT64_MAX},
                                 &ops, d);
    nc_wipe(token.p, token.n);
    nc_buf_fini(&token);
    nc_buf_fini(&url);
}

static void start(struct download *d)
{
    d->wait = (struct nc_token_wait){.done = on_token};
    nc_session_wait(&d->c->api->session, &d->wait);
}

static int download(struct nc_client *c, const struct nc_id *room)
{
    struct download d = {.c = c, .rc = NC_EXIT_FAILED, .shown = isatty(STDOUT_FILENO)};
    char id[NC_ID_TEXT];

    nc_id_text(room, id);
    snprintf(d.path, sizeof d.path, "/api/v1/rooms/%.*s/export?format=%s", NC_ID_TEXT, id,
             c->cfg->format == NC_CFG_FORMAT_JSON ? "json" : "markdown");
    start(&d);
    while (!d.over)
        nc_loop_run(c->loop);
    nc_buf_fini(&d.in);
    return d.rc;
}

int nc_cmd_export(struct nc_client *c)
{
    struct nc_id room;

    if (!nc_client_room(c, c->args[0], &room))
        return NC_EXIT_FAILED;
    return c->cfg->format == NC_CFG_FORMAT_LINES ? print_pages(c, &room)
                                                 : download(c, &room);
}
