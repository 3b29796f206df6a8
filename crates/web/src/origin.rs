//! Under which names the server is reached.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Where people reach the server, as a browser names it: `https://approvals.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    secure: bool,
    host: String,
    port: Option<u16>,
}

/// Why a text is no origin that the server can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// It is not scheme, host and port.
    #[error("`{origin}` is no origin; write one as in `https://approvals.example.com`")]
    Malformed {
        /// The text as it was given.
        origin: String,
    },
    /// Plain HTTP to another machine: whoever listens on the way could decide.
    #[error(
        "`{origin}` is not encrypted: put a server with TLS in front and name its `https://` origin (plain `http://` is for `localhost`, names that end in `.localhost`, and loopback addresses)"
    )]
    NotEncrypted {
        /// The text as it was given.
        origin: String,
    },
}

impl Origin {
    /// Reads `https://HOST[:PORT]`, or `http://HOST[:PORT]` for a host that is this machine.
    ///
    /// # Errors
    ///
    /// The text is no origin, or it is unencrypted and names another machine.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let malformed = || OriginError::Malformed {
            origin: text.to_owned(),
        };
        let lower = text.trim().trim_end_matches('/').to_ascii_lowercase();
        let (secure, authority) = match (
            lower.strip_prefix("https://"),
            lower.strip_prefix("http://"),
        ) {
            (Some(authority), _) => (true, authority),
            (_, Some(authority)) => (false, authority),
            (None, None) => return Err(malformed()),
        };
        let (host, port) = split(authority).ok_or_else(malformed)?;
        let origin = Self { secure, host, port };
        if !secure && !origin.is_loopback() {
            return Err(OriginError::NotEncrypted {
                origin: text.to_owned(),
            });
        }
        Ok(origin)
    }

    /// The origin of a loopback address.
    pub(crate) fn of_address(address: SocketAddr, secure: bool) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        Self {
            secure,
            host,
            port: Some(address.port()),
        }
    }

    /// Whether it is reached by TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    fn with_host(&self, host: &str) -> Self {
        Self {
            host: host.to_owned(),
            ..self.clone()
        }
    }

    fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost"
            || self.host.ends_with(".localhost")
            || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// The port that browsers connect to.
    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap_or(self.default_port())
    }

    fn default_port(&self) -> u16 {
        if self.secure { 443 } else { 80 }
    }

    /// Whether a `Host` header names this.
    fn has_host(&self, header: &str) -> bool {
        split(&header.to_ascii_lowercase()).is_some_and(|(host, port)| {
            host == self.host && port.unwrap_or(self.default_port()) == self.port()
        })
    }
}

/// Host and port of an authority, without user information.
fn split(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
        _ => (authority, None),
    };
    let named = !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    let numbered = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok());
    (named || numbered).then(|| (host.to_owned(), port))
}

/// As a browser writes it, without a default port.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        match self.port {
            Some(port) if port != self.default_port() => write!(f, ":{port}"),
            _ => Ok(()),
        }
    }
}

/// All origins that are the server's own. A page of any other, and a request to any other name, is refused: a name
/// that somebody points at this address (DNS rebinding) is none of ours.
#[derive(Clone, Debug)]
pub(crate) struct Origins {
    origins: Vec<Origin>,
}

impl Origins {
    /// `named`, or else the loopback address and `localhost`.
    pub(crate) fn new(named: Option<Origin>, address: SocketAddr, secure: bool) -> Self {
        let origins = match named {
            Some(origin) => vec![origin],
            None => {
                let own = Origin::of_address(address, secure);
                vec![own.clone(), own.with_host("localhost")]
            }
        };
        Self { origins }
    }

    /// The one that links name.
    pub(crate) fn main(&self) -> Option<&Origin> {
        self.origins.first()
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.origins.iter().all(Origin::is_secure)
    }

    pub(crate) fn has_host(&self, header: &str) -> bool {
        self.of_host(header).is_some()
    }

    /// The one that a `Host` header names.
    pub(crate) fn of_host(&self, header: &str) -> Option<&Origin> {
        self.origins.iter().find(|origin| origin.has_host(header))
    }

    pub(crate) fn has_origin(&self, header: &str) -> bool {
        self.origins
            .iter()
            .any(|origin| origin.to_string() == header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_reached_without_encryption() {
        for good in [
            "https://a.example",
            "https://a.example:8443/",
            "http://localhost:8787",
            "http://approvals.localhost:8787",
            "http://127.0.0.1:80",
            "http://[::1]:8787",
        ] {
            assert!(Origin::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a.example",
            "ftp://a.example",
            "http://a.example",
            "http://10.0.0.1",
            "https://a.example/path",
            "https://user@a.example",
            "https://a:b",
            "https://",
            "http://localhost.evil.example",
            "https://[zz]",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_default_port_may_be_left_out() {
        let origin = Origin::parse("https://a.example:443").unwrap();
        assert_eq!(origin.to_string(), "https://a.example");
        assert!(origin.has_host("A.example") && origin.has_host("a.example:443"));
        assert!(!origin.has_host("a.example:80") && !origin.has_host("a.example.evil"));
    }
}
