/*
 * base/buf: bytes that grow at the end and are consumed at the front.
 *
 * Embedded by value; a zeroed one is empty and valid.  Not thread-safe.
 */
#pragma once

#include "base/base.h"

struct nc_buf {
    char *p;    /* first unconsumed byte; NULL while nothing was ever added */
    size_t n;   /* unconsumed bytes */
    size_t cap; /* bytes available from p */
    size_t off; /* bytes consumed before p, reclaimed on growth */
};

void nc_buf_fini(struct nc_buf *b); /* frees and zeroes; fine on a zeroed one */
void nc_buf_add(struct nc_buf *b, const void *p, size_t n);
void nc_buf_adds(struct nc_buf *b, struct nc_str s);
void nc_buf_addc(struct nc_buf *b, char c);
void nc_buf_printf(struct nc_buf *b, const char *fmt, ...) NC_PRINTF(2, 3);
/* Room for at least n more bytes; returns where they go.  Follow with nc_buf_grew. */
char *nc_buf_reserve(struct nc_buf *b, size_t n);
void nc_buf_grew(struct nc_buf *b, size_t n);
void nc_buf_consume(struct nc_buf *b, size_t n); /* n <= b->n */
void nc_buf_clear(struct nc_buf *b);             /* empty, keeps the memory */
struct nc_str nc_buf_str(const struct nc_buf *b);
