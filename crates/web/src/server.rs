//! The server.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use kitelogik_ledger::Ledger;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::app::{App, Shared};
use crate::chain::ChainWatch;
use crate::connection::{Connections, Transport};
use crate::cookie::Cookies;
use crate::guard::guard;
use crate::identity::Identity;
#[cfg(feature = "oidc")]
use crate::oidc::{Oidc, OidcError, SetUpError, SignIns};
use crate::origin::{Origin, Origins};
use crate::secret::{FormKey, NoRandomness};
use crate::sign_in::{Attempts, Sessions};
#[cfg(feature = "tls")]
use crate::tls::Tls;
use crate::token::TokenFile;
use crate::{api, page};

/// How large what a browser or a program sends may be: what a call's arguments may have, and some.
const MAX_BODY: usize = 512 * 1024;

/// How many pages may keep themselves up to date at once: half of the connections, so that these leave some to others.
const MAX_STREAMS: usize = 128;

/// How long the last answers may take when the server ends.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// The page and the API, listening.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    transport: Transport,
    patience: Duration,
    app: Shared,
    end: watch::Sender<bool>,
}

/// Says how a [`Server`] is reached and who may sign in. By default nobody can: name a file of tokens, or print a
/// [`Server::link`].
#[must_use]
pub struct ServerBuilder {
    ledger: Ledger,
    address: SocketAddr,
    public: bool,
    origin: Option<Origin>,
    tokens: Option<TokenFile>,
    #[cfg(feature = "oidc")]
    oidc: Option<Oidc>,
    session_lifetime: Duration,
    attempts: u32,
    patience: Duration,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address is reached from other machines, and nobody said that this is meant.
    #[error(
        "`{address}` is reached from other machines: say that this is meant (`--public`), and under which name (`--origin https://…`)"
    )]
    Public {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened at.
    #[error("cannot listen at `{address}`: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The server speaks TLS, and people are to reach it without.
    #[error("`{origin}` is not encrypted, but there is a certificate: name its `https://` origin")]
    NotEncrypted {
        /// The origin.
        origin: Origin,
    },
    /// The server ended by a fault of its listener; that connections cannot be accepted for a while is none.
    #[error("the server ended: {0}")]
    Serve(io::Error),
    /// The system gives no random numbers.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// Nobody could sign in at the provider.
    #[cfg(feature = "oidc")]
    #[error(transparent)]
    Oidc(#[from] OidcError),
}

#[cfg(feature = "oidc")]
impl From<SetUpError> for ServerError {
    fn from(error: SetUpError) -> Self {
        match error {
            SetUpError::Oidc(error) => Self::Oidc(error),
            SetUpError::Random(error) => Self::Random(error),
        }
    }
}

impl ServerBuilder {
    /// Where it listens. Default: `127.0.0.1:8787`. With port 0, at a free one.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Says that other machines may reach it. [`origin`](Self::origin) has to be named, too.
    pub fn public(mut self) -> Self {
        self.public = true;
        self
    }

    /// Under which name people reach it, where a server with TLS stands in front. Default: the address that it
    /// listens at, and `localhost`. Requests to any other name are refused.
    pub fn origin(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Whose tokens sign in, on the page and at the API. Default: nobody's.
    pub fn tokens(mut self, tokens: TokenFile) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Where else people sign in on the page: at an OpenID provider, where they have accounts. Default: nowhere. The API
    /// goes on to take tokens only.
    #[cfg(feature = "oidc")]
    pub fn oidc(mut self, oidc: Oidc) -> Self {
        self.oidc = Some(oidc);
        self
    }

    /// How long somebody stays signed in. Default: 8 hours.
    pub fn session_lifetime(mut self, lifetime: Duration) -> Self {
        self.session_lifetime = lifetime;
        self
    }

    /// How often one address may fail to sign in within a minute. Default: 10.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// How long a client may take for a handshake of TLS, to send the head of a request, to send its body, and to read
    /// anything of an answer that waits for it. Default: 15 s each. A connection that is idle so long ends; one on which a page
    /// waits for news is not idle.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Speaks TLS itself, so that no other server has to stand in front. Default: plain HTTP.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// The address cannot be listened at, or is reached from other machines and nobody said that this is meant; or the
    /// file of reviewers at a provider lets nobody in.
    pub async fn start(self) -> Result<Server, ServerError> {
        let address = self.address;
        let is_meant = self.public && self.origin.is_some();
        if !(address.ip().is_loopback() || is_meant) {
            return Err(ServerError::Public { address });
        }
        let transport = self.transport();
        let is_encrypted = !matches!(transport, Transport::Plain);
        if let Some(origin) = self.origin.as_ref().filter(|origin| !origin.is_secure())
            && is_encrypted
        {
            let origin = origin.clone();
            return Err(ServerError::NotEncrypted { origin });
        }
        let listen = |source| ServerError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let bound = listener.local_addr().map_err(listen)?;
        let (end, ending) = watch::channel(false);
        let sessions = Sessions::new(self.session_lifetime, self.tokens);
        #[cfg(feature = "oidc")]
        let oidc = self.oidc.map(SignIns::new).transpose()?.map(Arc::new);
        #[cfg(feature = "oidc")]
        let sessions = sessions.oidc(oidc.clone());
        let origins = Origins::new(self.origin, bound, is_encrypted);
        let app = Arc::new(App {
            chain: ChainWatch::new(self.ledger.clone()),
            ledger: self.ledger,
            cookies: Cookies::new(&origins),
            origins,
            sessions,
            #[cfg(feature = "oidc")]
            oidc,
            attempts: Attempts::new(self.attempts, Duration::from_secs(60)),
            forms: FormKey::new()?,
            ending,
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
        });
        Ok(Server {
            listener,
            address: bound,
            transport,
            patience: self.patience,
            app,
            end,
        })
    }

    #[cfg(feature = "tls")]
    fn transport(&self) -> Transport {
        match &self.tls {
            Some(tls) => Transport::Tls(tls.acceptor()),
            None => Transport::Plain,
        }
    }

    #[cfg(not(feature = "tls"))]
    fn transport(&self) -> Transport {
        Transport::Plain
    }
}

impl Server {
    /// A server of the approvals and the record of `ledger`.
    pub fn builder(ledger: Ledger) -> ServerBuilder {
        ServerBuilder {
            ledger,
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8787),
            public: false,
            origin: None,
            tokens: None,
            #[cfg(feature = "oidc")]
            oidc: None,
            session_lifetime: Duration::from_secs(8 * 3600),
            attempts: 10,
            patience: Duration::from_secs(15),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Where people reach it, as in `http://127.0.0.1:8787`.
    pub fn url(&self) -> String {
        self.app
            .origins
            .main()
            .map_or(String::new(), Origin::to_string)
    }

    /// Where it listens: with port 0, at the port that it got.
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// A link that signs `identity` in, once, within `lifetime`. Whoever reads it first is them: print it where the
    /// agent does not read.
    ///
    /// # Errors
    ///
    /// The system gives no random numbers.
    pub fn link(&self, identity: Identity, lifetime: Duration) -> Result<String, NoRandomness> {
        let code = self.app.sessions.link(identity, lifetime)?;
        Ok(format!("{}/sign-in/{code}", self.url()))
    }

    /// Answers until `shutdown` is done, and then ends within five seconds.
    ///
    /// # Errors
    ///
    /// The listener failed.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServerError> {
        let Self {
            listener, app, end, ..
        } = self;
        let connections = Connections {
            transport: self.transport,
            router: router(app),
            patience: self.patience,
            ending: end.subscribe(),
        };
        let late = async {
            shutdown.await;
            // Streams end by themselves then.
            let _ = end.send(true);
            tokio::time::sleep(LAST_ANSWERS).await;
        };
        tokio::select! {
            served = connections.serve(listener) => served.map_err(ServerError::Serve),
            () = late => Ok(()),
        }
    }
}

fn router(app: Shared) -> Router {
    Router::new()
        .merge(page::routes())
        .merge(api::routes())
        .fallback(async || (StatusCode::NOT_FOUND, "there is no such page\n"))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(app.clone(), guard))
        .with_state(app)
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}
