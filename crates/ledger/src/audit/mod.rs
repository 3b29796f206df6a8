//! The chain of what happened: its entries, how they are encoded, written, read and proven.

mod batch;
mod chain;
mod chains;
mod check;
#[cfg(test)]
mod check_tests;
mod checkpoint;
mod content;
mod encoding;
#[cfg(test)]
mod encoding_tests;
mod entry;
mod export;
mod filter;
mod key_change;
mod lines;
mod log;
mod query;
mod queue;
mod record;
mod recording;
pub(crate) mod removal;
mod retention;
mod rotation;
mod several;
mod stats;
mod tail;
mod trace;
mod verification;
mod verify;
mod writer;

pub use check::Problem;
pub use checkpoint::{Checkpoint, Head};
pub use content::{Content, EntryKind, JsonText};
pub use encoding::{ENCODING, EncodingError};
pub use entry::AuditEntry;
pub use export::ExportFormat;
pub use filter::{AuditFilter, AuditPage, Cursor, CursorError, MAX_PAGE, Order};
pub use key_change::KeyChange;
pub use lines::{JsonLinesSink, verify_lines};
pub use log::AuditLog;
pub use record::AuditRecord;
pub use recording::{MAX_ARGUMENTS, MAX_TEXT};
pub use retention::Retention;
pub use several::Sinks;
pub use stats::{AuditStats, Latency};
pub use tail::{AuditTail, Position};
pub use trace::TracingSink;
pub use verification::{Verification, VerifyOptions};

pub(crate) use chain::{Chain, Draft, Entries, Row};
pub(crate) use check::Stored;
pub(crate) use content::Columns;
pub(crate) use key_change::Keys;
pub(crate) use queue::Queue;
#[cfg(feature = "sqlite")]
pub(crate) use queue::{Command, Finish, Job};
pub(crate) use removal::{Cut, Limit, Removals};
pub(crate) use writer::{Backend, Identity, SealEvery, Writer};
