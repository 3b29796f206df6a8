//! Requests, for programs.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use kitelogik_ledger::{ApprovalFilter, ApprovalState, ApprovalView, Reviewer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::body::read;
use crate::app::Shared;
use crate::problem::Problem;
use crate::visitor::Bearer;

/// How many requests one answer holds where nothing is said, and at most.
const LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    state: Option<String>,
    session: Option<String>,
    tool: Option<String>,
    principal: Option<String>,
    tenant: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    newest_first: bool,
}

#[derive(Serialize)]
pub(crate) struct List {
    approvals: Vec<ApprovalView>,
    /// What `after` is for the next answer; null where this is the last.
    next: Option<String>,
}

/// Requests, page by page.
pub(crate) async fn list(
    State(app): State<Shared>,
    Bearer(identity): Bearer,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<List>, Problem> {
    let Query(query) = query?;
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::Invalid(format!("`limit` is 1 to {MAX_LIMIT}")));
    }
    let mut filter = ApprovalFilter::all();
    if let Some(state) = &query.state {
        filter.states = state
            .split(',')
            .map(str::parse::<ApprovalState>)
            .collect::<Result<_, _>>()
            .map_err(|error| Problem::Invalid(error.to_string()))?;
    }
    filter.session = query.session;
    filter.tool = query.tool;
    filter.principal = query.principal;
    filter.tenant = query.tenant;
    filter.after = query.after;
    filter.newest_first = query.newest_first;
    filter.limit = limit + 1;
    let mut approvals = app
        .ledger
        .approvals()
        .list(&filter, &identity.reviewer())
        .await?;
    let more = approvals.len() > limit;
    approvals.truncate(limit);
    let next = if more {
        approvals.last().map(|last| last.id.clone())
    } else {
        None
    };
    Ok(Json(List { approvals, next }))
}

/// One request.
pub(crate) async fn one(
    State(app): State<Shared>,
    Bearer(identity): Bearer,
    Path(id): Path<String>,
) -> Result<Json<ApprovalView>, Problem> {
    let found = app
        .ledger
        .approvals()
        .get(&id, &identity.reviewer())
        .await?;
    Ok(Json(found))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    #[serde(default)]
    note: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    arguments: Map<String, Value>,
    #[serde(default)]
    note: String,
}

/// Approves.
pub(crate) async fn approve(
    State(app): State<Shared>,
    bearer: Bearer,
    Path(id): Path<String>,
    body: String,
) -> Result<Json<ApprovalView>, Problem> {
    let reviewer = reviewer(&bearer)?;
    let body: Note = read(&body)?;
    let decided = app
        .ledger
        .approvals()
        .approve(&id, &reviewer, &body.note)
        .await?;
    Ok(Json(decided))
}

/// Denies.
pub(crate) async fn deny(
    State(app): State<Shared>,
    bearer: Bearer,
    Path(id): Path<String>,
    body: String,
) -> Result<Json<ApprovalView>, Problem> {
    let reviewer = reviewer(&bearer)?;
    let body: Note = read(&body)?;
    let decided = app
        .ledger
        .approvals()
        .deny(&id, &reviewer, &body.note)
        .await?;
    Ok(Json(decided))
}

/// Asks for other arguments.
pub(crate) async fn edit(
    State(app): State<Shared>,
    bearer: Bearer,
    Path(id): Path<String>,
    body: String,
) -> Result<Json<ApprovalView>, Problem> {
    let reviewer = reviewer(&bearer)?;
    let body: Edit = read(&body)?;
    let decided = app
        .ledger
        .approvals()
        .edit(&id, &reviewer, body.arguments, &body.note)
        .await?;
    Ok(Json(decided))
}

/// Who decides is whose token it is.
fn reviewer(Bearer(identity): &Bearer) -> Result<Reviewer, Problem> {
    if identity.read_only {
        Err(Problem::ReadOnly)
    } else {
        Ok(identity.reviewer())
    }
}
