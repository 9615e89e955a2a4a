/* Why a back end refused, in words that may be shown and logged. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "wire/json_in.h"
#include "wire/openai.h"
#include "wire/utf8.h"

/* A run of letters and digits this long, with both, is no word but a key. */
#define KEY_MIN 20

static const char *const key_prefixes[] = {"sk-",  "gsk_", "nck_", "hf_",
                                           "xai-", "pk-",  "AIza"};

/* {"error":{"message":…}}, {"error":"…"}, {"message":…}, {"detail":…} */
static struct nc_str json_message(const json_t *root)
{
    static const char *const names[] = {"message", "detail", "error", "code", "type"};
    const json_t *error = json_object_get(root, "error");

    if (json_is_string(error))
        return nc_json_text(error);
    if (json_is_object(error))
        root = error;
    for (size_t i = 0; i < NC_COUNT(names); i++)
        if (json_string_length(json_object_get(root, names[i])))
            return nc_json_text(json_object_get(root, names[i]));
    return (struct nc_str){NULL, 0};
}

/* The title of an HTML page, or the page itself with its tags still on. */
static struct nc_str html_title(struct nc_str body)
{
    for (size_t i = 0; i + 7 < body.n; i++) {
        if (!nc_str_ieq((struct nc_str){body.p + i, 7}, NC_STR("<title>")))
            continue;
        struct nc_str rest = {body.p + i + 7, body.n - i - 7};
        return nc_str_cut(&rest, '<');
    }
    return body;
}

static bool word_char(char c) { return isalnum((unsigned char)c) || c == '_' || c == '-'; }

static size_t key_here(struct nc_str s)
{
    bool digit = false, letter = false;
    size_t n = 0;

    for (size_t i = 0; i < NC_COUNT(key_prefixes); i++)
        if (nc_str_starts(s, nc_str(key_prefixes[i])))
            digit = letter = true;
    bool prefixed = digit;
    /* Keys are shown half hidden too: sk-abc***xyz. */
    while (n < s.n && (prefixed ? word_char(s.p[n]) || s.p[n] == '*'
                                : isalnum((unsigned char)s.p[n]) || s.p[n] == '_')) {
        digit |= isdigit((unsigned char)s.p[n]) != 0;
        letter |= isalpha((unsigned char)s.p[n]) != 0;
        n++;
    }
    return prefixed || (n >= KEY_MIN && digit && letter) ? n : 0;
}

/* How many bytes at the front of s must not be shown; `start`: a word begins here. */
static size_t hidden(struct nc_str s, struct nc_str secret, bool start)
{
    static const struct nc_str bearer = NC_STR("Bearer ");
    size_t n = 0;

    if (secret.n && nc_str_starts(s, secret))
        return secret.n;
    if (start && s.n > bearer.n && nc_str_ieq((struct nc_str){s.p, bearer.n}, bearer)) {
        n = bearer.n;
        while (n < s.n && (uint8_t)s.p[n] > ' ' && s.p[n] != '"' && s.p[n] != '<')
            n++;
        return n;
    }
    return start ? key_here(s) : 0;
}

/* Copy onto one line: tags (of HTML) dropped, blanks joined, keys hidden. */
static void words(struct nc_buf *out, struct nc_str s, struct nc_str secret, bool html)
{
    size_t from = out->n;
    bool gap = false, tag = false;

    for (size_t i = 0; i < s.n && out->n < NC_OPENAI_REASON;) {
        uint8_t c = (uint8_t)s.p[i];
        size_t hide = hidden((struct nc_str){s.p + i, s.n - i}, secret,
                             i == 0 || !word_char(s.p[i - 1]));

        if (hide) {
            nc_buf_adds(out,
                        gap && out->n > from ? NC_STR(" [hidden]") : NC_STR("[hidden]"));
            gap = false;
            i += hide;
            continue;
        }
        i++;
        if (html && (c == '<' || c == '>')) {
            tag = c == '<';
            gap = true;
        } else if (!tag && (c <= ' ' || c == 0x7F)) {
            gap = true;
        } else if (!tag) {
            if (gap && out->n > from)
                nc_buf_addc(out, ' ');
            gap = false;
            nc_buf_addc(out, (char)c);
        }
    }
}

/* Bytes that are no UTF-8 become '?'; what is too long ends between characters. */
static void copy_out(char out[NC_OPENAI_REASON], struct nc_str s)
{
    struct nc_utf8 u = {0};
    size_t n = s.n < NC_OPENAI_REASON - 1 ? s.n : NC_OPENAI_REASON - 1;
    bool valid =
        nc_utf8_feed(&u, (struct nc_str){s.p, n}) && (n < s.n || nc_utf8_whole(&u));

    for (size_t i = 0; i < n; i++)
        out[i] = !valid && (uint8_t)s.p[i] >= 0x80 ? '?' : s.p[i];
    if (valid && !nc_utf8_whole(&u)) {
        while (((uint8_t)out[n - 1] & 0xC0) == 0x80)
            n--;
        n--;
    }
    out[n] = 0;
}

void nc_openai_reason(char out[NC_OPENAI_REASON], unsigned status, struct nc_str body,
                      struct nc_str secret)
{
    struct nc_buf text = {0};
    json_t *root = json_loadb(body.n ? body.p : "", body.n, JSON_ALLOW_NUL, NULL);
    struct nc_str said = json_message(json_is_array(root) ? json_array_get(root, 0) : root);
    struct nc_str shown = nc_str_trim(body);
    bool html = shown.n && shown.p[0] == '<';

    if (status)
        nc_buf_printf(&text, "HTTP %u", status);
    size_t had = text.n;
    if (said.n)
        shown = said;
    else if (html)
        shown = html_title(shown);
    else if (root)
        shown = (struct nc_str){NULL, 0}; /* JSON that says nothing */
    if (had)
        nc_buf_adds(&text, shown.n ? NC_STR(": ") : NC_STR(", and not a word why"));
    words(&text, shown, secret, html);
    if (text.n == 0)
        nc_buf_adds(&text, NC_STR("the back end failed without saying why"));
    copy_out(out, nc_buf_str(&text));
    nc_buf_fini(&text);
    json_decref(root);
}
