//! Requests of the server to the provider.

use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{self, Either};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper_util::rt::TokioIo;
use openidconnect::url::{Host, Url};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, http};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::OidcError;

/// How large an answer may be, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// One request on a connection of its own each. No redirect is followed, and no proxy used.
pub(super) struct BackChannel {
    tls: TlsConnector,
    /// Whether plain HTTP to loopback is allowed: where the provider itself is there.
    plain: bool,
    timeout: Duration,
}

/// Why a request had no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum BackChannelError {
    #[error("`{0}` is not `https`")]
    NotEncrypted(String),
    #[error("`{0}` names no host")]
    NoHost(String),
    #[error("`{host}` cannot be reached: {problem}")]
    Unreachable { host: String, problem: String },
    #[error("`{host}` did not answer in time")]
    Late { host: String },
    #[error("`{host}` sent what is no answer, or more than {MAX_ANSWER} bytes: {problem}")]
    Broken { host: String, problem: String },
}

impl BackChannel {
    pub(super) fn new(issuer: &Url, timeout: Duration) -> Result<Self, OidcError> {
        let wrong = |error: rustls::Error| OidcError::Tls {
            problem: error.to_string(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(wrong)?
            .with_platform_verifier()
            .map_err(wrong)?
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
            plain: issuer.scheme() == "http",
            timeout,
        })
    }

    /// Whether a URL that the provider names may be used, by this server or by a browser.
    pub(super) fn allows(&self, url: &Url) -> bool {
        match url.scheme() {
            "https" => true,
            "http" => self.plain && is_loopback(url),
            _ => false,
        }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, BackChannelError> {
        let text = request.uri().to_string();
        let no_host = || BackChannelError::NoHost(text.clone());
        let url = Url::parse(&text).map_err(|_| no_host())?;
        if !self.allows(&url) {
            return Err(BackChannelError::NotEncrypted(text));
        }
        let host = bare_host(&url).ok_or_else(no_host)?;
        let port = url.port_or_known_default().ok_or_else(no_host)?;
        let unreachable = |problem: String| BackChannelError::Unreachable {
            host: host.clone(),
            problem,
        };
        let request = outgoing(request, &url).map_err(|error| unreachable(error.to_string()))?;
        let sending = async {
            let stream = TcpStream::connect((host.as_str(), port))
                .await
                .map_err(|error| unreachable(error.to_string()))?;
            if url.scheme() == "http" {
                return exchange(stream, request, &host).await;
            }
            let name = ServerName::try_from(host.clone())
                .map_err(|_| unreachable("no certificate can name it".to_owned()))?;
            let stream = self
                .tls
                .connect(name, stream)
                .await
                .map_err(|error| unreachable(error.to_string()))?;
            exchange(stream, request, &host).await
        };
        tokio::time::timeout(self.timeout, sending)
            .await
            .unwrap_or_else(|_| Err(BackChannelError::Late { host: host.clone() }))
    }
}

impl<'c> AsyncHttpClient<'c> for BackChannel {
    type Error = BackChannelError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Self::Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// Whether a URL leads to this machine alone.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

/// The host without the brackets of an IPv6 address.
fn bare_host(url: &Url) -> Option<String> {
    match url.host()? {
        Host::Domain(name) => Some(name.to_owned()),
        Host::Ipv4(ip) => Some(ip.to_string()),
        Host::Ipv6(ip) => Some(ip.to_string()),
    }
}

/// The request as it goes to the host itself: its path, and the host in a header.
fn outgoing(
    request: HttpRequest,
    url: &Url,
) -> Result<http::Request<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let (mut parts, body) = request.into_parts();
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    };
    parts.uri = match parts.uri.path_and_query() {
        Some(path) => http::Uri::from(path.clone()),
        None => http::Uri::from_static("/"),
    };
    parts.headers.insert(HOST, HeaderValue::try_from(host)?);
    parts.headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("kitelogik/", env!("CARGO_PKG_VERSION"))),
    );
    Ok(http::Request::from_parts(
        parts,
        Full::new(Bytes::from(body)),
    ))
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: http::Request<Full<Bytes>>,
    host: &str,
) -> Result<HttpResponse, BackChannelError> {
    let broken = |problem: String| BackChannelError::Broken {
        host: host.to_owned(),
        problem,
    };
    let lost = |error: hyper::Error| broken(error.to_string());
    let (mut requests, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    let answering = async {
        let (parts, body) = requests
            .send_request(request)
            .await
            .map_err(lost)?
            .into_parts();
        let body = Limited::new(body, MAX_ANSWER)
            .collect()
            .await
            .map_err(|error| broken(error.to_string()))?;
        Ok(http::Response::from_parts(parts, body.to_bytes().to_vec()))
    };
    match future::select(pin!(answering), pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        Either::Right((closed, answering)) => {
            closed.map_err(lost)?;
            answering.await
        }
    }
}
