//! The chain of what happened: its entries, how they are encoded, written, read and proven.

mod batch;
mod chain;
mod content;
mod encoding;
mod entry;
mod queue;
mod writer;

pub use content::{Content, EntryKind, JsonText};
pub use encoding::{ENCODING, EncodingError};
pub use entry::AuditEntry;

pub(crate) use chain::{Chain, Draft, Entries, Row};
pub(crate) use content::Columns;
pub(crate) use queue::{Command, Queue};
#[cfg(feature = "sqlite")]
pub(crate) use queue::{Finish, Job};
pub(crate) use writer::{Backend, Identity, SealEvery, Writer};
