/*
 * client/outbox: messages that are not acknowledged yet, on disk.
 *
 * Each is a file named by its client_id, which is made once and orders them: the node
 * stores a repeat only once, so whatever dies, sending again is right.  Rooms are
 * independent; within one, the next message is sent after the one before was answered.
 * Knows no sockets: it says what is due, and is told what became of it.
 */
#pragma once

#include "base/id.h"
#include "base/list.h"

enum nc_outbox_state {
    NC_OUT_WAITING, /* to be sent, when its turn and time have come */
    NC_OUT_SENT,    /* on its way: the answer will tell */
    NC_OUT_REFUSED, /* the node will never take it: `why` */
};

struct nc_outbox_item {
    struct nc_list node;
    struct nc_id client_id, room, reply_to; /* reply_to zero: none */
    char *text;
    enum nc_outbox_state state;
    const void *via;        /* to whom it is on its way */
    uint64_t not_before_ms; /* monotonic */
    unsigned attempts;
    char why[200];
};

struct nc_outbox {
    char *dir;           /* NULL: only in memory */
    struct nc_list list; /* oldest first */
};

/* Reads what an earlier run left; `dir` is made (0700) if absent.  NC_EIO: no folder. */
NC_MUSTUSE enum nc_err nc_outbox_open(struct nc_outbox *o, const char *dir);
void nc_outbox_close(struct nc_outbox *o); /* the files stay */

/* On disk when it returns.  NC_EIO: it is not, and not in the list. */
NC_MUSTUSE enum nc_err nc_outbox_add(struct nc_outbox *o, const struct nc_id *room,
                                     const struct nc_id *reply_to, struct nc_str text,
                                     struct nc_outbox_item **out);
/* The next one to send now, or NULL.  *wait_ms: when to ask again, 0 for no need to.
 * to: says who would take an item, NULL for nobody now: then it is not due.  NULL: all are.
 */
typedef void *nc_outbox_to(void *arg, const struct nc_outbox_item *it);
struct nc_outbox_item *nc_outbox_due(struct nc_outbox *o, uint64_t now_ms,
                                     uint64_t *wait_ms, nc_outbox_to *to, void *arg);
void nc_outbox_sent(struct nc_outbox_item *it, const void *via);
struct nc_outbox_item *nc_outbox_find(struct nc_outbox *o, const struct nc_id *client_id);
/* Acknowledged, or given up: file and item go. */
void nc_outbox_drop(struct nc_outbox *o, struct nc_outbox_item *it);
/* Not now: again after a growing pause of at least `pause_ms`. */
void nc_outbox_again(struct nc_outbox_item *it, uint64_t now_ms, uint64_t pause_ms);
void nc_outbox_refused(struct nc_outbox_item *it, struct nc_str why);
/* The connection is gone: what was on its way there waits again. */
void nc_outbox_offline(struct nc_outbox *o, const void *via);
