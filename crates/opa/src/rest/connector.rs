use std::error::Error;
use std::future::poll_fn;
#[cfg(unix)]
use std::path::PathBuf;

use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::OpaConfigError;
use super::address::Address;
use super::connection::{Connection, Failure, Socket, chain, is_tls_refusal};

/// Makes connections to the server.
pub(super) struct Connector {
    pub(super) route: Route,
    pub(super) tls: Option<Tls>,
}

/// How the server is reached.
pub(super) enum Route {
    /// By its own address.
    Direct(Uri),
    /// Through a Unix socket.
    #[cfg(unix)]
    Unix(PathBuf),
    /// Through a proxy: it is asked for whole URLs if the server speaks `http`, for a tunnel if `https`.
    Proxy {
        server: Uri,
        proxy: Uri,
        authorization: Option<HeaderValue>,
    },
}

pub(super) struct Tls {
    pub(super) connector: TlsConnector,
    pub(super) server: ServerName<'static>,
}

impl Connector {
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let socket = self.socket().await.map_err(unmade)?;
        let socket = match &self.tls {
            None => socket,
            Some(tls) => {
                let handshake = tls.connector.connect(tls.server.clone(), socket);
                Box::new(handshake.await.map_err(unmade)?)
            }
        };
        Connection::over(socket).await.map_err(unmade)
    }

    async fn socket(&self) -> Result<Box<dyn Socket>, Box<dyn Error + Send + Sync>> {
        match &self.route {
            Route::Direct(server) => tcp(server.clone()).await,
            #[cfg(unix)]
            Route::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
            Route::Proxy { proxy, .. } if self.tls.is_none() => tcp(proxy.clone()).await,
            Route::Proxy {
                server,
                proxy,
                authorization,
            } => {
                let mut tunnel = Tunnel::new(proxy.clone(), resolver());
                if let Some(authorization) = authorization {
                    tunnel = tunnel.with_auth(authorization.clone());
                }
                open(tunnel, server.clone()).await
            }
        }
    }
}

impl Route {
    /// Through the proxy that the environment names for this server, if it names one.
    pub(super) fn by_environment(address: &Address) -> Result<Self, OpaConfigError> {
        let server = address.origin.clone();
        let Some(proxy) = Matcher::from_env().intercept(&server) else {
            return Ok(Self::Direct(server));
        };
        if proxy.uri().scheme_str() != Some("http") {
            return Err(OpaConfigError::Proxy {
                problem: "only proxies with an `http://` URL are spoken to",
            });
        }
        Ok(Self::Proxy {
            server,
            proxy: proxy.uri().clone(),
            authorization: proxy.basic_auth().cloned(),
        })
    }
}

async fn tcp(to: Uri) -> Result<Box<dyn Socket>, Box<dyn Error + Send + Sync>> {
    open(resolver(), to).await
}

fn resolver() -> HttpConnector {
    let mut connector = HttpConnector::new();
    // It connects to `https` addresses as well: TLS comes on top of it.
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector
}

async fn open<C>(mut connector: C, to: Uri) -> Result<Box<dyn Socket>, Box<dyn Error + Send + Sync>>
where
    C: Service<Uri, Response = hyper_util::rt::TokioIo<tokio::net::TcpStream>>,
    C::Error: Error + Send + Sync + 'static,
{
    poll_fn(|context| connector.poll_ready(context)).await?;
    Ok(Box::new(connector.call(to).await?.into_inner()))
}

fn unmade(error: impl Into<Box<dyn Error + Send + Sync>>) -> Failure {
    let error = error.into();
    Failure {
        unanswered: !is_tls_refusal(&*error),
        ..Failure::unanswered(format!("no connection could be made: {}", chain(&*error)))
    }
}
