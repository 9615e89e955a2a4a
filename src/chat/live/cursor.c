#include "chat/live/cursor.h"

#include <string.h>

#include "base/encode.h"

enum {
    TAG = 6, /* characters: 36 random bits of the incarnation */
};

static void tag_of(const struct nc_id *incarnation, char out[TAG])
{
    char text[NC_B64URL_LEN(6)];
    nc_b64url(incarnation->b + 10, 6, text);
    memcpy(out, text, TAG);
}

void nc_origin_text(const struct nc_id *origin, char out[NC_ORIGIN_TEXT])
{
    nc_b64url(origin->b + 8, 8, out);
}

static void add_u64(struct nc_buf *b, uint64_t v)
{
    char digits[20];
    unsigned at = sizeof digits;

    do
        digits[--at] = (char)('0' + v % 10);
    while (v /= 10);
    nc_buf_add(b, digits + at, sizeof digits - at);
}

void nc_event_id_add(struct nc_buf *b, const struct nc_id *origin, uint64_t origin_seq)
{
    char text[NC_ORIGIN_TEXT];
    nc_origin_text(origin, text);
    nc_buf_add(b, text, sizeof text);
    nc_buf_addc(b, ':');
    add_u64(b, origin_seq);
}

void nc_cursor_add(struct nc_buf *b, const struct nc_id *incarnation, uint64_t seq)
{
    char tag[TAG + 1];
    tag_of(incarnation, tag);
    tag[TAG] = '.';
    nc_buf_add(b, tag, sizeof tag);
    add_u64(b, seq);
}

static bool is_all_own(const struct nc_vector *v, const struct nc_id *incarnation,
                       uint64_t seq)
{
    return nc_vector_get(v, incarnation) == seq && v->n == (seq > 0);
}

void nc_cursor_add_at(struct nc_buf *b, const struct nc_id *incarnation, uint64_t seq,
                      const struct nc_vector *v)
{
    size_t start = b->n, plain;

    nc_cursor_add(b, incarnation, seq);
    if (!v)
        return;
    if (is_all_own(v, incarnation, seq)) {
        nc_buf_adds(b, NC_STR(".="));
        return;
    }
    plain = b->n;
    for (unsigned i = 0; i < v->n; i++) {
        nc_buf_addc(b, '.');
        nc_event_id_add(b, &v->at[i].origin, v->at[i].n);
        if (b->n - start > NC_CURSOR_LONG) {
            b->n = plain;
            return;
        }
    }
}

struct nc_str nc_cursor_of(struct nc_str json)
{
    static const char key[] = "\"cursor\":\"";
    /* It stands third, behind a type and an id of bounded length; no text comes before. */
    size_t within = json.n < 256 ? json.n : 256;
    const char *p = json.n ? memmem(json.p, within, key, sizeof key - 1) : NULL;
    const char *end;

    if (!p)
        return (struct nc_str){NULL, 0};
    p += sizeof key - 1;
    end = memchr(p, '"', (size_t)(json.p + json.n - p));
    return (struct nc_str){p, end ? (size_t)(end - p) : 0};
}

bool nc_cursor_of_log(struct nc_str s, const struct nc_id *incarnation)
{
    char tag[TAG];

    tag_of(incarnation, tag);
    return s.n > TAG && s.p[TAG] == '.' && memcmp(s.p, tag, TAG) == 0;
}

static bool is_base64url(struct nc_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

/* What follows the position, as it is read. */
struct tail {
    const struct nc_id *incarnation;
    const struct nc_vector *known;
    struct nc_vector *have;
    bool unknown; /* it names an origin that we do not know */
};

static const struct nc_id *known_as(const struct tail *t, struct nc_str text)
{
    char own[NC_ORIGIN_TEXT];

    nc_origin_text(t->incarnation, own);
    if (memcmp(own, text.p, sizeof own) == 0)
        return t->incarnation;
    for (unsigned i = 0; t->known && i < t->known->n; i++) {
        char other[NC_ORIGIN_TEXT];
        nc_origin_text(&t->known->at[i].origin, other);
        if (memcmp(other, text.p, sizeof other) == 0)
            return &t->known->at[i].origin;
    }
    return NULL;
}

/* "<origin>:<n>", one entry of a version vector; false if it is none. */
static bool read_part(struct tail *t, struct nc_str part)
{
    uint64_t n;
    struct nc_str text = nc_str_cut(&part, ':');

    if (text.n != NC_ORIGIN_TEXT || !is_base64url(text) ||
        nc_str_u64(part, INT64_MAX, &n) != NC_OK)
        return false;
    const struct nc_id *origin = known_as(t, text);
    if (!origin) {
        t->unknown = true;
        return true;
    }
    if (nc_vector_get(t->have, origin))
        return false;
    return nc_vector_set(t->have, origin, n) == NC_OK;
}

/* "=": the tag's log has nothing but its own.  Two known origins with one tag are
 * possible, if hardly: then it is nobody's. */
static void read_all_own(struct tail *t, const char tag[TAG], uint64_t seq)
{
    const struct nc_id *found = NULL;
    unsigned n = 0;

    for (unsigned i = 0; t->known && i < t->known->n; i++) {
        char other[TAG];
        tag_of(&t->known->at[i].origin, other);
        if (memcmp(other, tag, TAG) == 0) {
            found = &t->known->at[i].origin;
            n++;
        }
    }
    t->unknown = n != 1 || nc_vector_set(t->have, found, seq) != NC_OK;
}

static bool read_tail(struct tail *t, struct nc_str s, const char tag[TAG], uint64_t seq)
{
    if (nc_str_eqz(s, "=")) {
        read_all_own(t, tag, seq);
        return true;
    }
    while (s.p)
        if (!read_part(t, nc_str_cut(&s, '.')))
            return false;
    return true;
}

enum nc_cursor_is nc_cursor_parse_at(struct nc_str s, const struct nc_id *incarnation,
                                     const struct nc_vector *known, uint64_t *seq,
                                     struct nc_vector *have)
{
    struct nc_vector read = {.n = 0};
    struct tail t = {incarnation, known, &read, false};
    char ours[TAG];
    uint64_t at;

    if (s.n > NC_CURSOR_LONG)
        return NC_CURSOR_BAD;
    struct nc_str tag = nc_str_cut(&s, '.');
    struct nc_str digits = nc_str_cut(&s, '.');
    bool tailed = s.p != NULL;
    if (tag.n != TAG || !is_base64url(tag) || nc_str_u64(digits, INT64_MAX, &at) != NC_OK)
        return NC_CURSOR_BAD;
    if (!read_tail(&t, s, tag.p, at))
        return NC_CURSOR_BAD;

    tag_of(incarnation, ours);
    if (memcmp(ours, tag.p, TAG) == 0) {
        *seq = at;
        if (have && t.unknown)
            have->n = 0;
        else if (have)
            *have = read;
        return NC_CURSOR_OURS;
    }
    if (!tailed || t.unknown || !have)
        return NC_CURSOR_FOREIGN;
    *have = read;
    return NC_CURSOR_VECTOR;
}

enum nc_cursor_is nc_cursor_parse(struct nc_str s, const struct nc_id *incarnation,
                                  uint64_t *seq)
{
    return nc_cursor_parse_at(s, incarnation, NULL, seq, NULL);
}
