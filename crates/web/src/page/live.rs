//! What changes, as server-sent events: which request, and where it stands. What it says, the page reads for itself.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use kitelogik_ledger::{ApprovalWatch, LedgerError, Position};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::failure::Failure;
use crate::app::Shared;
use crate::visitor::Visitor;

/// How often it is looked whether the visitor is still signed in.
const CHECK: Duration = Duration::from_secs(5);

/// How often it is looked whether there are new records, for a page that shows them.
const LOOK: Duration = Duration::from_secs(1);

struct Live {
    app: Shared,
    visitor: Visitor,
    changes: ApprovalWatch,
    check: Interval,
    /// How far the record went when it was last looked at; none for pages that do not show it.
    position: Option<Position>,
    look: Interval,
    ended: bool,
    /// One of the streams that there may be.
    _permit: OwnedSemaphorePermit,
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    /// Whether new records are told of.
    #[serde(default)]
    records: bool,
}

/// The stream of one page. It ends with the session and with the server.
pub(crate) async fn events(
    State(app): State<Shared>,
    visitor: Visitor,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Failure> {
    let Query(Wanted { records }) = wanted?;
    let Ok(permit) = app.streams.clone().try_acquire_owned() else {
        return Ok(StatusCode::SERVICE_UNAVAILABLE.into_response());
    };
    let every = |time| {
        let mut interval = interval(time);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval
    };
    let position = if records {
        Some(app.ledger.audit().position().await?)
    } else {
        None
    };
    let live = Live {
        changes: app.ledger.approvals().watch(&visitor.identity.reviewer()),
        app,
        visitor,
        check: every(CHECK),
        position,
        look: every(LOOK),
        ended: false,
        _permit: permit,
    };
    let events = stream::unfold(live, |mut live| async move {
        let event = live.next().await?;
        Some((Ok::<_, Infallible>(event), live))
    });
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
        .into_response())
}

impl Live {
    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        let mut ending = self.app.ending.clone();
        loop {
            tokio::select! {
                // Also where the sender is gone.
                () = async { drop(ending.wait_for(|ending| *ending).await) } => return None,
                _ = self.check.tick() => {
                    let now = self.app.sessions.who(&self.visitor.cookie).await;
                    // Also where somebody now sees other tenants: their next page says what.
                    if now.as_ref() != Some(&self.visitor.identity) {
                        self.ended = true;
                        return Some(named("end"));
                    }
                }
                _ = self.look.tick(), if self.position.is_some() => {
                    match self.news().await {
                        Ok(true) => return Some(named("record")),
                        Ok(false) => {}
                        Err(error) => {
                            tracing::error!(%error, "a page is not kept up to date");
                            return None;
                        }
                    }
                }
                change = self.changes.next() => match change {
                    Ok(request) => {
                        let data = json!({"id": request.id, "state": request.state});
                        return Some(Event::default().event("approval").data(data.to_string()));
                    }
                    Err(error) => {
                        tracing::error!(%error, "a page is not kept up to date");
                        // The browser comes back in a while.
                        return None;
                    }
                },
            }
        }
    }

    /// Whether there is something new in the record that the visitor may see: that others are busy is theirs to know.
    async fn news(&mut self) -> Result<bool, LedgerError> {
        let Some(position) = &mut self.position else {
            return Ok(false);
        };
        let tenants = self.visitor.identity.reviewer().tenants;
        let audit = self.app.ledger.audit();
        audit.catch_up(position, &tenants).await
    }
}

/// An event that says its name alone. Without data, browsers would not tell of it.
fn named(name: &str) -> Event {
    Event::default().event(name).data(name)
}
