-- What lets nodes agree: who wrote each state last, how far each log is known, which name
-- was wanted by whom, which messages are one.

-- Which event made a state what it is (state.h names the keys and says what `state` is).
CREATE TABLE stamp (
    key BLOB PRIMARY KEY NOT NULL,
    hlc INTEGER NOT NULL,
    origin INTEGER NOT NULL, -- incarnation.no
    origin_seq INTEGER NOT NULL,
    seq INTEGER NOT NULL, -- log.seq, which is not trimmed while it stands here; 0: none
    state INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX stamp_seq ON stamp (seq);

-- A message's other id, which was given up.
CREATE TABLE alias (
    lost BLOB PRIMARY KEY NOT NULL,
    kept BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_kept ON alias (kept);

-- Who wanted which username when; of a deleted account only the digest of it is left.
CREATE TABLE name (
    user BLOB PRIMARY KEY NOT NULL,
    created_hlc INTEGER NOT NULL,
    wanted TEXT NOT NULL,
    claim BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX name_claim ON name (claim);

CREATE TABLE segment (
    origin INTEGER NOT NULL,
    first INTEGER NOT NULL,
    n INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    chain BLOB NOT NULL,
    signature BLOB NOT NULL,
    PRIMARY KEY (origin, first)
) STRICT, WITHOUT ROWID;

-- How many events of each log are known, without a gap.
ALTER TABLE incarnation ADD COLUMN known INTEGER NOT NULL DEFAULT 0;
UPDATE incarnation SET known = coalesce(
    (SELECT max(origin_seq) FROM log WHERE origin = no), 0);
UPDATE incarnation SET known = max(known, (SELECT own_head FROM counter)) WHERE current;

-- 0: what an earlier version kept has no digests yet that others could check it by.
ALTER TABLE counter ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;

-- The kind of a room, which is also who its maker is in it.
UPDATE log SET reason = coalesce((SELECT room.kind FROM room WHERE id = ref), 0)
    WHERE kind = 5;

-- The newest event of each state that the log still has.  The numbers are those of
-- nc_event_kind, the letters those of nc_state_kind.
INSERT INTO stamp
    SELECT key, hlc, origin, origin_seq, max(seq), state FROM (
        SELECT CAST(CASE
                WHEN kind BETWEEN 2 AND 4 THEN 't' || ref
                WHEN kind BETWEEN 5 AND 7 THEN 'r' || ref
                WHEN kind BETWEEN 8 AND 10 THEN 'm' || ref || subject
                WHEN kind BETWEEN 12 AND 13 THEN 'b' || ref || subject
                WHEN kind BETWEEN 14 AND 16 THEN 'a' || subject
                WHEN kind BETWEEN 18 AND 19 THEN 'k' || ref || subject
                WHEN kind BETWEEN 24 AND 25 THEN 'p' || subject
            END AS BLOB) AS key,
            hlc, origin, origin_seq, seq, kind IN (3, 7, 9, 13, 16, 19, 25) AS state
        FROM log)
    WHERE key IS NOT NULL GROUP BY key;
-- Tombstones of which the log knows nothing any more.
INSERT OR IGNORE INTO stamp
    SELECT CAST('t' || message.id AS BLOB), 0, no, 0, 0, 1 FROM message, incarnation
    WHERE deleted AND current;
INSERT OR IGNORE INTO stamp
    SELECT CAST('a' || account.id AS BLOB), 0, no, 0, 0, 1 FROM account, incarnation
    WHERE deleted AND current;

INSERT INTO name
    SELECT id, coalesce(made.hlc, created_ms << 12), username,
        CASE username WHEN '' THEN NULL ELSE sha256(username) END
    FROM account LEFT JOIN (
        SELECT subject, min(hlc) AS hlc FROM log WHERE kind = 14 GROUP BY subject
    ) AS made ON made.subject = account.id;
