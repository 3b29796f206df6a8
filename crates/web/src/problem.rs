//! Errors of the API.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse, Response};
use kitelogik_ledger::{ApprovalError, LedgerError};
use serde_json::json;

/// What went wrong, told as `{"error": {"code", "message"}}`.
#[derive(Debug)]
pub(crate) enum Problem {
    Unauthorized,
    TooMany(Duration),
    ReadOnly,
    NotFound(String),
    Invalid(String),
    Approval(ApprovalError),
    Ledger(LedgerError),
}

impl From<ApprovalError> for Problem {
    fn from(error: ApprovalError) -> Self {
        Self::Approval(error)
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::Invalid(rejection.body_text())
    }
}

/// The status and code of a request that was not decided.
pub(crate) fn status(error: &ApprovalError) -> (StatusCode, &'static str) {
    match error {
        ApprovalError::NotFound { .. } => (StatusCode::NOT_FOUND, "not_found"),
        ApprovalError::NotPending { .. } => (StatusCode::CONFLICT, "not_pending"),
        ApprovalError::AlreadyApproved { .. } => (StatusCode::CONFLICT, "already_approved"),
        ApprovalError::OwnCall { .. } => (StatusCode::FORBIDDEN, "own_call"),
        ApprovalError::NotAllowed { .. } => (StatusCode::FORBIDDEN, "not_allowed"),
        ApprovalError::NoName => (StatusCode::FORBIDDEN, "no_name"),
        ApprovalError::Edit { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_edit"),
        ApprovalError::Forged { .. } => (StatusCode::CONFLICT, "forged"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "ledger_unavailable"),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code, message) = match &self {
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "send a token: `Authorization: Bearer klt_…`".to_owned(),
            ),
            Self::TooMany(wait) => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_attempts",
                format!("wait {} s", wait.as_secs() + 1),
            ),
            Self::ReadOnly => (
                StatusCode::FORBIDDEN,
                "read_only",
                "this token reads, and does not decide".to_owned(),
            ),
            Self::NotFound(what) => (StatusCode::NOT_FOUND, "not_found", what.clone()),
            Self::Invalid(problem) => (StatusCode::BAD_REQUEST, "invalid", problem.clone()),
            Self::Approval(error) => {
                let (code, name) = status(error);
                if code.is_server_error() {
                    tracing::error!(%error, "the ledger did not answer");
                }
                (code, name, error.to_string())
            }
            Self::Ledger(error) => {
                tracing::error!(%error, "the ledger did not answer");
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    "ledger_unavailable",
                    error.to_string(),
                )
            }
        };
        let body = Json(json!({"error": {"code": code, "message": message}}));
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Self::TooMany(wait) = self {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
        }
        response
    }
}
