use std::fmt;

use http::Uri;
use http::uri::Scheme;

use super::OpaConfigError;

/// Where the server is.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// Scheme, host and port, as in `http://localhost:8181/`.
    pub(super) origin: Uri,
    /// What stands before `/v1` in paths, as in `/opa`; mostly empty.
    pub(super) prefix: String,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, OpaConfigError> {
        let invalid = |problem| OpaConfigError::BaseUrl {
            url: shown(url),
            problem,
        };
        if url.contains('@') {
            return Err(invalid(
                "holds a user name; give a bearer token or a header instead",
            ));
        }
        if url.contains(['?', '#']) {
            return Err(invalid("has a query or a fragment"));
        }
        let uri: Uri = url.parse().map_err(|_| invalid("is not a URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(invalid("does not begin with `http://` or `https://`"));
        };
        if ![Scheme::HTTP, Scheme::HTTPS].contains(scheme) {
            return Err(invalid("is neither `http` nor `https`"));
        }
        if authority.host().is_empty() {
            return Err(invalid("has no host"));
        }
        // A port that is no number parses, and would silently become the scheme's own.
        if authority.as_str() != authority.host() && authority.port_u16().is_none() {
            return Err(invalid("has a port that is not a number below 65536"));
        }
        let origin = Uri::builder()
            .scheme(scheme.clone())
            .authority(authority.clone())
            .path_and_query("/")
            .build()
            .map_err(|_| invalid("is not a URL"))?;
        Ok(Self {
            prefix: uri.path().trim_end_matches('/').to_owned(),
            origin,
        })
    }

    pub(super) fn is_https(&self) -> bool {
        self.origin.scheme() == Some(&Scheme::HTTPS)
    }

    /// The host without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        let host = self.origin.host().unwrap_or_default();
        host.strip_prefix('[')
            .and_then(|inner| inner.strip_suffix(']'))
            .unwrap_or(host)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.origin.to_string();
        write!(formatter, "{}{}", origin.trim_end_matches('/'), self.prefix)
    }
}

/// The URL as an error may show it: without what stands before an `@`, in a query or in a fragment.
fn shown(url: &str) -> String {
    let (place, more) = match url.split_once(['?', '#']) {
        Some((place, _)) => (place, "…"),
        None => (url, ""),
    };
    match place.rsplit_once('@') {
        Some((_, after)) => format!("…@{after}{more}"),
        // What is taken for a query may be the end of a password.
        None if url.contains('@') => "…".to_owned(),
        None => format!("{place}{more}"),
    }
}
