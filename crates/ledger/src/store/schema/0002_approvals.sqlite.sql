-- `document` is the request as people see it, and `seal` holds it together with `frame` and `basis`;
-- the other columns are for finding it. `change` is a number that grows with every change.
CREATE TABLE approvals (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'expired', 'used')),
  digest TEXT NOT NULL,
  session TEXT NOT NULL,
  tenant TEXT,
  principal TEXT,
  tool TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  frame TEXT NOT NULL,
  basis TEXT NOT NULL,
  document TEXT NOT NULL,
  seal TEXT NOT NULL,
  change INTEGER NOT NULL
) STRICT;

-- The same call is asked for once.
CREATE UNIQUE INDEX approvals_open ON approvals (digest) WHERE state IN ('pending', 'approved');
CREATE INDEX approvals_call ON approvals (digest, id);
CREATE INDEX approvals_due ON approvals (expires_at) WHERE state IN ('pending', 'approved');
CREATE INDEX approvals_waiting ON approvals (id) WHERE state = 'pending';
CREATE INDEX approvals_waiting_of_session ON approvals (session) WHERE state = 'pending';
CREATE INDEX approvals_waiting_of_tenant ON approvals (tenant) WHERE state = 'pending';
CREATE INDEX approvals_session ON approvals (session, id);
CREATE UNIQUE INDEX approvals_change ON approvals (change);

CREATE TRIGGER approvals_end_for_good BEFORE UPDATE ON approvals
WHEN OLD.state IN ('denied', 'expired', 'used') OR OLD.id <> NEW.id OR OLD.digest <> NEW.digest
BEGIN SELECT RAISE(ABORT, 'a request for approval that is over stays as it is'); END;

CREATE TRIGGER approvals_are_never_replaced BEFORE INSERT ON approvals
WHEN EXISTS (SELECT 1 FROM approvals WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'a request for approval is never replaced'); END;

CREATE TRIGGER approvals_are_removed_when_over BEFORE DELETE ON approvals
WHEN OLD.state IN ('pending', 'approved')
BEGIN SELECT RAISE(ABORT, 'a request for approval that is open is not removed'); END;
