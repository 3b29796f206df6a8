//! The report of a session.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderValue;
use axum::http::header;
use axum::response::{Html, IntoResponse as _, Response};
use kitelogik_ledger::Order;
use serde::Deserialize;

use super::failure::Failure;
use crate::app::Shared;
use crate::records::{Filter, of_visitor};
use crate::report::{Report, content_security_policy};
use crate::visitor::Visitor;

/// How many decisions are read at once.
const BATCH: usize = 1000;

/// How many a report on the page looks at; `kitelogik audit report` has no limit.
const MAX: usize = 100_000;

#[derive(Deserialize)]
pub(crate) struct Subject {
    session: String,
}

/// What happened in a session, as a document of its own.
pub(crate) async fn report(
    State(app): State<Shared>,
    visitor: Visitor,
    subject: Result<Query<Subject>, QueryRejection>,
) -> Result<Response, Failure> {
    let Query(Subject { session }) = subject?;
    let mut report = Report::new(
        format!("Session {session}"),
        app.chain.state(&visitor.identity),
    );
    let filter = Filter {
        session,
        ..Filter::default()
    };
    let mut wanted = of_visitor(&filter, &visitor.identity).map_err(Failure::Invalid)?;
    wanted.order = Order::OldestFirst;
    wanted.limit = Some(BATCH);
    let mut read = 0;
    loop {
        let found = app.ledger.audit().query(&wanted).await?;
        read += found.records.len();
        for record in &found.records {
            report.add(record);
        }
        wanted.after = found.next;
        if wanted.after.is_none() {
            break;
        }
        if read >= MAX {
            report.cut();
            break;
        }
    }
    let html = report.html().map_err(Failure::Report)?;
    let mut response = Html(html).into_response();
    let policy = format!("{}; frame-ancestors 'none'", content_security_policy());
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}
