//! Requests: those that wait, one, and those that are over.

use askama::Template;
use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use kitelogik_core::json;
use kitelogik_ledger::{ApprovalFilter, ApprovalState};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::failure::{Failure, is_own_path, page};
use super::frame::Frame;
use crate::app::Shared;
use crate::sign_in::Notice;
use crate::view::RequestView;
use crate::visitor::{Visitor, form_urlencoded};

/// How many requests stand on one page: with ten thousand waiting, a browser still shows it at once.
const PER_PAGE: usize = 25;

#[derive(Template)]
#[template(path = "approvals.html")]
struct Pending {
    frame: Frame,
    requests: Vec<RequestView>,
    /// Whether this is the beginning of the list.
    first_page: bool,
    later: Option<String>,
}

#[derive(Template)]
#[template(path = "request.html")]
struct One {
    frame: Frame,
    request: RequestView,
}

#[derive(Template)]
#[template(path = "history.html")]
struct History {
    frame: Frame,
    requests: Vec<RequestView>,
    first_page: bool,
    later: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct After {
    after: Option<String>,
}

/// The requests that wait for a person, the oldest first.
pub(crate) async fn pending(
    State(app): State<Shared>,
    visitor: Visitor,
    query: Result<Query<After>, QueryRejection>,
) -> Result<Response, Failure> {
    let Query(After { after }) = query?;
    let filter = ApprovalFilter::pending();
    let here = match &after {
        Some(after) => format!("/approvals?after={}", form_urlencoded(after)),
        None => "/approvals".to_owned(),
    };
    let (requests, later) = list(&app, &visitor, filter, after.as_deref(), &here).await?;
    page(&Pending {
        frame: Frame::new(&app, &visitor, "approvals").await?,
        requests,
        first_page: after.is_none(),
        later: later.map(|id| format!("/approvals?after={}", form_urlencoded(&id))),
    })
}

/// The requests that are over, and those approved, the newest first.
pub(crate) async fn history(
    State(app): State<Shared>,
    visitor: Visitor,
    query: Result<Query<After>, QueryRejection>,
) -> Result<Response, Failure> {
    let Query(After { after }) = query?;
    let mut filter = ApprovalFilter::history();
    filter.states.push(ApprovalState::Approved);
    let (requests, later) = list(&app, &visitor, filter, after.as_deref(), "/history").await?;
    page(&History {
        frame: Frame::new(&app, &visitor, "history").await?,
        requests,
        first_page: after.is_none(),
        later: later.map(|id| format!("/history?after={}", form_urlencoded(&id))),
    })
}

/// One request.
pub(crate) async fn one(
    State(app): State<Shared>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let reviewer = visitor.identity.reviewer();
    let request = app.ledger.approvals().get(&id, &reviewer).await?;
    page(&One {
        frame: Frame::new(&app, &visitor, "approvals").await?,
        request: RequestView::whole(request),
    })
}

#[derive(Deserialize)]
pub(crate) struct Decision {
    csrf: String,
    decision: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    arguments: String,
}

/// Decides one request. Who decides is who is signed in.
pub(crate) async fn decide(
    State(app): State<Shared>,
    visitor: Visitor,
    Path(id): Path<String>,
    form: Result<Form<Decision>, FormRejection>,
) -> Result<Response, Failure> {
    let Form(form) = form?;
    visitor.check(&app, &form.csrf)?;
    let notice = match act(&app, &visitor, &id, &form).await {
        Ok(text) => Notice { good: true, text },
        // A store that does not answer is no refusal.
        Err(Failure::Ledger(error)) => return Err(Failure::Ledger(error)),
        Err(failure) => Notice {
            good: false,
            text: failure.to_string(),
        },
    };
    app.sessions.tell(&visitor.cookie, notice);
    let back = if is_own_path(&form.from) {
        form.from
    } else {
        format!("/approvals/{}", form_urlencoded(&id))
    };
    Ok((StatusCode::SEE_OTHER, Redirect::to(&back)).into_response())
}

async fn act(
    app: &Shared,
    visitor: &Visitor,
    id: &str,
    form: &Decision,
) -> Result<String, Failure> {
    if visitor.identity.read_only {
        return Err(Failure::ReadOnly);
    }
    let approvals = app.ledger.approvals();
    let reviewer = visitor.identity.reviewer();
    let note = form.note.trim();
    match form.decision.as_str() {
        "approve" => {
            let request = approvals.approve(id, &reviewer, note).await?;
            let missing = request
                .approvals_needed
                .saturating_sub(request.approvals_had);
            Ok(if missing == 0 {
                format!("Approved: {}", request.tool)
            } else {
                format!(
                    "Your approval of {} counts; {missing} more needed",
                    request.tool
                )
            })
        }
        "deny" => {
            let request = approvals.deny(id, &reviewer, note).await?;
            Ok(format!("Denied: {}", request.tool))
        }
        "edit" => {
            let arguments: Map<String, Value> =
                read_object(&form.arguments).map_err(Failure::Invalid)?;
            let request = approvals.edit(id, &reviewer, arguments, note).await?;
            Ok(format!("Asked for other arguments: {}", request.tool))
        }
        _ => Err(Failure::Invalid(
            "choose to approve, to deny or to edit".to_owned(),
        )),
    }
}

/// A JSON object without duplicate keys.
fn read_object(text: &str) -> Result<Map<String, Value>, String> {
    match json::parse(text, json::DEFAULT_MAX_DEPTH) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("The arguments are no JSON object.".to_owned()),
        Err(error) => Err(format!("The arguments are no JSON: {error}")),
    }
}

/// One page of requests, and after which the next one begins.
async fn list(
    app: &Shared,
    visitor: &Visitor,
    filter: ApprovalFilter,
    after: Option<&str>,
    here: &str,
) -> Result<(Vec<RequestView>, Option<String>), Failure> {
    let mut filter = filter.limit(PER_PAGE + 1);
    filter.after = after.map(str::to_owned);
    let reviewer = visitor.identity.reviewer();
    let mut requests = app.ledger.approvals().list(&filter, &reviewer).await?;
    let more = requests.len() > PER_PAGE;
    requests.truncate(PER_PAGE);
    let later = if more {
        requests.last().map(|last| last.id.clone())
    } else {
        None
    };
    let views = requests
        .into_iter()
        .map(|request| RequestView::short(request, here))
        .collect();
    Ok((views, later))
}
