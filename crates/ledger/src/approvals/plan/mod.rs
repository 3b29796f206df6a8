//! What becomes of requests, as pure functions: the stores read what is there under a lock, ask here
//! what is to be done, and write it in the same transaction. So both do the same.

mod ask;
mod decide;
mod take;

pub(crate) use ask::{Answer, Ask, Found, ask, standing};
pub(crate) use decide::{Decide, Wanted, decide};
pub(crate) use take::{Past, Taking, take};

use super::entry::{Entry, Step};
use super::row::{Columns, Forged, Row};
use super::{ApprovalKey, ApprovalState, ApprovalView};
use crate::Timestamp;

/// What is to be written, in this order, in one transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Changes {
    pub(crate) rows: Vec<Written>,
    pub(crate) entries: Vec<Entry>,
}

/// One row to write.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Written {
    New(Row),
    /// A row that was in this state before, and must still be.
    Changed(Row, ApprovalState),
}

impl Changes {
    /// The requests that are new or changed.
    pub(crate) fn views(&self) -> impl Iterator<Item = &ApprovalView> {
        self.rows.iter().map(|written| match written {
            Written::New(row) | Written::Changed(row, _) => &row.view,
        })
    }

    /// The requests that are new.
    pub(crate) fn new_views(&self) -> impl Iterator<Item = &ApprovalView> {
        self.rows.iter().filter_map(|written| match written {
            Written::New(row) => Some(&row.view),
            Written::Changed(..) => None,
        })
    }

    fn add(&mut self, row: Row, entry: Entry) {
        self.rows.push(Written::New(row));
        self.entries.push(entry);
    }

    fn change(&mut self, row: Row, before: ApprovalState, entry: Entry) {
        self.rows.push(Written::Changed(row, before));
        self.entries.push(entry);
    }

    fn refuse(&mut self, view: &ApprovalView, by: Option<&str>, why: impl Into<String>) {
        let entry = Entry::of(view, Step::Refused).why(why);
        self.entries.push(match by {
            Some(name) => entry.by(name),
            None => entry,
        });
    }

    /// Notes that a request was come upon which does not carry the ledger's seal.
    fn refuse_forged(&mut self, forged: &Forged, session: Option<&str>, by: Option<&str>) {
        let why = "it does not carry the ledger's seal";
        let entry = Entry::refused(&forged.id, session, why);
        self.entries.push(match by {
            Some(name) => entry.by(name),
            None => entry,
        });
    }

    /// Notes that a request was come upon which the audit chain does not bear out, and why.
    fn refuse_unproven(&mut self, id: &str, session: &str, why: &str) {
        self.entries.push(Entry::refused(id, Some(session), why));
    }

    /// Ends an open request.
    pub(crate) fn expire(&mut self, mut row: Row, why: &str) {
        let before = row.view.state;
        row.view.state = ApprovalState::Expired;
        row.view.ended_because = Some(why.to_owned());
        let entry = Entry::of(&row.view, Step::Expired).why(why);
        self.change(row, before, entry);
    }
}

/// Ends all of `all` that are open; the others are new, as they are, to be put in their own place with another key's seal.
/// What does not carry the seal of `old` is left alone.
pub(crate) fn rekey(all: Vec<Columns>, old: &ApprovalKey, now: Timestamp) -> Changes {
    let mut changes = Changes::default();
    for columns in all {
        let Ok(row) = Row::read(columns, old) else {
            continue;
        };
        if row.view.state.is_open() {
            let why = match row.view.expires_at <= now {
                true => time_is_up(&row),
                false => "the ledger's key was changed",
            };
            changes.expire(row, why);
        } else {
            changes.rows.push(Written::New(row));
        }
    }
    changes
}

/// Why a request that ran out ended.
pub(crate) fn time_is_up(row: &Row) -> &'static str {
    if row.view.state == ApprovalState::Approved {
        "approved, and not used in time"
    } else {
        "not decided in time"
    }
}

/// Ends all of `due` that have run out at `now`.
pub(crate) fn sweep(due: Vec<Row>, now: Timestamp) -> Changes {
    let mut changes = Changes::default();
    for row in due {
        if row.view.state.is_open() && row.view.expires_at <= now {
            let why = time_is_up(&row);
            changes.expire(row, why);
        }
    }
    changes
}
