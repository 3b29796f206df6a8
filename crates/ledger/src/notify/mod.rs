//! Telling people that a request waits for them.

mod command;
mod outbox;
#[cfg(feature = "webhook")]
mod webhook;

pub use command::CommandNotifier;
#[cfg(feature = "webhook")]
pub use webhook::{Webhook, WebhookError};

use serde::Serialize;

use crate::{ApprovalView, Timestamp};

/// Tells of new requests for approval, by whatever means.
///
/// Told once for each request, by the process whose session asked. Whether it arrives is for the
/// notifier to see to: no call waits for it, and none fails with it.
pub trait Notifier: Send + Sync {
    /// Tells that `request` waits for a person. It is masked.
    ///
    /// It must return quickly and must not block: what takes time goes to a task of its own.
    fn notify(&self, request: &ApprovalView);
}

impl<N: Notifier + ?Sized> Notifier for std::sync::Arc<N> {
    fn notify(&self, request: &ApprovalView) {
        (**self).notify(request);
    }
}

/// What is told.
#[derive(Serialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: Timestamp,
    data: &'a ApprovalView,
}

/// The text of what is told about `request`.
fn message(request: &ApprovalView) -> Option<String> {
    let message = Message {
        kind: "approval.requested",
        timestamp: Timestamp::now(),
        data: request,
    };
    serde_json::to_string(&message).ok()
}
