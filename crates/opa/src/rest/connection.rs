use std::error::Error;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Body as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use kitelogik_core::{EngineError, FailClosed};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// An HTTP/1.1 connection, driven by whoever uses it: dropping a request closes it.
pub(super) struct Connection {
    requests: http1::SendRequest<Full<Bytes>>,
    /// None once the connection is closed.
    driver: Option<Driver>,
    received: Arc<AtomicU64>,
}

type Driver = http1::Connection<TokioIo<Counted>, Full<Bytes>>;

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why there is no answer.
pub(super) struct Failure {
    pub(super) error: EngineError,
    /// Whether the connection could not be made or broke before the first byte of an answer.
    pub(super) unanswered: bool,
    /// Whether the server may be to blame, and not the question: nothing came, not all, too late, or
    /// a 5xx that OPA does not say of policies.
    pub(super) unavailable: bool,
}

impl Failure {
    /// Nothing was sent.
    pub(super) fn unanswered(detail: String) -> Self {
        Self {
            error: EngineError::new(FailClosed::EngineUnreachable, detail),
            unanswered: true,
            unavailable: true,
        }
    }

    /// The question could not be written.
    pub(super) fn ours(error: EngineError) -> Self {
        Self {
            error,
            unanswered: false,
            unavailable: false,
        }
    }
}

/// What HTTP is spoken over: TCP, a Unix socket, TLS over either.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

impl Connection {
    pub(super) async fn over(socket: Box<dyn Socket>) -> Result<Self, hyper::Error> {
        let received = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            socket,
            received: received.clone(),
        };
        let (requests, driver) = http1::handshake(TokioIo::new(counted)).await?;
        Ok(Self {
            requests,
            driver: Some(driver),
            received,
        })
    }

    /// Whether the connection can take a request, as far as is known.
    pub(super) async fn is_alive(&mut self) -> bool {
        drive(&mut self.driver, self.requests.ready()).await.is_ok()
    }

    /// Whether another request may be sent later.
    pub(super) fn is_reusable(&self) -> bool {
        self.driver.is_some() && !self.requests.is_closed()
    }

    /// Sends a request and reads the whole answer, of at most `max_bytes` bytes of body.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        max_bytes: usize,
    ) -> Result<Answer, Failure> {
        let before = self.received.load(Ordering::Relaxed);
        let answering = self.requests.send_request(request);
        let outcome = drive(&mut self.driver, async {
            let (head, mut body) = answering.await.map_err(Broken::Http)?.into_parts();
            if body.size_hint().lower() > u64::try_from(max_bytes).unwrap_or(u64::MAX) {
                return Err(Broken::TooLarge);
            }
            let mut read = BytesMut::new();
            while let Some(frame) = body.frame().await {
                let Ok(data) = frame.map_err(Broken::Http)?.into_data() else {
                    continue;
                };
                if data.len() > max_bytes.saturating_sub(read.len()) {
                    return Err(Broken::TooLarge);
                }
                read.extend_from_slice(&data);
            }
            Ok(Answer {
                status: head.status,
                headers: head.headers,
                body: read.freeze(),
            })
        })
        .await;
        outcome.map_err(|broken| {
            let answered = self.received.load(Ordering::Relaxed) > before;
            broken.failure(answered, max_bytes)
        })
    }
}

/// Runs `work` to its end while the connection is driven.
///
/// The connection comes first, so that a close that has arrived is known before `work` looks.
async fn drive<T>(driver: &mut Option<Driver>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        if let Some(connection) = driver
            && Pin::new(connection).poll(context).is_ready()
        {
            // Closed. Dropping it tells `work`, whatever it waits for.
            *driver = None;
        }
        work.as_mut().poll(context)
    })
    .await
}

enum Broken {
    Http(hyper::Error),
    TooLarge,
}

impl Broken {
    fn failure(self, answered: bool, max_bytes: usize) -> Failure {
        let (code, detail) = match &self {
            Self::TooLarge => (
                FailClosed::LimitExceeded,
                format!("the answer is larger than {max_bytes} bytes"),
            ),
            Self::Http(error) if error.is_parse() || is_malformed_body(error) => (
                FailClosed::EngineProtocol,
                format!("the answer is not HTTP: {}", chain(error)),
            ),
            Self::Http(error) => (
                FailClosed::EngineUnreachable,
                format!(
                    "the connection was lost {} an answer: {}",
                    if answered {
                        "in the middle of"
                    } else {
                        "before"
                    },
                    chain(error)
                ),
            ),
        };
        Failure {
            error: EngineError::new(code, detail),
            // A refusal by TLS is the server's word: it would be said again.
            unanswered: code == FailClosed::EngineUnreachable
                && !answered
                && !matches!(&self, Self::Http(error) if is_tls_refusal(error)),
            unavailable: code == FailClosed::EngineUnreachable,
        }
    }
}

/// An error with all its causes, on one line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error).skip(1) {
        let cause = cause.to_string();
        if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Whether TLS itself refused: a certificate not trusted, a client not accepted.
pub(super) fn is_tls_refusal(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        cause.is::<rustls::Error>()
            || cause
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref)
                .is_some_and(|inner| inner.is::<rustls::Error>())
    })
}

/// A body whose chunks are none.
fn is_malformed_body(error: &(dyn Error + 'static)) -> bool {
    !is_tls_refusal(error)
        && causes(error).any(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|io| {
                matches!(
                    io.kind(),
                    io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
                )
            })
        })
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| <dyn Error>::source(*error))
}

/// A socket that counts what it receives, for hyper does not say whether an answer had begun.
struct Counted {
    socket: Box<dyn Socket>,
    received: Arc<AtomicU64>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        let read = buffer.filled().len().saturating_sub(before);
        self.received
            .fetch_add(u64::try_from(read).unwrap_or(u64::MAX), Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
