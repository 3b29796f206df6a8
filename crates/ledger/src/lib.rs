//! What must survive a restart: who was allowed what, and what came of it.
//!
//! A [`Ledger`] lies in one SQLite file, or, with the feature `postgres`, in a PostgreSQL that many
//! processes share. [`Ledger::audit`] is an audit sink for gates and what auditors read: a chain of
//! entries in which tampering is found. [`Ledger::approvals`] puts calls to people and lets what they
//! grant run once.
//!
//! ```
//! use kitelogik_core::{AuditSink, DecisionRecord, GovernanceEvent, Outcome, PolicyDecision};
//! use kitelogik_core::{SessionContext, ToolCallInput};
//! use kitelogik_ledger::{AuditFilter, Ledger, VerifyOptions};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let address = format!("sqlite:{}", folder.path().join("kitelogik.db").display());
//! let ledger = Ledger::open(&address).await?; // as in `sqlite:kitelogik.db`
//! let log = ledger.audit();
//!
//! // What a gate does by itself:
//! let event = GovernanceEvent::ToolCall(ToolCallInput::new("get_customer", serde_json::Map::new()));
//! let context = SessionContext::new("s1");
//! let decision = PolicyDecision::from_result(&serde_json::json!({"allow": true}), "data.x")?;
//! let id = log.record_decision(&DecisionRecord::new(&event, &context, &decision)).await?;
//! log.record_outcome(id, Outcome::Ran);
//!
//! // What an auditor does:
//! log.flush().await?;
//! let page = log.query(&AuditFilter::session("s1")).await?;
//! assert_eq!(page.records[0].outcome, Some(Outcome::Ran));
//! assert!(log.verify(&VerifyOptions::new(), |_| ()).await?.is_intact());
//! ledger.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `sqlite` | yes | the ledger in one file, without any set-up |
//! | `postgres` | | the ledger in PostgreSQL |
//! | `webhook` | | notification of reviewers over HTTP |

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("a ledger needs a store: turn on the feature `sqlite` or `postgres`");

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
#[cfg(any(feature = "postgres", feature = "webhook"))]
mod tls;

pub use approvals::{
    ApprovalError, ApprovalFilter, ApprovalOptions, ApprovalState, ApprovalView, ApprovalWatch,
    Approvals, MAX_NOTE_CHARS, PendingApprover, Reviewer, ReviewerAnswer, ReviewerDecision,
    Tenants, UnknownApprovalState, WaitingApprover,
};
pub use audit::{
    AuditEntry, AuditFilter, AuditLog, AuditPage, AuditRecord, AuditStats, AuditTail, Checkpoint,
    Content, Cursor, CursorError, ENCODING, EncodingError, EntryKind, ExportFormat, Head,
    JsonLinesSink, JsonText, KeyChange, Latency, MAX_ARGUMENTS, MAX_PAGE, MAX_TEXT, Order,
    Position, Problem, Retention, Sinks, TracingSink, Verification, VerifyOptions, verify_lines,
};
pub use error::LedgerError;
pub use hex::{Hex, HexError};
pub use key::{Digest, PublicKey, Signature};
pub use ledger::{Durability, Ledger, LedgerBuilder};
pub use notify::{CommandNotifier, Notifier};
#[cfg(feature = "webhook")]
pub use notify::{Webhook, WebhookError};
pub use time::{Timestamp, TimestampError};
