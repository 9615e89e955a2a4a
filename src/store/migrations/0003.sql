-- A refresh token whose answer was lost may be shown once more: which generation the newest
-- was given for, and when that was first shown.  0: none yet; generations begin at 1.
ALTER TABLE session ADD COLUMN spent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN spent_ms INTEGER NOT NULL DEFAULT 0;

-- What a line of the node's own, or the end of an answer, is about: the word that programs
-- read beside the words for people.  Empty: none.
ALTER TABLE message ADD COLUMN code TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN code TEXT NOT NULL DEFAULT '';
