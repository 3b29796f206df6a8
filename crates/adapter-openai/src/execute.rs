use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use kitelogik_toolbox::GovernedToolbox;

use crate::call::RequestedCall;
use crate::reply::{self, BlockedText};

/// How many calls of one answer run at the same time where nothing else is said.
pub const DEFAULT_CONCURRENCY: usize = 8;

/// Runs calls, whichever API they came from.
#[derive(Clone)]
pub(crate) struct Executor {
    pub(crate) tools: GovernedToolbox,
    pub(crate) blocked_text: Option<Arc<BlockedText>>,
    pub(crate) concurrency: usize,
}

impl Executor {
    pub(crate) fn new(tools: &GovernedToolbox) -> Self {
        Self {
            tools: tools.clone(),
            blocked_text: None,
            concurrency: DEFAULT_CONCURRENCY,
        }
    }

    /// The text that answers a call. There is always one: an API refuses a conversation in which a
    /// call has no answer.
    pub(crate) async fn answer(&self, call: &RequestedCall) -> String {
        let arguments = match &call.arguments {
            Ok(arguments) => arguments,
            Err(why) => {
                tracing::warn!(call = call.id, tool = call.name, ?why, "not a usable call");
                return reply::unusable(why);
            }
        };
        let called = AssertUnwindSafe(self.tools.call_json(&call.name, arguments))
            .catch_unwind()
            .await;
        match called {
            Ok(called) => reply::text(called, self.blocked_text.as_deref()),
            Err(_panic) => {
                tracing::error!(call = call.id, tool = call.name, "a call panicked");
                reply::PANICKED.to_owned()
            }
        }
    }

    /// The answers in the order of the calls.
    pub(crate) async fn answers<'a>(
        &self,
        calls: impl IntoIterator<Item = &'a RequestedCall>,
    ) -> Vec<String> {
        let answers: Vec<_> = calls.into_iter().map(|call| self.answer(call)).collect();
        stream::iter(answers)
            .buffered(self.concurrency.max(1))
            .collect()
            .await
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Executor")
            .field("tools", &self.tools)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
