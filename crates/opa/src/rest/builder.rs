use std::fmt;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_TYPE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{Uri, uri};
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::address::Address;
use super::connector::{Connector, Route, Tls};
use super::entry_point::EntryPoint;
use super::tls::{self, Identity};
use super::{OpaClient, OpaConfigError, Parts};

/// Says how an OPA server is asked; [`build`](Self::build) makes the [`OpaClient`].
///
/// Each setting has a default, so a builder that is told nothing builds the same client as
/// [`OpaClient::default`].
#[derive(Clone)]
#[must_use = "nothing is asked before `build`"]
pub struct OpaClientBuilder {
    base_url: String,
    #[cfg(unix)]
    unix_socket: Option<PathBuf>,
    bearer_token: Option<String>,
    headers: Vec<(String, String)>,
    ca: Option<Vec<u8>>,
    identity: Option<Identity>,
    timeout: Duration,
    entry_point: String,
    max_response_bytes: usize,
    environment_proxy: bool,
}

impl OpaClientBuilder {
    /// Where the server is: `http` or `https`, a host, a port if it is not the scheme's own, and a
    /// path if a gateway serves the API below one. Default: `http://localhost:8181`.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Reaches the server through this Unix socket. Default: over TCP.
    ///
    /// The base URL still says what the `Host` header and the path are, and with `https` TLS is
    /// spoken through the socket.
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

    /// How long one decision may take, connection and retry included. Default: 500 ms.
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
        if self.timeout.is_zero() {
            return Err(OpaConfigError::ZeroLimit { limit: "timeout" });
        }
        if self.max_response_bytes == 0 {
            return Err(OpaConfigError::ZeroLimit {
                limit: "largest response",
            });
        }
        let address = Address::parse(&self.base_url)?;
        let entry_point = EntryPoint::parse(&self.entry_point)?;
        let mut headers = self.headers(&address)?;
        let connector = Connector {
            route: self.route(&address)?,
            tls: self.tls(&address)?,
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
            url: self.base_url.clone(),
            problem: "has a path that no request can carry",
        })?;
        Ok(OpaClient::assemble(Parts {
            base_url: address.to_string(),
            connector,
            target,
            headers,
            entry_point: Arc::from(entry_point.name),
            timeout: self.timeout,
            max_response_bytes: self.max_response_bytes,
        }))
    }

    fn headers(&self, address: &Address) -> Result<HeaderMap, OpaConfigError> {
        let host = address
            .origin
            .authority()
            .map_or("", uri::Authority::as_str);
        let host = HeaderValue::from_str(host).map_err(|_| OpaConfigError::BaseUrl {
            url: self.base_url.clone(),
            problem: "has a host that no header can carry",
        })?;
        let mut headers = fixed_headers(host);
        if let Some(token) = &self.bearer_token {
            if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(OpaConfigError::BearerToken);
            }
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| OpaConfigError::BearerToken)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        for (name, value) in &self.headers {
            let problem = |problem| OpaConfigError::Header {
                name: name.clone(),
                problem,
            };
            let key = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| problem("is not the name of a header"))?;
            if RESERVED.contains(&key) {
                return Err(problem("is set by the client itself"));
            }
            if key == AUTHORIZATION && self.bearer_token.is_some() {
                return Err(problem("is set by the bearer token; give one of the two"));
            }
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| problem("has a value that no header can carry"))?;
            value.set_sensitive(true);
            headers.append(key, value);
        }
        Ok(headers)
    }

    fn route(&self, address: &Address) -> Result<Route, OpaConfigError> {
        #[cfg(unix)]
        if let Some(path) = &self.unix_socket {
            return Ok(Route::Unix(path.clone()));
        }
        if self.environment_proxy {
            return Route::by_environment(address);
        }
        Ok(Route::Direct(address.origin.clone()))
    }

    fn tls(&self, address: &Address) -> Result<Option<Tls>, OpaConfigError> {
        if !address.is_https() {
            // They would be ignored, and whoever gave them believes that the server is checked.
            return match (&self.ca, &self.identity) {
                (None, None) => Ok(None),
                _ => Err(OpaConfigError::BaseUrl {
                    url: self.base_url.clone(),
                    problem: "is `http`, but certificates are given, which need `https`",
                }),
            };
        }
        let server = ServerName::try_from(address.host().to_owned()).map_err(|_| {
            OpaConfigError::BaseUrl {
                url: self.base_url.clone(),
                problem: "has a host that no certificate can name",
            }
        })?;
        let config = tls::config(self.ca.as_deref(), self.identity.as_ref())?;
        Ok(Some(Tls {
            connector: TlsConnector::from(Arc::new(config)),
            server,
        }))
    }
}

/// What the builder makes when it is told nothing; made without it, because it cannot fail.
pub(super) fn default_parts() -> Parts {
    Parts {
        base_url: "http://localhost:8181".to_owned(),
        connector: Connector {
            route: Route::Direct(Uri::from_static("http://localhost:8181/")),
            tls: None,
        },
        target: Uri::from_static(
            "/v1/data/kitelogik/main?strict-builtin-errors=true&provenance=true",
        ),
        headers: fixed_headers(HeaderValue::from_static("localhost:8181")),
        entry_point: Arc::from("data.kitelogik.main"),
        timeout: TIMEOUT,
        max_response_bytes: MAX_RESPONSE_BYTES,
    }
}

/// Built-in errors are errors instead of rules that silently do not fire; and the answer says
/// which revision of which bundle gave it.
const QUERY: &str = "strict-builtin-errors=true&provenance=true";

const TIMEOUT: Duration = Duration::from_millis(500);

const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

fn fixed_headers(host: HeaderValue) -> HeaderMap {
    const AGENT: &str = concat!("kitelogik-opa/", env!("CARGO_PKG_VERSION"));
    HeaderMap::from_iter([
        (HOST, host),
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (ACCEPT, HeaderValue::from_static("application/json")),
        (USER_AGENT, HeaderValue::from_static(AGENT)),
    ])
}

const RESERVED: [HeaderName; 13] = [
    ACCEPT,
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    EXPECT,
    HOST,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

impl Default for OpaClientBuilder {
    fn default() -> Self {
        Self {
            base_url: "http://localhost:8181".to_owned(),
            #[cfg(unix)]
            unix_socket: None,
            bearer_token: None,
            headers: Vec::new(),
            ca: None,
            identity: None,
            timeout: TIMEOUT,
            entry_point: "data.kitelogik.main".to_owned(),
            max_response_bytes: MAX_RESPONSE_BYTES,
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
