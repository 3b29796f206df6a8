CREATE TABLE audit_ledger (
  id BLOB PRIMARY KEY CHECK (length(id) = 32),
  public_key BLOB NOT NULL CHECK (length(public_key) = 32)
) STRICT;

-- One row for each start of a process; ids are never given twice.
CREATE TABLE audit_writer (
  writer INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  host TEXT NOT NULL,
  process INTEGER NOT NULL,
  started INTEGER NOT NULL
) STRICT;

-- `body` is the entry as it is hashed; the columns after it are for finding it.
CREATE TABLE audit_entry (
  writer INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  hash BLOB NOT NULL,
  body BLOB NOT NULL,
  kind INTEGER NOT NULL,
  at INTEGER NOT NULL,
  decision_id TEXT,
  session TEXT,
  principal TEXT,
  tenant TEXT,
  tool TEXT,
  action TEXT,
  verdict TEXT,
  tier TEXT,
  rules TEXT,
  fail_closed TEXT,
  request TEXT,
  refers INTEGER,
  outcome TEXT
) STRICT;

CREATE UNIQUE INDEX audit_entry_place ON audit_entry (writer, sequence);
CREATE INDEX audit_entry_at ON audit_entry (at, writer, sequence) WHERE kind = 2;
CREATE INDEX audit_entry_session ON audit_entry (session, at, writer, sequence) WHERE kind = 2;
CREATE INDEX audit_entry_decision ON audit_entry (decision_id) WHERE kind = 2;
CREATE INDEX audit_entry_outcome ON audit_entry (writer, refers) WHERE kind = 3;
CREATE INDEX audit_entry_request ON audit_entry (request) WHERE request IS NOT NULL;
CREATE INDEX audit_entry_fail_closed ON audit_entry (at, writer, sequence)
  WHERE kind = 2 AND fail_closed IS NOT NULL;
CREATE INDEX audit_entry_rare ON audit_entry (kind, at) WHERE kind > 3;

CREATE TABLE audit_checkpoint (
  number INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;

-- Up to which entry a chain was removed, and which checkpoint is left in its place.
CREATE TABLE audit_retention (
  writer INTEGER PRIMARY KEY,
  count INTEGER NOT NULL,
  checkpoint INTEGER NOT NULL
) STRICT;

CREATE TRIGGER audit_entry_is_never_changed BEFORE UPDATE ON audit_entry
BEGIN SELECT RAISE(ABORT, 'audit records are never changed'); END;

-- `INSERT OR REPLACE` would remove a record without asking the trigger on DELETE.
CREATE TRIGGER audit_entry_is_never_replaced BEFORE INSERT ON audit_entry
WHEN EXISTS (SELECT 1 FROM audit_entry WHERE writer = NEW.writer AND sequence = NEW.sequence)
  OR EXISTS (SELECT 1 FROM audit_entry WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'audit records are never replaced'); END;

CREATE TRIGGER audit_entry_is_never_removed BEFORE DELETE ON audit_entry
WHEN OLD.sequence > coalesce((SELECT count FROM audit_retention WHERE writer = OLD.writer), 0)
BEGIN SELECT RAISE(ABORT, 'audit records are removed by retention only'); END;

CREATE TRIGGER audit_writer_is_never_changed BEFORE UPDATE ON audit_writer
BEGIN SELECT RAISE(ABORT, 'audit writers are never changed'); END;

CREATE TRIGGER audit_writer_is_never_replaced BEFORE INSERT ON audit_writer
WHEN EXISTS (SELECT 1 FROM audit_writer WHERE writer = NEW.writer)
BEGIN SELECT RAISE(ABORT, 'audit writers are never replaced'); END;

CREATE TRIGGER audit_writer_is_never_removed BEFORE DELETE ON audit_writer
WHEN NOT EXISTS (SELECT 1 FROM audit_retention WHERE writer = OLD.writer)
  OR EXISTS (SELECT 1 FROM audit_entry WHERE writer = OLD.writer)
BEGIN SELECT RAISE(ABORT, 'audit writers are removed by retention only'); END;

CREATE TRIGGER audit_checkpoint_is_never_changed BEFORE UPDATE ON audit_checkpoint
BEGIN SELECT RAISE(ABORT, 'checkpoints are never changed'); END;

CREATE TRIGGER audit_checkpoint_is_never_replaced BEFORE INSERT ON audit_checkpoint
WHEN EXISTS (SELECT 1 FROM audit_checkpoint WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'checkpoints are never replaced'); END;

CREATE TRIGGER audit_checkpoint_is_never_removed BEFORE DELETE ON audit_checkpoint
BEGIN SELECT RAISE(ABORT, 'checkpoints are never removed'); END;

-- On every `INSERT`: also one that becomes an `UPDATE`, or would replace a row without a `DELETE`.
CREATE TRIGGER audit_retention_only_grows BEFORE INSERT ON audit_retention
WHEN NOT EXISTS (SELECT 1 FROM audit_checkpoint WHERE number = NEW.checkpoint)
  OR EXISTS (SELECT 1 FROM audit_retention
    WHERE writer = NEW.writer AND (count > NEW.count OR checkpoint > NEW.checkpoint))
BEGIN SELECT RAISE(ABORT, 'audit records are removed up to a later checkpoint only'); END;

CREATE TRIGGER audit_retention_is_never_taken_back BEFORE UPDATE ON audit_retention
WHEN NOT EXISTS (SELECT 1 FROM audit_checkpoint WHERE number = NEW.checkpoint)
  OR NEW.writer <> OLD.writer OR NEW.count < OLD.count OR NEW.checkpoint < OLD.checkpoint
BEGIN SELECT RAISE(ABORT, 'audit records are removed up to a later checkpoint only'); END;

CREATE TRIGGER audit_retention_is_never_removed BEFORE DELETE ON audit_retention
BEGIN SELECT RAISE(ABORT, 'what was removed of the record is never forgotten'); END;

CREATE TRIGGER audit_ledger_is_never_changed BEFORE UPDATE ON audit_ledger
BEGIN SELECT RAISE(ABORT, 'the ledger''s own id and key are never changed'); END;

CREATE TRIGGER audit_ledger_is_never_removed BEFORE DELETE ON audit_ledger
BEGIN SELECT RAISE(ABORT, 'the ledger''s own id and key are never removed'); END;
