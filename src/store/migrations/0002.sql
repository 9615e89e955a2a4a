-- Answers of models: where models are asked, who asks them in rooms, what is on its way,
-- what was used, and the answers that a message may show instead.

-- Both 0: just one answer.  Else how many, and which of them the row is.
ALTER TABLE message ADD COLUMN alternatives INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN chosen INTEGER NOT NULL DEFAULT 0;

CREATE TABLE alternative (
    message BLOB NOT NULL,
    n INTEGER NOT NULL,
    state INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    ai TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (message, n)
) STRICT, WITHOUT ROWID;

ALTER TABLE api_key ADD COLUMN tokens_per_day INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN requests_per_day INTEGER NOT NULL DEFAULT 0;

CREATE TABLE provider (
    id BLOB PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    settings TEXT NOT NULL,
    secret BLOB NOT NULL, -- sealed; the key that opens it is not here
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE persona (
    user BLOB PRIMARY KEY NOT NULL,
    settings TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE job (
    id BLOB PRIMARY KEY NOT NULL,
    state INTEGER NOT NULL,
    room BLOB NOT NULL,
    question BLOB NOT NULL,
    asker BLOB NOT NULL,
    persona BLOB NOT NULL,
    message BLOB,
    depth INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    again INTEGER NOT NULL,
    model TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX job_open ON job (id) WHERE state < 2;
CREATE INDEX job_ended ON job (ended_ms) WHERE state >= 2;
CREATE INDEX job_room ON job (room);

-- Ids that are not there are zeros: a key has no NULLs.
CREATE TABLE usage (
    day INTEGER NOT NULL,
    user BLOB NOT NULL,
    room BLOB NOT NULL,
    persona BLOB NOT NULL,
    key BLOB NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    requests INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    PRIMARY KEY (day, user, room, persona, key, provider, model)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_user ON usage (user, day);
CREATE INDEX usage_room ON usage (room, day);
