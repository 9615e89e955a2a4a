/*
 * send ROOM TEXT: over REST, with a client_id made once, so that trying again after a lost
 * answer, or at another server of the same rooms, never says anything twice.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/utf8.h"
#include "client/client.h"
#include "client/commands.h"
#include "client/follow.h"
#include "client/live.h"
#include "wire/json.h"

enum { TEXT_MAX = 1u << 20 };

bool nc_client_text(const char *arg, struct nc_buf *out)
{
    if (strcmp(arg, "-") != 0) {
        nc_buf_adds(out, nc_str(arg));
    } else {
        ssize_t n;
        while (out->n <= TEXT_MAX) {
            n = read(STDIN_FILENO, nc_buf_reserve(out, 4096), 4096);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                break;
            nc_buf_grew(out, (size_t)n);
        }
        while (out->n && (out->p[out->n - 1] == '\n' || out->p[out->n - 1] == '\r'))
            out->n--;
    }
    if (out->n == 0)
        nc_client_fail("%s", nc_word(NC_W_EMPTY_TEXT));
    else if (out->n > TEXT_MAX)
        nc_client_fail("%s", nc_word(NC_W_TOO_LONG));
    else if (!nc_utf8_valid(nc_buf_str(out)))
        nc_client_fail("%s", nc_word(NC_W_NOT_UTF8));
    else
        return true;
    return false;
}

static void write_body(struct nc_buf *b, struct nc_str text, const struct nc_id *reply_to)
{
    struct nc_json j = nc_json_to(b);
    struct nc_id client_id = nc_id_random();

    nc_json_obj(&j);
    nc_json_kstr(&j, "text", text);
    nc_json_kid(&j, "client_id", &client_id);
    if (!nc_id_zero(reply_to))
        nc_json_kid(&j, "reply_to", reply_to);
    nc_json_obj_end(&j);
}

static void pause_before(struct nc_client *c, unsigned attempt, unsigned retry_after_s)
{
    uint32_t random;

    nc_entropy(&random, sizeof random);
    uint64_t ms = nc_live_backoff_ms(attempt, random);
    if (ms < retry_after_s * 1000ull)
        ms = retry_after_s * 1000ull;
    nc_client_pause(c, ms);
}

static int report(struct nc_client *c, const struct nc_answer *a)
{
    const json_t *notice = json_object_get(a->body, "notice");

    if (nc_client_printed(c, a->body))
        return NC_EXIT_OK;
    if (notice) /* a command's answer */
        nc_client_print_text(stdout, json_object_get(notice, "text"));
    else if (c->cfg->verbose)
        puts(nc_client_cell(a->body, "id"));
    return NC_EXIT_OK;
}

/* What was said has asked somebody, maybe: the exit status is how they answer. */
static int wait_answer(struct nc_client *c, struct nc_follow *f, const struct nc_id *room,
                       const struct nc_answer *a)
{
    const char *id = json_string_value(json_object_get(a->body, "id"));
    struct nc_id question;

    if (!id || nc_id_parse(nc_str(id), &question) != NC_OK)
        return report(c, a); /* a command: its notice is the answer */
    if (c->cfg->verbose)
        fprintf(stderr, "neuralchat: %s\n", id);
    return nc_follow_question(f, room, &question);
}

/* To the first that takes it.  All get the same client_id: one that had it already, and
 * could not say so, has it once.  False: nobody took it; what matters more of the answers,
 * that it is refused or that it may work later, is in `out`. */
static bool send_once(struct nc_client *c, const char *path, struct nc_str body,
                      struct nc_answer *out)
{
    for (size_t i = 0; i < c->apis_n; i++) {
        struct nc_answer a;
        if (c->apis_n > 1 &&
            !(c->cfg->wait_answer ? c->apis[i] == c->api : (c->holders & 1u << i) != 0))
            continue;
        nc_api_wait(c->apis[i], &(struct nc_api_ask){"POST", path, body, 0}, &a);
        bool better = nc_answer_ok(&a) || !out->detail[0] || nc_answer_passing(&a);
        if (better) {
            nc_answer_fini(out);
            *out = a;
        } else {
            nc_answer_fini(&a);
        }
        if (nc_answer_ok(out)) {
            c->api = c->apis[i];
            return true;
        }
    }
    return false;
}

int nc_cmd_send(struct nc_client *c)
{
    struct nc_follow *follow = NULL;
    uint64_t give_up_ms = nc_mono_ms() + c->cfg->timeout;
    struct nc_buf text = {0}, body = {0};
    struct nc_id room, reply_to = {0};
    struct nc_answer a = {0};
    char path[128], id[NC_ID_TEXT];
    int rc = NC_EXIT_FAILED;

    if (*c->cfg->reply_to && nc_id_parse(nc_str(c->cfg->reply_to), &reply_to) != NC_OK) {
        nc_client_fail_word(NC_W_BAD_ID, c->cfg->reply_to);
        return NC_EXIT_USAGE;
    }
    if (!nc_client_text(c->args[1], &text) || !nc_client_room(c, c->args[0], &room) ||
        (c->cfg->wait_answer && !(follow = nc_follow_new(c))))
        goto done;
    write_body(&body, nc_buf_str(&text), &reply_to);
    nc_id_text(&room, id);
    snprintf(path, sizeof path, "/api/v1/rooms/%.*s/messages", NC_ID_TEXT, id);
    for (unsigned attempt = 0;; attempt++) {
        if (send_once(c, path, nc_buf_str(&body), &a) || !nc_answer_passing(&a) ||
            nc_mono_ms() >= give_up_ms)
            break;
        pause_before(c, attempt, a.retry_after_s);
        nc_answer_fini(&a);
    }
    if (!nc_answer_ok(&a))
        nc_client_fail("%s", a.detail);
    else
        rc = follow ? wait_answer(c, follow, &room, &a) : report(c, &a);
done:
    nc_follow_free(follow);
    nc_answer_fini(&a);
    nc_buf_fini(&text);
    nc_buf_fini(&body);
    return rc;
}
