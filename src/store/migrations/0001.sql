-- Ids are 16-byte blobs, times Unix milliseconds, enums the numbers of record.h.
-- What refers to what is kept right by the commits, not by foreign keys: events of
-- other nodes may come before what they refer to.

-- The log's names: ours (the current one and those before a restore) and those of
-- other nodes, whose events we hold.
CREATE TABLE incarnation (
    no INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    own INTEGER NOT NULL,
    current INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

-- One row, changed once per transaction.
CREATE TABLE counter (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    head INTEGER NOT NULL,     -- newest log.seq
    own_head INTEGER NOT NULL, -- newest origin_seq of the current incarnation
    hlc INTEGER NOT NULL,      -- highest stamp in log and message ids
    messages INTEGER NOT NULL,
    batches INTEGER NOT NULL
) STRICT;
INSERT INTO counter VALUES (1, 0, 0, 0, 0, 0);

-- What happened, in local order; never text.
CREATE TABLE log (
    seq INTEGER PRIMARY KEY,
    origin INTEGER NOT NULL, -- incarnation.no
    origin_seq INTEGER NOT NULL,
    hlc INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    audience INTEGER NOT NULL,
    "to" BLOB,
    ref BLOB,
    subject BLOB,
    actor BLOB,
    reason INTEGER NOT NULL,
    body_hash BLOB
) STRICT;
CREATE UNIQUE INDEX log_origin ON log (origin, origin_seq);
CREATE INDEX log_trim ON log (hlc) WHERE kind <> 1;

CREATE TABLE account (
    id BLOB PRIMARY KEY NOT NULL,
    kind INTEGER NOT NULL,
    role INTEGER NOT NULL,
    disabled INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    username TEXT NOT NULL,
    display_name TEXT NOT NULL,
    password TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX account_username ON account (username) WHERE username <> '';

-- Names stay taken when their accounts are gone, but no longer say whose they were.
CREATE TABLE username (
    name TEXT PRIMARY KEY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    id BLOB PRIMARY KEY NOT NULL,
    user BLOB NOT NULL,
    generation INTEGER NOT NULL,
    device TEXT NOT NULL,
    address TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL,
    device_key BLOB -- reserved: public key of an end-to-end encrypted device
) STRICT, WITHOUT ROWID;
CREATE INDEX session_user ON session (user);
CREATE INDEX session_ended ON session (ended_ms) WHERE ended_ms > 0;

CREATE TABLE api_key (
    id BLOB PRIMARY KEY NOT NULL,
    user BLOB NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX api_key_user ON api_key (user);

CREATE TABLE invite (
    id BLOB PRIMARY KEY NOT NULL,
    by BLOB NOT NULL,
    room BLOB,
    hash BLOB NOT NULL UNIQUE,
    code TEXT NOT NULL,
    uses_left INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE room (
    id BLOB PRIMARY KEY NOT NULL,
    created_by BLOB,
    kind INTEGER NOT NULL,
    visibility INTEGER NOT NULL,
    name TEXT NOT NULL,
    topic TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    deleted_ms INTEGER NOT NULL,
    retention_days INTEGER NOT NULL,
    settings TEXT NOT NULL,
    encryption TEXT NOT NULL, -- reserved, with the next two: "mls"
    home BLOB,
    epoch INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE member (
    room BLOB NOT NULL,
    user BLOB NOT NULL,
    role INTEGER NOT NULL,
    joined_ms INTEGER NOT NULL,
    joined_seq INTEGER NOT NULL,
    read_id BLOB NOT NULL,
    read_seq INTEGER NOT NULL,
    cleared_seq INTEGER NOT NULL,
    PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;

-- Where a room was when somebody cleared it: what is hidden from them lies at or below
-- `id`, late arrivals apart, so nobody has to look for the border row by row.
CREATE TABLE cleared (
    room BLOB NOT NULL,
    seq INTEGER NOT NULL, -- member.cleared_seq
    id BLOB NOT NULL,     -- newest message then
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE ban (
    room BLOB NOT NULL,
    user BLOB NOT NULL,
    by BLOB,
    created_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;

-- Kept in the order in which it is read: a page of history is a few neighbouring
-- database pages, however large the table.
CREATE TABLE message (
    room BLOB NOT NULL,
    id BLOB NOT NULL,
    seq INTEGER NOT NULL, -- of its message.created
    sender BLOB NOT NULL,
    client_id BLOB,
    reply_to BLOB,
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    late INTEGER NOT NULL,
    again INTEGER, -- log position that makes it news beside its id: late, or completed
    created_ms INTEGER NOT NULL,
    edited_ms INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    mentions TEXT NOT NULL,
    ai TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (room, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX message_id ON message (id);
CREATE INDEX message_again ON message (room, again) WHERE again IS NOT NULL;
CREATE INDEX message_streaming ON message (id) WHERE state = 1 AND deleted = 0;

CREATE TABLE mention (
    user BLOB NOT NULL,
    room BLOB NOT NULL,
    id BLOB NOT NULL, -- message
    PRIMARY KEY (user, room, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mention_message ON mention (id);

-- What a client id was used for.  It leads because it mostly rises with time.
CREATE TABLE client (
    client_id BLOB NOT NULL,
    sender BLOB NOT NULL,
    message BLOB, -- NULL: a command
    notice BLOB,  -- its answer
    created_ms INTEGER,
    PRIMARY KEY (client_id, sender)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_command ON client (created_ms) WHERE message IS NULL;

CREATE TABLE meta (
    key TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
