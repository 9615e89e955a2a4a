/*
 * base/blob: immutable bytes shared by many, the encoded frame of a fan-out.
 *
 * The count is not atomic: a blob may be handed from one thread to another,
 * but only one thread holds references at a time.
 */
#pragma once

#include "base/base.h"

struct nc_blob {
    uint32_t refs;
    size_t n;
    char p[];
};

struct nc_blob *nc_blob_new(const void *p, size_t n); /* copies; one reference */
struct nc_blob *nc_blob_alloc(size_t n);        /* uninitialised bytes; one reference */
struct nc_blob *nc_blob_ref(struct nc_blob *b); /* returns b */
void nc_blob_unref(struct nc_blob *b);          /* NULL is fine */
static inline struct nc_str nc_blob_str(const struct nc_blob *b)
{
    return (struct nc_str){b->p, b->n};
}
