#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/glyph.h"
#include "client/model_parts.h"

enum {
    REASONING_MAX = 256 << 10, /* bytes of one answer's that are kept to be looked at */
    TWINS_AMONG = 200,         /* newest messages */
};

void nc_model_free_message(struct nc_model_message *x)
{
    free(x->username);
    free(x->display);
    nc_buf_fini(&x->text);
    nc_buf_fini(&x->reasoning);
    nc_model_ai_fini(&x->ai);
    free(x);
}

void nc_model_forget(struct nc_model_room *r)
{
    for (size_t i = 0; i < r->n; i++)
        nc_model_free_message(r->messages[i]);
    r->n = 0;
    r->loaded = r->has_more = r->answered = false;
    r->paged = 0;
    r->floor = (struct nc_id){0};
}

void nc_model_forget_oldest(struct nc_model_room *r, size_t keep)
{
    size_t gone = r->n > keep ? r->n - keep : 0;

    for (size_t i = 0; i < gone; i++)
        nc_model_free_message(r->messages[i]);
    memmove(r->messages, r->messages + gone,
            (r->n - gone) * sizeof(struct nc_model_message *));
    r->n -= gone;
    r->has_more = r->has_more || gone > 0;
}

/* Where `id` is or belongs. */
static size_t place(const struct nc_model_room *r, const struct nc_id *id)
{
    size_t lo = 0, hi = r->n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (nc_id_cmp(&r->messages[mid]->id, id) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct nc_model_message *nc_model_message(const struct nc_model_room *r,
                                          const struct nc_id *id)
{
    size_t i = place(r, id);
    return i < r->n && nc_id_eq(&r->messages[i]->id, id) ? r->messages[i] : NULL;
}

/* Takes it out; NULL if there is none. */
static struct nc_model_message *take_orphan(struct nc_model *m, const struct nc_id *id)
{
    for (size_t i = 0; i < m->orphans_n; i++) {
        struct nc_model_message *x = m->orphans[i];
        if (!nc_id_eq(&x->id, id))
            continue;
        m->orphans[i] = m->orphans[--m->orphans_n];
        return x;
    }
    return NULL;
}

/* The one that grows; a new one pushes the oldest out. */
static struct nc_model_message *orphan(struct nc_model *m, const struct nc_id *id)
{
    struct nc_model_message *x = take_orphan(m, id);

    if (!x) {
        x = nc_alloc(sizeof *x);
        x->id = *id;
        x->n = -1;
        x->state = NC_ANSWER_STREAMING;
    }
    if (m->orphans_n == NC_MODEL_ORPHANS) {
        nc_model_free_message(m->orphans[0]);
        m->orphans[0] = m->orphans[--m->orphans_n];
    }
    m->orphans =
        nc_realloc(m->orphans, (m->orphans_n + 1) * sizeof(struct nc_model_message *));
    m->orphans[m->orphans_n++] = x;
    return x;
}

static struct nc_model_message *insert(struct nc_model_room *r, const struct nc_id *id,
                                       struct nc_model_message *x)
{
    size_t i = place(r, id);
    bool blank = x == NULL;

    if (blank)
        x = nc_alloc(sizeof *x);

    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 64;
        r->messages = nc_realloc(r->messages, r->cap * sizeof(struct nc_model_message *));
    }
    memmove(&r->messages[i + 1], &r->messages[i],
            (r->n - i) * sizeof(struct nc_model_message *));
    r->messages[i] = x;
    r->n++;
    x->id = *id;
    if (blank)
        x->n = -1;
    return x;
}

/* ---- messages ------------------------------------------------------------- */

static unsigned word(const json_t *obj, const char *key, const char *const *words)
{
    struct nc_str s = nc_model_str(obj, key);

    for (unsigned i = 0; words[i]; i++)
        if (nc_str_eqz(s, words[i]))
            return i;
    return 0;
}

static void set_text(struct nc_model_message *x, struct nc_str text)
{
    nc_buf_clear(&x->text);
    nc_text_clean(&x->text, text, true);
    x->at = text.n;
}

static bool names_me(const struct nc_model *m, const json_t *mentions)
{
    size_t i;
    json_t *one;

    json_array_foreach(mentions, i, one)
    {
        for (size_t k = 0; json_is_string(one) && k < NC_MODEL_SERVERS; k++)
            if (m->me[k].username && strcmp(json_string_value(one), m->me[k].username) == 0)
                return true;
    }
    return false;
}

static void set_sender(struct nc_model *m, struct nc_model_room *r,
                       struct nc_model_message *x, const json_t *sender)
{
    static const char *const kinds[] = {"user", "persona", "system", NULL};

    free(x->username);
    free(x->display);
    x->username = nc_model_clean(nc_model_str(sender, "username"));
    x->display = nc_model_clean(nc_model_str(sender, "display_name"));
    x->sender_kind = word(sender, "kind", kinds);
    if (nc_model_id(sender, "id", &x->sender))
        x->mine = nc_model_is_me(m, &x->sender);
    if (x->sender_kind != NC_SENDER_SYSTEM)
        nc_model_person(r, x->username, -1);
}

/* Nothing of the new run has come yet. */
static void begin_run(struct nc_model_message *x, int64_t run)
{
    set_text(x, NC_STR(""));
    nc_buf_clear(&x->reasoning);
    x->run = run;
    x->n = -1;
    x->gap = false;
}

/* Every answer but the first is one of several: the newest is the last of them. */
static int64_t run_of(const json_t *message)
{
    json_int_t n = json_integer_value(
        json_object_get(json_object_get(message, "alternatives"), "count"));
    return n > 1 ? n - 1 : 0;
}

static void set_answer(struct nc_model_message *x, const json_t *message,
                       enum nc_text_state state)
{
    const json_t *several = json_object_get(message, "alternatives");
    json_int_t count = json_integer_value(json_object_get(several, "count"));
    json_int_t chosen = json_integer_value(json_object_get(several, "chosen"));
    int64_t run = run_of(message);

    x->alternatives = count > 1 && count < INT32_MAX ? (unsigned)count : 1;
    x->chosen = chosen > 0 && chosen < count ? (unsigned)chosen : 0;
    nc_model_ai_take(&x->ai, json_object_get(message, "ai"));
    if (state == NC_ANSWER_STREAMING && run > x->run)
        begin_run(x, run);
    /* A stored text of an answer under way is older than the deltas that were shown. */
    if (state != NC_ANSWER_STREAMING || x->n < 0)
        set_text(x, nc_model_str(message, "text"));
    if (run > x->run)
        x->run = run;
    x->state = state;
    if (state != NC_ANSWER_STREAMING)
        x->gap = false;
}

/* One server's own words are in order; what another says may be older than what we know.
 * When it was edited orders the edits of all: that is how nodes do it, too. */
static bool is_behind(const struct nc_model_message *x, unsigned from,
                      const json_t *message, bool streaming, uint64_t edited_ms)
{
    int64_t run = run_of(message);

    if (x->from == from)
        return false;
    if (x->deleted || json_is_true(json_object_get(message, "deleted")))
        return x->deleted;
    if (run != x->run)
        return run < x->run;
    return (streaming && x->state != NC_ANSWER_STREAMING) || edited_ms < x->edited_ms;
}

void nc_model_drop_message(struct nc_model_room *r, const struct nc_id *id)
{
    size_t i = place(r, id);

    if (i == r->n || !nc_id_eq(&r->messages[i]->id, id))
        return;
    nc_model_free_message(r->messages[i]);
    r->n--;
    memmove(&r->messages[i], &r->messages[i + 1],
            (r->n - i) * sizeof(struct nc_model_message *));
}

/* One's own words that went to two servers which have not met since: as nodes will have it,
 * the lower id stays.  True: this one is the other. */
static bool is_twin(struct nc_model_room *r, const struct nc_id *id,
                    const struct nc_id *client_id)
{
    if (nc_id_zero(client_id) || !(r->servers & (r->servers - 1)))
        return false;
    for (size_t i = r->n, looked = 0; i > 0 && looked < TWINS_AMONG; i--, looked++) {
        struct nc_id other = r->messages[i - 1]->id;
        if (!nc_id_eq(&r->messages[i - 1]->client_id, client_id) || nc_id_eq(&other, id))
            continue;
        if (nc_id_cmp(&other, id) < 0)
            return true;
        nc_model_drop_message(r, &other);
        return false;
    }
    return false;
}

struct nc_model_message *nc_model_put(struct nc_model *m, unsigned from,
                                      struct nc_model_room *r, const json_t *message,
                                      bool *fresh)
{
    static const char *const kinds[] = {"text", "action", "notice", NULL};
    static const char *const states[] = {"complete", "streaming", "stopped", "failed",
                                         NULL};
    enum nc_text_state state = word(message, "state", states);
    uint64_t edited_ms;
    struct nc_id id, client_id;

    if (!nc_model_id(message, "id", &id))
        return NULL;
    if (!nc_model_id(message, "client_id", &client_id))
        client_id = (struct nc_id){0};
    if (nc_time_parse(nc_model_str(message, "edited_at"), &edited_ms) != NC_OK)
        edited_ms = 0;
    struct nc_model_message *x = nc_model_message(r, &id);
    *fresh = x == NULL;
    if (x && is_behind(x, from, message, state == NC_ANSWER_STREAMING, edited_ms))
        return NULL;
    if (!x && is_twin(r, &id, &client_id))
        return NULL;
    if (!x)
        x = insert(r, &id, take_orphan(m, &id));
    x->from = from;
    x->edited_ms = edited_ms;
    if (!nc_id_zero(&client_id))
        x->client_id = client_id;
    set_sender(m, r, x, json_object_get(message, "sender"));
    x->kind = word(message, "kind", kinds);
    nc_model_id(message, "reply_to", &x->reply_to);
    if (nc_time_parse(nc_model_str(message, "created_at"), &x->created_ms) != NC_OK)
        x->created_ms = nc_id_ms(&id);
    x->edited = json_is_string(json_object_get(message, "edited_at"));
    x->deleted = json_is_true(json_object_get(message, "deleted"));
    x->late = json_is_true(json_object_get(message, "late"));
    x->mentions_me = names_me(m, json_object_get(message, "mentions"));
    set_answer(x, message, state);
    return x;
}

/* ---- an answer that grows ------------------------------------------------- */

static void take_snapshot(struct nc_model_message *x, bool reasoning, struct nc_str text)
{
    if (!reasoning) {
        set_text(x, text);
        return;
    }
    nc_buf_clear(&x->reasoning);
    nc_text_clean(&x->reasoning, text, true);
}

bool nc_model_delta(struct nc_model *m, struct nc_model_room *r, const json_t *event)
{
    struct nc_str text = nc_model_str(event, "text");
    bool reasoning = nc_str_eqz(nc_model_str(event, "channel"), "reasoning");
    bool snapshot = json_is_true(json_object_get(event, "snapshot"));
    int64_t run = json_integer_value(json_object_get(event, "run"));
    int64_t n = json_integer_value(json_object_get(event, "n"));
    const json_t *at = json_object_get(event, "at");
    struct nc_model_message *x;
    struct nc_id id;

    if (!nc_model_id(event, "message_id", &id))
        return false;
    x = r ? nc_model_message(r, &id) : NULL;
    if (!x)
        x = orphan(m, &id);
    if (run < x->run || (run == x->run && x->state != NC_ANSWER_STREAMING))
        return false; /* it has ended, or a newer run is shown */
    if (run > x->run) {
        begin_run(x, run);
        x->state = NC_ANSWER_STREAMING;
    }
    if (snapshot) {
        take_snapshot(x, reasoning, text);
        x->n = n;
        x->gap = false;
        return true;
    }
    if (n <= x->n)
        return false; /* a copy */
    if (n != x->n + 1 || (!reasoning && at && (size_t)json_integer_value(at) != x->at))
        x->gap = true;
    x->n = n;
    if (x->gap)
        return false;
    if (!reasoning)
        x->at += text.n;
    else if (x->reasoning.n > REASONING_MAX)
        return false;
    nc_text_clean(reasoning ? &x->reasoning : &x->text, text, true);
    return true;
}

/* ---- pages ---------------------------------------------------------------- */

/* The line "new" goes above the oldest of the last `unread` messages of others. */
static void mark_unread(struct nc_model_room *r)
{
    unsigned left = r->unread;

    r->first_unread = (struct nc_id){0};
    for (size_t i = r->n; i > 0 && left > 0; i--) {
        const struct nc_model_message *x = r->messages[i - 1];
        if (x->mine || x->kind == NC_TEXT_LOCAL)
            continue;
        r->first_unread = x->id;
        left--;
    }
}

/* A page was read before what is known by now: of an answer since finished, or since
 * begun anew. */
static bool is_stale(const struct nc_model_room *r, const json_t *message)
{
    const struct nc_model_message *x;
    int64_t run = run_of(message);
    struct nc_id id;

    if (!nc_model_id(message, "id", &id) || !(x = nc_model_message(r, &id)) || x->deleted ||
        json_is_true(json_object_get(message, "deleted")))
        return false;
    if (nc_str_eqz(nc_model_str(message, "state"), "streaming"))
        return run < x->run || (run == x->run && x->state != NC_ANSWER_STREAMING);
    return run < x->run && x->state == NC_ANSWER_STREAMING;
}

/* Where the past of what was asked begins, of all the servers together: what lies below
 * is with some of them only, and the page before brings it from all. */
static void set_floor(struct nc_model_room *r, const json_t *answer)
{
    const json_t *messages = json_object_get(answer, "messages");
    struct nc_id oldest;
    size_t below = 0;

    if (json_is_true(json_object_get(answer, "has_more"))) {
        r->has_more = true;
        if (nc_model_id(json_array_get(messages, 0), "id", &oldest) &&
            nc_id_cmp(&oldest, &r->floor) > 0)
            r->floor = oldest;
    }
    while (r->has_more && below < r->n && nc_id_cmp(&r->messages[below]->id, &r->floor) < 0)
        below++;
    if (below && (r->servers & (r->servers - 1))) /* one alone knows all of its past */
        nc_model_forget_oldest(r, r->n - below);
}

/* The page of one server, where another has told as much: what events said since may have
 * come by that one, and is not said again. */
static bool is_told(const struct nc_model_room *r, unsigned from, const json_t *message)
{
    const struct nc_model_message *x;
    uint64_t edited_ms;
    struct nc_id id;

    if (!nc_model_id(message, "id", &id) || !(x = nc_model_message(r, &id)) ||
        x->from == from || x->state == NC_ANSWER_STREAMING ||
        json_is_true(json_object_get(message, "deleted")))
        return false;
    if (nc_time_parse(nc_model_str(message, "edited_at"), &edited_ms) != NC_OK)
        edited_ms = 0;
    return run_of(message) == x->run && edited_ms == x->edited_ms;
}

void nc_model_take_page(struct nc_model *m, unsigned from, struct nc_model_room *r,
                        const json_t *answer, bool older)
{
    bool first = !r->loaded, first_of_it = !(r->paged & 1u << from), fresh;
    json_t *one;
    size_t i;

    json_array_foreach(json_object_get(answer, "messages"), i, one)
    {
        if (!is_stale(r, one) && !is_told(r, from, one))
            nc_model_put(m, from, r, one, &fresh);
    }
    if (older && !r->answered) {
        r->has_more = false;
        r->floor = (struct nc_id){0};
    }
    r->answered = r->loading != 0;
    r->loaded = true;
    r->paged |= 1u << from;
    if (first_of_it || older)
        set_floor(r, answer);
    if (first || (first_of_it && r->unread))
        mark_unread(r);
}

void nc_model_say(struct nc_model_room *r, struct nc_str text)
{
    struct nc_id id = nc_id_random();

    /* Behind everything that is here, whatever the clocks say. */
    if (r->n && nc_id_cmp(&id, &r->messages[r->n - 1]->id) <= 0)
        id = nc_hlc_id(nc_hlc_of(&r->messages[r->n - 1]->id) + 1);
    struct nc_model_message *x = insert(r, &id, NULL);
    x->kind = NC_TEXT_LOCAL;
    x->username = nc_str_dup(NC_STR(""));
    x->display = nc_str_dup(NC_STR(""));
    x->created_ms = nc_wall_ms();
    nc_text_clean(&x->text, text, true);
}
