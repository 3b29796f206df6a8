//! One `GET`, for a bundle that lies on a server.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, PROXY_AUTHORIZATION,
};
use http::{Method, Request, StatusCode, Uri, uri};
use http_body_util::Full;

use super::address::Address;
use super::connection::Answer;
use super::connector::{Connector, Route};
use super::tls::{self, Identity};
use super::{OpaConfigError, headers};
use crate::reload::BundleUrl;

/// Asks for one file, each time over a connection of its own.
pub(crate) struct Getter {
    address: Address,
    connector: Connector,
    target: Uri,
    headers: HeaderMap,
    timeout: Duration,
    max_bytes: usize,
    shown: String,
}

/// What came of it.
pub(crate) enum Got {
    /// The file has still the tag that was sent.
    Unchanged,
    /// The whole file, and its tag.
    Body { bytes: Bytes, etag: Option<String> },
}

/// A longer tag is not sent back.
const MAX_ETAG: usize = 1024;

impl Getter {
    pub(crate) fn new(bundle: &BundleUrl) -> Result<Self, OpaConfigError> {
        if bundle.timeout.is_zero() {
            return Err(OpaConfigError::ZeroLimit { limit: "timeout" });
        }
        if bundle.max_bytes == 0 {
            return Err(OpaConfigError::ZeroLimit {
                limit: "largest bundle",
            });
        }
        // A query may hold what only the server should know.
        let (url, query) = match bundle.url.split_once('?') {
            Some((url, query)) => (url, Some(query)),
            None => (bundle.url.as_str(), None),
        };
        let address = Address::parse(url)?;
        let shown = address.to_string();
        let invalid = |problem| OpaConfigError::BaseUrl {
            url: shown.clone(),
            problem,
        };
        let identity = bundle
            .identity
            .clone()
            .map(|(certificates, key)| Identity { certificates, key });
        let connector = Connector {
            route: if bundle.environment_proxy {
                Route::by_environment(&address)?
            } else {
                Route::Direct(address.origin.clone())
            },
            tls: tls::of(&address, bundle.ca.as_deref(), identity.as_ref())?,
        };
        let more = &bundle.headers;
        let mut headers = headers::given(&address, bundle.bearer_token.as_deref(), more)?;
        headers.remove(CONTENT_TYPE);
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let path = match (address.prefix.as_str(), query) {
            ("", None) => "/".to_owned(),
            (path, None) => path.to_owned(),
            (path, Some(query)) => format!("{path}?{query}"),
        };
        let mut target = uri::Parts::default();
        target.path_and_query = Some(path.parse().map_err(|_| invalid("is not a URL"))?);
        if let (Route::Proxy { authorization, .. }, None) = (&connector.route, &connector.tls) {
            target.scheme = address.origin.scheme().cloned();
            target.authority = address.origin.authority().cloned();
            let authorization = authorization.clone();
            headers.extend(authorization.map(|value| (PROXY_AUTHORIZATION, value)));
        }
        Ok(Self {
            target: Uri::from_parts(target).map_err(|_| invalid("is not a URL"))?,
            address,
            connector,
            headers,
            timeout: bundle.timeout,
            max_bytes: bundle.max_bytes,
            shown,
        })
    }

    /// The URL without its query, for messages.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether it is asked in the clear, on another machine.
    pub(crate) fn is_exposed(&self) -> bool {
        let host = self.address.host();
        let here = host == "localhost"
            || host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        !self.address.is_https() && !here
    }

    /// Asks for the file, unless it still has this tag; what went wrong, for a log.
    pub(crate) async fn get(&self, etag: Option<&str>) -> Result<Got, String> {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = Method::GET;
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.headers.clone();
        if let Some(etag) = etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
            request.headers_mut().insert(IF_NONE_MATCH, etag);
        }
        let asked = async {
            let mut connection = self.connector.connect().await?;
            connection.exchange(request, self.max_bytes).await
        };
        let answer: Answer = match tokio::time::timeout(self.timeout, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(failure)) => return Err(failure.error.detail().to_owned()),
            Err(_) => return Err(format!("no whole answer within {:?}", self.timeout)),
        };
        match answer.status {
            StatusCode::OK => Ok(Got::Body {
                etag: tag(&answer.headers),
                bytes: answer.body,
            }),
            StatusCode::NOT_MODIFIED => Ok(Got::Unchanged),
            status => Err(format!("HTTP status {} instead of 200", status.as_u16())),
        }
    }
}

fn tag(headers: &HeaderMap) -> Option<String> {
    let tag = headers.get(ETAG)?.to_str().ok()?;
    (!tag.is_empty() && tag.len() <= MAX_ETAG).then(|| tag.to_owned())
}
