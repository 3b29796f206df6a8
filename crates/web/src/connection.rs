//! Connections: bounded in number and in time, so that slow clients keep nobody out for long.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Sleep;
use tower_service::Service as _;

use crate::unread::Unread;

/// How many connections there may be at once; more wait to be accepted. A process may usually have 1,024 files open:
/// whoever fills these places leaves the ledger enough.
const MAX_CONNECTIONS: usize = 256;

/// How long nothing is accepted after that failed, as when there are too many open files; and how often that is told.
const PAUSE: Duration = Duration::from_secs(1);
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// How bytes become requests.
#[derive(Clone)]
pub(crate) enum Transport {
    Plain,
    #[cfg(feature = "tls")]
    Tls(tokio_rustls::TlsAcceptor),
}

/// What every connection is given.
#[derive(Clone)]
pub(crate) struct Connections {
    pub(crate) transport: Transport,
    pub(crate) router: Router,
    /// How long a handshake may take, a request's head, its body, and a write of which nothing is read.
    pub(crate) patience: Duration,
    /// True when the server ends.
    pub(crate) ending: watch::Receiver<bool>,
}

impl Connections {
    /// Answers until the server ends, and then until the last connection has.
    pub(crate) async fn serve(mut self, listener: TcpListener) -> io::Result<()> {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut open = JoinSet::new();
        let mut accepting = Accepting::new(PAUSE);
        loop {
            let next = async {
                let place = places.clone().acquire_owned().await;
                (place, accepting.next(|| listener.accept()).await)
            };
            let (place, accepted) = tokio::select! {
                next = next => next,
                () = async { drop(self.ending.wait_for(|ending| *ending).await) } => break,
            };
            while open.try_join_next().is_some() {}
            let (stream, address) = accepted?;
            let connections = self.clone();
            open.spawn(async move {
                connections.speak(stream, address).await;
                drop(place);
            });
        }
        drop(listener);
        while open.join_next().await.is_some() {}
        Ok(())
    }

    async fn speak(self, stream: TcpStream, address: SocketAddr) {
        // Answers are written whole: to wait for more only delays them.
        let _ = stream.set_nodelay(true);
        let stream = Unread::new(stream, self.patience);
        match self.transport.clone() {
            Transport::Plain => self.answer(stream, address).await,
            #[cfg(feature = "tls")]
            Transport::Tls(tls) => {
                match tokio::time::timeout(self.patience, tls.accept(stream)).await {
                    Ok(Ok(stream)) => self.answer(stream, address).await,
                    Ok(Err(error)) => tracing::debug!(%address, %error, "no TLS connection"),
                    Err(_) => tracing::debug!(%address, "no TLS connection in time"),
                }
            }
        }
    }

    async fn answer(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
        address: SocketAddr,
    ) {
        let Self {
            router,
            patience,
            mut ending,
            ..
        } = self;
        let service = service_fn(move |request: Request<Incoming>| {
            let mut router = router.clone();
            let mut request = request.map(|body| Body::new(Timely::new(body, patience)));
            request.extensions_mut().insert(ConnectInfo(address));
            async move { router.call(request).await }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = async { drop(ending.wait_for(|ending| *ending).await) } => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%address, %error, "a connection ended");
        }
    }
}

/// Accepts, whatever others do: clients can use up a process's files, and must not end it by that.
struct Accepting {
    pause: Duration,
    told: Option<Instant>,
}

impl Accepting {
    fn new(pause: Duration) -> Self {
        Self { pause, told: None }
    }

    /// The next connection. An error only where this is no listener any more, so that to wait mends nothing.
    async fn next<T, F>(&mut self, accept: impl Fn() -> F) -> io::Result<T>
    where
        F: Future<Output = io::Result<T>>,
    {
        loop {
            match accept().await {
                Err(error) if is_of_the_client(&error) => {}
                Err(error) if error.kind() != io::ErrorKind::InvalidInput => {
                    if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
                        self.told = Some(Instant::now());
                        tracing::error!(%error, "no connection can be accepted");
                    }
                    tokio::time::sleep(self.pause).await;
                }
                accepted => return accepted,
            }
        }
    }
}

/// Whether a connection was gone before it was accepted.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// The body of a request, which has to be there in time.
struct Timely {
    body: Incoming,
    patience: Duration,
    /// There from when something had to be waited for.
    late: Option<Pin<Box<Sleep>>>,
}

/// Why a body ends early.
#[derive(Debug, thiserror::Error)]
#[error("the request took too long")]
struct Late;

impl Timely {
    fn new(body: Incoming, patience: Duration) -> Self {
        Self {
            body,
            patience,
            late: None,
        }
    }
}

impl hyper::body::Body for Timely {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let patience = self.patience;
        let late = self
            .late
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        late.as_mut().poll(context).map(|()| Some(Err(Late.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// What `next` gives where accepting fails a thousand times, and then gives `last`.
    async fn after_failures(failure: fn() -> io::Error, last: io::Result<()>) -> io::Result<()> {
        let failed = Cell::new(0);
        let last = Cell::new(Some(last));
        let accept = async || {
            if failed.get() < 1000 {
                failed.set(failed.get() + 1);
                return Err(failure());
            }
            last.take().unwrap()
        };
        let accepted = Accepting::new(Duration::ZERO).next(accept).await;
        assert_eq!(failed.get(), 1000);
        accepted
    }

    #[tokio::test]
    async fn that_there_are_too_many_open_files_ends_no_server_however_long() {
        // ENFILE and EMFILE.
        let failures: [fn() -> io::Error; 4] = [
            || io::Error::from_raw_os_error(23),
            || io::Error::from_raw_os_error(24),
            || io::ErrorKind::OutOfMemory.into(),
            || io::ErrorKind::ConnectionAborted.into(),
        ];
        for failure in failures {
            after_failures(failure, Ok(())).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_no_listener_is_not_waited_for() {
        let failure = || io::Error::from_raw_os_error(24);
        let last = Err(io::ErrorKind::InvalidInput.into());
        let error = after_failures(failure, last).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
