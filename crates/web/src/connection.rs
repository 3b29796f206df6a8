//! Connections: bounded in number and in time, so that slow clients keep nobody out for long.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

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

/// How many connections there may be at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 1024;

/// How long nothing is accepted after that failed, as when there are too many open files; and how often that may be,
/// one after the other.
const PAUSE: Duration = Duration::from_secs(1);
const MAX_FAILURES: u32 = 60;

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
    /// How long a handshake may take, a request's head, and its body.
    pub(crate) patience: Duration,
    /// True when the server ends.
    pub(crate) ending: watch::Receiver<bool>,
}

impl Connections {
    /// Answers until the server ends, and then until the last connection has.
    pub(crate) async fn serve(mut self, listener: TcpListener) -> io::Result<()> {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut open = JoinSet::new();
        let mut failures = 0;
        loop {
            let accepting = async {
                let place = places.clone().acquire_owned().await;
                (place, listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                accepted = accepting => accepted,
                () = async { drop(self.ending.wait_for(|ending| *ending).await) } => break,
            };
            while open.try_join_next().is_some() {}
            match accepted {
                Ok((stream, address)) => {
                    failures = 0;
                    let connections = self.clone();
                    open.spawn(async move {
                        connections.speak(stream, address).await;
                        drop(place);
                    });
                }
                Err(error) if is_of_the_client(&error) => {}
                Err(error) if failures < MAX_FAILURES => {
                    failures += 1;
                    tracing::error!(%error, "no connection can be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
        drop(listener);
        while open.join_next().await.is_some() {}
        Ok(())
    }

    async fn speak(self, stream: TcpStream, address: SocketAddr) {
        // Answers are written whole: to wait for more only delays them.
        let _ = stream.set_nodelay(true);
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
