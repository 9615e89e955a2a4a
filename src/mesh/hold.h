/*
 * mesh/hold: what came over a broker and is not stored yet, safe from the process's end.
 *
 * A broker forgets a message as soon as it was acknowledged, which is before our store has
 * it.  So each is appended to one file first, in a write of its own, and marked there when
 * it is done; what was not is found again at the next start.  The file begins anew whenever
 * nothing is held.  Not synced: a lost machine loses what its sender was not told of.
 *
 * Payloads stay in memory up to a limit, beyond it they are read back.  Loop thread only.
 */
#pragma once

#include "base/buf.h"
#include "base/id.h"
#include "base/list.h"

struct nc_hold;

struct nc_held_in {
    struct nc_str user; /* at most 255 bytes */
    struct nc_id room, client_id;
    uint64_t via; /* the caller's: which broker it came by */
    struct nc_str payload;
};

struct nc_held {
    /* The caller's. */
    struct nc_list node;
    uint64_t due_ms;
    bool mine; /* ours to store, whoever else lives */
    bool running;
    bool paid;  /* its sender's bytes to parse are counted */
    bool once;  /* may be a command: the other nodes are told that it is done */
    bool early; /* came before it was known who else is there */
    /* The hold's: read only. */
    uint64_t n; /* order of arrival */
    struct nc_id room, client_id;
    uint64_t via;
    uint32_t payload_n;
    uint64_t at;   /* in the file */
    char *payload; /* NULL: only on disk */
    struct nc_list all;
    uint8_t user_n;
    char user[];
};

struct nc_hold_limits {
    size_t memory_max; /* bytes of payloads kept in memory: 1 MiB */
    size_t disk_max;   /* bytes of the file: 256 MiB */
    unsigned max;      /* held at once: 100000 */
};
extern const struct nc_hold_limits nc_hold_limits_default;

/*
 * Opens the file (made, 0600, if absent) and finds what was held when the process ended:
 * found() hears of each, in order.  A torn end is cut off.  NC_EIO (logged).
 */
NC_MUSTUSE enum nc_err nc_hold_open(struct nc_hold **out, const char *path,
                                    const struct nc_hold_limits *limits,
                                    void (*found)(void *arg, struct nc_held *h), void *arg);
/* What is still held stays in the file.  NULL is fine. */
void nc_hold_close(struct nc_hold *h);

/* NC_ELIMIT: too much is held.  NC_EIO (logged): it couldn't be written. */
NC_MUSTUSE enum nc_err nc_hold_add(struct nc_hold *h, const struct nc_held_in *in,
                                   struct nc_held **out);
/* Appends the payload.  NC_EIO (logged). */
NC_MUSTUSE enum nc_err nc_hold_payload(struct nc_hold *h, const struct nc_held *held,
                                       struct nc_buf *out);
/* It is done with: frees.  Its list node is unlinked. */
void nc_hold_drop(struct nc_hold *h, struct nc_held *held);

unsigned nc_hold_count(const struct nc_hold *h);
size_t nc_hold_bytes(const struct nc_hold *h); /* of the file */
