/*
 * chat/people/hashing: a password checked and another one hashed, off the loop.
 *
 * The pool's queue is the bound: when it is full the answer is NC_ELIMIT at once.
 */
#pragma once

#include "chat/people/people.h"
#include "crypto/password.h"
#include "loop/work.h"

/* Embedded; zeroed, then filled. */
struct nc_hashing {
    struct nc_work work;
    /* In.  Which of the two is done: */
    struct nc_buf
        check;         /* verified against `hash`; where that is empty, against the dummy */
    struct nc_buf set; /* hashed, if `check` was right or is not asked for */
    bool checks, sets;
    bool refresh; /* hash `check` anew if it fits and was made at another cost */
    char hash[NC_PWHASH];
    enum nc_pwcost cost;
    /* On the loop; e as for a pool's work, NC_EIO when there was no memory. */
    void (*done)(struct nc_hashing *h, enum nc_err e);
    /* Out: */
    bool fits, hashed; /* `hashed`: `hash` is the new one */
    enum nc_err err;
};
void nc_hashing_give(struct nc_buf *to, struct nc_str password); /* copied, wiped later */
/* NC_ELIMIT: the queue is full; NC_ECLOSED: the pool is gone; done is not called. */
NC_MUSTUSE enum nc_err nc_hashing_start(struct nc_chat *c, struct nc_hashing *h);
void nc_hashing_fini(struct nc_hashing *h); /* wipes; fine on a zeroed one */

#define NC_PASSWORD_MIN 8
#define NC_PASSWORD_MAX 1024
/* 8 to 1024 bytes of UTF-8 without NUL; else *why (bad_request, too_large) names `member`.
 */
bool nc_password_ok(struct nc_str password, const char *member, struct nc_problem *why);
