/* What the node said, for people and for scripts. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/russian.h"
#include "client/ai_words.h"
#include "client/client.h"
#include "client/glyph.h"
#include "client/words.h"

enum { CELLS = 8 };

static struct nc_str member(const json_t *obj, const char *key)
{
    const json_t *v = json_object_get(obj, key);
    return json_is_string(v) ? (struct nc_str){json_string_value(v), json_string_length(v)}
                             : NC_STR("");
}

/* A cell, to be ended with NUL. */
static struct nc_buf *cell(const json_t *obj, const char *key)
{
    static struct nc_buf cells[CELLS];
    static unsigned at;
    struct nc_buf *b = &cells[at++ % CELLS];
    const json_t *v = json_object_get(obj, key);

    nc_buf_clear(b);
    if (json_is_integer(v))
        nc_buf_printf(b, "%lld", (long long)json_integer_value(v));
    else if (json_is_boolean(v))
        nc_buf_adds(b, nc_str(json_is_true(v) ? "yes" : "no"));
    else
        nc_text_clean(b, member(obj, key), false);
    return b;
}

const char *nc_client_cell(const json_t *obj, const char *key)
{
    struct nc_buf *b = cell(obj, key);

    nc_buf_addc(b, '\0');
    return b->p;
}

const char *nc_client_words(const json_t *obj, const char *key)
{
    struct nc_buf *b = cell(obj, key), ru = {0};

    if (nc_words_are_russian()) {
        nc_russian(&ru, nc_buf_str(b));
        nc_buf_clear(b);
        nc_buf_adds(b, nc_buf_str(&ru));
        nc_buf_fini(&ru);
    }
    nc_buf_addc(b, '\0');
    return b->p;
}

const char *nc_client_column(const json_t *obj, const char *key, unsigned columns)
{
    struct nc_buf *b = cell(obj, key);

    for (unsigned width = nc_text_width(nc_buf_str(b)); width < columns; width++)
        nc_buf_addc(b, ' ');
    nc_buf_addc(b, '\0');
    return b->p;
}

bool nc_client_printed(struct nc_client *c, const json_t *body)
{
    if (!c->cfg->json)
        return false;
    if (body)
        json_dumpf(body, stdout, JSON_COMPACT);
    else
        fputs("{}", stdout);
    putchar('\n');
    return true;
}

void nc_client_print_text(FILE *out, const json_t *text)
{
    struct nc_buf b = {0};

    if (json_is_string(text))
        nc_text_clean(
            &b, (struct nc_str){json_string_value(text), json_string_length(text)}, true);
    fprintf(out, "%.*s\n", NC_FMT(nc_buf_str(&b)));
    nc_buf_fini(&b);
}

/* Lines after the first are moved in, so that each message begins at the margin. */
static void put_text(FILE *out, struct nc_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        fputc(text.p[i], out);
        if (text.p[i] == '\n')
            fputs("    ", out);
    }
}

static void put_time(FILE *out, struct nc_str text)
{
    uint64_t ms;
    struct tm tm;
    char s[32] = "";

    if (nc_time_parse(text, &ms) == NC_OK) {
        time_t t = (time_t)(ms / 1000);
        if (localtime_r(&t, &tm))
            strftime(s, sizeof s, "%Y-%m-%d %H:%M", &tm);
    }
    fprintf(out, "%s  ", s);
}

/* How an answer ended that is not whole. */
static void put_end(FILE *out, enum nc_words how, const json_t *message)
{
    struct nc_model_ai ai = {0};

    nc_model_ai_take(&ai, json_object_get(message, "ai"));
    const char *reason = nc_say_reason(&ai);
    fprintf(out, " [%s%s%s]", nc_word(how), *reason ? ": " : "", reason);
    nc_model_ai_fini(&ai);
}

void nc_client_print_message(FILE *out, const json_t *message)
{
    const json_t *sender = json_object_get(message, "sender");
    const char *state = nc_client_cell(message, "state");
    struct nc_buf text = {0}, name = {0};
    bool action = strcmp(nc_client_cell(message, "kind"), "action") == 0;

    nc_text_clean(&text, member(message, "text"), true);
    nc_text_clean(&name, member(sender, "username"), false);
    put_time(out, member(message, "created_at"));
    if (json_is_true(json_object_get(message, "deleted")))
        fprintf(out, "%.*s: [%s]", NC_FMT(nc_buf_str(&name)), nc_word(NC_W_DELETED));
    else
        fprintf(out, action ? "* %.*s " : "%.*s: ", NC_FMT(nc_buf_str(&name)));
    if (!json_is_true(json_object_get(message, "deleted")))
        put_text(out, nc_buf_str(&text));
    if (json_is_string(json_object_get(message, "edited_at")))
        fprintf(out, " [%s]", nc_word(NC_W_EDITED));
    if (strcmp(state, "stopped") == 0)
        put_end(out, NC_W_STOPPED, message);
    if (strcmp(state, "failed") == 0)
        put_end(out, NC_W_FAILED, message);
    fputc('\n', out);
    nc_buf_fini(&text);
    nc_buf_fini(&name);
}
