//! The page and the JSON API on which people decide approvals and read the audit record.
//!
//! [`Server`] serves both over a [`Ledger`](kitelogik_ledger::Ledger): in the program that runs the agents, where an
//! approval wakes its call at once, or in one of its own (`kitelogik serve`) on the same store. [`TokenFile`] says who
//! may sign in, as which [`Identity`]; with feature `oidc`, people sign in at an OpenID provider, too; with `tls`,
//! the server has a certificate of its own. [`Report`] draws what happened as one HTML file.
//!
//! ```
//! use std::time::Duration;
//!
//! use kitelogik_ledger::Ledger;
//! use kitelogik_web::{Identity, Server};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let address = format!("sqlite:{}", folder.path().join("ledger.db").display());
//! let ledger = Ledger::open(&address).await?;
//! let server = Server::builder(ledger).bind(([127, 0, 0, 1], 0).into()).start().await?;
//! // Whoever opens this first is signed in: print it where the agent does not read.
//! println!("{}", server.link(Identity::new("ann", "operator"), Duration::from_secs(600))?);
//! # let shutdown = async {};
//! server.run(shutdown).await?;
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new()?.block_on(example())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What holds
//!
//! * Nothing is shown or decided without signing in, by a one-time link, a token, or at a provider that the host named:
//!   whatever runs on this machine, the agent included, can reach a loopback port.
//! * Who decides is who is signed in. No field of a form and no header of a request says it.
//! * Requests to other names than the server's own are refused (DNS rebinding), and so is what comes from pages of
//!   others: by `Origin`, and by a token in each form.
//! * A page loads nothing but the program's own style sheet, script and icon. Every value is escaped, what is invisible
//!   or turns text around is written out, and what is cut says so. Without scripts, every form works.
//! * Sessions are kept in memory: when the server starts anew, people sign in again.
//!
//! What a process can do that writes the store or the file of tokens, this crate cannot prevent: see `SECURITY.md`.

mod api;
mod app;
mod chain;
mod connection;
mod cookie;
mod guard;
mod identity;
mod moment;
#[cfg(feature = "oidc")]
mod oidc;
mod origin;
mod page;
mod problem;
mod record_view;
mod records;
mod report;
mod secret;
mod server;
mod shown;
mod sign_in;
#[cfg(feature = "tls")]
mod tls;
mod token;
mod unread;
mod view;
mod visitor;

pub use chain::ChainState;
pub use identity::Identity;
pub use moment::{read_time, span};
#[cfg(feature = "oidc")]
pub use oidc::{Oidc, OidcError, ReviewerFile, ReviewerFileError, ReviewerRule, RuleTenants};
pub use origin::{Origin, OriginError};
pub use report::{Report, ReportError};
pub use secret::NoRandomness;
pub use server::{Server, ServerBuilder, ServerError};
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};
pub use token::{TokenEntry, TokenError, TokenFile};
