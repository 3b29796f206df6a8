//! The record: what was decided, with filters, and one decision with all its evidence.

use askama::Template;
use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::failure::{Failure, page};
use super::frame::Frame;
use crate::app::Shared;
use crate::record_view::{RecordView, TIERS, VERDICTS};
use crate::records::{self, Filter, of_visitor};
use crate::visitor::{Visitor, form_urlencoded};

/// How many records stand on one page.
const PER_PAGE: usize = 50;

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    frame: Frame,
    chain: Chain,
    filter: Filter,
    verdicts: &'static [(&'static str, &'static str)],
    tiers: &'static [(&'static str, &'static str)],
    records: Vec<RecordView>,
    first_page: bool,
    newest: String,
    later: Option<String>,
    report: String,
}

/// The state of the chain, as a page tells it.
struct Chain {
    class: &'static str,
    label: &'static str,
    detail: String,
}

#[derive(Template)]
#[template(path = "record.html")]
struct Record {
    frame: Frame,
    record: RecordView,
}

/// Decisions, the newest first.
pub(crate) async fn list(
    State(app): State<Shared>,
    visitor: Visitor,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Response, Failure> {
    let Query(filter) = filter?;
    let mut wanted = of_visitor(&filter, &visitor.identity).map_err(Failure::Invalid)?;
    wanted.limit = Some(PER_PAGE);
    let found = app.ledger.audit().query(&wanted).await?;
    let state = app.chain.state(&visitor.identity);
    let newest = filter.link("/audit", None);
    page(&Audit {
        frame: Frame::new(&app, &visitor, "audit").await?,
        chain: Chain {
            class: state.class,
            label: state.label,
            detail: state.told(),
        },
        verdicts: &VERDICTS,
        tiers: &TIERS,
        records: found.records.into_iter().map(RecordView::short).collect(),
        first_page: filter.after.is_empty(),
        later: found
            .next
            .map(|next| filter.link("/audit", Some(&next.to_string()))),
        report: format!("/report?session={}", form_urlencoded(&filter.session)),
        newest,
        filter,
    })
}

/// One decision.
pub(crate) async fn one(
    State(app): State<Shared>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let record = records::one(&app.ledger, &visitor.identity, &id)
        .await?
        .ok_or(Failure::NotFound(
            "There is no such decision that you can see.",
        ))?;
    page(&Record {
        frame: Frame::new(&app, &visitor, "audit").await?,
        record: RecordView::whole(record),
    })
}

#[derive(Deserialize)]
pub(crate) struct Verify {
    csrf: String,
}

/// Has the chain looked at again.
pub(crate) async fn verify(
    State(app): State<Shared>,
    visitor: Visitor,
    form: Result<Form<Verify>, FormRejection>,
) -> Result<Response, Failure> {
    let Form(form) = form?;
    visitor.check(&app, &form.csrf)?;
    app.chain.look();
    Ok(Redirect::to("/audit").into_response())
}
