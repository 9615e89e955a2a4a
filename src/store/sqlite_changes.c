#include "store/sqlite_changes.h"

/* A statement that just runs, one that refuses when it finds or changes nothing, one
 * whose rows are counted, one whose row goes back. */
#define SQL(text)   \
    {               \
        .sql = text \
    }
#define ELSE(why, text)          \
    {                            \
        .sql = text, .none = why \
    }
#define COUNTED(text)               \
    {                               \
        .sql = text, .counts = true \
    }
#define BACK(text)               \
    {                            \
        .sql = text, .out = true \
    }

#define MEMBER_BACK BACK("SELECT * FROM member WHERE room = :room AND user = :user")
/* The oldest of a room, below an id: what the erasing kinds work on. */
#define OLDEST(columns)                                                    \
    "(SELECT " columns " FROM message WHERE room = :room AND id < :before" \
    " ORDER BY id LIMIT :left)"
#define ERASE_CLIENTS                                      \
    SQL("DELETE FROM client WHERE (client_id, sender) IN " \
        "(SELECT client_id, sender FROM " OLDEST("client_id, sender") ")")
/* The events of what is erased may be trimmed; tombstones stay. */
#define ERASE_STAMPS \
    SQL("DELETE FROM stamp WHERE state = 0 AND key IN " OLDEST("CAST('t' || id AS BLOB)"))
#define ERASE_MENTIONS SQL("DELETE FROM mention WHERE id IN " OLDEST("id"))
#define ERASE_ALTERNATIVES SQL("DELETE FROM alternative WHERE message IN " OLDEST("id"))
#define ERASE_MESSAGES \
    COUNTED("DELETE FROM message WHERE room = :room AND id IN " OLDEST("id"))
/* What the message shows now, where it is one of several. */
#define KEEP(columns)                                            \
    SQL("UPDATE alternative SET " columns " WHERE message = :id" \
        " AND n = (SELECT chosen FROM message WHERE id = :id)")
#define WHEN_EMPTY "NOT EXISTS (SELECT 1 FROM message WHERE message.room = :room)"

#define OF_ORIGIN "origin = (SELECT no FROM incarnation WHERE id = :origin)"
#define USAGE_KEY "day, user, room, persona, key, provider, model"

const struct nc_sqlite_kind nc_sqlite_kinds[NC_CHANGE_KINDS] = {
    [NC_ACCOUNT_INSERT] =
        {.fields = nc_fields_account,
         .steps = {ELSE(NC_EEXIST,
                        "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM account WHERE id = :id)"),
                   ELSE(NC_EEXIST,
                        "INSERT INTO username VALUES (:username) ON CONFLICT DO NOTHING"),
                   SQL("INSERT INTO account VALUES (:id, :kind, :role, :disabled, :deleted,"
                       " :username, :display_name, :password, :created_ms)")}},
    [NC_ACCOUNT_UPDATE] = {.fields = nc_fields_account,
                           .steps = {ELSE(
                               NC_ENOENT,
                               "UPDATE account SET role = :role, disabled = :disabled,"
                               " display_name = :display_name, password = CASE :password"
                               " WHEN '' THEN password ELSE :password END"
                               " WHERE id = :id AND deleted = 0")}},
    [NC_ACCOUNT_DELETE] =
        {.fields = nc_fields_account,
         .steps = {ELSE(NC_ENOENT,
                        "UPDATE account SET deleted = 1, username = '', display_name = '',"
                        " password = '' WHERE id = :id AND deleted = 0"),
                   SQL("DELETE FROM session WHERE user = :id"),
                   SQL("DELETE FROM api_key WHERE user = :id"),
                   SQL("DELETE FROM persona WHERE user = :id"),
                   SQL("DELETE FROM mention WHERE user = :id"),
                   SQL("UPDATE name SET wanted = '' WHERE user = :id")}},

    [NC_SESSION_INSERT] =
        {.fields = nc_fields_session,
         .steps = {ELSE(NC_EEXIST,
                        "INSERT INTO session VALUES (:id, :user, :generation, :device,"
                        " :address, :created_ms, :used_ms, :expires_ms, :ended_ms, NULL,"
                        " 0, 0)"
                        " ON CONFLICT DO NOTHING")}},
    [NC_SESSION_ROTATE] =
        {.fields = nc_fields_session,
         .steps = {ELSE(NC_ENOENT, "SELECT 1 FROM session WHERE id = :id AND ended_ms = 0"),
                   ELSE(NC_EEXIST,
                        "UPDATE session SET generation = generation + 1, spent = :spent,"
                        " spent_ms = CASE generation WHEN :spent THEN :used_ms"
                        " ELSE spent_ms END, used_ms = :used_ms,"
                        " expires_ms = :expires_ms, address = :address"
                        " WHERE id = :id AND (generation = :spent OR (spent = :spent AND "
                        "spent > 0"
                        " AND spent_ms BETWEEN :spent_ms AND :used_ms))"),
                   BACK("SELECT generation FROM session WHERE id = :id")}},
    [NC_SESSION_END] = {.fields = nc_fields_session,
                        .steps = {ELSE(NC_ENOENT, "UPDATE session SET ended_ms = :ended_ms"
                                                  " WHERE id = :id AND ended_ms = 0")}},
    [NC_SESSIONS_END] = {.fields = nc_fields_session,
                         .steps = {COUNTED(
                             "UPDATE session SET ended_ms = :ended_ms"
                             " WHERE user = :user AND ended_ms = 0 AND id <> :id")}},

    [NC_KEY_INSERT] = {.fields = nc_fields_key,
                       .steps = {ELSE(
                           NC_EEXIST,
                           "INSERT INTO api_key VALUES (:id, :user, :hash, :name, :scopes,"
                           " :created_ms, :used_ms, :expires_ms, :tokens_per_day,"
                           " :requests_per_day) ON CONFLICT DO NOTHING")}},
    [NC_KEY_TOUCH] = {.fields = nc_fields_key,
                      .steps = {COUNTED(
                          "UPDATE api_key SET used_ms = :used_ms WHERE id = :id")}},
    [NC_KEY_DELETE] =
        {.fields = nc_fields_key,
         .steps = {ELSE(NC_ENOENT, "DELETE FROM api_key WHERE id = :id AND user = :user")}},

    [NC_INVITE_INSERT] =
        {.fields = nc_fields_invite,
         .steps = {ELSE(NC_EEXIST,
                        "INSERT INTO invite VALUES (:id, :by, :room, :hash, :code,"
                        " :uses_left, :created_ms, :expires_ms) ON CONFLICT DO NOTHING")}},
    [NC_INVITE_USE] =
        {.fields = nc_fields_invite,
         .steps = {ELSE(
             NC_ENOENT,
             "UPDATE invite SET uses_left = uses_left - 1 WHERE hash = :hash"
             " AND uses_left > 0 AND (expires_ms = 0 OR expires_ms > :created_ms)")}},
    [NC_INVITE_DELETE] = {.fields = nc_fields_invite,
                          .steps = {ELSE(NC_ENOENT, "DELETE FROM invite WHERE id = :id")}},

    [NC_ROOM_INSERT] =
        {.fields = nc_fields_room,
         .steps = {ELSE(NC_EEXIST,
                        "INSERT INTO room VALUES (:id, :created_by, :kind, :visibility,"
                        " :name, :topic, :created_ms, :deleted_ms, :retention_days,"
                        " :settings, :encryption, :home, :epoch) ON CONFLICT DO NOTHING")}},
    [NC_ROOM_UPDATE] =
        {.fields = nc_fields_room,
         .steps = {ELSE(NC_ENOENT,
                        "UPDATE room SET name = :name, topic = :topic,"
                        " visibility = :visibility, retention_days = :retention_days,"
                        " settings = :settings WHERE id = :id AND deleted_ms = 0")}},
    [NC_ROOM_DELETE] = {.fields = nc_fields_room,
                        .steps = {ELSE(NC_ENOENT, "UPDATE room SET deleted_ms = :deleted_ms"
                                                  " WHERE id = :id AND deleted_ms = 0")}},
    [NC_ROOM_ERASE] =
        {.fields = nc_fields_room,
         .erases = true,
         .steps = {ERASE_CLIENTS, ERASE_MENTIONS, ERASE_ALTERNATIVES, ERASE_STAMPS,
                   ERASE_MESSAGES,
                   SQL("DELETE FROM job WHERE room = :room AND " WHEN_EMPTY),
                   SQL("DELETE FROM member WHERE room = :room AND " WHEN_EMPTY),
                   SQL("DELETE FROM ban WHERE room = :room AND " WHEN_EMPTY),
                   SQL("DELETE FROM cleared WHERE room = :room AND " WHEN_EMPTY),
                   SQL("DELETE FROM invite WHERE room = :room AND " WHEN_EMPTY),
                   SQL("DELETE FROM room WHERE id = :room AND " WHEN_EMPTY)}},

    [NC_MEMBER_SET] =
        {.fields = nc_fields_member,
         .steps = {SQL("INSERT INTO member VALUES (:room, :user, :role, :joined_ms, :pos,"
                       " :read_id, :pos, :cleared_seq)"
                       " ON CONFLICT DO UPDATE SET role = excluded.role"),
                   MEMBER_BACK}},
    [NC_MEMBER_DELETE] = {.fields = nc_fields_member,
                          .steps = {ELSE(
                              NC_ENOENT,
                              "DELETE FROM member WHERE room = :room AND user = :user")}},
    [NC_BAN_SET] = {.fields = nc_fields_ban,
                    .steps = {SQL(
                        "INSERT OR REPLACE INTO ban VALUES (:room, :user, :by, :created_ms,"
                        " :until_ms)")}},
    [NC_BAN_DELETE] =
        {.fields = nc_fields_ban,
         .steps = {ELSE(NC_ENOENT, "DELETE FROM ban WHERE room = :room AND user = :user")}},

    [NC_MESSAGE_INSERT] =
        {.fields = nc_fields_message,
         .claims = true,
         .mentions = true,
         .steps = {SQL("INSERT INTO message VALUES (:room, :id, :seq, :sender, :client_id,"
                       " :reply_to, :kind, :state, :deleted, :late,"
                       " CASE WHEN :late THEN :seq END, :created_ms, :edited_ms,"
                       " :content_type, :mentions, :ai, :body, 0, 0, :code)")}},
    [NC_MESSAGE_EDIT] =
        {.fields = nc_fields_message,
         .mentions = true,
         .steps = {ELSE(NC_ENOENT,
                        "UPDATE message SET body = :body, mentions = :mentions,"
                        " edited_ms = :edited_ms WHERE id = :id AND deleted = 0"),
                   KEEP("body = :body"), SQL("DELETE FROM mention WHERE id = :id")}},
    [NC_MESSAGE_DELETE] =
        {.fields = nc_fields_message,
         .steps =
             {ELSE(NC_ENOENT,
                   "UPDATE message SET deleted = 1, body = x'', mentions = '', ai = '',"
                   " code = '', alternatives = 0, chosen = 0 WHERE id = :id AND deleted = "
                   "0"),
              SQL("DELETE FROM alternative WHERE message = :id"),
              SQL("DELETE FROM mention WHERE id = :id")}},
    [NC_MESSAGE_CHECKPOINT] = {.fields = nc_fields_message,
                               .steps = {COUNTED(
                                   "UPDATE message SET body = :body"
                                   " WHERE id = :id AND deleted = 0 AND state = 1")}},
    /* It is news once: when it first stops streaming.  NC_MESSAGE_RESTART of what has ended
     * leaves a mark in `again`, so another answer to an old question is none. */
    [NC_MESSAGE_COMPLETE] =
        {.fields = nc_fields_message,
         .mentions = true,
         .steps = {ELSE(NC_ENOENT,
                        "UPDATE message SET body = :body, mentions = :mentions, ai = :ai,"
                        " again = CASE WHEN state = 1"
                        " AND (again IS NULL OR late AND again = seq)"
                        " THEN :pos ELSE again END, state = :state"
                        " WHERE id = :id AND deleted = 0"),
                   KEEP("state = :state, body = :body, ai = :ai"),
                   SQL("DELETE FROM mention WHERE id = :id")}},
    /* Every alternative has its row from its beginning; the first, which began with the
     * message, gets it when there is a second. */
    [NC_MESSAGE_RESTART] =
        {.fields = nc_fields_message,
         .steps =
             {ELSE(NC_ENOENT, "SELECT 1 FROM message WHERE id = :id AND deleted = 0"),
              ELSE(NC_EEXIST, "SELECT 1 FROM message WHERE id = :id AND chosen = :chosen"),
              SQL("INSERT INTO alternative SELECT id, chosen, :state, created_ms, :ai, "
                  ":body"
                  " FROM message WHERE id = :id ON CONFLICT DO UPDATE SET"
                  " state = excluded.state, ai = excluded.ai, body = excluded.body"),
              SQL("UPDATE message SET alternatives = max(alternatives, 1) + 1,"
                  " chosen = max(alternatives, 1), mentions = '', body = x'',"
                  " again = CASE state WHEN 1 THEN again ELSE coalesce(again, 0) END,"
                  " state = 1 WHERE id = :id"),
              SQL("INSERT INTO alternative SELECT id, chosen, state, :created_ms, '', x''"
                  " FROM message WHERE id = :id"),
              SQL("DELETE FROM mention WHERE id = :id"),
              BACK("SELECT alternatives, chosen FROM message WHERE id = :id")}},
    [NC_MESSAGE_CHOOSE] =
        {.fields = nc_fields_message,
         .mentions = true,
         .steps = {ELSE(NC_ENOENT,
                        "UPDATE message SET chosen = :chosen, state = :state, body = :body,"
                        " mentions = :mentions, ai = :ai WHERE id = :id AND deleted = 0"
                        " AND state <> 1 AND EXISTS (SELECT 1 FROM alternative"
                        " WHERE message = :id AND n = :chosen)"),
                   SQL("DELETE FROM mention WHERE id = :id"),
                   BACK("SELECT alternatives FROM message WHERE id = :id")}},
    [NC_MESSAGES_EXPIRE] = {.fields = nc_fields_message,
                            .erases = true,
                            .steps = {ERASE_CLIENTS, ERASE_MENTIONS, ERASE_ALTERNATIVES,
                                      ERASE_STAMPS, ERASE_MESSAGES}},
    [NC_COMMAND_RUN] = {.fields = nc_fields_message, .claims = true},

    /* NC_AGAIN: fine, but nothing happened. */
    [NC_READ_SET] =
        {.fields = nc_fields_member,
         .steps = {ELSE(NC_ENOENT,
                        "SELECT 1 FROM member WHERE room = :room AND user = :user"),
                   {.sql = "UPDATE member SET read_id = :read_id, read_seq = :head"
                           " WHERE room = :room AND user = :user AND (read_id < :read_id"
                           " OR (read_id = :read_id AND EXISTS (SELECT 1 FROM message"
                           " WHERE message.room = :room AND again > member.read_seq)))",
                    .none = NC_AGAIN,
                    .counts = true},
                   MEMBER_BACK}},
    [NC_CLEAR_SET] =
        {.fields = nc_fields_member,
         .steps = {ELSE(NC_ENOENT, "UPDATE member SET cleared_seq = :head"
                                   " WHERE room = :room AND user = :user"),
                   SQL("INSERT OR IGNORE INTO cleared SELECT :room, :head, id FROM message"
                       " WHERE room = :room ORDER BY id DESC LIMIT 1"),
                   MEMBER_BACK}},

    [NC_PROVIDER_SET] =
        {.fields = nc_fields_provider,
         .steps = {ELSE(NC_EEXIST, "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM provider"
                                   " WHERE name = :name AND id <> :id)"),
                   SQL("INSERT INTO provider VALUES (:id, :name, :settings, :secret,"
                       " :created_ms) ON CONFLICT (id) DO UPDATE SET name = :name,"
                       " settings = :settings, secret = :secret")}},
    [NC_PROVIDER_DELETE] = {.fields = nc_fields_provider,
                            .steps = {ELSE(NC_ENOENT,
                                           "DELETE FROM provider WHERE id = :id")}},
    [NC_PERSONA_SET] = {.fields = nc_fields_persona,
                        .steps = {SQL(
                            "INSERT INTO persona VALUES (:user, :settings, :created_ms)"
                            " ON CONFLICT DO UPDATE SET settings = :settings")}},
    [NC_PERSONA_DELETE] = {.fields = nc_fields_persona,
                           .steps = {ELSE(NC_ENOENT,
                                          "DELETE FROM persona WHERE user = :user")}},
    [NC_JOB_INSERT] = {.fields = nc_fields_job,
                       .steps = {ELSE(
                           NC_EEXIST,
                           "INSERT INTO job VALUES (:id, :state, :room, :question, :asker,"
                           " :persona, :message, :depth, :tries, :again, :model, :reason,"
                           " :created_ms, :started_ms, :ended_ms, :code)"
                           " ON CONFLICT DO NOTHING")}},
    [NC_JOB_UPDATE] =
        {.fields = nc_fields_job,
         .steps = {ELSE(NC_ENOENT,
                        "UPDATE job SET state = :state, message = :message, tries = :tries,"
                        " model = :model, reason = :reason, code = :code,"
                        " started_ms = :started_ms,"
                        " ended_ms = :ended_ms WHERE id = :id AND state < 2")}},
    [NC_USAGE_ADD] =
        {.fields = nc_fields_usage,
         .steps = {SQL("INSERT INTO usage VALUES (:day, :user, :room, :persona, :key,"
                       " :provider, :model, :requests, :prompt_tokens, :completion_tokens,"
                       " :estimated) ON CONFLICT DO UPDATE SET"
                       " requests = requests + :requests,"
                       " prompt_tokens = prompt_tokens + :prompt_tokens,"
                       " completion_tokens = completion_tokens + :completion_tokens,"
                       " estimated = estimated + :estimated")}},

    [NC_SEGMENT_SET] =
        {.fields = nc_fields_segment,
         .steps = {ELSE(NC_ENOENT, "SELECT 1 FROM incarnation WHERE id = :origin"),
                   ELSE(NC_AGAIN, "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM segment WHERE"
                                  " " OF_ORIGIN " AND first <= :first"
                                  " AND first > :first - 256"
                                  " AND first + n >= :first + :n"
                                  " AND (first < :first OR n > :n))"),
                   SQL("DELETE FROM segment WHERE " OF_ORIGIN " AND first >= :first"
                       " AND first < :first + :n AND first + n <= :first + :n"),
                   SQL("INSERT INTO segment SELECT no, :first, :n, :hashes, :chain,"
                       " :signature FROM incarnation WHERE id = :origin")}},
    [NC_META_SET] = {.fields = nc_fields_meta,
                     .steps = {SQL("INSERT OR REPLACE INTO meta VALUES (:key, :value)")}},
    [NC_TRIM] =
        {.fields = NULL,
         .steps =
             {COUNTED(
                  "DELETE FROM log WHERE seq IN (SELECT seq FROM log WHERE kind <> 1"
                  " AND hlc < :before_ms << 12"
                  " AND NOT EXISTS (SELECT 1 FROM stamp WHERE stamp.seq = log.seq) ORDER "
                  "BY hlc LIMIT :left)"),
              COUNTED("DELETE FROM client WHERE (client_id, sender) IN (SELECT client_id,"
                      " sender FROM client WHERE message IS NULL"
                      " AND created_ms < :now - 86400000 ORDER BY created_ms LIMIT :left)"),
              COUNTED("DELETE FROM session WHERE id IN (SELECT id FROM session"
                      " WHERE expires_ms < :before_ms"
                      " OR (ended_ms > 0 AND ended_ms < :before_ms) LIMIT :left)"),
              COUNTED("DELETE FROM job WHERE id IN (SELECT id FROM job WHERE state >= 2"
                      " AND ended_ms < :before_ms ORDER BY ended_ms LIMIT :left)"),
              COUNTED("DELETE FROM usage WHERE (" USAGE_KEY ") IN (SELECT " USAGE_KEY
                      " FROM usage WHERE day < :now / 86400000 - 400 LIMIT :left)")}},
};
