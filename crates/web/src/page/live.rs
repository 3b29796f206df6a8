//! What changes, as server-sent events: which request, and where it stands. What it says, the page reads for itself.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use kitelogik_ledger::ApprovalWatch;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::app::Shared;
use crate::visitor::Visitor;

/// How often it is looked whether the visitor is still signed in.
const CHECK: Duration = Duration::from_secs(5);

struct Live {
    app: Shared,
    visitor: Visitor,
    changes: ApprovalWatch,
    check: Interval,
    ended: bool,
    /// One of the streams that there may be.
    _permit: OwnedSemaphorePermit,
}

/// The stream of one page. It ends with the session and with the server.
pub(crate) async fn events(State(app): State<Shared>, visitor: Visitor) -> Response {
    let Ok(permit) = app.streams.clone().try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let mut check = interval(CHECK);
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let live = Live {
        changes: app.ledger.approvals().watch(&visitor.identity.reviewer()),
        app,
        visitor,
        check,
        ended: false,
        _permit: permit,
    };
    let events = stream::unfold(live, |mut live| async move {
        let event = live.next().await?;
        Some((Ok::<_, Infallible>(event), live))
    });
    Sse::new(events)
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
        .into_response()
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
                _ = ending.wait_for(|ending| *ending) => return None,
                _ = self.check.tick() => {
                    let now = self.app.sessions.who(&self.visitor.cookie);
                    // Also where somebody now sees other tenants: their next page says what.
                    if now.as_ref() != Some(&self.visitor.identity) {
                        self.ended = true;
                        return Some(Event::default().event("end").data(""));
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
}
