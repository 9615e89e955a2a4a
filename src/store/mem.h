/*
 * store/mem: everything in memory, in the simplest shape there is.
 *
 * The reference that says what the other backends must answer, and the store
 * of tests.  Rows are never changed in place: a change puts a new row where
 * the old one was and remembers the old one, so a refused commit is undone by
 * putting them back.  Private to the backend.
 */
#pragma once

#include "base/hist.h"
#include "loop/loop.h"
#include "store/logged.h"

enum nc_mem_table {
    T_ACCOUNT,
    T_NAME,
    T_SESSION,
    T_KEY,
    T_INVITE,
    T_ROOM,
    T_MEMBER,
    T_BAN,
    T_MESSAGE,
    T_ALTERNATIVE,
    T_CLIENT,
    T_PROVIDER,
    T_PERSONA,
    T_JOB,
    T_USAGE,
    T_META,
    T_STAMP,
    T_ALIAS,
    T_NAMED,
    T_ORIGIN,
    T_SEGMENT,
    T_LOG,
    TABLES
};

/* Rows begin with what they are found by. */
struct nc_mem_name { /* a username that is taken; its account may be gone */
    struct nc_str name;
};
struct nc_mem_message {
    struct nc_message m;
    uint64_t again; /* a late one's seq, a generated one's first completion; else 0 */
    bool ended;     /* stopped streaming, or never did: what completes now is no news */
};
struct nc_mem_client { /* what a client id was used for */
    struct nc_id client, sender;
    struct nc_id message; /* zero: a command */
    struct nc_str notice;
    uint64_t created_ms;
};
struct nc_mem_meta {
    struct nc_str key, value;
};

struct nc_mem_stamp {
    uint8_t key[NC_STATE_KEY_MAX]; /* padded by zeros */
    struct nc_stamp stamp;
};
struct nc_mem_alias {
    struct nc_id lost, kept;
};
struct nc_mem_named { /* who wanted which username */
    struct nc_id user;
    uint64_t created_hlc;
    uint8_t claim[NC_STATE_HASH];
    struct nc_str wanted;
};
struct nc_mem_origin { /* of another log than this one */
    struct nc_id origin;
    uint64_t head;
    bool own; /* an earlier name of this one */
};
struct nc_mem_segment {
    struct nc_id origin;
    uint64_t first;
    struct nc_segment s;
};

struct nc_mem_rows {
    void **at; /* NULL: deleted */
    size_t n, cap;
};

struct nc_mem_undo {
    enum nc_mem_table table;
    size_t at;
    void *old;
};

struct nc_mem {
    struct nc_store store; /* first */
    struct nc_loop *loop;
    struct nc_mem_rows t[TABLES];
    struct nc_mem_undo *undo; /* of the commit being applied */
    size_t undo_n, undo_cap;
    struct nc_list commits, queries, backups; /* not yet begun */
    struct nc_task work;
    struct nc_hist commit_time;
    struct nc_log_tail tail;
    uint64_t head, own_head, messages;
    bool closing;
};

#define MEM_NONE SIZE_MAX

/* The row whose first n bytes are `key`, or MEM_NONE. */
size_t nc_mem_find(const struct nc_mem *m, enum nc_mem_table t, const void *key, size_t n);
const void *nc_mem_row(const struct nc_mem *m, enum nc_mem_table t, const struct nc_id *id);
const struct nc_member_rec *nc_mem_member(const struct nc_mem *m, const struct nc_id *room,
                                          const struct nc_id *user);

/* mem_rows.c: changes that can be taken back until they are settled. */
void nc_mem_insert(struct nc_mem *m, enum nc_mem_table t, const void *row); /* copies */
void nc_mem_replace(struct nc_mem *m, enum nc_mem_table t, size_t at, const void *row);
void nc_mem_drop(struct nc_mem *m, enum nc_mem_table t, size_t at);
/* Rows of `t` with `id` at byte `offset` go. */
void nc_mem_drop_where(struct nc_mem *m, enum nc_mem_table t, size_t offset,
                       const struct nc_id *id);
void nc_mem_settle(struct nc_mem *m, bool keep);

/* What is being applied: `pos` is the log position it will have, or the head. */
struct nc_mem_step {
    struct nc_commit *commit;
    struct nc_change *ch;
    uint64_t pos;
};
/* NC_AGAIN: fine, but nothing happened, so nothing is logged. */
typedef enum nc_err nc_mem_apply_fn(struct nc_mem *m, struct nc_mem_step *s);
/* Each kind is in one of them. */
extern nc_mem_apply_fn *const nc_mem_people[NC_CHANGE_KINDS];
extern nc_mem_apply_fn *const nc_mem_rooms[NC_CHANGE_KINDS];
extern nc_mem_apply_fn *const nc_mem_messages[NC_CHANGE_KINDS];
extern nc_mem_apply_fn *const nc_mem_ai[NC_CHANGE_KINDS];
extern nc_mem_apply_fn *const nc_mem_mesh[NC_CHANGE_KINDS];

/* mem_merge.c: the tables that merge.h works on. */
struct nc_merge_ops;
struct nc_mem_merging {
    struct nc_mem *m;
    uint64_t pos;
};
extern const struct nc_merge_ops nc_mem_merge_ops;
bool nc_mem_record(const struct nc_mem *m, const struct nc_state_key *k,
                   struct nc_record *out); /* strings are the tables' */
/* Puts a row where one with the same first n bytes is, or at the end. */
void nc_mem_put(struct nc_mem *m, enum nc_mem_table t, const void *row, size_t n);
/* mem_mesh.c: what other nodes are told. */
void nc_mem_query_renamed(struct nc_mem *m, struct nc_query *q);
void nc_mem_query_vector(struct nc_mem *m, struct nc_query *q);
void nc_mem_query_origin(struct nc_mem *m, struct nc_query *q);
void nc_mem_query_segments(struct nc_mem *m, struct nc_query *q);
void nc_mem_query_state(struct nc_mem *m, struct nc_query *q);
/* The message, or the one for which its id was given up. */
const struct nc_mem_message *nc_mem_resolve(const struct nc_mem *m, const struct nc_id *id);
/* Is a message here streaming by this node's own doing? */
bool nc_mem_is_ours(const struct nc_mem *m, const struct nc_mem_message *row);
/* Erased: its events may be trimmed.  A tombstone stays. */
void nc_mem_unstamp(struct nc_mem *m, const struct nc_id *message);
void nc_mem_unname(struct nc_mem *m, const struct nc_id *user); /* forgets what it wanted */
bool nc_mem_stamped(const struct nc_mem *m, uint64_t seq);      /* a state's newest event */
/* mem_messages.c: its alternative of now, where it has several. */
void nc_mem_keep(struct nc_mem *m, const struct nc_message *msg);

/* mem_ai.c: by day and all the names; 0: they are added up in the same row. */
int nc_mem_usage_cmp(const struct nc_usage *a, const struct nc_usage *b);

/* mem_messages.c: the oldest message of a room with an id below `before` (NULL: any),
 * or MEM_NONE; erase up to `limit` of those. */
size_t nc_mem_oldest(const struct nc_mem *m, const struct nc_id *room,
                     const struct nc_id *before);
uint64_t nc_mem_erase(struct nc_mem *m, const struct nc_id *room,
                      const struct nc_id *before, uint32_t limit);

/* mem_write.c: the whole commit or nothing of it. */
enum nc_err nc_mem_apply(struct nc_mem *m, struct nc_commit *c);
/* mem_read.c */
enum nc_err nc_mem_query(struct nc_mem *m, struct nc_query *q);
void nc_mem_fill_message(const struct nc_mem *m, struct nc_message *out,
                         const struct nc_mem_message *row); /* with its sender's names */
/* mem_log.c */
void nc_mem_query_log(struct nc_mem *m, struct nc_query *q);
void nc_mem_query_distance(struct nc_mem *m, struct nc_query *q);
void nc_mem_query_place(struct nc_mem *m, struct nc_query *q);
