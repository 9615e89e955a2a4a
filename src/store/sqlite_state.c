#include "store/sqlite_state.h"

#include <string.h>

#include "store/store.h"

/* All records begin at the same place; the rest of struct nc_record lies behind them. */
#define BEGIN offsetof(struct nc_record, account)
#define AT(type, field) offsetof(struct type, field)
#define ACCOUNT_FIELDS                                                              \
    {"id", NC_F_KEY, AT(nc_account, id)}, {"kind", NC_F_U32, AT(nc_account, kind)}, \
        {"role", NC_F_U32, AT(nc_account, role)},                                   \
        {"disabled", NC_F_BOOL, AT(nc_account, disabled)},                          \
        {"deleted", NC_F_BOOL, AT(nc_account, deleted)},                            \
        {"wanted", NC_F_TEXT, AT(nc_account, username)},                            \
        {"display_name", NC_F_TEXT, AT(nc_account, display_name)},                  \
        {"password", NC_F_TEXT, AT(nc_account, password)},                          \
        {"created_ms", NC_F_U64, AT(nc_account, created_ms)},                       \
        {"created_hlc", NC_F_U64, offsetof(struct nc_record, created_hlc) - BEGIN}, \
    {                                                                               \
        "claim", NC_F_HASH, offsetof(struct nc_record, claim) - BEGIN               \
    }

static const struct nc_field account_fields[] = {ACCOUNT_FIELDS, {0}};
static const struct nc_field shown_fields[] = {
    ACCOUNT_FIELDS,
    {"username", NC_F_TEXT, offsetof(struct nc_sqlite_shown, username) - BEGIN},
    {0},
};
static const struct nc_field key_fields[] = {
    {"a", NC_F_KEY, AT(nc_state_key, a)},
    {"b", NC_F_KEY, AT(nc_state_key, b)},
    {0},
};

#define ACCOUNT                                                                 \
    "SELECT id, kind, role, disabled, deleted, wanted, display_name, password," \
    " created_ms, created_hlc, claim"
#define ACCOUNTS " FROM account JOIN name ON name.user = account.id"
#define KEY                                                        \
    "SELECT id, user, hash, name, scopes, created_ms, expires_ms," \
    " tokens_per_day, requests_per_day FROM api_key"
#define MESSAGE                                                                      \
    "SELECT room, id, seq, sender, client_id, reply_to, kind, state, deleted, late," \
    " created_ms, edited_ms, content_type, mentions, ai, body, code, alternatives,"  \
    " chosen FROM message"
/* Rooms and accounts that are deleted take with them what is theirs. */
#define IN_ROOM(table) \
    "EXISTS (SELECT 1 FROM room WHERE room.id = " table ".room AND deleted_ms = 0)"
#define OF_USER(table) \
    "EXISTS (SELECT 1 FROM account WHERE account.id = " table ".user AND deleted = 0)"

static const char kinds[NC_SQLITE_STATES] = {
    NC_STATE_ACCOUNT, NC_STATE_ROOM, NC_STATE_MEMBER,  NC_STATE_BAN,
    NC_STATE_PERSONA, NC_STATE_KEY,  NC_STATE_MESSAGE,
};

const struct nc_sqlite_def nc_sqlite_states[NC_SQLITE_STATES] = {
    {ACCOUNT ACCOUNTS " WHERE id = :a", key_fields, account_fields},
    {"SELECT * FROM room WHERE id = :a", key_fields, nc_fields_room},
    {"SELECT room, user, role, joined_ms FROM member WHERE room = :a AND user = :b",
     key_fields, nc_fields_member},
    {"SELECT * FROM ban WHERE room = :a AND user = :b", key_fields, nc_fields_ban},
    {"SELECT * FROM persona WHERE user = :a", key_fields, nc_fields_persona},
    {KEY " WHERE id = :a AND user = :b", key_fields, nc_fields_key},
    {MESSAGE " WHERE id = :a", key_fields, nc_fields_message},
};

static const struct nc_field page_fields[] = {
    {"after", NC_F_KEY, AT(nc_query, after)},
    {"limit", NC_F_U32, AT(nc_query, limit)},
    {0},
};

const struct nc_sqlite_def nc_sqlite_states_all[NC_SQLITE_STATES] = {
    {ACCOUNT ", username" ACCOUNTS " WHERE deleted = 0", NULL, shown_fields},
    {"SELECT * FROM room WHERE deleted_ms = 0", NULL, nc_fields_room},
    {"SELECT room, user, role, joined_ms FROM member WHERE " IN_ROOM(
         "member") " AND " OF_USER("member"),
     NULL, nc_fields_member},
    {"SELECT * FROM ban WHERE " IN_ROOM("ban") " AND " OF_USER("ban"), NULL, nc_fields_ban},
    {"SELECT * FROM persona WHERE " OF_USER("persona"), NULL, nc_fields_persona},
    {KEY " WHERE " OF_USER("api_key"), NULL, nc_fields_key},
    {MESSAGE " WHERE id > :after AND deleted = 0 AND " IN_ROOM(
         "message") " ORDER BY id LIMIT :limit",
     page_fields, nc_fields_message},
};

unsigned nc_sqlite_state_no(enum nc_state_kind kind)
{
    unsigned i = 0;

    while (i < NC_SQLITE_STATES && kinds[i] != (char)kind)
        i++;
    return i;
}

void nc_sqlite_state_take(const struct nc_sqlite_stmt *s, enum nc_state_kind kind,
                          struct nc_record *out)
{
    *out = (struct nc_record){.kind = kind};
    nc_sqlite_columns(s, &out->account);
}
