#include "client/ai_words.h"

#include <string.h>

#include "base/utf8.h"
#include "client/words.h"

#pragma GCC diagnostic ignored \
    "-Wformat-nonliteral" /* formats are words of two languages */

static void separate(struct nc_buf *out, size_t from, bool plain)
{
    if (out->n > from)
        nc_buf_adds(out, nc_str(plain ? " - " : " · "));
}

/* "this_node", "lan:box", "cloud:api.example" as people say it. */
static void say_destination(struct nc_buf *out, const char *destination)
{
    static const struct {
        const char *name;
        enum nc_words word;
    } kinds[] = {{"this_node", NC_W_THIS_NODE},
                 {"own_node", NC_W_OWN_NODE},
                 {"own_worker", NC_W_OWN_WORKER},
                 {"lan", NC_W_LAN},
                 {"cloud", NC_W_CLOUD}};
    struct nc_str rest = nc_str(destination), kind = nc_str_cut(&rest, ':');

    for (size_t i = 0; i < NC_COUNT(kinds); i++) {
        if (!nc_str_eqz(kind, kinds[i].name))
            continue;
        nc_buf_adds(out, nc_str(nc_word(kinds[i].word)));
        if (rest.n)
            nc_buf_printf(out, ": %.*s", NC_FMT(rest));
        return;
    }
    nc_buf_adds(out, nc_str(destination));
}

/* ---- an answer --------------------------------------------------------------- */

const char *nc_say_reason(const struct nc_model_ai *ai)
{
    if (!ai->reason)
        return "";
    return strcmp(ai->reason, "length") == 0 ? nc_word(NC_W_REASON_LENGTH) : ai->reason;
}

static void say_tokens(struct nc_buf *out, const struct nc_model_ai *ai)
{
    unsigned long long all = ai->prompt_tokens + ai->completion_tokens;

    nc_buf_adds(out, nc_str(ai->estimated ? "~" : ""));
    nc_buf_printf(out, nc_word_n(NC_W_TOKENS, all), all);
    nc_buf_printf(out, " (%llu + %llu)", (unsigned long long)ai->prompt_tokens,
                  (unsigned long long)ai->completion_tokens);
}

void nc_say_answer(struct nc_buf *out, const struct nc_model_message *x, bool plain)
{
    const struct nc_model_ai *ai = &x->ai;
    size_t from = out->n;

    if (x->alternatives > 1) {
        nc_buf_printf(out, plain ? "<%u/%u> " : "‹%u/%u› ", x->chosen + 1, x->alternatives);
        from = out->n;
    }
    if (ai->model)
        nc_buf_adds(out, nc_str(ai->model));
    if (ai->destination) {
        separate(out, from, plain);
        say_destination(out, ai->destination);
    }
    if (ai->instead) {
        separate(out, from, plain);
        nc_buf_printf(out, nc_word(NC_W_INSTEAD), ai->instead);
    }
    if (ai->omitted) {
        separate(out, from, plain);
        nc_buf_printf(out, nc_word_n(NC_W_OMITTED, ai->omitted),
                      (unsigned long long)ai->omitted);
    }
    if (ai->counted) {
        separate(out, from, plain);
        say_tokens(out, ai);
    }
}

void nc_say_thoughts(struct nc_buf *out, const struct nc_model_message *x, bool plain)
{
    unsigned long long n = x->ai.reasoning_chars;

    if (x->state == NC_ANSWER_STREAMING) /* later the server knows better */
        n = nc_utf8_count(nc_buf_str(&x->reasoning));
    if (n == 0)
        return;
    if (x->state == NC_ANSWER_STREAMING && x->text.n == 0)
        nc_buf_printf(out, "%s%s %llu", nc_word(NC_W_THINKING), plain ? "..." : "…", n);
    else
        nc_buf_printf(out, nc_word_n(NC_W_THOUGHT, n), n);
}

/* ---- a room -------------------------------------------------------------------- */

/* What follows a number in English: 1st, 12th, 23rd. */
static const char *ending(unsigned n)
{
    static const char *const endings[] = {"th", "st", "nd", "rd"};

    if (nc_words_are_russian())
        return "-й";
    return n % 10 < NC_COUNT(endings) && n % 100 / 10 != 1 ? endings[n % 10] : "th";
}

void nc_say_waiting(struct nc_buf *out, const struct nc_model_room_ai *ai,
                    const struct nc_model_waiting *w, uint64_t now_ms)
{
    const char *name = nc_model_persona_name(ai, w->persona);
    unsigned long long s = now_ms > w->since_ms ? (now_ms - w->since_ms) / 1000 : 0;

    if (w->position > 1)
        nc_buf_printf(out, nc_word(NC_W_WAITS), name, w->position, ending(w->position), s);
    else
        nc_buf_printf(out, nc_word(NC_W_WAITS_NEXT), name, s);
}

static void say_persona(struct nc_buf *out, const struct nc_model_persona *p, bool brief,
                        bool plain)
{
    static const enum nc_words words[] = {[NC_PERSONA_DOWN] = NC_W_PERSONA_DOWN,
                                          [NC_PERSONA_TOO_FAR] = NC_W_PERSONA_TOO_FAR,
                                          [NC_PERSONA_MISSING] = NC_W_PERSONA_MISSING};
    bool reached = p->state == NC_PERSONA_UP || p->state == NC_PERSONA_DOWN;

    nc_buf_adds(out, nc_str(p->display ? p->display : p->username));
    if (reached && p->destination) {
        nc_buf_adds(out, nc_str(plain ? " -> " : " → "));
        say_destination(out, p->destination);
    }
    if (!brief && reached && p->model)
        nc_buf_printf(out, " (%s)", p->model);
    if (p->state != NC_PERSONA_UP)
        nc_buf_printf(out, "%s %s", reached ? "," : ":", nc_word(words[p->state]));
}

void nc_say_room(struct nc_buf *out, const struct nc_model_room_ai *ai, bool brief,
                 bool plain)
{
    size_t from = out->n;

    if (ai->personas_n == 0)
        return;
    if (ai->forbidden) {
        nc_buf_adds(out, nc_str(nc_word(NC_W_AI_FORBIDDEN)));
        return;
    }
    for (size_t i = 0; i < ai->personas_n && (i == 0 || !brief); i++) {
        separate(out, from, plain);
        say_persona(out, &ai->personas[i], brief, plain);
    }
    if (!brief && ai->furthest) {
        struct nc_buf limit = {0};
        say_destination(&limit, ai->furthest);
        nc_buf_addc(&limit, '\0');
        separate(out, from, plain);
        nc_buf_printf(out, nc_word(NC_W_AI_LIMIT), limit.p);
        nc_buf_fini(&limit);
    }
}
