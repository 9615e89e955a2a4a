#include "store/sqlite_queries.h"

#define AT(field) offsetof(struct nc_query, field)
static const struct nc_field query_fields[] = {
    {"id", NC_F_KEY, AT(id)},
    {"user", NC_F_KEY, AT(user)},
    {"room", NC_F_KEY, AT(room)},
    {"before", NC_F_KEY, AT(before)},
    {"after", NC_F_KEY, AT(after)},
    {"since", NC_F_U64, AT(since)},
    {"after_ms", NC_F_U64, AT(after_ms)},
    {"cleared_seq", NC_F_U64, AT(cleared_seq)},
    {"limit", NC_F_U32, AT(limit)},
    {"upto_day", NC_F_U32, AT(upto_day)},
    {"hash", NC_F_HASH, AT(hash)},
    {"key", NC_F_TEXT, AT(key)},
    {0},
};
#undef AT

static const struct nc_field origin_fields[] = {
#define AT(field) offsetof(struct nc_row, origin.field) - offsetof(struct nc_row, origin)
    {"id", NC_F_KEY, AT(id)},
    {"n", NC_F_U64, AT(n)},
    {"own", NC_F_BOOL, AT(own)},
    {"current", NC_F_BOOL, AT(current)},
    {0},
#undef AT
};
static const struct nc_field renamed_fields[] = {
#define AT(field) offsetof(struct nc_row, renamed.field)
    {"user", NC_F_KEY, AT(user)},
    {"took", NC_F_TEXT, AT(took)},
    {0},
#undef AT
};
static const struct nc_field alias_fields[] = {
    {"lost", NC_F_KEY, 0},
    {"kept", NC_F_KEY, sizeof(struct nc_id)},
    {0},
};

#define ACCOUNT "id, kind, role, disabled, deleted, username, display_name, created_ms"
#define SESSION                                                                    \
    "id, user, generation, spent, spent_ms, device, address, created_ms, used_ms," \
    " expires_ms, ended_ms"
#define KEY                                                                          \
    "id, user, hash, name, scopes, created_ms, used_ms, expires_ms, tokens_per_day," \
    " requests_per_day"
/* Without the sender's names: see `name_sender`. */
#define MESSAGE                                                                           \
    "m.room, m.id, m.seq, m.sender, m.client_id, m.reply_to, m.kind, m.state, m.deleted," \
    " m.late, m.created_ms, m.edited_ms, m.content_type, m.mentions, m.ai, m.body,"       \
    " m.alternatives, m.chosen, m.code"
#define EVENT                                                                             \
    "seq, (SELECT id FROM incarnation WHERE no = log.origin) AS origin, origin_seq, hlc," \
    " kind, audience, \"to\", ref, subject, actor, reason, body_hash"

/* What others said and this member has not seen, by the two ways in which
 * something is news: by its id, or by what happened to it since. */
#define COUNTS \
    "m.deleted = 0 AND m.state <> 1 AND m.sender <> :user AND m.seq > :cleared_seq"
#define STOP "1000"
#define LOOK "10000" /* of the newest, however many of them are one's own */
#define USAGE(which)                   \
    "SELECT * FROM usage WHERE " which \
    " ORDER BY day, user, room, persona, key, provider, model"

const struct nc_sqlite_def nc_sqlite_queries[R_STATE] = {
    [NC_Q_ACCOUNTS] = {"SELECT " ACCOUNT " FROM account ORDER BY id", query_fields,
                       nc_fields_account},
    [NC_Q_PASSWORD] = {"SELECT " ACCOUNT ", password FROM account WHERE id = :id",
                       query_fields, nc_fields_account},
    [NC_Q_RENAMED] = {"SELECT user, wanted AS took FROM name JOIN account"
                      " ON account.id = name.user WHERE account.deleted = 0"
                      " AND wanted <> username ORDER BY created_hlc, user",
                      NULL, renamed_fields},
    [NC_Q_SESSION] = {"SELECT " SESSION " FROM session WHERE id = :id", query_fields,
                      nc_fields_session},
    [NC_Q_SESSIONS] = {"SELECT " SESSION " FROM session WHERE user = :id AND ended_ms = 0"
                       " ORDER BY used_ms DESC, id",
                       query_fields, nc_fields_session},
    [NC_Q_ENDED] = {"SELECT " SESSION " FROM session WHERE ended_ms > 0"
                    " AND ended_ms >= :after_ms ORDER BY +id",
                    query_fields, nc_fields_session},
    [NC_Q_KEY] = {"SELECT " KEY " FROM api_key WHERE hash = :hash", query_fields,
                  nc_fields_key},
    [NC_Q_KEYS] = {"SELECT " KEY " FROM api_key WHERE user = :id ORDER BY id", query_fields,
                   nc_fields_key},
    [NC_Q_INVITE] = {"SELECT * FROM invite WHERE hash = :hash", query_fields,
                     nc_fields_invite},
    [NC_Q_INVITES] = {"SELECT * FROM invite WHERE :id = zeroblob(16) OR by = :id"
                      " ORDER BY id",
                      query_fields, nc_fields_invite},
    [NC_Q_ROOMS] = {"SELECT * FROM room ORDER BY id", query_fields, nc_fields_room},
    [NC_Q_MEMBERS] = {"SELECT * FROM member ORDER BY room, user", query_fields,
                      nc_fields_member},
    [NC_Q_MEMBERS_OF] = {"SELECT * FROM member WHERE room = :id UNION ALL"
                         " SELECT * FROM member WHERE user = :id",
                         query_fields, nc_fields_member},
    [NC_Q_BANS] = {"SELECT * FROM ban ORDER BY room, user", query_fields, nc_fields_ban},
    [NC_Q_BANS_OF] = {"SELECT * FROM ban WHERE room = :id", query_fields, nc_fields_ban},
    [NC_Q_MESSAGE] = {"SELECT " MESSAGE " FROM message m WHERE m.id ="
                      " coalesce((SELECT kept FROM alias WHERE lost = :id), :id)",
                      query_fields, nc_fields_message},
    /* Whose: by who wrote it last, else by who said it. */
    [NC_Q_STREAMING] = {"SELECT " MESSAGE
                        " FROM message m WHERE m.state = 1 AND m.deleted = 0"
                        " AND coalesce((SELECT own FROM incarnation WHERE no = coalesce("
                        "(SELECT origin FROM stamp WHERE key = CAST('t' || m.id AS BLOB)),"
                        " (SELECT origin FROM log WHERE log.seq = m.seq AND ref = m.id))),"
                        " 1) ORDER BY m.id",
                        query_fields, nc_fields_message},
    [NC_Q_VECTOR] = {"SELECT id, CASE current WHEN 1 THEN own_head ELSE incarnation.known"
                     " END AS n, own, current FROM incarnation, counter ORDER BY id",
                     NULL, origin_fields},
    [NC_Q_ORIGIN] = {"SELECT " EVENT " FROM log WHERE origin ="
                     " (SELECT no FROM incarnation WHERE id = :id)"
                     " AND origin_seq > :since ORDER BY origin_seq",
                     query_fields, nc_fields_event},
    [NC_Q_SEGMENTS] = {"SELECT (SELECT id FROM incarnation WHERE no = segment.origin) AS"
                       " origin, first, n, hashes, chain, signature FROM segment"
                       " WHERE origin = (SELECT no FROM incarnation WHERE id = :id)"
                       " AND first + n > :since + 1 ORDER BY first LIMIT :limit",
                       query_fields, nc_fields_segment},
    [NC_Q_BY_CLIENT] = {"SELECT message, notice FROM client"
                        " WHERE client_id = :id AND sender = :user",
                        query_fields, NULL},
    [NC_Q_META] = {"SELECT value FROM meta WHERE key = :key", query_fields, NULL},
    [NC_Q_EXPIRED] = {"SELECT count(*) FROM (SELECT 1 FROM message"
                      " WHERE room = :room AND id < :before LIMIT :limit)",
                      query_fields, NULL},
    [NC_Q_BEFORE] = {"SELECT count(*) FROM (SELECT 1 FROM message WHERE room = :room"
                     " AND id < :before AND deleted = 0 ORDER BY id DESC LIMIT :limit)",
                     query_fields, NULL},
    [NC_Q_ALTERNATIVES] = {"SELECT * FROM alternative WHERE message = :id ORDER BY n",
                           query_fields, nc_fields_alternative},
    [NC_Q_PROVIDERS] = {"SELECT * FROM provider ORDER BY id", NULL, nc_fields_provider},
    [NC_Q_PERSONAS] = {"SELECT * FROM persona ORDER BY user", NULL, nc_fields_persona},
    [NC_Q_JOBS] = {"SELECT * FROM job WHERE state < 2 ORDER BY id", NULL, nc_fields_job},
    [NC_Q_JOBS_ENDED] = {"SELECT * FROM job WHERE state >= 2 AND id < :before"
                         " ORDER BY id DESC LIMIT :limit",
                         query_fields, nc_fields_job},
    [NC_Q_USAGE] = {USAGE("day BETWEEN :since AND :upto_day"), query_fields,
                    nc_fields_usage},
    [NC_Q_STATS] = {"SELECT messages, head, (SELECT count(*) FROM account),"
                    " (SELECT count(*) FROM room),"
                    " (SELECT page_count FROM pragma_page_count())"
                    " * (SELECT page_size FROM pragma_page_size()) FROM counter",
                    NULL, NULL},
    [NC_Q_LOG] = {"SELECT " EVENT " FROM log WHERE seq > :since ORDER BY seq", query_fields,
                  nc_fields_event},
    [NC_Q_DISTANCE] = {"SELECT seq, kind, audience, \"to\", subject FROM log"
                       " WHERE seq > :since ORDER BY seq",
                       query_fields, nc_fields_event},
    [NC_Q_PLACE] = {"SELECT id FROM incarnation", NULL, NULL},
    [NC_Q_OF_USER] = {"SELECT " MESSAGE " FROM log l CROSS JOIN message m"
                      " ON m.room = l.\"to\" AND m.id = l.ref"
                      " WHERE l.seq > :since AND l.seq <= :upto AND l.kind = 1"
                      " AND m.sender = :user ORDER BY l.seq LIMIT :limit + 1",
                      query_fields, nc_fields_message},

    [R_BEGIN] = {"BEGIN", NULL, NULL},
    [R_END] = {"COMMIT", NULL, NULL},
    [R_HEAD] = {"SELECT head FROM counter", NULL, NULL},
    [R_WHEN] = {"SELECT max(hlc) >> 12 FROM" /* milliseconds of the stamp */
                " (SELECT hlc FROM log WHERE seq <= :since ORDER BY seq DESC LIMIT 256)",
                query_fields, NULL},
    [R_DISTANCE] = {"SELECT " EVENT " FROM log WHERE seq > :since ORDER BY seq",
                    query_fields, nc_fields_event},
    [R_LACKED] = {"SELECT seq FROM log WHERE origin ="
                  " (SELECT no FROM incarnation WHERE id = :id)"
                  " AND origin_seq > :since ORDER BY origin_seq LIMIT 1",
                  query_fields, NULL},
    [R_SENDER] = {"SELECT username AS sender_name, display_name AS sender_display,"
                  " kind AS sender_kind FROM account WHERE id = :sender",
                  nc_fields_message, nc_fields_message},
    [R_CLEARED] = {"SELECT id FROM cleared WHERE room = :room AND seq = :cleared_seq",
                   query_fields, NULL},
    [R_LATE] = {"SELECT id FROM message INDEXED BY message_again WHERE room = :room"
                " AND again > :cleared_seq AND seq > :cleared_seq AND id <= :after"
                " ORDER BY id LIMIT 1",
                query_fields, NULL},
    /* The first message beyond a page that ends below :before. */
    [R_EDGE] = {"SELECT id FROM message WHERE room = :room AND id < :before"
                " AND id > :after AND seq > :cleared_seq"
                " ORDER BY id DESC LIMIT 1 OFFSET :limit",
                query_fields, NULL},
    [R_RANGE] = {"SELECT " MESSAGE
                 " FROM message m WHERE m.room = :room AND m.id > :after AND m.id < :before"
                 " AND m.seq > :cleared_seq ORDER BY m.id LIMIT :limit + 1",
                 query_fields, nc_fields_message},
    [R_LOG_MESSAGE] = {"SELECT " MESSAGE " FROM message m WHERE m.id = :ref",
                       nc_fields_event, nc_fields_message},
    /* Also one that was given up for another. */
    [R_LOG_DELETED] = {"SELECT " MESSAGE " FROM message m WHERE m.id ="
                       " coalesce((SELECT kept FROM alias WHERE lost = :ref), :ref)",
                       nc_fields_event, nc_fields_message},
    [R_LOG_ROOM] = {"SELECT * FROM room WHERE id = :ref", nc_fields_event, nc_fields_room},
    [R_LOG_MEMBER] = {"SELECT * FROM member WHERE room = :ref AND user = :subject",
                      nc_fields_event, nc_fields_member},
    [R_LOG_ACCOUNT] = {"SELECT " ACCOUNT " FROM account WHERE id = :subject",
                       nc_fields_event, nc_fields_account},
    [R_UNREAD] =
        {"SELECT count(*) FROM ("
         "SELECT 1 FROM (SELECT sender, deleted, state, seq FROM message WHERE room = :room"
         " AND id > :read_id ORDER BY id DESC LIMIT " LOOK ") m WHERE " COUNTS " UNION ALL "
         "SELECT 1 FROM message m INDEXED BY message_again WHERE m.room = :room"
         " AND m.again > :read_seq AND m.id <= :read_id AND " COUNTS " LIMIT " STOP ")",
         nc_fields_member, NULL},
    [R_MENTIONS] = {"SELECT count(*) FROM ("
                    "SELECT 1 FROM mention n CROSS JOIN message m"
                    " ON m.room = n.room AND m.id = n.id WHERE n.user = :user"
                    " AND n.room = :room AND n.id > :read_id AND " COUNTS " UNION ALL "
                    "SELECT 1 FROM message m INDEXED BY message_again CROSS JOIN mention n"
                    " ON n.user = :user AND n.room = m.room AND n.id = m.id"
                    " WHERE m.room = :room AND m.again > :read_seq AND m.id <= :read_id"
                    " AND " COUNTS " LIMIT " STOP ")",
                    nc_fields_member, NULL},
    [R_LAST] = {"SELECT " MESSAGE
                " FROM message m WHERE m.room = :room AND m.id > :after AND m.deleted = 0"
                " AND m.seq > :cleared_seq ORDER BY m.id DESC LIMIT 1",
                query_fields, nc_fields_message},
    [R_USAGE_USER] = {USAGE("user = :user AND day BETWEEN :since AND :upto_day"
                            " AND (:room = zeroblob(16) OR room = :room)"),
                      query_fields, nc_fields_usage},
    [R_ALIASES] = {"SELECT lost, kept FROM alias JOIN message ON id = kept"
                   " WHERE deleted = 0 AND EXISTS (SELECT 1 FROM room"
                   " WHERE room.id = message.room AND deleted_ms = 0)",
                   NULL, alias_fields},
    [R_SAID] = {"SELECT " MESSAGE " FROM message m WHERE m.room = :to AND m.id = :ref",
                nc_fields_event, nc_fields_message},
    [R_USAGE_ROOM] = {USAGE("room = :room AND day BETWEEN :since AND :upto_day"),
                      query_fields, nc_fields_usage},
};
