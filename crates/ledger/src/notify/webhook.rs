use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::{self, Either};
use http::header::{CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use http::uri::{Authority, Scheme};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ring::hmac;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::outbox::Outbox;
use super::{Notifier, message};
use crate::{ApprovalView, Timestamp};

/// Sends every new request to a URL, as JSON, signed.
///
/// The body is `{"type": "approval.requested", "timestamp": …, "data": {…}}`, with an
/// [`ApprovalView`], masked, as `data`. The headers are those of the *Standard Webhooks*: `webhook-id`
/// (the same for every attempt), `webhook-timestamp` (seconds since 1970), and `webhook-signature`:
/// `v1,` and the base64 of the HMAC-SHA256, by the secret, of id, timestamp and body with dots between.
/// A receiver compares it (see [`Webhook::signature`]) and refuses a timestamp more than a few minutes old.
///
/// An attempt may take 10 s. One that gets no answer, or 408, 429 or 5xx, is made again, after 1 s, 2 s,
/// 4 s, … up to a minute, each shortened at random by up to half; six in all. Redirects are not followed,
/// and no proxy is used, whatever the environment says.
#[derive(Clone)]
#[must_use]
pub struct Webhook {
    target: Arc<Target>,
    attempts: u32,
    first_pause: Duration,
    timeout: Duration,
    outbox: Outbox,
}

/// Why a webhook cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The URL is none that can be sent to. It is not repeated here, for it may hold a secret.
    #[error("the webhook's URL {problem}")]
    Url {
        /// What is wrong with it, as a predicate.
        problem: &'static str,
    },
    /// The secret is too short to sign with.
    #[error("the webhook's secret is shorter than 16 bytes")]
    Secret,
    /// There are no certificates to check the server by.
    #[error("the webhook's receiver cannot be checked: {problem}")]
    Tls {
        /// What is wrong with the system's certificates, or with those that were given.
        problem: String,
    },
}

#[derive(Clone)]
struct Target {
    uri: Uri,
    host: String,
    port: u16,
    /// What a log may name: without path and query, which may hold a secret.
    shown: String,
    tls: Option<TlsConnector>,
    secret: Vec<u8>,
}

/// Why an attempt did not succeed.
struct Failure {
    problem: String,
    again: bool,
}

const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Webhook {
    /// Sends to `url`, which begins with `https://` (or `http://`, on a network that you trust), signed with
    /// `secret`: 16 bytes or more, known to the receiver.
    ///
    /// # Errors
    ///
    /// The URL or the secret cannot be used, or there are no certificates to check a server by.
    pub fn new(url: &str, secret: impl Into<Vec<u8>>) -> Result<Self, WebhookError> {
        let secret = secret.into();
        if secret.len() < 16 {
            return Err(WebhookError::Secret);
        }
        let wrong = |problem| WebhookError::Url { problem };
        let uri: Uri = url.parse().map_err(|_| wrong("is no URL"))?;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(wrong("does not begin with `https://`")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("holds a user name; the signature is what identifies"));
        }
        let port = authority
            .port_u16()
            .unwrap_or(if secure { 443 } else { 80 });
        let target = Target {
            host: host(authority),
            port,
            shown: authority.to_string(),
            tls: secure.then(|| tls(None)).transpose()?,
            uri,
            secret,
        };
        Ok(Self {
            target: Arc::new(target),
            attempts: 6,
            first_pause: Duration::from_secs(1),
            timeout: Duration::from_secs(10),
            outbox: Outbox::new(),
        })
    }

    /// Trusts these CA certificates (PEM, one or more) **and no others**. Default: those of the system.
    ///
    /// # Errors
    ///
    /// The URL begins with `http://`, where nothing is checked, or the certificates cannot be used.
    pub fn ca_certificates(mut self, pem: impl AsRef<[u8]>) -> Result<Self, WebhookError> {
        if self.target.tls.is_none() {
            return Err(WebhookError::Url {
                problem: "is `http`, but certificates are given, which need `https`",
            });
        }
        Arc::make_mut(&mut self.target).tls = Some(tls(Some(pem.as_ref()))?);
        Ok(self)
    }

    /// The value of `webhook-signature` that a message must have, for a receiver to compare: `v1,` and base64.
    #[must_use]
    pub fn signature(secret: &[u8], id: &str, timestamp: i64, body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let signed = format!("{id}.{timestamp}.{body}");
        let tag = hmac::sign(&key, signed.as_bytes());
        format!("v1,{}", STANDARD.encode(tag.as_ref()))
    }

    /// How often a message is sent before it is given up. Default: 6.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// How long one attempt may take. Default: 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The pause before the second attempt, at most; each one after it is twice as long, up to a
    /// minute. Default: 1 s.
    pub fn first_pause(mut self, pause: Duration) -> Self {
        self.first_pause = pause;
        self
    }

    /// How many requests were not told: every attempt failed, the receiver refused, or too many were
    /// under way.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.outbox.lost()
    }
}

impl Notifier for Webhook {
    fn notify(&self, request: &ApprovalView) {
        let Some(text) = message(request) else {
            return;
        };
        let webhook = self.clone();
        let id = format!("msg_{}", request.id);
        let to = &self.target.shown;
        self.outbox.send(to, &request.id, |turns| async move {
            let mut pause = webhook.first_pause;
            let mut attempt = 1;
            loop {
                let turn = turns.acquire().await;
                let sent = tokio::time::timeout(webhook.timeout, webhook.target.send(&id, &text))
                    .await
                    .unwrap_or_else(|_| Err(Failure::again("no answer in time")));
                drop(turn);
                match sent {
                    Ok(()) => return Ok(()),
                    Err(failure) if failure.again && attempt < webhook.attempts => {
                        tokio::time::sleep(shortened(pause)).await;
                        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                        attempt += 1;
                    }
                    Err(failure) => {
                        return Err(format!("{}, attempt {attempt}", failure.problem));
                    }
                }
            }
        });
    }
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Webhook")
            .field("to", &self.target.shown)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

impl Target {
    async fn send(&self, id: &str, body: &str) -> Result<(), Failure> {
        let request = self
            .request(id, body)
            .map_err(|error| Failure::for_good(error.to_string()))?;
        let stream = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|error| Failure::again(format!("it cannot be reached: {error}")))?;
        let status = match &self.tls {
            None => exchange(stream, request).await?,
            Some(tls) => {
                let name = ServerName::try_from(self.host.clone())
                    .map_err(|_| Failure::for_good("its host is no name for TLS"))?;
                let stream = tls.connect(name, stream).await;
                let stream = stream
                    .map_err(|error| Failure::again(format!("no TLS connection: {error}")))?;
                exchange(stream, request).await?
            }
        };
        match status {
            status if status.is_success() => Ok(()),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                Err(Failure::again(format!("it answered {status}")))
            }
            status if status.is_server_error() => {
                Err(Failure::again(format!("it answered {status}")))
            }
            status => Err(Failure::for_good(format!("it answered {status}"))),
        }
    }

    fn request(&self, id: &str, body: &str) -> Result<Request<Full<Bytes>>, http::Error> {
        let timestamp = Timestamp::now().millis() / 1_000;
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let signature = Webhook::signature(&self.secret, id, timestamp, body);
        let mut signature = HeaderValue::try_from(signature)?;
        signature.set_sensitive(true);
        Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, &self.shown)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("kitelogik/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
    }
}

impl Failure {
    fn again(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            again: true,
        }
    }

    fn for_good(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            again: false,
        }
    }
}

/// Sends one request on a connection of its own; what the answer says besides its status is not read.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<StatusCode, Failure> {
    let lost = |error: hyper::Error| Failure::again(format!("the connection was lost: {error}"));
    let (mut requests, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    let answering = requests.send_request(request);
    let status = match future::select(pin!(answering), pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        Either::Right((closed, answering)) => {
            closed.map_err(lost)?;
            answering.await
        }
    };
    status.map(|answer| answer.status()).map_err(lost)
}

/// The host without the brackets of an IPv6 address.
fn host(authority: &Authority) -> String {
    let host = authority.host();
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
        .to_owned()
}

fn tls(authorities: Option<&[u8]>) -> Result<TlsConnector, WebhookError> {
    match crate::tls::config(authorities) {
        Ok(config) => Ok(TlsConnector::from(Arc::new(config))),
        Err(problem) => Err(WebhookError::Tls { problem }),
    }
}

/// Between half of `pause` and all of it, so that those who failed together do not come back together.
fn shortened(pause: Duration) -> Duration {
    let [random] = crate::key::random::<1>().unwrap_or([u8::MAX]);
    pause.mul_f64(0.5 + f64::from(random) / 510.0)
}
