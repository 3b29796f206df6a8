use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_TYPE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::uri;

use super::OpaConfigError;
use super::address::Address;

/// What goes with each question to the server at `address`: what HTTP needs, and what was given.
pub(super) fn given(
    address: &Address,
    bearer_token: Option<&str>,
    more: &[(String, String)],
) -> Result<HeaderMap, OpaConfigError> {
    let host = address
        .origin
        .authority()
        .map_or("", uri::Authority::as_str);
    let host = HeaderValue::from_str(host).map_err(|_| OpaConfigError::BaseUrl {
        url: address.to_string(),
        problem: "has a host that no header can carry",
    })?;
    let mut headers = always(host);
    if let Some(token) = bearer_token {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(OpaConfigError::BearerToken);
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| OpaConfigError::BearerToken)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    for (name, value) in more {
        let problem = |problem| OpaConfigError::Header {
            name: name.clone(),
            problem,
        };
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| problem("is not the name of a header"))?;
        if RESERVED.contains(&key) {
            return Err(problem("is set by the client itself"));
        }
        if key == AUTHORIZATION && bearer_token.is_some() {
            return Err(problem("is set by the bearer token; give one of the two"));
        }
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| problem("has a value that no header can carry"))?;
        value.set_sensitive(true);
        headers.append(key, value);
    }
    Ok(headers)
}

/// What goes with each question, whatever was given.
pub(super) fn always(host: HeaderValue) -> HeaderMap {
    const AGENT: &str = concat!("kitelogik-opa/", env!("CARGO_PKG_VERSION"));
    HeaderMap::from_iter([
        (HOST, host),
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (ACCEPT, HeaderValue::from_static("application/json")),
        (USER_AGENT, HeaderValue::from_static(AGENT)),
    ])
}

const RESERVED: [HeaderName; 13] = [
    ACCEPT,
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    EXPECT,
    HOST,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
