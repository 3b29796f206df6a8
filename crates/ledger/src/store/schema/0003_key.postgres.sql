-- One row for each change of the ledger's key: the word of the key before, and of the one after it.
-- `audit_ledger` names the first key.
CREATE TABLE audit_key (
  number bigint PRIMARY KEY,
  at bigint NOT NULL,
  body text NOT NULL
);

CREATE TRIGGER audit_key_is_never_changed BEFORE UPDATE OR DELETE ON audit_key
  FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_key_is_never_emptied BEFORE TRUNCATE ON audit_key
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
