//! The JSON API, described by `/api/openapi.json`.

mod approvals;
mod audit;
mod body;

use axum::Router;
use axum::http::header;
use axum::routing::{get, post};
use axum::{Json, response::IntoResponse};

use crate::app::Shared;
use crate::identity::Identity;
use crate::visitor::Bearer;

/// The routes of the API.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/openapi.json", get(async || description()))
        .route("/api/v1/me", get(me))
        .route("/api/v1/approvals", get(approvals::list))
        .route("/api/v1/approvals/{id}", get(approvals::one))
        .route("/api/v1/approvals/{id}/approve", post(approvals::approve))
        .route("/api/v1/approvals/{id}/deny", post(approvals::deny))
        .route("/api/v1/approvals/{id}/edit", post(approvals::edit))
        .route("/api/v1/audit", get(audit::list))
        .route("/api/v1/audit/chain", get(audit::chain))
        .route("/api/v1/audit/{id}", get(audit::one))
}

fn description() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/json")],
        include_str!("../../assets/openapi.json"),
    )
}

async fn me(Bearer(identity): Bearer) -> Json<Identity> {
    Json(identity)
}
