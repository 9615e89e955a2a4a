/*
 * base/base: the vocabulary every other file speaks.
 *
 * Error codes, borrowed strings, allocation that cannot fail, and the two or
 * three macros C makes everybody write.  Knows nothing of the outside world.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every fallible function returns one of these.  0 is success, always.
 * A code exists only because some caller acts differently on it. */
enum nc_err {
    NC_OK = 0,
    NC_AGAIN,   /* need more input; not a failure */
    NC_EINVAL,  /* the peer or the operator sent something malformed */
    NC_EACCESS, /* authenticated, but not allowed */
    NC_ENOENT,  /* no such room, user, message, key */
    NC_EEXIST,  /* would overwrite, or is taken */
    NC_ELIMIT,  /* a configured limit was reached (size, rate, depth) */
    NC_EIO,     /* the backend or the network failed; already logged */
    NC_ECLOSED, /* cancelled or shutting down */
};

/* A short English name for logs: "ok", "malformed", … Never NULL. */
const char *nc_strerr(enum nc_err e);

#define NC_MUSTUSE __attribute__((warn_unused_result))
#define NC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* The struct that embeds `ptr` as its member `field`. */
#define nc_of(ptr, type, field) ((type *)((char *)(ptr)-offsetof(type, field)))

#define NC_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A borrowed run of bytes.  Never owned, not necessarily NUL-terminated, valid
 * as long as its owner says (usually: until the callback returns). */
struct nc_str {
    const char *p;
    size_t n;
};

#define NC_STR(lit) ((struct nc_str){(lit), sizeof(lit) - 1})
/* For printf's "%.*s". */
#define NC_FMT(s) (int)(s).n, (s).p

struct nc_str nc_str(const char *z); /* view of a C string; NULL gives the empty one */
bool nc_str_eq(struct nc_str a, struct nc_str b);
bool nc_str_eqz(struct nc_str a, const char *z);
bool nc_str_ieq(struct nc_str a, struct nc_str b); /* ASCII case ignored */
bool nc_str_starts(struct nc_str s, struct nc_str prefix);
struct nc_str nc_str_trim(struct nc_str s); /* without ASCII blanks at both ends */
/* Cut at the first `sep`: returns what stands before it and leaves the rest in
 * *s ({NULL,0} when nothing is left). */
struct nc_str nc_str_cut(struct nc_str *s, char sep);
/* A decimal number that fills the whole of `s`, 0..max.  NC_EINVAL otherwise. */
NC_MUSTUSE enum nc_err nc_str_u64(struct nc_str s, uint64_t max, uint64_t *out);
char *nc_str_dup(struct nc_str s); /* NUL-terminated copy; caller frees */

/*
 * Memory for structures whose size we chose ourselves: zeroed, and never NULL,
 * because the process ends when there is none.  A size that came from the
 * network is checked against a configured limit before it gets here.
 */
void *nc_alloc(size_t n);
void *nc_realloc(void *p, size_t n); /* not zeroed */
