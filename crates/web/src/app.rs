//! What all handlers share.

use std::net::IpAddr;
use std::sync::Arc;

use kitelogik_ledger::Ledger;
use tokio::sync::watch;

use crate::chain::ChainWatch;
use crate::cookie::Cookies;
use crate::origin::Origins;
use crate::secret::FormKey;
use crate::sign_in::{Attempts, Sessions};

/// The state of a server.
pub(crate) struct App {
    pub(crate) ledger: Ledger,
    pub(crate) origins: Origins,
    pub(crate) cookies: Cookies,
    pub(crate) sessions: Sessions,
    /// Where else people sign in.
    #[cfg(feature = "oidc")]
    pub(crate) oidc: Option<Arc<crate::oidc::SignIns>>,
    pub(crate) attempts: Attempts,
    pub(crate) forms: FormKey,
    pub(crate) chain: ChainWatch,
    /// True when the server ends, so that streams end, too.
    pub(crate) ending: watch::Receiver<bool>,
    /// How many streams are open, and may be.
    pub(crate) streams: Arc<tokio::sync::Semaphore>,
}

/// The state as axum hands it out.
pub(crate) type Shared = Arc<App>;

/// The address that a request came from. Behind another server, all have that one's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);
