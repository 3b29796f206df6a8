//! What must survive a restart: who was allowed what, and what came of it.

mod address;
mod approvals;
mod audit;
mod error;
mod hex;
mod key;
mod ledger;
mod notify;
mod store;
mod time;

pub use approvals::{
    ApprovalError, ApprovalFilter, ApprovalOptions, ApprovalState, ApprovalView, ApprovalWatch,
    Approvals, MAX_NOTE_CHARS, PendingApprover, Reviewer, ReviewerAnswer, ReviewerDecision,
    Tenants, UnknownApprovalState, WaitingApprover,
};
pub use audit::{
    AuditEntry, AuditFilter, AuditLog, AuditPage, AuditRecord, AuditStats, AuditTail, Checkpoint,
    Content, Cursor, CursorError, ENCODING, EncodingError, EntryKind, ExportFormat, Head,
    JsonLinesSink, JsonText, Latency, MAX_ARGUMENTS, MAX_PAGE, MAX_TEXT, Order, Position, Problem,
    Retention, Sinks, TracingSink, Verification, VerifyOptions, verify_lines,
};
pub use error::LedgerError;
pub use hex::{Hex, HexError};
pub use key::{Digest, PublicKey, Signature};
pub use ledger::{Durability, Ledger, LedgerBuilder};
pub use notify::{CommandNotifier, Notifier};
#[cfg(feature = "webhook")]
pub use notify::{Webhook, WebhookError};
pub use time::{Timestamp, TimestampError};
