//! What is asked of either store: both read `$1` as the first parameter.

use crate::hex::Hex;
use crate::{AuditEntry, LedgerError};

/// A value for a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Param {
    Text(String),
    Number(i64),
}

/// An entry as it lies in the store, without the columns.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) writer: u64,
    pub(crate) sequence: u64,
    pub(crate) hash: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Raw {
    /// What it says.
    pub(crate) fn read(&self) -> Result<AuditEntry, LedgerError> {
        let hash = Hex::from_slice(&self.hash);
        AuditEntry::read(self.writer, self.sequence, hash, &self.body)
    }
}

/// An entry, and of a decision the entry of its outcome.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) entry: Raw,
    pub(crate) outcome: Option<Raw>,
}

/// A row of `audit_writer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WriterRow {
    pub(crate) writer: u64,
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) process: u64,
    pub(crate) started: i64,
}

/// Decisions with their outcomes; conditions follow.
pub(crate) const DECISIONS: &str =
    "SELECT e.writer, e.sequence, e.hash, e.body, o.sequence, o.hash, o.body
  FROM audit_entry e LEFT JOIN audit_entry o
    ON o.writer = e.writer AND o.refers = e.sequence AND o.kind = 3
  WHERE e.kind = 2";

/// Entries of any kind; conditions follow.
pub(crate) const ENTRIES: &str =
    "SELECT e.writer, e.sequence, e.hash, e.body, NULL, NULL, NULL FROM audit_entry e WHERE ";

/// The entries of a chain, with their columns.
pub(super) const CHAIN: &str =
    "SELECT writer, sequence, hash, body, kind, at, decision_id, session,
    principal, tenant, tool, action, verdict, tier, rules, fail_closed, request, refers, outcome
  FROM audit_entry WHERE writer = $1 AND sequence > $2 ORDER BY sequence LIMIT $3";

/// Where every chain ends. SQLite takes a `CROSS JOIN` in the order as written: one look into the index
/// for each writer. By another order it reads all entries, and whoever waits for the disk waits for that.
pub(super) const HEADS: &str = "SELECT e.writer, e.sequence, e.hash
  FROM audit_writer w CROSS JOIN audit_entry e WHERE e.writer = w.writer
    AND e.sequence = (SELECT max(x.sequence) FROM audit_entry x WHERE x.writer = w.writer)
  ORDER BY w.writer";

pub(super) const WRITERS: &str =
    "SELECT writer, name, host, process, started FROM audit_writer ORDER BY writer";

/// Writers of entries that are not registered.
pub(super) const STRANGERS: &str = "SELECT DISTINCT writer FROM audit_entry
  WHERE writer NOT IN (SELECT writer FROM audit_writer) ORDER BY writer";

pub(super) const CHECKPOINTS: &str =
    "SELECT body FROM audit_checkpoint WHERE number > $1 ORDER BY number LIMIT $2";

pub(super) const LAST_CHECKPOINT: &str =
    "SELECT body FROM audit_checkpoint ORDER BY number DESC LIMIT 1";

pub(super) const CHECKPOINT_BEFORE: &str =
    "SELECT body FROM audit_checkpoint WHERE at <= $1 ORDER BY number DESC LIMIT 1";

pub(super) const ADD_CHECKPOINT: &str =
    "INSERT INTO audit_checkpoint (number, at, body) VALUES ($1, $2, $3)";

/// From here on entries of the chain up to `$2` may be removed.
pub(super) const ALLOW_REMOVAL: &str = "INSERT INTO audit_retention (writer, count, checkpoint)
  VALUES ($1, $2, $3)
  ON CONFLICT (writer) DO UPDATE SET count = excluded.count, checkpoint = excluded.checkpoint
    WHERE audit_retention.count < excluded.count";

/// Removes so many entries of a chain; `sequence` is ascending, so that what is left is its end.
pub(super) const REMOVE: &str = "DELETE FROM audit_entry WHERE writer = $1 AND sequence <= $2
  AND sequence < (SELECT min(x.sequence) FROM audit_entry x WHERE x.writer = $1) + $3";

/// What may be removed.
pub(super) const LIMITS: &str =
    "SELECT writer, count, checkpoint FROM audit_retention ORDER BY writer";

pub(super) const CHECKPOINT: &str = "SELECT body FROM audit_checkpoint WHERE number = $1";

/// The entries that tell of removals. The second condition is that of the index.
pub(super) const TOLD: &str =
    "SELECT writer, sequence, hash, body FROM audit_entry WHERE kind = 8 AND kind > 3";
