//! The chain of what happened: its entries, how they are encoded, written, read and proven.

mod batch;
mod chain;
mod check;
mod checkpoint;
mod content;
mod encoding;
mod entry;
mod filter;
mod log;
mod query;
mod queue;
mod record;
mod recording;
mod retention;
mod verify;
mod writer;

pub use check::Problem;
pub use checkpoint::{Checkpoint, Head};
pub use content::{Content, EntryKind, JsonText};
pub use encoding::{ENCODING, EncodingError};
pub use entry::AuditEntry;
pub use filter::{AuditFilter, AuditPage, Cursor, CursorError, MAX_PAGE, Order};
pub use log::AuditLog;
pub use record::AuditRecord;
pub use recording::{MAX_ARGUMENTS, MAX_TEXT};
pub use retention::Retention;
pub use verify::{Verification, VerifyOptions};

pub(crate) use chain::{Chain, Draft, Entries, Row};
pub(crate) use check::Stored;
pub(crate) use content::Columns;
#[cfg(feature = "sqlite")]
pub(crate) use queue::Job;
pub(crate) use queue::{Command, Finish, Queue};
pub(crate) use writer::{Backend, Identity, SealEvery, Writer};
