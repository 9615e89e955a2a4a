#include "ai/tokens.h"

#include "base/utf8.h"

/* Twelfths of a token that a character is worth, by where it stands in Unicode: what the
 * tokenizers of today make of running text, rounded up a little. */
static const struct {
    uint32_t below;
    unsigned twelfths;
} worth[] = {
    {0x0080, 3},     /* English: about four letters */
    {0x0590, 5},     /* Latin with accents, Greek, Cyrillic: two or three */
    {0x2e80, 8},     /* Hebrew to Indic, punctuation, symbols */
    {0xfb00, 12},    /* CJK, kana, Hangul */
    {UINT32_MAX, 24} /* emoji, rare planes; also what isn't UTF-8 */
};

uint64_t nc_tokens_guess(struct nc_str text)
{
    uint64_t sum = 0;

    while (text.n) {
        uint32_t cp = nc_utf8_next(&text);
        size_t i = 0;
        while (i + 1 < NC_COUNT(worth) && cp >= worth[i].below)
            i++;
        sum += worth[i].twelfths;
    }
    return (sum + 11) / 12;
}
