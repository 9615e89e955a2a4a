#include "client/follow.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/ai_words.h"
#include "client/live.h"
#include "client/model_parts.h"

enum {
    LOOK_MS = 400,   /* between looks at the jobs, while nothing comes */
    PATIENCE = 5,    /* so many, for a job to be there at all */
    ANSWERS_MAX = 8, /* personas that one message asks */
};

struct nc_follow {
    struct nc_client *c;
    struct nc_live *live;
    struct nc_model model;
    struct nc_model_room *room;      /* NULL until it is known what is waited for */
    struct nc_id question, job, one; /* one: of nc_follow_again, the answer */
    int64_t old_run;                 /* its run before; -1: any is new */
    json_t *held;                    /* events that came before */
    json_t *raw;                     /* the messages as they came, by id */
    struct nc_id done[ANSWERS_MAX];
    size_t done_n;
    struct nc_id current; /* the one that is printed */
    int64_t run;
    struct nc_buf printed; /* of it */
    struct nc_deadline look, lost;
    unsigned looks; /* that found nothing */
    bool looking, stopping, online, over;
    int rc;
};

static void end(struct nc_follow *f, int rc)
{
    f->over = true;
    f->rc = rc;
    nc_loop_stop(f->c->loop);
}

static void fail(struct nc_follow *f, const char *words)
{
    nc_client_fail("%s", words);
    end(f, NC_EXIT_FAILED);
}

/* ---- printing ---------------------------------------------------------------- */

static bool is_done(const struct nc_follow *f, const struct nc_model_message *x)
{
    for (size_t i = 0; i < f->done_n; i++)
        if (nc_id_eq(&f->done[i], &x->id))
            return true;
    return false;
}

static bool is_ours(const struct nc_follow *f, const struct nc_model_message *x)
{
    if (nc_id_eq(&x->id, &f->current))
        return true; /* also when it is deleted, and nothing else says so any more */
    if (x->sender_kind != NC_SENDER_PERSONA || x->run <= f->old_run)
        return false;
    return nc_id_zero(&f->question) ? nc_id_eq(&x->id, &f->one)
                                    : nc_id_eq(&x->ai.question, &f->question) ||
                                          nc_id_eq(&x->reply_to, &f->question);
}

static void end_line(const struct nc_follow *f)
{
    if (f->printed.n && f->printed.p[f->printed.n - 1] != '\n')
        putchar('\n');
    fflush(stdout);
}

/* What is new of it.  What was printed can't be taken back: if the answer is another one
 * now, that is said, and it stands below. */
static void print_more(struct nc_follow *f, const struct nc_model_message *x)
{
    struct nc_str text = nc_buf_str(&x->text);

    if (x->run != f->run || !nc_str_starts(text, nc_buf_str(&f->printed))) {
        if (f->printed.n) {
            end_line(f);
            fprintf(stderr, "neuralchat: %s\n", nc_word(NC_W_BEGINS_ANEW));
        }
        nc_buf_clear(&f->printed);
        f->run = x->run;
    }
    if (text.n == f->printed.n)
        return;
    fwrite(text.p + f->printed.n, 1, text.n - f->printed.n, stdout);
    nc_buf_adds(&f->printed, (struct nc_str){text.p + f->printed.n, text.n - f->printed.n});
    if (fflush(stdout) != 0 || ferror(stdout))
        end(f, NC_EXIT_FAILED); /* whoever read us has gone */
}

static void print_end(struct nc_follow *f, const struct nc_model_message *x)
{
    char id[NC_ID_TEXT + 1] = "";
    const char *reason = nc_say_reason(&x->ai);

    nc_id_text(&x->id, id);
    if (!nc_client_printed(f->c, json_object_get(f->raw, id))) {
        print_more(f, x);
        end_line(f);
    }
    nc_buf_clear(&f->printed);
    f->current = (struct nc_id){0};
    if (f->done_n < ANSWERS_MAX)
        f->done[f->done_n++] = x->id;
    if (x->state == NC_ANSWER_COMPLETE && !x->deleted)
        return;
    f->rc = NC_EXIT_FAILED;
    if (x->deleted)
        nc_client_fail("%s", nc_word(NC_W_ANSWER_DELETED));
    else
        nc_client_fail("%s%s%s",
                       nc_word(x->state == NC_ANSWER_STOPPED ? NC_W_STOPPED : NC_W_FAILED),
                       *reason ? ": " : "", reason);
}

static void look_soon(struct nc_follow *f)
{
    if (!f->over && !f->looking && !f->look.due)
        nc_loop_deadline(f->c->loop, &f->look, LOOK_MS);
}

/* One after the other: the others wait until the one that is printed has ended. */
static void print_all(struct nc_follow *f)
{
    bool whole = f->c->cfg->no_stream || f->c->cfg->json;
    struct nc_model_message *x = NULL;

    for (size_t i = 0; i < f->room->n && !f->over; i++) {
        x = f->room->messages[i];
        if (!is_ours(f, x) || is_done(f, x) ||
            (!nc_id_zero(&f->current) && !nc_id_eq(&f->current, &x->id)))
            continue;
        if (nc_id_zero(&f->current)) {
            f->current = x->id;
            f->run = x->run;
        }
        if (x->state == NC_ANSWER_STREAMING && !x->deleted) {
            if (!whole)
                print_more(f, x);
            return;
        }
        print_end(f, x);
        i = SIZE_MAX; /* from the first one again */
    }
    if (f->over)
        return;
    if (nc_id_zero(&f->question) && f->done_n)
        end(f, f->rc);
    else
        look_soon(f); /* is there another? */
}

/* ---- the jobs ------------------------------------------------------------------ */

static bool is_our_job(const struct nc_follow *f, const json_t *job)
{
    struct nc_id id;

    if (!nc_id_zero(&f->job))
        return nc_model_id(job, "id", &id) && nc_id_eq(&id, &f->job);
    return nc_model_id(job, "question", &id) && nc_id_eq(&id, &f->question);
}

static void nothing_comes(struct nc_follow *f, const json_t *last)
{
    char *reason = last ? nc_model_clean(nc_model_str(last, "reason")) : NULL;

    if (f->done_n)
        end(f, f->rc);
    else if (++f->looks < PATIENCE)
        look_soon(f);
    else if (!last)
        fail(f, nc_word(NC_W_NOBODY_ASKED));
    else
        fail(f, *reason ? reason : nc_word(NC_W_STOPPED));
    free(reason);
}

static void on_jobs(void *arg, const struct nc_answer *a)
{
    struct nc_follow *f = arg;
    const json_t *last = NULL;
    bool living = false;
    json_t *job;
    size_t i;

    if (a->err == NC_ECLOSED || f->over)
        return;
    f->looking = false;
    if (nc_answer_passing(a)) {
        look_soon(f);
        return;
    }
    if (!nc_answer_ok(a)) {
        fail(f, a->detail);
        return;
    }
    json_array_foreach(json_object_get(a->body, "jobs"), i, job)
    {
        struct nc_str state = nc_model_str(job, "state");
        if (!is_our_job(f, job))
            continue;
        living = living || nc_str_eqz(state, "queued") || nc_str_eqz(state, "running");
        last = job;
    }
    if (living)
        look_soon(f);
    else if (nc_id_zero(&f->current))
        nothing_comes(f, last);
}

static void on_look(struct nc_deadline *d)
{
    struct nc_follow *f = nc_of(d, struct nc_follow, look);

    f->looking = true;
    nc_api_call(f->c->api, &(struct nc_api_ask){"GET", "/api/v1/jobs", {0}, 0}, on_jobs, f);
}

/* ---- live ---------------------------------------------------------------------- */

static void remember(struct nc_follow *f, json_t *message)
{
    const char *id = json_string_value(json_object_get(message, "id"));

    if (id && f->c->cfg->json)
        json_object_set(f->raw, id, message);
}

static void take(struct nc_follow *f, json_t *event)
{
    struct nc_model_room *room = NULL;

    remember(f, json_object_get(event, "message"));
    nc_model_event(&f->model, 0, event, nc_mono_ms(), NULL, &room);
    if (room == f->room)
        print_all(f);
    if (f->c->cfg->verbose && room && room->ai.waiting_n &&
        nc_str_eqz(nc_model_str(event, "type"), "job.updated")) {
        struct nc_buf words = {0};
        nc_say_waiting(&words, &room->ai, &room->ai.waiting[room->ai.waiting_n - 1],
                       nc_mono_ms());
        fprintf(stderr, "neuralchat: %.*s\n", NC_FMT(nc_buf_str(&words)));
        nc_buf_fini(&words);
    }
}

static void on_event(void *arg, json_t *event)
{
    struct nc_follow *f = arg;

    if (f->over)
        return;
    if (f->room)
        take(f, event);
    else
        json_array_append(f->held, event);
}

static void on_page(void *arg, const struct nc_answer *a)
{
    struct nc_follow *f = arg;
    json_t *one;
    size_t i;

    if (a->err == NC_ECLOSED || f->over || !nc_answer_ok(a))
        return; /* if the line is bad, the next resync asks again */
    json_array_foreach(json_object_get(a->body, "messages"), i, one) remember(f, one);
    nc_model_take_page(&f->model, 0, f->room, a->body, false);
    print_all(f);
}

/* Something was missed that is not replayed: what is there now. */
static void on_resync(void *arg)
{
    struct nc_follow *f = arg;
    char path[160], room[NC_ID_TEXT], id[NC_ID_TEXT];
    bool again = nc_id_zero(&f->question);

    if (!f->room)
        return;
    nc_id_text(&f->room->id, room);
    nc_id_text(again ? &f->one : &f->question, id);
    snprintf(path, sizeof path, "/api/v1/rooms/%.*s/messages?%s=%.*s&limit=200", NC_ID_TEXT,
             room, again ? "around" : "after", NC_ID_TEXT, id);
    nc_api_call(f->c->api, &(struct nc_api_ask){"GET", path, {0}, 0}, on_page, f);
}

static void on_lost(struct nc_deadline *d)
{
    struct nc_follow *f = nc_of(d, struct nc_follow, lost);
    char words[400];

    snprintf(words, sizeof words, "%s %s", nc_word(NC_W_UNREACHABLE), f->c->api->url);
    fail(f, words);
}

static void on_state(void *arg, enum nc_live_state s, const char *why)
{
    struct nc_follow *f = arg;

    (void)why;
    if (s == NC_LIVE_ONLINE) {
        f->online = true;
        nc_loop_deadline(f->c->loop, &f->lost, 0);
        nc_loop_stop(f->c->loop);
    } else if (s == NC_LIVE_PAUSE && !f->lost.due) {
        nc_loop_deadline(f->c->loop, &f->lost, f->c->cfg->timeout);
    } else if (s == NC_LIVE_OVER) {
        fail(f, nc_word(NC_W_LOGIN_OVER));
    }
}

/* ---- from start to end ----------------------------------------------------------- */

static void on_signal(void *arg, int signum)
{
    struct nc_follow *f = arg;
    char frame[128], id[NC_ID_TEXT];

    (void)signum;
    nc_id_text(nc_id_zero(&f->question) ? &f->one : &f->question, id);
    snprintf(frame, sizeof frame, "{\"type\":\"stop\",\"message_id\":\"%.*s\"}", NC_ID_TEXT,
             id);
    if (f->stopping || !f->room || nc_live_send(f->live, nc_str(frame)) != NC_OK)
        fail(f, nc_word(NC_W_CANCELLED));
    f->stopping = true;
}

struct nc_follow *nc_follow_new(struct nc_client *c)
{
    static const struct nc_live_ops ops = {
        .state = on_state, .event = on_event, .resync = on_resync};
    struct nc_follow *f = nc_alloc(sizeof *f);

    *f = (struct nc_follow){.c = c,
                            .old_run = -1,
                            .held = json_array(),
                            .raw = json_object(),
                            .look.fire = on_look,
                            .lost.fire = on_lost};
    nc_model_me(&f->model, 0, &c->api->session.tokens.user,
                c->api->session.tokens.username);
    if (nc_loop_signal(c->loop, SIGINT, on_signal, f) == NC_OK &&
        nc_loop_signal(c->loop, SIGTERM, on_signal, f) == NC_OK &&
        (f->live = nc_live_new(c->api, &ops, f))) {
        nc_loop_deadline(c->loop, &f->lost, c->cfg->timeout);
        nc_live_start(f->live);
        while (!f->online && !f->over)
            nc_loop_run(c->loop);
    }
    if (f->online)
        return f;
    nc_follow_free(f);
    return NULL;
}

void nc_follow_free(struct nc_follow *f)
{
    if (!f)
        return;
    signal(SIGINT, SIG_DFL); /* `f` is about to go */
    signal(SIGTERM, SIG_DFL);
    f->over = true;
    nc_loop_deadline(f->c->loop, &f->look, 0);
    nc_loop_deadline(f->c->loop, &f->lost, 0);
    nc_live_free(f->live);
    nc_model_fini(&f->model);
    nc_buf_fini(&f->printed);
    json_decref(f->held);
    json_decref(f->raw);
    free(f);
}

static int run(struct nc_follow *f, const struct nc_id *room, const json_t *message)
{
    char id[NC_ID_TEXT + 1] = "";
    json_t *event, *page;
    size_t i;

    nc_id_text(room, id);
    event = json_pack("{s:s, s:s, s:s}", "id", id, "kind", "room", "name", "");
    f->room = nc_model_take_room(&f->model, 0, event);
    json_decref(event);
    if (message) {
        page = json_pack("{s:[O]}", "messages", message);
        nc_model_take_page(&f->model, 0, f->room, page, false);
        json_decref(page);
        f->old_run = f->room->n ? f->room->messages[0]->run : -1;
    }
    json_array_foreach(f->held, i, event)
    {
        if (!f->over)
            take(f, event);
    }
    json_array_clear(f->held);
    look_soon(f);
    while (!f->over)
        nc_loop_run(f->c->loop);
    end_line(f);
    return f->rc;
}

int nc_follow_question(struct nc_follow *f, const struct nc_id *room,
                       const struct nc_id *question)
{
    f->question = *question;
    return run(f, room, NULL);
}

int nc_follow_again(struct nc_follow *f, const json_t *message, const struct nc_id *job)
{
    struct nc_id room;

    f->job = *job;
    if (!nc_model_id(message, "id", &f->one) || !nc_model_id(message, "room", &room))
        return nc_client_fail("%s", nc_word(NC_W_BAD_ANSWER));
    return run(f, &room, message);
}
