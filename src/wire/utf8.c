#include "wire/utf8.h"

#include <string.h>

#define HIGH 0x8080808080808080u

/* How many of the first bytes are ASCII, looked at eight at a time. */
static size_t ascii_run(const uint8_t *p, size_t n)
{
    size_t i = 0;

    for (uint64_t w; i + 8 <= n; i += 8) {
        memcpy(&w, p + i, 8);
        if (w & HIGH)
            break;
    }
    while (i < n && p[i] < 0x80)
        i++;
    return i;
}

/* Table 3-7 of the Unicode standard: what may follow a lead byte. */
static bool lead(struct nc_utf8 *u, uint8_t b)
{
    u->lo = b == 0xE0 ? 0xA0 : b == 0xF0 ? 0x90 : 0x80;
    u->hi = b == 0xED ? 0x9F : b == 0xF4 ? 0x8F : 0xBF;
    u->want = b >= 0xF0 ? 3 : b >= 0xE0 ? 2 : 1;
    return b >= 0xC2 && b <= 0xF4;
}

bool nc_utf8_feed(struct nc_utf8 *u, struct nc_str piece)
{
    const uint8_t *p = (const uint8_t *)piece.p;

    for (size_t i = 0; i < piece.n;) {
        if (u->want) {
            if (p[i] < u->lo || p[i] > u->hi)
                return false;
            u->lo = 0x80;
            u->hi = 0xBF;
            u->want--;
            i++;
        } else if (p[i] < 0x80) {
            i += ascii_run(p + i, piece.n - i);
        } else if (!lead(u, p[i++])) {
            return false;
        }
    }
    return true;
}
