#include "base/utf8.h"

#include <string.h>

#include "base/buf.h"

/* Eight bytes at once while there is no high bit. */
static size_t ascii_run(const char *p, size_t n)
{
    size_t i = 0;
    for (uint64_t w; i + 8 <= n; i += 8) {
        memcpy(&w, p + i, 8);
        if (w & 0x8080808080808080)
            break;
    }
    while (i < n && (unsigned char)p[i] < 0x80)
        i++;
    return i;
}

/* Length of the character at p, or 0 where it is malformed. */
static size_t decode(const char *text, size_t n, uint32_t *cp)
{
    const uint8_t *p = (const uint8_t *)text;
    uint32_t c = p[0], least;
    size_t len;

    if (c < 0x80) {
        *cp = c;
        return 1;
    }
    if (c >= 0xc2 && c < 0xe0) {
        len = 2;
        c &= 0x1f;
        least = 0x80;
    } else if (c >= 0xe0 && c < 0xf0) {
        len = 3;
        c &= 0x0f;
        least = 0x800;
    } else if (c >= 0xf0 && c < 0xf5) {
        len = 4;
        c &= 0x07;
        least = 0x10000;
    } else {
        return 0;
    }
    if (n < len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *cp = c;
    return len;
}

bool nc_utf8_valid(struct nc_str s)
{
    while (s.n) {
        uint32_t cp;
        size_t n = ascii_run(s.p, s.n);
        if (n == 0)
            n = decode(s.p, s.n, &cp);
        if (n == 0)
            return false;
        s.p += n;
        s.n -= n;
    }
    return true;
}

size_t nc_utf8_count(struct nc_str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

size_t nc_utf8_boundary(struct nc_str s, size_t at)
{
    if (at >= s.n)
        return s.n;
    while (at > 0 && ((unsigned char)s.p[at] & 0xc0) == 0x80)
        at--;
    return at;
}

uint32_t nc_utf8_next(struct nc_str *s)
{
    uint32_t cp = NC_UTF8_BAD;
    size_t n = decode(s->p, s->n, &cp);
    s->p += n ? n : 1;
    s->n -= n ? n : 1;
    return n ? cp : NC_UTF8_BAD;
}

void nc_utf8_add(struct nc_buf *out, uint32_t cp)
{
    char c[4];
    size_t n = 0;
    if (cp < 0x80) {
        c[n++] = (char)cp;
    } else if (cp < 0x800) {
        c[n++] = (char)(0xc0 | cp >> 6);
        c[n++] = (char)(0x80 | (cp & 0x3f));
    } else if (cp < 0x10000) {
        c[n++] = (char)(0xe0 | cp >> 12);
        c[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
        c[n++] = (char)(0x80 | (cp & 0x3f));
    } else {
        c[n++] = (char)(0xf0 | cp >> 18);
        c[n++] = (char)(0x80 | (cp >> 12 & 0x3f));
        c[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
        c[n++] = (char)(0x80 | (cp & 0x3f));
    }
    nc_buf_add(out, c, n);
}

bool nc_utf8_unseen(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x200e || cp == 0x200f ||
           (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

/* Spaces, fillers, joiners, selectors and tags. */
static bool draws_nothing(uint32_t cp)
{
    static const struct {
        uint32_t first, last;
    } none[] = {
        {0, ' '},         {0x7f, 0xa0},     {0xad, 0xad},       {0x34f, 0x34f},
        {0x61c, 0x61c},   {0x115f, 0x1160}, {0x1680, 0x1680},   {0x17b4, 0x17b5},
        {0x180b, 0x180f}, {0x2000, 0x200f}, {0x2028, 0x202f},   {0x205f, 0x206f},
        {0x2800, 0x2800}, {0x3000, 0x3000}, {0x3164, 0x3164},   {0xfe00, 0xfe0f},
        {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xe0000, 0xe0fff},
    };

    for (size_t i = 0; i < NC_COUNT(none); i++)
        if (cp >= none[i].first && cp <= none[i].last)
            return true;
    return false;
}

bool nc_utf8_visible(struct nc_str s)
{
    while (s.n)
        if (!draws_nothing(nc_utf8_next(&s)))
            return true;
    return false;
}

/* Every `step`-th code point of first..last folds to itself + delta.  From the
 * C and S rows of the Unicode CaseFolding table. */
static const struct fold {
    uint16_t first, last;
    int16_t step, delta;
} folds[] = {
    /* clang-format off */
    {0x00b5, 0x00b5, 1, 775}, {0x00c0, 0x00d6, 1, 32}, {0x00d8, 0x00de, 1, 32},
    {0x0100, 0x012e, 2, 1}, {0x0132, 0x0136, 2, 1}, {0x0139, 0x0147, 2, 1},
    {0x014a, 0x0176, 2, 1}, {0x0178, 0x0178, 1, -121}, {0x0179, 0x017d, 2, 1},
    {0x017f, 0x017f, 1, -268}, {0x0181, 0x0181, 1, 210}, {0x0182, 0x0184, 2, 1},
    {0x0186, 0x0186, 1, 206}, {0x0187, 0x0187, 1, 1}, {0x0189, 0x018a, 1, 205},
    {0x018b, 0x018b, 1, 1}, {0x018e, 0x018e, 1, 79}, {0x018f, 0x018f, 1, 202},
    {0x0190, 0x0190, 1, 203}, {0x0191, 0x0191, 1, 1}, {0x0193, 0x0193, 1, 205},
    {0x0194, 0x0194, 1, 207}, {0x0196, 0x0196, 1, 211}, {0x0197, 0x0197, 1, 209},
    {0x0198, 0x0198, 1, 1}, {0x019c, 0x019c, 1, 211}, {0x019d, 0x019d, 1, 213},
    {0x019f, 0x019f, 1, 214}, {0x01a0, 0x01a4, 2, 1}, {0x01a6, 0x01a6, 1, 218},
    {0x01a7, 0x01a7, 1, 1}, {0x01a9, 0x01a9, 1, 218}, {0x01ac, 0x01ac, 1, 1},
    {0x01ae, 0x01ae, 1, 218}, {0x01af, 0x01af, 1, 1}, {0x01b1, 0x01b2, 1, 217},
    {0x01b3, 0x01b5, 2, 1}, {0x01b7, 0x01b7, 1, 219}, {0x01b8, 0x01b8, 1, 1},
    {0x01bc, 0x01bc, 1, 1}, {0x01c4, 0x01c4, 1, 2}, {0x01c5, 0x01c5, 1, 1},
    {0x01c7, 0x01c7, 1, 2}, {0x01c8, 0x01c8, 1, 1}, {0x01ca, 0x01ca, 1, 2},
    {0x01cb, 0x01db, 2, 1}, {0x01de, 0x01ee, 2, 1}, {0x01f1, 0x01f1, 1, 2},
    {0x01f2, 0x01f4, 2, 1}, {0x01f6, 0x01f6, 1, -97}, {0x01f7, 0x01f7, 1, -56},
    {0x01f8, 0x021e, 2, 1}, {0x0220, 0x0220, 1, -130}, {0x0222, 0x0232, 2, 1},
    {0x023a, 0x023a, 1, 10795}, {0x023b, 0x023b, 1, 1}, {0x023d, 0x023d, 1, -163},
    {0x023e, 0x023e, 1, 10792}, {0x0241, 0x0241, 1, 1}, {0x0243, 0x0243, 1, -195},
    {0x0244, 0x0244, 1, 69}, {0x0245, 0x0245, 1, 71}, {0x0246, 0x024e, 2, 1},
    {0x0370, 0x0372, 2, 1}, {0x0376, 0x0376, 1, 1}, {0x037f, 0x037f, 1, 116},
    {0x0386, 0x0386, 1, 38}, {0x0388, 0x038a, 1, 37}, {0x038c, 0x038c, 1, 64},
    {0x038e, 0x038f, 1, 63}, {0x0391, 0x03a1, 1, 32}, {0x03a3, 0x03ab, 1, 32},
    {0x03c2, 0x03c2, 1, 1}, {0x03cf, 0x03cf, 1, 8}, {0x03d0, 0x03d0, 1, -30},
    {0x03d1, 0x03d1, 1, -25}, {0x03d5, 0x03d5, 1, -15}, {0x03d6, 0x03d6, 1, -22},
    {0x03d8, 0x03ee, 2, 1}, {0x03f0, 0x03f0, 1, -54}, {0x03f1, 0x03f1, 1, -48},
    {0x03f4, 0x03f4, 1, -60}, {0x03f5, 0x03f5, 1, -64}, {0x03f7, 0x03f7, 1, 1},
    {0x03f9, 0x03f9, 1, -7}, {0x03fa, 0x03fa, 1, 1}, {0x03fd, 0x03ff, 1, -130},
    {0x0400, 0x040f, 1, 80}, {0x0410, 0x042f, 1, 32}, {0x0460, 0x0480, 2, 1},
    {0x048a, 0x04be, 2, 1}, {0x04c0, 0x04c0, 1, 15}, {0x04c1, 0x04cd, 2, 1},
    {0x04d0, 0x052e, 2, 1}, {0x0531, 0x0556, 1, 48}, {0x1e00, 0x1e94, 2, 1},
    {0x1e9b, 0x1e9b, 1, -58}, {0x1e9e, 0x1e9e, 1, -7615}, {0x1ea0, 0x1efe, 2, 1},
    {0x1f08, 0x1f0f, 1, -8}, {0x1f18, 0x1f1d, 1, -8}, {0x1f28, 0x1f2f, 1, -8},
    {0x1f38, 0x1f3f, 1, -8}, {0x1f48, 0x1f4d, 1, -8}, {0x1f59, 0x1f5f, 2, -8},
    {0x1f68, 0x1f6f, 1, -8}, {0x1f88, 0x1f8f, 1, -8}, {0x1f98, 0x1f9f, 1, -8},
    {0x1fa8, 0x1faf, 1, -8}, {0x1fb8, 0x1fb9, 1, -8}, {0x1fba, 0x1fbb, 1, -74},
    {0x1fbc, 0x1fbc, 1, -9}, {0x1fbe, 0x1fbe, 1, -7173}, {0x1fc8, 0x1fcb, 1, -86},
    {0x1fcc, 0x1fcc, 1, -9}, {0x1fd8, 0x1fd9, 1, -8}, {0x1fda, 0x1fdb, 1, -100},
    {0x1fe8, 0x1fe9, 1, -8}, {0x1fea, 0x1feb, 1, -112}, {0x1fec, 0x1fec, 1, -7},
    {0x1ff8, 0x1ff9, 1, -128}, {0x1ffa, 0x1ffb, 1, -126}, {0x1ffc, 0x1ffc, 1, -9},
    {0xff21, 0xff3a, 1, 32},
    /* clang-format on */
};

uint32_t nc_utf8_fold_one(uint32_t cp)
{
    if (cp < 0x80)
        return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
    size_t lo = 0, hi = NC_COUNT(folds);
    while (lo < hi) { /* the first range that does not end before cp */
        size_t mid = (lo + hi) / 2;
        if (folds[mid].last < cp)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == NC_COUNT(folds) || cp < folds[lo].first)
        return cp;
    const struct fold *f = &folds[lo];
    return (cp - f->first) % (uint32_t)f->step ? cp : cp + (uint32_t)(int32_t)f->delta;
}

void nc_utf8_fold(struct nc_str in, bool yo, struct nc_buf *out)
{
    enum { IE = 0x435, IO = 0x451, DIAERESIS = 0x308 };
    uint32_t before = 0;
    while (in.n) {
        uint32_t cp = nc_utf8_next(&in);
        cp = cp == NC_UTF8_BAD ? 0xfffd : nc_utf8_fold_one(cp);
        if (yo && cp == IO)
            cp = IE;
        if (!(yo && cp == DIAERESIS && before == IE))
            nc_utf8_add(out, cp);
        before = cp;
    }
}
