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
bool nc_words_are_russian(void);
/* The header that asks a node for problems in that language. */
const char *nc_words_header(void);
/* Whether the environment asks for it (LC_ALL, LC_MESSAGES, LANG; LANGUAGE first). */
bool nc_words_from_environment(void);
const char *nc_word(enum nc_words w);
/* The form for that many, of words that have several: one, more; in Russian one, two, five.
 */
const char *nc_word_n(enum nc_words w, uint64_t n);
