//! Signing in at an OpenID provider: going there, and coming back.

use std::time::Duration;

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Extension, Query, State};
use axum::http::StatusCode;
use axum::http::header::{HOST, HeaderMap};
use axum::response::Response;
use serde::Deserialize;

use super::failure::{Failure, is_own_path, message};
use super::sign_in::{show, too_many};
use crate::app::{Peer, Shared};
use crate::oidc::{Answer, Ended, FLOW_LIFETIME, Refusal, SignIns};
use crate::origin::Origin;

#[derive(Deserialize)]
pub(crate) struct Begin {
    csrf: String,
    #[serde(default)]
    next: String,
}

/// Sends the browser to the provider, by a page of ours: to what a form leads to, the content security policy lets
/// no other site belong.
pub(crate) async fn begin(
    State(app): State<Shared>,
    headers: HeaderMap,
    form: Result<Form<Begin>, FormRejection>,
) -> Result<Response, Failure> {
    let Form(form) = form?;
    let (sign_ins, origin) = here(&app, &headers)?;
    let own = app.cookies.form(&headers);
    if !own.is_some_and(|own| app.forms.is_token(&own, &form.csrf)) {
        return Err(Failure::Forged);
    }
    let next = if is_own_path(&form.next) {
        form.next
    } else {
        String::new()
    };
    let begun = match sign_ins.begin(origin, &next).await {
        Ok(begun) => begun,
        Err(refusal) => return refused(&app, next, &refusal),
    };
    let text = format!("You go on to {} to sign in.", sign_ins.host());
    let mut response = message(StatusCode::OK, "One moment", text, Some(begun.url.into()));
    app.cookies
        .set_flow(response.headers_mut(), &begun.cookie, FLOW_LIFETIME);
    Ok(response)
}

/// Signs in who comes back from the provider.
pub(crate) async fn end(
    State(app): State<Shared>,
    Extension(Peer(address)): Extension<Peer>,
    headers: HeaderMap,
    answer: Result<Query<Answer>, QueryRejection>,
) -> Result<Response, Failure> {
    let (sign_ins, origin) = here(&app, &headers)?;
    let Query(answer) = answer?;
    let ended = match app.cookies.flow(&headers) {
        Some(cookie) => sign_ins.end(origin, &cookie, answer).await,
        None => Err(Refusal::NotBegun),
    };
    let signed_in = match ended {
        Ok(ended) => signed_in(&app, ended).await,
        Err(refusal) => Err(refusal),
    };
    let mut response = match signed_in {
        Ok(response) => response,
        // Looked at after the answer: any page can send browsers here in vain, and must keep out nobody whom the
        // provider names.
        Err(refusal) => match app.attempts.wait(address) {
            Some(wait) => too_many(&app, String::new(), wait)?,
            None => {
                app.attempts.fail(address);
                refused(&app, String::new(), &refusal)?
            }
        },
    };
    app.cookies
        .set_flow(response.headers_mut(), "", Duration::ZERO);
    Ok(response)
}

/// Begins the session of somebody whom the provider named, if they may have one.
async fn signed_in(app: &Shared, ended: Ended) -> Result<Response, Refusal> {
    let name = ended.who.name().to_owned();
    let Some(session) = app.sessions.by_provider(ended.who).await? else {
        return Err(Refusal::Stranger(name));
    };
    let next = if is_own_path(&ended.next) {
        ended.next
    } else {
        "/approvals".to_owned()
    };
    // Not by a redirect: the session's cookie does not come along on a way that began at another site.
    let text = "You are signed in.".to_owned();
    let mut response = message(StatusCode::OK, "One moment", text, Some(next));
    let headers = response.headers_mut();
    let lifetime = app.sessions.lifetime();
    app.cookies.set_session(headers, &session, lifetime);
    app.cookies.set_form(headers, "", Duration::ZERO);
    Ok(response)
}

/// The sign-ins, where there are any, and the origin that the browser knows us by.
fn here<'a>(app: &'a Shared, headers: &HeaderMap) -> Result<(&'a SignIns, &'a Origin), Failure> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let origin = host.and_then(|host| app.origins.of_host(host));
    app.oidc
        .as_deref()
        .zip(origin)
        .ok_or(Failure::NotFound("There is no sign-in at a provider here."))
}

/// The form for signing in, and why it did not come to that.
fn refused(app: &Shared, next: String, refusal: &Refusal) -> Result<Response, Failure> {
    tracing::warn!(%refusal, "somebody could not sign in at the provider");
    let mut response = show(app, next, String::new(), Some(refusal.to_string()))?;
    *response.status_mut() = refusal.status();
    Ok(response)
}
