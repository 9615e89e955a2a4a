/* A dialog's title, from its first exchange, by the model that answered; by the first
 * words of the question where that gives none. */
#include <stdlib.h>
#include <string.h>

#include "ai/job.h"
#include "ai/room_ai.h"
#include "ai/tokens.h"
#include "base/utf8.h"
#include "chat/rooms/dialog.h"

#define LATEST_MS (20u * 1000)
#define TOKENS 200 /* some think before they speak */
#define WORDS 6
#define TITLE_CHARS 60
#define TITLE_BYTES 1024 /* of the model's, before it is cut */

static const char prompt[] =
    "Give the conversation that follows a title of at most six words, in the language of "
    "its question. Answer with the title alone: no quotes, no full stop.";

struct title {
    struct nc_list node; /* ai->titles */
    struct nc_ai *ai;
    struct nc_id room, asker, persona;
    char *question;
    struct nc_choice choice;
    struct nc_llm_ask ask;
    struct nc_buf text;
    uint64_t asked_tokens;
    struct nc_deadline late;
};

/* ---- of a text, a title ------------------------------------------------------- */

static bool is_wrapping(uint32_t c)
{
    static const uint32_t around[] = {'"',  '\'', '*', '#',    '`',    '.',   0xAB,
                                      0xBB, ' ',  '_', 0x201C, 0x201D, 0x201E};

    for (size_t i = 0; i < NC_COUNT(around); i++)
        if (c == around[i])
            return true;
    return c <= ' ' || c == NC_UTF8_BAD || nc_utf8_unseen(c);
}

/* The first line's first words, without what stands around them. */
static void clean(struct nc_str in, struct nc_buf *out)
{
    unsigned words = 1, chars = 0;
    size_t end = 0; /* of what is no wrapping */
    bool gap = false;

    while (in.n) {
        struct nc_str at = in;
        uint32_t c = nc_utf8_next(&in);
        if (c == '\n' && out->n)
            break;
        if (out->n == 0 && is_wrapping(c))
            continue;
        if (c == ' ' || c == '\t' || c == '\n' || nc_utf8_unseen(c)) {
            gap = true;
            continue;
        }
        if (gap && ++words > WORDS)
            break;
        if (++chars + gap > TITLE_CHARS)
            break;
        if (gap)
            nc_buf_addc(out, ' ');
        gap = false;
        nc_buf_add(out, at.p, at.n - in.n);
        if (!is_wrapping(c))
            end = out->n;
    }
    out->n = end;
}

static void set_title(struct nc_ai *ai, const struct nc_id *room, struct nc_str text,
                      struct nc_str question)
{
    struct nc_room *r = nc_room_find(ai->o.chat, room);
    struct nc_buf b = {0};

    clean(text, &b);
    if (!b.n)
        clean(question, &b);
    if (r && b.n)
        nc_dialog_title(ai->o.chat, r, nc_buf_str(&b));
    nc_buf_fini(&b);
}

/* ---- asking for one ------------------------------------------------------------- */

static void on_text(struct nc_llm_ask *a, enum nc_llm_channel ch, struct nc_str piece)
{
    struct title *t = nc_of(a, struct title, ask);

    if (ch == NC_LLM_TEXT && t->text.n + piece.n <= TITLE_BYTES)
        nc_buf_adds(&t->text, piece);
}

static void count_usage(struct title *t, const struct nc_llm_end *end)
{
    struct nc_usage use = {.user = t->asker,
                           .room = t->room,
                           .persona = t->persona,
                           .provider = nc_str(nc_source_name(t->choice.source)),
                           .model = end->model.n ? end->model : nc_str(t->choice.model),
                           .requests = 1,
                           .prompt_tokens = end->prompt_tokens,
                           .completion_tokens = end->completion_tokens};

    if (end->e != NC_OK && !t->text.n)
        return;
    if (!end->has_usage) {
        use.prompt_tokens = t->asked_tokens;
        use.completion_tokens = nc_tokens_guess(nc_buf_str(&t->text));
        use.estimated = use.prompt_tokens + use.completion_tokens;
    }
    nc_usage_add(t->ai->usages, &use);
}

static void on_end(struct nc_llm_ask *a, const struct nc_llm_end *end)
{
    struct title *t = nc_of(a, struct title, ask);

    nc_list_del(&t->node);
    nc_loop_deadline(t->ai->o.loop, &t->late, 0);
    if (!t->ai->closing) {
        count_usage(t, end);
        set_title(t->ai, &t->room, end->e == NC_OK ? nc_buf_str(&t->text) : NC_STR(""),
                  nc_str(t->question));
    }
    nc_source_leave(&t->choice);
    nc_buf_fini(&t->text);
    free(t->question);
    free(t);
}

static void stop(struct title *t)
{
    struct nc_provider *p = nc_source_provider(t->choice.source);

    if (p)
        p->ops->stop(p, &t->ask);
}

static void on_late(struct nc_deadline *d) { stop(nc_of(d, struct title, late)); }

static void ask(struct title *t, struct nc_str answer, enum nc_destination furthest)
{
    struct nc_provider *p = nc_source_provider(t->choice.source);
    struct nc_buf talk = {0};
    size_t cut =
        nc_utf8_boundary(answer, answer.n < NC_QUESTION_HEAD ? answer.n : NC_QUESTION_HEAD);

    nc_buf_printf(&talk, "Question: %s\n\nAnswer: %.*s", t->question, (int)cut, answer.p);
    struct nc_llm_message messages[] = {{NC_LLM_SYSTEM, {0}, nc_str(prompt)},
                                        {NC_LLM_USER, {0}, nc_buf_str(&talk)}};
    t->asked_tokens = nc_tokens_guess(nc_buf_str(&talk)) + nc_tokens_guess(nc_str(prompt));
    t->ask = (struct nc_llm_ask){.model = nc_str(t->choice.model),
                                 .messages = messages,
                                 .messages_n = NC_COUNT(messages),
                                 .max_tokens = TOKENS,
                                 .temperature = -1,
                                 .furthest = furthest,
                                 .text = on_text,
                                 .end = on_end};
    nc_source_enter(&t->choice);
    nc_list_add(&t->ai->titles, &t->node);
    t->late.fire = on_late;
    nc_loop_deadline(t->ai->o.loop, &t->late, LATEST_MS);
    p->ops->ask(p, &t->ask);
    nc_buf_fini(&talk);
}

void nc_title_make(struct nc_job *j, struct nc_str answer)
{
    struct nc_ai *ai = j->ai;
    const struct nc_job_rec *rec = &j->kept.rec;
    struct nc_room *r = nc_job_room(j);
    struct nc_room_ai room;
    struct nc_spender payer = {
        .user = rec->asker, .room = rec->room, .persona = rec->persona};
    struct nc_choice c;
    struct nc_problem why;

    if (!j->question[0] || !r)
        return; /* of the last run: the next exchange gives a title as well */
    nc_ai_read_room(ai, r, &room);
    enum nc_destination furthest = room.furthest;
    bool can = nc_models_choose(ai->models, rec->model, furthest, &c, &why) == NC_OK &&
               nc_source_has_room(&c) && nc_source_provider(c.source) &&
               nc_usage_may(ai->usages, &payer, &why);
    nc_room_ai_fini(&room);
    if (!can) {
        set_title(ai, &rec->room, NC_STR(""), nc_str(j->question));
        return;
    }
    struct title *t = nc_alloc(sizeof(*t));
    t->ai = ai;
    t->room = rec->room;
    t->asker = rec->asker;
    t->persona = rec->persona;
    t->question = nc_str_dup(nc_str(j->question));
    t->choice = c;
    ask(t, answer, furthest);
}

void nc_titles_end(struct nc_ai *ai)
{
    nc_list_each(n, &ai->titles) {
        stop(nc_of(n, struct title, node));
    }
}
