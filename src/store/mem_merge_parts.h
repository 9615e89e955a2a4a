/*
 * store/mem_merge_parts: what the files of mem_merge share.
 *
 * mem_merge.c stamps, records, logs · _said alternatives, client ids, aliases · _people
 * sessions and names.  For these files only; the functions are those of nc_merge_ops.
 */
#pragma once

#include "store/mem.h"
#include "store/merge.h"

static inline struct nc_mem *nc_mem_of(void *db)
{
    return ((struct nc_mem_merging *)db)->m;
}

/* The row whose key begins with these n bytes; or NULL. */
static inline const void *nc_mem_found(const struct nc_mem *m, enum nc_mem_table t,
                                       const void *key, size_t n)
{
    size_t at = nc_mem_find(m, t, key, n);

    return at == MEM_NONE ? NULL : m->t[t].at[at];
}

/* mem_merge_said.c */
void nc_mem_op_keep(void *db, const struct nc_id *message, uint64_t when_ms);
bool nc_mem_op_turn_to(void *db, const struct nc_message *msg);
void nc_mem_op_give(void *db, const struct nc_id *lost, const struct nc_id *kept);
void nc_mem_op_newest(void *db, const struct nc_id *room, struct nc_id *out);
bool nc_mem_op_claimed(void *db, const struct nc_message *msg, struct nc_id *out);
void nc_mem_op_claim(void *db, const struct nc_message *msg);
bool nc_mem_op_take(void *db, const struct nc_message *msg);
bool nc_mem_op_alias(void *db, const struct nc_id *lost, struct nc_id *kept);
void nc_mem_op_set_alias(void *db, const struct nc_id *lost, const struct nc_id *kept);

/* mem_merge_people.c */
void nc_mem_op_end_sessions(void *db, const struct nc_id *user, const struct nc_id *session,
                            uint64_t when_ms);
bool nc_mem_op_any(void *db, struct nc_str name, const uint8_t claim[NC_STATE_HASH]);
void nc_mem_op_set_name(void *db, const struct nc_named *n);
size_t nc_mem_op_names(void *db, struct nc_named **out, struct nc_buf *text);
bool nc_mem_op_username(void *db, const struct nc_id *user, struct nc_str *out);
void nc_mem_op_set_username(void *db, const struct nc_id *user, struct nc_str name);
