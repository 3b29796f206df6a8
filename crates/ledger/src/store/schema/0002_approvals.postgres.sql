CREATE SEQUENCE approvals_change_number;

-- `document` is the request as people see it, and `seal` holds it together with `frame` and `basis`;
-- the other columns are for finding it. `change` is a number that grows with every change.
CREATE TABLE approvals (
  id text COLLATE "C" PRIMARY KEY,
  state text NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'expired', 'used')),
  digest text COLLATE "C" NOT NULL,
  session text NOT NULL,
  tenant text,
  principal text,
  tool text NOT NULL,
  expires_at bigint NOT NULL,
  frame text NOT NULL,
  basis text NOT NULL,
  document text NOT NULL,
  seal text NOT NULL,
  change bigint NOT NULL
);

-- The same call is asked for once.
CREATE UNIQUE INDEX approvals_open ON approvals (digest) WHERE state IN ('pending', 'approved');
CREATE INDEX approvals_call ON approvals (digest, id);
CREATE INDEX approvals_due ON approvals (expires_at) WHERE state IN ('pending', 'approved');
CREATE INDEX approvals_waiting ON approvals (id) WHERE state = 'pending';
CREATE INDEX approvals_waiting_of_session ON approvals (session) WHERE state = 'pending';
CREATE INDEX approvals_waiting_of_tenant ON approvals (tenant) WHERE state = 'pending';
CREATE INDEX approvals_session ON approvals (session, id);

CREATE FUNCTION approvals_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a request for approval that is over stays as it is, and one that is open is not removed';
END $$;

CREATE TRIGGER approvals_end_for_good BEFORE UPDATE ON approvals
  FOR EACH ROW WHEN (OLD.state IN ('denied', 'expired', 'used')
    OR OLD.id <> NEW.id OR OLD.digest <> NEW.digest)
  EXECUTE FUNCTION approvals_refuse();
CREATE TRIGGER approvals_are_removed_when_over BEFORE DELETE ON approvals
  FOR EACH ROW WHEN (OLD.state IN ('pending', 'approved'))
  EXECUTE FUNCTION approvals_refuse();
CREATE TRIGGER approvals_are_never_emptied BEFORE TRUNCATE ON approvals
  FOR EACH STATEMENT EXECUTE FUNCTION approvals_refuse();
