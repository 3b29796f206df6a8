use crate::key::{Digest, sha256};

use super::content::{Columns, Content};
use super::encoding::{self, Place};

/// An entry without its place, encoded as far as that is possible before it has one.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) columns: Columns,
    kind: super::EntryKind,
    at: crate::Timestamp,
    fields: Vec<u8>,
}

impl Draft {
    pub(crate) fn new(content: &Content) -> Self {
        Self {
            columns: Columns::of(content),
            kind: content.kind,
            at: content.at,
            fields: content.encode_fields(),
        }
    }
}

/// The end of a writer's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) writer: u64,
    /// How many entries there are; the place of the last one.
    pub(crate) count: u64,
    /// The hash of the last one; zeros where there is none.
    pub(crate) head: Digest,
}

/// An entry as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) writer: u64,
    pub(crate) sequence: u64,
    pub(crate) hash: Digest,
    pub(crate) body: Vec<u8>,
    pub(crate) columns: &'a Columns,
}

impl Chain {
    /// A chain without entries.
    pub(crate) fn new(writer: u64) -> Self {
        Self {
            writer,
            count: 0,
            head: Digest::default(),
        }
    }

    /// Puts `draft` at the end.
    pub(crate) fn append<'a>(&mut self, draft: &'a Draft) -> Row<'a> {
        let sequence = self.count.saturating_add(1);
        let place = Place {
            writer: self.writer,
            sequence,
            previous: self.head,
        };
        let body = encoding::assemble(&place, draft.kind, draft.at, &draft.fields);
        let hash = sha256(&body);
        self.count = sequence;
        self.head = hash;
        Row {
            writer: self.writer,
            sequence,
            hash,
            body,
            columns: &draft.columns,
        }
    }
}

/// Entries for work of another kind to add in its own transaction: they are there if and only if
/// the work is.
#[derive(Debug, Default)]
pub(crate) struct Entries(Vec<Draft>);

impl Entries {
    /// Adds an entry.
    pub(crate) fn append(&mut self, content: &Content) {
        self.0.push(Draft::new(content));
    }

    pub(crate) fn drafts(&self) -> &[Draft] {
        &self.0
    }
}
