#include "ai/asked.h"

#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

/* A name, the words around it, and what may stand before and after: no more of a line is
 * looked at. */
#define LOOK_AT 1024

/* After the bare name these say that it is talked about (folded, ё as е). */
static const char *const about[] = {
    /* clang-format off */
    /* Russian: verbs of report and being */
    "сказала", "сказал", "говорит", "говорила", "говорил", "ответила", "ответил",
    "отвечает", "отвечала", "написала", "написал", "пишет", "писала", "спросила",
    "спрашивает", "рассказала", "рассказывает", "думает", "думала", "считает", "знает",
    "знала", "может", "могла", "хочет", "хотела", "умеет", "помогла", "помогает", "была",
    "был", "было", "есть", "будет", "стала", "пришла", "придет", "ушла", "уехала",
    "работает", "сломалась", "молчит", "молчала", "обещала", "просила", "просит", "любит",
    "живет", "сделала", "делает",
    /* … little words */
    "опять", "снова", "уже", "еще", "тоже", "всегда", "никогда", "часто", "иногда",
    "просто", "не", "и", "или", "а", "но", "с", "со", "у", "в", "во", "на", "к", "ко", "о",
    "об", "от", "из", "за", "под", "без", "для", "это", "же", "ли", "бы", "вчера",
    "сегодня", "завтра", "очень", "вроде", "кажется", "наверное", "действительно",
    /* English: verbs of report and being */
    "is", "was", "has", "had", "said", "says", "does", "did", "will", "would", "could",
    "should", "might", "must", "may", "thinks", "thought", "knows", "knew", "wrote",
    "writes", "answered", "answers", "replied", "replies", "told", "tells", "asked",
    "asks", "seems", "looks", "works", "worked", "wants", "wanted", "likes", "liked",
    "loves", "made", "makes", "got", "gets", "went", "came", "lives", "needs", "helped",
    "helps", "isn't", "wasn't", "hasn't", "hadn't", "doesn't", "didn't", "won't",
    "wouldn't", "can't", "couldn't", "shouldn't",
    /* … little words */
    "and", "or", "but", "'s", "with", "from", "at", "in", "on", "of", "to", "for", "by",
    "as", "who", "again", "also", "too", "just", "never", "always", "already", "not",
    "still", "often", "really", "probably", "maybe",
    /* clang-format on */
};

/* Ends of words that follow a name: patronymics ("Ольга Петровна" is somebody else) and
 * short adjectives. */
static const char *const about_ends[] = {"овна", "евна", "ична",  "ович",  "евич",
                                         "ovna", "evna", "ichna", "ovich", "evich"};

/* Some of those words begin a question to her when one of the others follows: "olga could
 * you", "Ольга а ты". */
static const char *const asking[] = {"will", "would", "could", "should", "might",
                                     "must", "may",   "did",   "does",   "а"};
static const char *const whom[] = {"you", "u", "i", "we", "ты", "вы"};

/* ---- characters ------------------------------------------------------------------ */

static bool blank(uint32_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0xa0 ||
           (c >= 0x2000 && c <= 0x200b) || c == 0x202f || c == 0x3000;
}

/* Emoji, hearts, and what joins and colours them. */
static bool picture(uint32_t c)
{
    return (c >= 0x1f000 && c <= 0x1faff) || (c >= 0x2600 && c <= 0x27bf) || c == 0x2b50 ||
           c == 0x200d || c == 0xfe0e || c == 0xfe0f;
}

/* What a word goes on with, in any script. */
static bool letter(uint32_t c)
{
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    if (c < 0x2000)
        return c >= 0xaa && c != 0xab && c != 0xbb && c != 0xd7 && c != 0xf7;
    return (c >= 0x2c00 && c < 0x2e00) || (c >= 0x3040 && c < 0xe000) ||
           (c >= 0xf900 && c < 0xfe00) || (c >= 0xfe70 && c < 0xff00) ||
           (c >= 0xff10 && c < 0xff1a) || (c >= 0xff21 && c < 0xffe0) ||
           (c >= 0x10000 && !picture(c));
}

static uint32_t first(struct nc_str s) { return s.n ? nc_utf8_next(&s) : 0; }

static bool one_of(uint32_t c, const char *ascii)
{
    if (c >= 0xff01 && c <= 0xff5e) /* the wide forms of CJK keyboards */
        c -= 0xff01 - '!';
    return c && c < 0x80 && strchr(ascii, (int)c);
}

static struct nc_str last_taken(struct nc_str s, uint32_t *c)
{
    size_t at = nc_utf8_boundary(s, s.n - 1);
    struct nc_str end = {s.p + at, s.n - at};

    *c = nc_utf8_next(&end);
    return (struct nc_str){s.p, at};
}

/* ":)" and the like; bytes of it, or 0. */
static size_t smile(struct nc_str s)
{
    size_t n = s.n > 1 && s.p[1] == '-' ? 2 : 1;

    if (s.n <= n || !one_of(first(s), ":;") || !one_of((unsigned char)s.p[n], "()"))
        return 0;
    return n + 1;
}

/* Past blanks, emoji and smiles. */
static struct nc_str skip(struct nc_str s)
{
    while (s.n) {
        struct nc_str rest = s;
        uint32_t c = nc_utf8_next(&rest);
        size_t n = smile(s);
        if (n)
            rest = (struct nc_str){s.p + n, s.n - n};
        else if (!blank(c) && !picture(c))
            break;
        s = rest;
    }
    return s;
}

/* ---- words ----------------------------------------------------------------------- */

static bool among(struct nc_str word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (nc_str_eqz(word, words[i]))
            return true;
    return false;
}

static struct nc_str take_word(struct nc_str *s)
{
    struct nc_str from = *s;

    while (s->n) {
        struct nc_str rest = *s;
        uint32_t c = nc_utf8_next(&rest);
        if (blank(c) || one_of(c, ",.:;!?"))
            break;
        *s = rest;
    }
    return (struct nc_str){from.p, from.n - s->n};
}

static bool ends_about(struct nc_str word)
{
    for (size_t i = 0; i < NC_COUNT(about_ends); i++) {
        struct nc_str end = nc_str(about_ends[i]);
        if (word.n > end.n && memcmp(word.p + word.n - end.n, end.p, end.n) == 0)
            return true;
    }
    return false;
}

/* `rest`, after the bare name, folded: does it go on about her? */
static bool is_about(struct nc_str rest)
{
    struct nc_str word = take_word(&rest);
    uint32_t c = first(word);

    /* A dash, a bracket, a sign: "Olga — the best", "Olga (from work) said" */
    if (!word.n || ((!letter(c) || c == '-') && !one_of(c, "\"@#$'") && c != 0xab &&
                    c != 0x201c && c != 0x201e))
        return true;
    if (!among(word, about, NC_COUNT(about)))
        return ends_about(word);
    rest = skip(rest);
    return !among(word, asking, NC_COUNT(asking)) ||
           !among(take_word(&rest), whom, NC_COUNT(whom));
}

/* ---- the two places where a name calls --------------------------------------------- */

static bool called_at_start(struct nc_str text, struct nc_str name,
                            const struct nc_asked_name *who, bool strict)
{
    if (!nc_str_starts(text, name))
        return false;
    struct nc_str rest = {text.p + name.n, text.n - name.n};
    if (letter(first(rest)))
        return false;
    struct nc_str after = skip(rest);
    if (one_of(first(after), strict ? ",:" : ",:!?"))
        return !nc_str_starts(after, NC_STR("://"));
    if (strict || (after.n && after.n == rest.n))
        return false;
    /* the bare name calls, and so does "olga tell me" */
    return (!after.n || !is_about(after)) &&
           !(who->namesake && who->namesake(who->arg, name));
}

/* Without what may come after a name at the end: marks, blanks, emoji, smiles. */
static struct nc_str without_closers(struct nc_str text)
{
    const char *closers = text.n && memchr(text.p, '(', text.n) ? ".!?" : ".!?)";
    uint32_t c, before = 0;

    while (text.n) {
        struct nc_str rest = last_taken(text, &c);
        bool smiles = one_of(before, ")") && one_of(c, ":;-");
        if (!smiles && !blank(c) && !picture(c) && !one_of(c, closers) && c != 0x2026)
            break;
        before = smiles && c == '-' ? before : c;
        text = rest;
    }
    return text;
}

/* "расскажи шутку, Ольга!", closers aside */
static bool called_at_end(struct nc_str text, struct nc_str name)
{
    uint32_t c;

    if (text.n <= name.n || memcmp(text.p + text.n - name.n, name.p, name.n) != 0)
        return false;
    text.n -= name.n;
    while (text.n) {
        text = last_taken(text, &c);
        if (!blank(c))
            return one_of(c, ",") && skip(text).n;
    }
    return false;
}

/* ---- whose words ----------------------------------------------------------------- */

static bool is_fence(struct nc_str line)
{
    return nc_str_starts(line, NC_STR("```")) || nc_str_starts(line, NC_STR("~~~"));
}

/* Quotes and code are somebody else's words: of what is left, the first line and the
 * last.  False: nothing is. */
static bool own_lines(struct nc_str text, struct nc_str *head, struct nc_str *tail)
{
    bool fenced = false, any = false;

    while (text.n) {
        struct nc_str whole = nc_str_cut(&text, '\n');
        struct nc_str line = nc_str_trim(whole);
        if (is_fence(line)) {
            struct nc_str more = {line.p + 3, line.n - 3};
            bool closed = more.n >= 3 && more.p[more.n - 1] == line.p[0];
            fenced = !fenced && !closed;
            continue;
        }
        if (fenced || !line.n || line.p[0] == '>' || whole.p[0] == '\t' ||
            nc_str_starts(whole, NC_STR("    ")))
            continue;
        if (!any)
            *head = line;
        *tail = line;
        any = true;
    }
    return any;
}

/* ---- all of it ------------------------------------------------------------------- */

static uint32_t fold_one(uint32_t c)
{
    c = nc_utf8_fold_one(c);
    return c == 0x451 ? 0x435 : c; /* ё */
}

/* Most of what is said calls nobody, and most of that is known by one letter.  `end`: a
 * letter may have its diaeresis after it. */
static bool alike(uint32_t a, uint32_t b, bool end)
{
    return fold_one(a) == fold_one(b) || (end && (a == 0x308 || b == 0x308));
}

static uint32_t last(struct nc_str s)
{
    uint32_t c = 0;

    if (s.n)
        last_taken(s, &c);
    return c;
}

static bool called_by(struct nc_str name, struct nc_str head, struct nc_str tail,
                      const struct nc_asked_name *who, bool strict)
{
    bool starts = alike(first(head), first(name), false);
    bool ends = !strict && alike(last(tail), last(name), true);
    struct nc_buf folded = {0}, text = {0};
    bool yes = false;

    if (!name.n || (!starts && !ends))
        return false;
    nc_utf8_fold(name, true, &folded);
    if (starts) {
        nc_utf8_fold(head, true, &text);
        yes = called_at_start(nc_buf_str(&text), nc_buf_str(&folded), who, strict);
    }
    if (!yes && ends) {
        nc_buf_clear(&text);
        nc_utf8_fold(tail, true, &text);
        yes = called_at_end(nc_buf_str(&text), nc_buf_str(&folded));
    }
    nc_buf_fini(&folded);
    nc_buf_fini(&text);
    return yes;
}

bool nc_asked(struct nc_str text, const struct nc_asked_name *who, bool strict)
{
    struct nc_str head, tail;

    if (!own_lines(text, &head, &tail))
        return false;
    head = skip(head);
    if (head.n > LOOK_AT)
        head.n = nc_utf8_boundary(head, LOOK_AT);
    if (tail.n > LOOK_AT) {
        size_t at = nc_utf8_boundary(tail, tail.n - LOOK_AT);
        tail = (struct nc_str){tail.p + at, tail.n - at};
    }
    tail = without_closers(tail);
    for (size_t i = 0; i < who->names_n; i++)
        if (called_by(who->names[i], head, tail, who, strict))
            return true;
    return called_by(who->username, head, tail, who, strict);
}
