-- One row for each change of the ledger's key: the word of the key before, and of the one after it.
-- `audit_ledger` names the first key.
CREATE TABLE audit_key (
  number INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;

CREATE TRIGGER audit_key_is_never_changed BEFORE UPDATE ON audit_key
BEGIN SELECT RAISE(ABORT, 'changes of the key are never changed'); END;

CREATE TRIGGER audit_key_is_never_replaced BEFORE INSERT ON audit_key
WHEN EXISTS (SELECT 1 FROM audit_key WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'changes of the key are never replaced'); END;

CREATE TRIGGER audit_key_is_never_removed BEFORE DELETE ON audit_key
BEGIN SELECT RAISE(ABORT, 'changes of the key are never removed'); END;
