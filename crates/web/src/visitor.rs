//! Who made a request: by cookie on pages, by bearer token on the API, never by the one on the other.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::app::{Peer, Shared};
use crate::identity::Identity;
use crate::page::{Failure, elsewhere};
use crate::problem::Problem;

/// Somebody who is signed in, on a page.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) identity: Identity,
    pub(crate) cookie: String,
    /// Whether a page only looks what is new. What came of a decision is told to who made it, once: not to this.
    pub(crate) refreshes: bool,
}

impl Visitor {
    /// What their forms must bring along.
    pub(crate) fn form_token(&self, app: &Shared) -> String {
        app.forms.token(&self.cookie)
    }

    /// Whether a form is one that a page of theirs held.
    pub(crate) fn check(&self, app: &Shared, token: &str) -> Result<(), Failure> {
        if app.forms.is_token(&self.cookie, token) {
            Ok(())
        } else {
            Err(Failure::Forged)
        }
    }
}

impl OptionalFromRequestParts<Shared> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Shared,
    ) -> Result<Option<Self>, Self::Rejection> {
        let Some(cookie) = app.cookies.session(&parts.headers) else {
            return Ok(None);
        };
        let refreshes = parts.headers.contains_key("kitelogik-refresh");
        Ok(app.sessions.who(&cookie).await.map(|identity| Self {
            identity,
            cookie,
            refreshes,
        }))
    }
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Self::Rejection> {
        let found =
            <Self as OptionalFromRequestParts<Shared>>::from_request_parts(parts, app).await?;
        if let Some(visitor) = found {
            return Ok(visitor);
        }
        let path = parts
            .uri
            .path_and_query()
            .map_or("/approvals", |path| path.as_str());
        // Followed from another site, a link comes without the cookie; from a page of ours, with it.
        let from_elsewhere = parts
            .headers
            .get("sec-fetch-site")
            .is_some_and(|site| site == "cross-site" || site == "same-site");
        if from_elsewhere && parts.method == axum::http::Method::GET {
            return Err(elsewhere(path));
        }
        let query: String = form_urlencoded(path);
        Err(Redirect::to(&format!("/sign-in?next={query}")).into_response())
    }
}

/// A program with a bearer token, on the API.
#[derive(Debug)]
pub(crate) struct Bearer(pub(crate) Identity);

impl FromRequestParts<Shared> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Self::Rejection> {
        let address = parts
            .extensions
            .get::<Peer>()
            .map_or(std::net::Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0);
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        let Some(token) = token else {
            return Err(Problem::Unauthorized);
        };
        match app.sessions.bearer(token).await {
            Some(identity) => Ok(Self(identity)),
            // Looked at after the token: whoever guesses must not keep out those who have one.
            None => match app.attempts.wait(address) {
                Some(wait) => Err(Problem::TooMany(wait)),
                None => {
                    app.attempts.fail(address);
                    Err(Problem::Unauthorized)
                }
            },
        }
    }
}

/// `text` as it stands in a query.
pub(crate) fn form_urlencoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
