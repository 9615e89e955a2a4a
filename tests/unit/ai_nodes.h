/*
 * Several nodes in one process, each with its store, chat and AI, and a provider that does
 * what the test says; what goes between them is carried by hand, or lost.
 */
#pragma once

#include "talk_world.h"

#include "ai/ai.h"
#include "ai/mesh.h"
#include "ai/models_parts.h"
#include "base/log.h"
#include "chat/merge.h"

#define SIDES 3

struct side {
    struct world *w;
    struct nc_ai *ai;
    struct nc_id node;
    char name[2];
    bool up;                /* it is there at all */
    uint64_t gone_ms;       /* as the others see it: for so long */
    bool cut;               /* nothing comes or goes */
    bool deaf;              /* it says only what the test says */
    bool holds;             /* its model answers when it is told to */
    struct nc_llm_ask *ask; /* that it is asked now */
    unsigned asks;
    struct nc_task answer;
};

struct word {
    struct nc_list node;
    unsigned from;
    struct nc_id to;
    char text[];
};

static struct side sides[SIDES];
static unsigned sides_n;
static unsigned pace = 10;   /* what is waited for is so many times shorter */
static struct nc_list words; /* on their way */

/* ---- a model ------------------------------------------------------------------------- */

struct scripted {
    struct nc_provider base;
    struct side *side;
};

static inline struct side *side_named(const char *name) { return &sides[name[0] - 'a']; }

/* Its answer so far, whole. */
static inline void model_says(struct side *s, const char *text)
{
    s->ask->text(s->ask, NC_LLM_TEXT, nc_str(text));
}

static inline void model_ends(struct side *s, enum nc_err e)
{
    struct nc_llm_ask *a = s->ask;
    struct nc_llm_end end = {.e = e,
                             .finish = NC_LLM_STOP,
                             .reason = "",
                             .model = NC_STR("m"),
                             .destination = NC_STR("this_node")};

    s->ask = NULL;
    a->end(a, &end);
}

static inline void on_model(struct nc_task *t)
{
    struct side *s = nc_of(t, struct side, answer);
    char text[32];

    if (!s->ask || s->holds)
        return;
    snprintf(text, sizeof(text), "answered by %s", s->name);
    model_says(s, text);
    model_ends(s, NC_OK);
}

extern const struct nc_provider_ops scripted_ops;

static inline enum nc_err scripted_open(struct nc_provider **out,
                                        const struct nc_provider_opts *o)
{
    struct scripted *p = nc_alloc(sizeof(*p));

    p->base.ops = &scripted_ops;
    p->side = side_named(o->name);
    p->side->answer.run = on_model;
    *out = &p->base;
    return NC_OK;
}

static inline void scripted_close(struct nc_provider *base)
{
    struct scripted *p = nc_of(base, struct scripted, base);

    if (p->side->ask)
        model_ends(p->side, NC_ECLOSED);
    nc_loop_undefer(p->side->w->loop, &p->side->answer);
    free(p);
}

static inline void scripted_ask(struct nc_provider *base, struct nc_llm_ask *a)
{
    struct side *s = nc_of(base, struct scripted, base)->side;

    assert_null(s->ask); /* one at a time, in these tests */
    s->ask = a;
    s->asks++;
    nc_loop_defer(s->w->loop, &s->answer);
}

/* The end follows. */
static inline void scripted_stop(struct nc_provider *base, struct nc_llm_ask *a)
{
    (void)base;
    (void)a;
}

static inline void scripted_list(struct nc_provider *base, struct nc_llm_list *l)
{
    (void)base;
    (void)l; /* nothing is known of it, which is no fault */
}

const struct nc_provider_ops scripted_ops = {.kind = "scripted",
                                             .open = scripted_open,
                                             .close = scripted_close,
                                             .ask = scripted_ask,
                                             .stop = scripted_stop,
                                             .list = scripted_list};

static inline void give_model(struct side *s)
{
    struct nc_problem why;
    json_t *in = json_pack("{s:s,s:s,s:s}", "kind", "openai", "base_url",
                           "http://127.0.0.1:9/v1", "model", "m");
    json_t *all;
    struct nc_id id = nc_id_random();

    assert_int_equal(nc_source_settings(in, NULL, &all, &why), NC_OK);
    json_decref(in);
    struct nc_source *source =
        nc_source_new(nc_ai_models(s->ai), NC_MADE, &id, s->name, all);
    source->ops = &scripted_ops;
    assert_int_equal(nc_source_open(source, NC_STR("")), NC_OK);
    nc_source_join(source);
    nc_loop_deadline(s->w->loop, &source->check_at, 0);
    source->state = NC_SOURCE_UP;
    source->destination = NC_DEST_THIS_NODE;
}

/* ---- who is there -------------------------------------------------------------------- */

static inline unsigned nodes_of(void *arg, struct nc_id *out, unsigned max)
{
    const struct side *self = arg;
    unsigned n = 0;

    for (unsigned i = 0; i < sides_n && n < max; i++)
        if (&sides[i] != self)
            out[n++] = sides[i].node;
    return n;
}

static inline uint64_t gone_ms(void *arg, const struct nc_id *which)
{
    const struct side *self = arg;

    for (unsigned i = 0; i < sides_n; i++) {
        const struct side *s = &sides[i];
        if (!nc_id_eq(which, &s->node) &&
            (!s->w || !nc_id_eq(which, &s->w->store->info.incarnation)))
            continue;
        return s == self ? 0 : self->gone_ms > s->gone_ms ? self->gone_ms : s->gone_ms;
    }
    return UINT64_MAX;
}

static inline void tell(void *arg, const struct nc_id *to, struct nc_str json)
{
    const struct side *self = arg;
    struct word *word = nc_alloc(sizeof(*word) + json.n + 1);

    word->from = (unsigned)(self - sides);
    word->to = *to;
    memcpy(word->text, json.p, json.n);
    nc_list_add(&words, &word->node);
}

static inline void carry_words(void)
{
    for (struct nc_list *n; (n = nc_list_pop(&words));) {
        struct word *word = nc_of(n, struct word, node);
        const struct side *from = &sides[word->from];
        for (unsigned i = 0; i < sides_n; i++)
            if (i != word->from && !from->cut && !sides[i].cut && !sides[i].deaf &&
                (nc_id_zero(&word->to) || nc_id_eq(&word->to, &sides[i].node)))
                nc_ai_mesh_told(sides[i].ai, &from->node, nc_str(word->text));
        free(word);
    }
}

/* ---- their logs ---------------------------------------------------------------------- */

struct carrying {
    struct nc_query q;
    struct nc_merge m;
    struct nc_merge_row rows[NC_MERGE_ROWS];
    struct nc_buf records[NC_MERGE_ROWS];
    bool done;
};

static inline void on_carried(struct nc_query *q, const struct nc_row *row)
{
    struct carrying *c = nc_of(q, struct carrying, q);
    struct nc_buf *b = &c->records[c->m.n];

    if (row->foreign.record.kind != NC_STATE_NONE)
        nc_record_bytes(&row->foreign.record, b);
    c->rows[c->m.n++] =
        (struct nc_merge_row){.ev = row->foreign.event, .record = nc_buf_str(b)};
}

static inline void on_merged_rows(struct nc_merge *m) { *(bool *)m->arg = true; }

/* How many events were new. */
static inline unsigned carry(struct side *from, struct side *to)
{
    struct carrying *c = nc_alloc(sizeof(*c));
    struct nc_id origin = from->w->store->info.incarnation;
    unsigned taken;

    c->q = (struct nc_query){.kind = NC_Q_ORIGIN,
                             .id = origin,
                             .since = nc_chat_merged(to->w->chat, &origin),
                             .limit = NC_MERGE_ROWS,
                             .row = on_carried};
    assert_int_equal(nc_store_read_now(from->w->store, &c->q), NC_OK);
    c->m.rows = c->rows;
    c->m.done = on_merged_rows;
    c->m.arg = &c->done;
    if (c->m.n) {
        nc_chat_merge(to->w->chat, &c->m);
        while (!c->done)
            turn(to->w);
    }
    taken = c->m.taken;
    for (unsigned i = 0; i < NC_MERGE_ROWS; i++)
        nc_buf_fini(&c->records[i]);
    free(c);
    return taken;
}

static inline void carry_logs(void)
{
    unsigned n;

    do {
        n = 0;
        for (unsigned i = 0; i < sides_n; i++)
            for (unsigned k = 0; k < sides_n; k++)
                if (i != k && !sides[i].cut && !sides[k].cut)
                    n += carry(&sides[i], &sides[k]);
    } while (n);
}

/* ---- time ---------------------------------------------------------------------------- */

static inline void go_on(void)
{
    for (unsigned i = 0; i < sides_n; i++)
        turn(sides[i].w);
    carry_words();
    carry_logs();
}

/* Until it is so. */
#define UNTIL(what)                                              \
    do {                                                         \
        uint64_t end_ms = nc_mono_ms() + 20000;                  \
        while (!(what)) {                                        \
            if (nc_mono_ms() > end_ms)                           \
                fail_msg("%s", "it never came to this: " #what); \
            go_on();                                             \
        }                                                        \
    } while (0)

static inline void for_ms(unsigned ms)
{
    for (uint64_t until = nc_mono_ms() + ms; nc_mono_ms() < until;)
        go_on();
}

/* ---- people and rooms ---------------------------------------------------------------- */

static inline struct nc_user *citizen(struct side *s, const char *name)
{
    struct deed d = {.ch.kind = NC_ACCOUNT_INSERT};
    struct nc_account *a = &d.ch.account;

    *a = (struct nc_account){.id = nc_id_random(),
                             .username = nc_str(name),
                             .display_name = nc_str(name),
                             .created_ms = nc_wall_ms()};
    d.ch.event = (struct nc_event){.kind = NC_EV_ACCOUNT_CREATED,
                                   .hlc = nc_hlc_now(&s->w->chat->clock),
                                   .subject = a->id};
    d.c.changes = &d.ch;
    d.c.n = 1;
    d.c.done = on_deed;
    s->w->store->ops->commit(s->w->store, &d.c);
    settle(s->w);
    return nc_user_add(s->w->chat, a);
}

static inline struct nc_room *room_at(struct side *s, const struct nc_room *r)
{
    return nc_room_find(s->w->chat, &r->rec.id);
}

/* ---- the nodes ----------------------------------------------------------------------- */

static inline void open_ai(struct side *s)
{
    struct nc_ai_opts o = {.chat = s->w->chat,
                           .loop = s->w->loop,
                           .models = {.node = s->name,
                                      .key_path = "/nonexistent/provider.key",
                                      .connect_ms = 1,
                                      .first_byte_ms = 1,
                                      .idle_ms = 1,
                                      .base_url = ""},
                           .at_once = 16,
                           .waiting_max = 256,
                           .furthest = NC_DEST_CLOUD};

    s->ai = nc_ai_new(&o);
    assert_non_null(s->ai);
    nc_ai_mesh(s->ai, &(struct nc_ai_mesh){.self = s->node,
                                           .name = s->name,
                                           .nodes = nodes_of,
                                           .gone_ms = gone_ms,
                                           .tell = tell,
                                           .arg = s,
                                           .pace = pace});
}

static inline void open_nodes(unsigned n)
{
    nc_log_level(NC_ERROR + 1);
    nc_list_init(&words);
    sides_n = n;
    for (unsigned i = 0; i < n; i++) {
        sides[i] = (struct side){.node = nc_id_random(), .name = {(char)('a' + i)}};
        sides[i].w = world_new();
    }
    for (unsigned i = 0; i < n; i++) {
        open_ai(&sides[i]);
        settle(sides[i].w);
    }
    carry_logs();
}

static inline void close_nodes(void)
{
    for (unsigned i = 0; i < sides_n; i++) {
        struct side *s = &sides[i];
        nc_ai_quiet(s->ai);
        s->w->real->close(s->w->store);
        nc_ai_free(s->ai);
        nc_chat_free(s->w->chat);
        nc_loop_free(s->w->loop);
        free(s->w);
    }
    for (struct nc_list *n; (n = nc_list_pop(&words));)
        free(nc_of(n, struct word, node));
    sides_n = 0;
}

/* ---- what is seen -------------------------------------------------------------------- */

struct answers {
    struct nc_query q;
    struct nc_id question;
    unsigned n, streaming; /* that aren't deleted */
    struct nc_message last;
    char text[256], ai[2048];
};

static inline void on_answer_row(struct nc_query *q, const struct nc_row *row)
{
    struct answers *a = nc_of(q, struct answers, q);
    const struct nc_message *m = &row->message;

    if (!nc_id_eq(&m->reply_to, &a->question) || m->deleted || !m->ai.n)
        return;
    a->n++;
    a->streaming += m->state == NC_STREAMING;
    a->last = *m;
    snprintf(a->text, sizeof(a->text), "%.*s", NC_FMT(m->body));
    snprintf(a->ai, sizeof(a->ai), "%.*s", NC_FMT(m->ai));
}

static inline struct answers answers_at(struct side *s, const struct nc_id *room,
                                        const struct nc_id *question)
{
    struct answers a = {
        .q = {.kind = NC_Q_HISTORY, .room = *room, .limit = 200, .row = on_answer_row},
        .question = *question};

    assert_int_equal(nc_store_read_now(s->w->store, &a.q), NC_OK);
    return a;
}

/* Complete answers there; any that still streams counts as none. */
static inline unsigned whole_answers(struct side *s, const struct nc_id *room,
                                     const struct nc_id *question)
{
    struct answers a = answers_at(s, room, question);

    return a.streaming ? 0 : a.n;
}

static inline void all_nodes_are_the_same(void)
{
    uint8_t first[NC_STATE_HASH], other[NC_STATE_HASH];

    assert_int_equal(nc_store_state_now(sides[0].w->store, first), NC_OK);
    for (unsigned i = 1; i < sides_n; i++) {
        assert_int_equal(nc_store_state_now(sides[i].w->store, other), NC_OK);
        assert_memory_equal(first, other, sizeof(first));
    }
}
