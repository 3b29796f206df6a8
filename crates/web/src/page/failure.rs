//! What a page says when there is nothing to show.

use std::fmt;

use askama::Template;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use kitelogik_ledger::{ApprovalError, LedgerError};

use crate::problem::status;
use crate::report::ReportError;
use crate::secret::NoRandomness;

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The form was not one of the visitor's own pages.
    Forged,
    /// The visitor sees, but does not decide.
    ReadOnly,
    NotFound(&'static str),
    Invalid(String),
    Approval(ApprovalError),
    Ledger(LedgerError),
    Random(NoRandomness),
    Template(askama::Error),
    Report(ReportError),
}

impl From<ApprovalError> for Failure {
    fn from(error: ApprovalError) -> Self {
        match error {
            ApprovalError::Ledger(error) => Self::Ledger(error),
            error => Self::Approval(error),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<NoRandomness> for Failure {
    fn from(error: NoRandomness) -> Self {
        Self::Random(error)
    }
}

impl From<FormRejection> for Failure {
    fn from(rejection: FormRejection) -> Self {
        Self::Invalid(rejection.body_text())
    }
}

impl From<QueryRejection> for Failure {
    fn from(rejection: QueryRejection) -> Self {
        Self::Invalid(rejection.body_text())
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    title: &'a str,
    text: String,
    /// Where the browser goes by itself.
    again: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forged => f.write_str(
                "The form is too old, or it came from somewhere else. Nothing was decided: go back and try again.",
            ),
            Self::ReadOnly => f.write_str("You are signed in to read, not to decide."),
            Self::NotFound(what) => f.write_str(what),
            Self::Invalid(problem) => f.write_str(problem),
            Self::Approval(error) => error.fmt(f),
            Self::Ledger(error) => error.fmt(f),
            Self::Random(error) => error.fmt(f),
            Self::Report(error) => error.fmt(f),
            Self::Template(error) => write!(f, "The page could not be written: {error}"),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, title) = match &self {
            Self::Forged => (StatusCode::FORBIDDEN, "Not sent from this page"),
            Self::ReadOnly => (StatusCode::FORBIDDEN, "Not decided"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "Not found"),
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, "Not understood"),
            Self::Approval(error) => match status(error).0 {
                StatusCode::NOT_FOUND => (StatusCode::NOT_FOUND, "Not found"),
                status => (status, "Not decided"),
            },
            Self::Ledger(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The ledger does not answer",
            ),
            Self::Random(_) | Self::Report(_) | Self::Template(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "No answer")
            }
        };
        if status.is_server_error() {
            tracing::error!(failure = ?self, "there is no page");
        }
        message(status, title, self.to_string(), None)
    }
}

/// A page that asks for `path` again, now from a page of ours.
pub(crate) fn elsewhere(path: &str) -> Response {
    let path = if is_own_path(path) {
        path
    } else {
        "/approvals"
    };
    message(
        StatusCode::OK,
        "One moment",
        "This link was followed from another site.".to_owned(),
        Some(path.to_owned()),
    )
}

/// Whether this leads to a page of ours and nowhere else.
pub(crate) fn is_own_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// A page of a template.
pub(crate) fn page(template: &impl Template) -> Result<Response, Failure> {
    template
        .render()
        .map(|text| Html(text).into_response())
        .map_err(Failure::Template)
}

/// A page that says something, and where the browser goes from there.
pub(super) fn message(
    status: StatusCode,
    title: &str,
    text: String,
    again: Option<String>,
) -> Response {
    let message = Message { title, text, again };
    match message.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(_) => (status, "no page can be written\n").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_own_path;

    #[test]
    fn a_path_leads_nowhere_else() {
        assert!(is_own_path("/approvals/apr_1?a=b"));
        for path in [
            "",
            "approvals",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a b",
            "/a\n",
        ] {
            assert!(!is_own_path(path), "{path}");
        }
    }
}
