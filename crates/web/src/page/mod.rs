//! The pages.

mod approvals;
mod audit;
mod failure;
mod frame;
mod live;
#[cfg(feature = "oidc")]
mod oidc;
mod session_report;
mod sign_in;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};

use crate::app::Shared;

pub(crate) use self::failure::{Failure, elsewhere};

/// All pages and what they load.
pub(crate) fn routes() -> Router<Shared> {
    let routes = Router::new();
    #[cfg(feature = "oidc")]
    let routes = routes
        .route(
            "/sign-in/oidc",
            get(async || Redirect::to("/sign-in")).post(oidc::begin),
        )
        .route(crate::oidc::CALLBACK, get(oidc::end));
    routes
        .route("/", get(async || Redirect::to("/approvals")))
        .route("/sign-in", get(sign_in::form).post(sign_in::begin))
        .route("/sign-in/{code}", get(sign_in::link))
        .route("/sign-out", post(sign_in::end))
        .route("/approvals", get(approvals::pending))
        .route("/approvals/{id}", get(approvals::one))
        .route("/approvals/{id}/decide", post(approvals::decide))
        .route("/history", get(approvals::history))
        .route("/audit", get(audit::list))
        .route("/audit/verify", post(audit::verify))
        .route("/audit/{id}", get(audit::one))
        .route("/report", get(session_report::report))
        .route("/events", get(live::events))
        .route(
            "/assets/style.css",
            get(async || asset("text/css; charset=utf-8", STYLE)),
        )
        .route(
            "/assets/page.js",
            get(async || asset("text/javascript; charset=utf-8", SCRIPT)),
        )
        .route(
            "/assets/icon.svg",
            get(async || asset("image/svg+xml", ICON)),
        )
        .route(
            "/favicon.ico",
            get(async || Redirect::permanent("/assets/icon.svg")),
        )
}

const STYLE: &str = include_str!("../../assets/style.css");
const SCRIPT: &str = include_str!("../../assets/page.js");
const ICON: &str = include_str!("../../assets/icon.svg");

fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, "private, max-age=300"),
        ],
        text,
    )
}
