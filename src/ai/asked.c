#include "ai/asked.h"

#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

/* After the bare name these say that it is talked about (folded, ё as е). */
static const char *const about[] = {
    /* Russian: verbs of report and being, conjunctions, prepositions */
    "сказала",
    "сказал",
    "говорит",
    "говорила",
    "говорил",
    "ответила",
    "ответил",
    "отвечает",
    "написала",
    "написал",
    "пишет",
    "писала",
    "думает",
    "думала",
    "считает",
    "знает",
    "знала",
    "может",
    "могла",
    "хочет",
    "хотела",
    "умеет",
    "помогла",
    "помогает",
    "была",
    "был",
    "было",
    "есть",
    "будет",
    "стала",
    "пришла",
    "ушла",
    "работает",
    "сломалась",
    "молчит",
    "опять",
    "снова",
    "уже",
    "тоже",
    "не",
    "и",
    "или",
    "а",
    "но",
    "с",
    "со",
    "у",
    "в",
    "на",
    "к",
    "о",
    "об",
    "от",
    "для",
    "это",
    "же",
    "ли",
    "бы",
    "вчера",
    "сегодня",
    "завтра",
    "очень",
    "вроде",
    "кажется",
    "наверное",
    "—",
    "-",
    "–",
    /* English */
    "is",
    "was",
    "has",
    "had",
    "said",
    "says",
    "and",
    "or",
    "but",
    "'s",
    "does",
    "did",
    "will",
    "would",
    "could",
    "should",
    "might",
    "must",
    "thinks",
    "thought",
    "knows",
    "knew",
    "wrote",
    "writes",
    "answered",
    "answers",
    "replied",
    "told",
    "seems",
    "looks",
    "works",
    "worked",
    "wants",
    "wanted",
    "likes",
    "liked",
    "made",
    "makes",
    "got",
    "gets",
    "went",
    "came",
    "isn't",
    "wasn't",
    "hasn't",
    "doesn't",
    "didn't",
    "won't",
    "can't",
    "couldn't",
    "with",
    "from",
    "at",
    "in",
    "on",
    "of",
    "to",
    "for",
    "by",
    "again",
    "also",
    "too",
    "just",
    "never",
    "always",
    "already",
    "not",
};

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static struct nc_str skip_blanks(struct nc_str s)
{
    while (s.n && blank(*s.p)) {
        s.p++;
        s.n--;
    }
    return s;
}

/* Case and ё are folded on both sides before anything is compared. */
static struct nc_str folded(struct nc_str s, struct nc_buf *out)
{
    nc_utf8_fold(s, true, out);
    return nc_buf_str(out);
}

static bool is_about(struct nc_str word)
{
    for (size_t i = 0; i < NC_COUNT(about); i++)
        if (nc_str_eqz(word, about[i]))
            return true;
    return false;
}

static struct nc_str first_word(struct nc_str s)
{
    size_t n = 0;

    while (n < s.n && !blank(s.p[n]) && !memchr(",.:;!?", s.p[n], 6))
        n++;
    return (struct nc_str){s.p, n};
}

/* A name ends where no letter or digit of any script follows. */
static bool ends_word(struct nc_str rest)
{
    if (rest.n == 0)
        return true;
    unsigned char c = (unsigned char)rest.p[0];
    if (c >= 0x80) /* a letter of another script, unless it is punctuation (U+2000…) */
        return c == 0xE2 && rest.n > 1 && (unsigned char)rest.p[1] == 0x80;
    return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-');
}

static bool called_at_start(struct nc_str text, struct nc_str name, bool namesake,
                            bool strict)
{
    if (!nc_str_starts(text, name))
        return false;
    struct nc_str rest = {text.p + name.n, text.n - name.n};
    if (!ends_word(rest))
        return false;
    if (rest.n && memchr(strict ? ",:" : ",:!?", rest.p[0], strict ? 2 : 4))
        return true;
    if (strict || rest.n == 0)
        return !strict && rest.n == 0; /* the bare name calls, and says nothing else */
    if (!blank(rest.p[0]) || namesake)
        return false;
    struct nc_str next = first_word(skip_blanks(rest));
    return next.n > 0 && !is_about(next);
}

/* "расскажи шутку, Ольга!" */
static bool called_at_end(struct nc_str text, struct nc_str name)
{
    while (text.n && (blank(text.p[text.n - 1]) || memchr(".!?)", text.p[text.n - 1], 4)))
        text.n--;
    if (text.n <= name.n || memcmp(text.p + text.n - name.n, name.p, name.n) != 0)
        return false;
    text.n -= name.n;
    while (text.n && blank(text.p[text.n - 1]))
        text.n--;
    return text.n && text.p[text.n - 1] == ',';
}

bool nc_asked(struct nc_str text, const struct nc_asked_name *who, bool strict)
{
    struct nc_buf text_folded = {0}, name_folded = {0};
    bool yes = false;

    text = skip_blanks(text);
    /* a quote or code is somebody else's word */
    if (text.n == 0 || text.p[0] == '>' || text.p[0] == '`' ||
        nc_str_starts(text, NC_STR("    ")))
        return false;
    struct nc_str t = folded(text, &text_folded);
    for (size_t i = 0; !yes && i <= who->names_n; i++) {
        nc_buf_clear(&name_folded);
        struct nc_str name =
            folded(i < who->names_n ? who->names[i] : who->username, &name_folded);
        if (name.n)
            yes = called_at_start(t, name, who->namesake, strict) ||
                  (!strict && called_at_end(t, name));
    }
    nc_buf_fini(&text_folded);
    nc_buf_fini(&name_folded);
    return yes;
}
