/*
 * client/words: what the client says, in English and Russian.
 */
#pragma once

#include "base/base.h"

enum nc_words {
#define NC_WORD(name, en, ru) NC_W_##name,
#include "client/words.inc"
#undef NC_WORD
    NC_W_COUNT
};

/* Once, before the first word; russian by default is off. */
void nc_words_russian(bool on);
/* Whether the environment asks for it (LC_ALL, LC_MESSAGES, LANG; LANGUAGE first). */
bool nc_words_from_environment(void);
const char *nc_word(enum nc_words w);
