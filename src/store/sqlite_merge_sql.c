#include "store/sqlite_merge.h"

#define AT(type, field) offsetof(struct type, field)

static const struct nc_field stamp_fields[] = {
    {"hlc", NC_F_U64, AT(nc_stamp, hlc)},
    {"origin", NC_F_KEY, AT(nc_stamp, origin)},
    {"origin_seq", NC_F_U64, AT(nc_stamp, origin_seq)},
    {"seq", NC_F_U64, AT(nc_stamp, seq)},
    {"state", NC_F_U32, AT(nc_stamp, state)},
    {0},
};
static const struct nc_field id_fields[] = {{"id", NC_F_KEY, 0}, {0}};
static const struct nc_field named_fields[] = {
    {"user", NC_F_KEY, AT(nc_named, user)},
    {"created_hlc", NC_F_U64, AT(nc_named, created_hlc)},
    {"claim", NC_F_HASH, AT(nc_named, claim)},
    {"deleted", NC_F_BOOL, AT(nc_named, deleted)},
    {"wanted", NC_F_TEXT, AT(nc_named, wanted)},
    {0},
};

/* An answer that gives way to another one. */
#define LOST                                                                         \
    "EXISTS (SELECT 1 FROM message AS lost WHERE lost.id = :id AND lost.deleted = 0" \
    " AND lost.state <> 1)"

const struct nc_sqlite_def nc_sqlite_merge_defs[M_N] = {
    [M_STAMP] = {"SELECT hlc, (SELECT id FROM incarnation WHERE no = stamp.origin) AS"
                 " origin, origin_seq, seq, state FROM stamp WHERE key = :key",
                 NULL, stamp_fields},
    [M_SET_STAMP] = {"INSERT OR REPLACE INTO stamp VALUES (:key, :hlc, :number,"
                     " :origin_seq, :seq, :state)",
                     stamp_fields, NULL},
    [M_SET_ACCOUNT] = {"INSERT INTO account VALUES (:id, :kind, :role, :disabled, 0, '',"
                       " :display_name, :password, :created_ms) ON CONFLICT DO UPDATE SET"
                       " kind = :kind, role = :role, disabled = :disabled, display_name ="
                       " :display_name, password = :password, created_ms = :created_ms",
                       nc_fields_account, NULL},
    [M_SET_ROOM] = {"INSERT OR REPLACE INTO room VALUES (:id, :created_by, :kind,"
                    " :visibility, :name, :topic, :created_ms, :deleted_ms,"
                    " :retention_days, :settings, :encryption, :home, :epoch)",
                    nc_fields_room, NULL},
    /* What was said before one came is not unread. */
    [M_SET_MEMBER] = {"INSERT INTO member VALUES (:room, :user, :role, :joined_ms, :pos,"
                      " coalesce((SELECT id FROM message WHERE message.room = :room"
                      " ORDER BY id DESC LIMIT 1), zeroblob(16)), :pos, 0)"
                      " ON CONFLICT DO UPDATE SET role = :role, joined_ms = :joined_ms",
                      nc_fields_member, NULL},
    [M_SET_BAN] = {"INSERT OR REPLACE INTO ban VALUES (:room, :user, :by, :created_ms,"
                   " :until_ms)",
                   nc_fields_ban, NULL},
    [M_SET_PERSONA] = {"INSERT OR REPLACE INTO persona VALUES (:user, :settings,"
                       " :created_ms)",
                       nc_fields_persona, NULL},
    [M_SET_KEY] = {"INSERT INTO api_key VALUES (:id, :user, :hash, :name, :scopes,"
                   " :created_ms, 0, :expires_ms, :tokens_per_day, :requests_per_day)"
                   " ON CONFLICT DO UPDATE SET name = :name, scopes = :scopes,"
                   " expires_ms = :expires_ms, tokens_per_day = :tokens_per_day,"
                   " requests_per_day = :requests_per_day WHERE id = :id",
                   nc_fields_key, NULL},
    /* It is news once: see NC_MESSAGE_COMPLETE. */
    [M_SHOW_MESSAGE] = {"UPDATE message SET body = :body, mentions = :mentions, ai = :ai,"
                        " code = :code, edited_ms = :edited_ms,"
                        " content_type = :content_type, reply_to = :reply_to,"
                        " again = CASE WHEN state = 1 AND :state <> 1"
                        " AND (again IS NULL OR late AND again = seq) THEN :pos"
                        " ELSE again END, state = :state WHERE id = :id",
                        nc_fields_message, NULL},
    [M_SHOW_ALTERNATIVE] = {"UPDATE alternative SET state = :state, body = :body, ai = :ai"
                            " WHERE message = :id"
                            " AND n = (SELECT chosen FROM message WHERE id = :id)",
                            nc_fields_message, NULL},
    [M_SET_MESSAGE] = {"INSERT INTO message VALUES (:room, :id, :seq, :sender, :client_id,"
                       " :reply_to, :kind, :state, :deleted, :late,"
                       " CASE WHEN :late THEN :seq END, :created_ms, :edited_ms,"
                       " :content_type, :mentions, :ai, :body, 0, 0, :code)",
                       nc_fields_message, NULL},
    [M_UNMENTION] = {"DELETE FROM mention WHERE id = :id", id_fields, NULL},
    [M_MENTION] = {"INSERT OR IGNORE INTO mention SELECT account.id, message.room,"
                   " message.id FROM account, message WHERE username = :username"
                   " AND message.id = :id",
                   nc_fields_message, NULL},
    [M_DROP_ACCOUNT] = {"UPDATE account SET deleted = 1, username = '', display_name = '',"
                        " password = '' WHERE id = :id AND deleted = 0",
                        id_fields, NULL},
    [M_DROP_ACCOUNT + 1] = {"DELETE FROM session WHERE user = :id", id_fields, NULL},
    [M_DROP_ACCOUNT + 2] = {"DELETE FROM api_key WHERE user = :id", id_fields, NULL},
    [M_DROP_ACCOUNT + 3] = {"DELETE FROM persona WHERE user = :id", id_fields, NULL},
    [M_DROP_ACCOUNT + 4] = {"DELETE FROM mention WHERE user = :id", id_fields, NULL},
    [M_DROP_ACCOUNT + 5] = {"DELETE FROM member WHERE user = :id", id_fields, NULL},
    [M_DROP_ACCOUNT + 6] = {"DELETE FROM ban WHERE user = :id", id_fields, NULL},
    [M_DROP_ACCOUNT + 7] = {"UPDATE name SET wanted = '' WHERE user = :id", id_fields,
                            NULL},
    [M_DROP_ROOM] = {"UPDATE room SET deleted_ms = :when WHERE id = :id AND deleted_ms = 0",
                     id_fields, NULL},
    [M_DROP_MEMBER] = {"DELETE FROM member WHERE room = :id AND user = :b", id_fields,
                       NULL},
    [M_DROP_BAN] = {"DELETE FROM ban WHERE room = :id AND user = :b", id_fields, NULL},
    [M_DROP_PERSONA] = {"DELETE FROM persona WHERE user = :id", id_fields, NULL},
    [M_DROP_KEY] = {"DELETE FROM api_key WHERE id = :id AND user = :b", id_fields, NULL},
    [M_DROP_MESSAGE] = {"UPDATE message SET deleted = 1, body = x'', mentions = '',"
                        " ai = '', code = '', alternatives = 0, chosen = 0 WHERE id = :id",
                        id_fields, NULL},
    [M_UNMAKE] = {"DELETE FROM message WHERE id = :id", id_fields, NULL},
    /* As NC_MESSAGE_RESTART does it; the new one is filled by what shows it. */
    [M_KEEP] =
        {"INSERT OR IGNORE INTO alternative SELECT id, chosen, state, created_ms, ai,"
         " body FROM message WHERE id = :id",
         id_fields, NULL},
    [M_KEEP + 1] = {"UPDATE message SET alternatives = max(alternatives, 1) + 1,"
                    " chosen = max(alternatives, 1), again = coalesce(again, 0)"
                    " WHERE id = :id",
                    id_fields, NULL},
    [M_KEEP + 2] = {"INSERT INTO alternative SELECT id, chosen, 1, :when, '', x''"
                    " FROM message WHERE id = :id",
                    id_fields, NULL},
    [M_TURN_TO] = {"UPDATE message SET chosen = alternative.n FROM alternative"
                   " WHERE message.id = :id AND alternative.message = :id"
                   " AND alternative.state = :state AND alternative.body = :body"
                   " AND alternative.ai = :ai",
                   nc_fields_message, NULL},
    /* What each shows has a row; then those of the one go behind those of the other. */
    [M_GIVE] =
        {"INSERT OR IGNORE INTO alternative SELECT id, chosen, state, created_ms, ai,"
         " body FROM message WHERE id IN (:id, :b) AND deleted = 0 AND " LOST,
         id_fields, NULL},
    [M_GIVE + 1] = {"INSERT INTO alternative SELECT :b, max(kept.alternatives, 1) + one.n,"
                    " one.state, one.created_ms, one.ai, one.body"
                    " FROM alternative AS one, message AS kept WHERE one.message = :id"
                    " AND kept.id = :b AND kept.deleted = 0 AND " LOST,
                    id_fields, NULL},
    [M_GIVE + 2] = {"UPDATE message SET alternatives = max(alternatives, 1)"
                    " + (SELECT count(*) FROM alternative WHERE message = :id)"
                    " WHERE id = :b AND deleted = 0 AND " LOST,
                    id_fields, NULL},
    [M_NO_ALTERNATIVES] = {"DELETE FROM alternative WHERE message = :id", id_fields, NULL},
    [M_NEWEST] = {"SELECT id FROM message WHERE room = :id ORDER BY id DESC LIMIT 1",
                  id_fields, id_fields},
    [M_CLAIMED] = {"SELECT message FROM client WHERE client_id = :client_id"
                   " AND sender = :sender",
                   nc_fields_message, NULL},
    [M_CLAIM] = {"INSERT OR REPLACE INTO client VALUES (:client_id, :sender, :id, NULL,"
                 " NULL)",
                 nc_fields_message, NULL},
    [M_TAKE] = {"INSERT INTO client VALUES (:client_id, :sender, :id, NULL, NULL)"
                " ON CONFLICT DO NOTHING",
                nc_fields_message, NULL},
    [M_ALIAS] = {"SELECT kept AS id FROM alias WHERE lost = :id", id_fields, id_fields},
    [M_MOVE_ALIAS] = {"UPDATE alias SET kept = :b WHERE kept = :id", id_fields, NULL},
    [M_SET_ALIAS] = {"INSERT OR REPLACE INTO alias VALUES (:id, :b)", id_fields, NULL},
    [M_END_SESSION] = {"INSERT INTO session VALUES (:id, :b, 0, '', '', :when, :when,"
                       " :when, :when, NULL, 0, 0) ON CONFLICT DO UPDATE SET ended_ms ="
                       " CASE ended_ms WHEN 0 THEN :when ELSE ended_ms END"
                       " WHERE user = :b",
                       id_fields, NULL},
    [M_END_SESSIONS] = {"UPDATE session SET ended_ms = :when WHERE user = :id"
                        " AND ended_ms = 0 AND created_ms <= :when",
                        id_fields, NULL},
    [M_ANY_NAME] = {"SELECT 1 WHERE EXISTS (SELECT 1 FROM account WHERE username = :name)"
                    " OR EXISTS (SELECT 1 FROM name WHERE claim = :claim)",
                    named_fields, NULL},
    [M_SET_NAME] = {"INSERT OR REPLACE INTO name VALUES (:user, :created_hlc, :wanted,"
                    " :claim)",
                    named_fields, NULL},
    [M_NAMES] = {"SELECT name.user, created_hlc, wanted, claim, coalesce(deleted, 1) AS"
                 " deleted FROM name LEFT JOIN account ON account.id = name.user",
                 NULL, named_fields},
    [M_USERNAME] = {"SELECT username FROM account WHERE id = :id AND deleted = 0",
                    id_fields, NULL},
    [M_SET_USERNAME] = {"UPDATE account SET username = :name WHERE id = :id", id_fields,
                        NULL},
    [M_TAKE_USERNAME] = {"INSERT OR IGNORE INTO username VALUES (:name)", NULL, NULL},
    [M_ORIGIN] = {"SELECT no, known, current FROM incarnation WHERE id = :id", id_fields,
                  NULL},
    [M_ORIGIN_NEW] = {"INSERT INTO incarnation (id, own, current, created_ms)"
                      " VALUES (:id, 0, 0, :now)",
                      id_fields, NULL},
    [M_SET_ORIGIN] = {"UPDATE incarnation SET known = max(known, :head) WHERE no = :number",
                      NULL, NULL},
};
