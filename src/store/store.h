/*
 * store/store: what is kept, behind one table of functions.
 *
 * A *commit* is a few changes that happen together or not at all; a *query*
 * is one question.  Both are tagged unions, so a new kind touches the union
 * and each backend's one table of statements.  Backends group the commits of
 * many callers into one transaction: results come back in submission order,
 * after the disk has them.
 *
 * Threading: every call is made on the loop thread, every `done` runs there.
 * A query's `row` runs on a reader thread and touches only what the query owns.
 */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/vector.h"
#include "store/state.h"

struct nc_loop;
struct nc_hist;

/* ---- changes ------------------------------------------------------------- */

#define NC_RENAMED_MAX 4
#define NC_ALSO_MAX 2

/* Each reads the record named before the dot; a lone name means all of it.  E…: how it
 * may be refused. */
enum nc_change_kind {
    /* account.  EEXIST: the username is taken, also by a deleted one; or the id is. */
    NC_ACCOUNT_INSERT,
    /* account: role, disabled, display_name; password unless empty.  ENOENT */
    NC_ACCOUNT_UPDATE,
    /* account.id: a tombstone; password, both names, sessions, keys are erased.  The
     * username stays taken, by nobody.  ENOENT */
    NC_ACCOUNT_DELETE,

    /* session.  EEXIST */
    NC_SESSION_INSERT,
    /* session.id, .spent = the generation that is shown, .used_ms = now, .expires_ms,
     * .address: the next one takes the place of that; or, where that was shown before, at
     * .spent_ms or later, and the one it gave was not, of the one it gave.  Out:
     * .generation.  ENOENT: it has ended.  EEXIST: neither. */
    NC_SESSION_ROTATE,
    /* session.id, .ended_ms.  ENOENT: unknown or ended */
    NC_SESSION_END,
    /* session.user, .ended_ms: all but session.id (zero: all) */
    NC_SESSIONS_END,

    /* key.  EEXIST */
    NC_KEY_INSERT,
    /* key.id, .used_ms */
    NC_KEY_TOUCH,
    /* key.id, .user.  ENOENT */
    NC_KEY_DELETE,

    /* invite.  EEXIST */
    NC_INVITE_INSERT,
    /* invite.hash, .created_ms = now.  ENOENT: unknown, used up, expired (0: never) */
    NC_INVITE_USE,
    /* invite.id.  ENOENT */
    NC_INVITE_DELETE,

    /* room.  EEXIST: the id is there (a direct room made twice), or was and is deleted */
    NC_ROOM_INSERT,
    /* room: name, topic, visibility, retention_days, settings.  ENOENT: unknown, hidden */
    NC_ROOM_UPDATE,
    /* room.id, .deleted_ms: hide.  ENOENT: unknown, hidden */
    NC_ROOM_DELETE,
    /* room.id: up to .limit messages; then, when none is left, the room with its
     * members, bans and invites.  Done when touched < limit. */
    NC_ROOM_ERASE,
    /* member: insert, with its read_id and cleared_seq; joined_seq and read_seq are set.
     * Or change the role of one that is there. */
    NC_MEMBER_SET,
    /* member.room, .user.  ENOENT */
    NC_MEMBER_DELETE,
    /* ban */
    NC_BAN_SET,
    /* ban.room, .user.  ENOENT */
    NC_BAN_DELETE,

    /* message.  EEXIST: (sender, client_id) is known; commit->existing is then that
     * message's id, or zero for a command, and commit->notice its remembered answer.
     * EEXIST also if the id is.  A new one has no alternatives. */
    NC_MESSAGE_INSERT,
    /* message.id, .body, .mentions, .edited_ms.  ENOENT: unknown, deleted */
    NC_MESSAGE_EDIT,
    /* message.id: body, mentions, ai, code erased, the row stays.  ENOENT: unknown, deleted
     */
    NC_MESSAGE_DELETE,
    /* message.id, .body; nothing unless it is streaming */
    NC_MESSAGE_CHECKPOINT,
    /* message.id, .body, .mentions, .state, .ai.  It is unread from then on, whoever saw it
     * grow; another alternative of it makes it unread to nobody who had read it.
     * ENOENT: unknown, deleted */
    NC_MESSAGE_COMPLETE,
    /* message.id, .state, .body, .ai, .created_ms = now, .chosen = the alternative whose
     * text that is: it becomes an alternative of this state, and the message streams
     * again, empty, as the next one.  ai is kept until it completes.  Out:
     * message.alternatives, .chosen.  ENOENT: unknown, deleted.  EEXIST: it shows another
     * by now.  (NC_MESSAGE_COMPLETE keeps the alternative that was streaming, too; what
     * erases a message erases its alternatives.) */
    NC_MESSAGE_RESTART,
    /* message.id, .chosen, .state, .body, .mentions, .ai: show that alternative, which the
     * caller has read.  Out: message.alternatives.  ENOENT: unknown, deleted, streaming,
     * or it has no such alternative */
    NC_MESSAGE_CHOOSE,
    /* message.room, .created_ms: erase up to .limit of those whose id is older, oldest
     * first */
    NC_MESSAGES_EXPIRE,
    /* message.sender, .client_id, .body = answer, .created_ms; remembered 24 h.
     * EEXIST: as for NC_MESSAGE_INSERT */
    NC_COMMAND_RUN,

    /* member.room, .user, .read_id; read_seq is set to the head.  ENOENT.  Only forward:
     * NC_OK, touched 0, nothing logged (event.seq 0) when nothing new is behind it. */
    NC_READ_SET,
    /* member.room, .user; cleared_seq is set to the head.  ENOENT */
    NC_CLEAR_SET,

    /* provider: insert, or replace all but created_ms.  EEXIST: another has the name */
    NC_PROVIDER_SET,
    /* provider.id.  ENOENT */
    NC_PROVIDER_DELETE,
    /* persona: insert, or replace its settings */
    NC_PERSONA_SET,
    /* persona.user.  ENOENT */
    NC_PERSONA_DELETE,
    /* job.  EEXIST */
    NC_JOB_INSERT,
    /* job: state, message, tries, model, reason, code, started_ms, ended_ms.  ENOENT:
     * unknown, or it has ended already */
    NC_JOB_UPDATE,
    /* usage: added to the row of the same day and names */
    NC_USAGE_ADD,

    /* meta: key, value */
    NC_META_SET,
    /*
     * event of another node's log, all of it but seq, and merge.record: what it announces,
     * or NULL where that is superseded or erased.  Its place in the log is ours, the rest
     * stays as it came; the record is applied by the rules of merge.h.  Out: *merge.out.
     * EEXIST: it is known.  AGAIN: those of its origin that come before it are not.
     * ENOENT: it refers to a room or an account of which nothing is known yet.  EINVAL:
     * the record is not what body_hash says or another thing's; a kind that is none; or the
     * event is one of ours that we do not know: this database was set back.
     */
    NC_MERGE,
    /* segment.origin, .first, .n: those events of another node are not to be had any more,
     * what is left of its log goes on behind them.  EEXIST: they are known.  AGAIN: `first`
     * is not the next.  EINVAL: the log is ours */
    NC_ORIGIN_SKIP,
    /*
     * segment.origin: this very log, which others know more of than we do: the database was
     * set back.  It has another name from now on (info.incarnation); its events from .first
     * on, which others know as something else, are the first ones of that, and what is kept
     * of segments with them is dropped.  Alone in its commit.  EINVAL: not this log, or
     * .first is beyond its next
     */
    NC_ORIGIN_RENEW,
    /* segment: insert, instead of all those that it covers; nothing, where one that is
     * there covers it.  ENOENT: no event of that origin is known */
    NC_SEGMENT_SET,
    /* before_ms, limit: log rows that are older, other than message.created and the newest
     * of each state and tombstone (state.h), remembered commands older than 24 h, sessions
     * that ended or ran out before, jobs that ended before; usage older than 400 days */
    NC_TRIM,
    NC_CHANGE_KINDS
};

/* What NC_MERGE came to, for memory to follow. */
struct nc_merged {
    bool applied;  /* something is as the event says now; else it is only logged */
    bool inserted; /* a message that was not here */
    bool late;     /* … and that sorts before the newest of its room */
    bool awaited;  /* an account or a room of which only its making was known: what refers
                      to it may be here already */
    /* Events of messages: the message as it is here now, its strings left out, under the id
     * that it has here; id zero: there is none. */
    struct nc_message message;
    /* Who made the room is in it by this event, as of its position; user zero: nobody. */
    struct nc_member_rec let_in;
    /* Somebody comes in: the newest message of the room, up to which all is read. */
    struct nc_id newest;
    /* A message that is the same as another one: `lost` has no row any more, its id
     * resolves to `kept`.  Zero: none. */
    struct nc_id lost, kept;
    /* NC_ENOENT: the room or the account of which nothing is known. */
    struct nc_id needs;
    /* Our own events that say so to everybody, logged behind this one; kind NC_EV_NONE:
     * none. */
    struct nc_event also[NC_ALSO_MAX];
    /* Accounts that have another username now, or not the one they wanted; their sessions
     * have ended.  More than these: look at all of them. */
    unsigned renamed_n;
    struct nc_renamed {
        struct nc_id user;
        char name[33];
    } renamed[NC_RENAMED_MAX];
};

struct nc_change {
    enum nc_change_kind kind;
    union {
        struct nc_account account;
        struct nc_session session;
        struct nc_key key;
        struct nc_invite invite;
        struct nc_room_rec room;
        struct nc_member_rec member;
        struct nc_ban ban;
        struct nc_message message;
        struct nc_provider_rec provider;
        struct nc_persona_rec persona;
        struct nc_job_rec job;
        struct nc_usage usage;
        struct nc_segment segment;
        struct {
            struct nc_str key, value;
        } meta;
        struct {
            const struct nc_record *record; /* NULL: it came without */
            struct nc_merged *out;          /* may be NULL */
        } merge;
        uint64_t before_ms; /* NC_TRIM */
    };
    uint32_t limit; /* NC_ROOM_ERASE, NC_MESSAGES_EXPIRE, NC_TRIM: rows at most */
    /* kind NC_EV_NONE: nothing is logged.  The store fills seq, origin, origin_seq and the
     * body_hash of what is state (state.h), and moves hlc behind that of what it replaces.
     */
    struct nc_event event;
    uint64_t touched; /* out: rows changed, messages for the kinds that erase them */
    /* Also out, after NC_OK: event.seq, .origin, .origin_seq, message.seq of an insert,
     * and the positions in `member` that the kind sets. */
};

/*
 * Changes that are applied together or not at all.  Owned by the caller, who
 * keeps it and everything it points to alive and unchanged until `done`.
 */
struct nc_commit {
    struct nc_list node; /* the store's while it is pending */
    struct nc_change *changes;
    unsigned n;
    /* Where one is refused those before it are applied nevertheless: `applied` of them.
     * Only for NC_MERGE, NC_ORIGIN_SKIP and NC_SEGMENT_SET. */
    bool partly;
    /* On the loop, once, never before commit() returns, in submission order.
     * NC_OK: durable.  NC_ENOENT, NC_EEXIST: refused by its own terms, see the
     * kinds.  NC_EIO: not kept (disk full, fsync failed; logged); only if the process ends
     * before the disk is well may it be found kept after all.  NC_ECLOSED. */
    void (*done)(struct nc_commit *c, enum nc_err e);
    /* Out, valid in done: */
    unsigned failed;       /* index of the change that was refused */
    unsigned applied;      /* changes[0..applied) are durable */
    struct nc_id existing; /* see NC_MESSAGE_INSERT */
    struct nc_buf notice;  /* see NC_COMMAND_RUN; freed by the store after done */
    /* The backend's, until done: */
    enum nc_err err;
};

/* ---- queries ------------------------------------------------------------- */

/* What is read of nc_query -> what each row is. */
enum nc_query_kind {
    /* every account, deleted ones too, without passwords -> account */
    NC_Q_ACCOUNTS,
    /* id: user -> account, with password */
    NC_Q_PASSWORD,
    /* the living who are called otherwise than they wanted (names.h), first who took their
     * name first -> renamed */
    NC_Q_RENAMED,
    /* id -> session */
    NC_Q_SESSION,
    /* id: user; living ones, newest use first -> session */
    NC_Q_SESSIONS,
    /* after_ms; sessions ended then or later -> session */
    NC_Q_ENDED,
    /* hash -> key */
    NC_Q_KEY,
    /* id: user -> key */
    NC_Q_KEYS,
    /* hash -> invite */
    NC_Q_INVITE,
    /* id: by (zero: all) -> invite */
    NC_Q_INVITES,
    /* every room, hidden ones too -> room */
    NC_Q_ROOMS,
    /* every member of every room -> member */
    NC_Q_MEMBERS,
    /* id: of a room, or of a user -> member */
    NC_Q_MEMBERS_OF,
    /* every ban -> ban */
    NC_Q_BANS,
    /* id: of a room -> ban */
    NC_Q_BANS_OF,
    /* id, also one that was given up for another -> message */
    NC_Q_MESSAGE,
    /* user: sender, id: client id -> message, or notice */
    NC_Q_BY_CLIENT,
    /* room, before | after | around (zero: newest), limit, cleared_seq; oldest first;
     * `more`: there are others beyond -> message */
    NC_Q_HISTORY,
    /* since, audience, have, limit, bytes_max -> log; the next page is since = upto */
    NC_Q_LOG,
    /* since, audience, have, limit: `count` = events it would give, at most limit */
    NC_Q_DISTANCE,
    /* user, rooms[] -> unread; among the newest 10,000 of a room at most */
    NC_Q_UNREAD,
    /* messages left in state streaming by this log's own events -> message */
    NC_Q_STREAMING,
    /* user, since, limit, bytes_max: their own, in log order -> message; the next page
     * is since = upto, while `more`, also after a page without a row */
    NC_Q_OF_USER,
    /* room, before_ms, limit: `count` of messages with older ids, at most limit */
    NC_Q_EXPIRED,
    /* room, before, limit: `count` of messages that are not deleted and sort before it, at
     * most limit */
    NC_Q_BEFORE,
    /* id: message; by n, the one that streams too, empty; none where there is just one
     * -> alternative */
    NC_Q_ALTERNATIVES,
    /* every one -> provider */
    NC_Q_PROVIDERS,
    /* every one -> persona */
    NC_Q_PERSONAS,
    /* those queued or running, by id -> job */
    NC_Q_JOBS,
    /* those that have ended, newest first: before (zero: from the newest), limit -> job */
    NC_Q_JOBS_ENDED,
    /* since = first day, upto_day = last; user, room (zero: of all) -> usage */
    NC_Q_USAGE,
    /* key -> meta */
    NC_Q_META,
    /* every log that is known, the own ones too -> origin */
    NC_Q_VECTOR,
    /* have: `upto` = the last position at or below which there is nothing that it lacks;
     * of what was trimmed nothing is known any more */
    NC_Q_PLACE,
    /* id: origin, since: origin_seq, limit, bytes_max: what it logged later, in its order,
     * with what of it is still as announced; the next page is since = upto, while `more`.
     * What was trimmed is left out.  bare: without records -> foreign */
    NC_Q_ORIGIN,
    /* id: origin, since: origin_seq, limit: those that end later, in order -> segment */
    NC_Q_SEGMENTS,
    /* hash (zeros at first), after (zero at first), limit: a sum over all that nodes keep
     * in common, messages page by page: ask again, with hash and after as they are, while
     * `more` */
    NC_Q_STATE,
    /* -> stats */
    NC_Q_STATS,
    NC_QUERY_KINDS
};

/* Who asks the log: their rooms, with the position of each join, and themselves. */
struct nc_audience_of {
    struct nc_id user;
    bool admin;
    bool everyone; /* every room and every user, whatever else stands here; no admins' */
    const struct nc_room_since {
        struct nc_id room;
        uint64_t joined_seq;
    } * rooms; /* sorted by room id */
    unsigned rooms_n;
};

struct nc_row {
    union {
        struct nc_account account;
        struct {
            struct nc_id user;
            struct nc_str took;
        } renamed;
        struct nc_session session;
        struct nc_key key;
        struct nc_invite invite;
        struct nc_room_rec room;
        struct nc_member_rec member;
        struct nc_ban ban;
        struct nc_message message;
        struct nc_alternative alternative;
        struct nc_provider_rec provider;
        struct nc_persona_rec persona;
        struct nc_job_rec job;
        struct nc_usage usage;
        struct nc_str meta;
        struct nc_str notice;
        struct { /* an event and the present state of what it points to */
            struct nc_event event;
            struct nc_message message; /* message.*: id zero if it was erased meanwhile */
            struct nc_room_rec room;   /* room.*, member.* */
            struct nc_member_rec
                member;                /* member.joined/updated, read; user zero if gone */
            struct nc_account account; /* member.*: who it is about */
        } log;
        struct {
            struct nc_id room;
            uint32_t unread, mentions; /* both stop at 1,000 */
            struct nc_message last; /* newest neither deleted nor cleared; id zero: none */
        } unread;
        struct {
            uint64_t messages, events, accounts, rooms, bytes;
        } stats;
        struct nc_segment segment;
        struct {
            struct nc_id id;
            uint64_t n; /* its events that are known, without a gap */
            bool own, current;
        } origin;
        struct {
            struct nc_event event;
            struct nc_record record; /* kind NC_STATE_NONE: superseded or erased */
            struct nc_str bytes;     /* its canonical ones */
            bool exact;              /* event.body_hash is their digest */
        } foreign;
    };
    bool is_notice; /* NC_Q_BY_CLIENT: a remembered command, not a message */
};

struct nc_query {
    struct nc_list node; /* the store's while it is pending */
    enum nc_query_kind kind;
    /* In; which ones, the kind says. */
    struct nc_id id, user, room;
    struct nc_id before, after, around;
    uint64_t since, after_ms, before_ms, cleared_seq;
    uint32_t limit, bytes_max, upto_day;
    uint8_t hash[32];
    struct nc_str key;
    bool bare;
    struct nc_audience_of audience;
    /* What is there already of every log; NULL: nothing.  `row` may raise it by what it is
     * given. */
    const struct nc_vector *have;
    const struct nc_member_rec *rooms; /* NC_Q_UNREAD: the user's memberships */
    unsigned rooms_n;
    /* On the reader thread, once per row; strings die when it returns.  NULL
     * where only the outs matter. */
    void (*row)(struct nc_query *q, const struct nc_row *row);
    /* On the loop, once, after the last row.  NC_OK (also with no row),
     * NC_ELIMIT (over 2 s), NC_EIO, NC_ECLOSED. */
    void (*done)(struct nc_query *q, enum nc_err e);
    /* Out, valid in done: */
    bool more;      /* NC_Q_HISTORY, NC_Q_LOG, NC_Q_OF_USER, NC_Q_ORIGIN, NC_Q_STATE */
    uint64_t count; /* NC_Q_DISTANCE, NC_Q_EXPIRED, NC_Q_BEFORE */
    uint64_t upto;  /* NC_Q_LOG, NC_Q_OF_USER, NC_Q_ORIGIN: position up to which the log has
                       been read,  also where nothing there was for this audience.
                       NC_Q_PLACE */
    uint64_t at_ms; /* NC_Q_DISTANCE: wall time of the log row at `since`, or of the newest
                       kept one before it: the latest that the 256 rows there were stamped
                       with, as those of other nodes may come late; 0: there is none */
    /* The backend's, until done: */
    enum nc_err err;
};

/* ---- the store ----------------------------------------------------------- */

/* What is known from the moment of opening; kept current by the store, read on the loop. */
struct nc_store_info {
    struct nc_id incarnation; /* of the log; our events' origin */
    uint64_t head;            /* log position of the last durable event */
    uint64_t own_head;        /* origin_seq of our last durable event */
    uint64_t hlc;             /* highest stamp in log and message ids when opened */
    uint64_t pending_commits, pending_queries, batches, commits_failed;
    bool failing;                      /* the last batch could not be written */
    const struct nc_hist *commit_time; /* seconds per batch, fsync included */
};

struct nc_store_opts {
    struct nc_loop *loop;
    const char *where; /* what follows "scheme:" */
    /* Where a copy is put before migrating, or NULL for beside the database. */
    const char *backup_dir;
};

/* Bytes that travel inside a backup beside the data: sealed key files. */
struct nc_attachment {
    struct nc_str name, bytes;
};

struct nc_backup {
    const char *path; /* must not exist */
    const struct nc_attachment *attachments;
    unsigned attachments_n;
    void (*done)(struct nc_backup *b, enum nc_err e); /* on the loop */
    struct nc_list node;                              /* the store's */
    enum nc_err err;
};

/* An event of ours that has just become durable, and what it announces. */
struct nc_logged {
    struct nc_event event;
    struct nc_str record; /* its bytes (state.h) as it was then; {NULL, 0}: none */
};

struct nc_store {
    const struct nc_store_ops *ops; /* first field of every backend's struct */
    struct nc_store_info info;
    /* Who listens to our log, or NULL: called on the loop after the done's of a batch in
     * which info.own_head rose, with its events of ours in order.  They are good until it
     * returns; what was submitted before the slot was set may be missing. */
    void (*logged)(void *arg, const struct nc_logged *rows, unsigned n);
    void *logged_arg;
};

struct nc_store_ops {
    const char *scheme; /* "sqlite" in store=sqlite:/var/lib/… */

    /* Open, creating or migrating (after a backup).  On failure *out is NULL and
     * the reason is logged: NC_EACCESS another process has it, NC_EINVAL a newer
     * version made it or it is damaged, NC_EIO.  May block: called before the loop. */
    enum nc_err (*open)(struct nc_store **out, const struct nc_store_opts *opts);

    /* Finish what was committed, cancel queries not begun (NC_ECLOSED), free.  Every
     * `done` has run when it returns; what these start is NC_ECLOSED.  NULL is fine. */
    void (*close)(struct nc_store *s);

    void (*commit)(struct nc_store *s, struct nc_commit *c);
    void (*read)(struct nc_store *s, struct nc_query *q);
    /* The query to its end, here and now, `row` too; `done` is not called.  For start-up,
     * and for what is small and seldom. */
    enum nc_err (*read_now)(struct nc_store *s, struct nc_query *q);

    /* Copy everything, consistently, while in use; in steps that let writers through.
     * NC_EEXIST: `path` is there.  NC_EINVAL: this backend keeps nothing (mem). */
    void (*backup)(struct nc_store *s, struct nc_backup *b);

    /* Make a database at `where` from a backup file: integrity checked, a new
     * incarnation.  each() hears the attachments.  Blocking; no store is open. */
    enum nc_err (*restore)(const char *where, const char *file,
                           void (*each)(void *arg, struct nc_str name, struct nc_str bytes),
                           void *arg);
};

/* Open the backend named before ':' in `url` ("mem:", "sqlite:PATH").  NC_ENOENT if
 * there is none of that name. */
NC_MUSTUSE enum nc_err nc_store_open(struct nc_store **out, struct nc_loop *loop,
                                     const char *url, const char *backup_dir);
const struct nc_store_ops *nc_store_backend(const char *url); /* NULL if unknown */

/* Run one query to its end here and now: at start-up; later only what is small and seldom,
 * since the loop waits.  q->done is not called
 * and may be NULL; the answer is what it would have heard. */
NC_MUSTUSE enum nc_err nc_store_read_now(struct nc_store *s, struct nc_query *q);
/* NC_Q_STATE to its end, likewise. */
NC_MUSTUSE enum nc_err nc_store_state_now(struct nc_store *s, uint8_t sum[NC_STATE_HASH]);
