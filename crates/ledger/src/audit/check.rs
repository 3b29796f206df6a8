//! What makes a chain whole, entry by entry.

use std::fmt;

use serde::Serialize;

use crate::Digest;
use crate::key::sha256;

use super::encoding::{self, Glance};
use super::{Chain, Columns, Content, EntryKind};

/// An entry as it lies in the store, with the columns that it is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) writer: u64,
    pub(crate) sequence: u64,
    pub(crate) hash: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) columns: Columns,
}

/// The first bad record of a chain, or another place where the ledger is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// The chain, where it is about one.
    pub writer: Option<u64>,
    /// The place in the chain.
    pub sequence: Option<u64>,
    /// The decision, where the record still says which.
    pub decision_id: Option<String>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.writer, self.sequence) {
            (Some(writer), Some(sequence)) => {
                write!(formatter, "record {sequence} of writer {writer}")?;
            }
            (Some(writer), None) => write!(formatter, "writer {writer}")?,
            (None, _) => return formatter.write_str(&self.what),
        }
        if let Some(decision) = &self.decision_id {
            write!(formatter, " (decision {decision})")?;
        }
        write!(formatter, " {}", self.what)
    }
}

impl Problem {
    pub(crate) fn at(writer: u64, sequence: u64, what: impl Into<String>) -> Self {
        Self {
            writer: Some(writer),
            sequence: Some(sequence),
            decision_id: None,
            what: what.into(),
        }
    }

    pub(crate) fn of(what: impl Into<String>) -> Self {
        Self {
            writer: None,
            sequence: None,
            decision_id: None,
            what: what.into(),
        }
    }
}

/// Follows one chain: what each entry must be is known from the one before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChainCheck {
    /// Whose chain it must be, where that is known.
    pub(crate) ledger: Option<Digest>,
    pub(crate) at: Chain,
}

impl ChainCheck {
    /// A chain of `ledger` that goes on from `from`, which is its beginning or where a checkpoint says
    /// that it was cut.
    pub(crate) fn new(ledger: Option<Digest>, from: Chain) -> Self {
        Self { ledger, at: from }
    }

    /// Takes the next entry, and gives what it says where it is a start, a seal or a change of the key.
    pub(crate) fn next(&mut self, row: &Stored) -> Result<Option<Content>, Problem> {
        let expected = self.at.count.saturating_add(1);
        if row.writer != self.at.writer {
            return Err(Problem::at(row.writer, row.sequence, "is in another chain"));
        }
        if row.sequence > expected {
            let last = row.sequence.saturating_sub(1);
            let what = match last == expected {
                true => "is missing".to_owned(),
                false => format!("is missing, and all up to record {last}"),
            };
            return Err(Problem::at(row.writer, expected, what));
        }
        let wrong = |what: String| Problem::at(row.writer, row.sequence, what);
        if row.sequence < expected {
            return Err(wrong("is there twice".to_owned()));
        }
        let hash = sha256(&row.body);
        if row.hash != hash.bytes() {
            return Err(wrong("was changed: its hash is another".to_owned()));
        }
        let glance = Glance::of(&row.body).map_err(|error| wrong(error.to_string()))?;
        let place = glance.place;
        let named = |what: &str| Problem {
            decision_id: glance.text(encoding::DECISION_ID),
            ..wrong(what.to_owned())
        };
        if (place.writer, place.sequence) != (row.writer, row.sequence) {
            return Err(named("was written for another place"));
        }
        if place.previous != self.at.head {
            return Err(named(
                "does not follow the record before it: one of them was changed",
            ));
        }
        if !glance.is_found_by(&row.columns) {
            return Err(named(
                "was changed in the columns that it is found by, which differ from the record",
            ));
        }
        if (glance.kind == EntryKind::Start) != (row.sequence == 1) {
            return Err(named("is not what a chain begins with"));
        }
        // Most entries need no reading: their bytes are the right ones.
        let content = match glance.kind {
            EntryKind::Start | EntryKind::Seal | EntryKind::KeyChange => {
                let (_, content) =
                    encoding::decode(&row.body).map_err(|error| wrong(error.to_string()))?;
                Some(content)
            }
            _ => None,
        };
        let is_foreign = |content: &Content| {
            content.kind == EntryKind::Start
                && self
                    .ledger
                    .is_some_and(|ledger| content.ledger != Some(ledger))
        };
        if content.as_ref().is_some_and(is_foreign) {
            return Err(named("is of another ledger"));
        }
        self.at.count = row.sequence;
        self.at.head = hash;
        Ok(content)
    }
}
