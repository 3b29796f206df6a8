//! Whether somebody answers at an address.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// Where a server listens.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    Port(u16),
    Socket(PathBuf),
}

impl Address {
    /// As `opa run --addr` takes it.
    pub(crate) fn for_opa(&self) -> String {
        match self {
            Self::Port(port) => format!("127.0.0.1:{port}"),
            Self::Socket(path) => format!("unix://{}", path.display()),
        }
    }

    /// Whether an HTTP answer comes back, of any status: OPA listens only after it has loaded its
    /// policies, and an authorization policy may refuse to speak of health.
    pub(crate) fn answers(&self) -> bool {
        const LIMIT: Option<Duration> = Some(Duration::from_secs(1));
        let status = match self {
            Self::Port(port) => TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, *port)))
                .and_then(|stream| {
                    stream.set_read_timeout(LIMIT)?;
                    ask(stream)
                }),
            Self::Socket(path) => UnixStream::connect(path).and_then(|stream| {
                stream.set_read_timeout(LIMIT)?;
                ask(stream)
            }),
        };
        status.is_ok_and(|start| &start == b"HTTP/1.1 ")
    }
}

fn ask(mut stream: impl Read + Write) -> io::Result<[u8; 9]> {
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut start = [0; 9];
    stream.read_exact(&mut start)?;
    Ok(start)
}
