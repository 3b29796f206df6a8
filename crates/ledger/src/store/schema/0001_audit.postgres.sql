CREATE TABLE audit_ledger (
  id bytea PRIMARY KEY CHECK (length(id) = 32),
  public_key bytea NOT NULL CHECK (length(public_key) = 32)
);

-- One row for each start of a process; ids are never given twice.
CREATE TABLE audit_writer (
  writer bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  host text NOT NULL,
  process bigint NOT NULL,
  started bigint NOT NULL
);

-- `body` is the entry as it is hashed; the columns after it are for finding it.
CREATE TABLE audit_entry (
  writer bigint NOT NULL,
  sequence bigint NOT NULL,
  hash bytea NOT NULL,
  body bytea NOT NULL,
  kind bigint NOT NULL,
  at bigint NOT NULL,
  decision_id text,
  session text,
  principal text,
  tenant text,
  tool text,
  action text,
  verdict text,
  tier text,
  rules text,
  fail_closed text,
  request text,
  refers bigint,
  outcome text,
  PRIMARY KEY (writer, sequence)
);

CREATE INDEX audit_entry_at ON audit_entry (at, writer, sequence) WHERE kind = 2;
CREATE INDEX audit_entry_session ON audit_entry (session, at, writer, sequence) WHERE kind = 2;
CREATE INDEX audit_entry_decision ON audit_entry (decision_id) WHERE kind = 2;
CREATE INDEX audit_entry_outcome ON audit_entry (writer, refers) WHERE kind = 3;
CREATE INDEX audit_entry_request ON audit_entry (request) WHERE request IS NOT NULL;
CREATE INDEX audit_entry_fail_closed ON audit_entry (at, writer, sequence)
  WHERE kind = 2 AND fail_closed IS NOT NULL;
CREATE INDEX audit_entry_rare ON audit_entry (kind, at) WHERE kind > 3;

CREATE TABLE audit_checkpoint (
  number bigint PRIMARY KEY,
  at bigint NOT NULL,
  body text NOT NULL
);

-- Up to which entry a chain was removed, and which checkpoint is left in its place.
CREATE TABLE audit_retention (
  writer bigint PRIMARY KEY,
  count bigint NOT NULL,
  checkpoint bigint NOT NULL
);

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is never changed, and removed by retention only', TG_TABLE_NAME;
END $$;

CREATE FUNCTION audit_refuse_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.sequence > coalesce(
    (SELECT r.count FROM kitelogik.audit_retention r WHERE r.writer = OLD.writer), 0) THEN
    RAISE EXCEPTION 'audit records are removed by retention only';
  END IF;
  RETURN OLD;
END $$;

CREATE FUNCTION audit_refuse_writer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM kitelogik.audit_retention r WHERE r.writer = OLD.writer)
    OR EXISTS (SELECT 1 FROM kitelogik.audit_entry e WHERE e.writer = OLD.writer) THEN
    RAISE EXCEPTION 'audit writers are removed by retention only';
  END IF;
  RETURN OLD;
END $$;

CREATE FUNCTION audit_refuse_retention() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM kitelogik.audit_checkpoint c WHERE c.number = NEW.checkpoint) OR TG_OP = 'UPDATE'
    AND (NEW.writer <> OLD.writer OR NEW.count < OLD.count OR NEW.checkpoint < OLD.checkpoint) THEN
    RAISE EXCEPTION 'audit records are removed up to a later checkpoint only';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER audit_entry_is_never_changed BEFORE UPDATE ON audit_entry
  FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_entry_is_never_removed BEFORE DELETE ON audit_entry
  FOR EACH ROW EXECUTE FUNCTION audit_refuse_entry();
CREATE TRIGGER audit_entry_is_never_emptied BEFORE TRUNCATE ON audit_entry
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

CREATE TRIGGER audit_writer_is_never_changed BEFORE UPDATE ON audit_writer
  FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_writer_is_never_removed BEFORE DELETE ON audit_writer
  FOR EACH ROW EXECUTE FUNCTION audit_refuse_writer();
CREATE TRIGGER audit_writer_is_never_emptied BEFORE TRUNCATE ON audit_writer
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

CREATE TRIGGER audit_checkpoint_is_never_changed BEFORE UPDATE OR DELETE ON audit_checkpoint
  FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_checkpoint_is_never_emptied BEFORE TRUNCATE ON audit_checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

CREATE TRIGGER audit_retention_only_grows BEFORE INSERT OR UPDATE ON audit_retention
  FOR EACH ROW EXECUTE FUNCTION audit_refuse_retention();
CREATE TRIGGER audit_retention_is_never_removed BEFORE DELETE ON audit_retention
  FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_retention_is_never_emptied BEFORE TRUNCATE ON audit_retention
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

CREATE TRIGGER audit_ledger_is_never_changed BEFORE UPDATE OR DELETE ON audit_ledger
  FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_ledger_is_never_emptied BEFORE TRUNCATE ON audit_ledger
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
