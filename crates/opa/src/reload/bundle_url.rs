use std::fmt;
use std::time::Duration;

use super::PolicySource;

/// Where a bundle lies on a server, and how it is asked for.
///
/// ```
/// use kitelogik_opa::{BundleUrl, Reloading};
///
/// let source = BundleUrl::new("https://policies.internal/refunds.tar.gz").bearer_token("a-token");
/// let builder = Reloading::builder(source);
/// ```
///
/// A `GET` over HTTP/1.1 with a connection of its own, with the `ETag` of the last answer in `If-None-Match`. No
/// redirects, no cookies; TLS 1.2 and 1.3. Whoever answers decides what the policy is: use `https`, and have the bundle
/// [signed](super::ReloadingBuilder::verification). A signature with an end (`exp`) keeps somebody from serving an old
/// bundle to a process that begins.
#[derive(Clone)]
#[must_use = "nothing is asked before the engine is started"]
pub struct BundleUrl {
    pub(crate) url: String,
    pub(crate) bearer_token: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) ca: Option<Vec<u8>>,
    pub(crate) identity: Option<(Vec<u8>, Vec<u8>)>,
    pub(crate) timeout: Duration,
    pub(crate) max_bytes: usize,
    pub(crate) environment_proxy: bool,
}

impl BundleUrl {
    /// The bundle at this URL: `http` or `https`, a host, a path; a query may follow, and is kept out of messages.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            bearer_token: None,
            headers: Vec::new(),
            ca: None,
            identity: None,
            timeout: Duration::from_secs(30),
            max_bytes: 64 * 1024 * 1024,
            environment_proxy: false,
        }
    }

    /// Sends `Authorization: Bearer <token>`. It is in no error, no log and no `Debug` output.
    ///
    /// Over `http` to another machine whoever sits on the way can read it: that is logged as a warning.
    pub fn bearer_token(mut self, token: impl Into<String>) -> Self {
        self.bearer_token = Some(token.into());
        self
    }

    /// Sends one more header. Values are treated as secrets; headers that HTTP itself needs cannot be set.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Trusts these CA certificates (PEM, one or more) **and no others**. Default: those of the system.
    pub fn ca_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca = Some(pem.into());
        self
    }

    /// Shows the server this certificate with its private key, both PEM.
    pub fn client_certificate(
        mut self,
        certificates: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.identity = Some((certificates.into(), key.into()));
        self
    }

    /// How long one download may take, connection included. Default: 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How large the bundle may be, in bytes. Default: 64 MiB, which is also the most that a bundle may have.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Takes the proxy that `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name. Default: no proxy.
    pub fn proxy_from_environment(mut self) -> Self {
        self.environment_proxy = true;
        self
    }
}

impl From<&str> for BundleUrl {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for BundleUrl {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl From<BundleUrl> for PolicySource {
    fn from(url: BundleUrl) -> Self {
        Self::bundle_url(url)
    }
}

impl fmt::Debug for BundleUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What may hold secrets is left out: token, header values, key, the URL's user name and query.
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        formatter
            .debug_struct("BundleUrl")
            .field("timeout", &self.timeout)
            .field("max_bytes", &self.max_bytes)
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}
