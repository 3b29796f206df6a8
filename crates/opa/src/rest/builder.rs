use std::fmt;
use std::path::Path;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderValue, PROXY_AUTHORIZATION};
use http::{Uri, uri};

use super::address::Address;
use super::breaker::{Breaker, Terms};
use super::connector::{Connector, Route};
use super::endpoint::{Endpoint, PATIENCE, Shared};
use super::entry_point::EntryPoint;
use super::failover::Endpoints;
use super::headers;
use super::places::Places;
use super::pool::Pool;
use super::status::Observer;
use super::tls::{self, Identity};
use super::{BreakerChange, OpaClient, OpaConfigError};

/// Says how an OPA server is asked; [`build`](Self::build) makes the [`OpaClient`].
///
/// Each setting has a default, so a builder that is told nothing builds the same client as
/// [`OpaClient::default`].
#[derive(Clone)]
#[must_use = "nothing is asked before `build`"]
pub struct OpaClientBuilder {
    base_url: Option<String>,
    more_urls: Vec<String>,
    #[cfg(unix)]
    unix_socket: Option<PathBuf>,
    bearer_token: Option<String>,
    headers: Vec<(String, String)>,
    ca: Option<Vec<u8>>,
    identity: Option<Identity>,
    timeout: Duration,
    entry_point: String,
    max_response_bytes: usize,
    max_connections: usize,
    open_after: u32,
    probe_interval: Duration,
    observer: Option<Observer>,
    environment_proxy: bool,
}

impl OpaClientBuilder {
    /// Where the server is: `http` or `https`, a host, a port if it is not the scheme's own, and a
    /// path if a gateway serves the API below one. Default: `http://localhost:8181`.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// One more server, at this base URL, asked where those given before do not answer.
    /// Default: none.
    ///
    /// May be given again and again. Without a [`base_url`](Self::base_url) the first of these is
    /// the one that is preferred. See [`OpaClient`] for when another one is asked.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.more_urls.push(url.into());
        self
    }

    /// Reaches the server through this Unix socket. Default: over TCP.
    ///
    /// The base URL still says what the `Host` header and the path are, and with `https` TLS is
    /// spoken through the socket. A further [`endpoint`](Self::endpoint) is reached over TCP.
    #[cfg(unix)]
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.unix_socket = Some(path.into());
        self
    }

    /// Sends `Authorization: Bearer <token>`, as `opa run --authentication=token` reads it.
    ///
    /// The token is in no error, no log and no `Debug` output. Over `http` whoever sits on the way
    /// can read it: use `https` or a Unix socket where that is not loopback.
    pub fn bearer_token(mut self, token: impl Into<String>) -> Self {
        self.bearer_token = Some(token.into());
        self
    }

    /// Sends one more header with each question, for example what a gateway wants to see.
    ///
    /// Values are treated as secrets. Headers that HTTP itself needs cannot be set.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Trusts these CA certificates (PEM, one or more) **and no others**.
    /// Default: those of the system.
    pub fn ca_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca = Some(pem.into());
        self
    }

    /// Shows the server this certificate (PEM, the client's own first, then those that lead to its
    /// CA) with its private key (PEM: PKCS#8, PKCS#1 or SEC1).
    pub fn client_certificate(
        mut self,
        certificates: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.identity = Some(Identity {
            certificates: certificates.into(),
            key: key.into(),
        });
        self
    }

    /// How long one decision may take, waiting for a connection, connecting, retry and failover
    /// included. Default: 500 ms.
    ///
    /// When it passes, the decision is a denial with
    /// [`EngineTimeout`](kitelogik_core::FailClosed::EngineTimeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The document that decides, as Rego names it: `data.kitelogik.main`, or `data.team["refunds-v2"]`
    /// where a name is no identifier. Default: `data.kitelogik.main`.
    pub fn entry_point(mut self, entry_point: impl Into<String>) -> Self {
        self.entry_point = entry_point.into();
        self
    }

    /// How large the body of an answer may be, in bytes. Default: 1 MiB.
    ///
    /// A larger one is a denial with
    /// [`LimitExceeded`](kitelogik_core::FailClosed::LimitExceeded); it is not read to its end.
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// How many questions may be under way at once at each server, each on a connection of its own.
    /// Default: 64.
    ///
    /// As many connections are kept for later, for 30 s. Of further questions sixteen times as many wait for a place, for no longer than their
    /// [`timeout`](Self::timeout). More, and one whose time is up, are denied with
    /// [`LimitExceeded`](kitelogik_core::FailClosed::LimitExceeded).
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// After how many questions in a row without an answer a probe has to show whether the server
    /// answers anybody. Default: 3. If it does not, the server's breaker opens; see [`OpaClient`].
    pub fn open_after(mut self, failures: u32) -> Self {
        self.open_after = failures;
        self
    }

    /// How far apart the probes of a server that does not answer are, at most. Default: 2 s.
    ///
    /// The second one comes after a sixteenth of that, and each further one after twice the time, so
    /// that a short outage is soon over. Of these times a random part of up to one half is left
    /// out, so that many clients do not probe at once.
    pub fn probe_interval(mut self, interval: Duration) -> Self {
        self.probe_interval = interval;
        self
    }

    /// Hears of each change of a server's breaker, as it happens. Default: nobody.
    ///
    /// It is called on the thread that decides, so it must not block. A panic in it is caught.
    pub fn on_breaker_change(
        mut self,
        observer: impl Fn(&BreakerChange) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Observer::new(observer));
        self
    }

    /// Takes the proxy that `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name at the time
    /// of [`build`](Self::build). Default: no proxy, whatever the environment says, because who sets
    /// it could answer in the server's place.
    ///
    /// Only proxies with an `http://` URL are spoken to. With a Unix socket there is none.
    pub fn proxy_from_environment(mut self) -> Self {
        self.environment_proxy = true;
        self
    }

    /// The client. Nothing is sent before its first question.
    ///
    /// # Errors
    ///
    /// Which setting cannot be used, and why.
    pub fn build(self) -> Result<OpaClient, OpaConfigError> {
        for (limit, is_zero) in [
            ("timeout", self.timeout.is_zero()),
            ("largest response", self.max_response_bytes == 0),
            ("number of connections", self.max_connections == 0),
            ("number of failures", self.open_after == 0),
            ("probe interval", self.probe_interval.is_zero()),
        ] {
            if is_zero {
                return Err(OpaConfigError::ZeroLimit { limit });
            }
        }
        let entry_point = EntryPoint::parse(&self.entry_point)?;
        let shared = Arc::new(Shared {
            entry_point: Arc::from(entry_point.name.as_str()),
            timeout: self.timeout,
            max_response_bytes: self.max_response_bytes,
            observer: self.observer.clone(),
        });
        let endpoints = self
            .places()
            .into_iter()
            .map(|place| self.endpoint_at(place, &entry_point, &shared))
            .collect::<Result<_, _>>()?;
        Ok(OpaClient::assemble(shared, Endpoints(endpoints)))
    }

    /// Where the servers are, the preferred one first.
    fn places(&self) -> Vec<Location<'_>> {
        let mut places: Vec<Location<'_>> = Vec::new();
        #[cfg(unix)]
        let socket = self.unix_socket.as_deref();
        #[cfg(not(unix))]
        let socket = None;
        if self.base_url.is_some() || socket.is_some() || self.more_urls.is_empty() {
            let url = self.base_url.as_deref().unwrap_or(BASE_URL);
            places.push(Location { url, socket });
        }
        places.extend(
            self.more_urls
                .iter()
                .map(|url| Location { url, socket: None }),
        );
        places
    }

    fn endpoint_at(
        &self,
        location: Location<'_>,
        entry_point: &EntryPoint,
        shared: &Arc<Shared>,
    ) -> Result<Arc<Endpoint>, OpaConfigError> {
        let address = Address::parse(location.url)?;
        let mut headers = headers::given(&address, self.bearer_token.as_deref(), &self.headers)?;
        let connector = Connector {
            route: self.route(&address, location)?,
            tls: tls::of(&address, self.ca.as_deref(), self.identity.as_ref())?,
        };
        let path = format!("{}{}?{QUERY}", address.prefix, entry_point.path);
        let mut target = uri::Parts::default();
        target.path_and_query = path.parse().ok();
        if let (Route::Proxy { authorization, .. }, None) = (&connector.route, &connector.tls) {
            target.scheme = address.origin.scheme().cloned();
            target.authority = address.origin.authority().cloned();
            headers.extend(
                authorization
                    .clone()
                    .map(|value| (PROXY_AUTHORIZATION, value)),
            );
        }
        let target = Uri::from_parts(target).map_err(|_| OpaConfigError::BaseUrl {
            url: address.to_string(),
            problem: "has a path that no request can carry",
        })?;
        Ok(Arc::new(Endpoint {
            url: address.to_string(),
            connector,
            target,
            headers,
            shared: Arc::clone(shared),
            pool: Pool::new(self.max_connections),
            places: Places::new(self.max_connections),
            breaker: Breaker::new(self.terms()),
        }))
    }

    fn terms(&self) -> Terms {
        Terms {
            failures: self.open_after,
            interval: self.probe_interval,
            // Every probe is done by then, unless its runtime stands still.
            lease: self.timeout.saturating_mul(PATIENCE + 1),
        }
    }

    fn route(&self, address: &Address, location: Location<'_>) -> Result<Route, OpaConfigError> {
        #[cfg(unix)]
        if let Some(path) = location.socket {
            return Ok(Route::Unix(path.to_owned()));
        }
        if self.environment_proxy {
            return Route::by_environment(address);
        }
        Ok(Route::Direct(address.origin.clone()))
    }
}

/// Where a server is, as the builder was told.
#[derive(Clone, Copy)]
struct Location<'a> {
    url: &'a str,
    #[cfg_attr(
        not(unix),
        expect(dead_code, reason = "there are no Unix sockets to connect to")
    )]
    socket: Option<&'a Path>,
}

/// What the builder makes when it is told nothing; made without it, because it cannot fail.
pub(super) fn default_parts() -> (Arc<Shared>, Endpoints) {
    let builder = OpaClientBuilder::default();
    let shared = Arc::new(Shared {
        entry_point: Arc::from(ENTRY_POINT),
        timeout: builder.timeout,
        max_response_bytes: builder.max_response_bytes,
        observer: None,
    });
    let endpoint = Arc::new(Endpoint {
        url: BASE_URL.to_owned(),
        connector: Connector {
            route: Route::Direct(Uri::from_static("http://localhost:8181/")),
            tls: None,
        },
        target: Uri::from_static(
            "/v1/data/kitelogik/main?strict-builtin-errors=true&provenance=true",
        ),
        headers: headers::always(HeaderValue::from_static("localhost:8181")),
        shared: Arc::clone(&shared),
        pool: Pool::new(builder.max_connections),
        places: Places::new(builder.max_connections),
        breaker: Breaker::new(builder.terms()),
    });
    (shared, Endpoints(vec![endpoint]))
}

const BASE_URL: &str = "http://localhost:8181";

const ENTRY_POINT: &str = "data.kitelogik.main";

/// Built-in errors are errors instead of rules that silently do not fire; and the answer says
/// which revision of which bundle gave it.
const QUERY: &str = "strict-builtin-errors=true&provenance=true";

impl Default for OpaClientBuilder {
    fn default() -> Self {
        Self {
            base_url: None,
            more_urls: Vec::new(),
            #[cfg(unix)]
            unix_socket: None,
            bearer_token: None,
            headers: Vec::new(),
            ca: None,
            identity: None,
            timeout: Duration::from_millis(500),
            entry_point: ENTRY_POINT.to_owned(),
            max_response_bytes: 1024 * 1024,
            max_connections: 64,
            open_after: 3,
            probe_interval: Duration::from_secs(2),
            observer: None,
            environment_proxy: false,
        }
    }
}

impl fmt::Debug for OpaClientBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What may hold secrets is left out: token, header values, key, user names in a URL.
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        formatter
            .debug_struct("OpaClientBuilder")
            .field("entry_point", &self.entry_point)
            .field("timeout", &self.timeout)
            .field("max_response_bytes", &self.max_response_bytes)
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}
