//! Signing in and out.

use askama::Template;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::header::{self, HeaderMap};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use std::time::Duration;

use super::failure::{Failure, is_own_path, page};
use crate::app::{Peer, Shared};
use crate::secret::secret;
use crate::visitor::Visitor;

/// How long a form for signing in may lie open.
const FORM_LIFETIME: Duration = Duration::from_secs(3600);

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    csrf: String,
    next: String,
    code: String,
    problem: Option<String>,
    /// Where else people sign in.
    provider: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(crate) struct Credentials {
    csrf: String,
    #[serde(default)]
    next: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    code: String,
}

/// The form for a token.
pub(crate) async fn form(
    State(app): State<Shared>,
    visitor: Option<Visitor>,
    Query(Next { next }): Query<Next>,
) -> Result<Response, Failure> {
    if visitor.is_some() {
        return Ok(Redirect::to("/approvals").into_response());
    }
    show(&app, next, String::new(), None)
}

/// The page of a one-time link. To look at it does not use it up: mail filters and previews look.
pub(crate) async fn link(
    State(app): State<Shared>,
    Path(code): Path<String>,
) -> Result<Response, Failure> {
    show(&app, String::new(), code, None)
}

/// Signs in.
pub(crate) async fn begin(
    State(app): State<Shared>,
    Extension(Peer(address)): Extension<Peer>,
    headers: HeaderMap,
    form: Result<Form<Credentials>, FormRejection>,
) -> Result<Response, Failure> {
    let Form(form) = form?;
    let own = app.cookies.form(&headers);
    if !own.is_some_and(|own| app.forms.is_token(&own, &form.csrf)) {
        return Err(Failure::Forged);
    }
    let session = if form.code.is_empty() {
        app.sessions.by_token(form.token.trim()).await?
    } else {
        app.sessions.by_link(&form.code)?
    };
    let Some(session) = session else {
        // Looked at after the secret: whoever guesses must not keep out those who know one.
        if let Some(wait) = app.attempts.wait(address) {
            return too_many(&app, form.next, wait);
        }
        app.attempts.fail(address);
        tracing::warn!(%address, "somebody could not sign in");
        let problem = if form.code.is_empty() {
            "There is no such token, or it has ended."
        } else {
            "This link was used already, or is too old. Sign in with a token, or start the server anew for another link."
        };
        let mut response = show(&app, form.next, String::new(), Some(problem.to_owned()))?;
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        return Ok(response);
    };
    let next = if is_own_path(&form.next) {
        &form.next
    } else {
        "/approvals"
    };
    let mut response = Redirect::to(next).into_response();
    let headers = response.headers_mut();
    let lifetime = app.sessions.lifetime();
    app.cookies.set_session(headers, &session, lifetime);
    app.cookies.set_form(headers, "", Duration::ZERO);
    Ok(response)
}

/// The form, for whom failed too often from this address.
pub(super) fn too_many(app: &Shared, next: String, wait: Duration) -> Result<Response, Failure> {
    let seconds = wait.as_secs() + 1;
    let problem = format!("Too many attempts. Try again in {seconds} s.");
    let mut response = show(app, next, String::new(), Some(problem))?;
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    Ok(response)
}

#[derive(Deserialize)]
pub(crate) struct SignOut {
    csrf: String,
}

/// Signs out.
pub(crate) async fn end(
    State(app): State<Shared>,
    visitor: Visitor,
    form: Result<Form<SignOut>, FormRejection>,
) -> Result<Response, Failure> {
    let Form(form) = form?;
    visitor.check(&app, &form.csrf)?;
    app.sessions.end(&visitor.cookie);
    let mut response = Redirect::to("/sign-in").into_response();
    app.cookies
        .set_session(response.headers_mut(), "", Duration::ZERO);
    Ok(response)
}

/// The form, with what went wrong before.
pub(super) fn show(
    app: &Shared,
    next: String,
    code: String,
    problem: Option<String>,
) -> Result<Response, Failure> {
    let own = secret()?;
    let mut response = page(&SignIn {
        csrf: app.forms.token(&own),
        next: if is_own_path(&next) {
            next
        } else {
            String::new()
        },
        code,
        problem,
        provider: provider(app),
    })?;
    app.cookies
        .set_form(response.headers_mut(), &own, FORM_LIFETIME);
    Ok(response)
}

#[cfg(feature = "oidc")]
fn provider(app: &Shared) -> Option<String> {
    app.oidc.as_ref().map(|oidc| oidc.host().to_owned())
}

#[cfg(not(feature = "oidc"))]
fn provider(_: &Shared) -> Option<String> {
    None
}
