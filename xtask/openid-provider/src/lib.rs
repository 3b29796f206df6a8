//! An OpenID provider for tests: discovery, keys, the authorization code flow with PKCE, and ID tokens signed with real
//! keys. Told to ([`Fault`]), it lies, forges, dawdles or floods, as a broken one or one that was taken over could.
//!
//! [`Provider::start`] listens on loopback until the [`Provider`] is dropped. It signs everybody in as the person whom the test
//! named last, by a page with one button.
//!
//! ```
//! use kitelogik_openid_provider::Provider;
//! use serde_json::json;
//!
//! let provider = Provider::start("kitelogik", Some("a secret of the client"))?;
//! provider.person(json!({"sub": "1", "email": "ann@example.com", "email_verified": true}));
//! assert!(provider.issuer().starts_with("http://127.0.0.1:"));
//! # Ok::<(), kitelogik_openid_provider::ProviderError>(())
//! ```
//!
//! The keys in this folder protect nothing: they are public, and made for this.

mod codes;
mod endpoints;
mod fault;
mod key;
mod token;
mod wire;

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};

use crate::codes::Codes;
pub use crate::fault::{Endpoint, Fault};
use crate::key::Key;

/// A provider that listens until it is dropped.
#[derive(Debug)]
pub struct Provider {
    shared: Arc<Shared>,
}

/// Why there is no provider.
#[derive(Debug, thiserror::Error)]
#[error("there is no OpenID provider: {problem}")]
pub struct ProviderError {
    problem: String,
}

#[derive(Debug)]
struct Shared {
    port: u16,
    client: String,
    secret: Option<String>,
    ended: AtomicBool,
    codes: Codes,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    person: Value,
    fault: Fault,
    key: Key,
    asked: Vec<String>,
    held: Vec<TcpStream>,
}

impl Provider {
    /// Starts a provider that knows one client; without a secret, a public one.
    ///
    /// # Errors
    ///
    /// It cannot listen, or its keys cannot be read.
    pub fn start(client: &str, secret: Option<&str>) -> Result<Self, ProviderError> {
        let failed = |problem: String| ProviderError { problem };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = listener.map_err(|error| failed(error.to_string()))?;
        let address = listener.local_addr();
        let shared = Arc::new(Shared {
            port: address.map_err(|error| failed(error.to_string()))?.port(),
            client: client.to_owned(),
            secret: secret.map(str::to_owned),
            ended: AtomicBool::new(false),
            codes: Codes::default(),
            state: Mutex::new(State {
                person: json!({"sub": "nobody"}),
                fault: Fault::None,
                key: Key::published().map_err(failed)?,
                asked: Vec::new(),
                held: Vec::new(),
            }),
        });
        let serving = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.ended.load(Ordering::Acquire) {
                    return;
                }
                if let Ok(stream) = stream {
                    let serving = serving.clone();
                    // Who asks sees what went wrong: the connection ends.
                    thread::spawn(move || endpoints::answer(&serving, stream));
                }
            }
        });
        Ok(Self { shared })
    }

    /// The provider's name.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.shared.issuer()
    }

    /// Who signs in from now on: the claims of the ID token besides those of the protocol, which they overwrite.
    pub fn person(&self, claims: Value) {
        self.shared.state().person = claims;
    }

    /// What it does wrong from now on.
    pub fn fault(&self, fault: Fault) {
        self.shared.state().fault = fault;
    }

    /// Signs with another kind of key from now on, and publishes that alone: `RS256`, `PS256`, `ES256`, `ES384` or `EdDSA`.
    ///
    /// # Errors
    ///
    /// There is no such kind.
    pub fn rotate(&self, algorithm: &str) -> Result<(), ProviderError> {
        let key = Key::new(algorithm).map_err(|problem| ProviderError { problem })?;
        self.shared.state().key = key;
        Ok(())
    }

    /// What a person's browser does with the URL of an authorization request: where it is sent back to.
    ///
    /// # Errors
    ///
    /// The request is none that a provider takes; the error says why.
    pub fn sign_in(&self, url: &str) -> Result<String, ProviderError> {
        let query = url
            .strip_prefix(&format!("{}/authorize?", self.issuer()))
            .ok_or_else(|| ProviderError {
                problem: format!("`{url}` is not its authorization endpoint"),
            })?;
        endpoints::authorize(&self.shared, query).map_err(|problem| ProviderError { problem })
    }

    /// The paths that were asked for, in their order.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.shared.state().asked.clone()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        self.shared.state().held.clear();
        // The listener looks up once more.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.shared.port));
    }
}

impl Shared {
    fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_fault(&self, fault: Fault) -> bool {
        self.state().fault == fault
    }
}
