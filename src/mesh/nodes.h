/*
 * mesh/nodes: the other nodes that this one trusts, and how they came to.
 *
 * A node is pinned by its id and its key, both for ever; its name, addresses and the keys
 * it signs tokens with may change.  All of it, and the invitations that are open, is in one
 * file (0600), replaced whole at each change.  Loop thread only.
 */
#pragma once

#include "base/list.h"
#include "crypto/jwt.h"
#include "mesh/pair.h"

struct nc_brokers;
struct nc_jwt_cache;
struct nc_nodes;

#define NC_NODES_MAX 63             /* a broker's plugin knows 64, this one among them */
#define NC_NODES_INVITES 16         /* invitations that are open, or were used, at once */
#define NC_NODES_INVITE_S 3600      /* how long one is good */
#define NC_NODES_CLOCK_OFF_MS 60000 /* more than that apart is told */

struct nc_node {
    struct nc_card card;     /* as it said last */
    uint64_t added_ms;       /* wall time */
    uint64_t seen_ms;        /* when it was last heard of; kept now and then */
    int64_t clock_off_ms;    /* its clock minus ours, when we last could tell */
    uint64_t jwks_v;         /* stamp of the document its keys are from; 0: of pairing */
    struct nc_keyring *ring; /* card.jwks: a token of another key is none of its */
    struct nc_jwt_cache *tokens; /* of these keys */
};

struct nc_nodes_opts {
    const char *path; /* DIR/nodes.json */
    struct nc_id self;
    const struct nc_identity *identity; /* borrowed */
    const char *name;                   /* ours: no other may have it */
    /* Who is trusted, or with what, has changed; it is on disk already.  May be NULL. */
    void (*changed)(void *arg);
    void *arg;
};

/* NC_EINVAL: the file is broken; NC_EIO.  Logged. */
NC_MUSTUSE enum nc_err nc_nodes_open(struct nc_nodes **out, const struct nc_nodes_opts *o);
void nc_nodes_free(struct nc_nodes *n); /* NULL is fine */

size_t nc_nodes_count(const struct nc_nodes *n);
const struct nc_node *nc_nodes_at(const struct nc_nodes *n, size_t i); /* in order of age */
const struct nc_node *nc_nodes_find(const struct nc_nodes *n, const struct nc_id *id);
/* The same as an answer that others may ask for, with the table as `arg`. */
bool nc_nodes_has(void *arg, const struct nc_id *id);

/* Trust it from now on; one that is there already has its name, addresses and keys
 * replaced.  Takes *card over in any case.  NC_EEXIST: its name, or its id with another
 * key, or its key with another id, is there; NC_ELIMIT; NC_EIO: not kept.  *why says it. */
NC_MUSTUSE enum nc_err nc_nodes_pin(struct nc_nodes *n, struct nc_card *card,
                                    int64_t clock_off_ms, struct nc_problem *why);
/* Trust it no more: neither its documents nor its tokens.  NC_ENOENT; NC_EIO. */
NC_MUSTUSE enum nc_err nc_nodes_forget(struct nc_nodes *n, const struct nc_id *id);

/* A new invitation to us at code->urls, which are set; the rest is filled in.  NC_ELIMIT:
 * too many are open; NC_EIO. */
NC_MUSTUSE enum nc_err nc_nodes_invite(struct nc_nodes *n, struct nc_pair_code *code);
size_t nc_nodes_open_invites(const struct nc_nodes *n, uint64_t now_ms);
/*
 * Somebody wants to join.  Appends our answer once it is trusted; the same node may ask
 * again with the same invitation, as its answer may have been lost.
 *
 * self: our card; node: who it is, to tell of.
 * returns: NC_EACCESS no such invitation, used, over, or not proven: a guess, for what the
 * caller knows; else as nc_nodes_pin and nc_pair_request_read.
 */
NC_MUSTUSE enum nc_err nc_nodes_take(struct nc_nodes *n, const json_t *request,
                                     const struct nc_card *self, struct nc_buf *answer,
                                     const struct nc_node **node, struct nc_problem *why);

/* Whether it is an access token of one of them: signed with a key of the very node that it
 * names as its issuer.  As nc_jwt_verify; `arg` is the table. */
enum nc_jwt_why nc_nodes_verify(void *arg, struct nc_str token, uint64_t now_ms,
                                unsigned leeway_s, struct nc_jwt *out);
/* Its document n/<node>/jwks came: from now on these are its keys, if the document is
 * signed by it and newer than what we have.  NC_ENOENT: none of ours; NC_EACCESS,
 * NC_EINVAL: not signed, broken; NC_EEXIST: not newer. */
NC_MUSTUSE enum nc_err nc_nodes_jwks(struct nc_nodes *n, const struct nc_id *node,
                                     struct nc_str payload);
/* Listen to brokers for that document and for signs of life, as long as the brokers are. */
void nc_nodes_listen(struct nc_nodes *n, struct nc_brokers *brokers);
/* Its clock less ours, as it could be told just now; kept with what is kept next. */
void nc_nodes_clock(struct nc_nodes *n, const struct nc_id *node, int64_t off_ms);
/* It was heard of just now. */
void nc_nodes_seen(struct nc_nodes *n, const struct nc_id *node);
