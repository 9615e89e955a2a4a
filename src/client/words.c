#include "client/words.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *en, *ru;
} words[] = {
#define NC_WORD(name, en, ru) [NC_W_##name] = {en, ru},
#include "client/words.inc"
#undef NC_WORD
};

/* The language of a process, like its locale. */
static bool russian;

void nc_words_russian(bool on) { russian = on; }
bool nc_words_are_russian(void) { return russian; }

const char *nc_words_header(void)
{
    return russian ? "Accept-Language: ru" : "Accept-Language: en";
}

bool nc_words_from_environment(void)
{
    static const char *const names[] = {"LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; i < NC_COUNT(names); i++) {
        const char *v = getenv(names[i]);
        if (v && *v)
            return strncmp(v, "ru", 2) == 0;
    }
    return false;
}

const char *nc_word(enum nc_words w) { return russian ? words[w].ru : words[w].en; }

const char *nc_word_n(enum nc_words w, uint64_t n)
{
    const char *form = nc_word(w);
    bool teen = n % 100 >= 11 && n % 100 <= 14;
    unsigned skip = n != 1;

    if (russian)
        skip = n % 10 == 1 && !teen ? 0 : n % 10 >= 2 && n % 10 <= 4 && !teen ? 1 : 2;
    while (skip--)
        form += strlen(form) + 1;
    return form;
}
