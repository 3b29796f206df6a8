//! What the model reads.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kitelogik_core::GovernanceError;
use kitelogik_toolbox::{ToolError, ToolOutput};

use crate::call::Unusable;

pub(crate) type BlockedText = dyn Fn(&GovernanceError) -> String + Send + Sync;

/// The text that answers a call.
pub(crate) fn text(
    called: Result<ToolOutput, ToolError>,
    blocked_text: Option<&BlockedText>,
) -> String {
    match (called, blocked_text) {
        (Ok(output), _) => output.text,
        (Err(ToolError::Denied(denied)), Some(blocked_text)) => {
            // A closure that panics must not turn a denial into a lost answer.
            catch_unwind(AssertUnwindSafe(|| blocked_text(&denied)))
                .unwrap_or_else(|_| kitelogik_toolbox::blocked_text(&denied))
        }
        (Err(error), _) => error.model_text(),
    }
}

/// The text that answers what was not put to the gate.
pub(crate) fn unusable(why: &Unusable) -> String {
    match why {
        Unusable::Cut => {
            "Error: the call was cut off before it was complete; it did not run".to_owned()
        }
        Unusable::Custom => {
            "Error: only functions with JSON arguments can be called, no custom tools; it did not \
             run"
            .to_owned()
        }
        Unusable::Malformed(what) => {
            format!("Error: this is no function call: {what}; it did not run")
        }
    }
}

/// The text that answers a call whose execution panicked outside the tool's body.
pub(crate) const PANICKED: &str = "Error: the call failed";
