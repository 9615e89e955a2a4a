#include "chat/live/cursor.h"

#include <string.h>

#include "base/encode.h"

enum {
    TAG = 6,    /* characters: 36 random bits of the incarnation */
    LONG = 512, /* longest text that may still be a cursor */
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

/* "<origin>:<n>", one entry of a version vector. */
static bool is_vector_part(struct nc_str part)
{
    uint64_t n;
    struct nc_str origin = nc_str_cut(&part, ':');
    return origin.n == NC_ORIGIN_TEXT && is_base64url(origin) &&
           nc_str_u64(part, INT64_MAX, &n) == NC_OK;
}

enum nc_cursor_is nc_cursor_parse(struct nc_str s, const struct nc_id *incarnation,
                                  uint64_t *seq)
{
    char ours[TAG];
    uint64_t at;

    if (s.n > LONG)
        return NC_CURSOR_BAD;
    struct nc_str tag = nc_str_cut(&s, '.');
    struct nc_str digits = nc_str_cut(&s, '.');
    if (tag.n != TAG || !is_base64url(tag) || nc_str_u64(digits, INT64_MAX, &at) != NC_OK)
        return NC_CURSOR_BAD;
    while (s.p)
        if (!is_vector_part(nc_str_cut(&s, '.')))
            return NC_CURSOR_BAD;

    tag_of(incarnation, ours);
    if (memcmp(ours, tag.p, TAG) != 0)
        return NC_CURSOR_FOREIGN;
    *seq = at;
    return NC_CURSOR_OURS;
}
