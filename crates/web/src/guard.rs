//! What is asked of every request before any handler sees it, and what every answer carries.

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::app::{Peer, Shared};

/// Nothing is loaded but the program's own style sheet, script and icon; no page of others frames ours, and no form
/// goes elsewhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Lets a request through that names this server, and, where it can change something, comes from a page of it.
pub(crate) async fn guard(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let address = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
    request.extensions_mut().insert(Peer(address));
    let mut response = match refusal(&app, &request) {
        Some((status, reason)) => {
            tracing::warn!(%address, reason, "request refused");
            (status, format!("{reason}\n")).into_response()
        }
        None => next.run(request).await,
    };
    harden(response.headers_mut());
    response
}

fn refusal(app: &Shared, request: &Request) -> Option<(StatusCode, &'static str)> {
    let headers = request.headers();
    // A name that somebody has pointed at this address brings their page here (DNS rebinding).
    let named = match request.uri().authority() {
        Some(authority) => app.origins.has_host(authority.as_str()),
        None => true,
    };
    if !named || !only(headers, &header::HOST).is_some_and(|host| app.origins.has_host(host)) {
        return Some((
            StatusCode::MISDIRECTED_REQUEST,
            "this server does not answer to that name; see `--origin`",
        ));
    }
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    match headers.get(header::ORIGIN) {
        Some(_)
            if only(headers, &header::ORIGIN).is_some_and(|own| app.origins.has_origin(own)) =>
        {
            None
        }
        Some(_) => Some((
            StatusCode::FORBIDDEN,
            "this request comes from a page of others",
        )),
        // Browsers name the origin of whatever changes something. A program with a bearer token need not.
        None if is_safe || headers.contains_key(header::AUTHORIZATION) => None,
        None => Some((
            StatusCode::FORBIDDEN,
            "this request does not say which page it comes from",
        )),
    }
}

/// The value of a header that is there once, as text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn harden(headers: &mut HeaderMap) {
    let mut set = |name: HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Not `no-referrer`: with that, browsers send `Origin: null` with our own forms. Nothing goes to others with this.
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::CACHE_CONTROL, "no-store");
    set(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    );
}
