//! The record, for programs.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use kitelogik_ledger::{AuditPage, AuditRecord, Order};
use serde::Deserialize;

use crate::app::Shared;
use crate::chain::ChainState;
use crate::problem::Problem;
use crate::records::{self, Filter, of_visitor};
use crate::visitor::Bearer;

/// How many records one answer holds at most.
const MAX_LIMIT: usize = 1000;

#[derive(Debug, Deserialize)]
pub(crate) struct Paging {
    limit: Option<usize>,
    #[serde(default)]
    oldest_first: bool,
}

/// Decisions, page by page.
pub(crate) async fn list(
    State(app): State<Shared>,
    Bearer(identity): Bearer,
    filter: Result<Query<Filter>, QueryRejection>,
    paging: Result<Query<Paging>, QueryRejection>,
) -> Result<Json<AuditPage>, Problem> {
    let (Query(filter), Query(paging)) = (filter?, paging?);
    let mut wanted = of_visitor(&filter, &identity).map_err(Problem::Invalid)?;
    let limit = paging.limit.unwrap_or(100);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::Invalid(format!("`limit` is 1 to {MAX_LIMIT}")));
    }
    wanted.limit = Some(limit);
    if paging.oldest_first {
        wanted.order = Order::OldestFirst;
    }
    Ok(Json(app.ledger.audit().query(&wanted).await?))
}

/// One decision.
pub(crate) async fn one(
    State(app): State<Shared>,
    Bearer(identity): Bearer,
    Path(id): Path<String>,
) -> Result<Json<AuditRecord>, Problem> {
    records::one(&app.ledger, &identity, &id)
        .await?
        .map(Json)
        .ok_or_else(|| Problem::NotFound(format!("there is no decision `{id}` that you can see")))
}

/// Whether the chain is whole, as far as it was looked at.
pub(crate) async fn chain(State(app): State<Shared>, Bearer(identity): Bearer) -> Json<ChainState> {
    Json(app.chain.state(&identity))
}
