//! What must survive a restart: who was allowed what, and what came of it.

mod address;
mod audit;
mod error;
mod hex;
mod key;
mod ledger;
mod store;
mod time;

pub use audit::{AuditEntry, Content, ENCODING, EncodingError, EntryKind, JsonText};
pub use error::LedgerError;
pub use hex::{Hex, HexError};
pub use key::{Digest, PublicKey, Signature};
pub use ledger::{Durability, Ledger, LedgerBuilder};
pub use time::{Timestamp, TimestampError};
