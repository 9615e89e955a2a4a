#include "ai/context.h"

#include <stdlib.h>
#include <string.h>

#include "ai/context_text.h"
#include "ai/room_ai.h"
#include "ai/tokens.h"
#include "chat/rooms/room.h"

enum {
    PAGE = 200,           /* rows of one query */
    ROWS_MAX = 5000,      /* looked at in all, notices and failures too */
    PARENTS_MAX = 8,      /* of replies, from outside the window */
    OMITTED_MAX = 1000,   /* counted no further */
    MESSAGE_TOKENS = 4,   /* what the frame of a message costs, about */
    ANSWER_TOKENS = 1024, /* kept free for an answer where nobody says how long it may be */
    QUOTE_LONG = 2000,    /* bytes: of what the question replies to … */
    QUOTE_SHORT = 300     /* … and of what others do */
};

/* One message, with its text behind it. */
struct line {
    struct nc_list node;
    struct nc_id id, reply_to;
    bool mine; /* the persona's own */
    uint64_t tokens;
    struct nc_speech speech;
    char strs[];
};

/*
 *   the question --> what it replies to --> page after page, newest first
 *        --> what others reply to --> how many are before --> done
 */
struct nc_context_state {
    struct nc_context *x;
    struct nc_chat *chat;
    struct nc_query query;
    struct nc_id room, question, persona;
    bool dialog;
    unsigned most;            /* messages that may still be taken … */
    uint64_t left;            /* … and tokens */
    struct nc_list lines;     /* taken, oldest first */
    struct nc_list page;      /* of the page that is read */
    struct nc_list parents;   /* of replies, not taken */
    unsigned asked;           /* parents that were looked for */
    struct nc_list *reply_at; /* the line whose parent is next looked for */
    unsigned rows, dropped;
    uint64_t tokens; /* of all that was taken */
    struct nc_id oldest, page_oldest;
    bool page_begun;
    bool full; /* something did not fit */
    bool more; /* there are rows before `oldest` */
    struct nc_buf text;
    struct nc_llm_message *out;
    void (*done)(struct nc_context *x, enum nc_err e);
};

static void read_page(struct nc_context_state *s);
static void read_parents(struct nc_context_state *s);

/* ---- rows; on the reader thread, which touches only the state ---------------------- */

static void keep(char **at, struct nc_str *to, struct nc_str from)
{
    if (from.n)
        memcpy(*at, from.p, from.n);
    *to = (struct nc_str){*at, from.n};
    *at += from.n;
}

static struct line *line_new(const struct nc_context_state *s, const struct nc_message *m)
{
    struct line *l =
        nc_alloc(sizeof(*l) + m->sender_display.n + m->sender_name.n + m->body.n);
    char *at = l->strs;

    l->id = m->id;
    l->reply_to = m->reply_to;
    l->mine = nc_id_eq(&m->sender, &s->persona);
    l->speech.at_ms = m->created_ms;
    l->speech.action = m->kind == NC_ACTION;
    keep(&at, &l->speech.display, m->sender_display);
    keep(&at, &l->speech.username, m->sender_name);
    keep(&at, &l->speech.body, m->body);
    l->tokens = nc_tokens_guess(m->body) + MESSAGE_TOKENS;
    if (!s->dialog && !l->mine)
        l->tokens += nc_tokens_guess(m->sender_display) + nc_tokens_guess(m->sender_name) +
                     2 * MESSAGE_TOKENS;
    return l;
}

/* Something said, and whole: notices and commands are not, nor is what failed or still
 * grows.  Never of another room. */
static bool counts(const struct nc_context_state *s, const struct nc_message *m)
{
    return nc_id_eq(&m->room, &s->room) && !m->deleted && m->body.n &&
           m->kind != NC_NOTICE && m->sender_kind != NC_SYSTEM && !m->content_type.n &&
           (m->state == NC_COMPLETE || m->state == NC_STOPPED);
}

static void drop_first(struct nc_context_state *s)
{
    struct line *l = nc_of(nc_list_pop(&s->page), struct line, node);

    s->left += l->tokens;
    s->tokens -= l->tokens;
    s->most++;
    s->dropped++;
    s->full = true;
    free(l);
}

/* Oldest first: what comes later pushes out what came before. */
static void on_page_row(struct nc_query *q, const struct nc_row *row)
{
    struct nc_context_state *s = nc_of(q, struct nc_context_state, query);

    if (!s->page_begun)
        s->page_oldest = row->message.id;
    s->page_begun = true;
    s->rows++;
    if (!counts(s, &row->message))
        return;
    struct line *l = line_new(s, &row->message);
    nc_list_add(&s->page, &l->node);
    while ((s->most == 0 || s->left < l->tokens) && s->page.next != &l->node)
        drop_first(s);
    if (s->most == 0 || s->left < l->tokens) { /* nor do those before it, then */
        nc_list_del(&l->node);
        free(l);
        s->dropped++;
        s->full = true;
        return;
    }
    s->left -= l->tokens;
    s->tokens += l->tokens;
    s->most--;
}

static void on_one_row(struct nc_query *q, const struct nc_row *row)
{
    struct nc_context_state *s = nc_of(q, struct nc_context_state, query);

    if (counts(s, &row->message) && nc_list_empty(&s->page))
        nc_list_add(&s->page, &line_new(s, &row->message)->node);
}

/* ---- queries --------------------------------------------------------------------- */

static void ask(struct nc_context_state *s, const struct nc_query *q)
{
    s->query = *q;
    s->chat->opts.store->ops->read(s->chat->opts.store, &s->query);
}

static void ask_message(struct nc_context_state *s, const struct nc_id *id,
                        void (*done)(struct nc_query *q, enum nc_err e))
{
    ask(s, &(struct nc_query){
               .kind = NC_Q_MESSAGE, .id = *id, .row = on_one_row, .done = done});
}

/* The one that was just looked up, or NULL. */
static struct line *take_one(struct nc_context_state *s)
{
    struct nc_list *n = nc_list_pop(&s->page);

    return n ? nc_of(n, struct line, node) : NULL;
}

static struct line *find(const struct nc_list *lines, const struct nc_id *id)
{
    nc_list_each(n, lines) {
        struct line *l = nc_of(n, struct line, node);
        if (nc_id_eq(&l->id, id))
            return l;
    }
    return NULL;
}

/* ---- written down ---------------------------------------------------------------- */

/* What a line replies to is quoted where it isn't shown; and before the question also
 * where it is, but not right before it. */
static void quote(struct nc_context_state *s, const struct line *l)
{
    bool asks = l->node.next == &s->lines;
    const struct line *parent = find(&s->parents, &l->reply_to);
    const struct line *shown = find(&s->lines, &l->reply_to);

    if (l->mine || nc_id_zero(&l->reply_to) || (shown && shown->node.next == &l->node))
        return;
    if (shown && asks)
        nc_speech_quote(&shown->speech, s->dialog, QUOTE_SHORT, &s->text);
    else if (!shown && parent)
        nc_speech_quote(&parent->speech, s->dialog, asks ? QUOTE_LONG : QUOTE_SHORT,
                        &s->text);
}

/* Back ends differ in what they make of two messages of one role in a row, and some
 * refuse them, or a talk that begins with an answer: so neither is sent. */
static void write_lines(struct nc_context_state *s, size_t *ends, enum nc_llm_role *roles,
                        size_t *n)
{
    struct line *first = nc_of(s->lines.next, struct line, node);

    if (first->mine) {
        nc_buf_adds(&s->text, NC_STR("(What was said before is not shown.)"));
        roles[*n] = NC_LLM_USER;
        ends[(*n)++] = s->text.n;
    }
    nc_list_each(node, &s->lines) {
        struct line *l = nc_of(node, struct line, node);
        enum nc_llm_role role = l->mine ? NC_LLM_ASSISTANT : NC_LLM_USER;
        if (*n > 1 && roles[*n - 1] == role) {
            nc_buf_adds(&s->text, l->mine || s->dialog ? NC_STR("\n\n") : NC_STR("\n"));
            (*n)--;
        }
        quote(s, l);
        if (l->mine)
            nc_buf_adds(&s->text, l->speech.body);
        else
            nc_speech_write(&l->speech, s->dialog, &s->text);
        roles[*n] = role;
        ends[(*n)++] = s->text.n;
    }
}

static void write_all(struct nc_context_state *s)
{
    struct nc_context *x = s->x;
    size_t most = 2, n = 0, from = 0;

    nc_list_each(node, &s->lines)
        most++;
    size_t *ends = nc_alloc(most * sizeof(*ends));
    enum nc_llm_role *roles = nc_alloc(most * sizeof(*roles));

    roles[n] = NC_LLM_SYSTEM; /* it is there already */
    ends[n++] = s->text.n;
    write_lines(s, ends, roles, &n);
    s->out = nc_alloc(n * sizeof(*s->out));
    for (size_t i = 0; i < n; from = ends[i++])
        s->out[i] =
            (struct nc_llm_message){roles[i], {0}, {s->text.p + from, ends[i] - from}};
    x->messages = s->out;
    x->messages_n = n;
    x->tokens = s->tokens;
    x->omitted = s->dropped < OMITTED_MAX ? s->dropped : OMITTED_MAX;
    free(ends);
    free(roles);
}

static void end(struct nc_context_state *s, enum nc_err e)
{
    if (!e)
        write_all(s);
    s->done(s->x, e);
}

/* ---- one after the other --------------------------------------------------------- */

static void on_counted(struct nc_query *q, enum nc_err e)
{
    struct nc_context_state *s = nc_of(q, struct nc_context_state, query);

    s->dropped += (unsigned)q->count;
    end(s, e);
}

static void count_before(struct nc_context_state *s)
{
    if (!s->more || s->dropped >= OMITTED_MAX) {
        end(s, NC_OK);
        return;
    }
    ask(s, &(struct nc_query){.kind = NC_Q_BEFORE,
                              .room = s->room,
                              .before = s->oldest,
                              .limit = OMITTED_MAX,
                              .done = on_counted});
}

static void on_parent(struct nc_query *q, enum nc_err e)
{
    struct nc_context_state *s = nc_of(q, struct nc_context_state, query);
    struct line *l = take_one(s);

    if (l)
        nc_list_add(&s->parents, &l->node);
    if (e)
        end(s, e);
    else
        read_parents(s);
}

/* Newest first, for as long as there is room for them. */
static void read_parents(struct nc_context_state *s)
{
    while (s->reply_at != &s->lines && s->asked < PARENTS_MAX && s->left > QUOTE_SHORT) {
        struct line *l = nc_of(s->reply_at, struct line, node);
        s->reply_at = s->reply_at->prev;
        if (l->mine || nc_id_zero(&l->reply_to) || find(&s->lines, &l->reply_to) ||
            find(&s->parents, &l->reply_to))
            continue;
        s->asked++;
        s->left -= QUOTE_SHORT / 3;
        s->tokens += QUOTE_SHORT / 3;
        ask_message(s, &l->reply_to, on_parent);
        return;
    }
    count_before(s);
}

static void on_page(struct nc_query *q, enum nc_err e)
{
    struct nc_context_state *s = nc_of(q, struct nc_context_state, query);
    struct nc_list *before = s->lines.next; /* the page goes before all that is there */

    for (struct nc_list *n; (n = nc_list_pop(&s->page));)
        nc_list_add(before, n);
    if (e) {
        end(s, e);
        return;
    }
    if (s->page_begun)
        s->oldest = s->page_oldest;
    s->more = q->more;
    if (s->more && !s->full && s->most && s->rows < ROWS_MAX) {
        read_page(s);
        return;
    }
    s->reply_at = s->lines.prev;
    read_parents(s);
}

static void read_page(struct nc_context_state *s)
{
    unsigned limit = s->most + 10;

    s->page_begun = false;
    ask(s, &(struct nc_query){.kind = NC_Q_HISTORY,
                              .room = s->room,
                              .before = s->oldest,
                              .limit = limit < PAGE ? limit : PAGE,
                              .row = on_page_row,
                              .done = on_page});
}

static void on_question_parent(struct nc_query *q, enum nc_err e)
{
    struct nc_context_state *s = nc_of(q, struct nc_context_state, query);
    struct line *l = take_one(s);

    if (l) {
        uint64_t cost = l->tokens < QUOTE_LONG / 2 ? l->tokens : QUOTE_LONG / 2;
        nc_list_add(&s->parents, &l->node);
        s->left -= cost < s->left ? cost : s->left;
        s->tokens += cost;
    }
    if (e)
        end(s, e);
    else
        read_page(s);
}

static void on_question(struct nc_query *q, enum nc_err e)
{
    struct nc_context_state *s = nc_of(q, struct nc_context_state, query);
    struct line *l = take_one(s);

    if (e || !l) {
        free(l);
        end(s, e ? e : NC_ENOENT);
        return;
    }
    l->mine = false; /* whoever asked */
    nc_list_add(&s->lines, &l->node);
    s->oldest = l->id;
    s->most--; /* it is always given whole, even if it is all that fits */
    s->left -= l->tokens < s->left ? l->tokens : s->left;
    s->tokens += l->tokens;
    if (nc_id_zero(&l->reply_to))
        read_page(s);
    else
        ask_message(s, &l->reply_to, on_question_parent);
}

/* ---- from outside ---------------------------------------------------------------- */

/* Servers cut what is too long off at its front without a word: better to know what is
 * left out. */
static unsigned fitting(unsigned budget, unsigned answer, uint64_t room_for)
{
    uint64_t rest = answer ? answer : ANSWER_TOKENS;

    if (!room_for)
        return budget;
    if (rest > room_for / 2)
        rest = room_for / 2;
    return budget < room_for - rest ? budget : (unsigned)(room_for - rest);
}

static void settings(struct nc_context_state *s, const struct nc_room *r,
                     const struct nc_persona *p, uint64_t room_for)
{
    struct nc_context *x = s->x;
    struct nc_room_ai ai;

    nc_room_ai_read(&ai, r->rec.settings);
    x->temperature = s->dialog && ai.temperature >= 0 ? ai.temperature : p->temperature;
    x->max_tokens = s->dialog && ai.max_tokens ? ai.max_tokens : p->max_tokens;
    x->context_tokens = fitting(p->context_tokens, x->max_tokens, room_for);
    nc_speech_system(p, r->rec.name, s->dialog,
                     s->dialog && ai.system_prompt.n ? ai.system_prompt : p->system_prompt,
                     &s->text);
    nc_room_ai_fini(&ai);
    s->tokens = nc_tokens_guess(nc_buf_str(&s->text)) + MESSAGE_TOKENS;
    s->most = p->context_messages;
    s->left = x->context_tokens > s->tokens ? x->context_tokens - s->tokens : 0;
}

void nc_context_gather(struct nc_context *x, struct nc_chat *c, const struct nc_room *r,
                       const struct nc_persona *p, const struct nc_id *question,
                       uint64_t room_for, void (*done)(struct nc_context *x, enum nc_err e))
{
    struct nc_context_state *s = nc_alloc(sizeof(*s));

    *x = (struct nc_context){.state = s};
    s->x = x;
    s->chat = c;
    s->room = r->rec.id;
    s->question = *question;
    s->persona = p->user->a.id;
    s->dialog = r->rec.kind == NC_DIALOG;
    s->done = done;
    nc_list_init(&s->lines);
    nc_list_init(&s->page);
    nc_list_init(&s->parents);
    settings(s, r, p, room_for);
    ask_message(s, question, on_question);
}

static void free_lines(struct nc_list *lines)
{
    for (struct nc_list *n; (n = nc_list_pop(lines));)
        free(nc_of(n, struct line, node));
}

void nc_context_drop(struct nc_context *x)
{
    struct nc_context_state *s = x->state;

    if (!s)
        return;
    free_lines(&s->lines);
    free_lines(&s->page);
    free_lines(&s->parents);
    nc_buf_fini(&s->text);
    free(s->out);
    free(s);
    *x = (struct nc_context){0};
}
