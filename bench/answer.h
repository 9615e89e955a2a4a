/*
 * bench/answer: a model that is never late, and the people who watch its answers.
 *
 * One process has both ends, so that one clock tells how long a token was on its way and
 * nothing else needs a processor.  answer_up.c is the model, answer.c the people.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An answer's text: when it began, in nanoseconds, as its first token, then tokens of
 * five bytes.  So each byte's place says which token it is of and when that was due.
 */
enum { ANSWER_HEAD = 20, ANSWER_TOKEN = 5 };

struct answer_up {
    int epoll;
    double rate;       /* tokens per second … */
    unsigned tokens;   /* … and of each answer from now on */
    uint64_t asked_at; /* when the last question was here whole */
    uint64_t began_at; /* and the first token of its answer was sent */
    unsigned streams;  /* answers under way */
};

/* Listen, say where, and watch standard input. */
void answer_up_open(struct answer_up *u);
/* Serve what is here and what is due.  ns: how long to sleep for want of that, 0: not at
 * all, < 0: until something comes.  True: there is a line on standard input. */
bool answer_up_serve(struct answer_up *u, int64_t ns);
