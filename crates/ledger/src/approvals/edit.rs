use kitelogik_core::{Arguments, MASKED, Masking, json};
use serde_json::{Map, Value};

use super::id::new_id;
use super::plan::Wanted;
use super::shared::no_random_numbers;
use super::{ApprovalError, ApprovalView, Approvals, Reviewer};

/// How long the text of edited arguments may be: 256 KiB, as that of any call.
const MAX_BYTES: usize = 256 * 1024;

impl Approvals {
    /// What an edit of the request `id` to `arguments` asks for.
    pub(super) async fn edited(
        &self,
        id: &str,
        reviewer: &Reviewer,
        arguments: Map<String, Value>,
    ) -> Result<Wanted, ApprovalError> {
        let row = match self.shared.row(id).await {
            Ok((row, _now)) => row,
            Err(ApprovalError::Forged { .. }) => None,
            Err(error) => return Err(error),
        };
        let Some(row) = row.filter(|row| reviewer.tenants.include(row.view.tenant.as_deref()))
        else {
            // What is recorded of it, and said, is what any decision on it would be.
            return Ok(Wanted::Deny);
        };
        let arguments = Arguments::from(arguments);
        if let Some(problem) = problem(&row.view, &arguments, &self.shared.masking) {
            let id = id.to_owned();
            return Err(ApprovalError::Edit { id, problem });
        }
        let new_id = new_id().ok_or_else(no_random_numbers)?;
        Ok(Wanted::Edit {
            digest: self.shared.key()?.digest(row.frame, arguments.text()),
            arguments,
            new_id,
        })
    }
}

fn problem(view: &ApprovalView, arguments: &Arguments, masking: &Masking) -> Option<&'static str> {
    if view.event_type != "tool_call" {
        return Some("only the arguments of a tool can be");
    }
    let text = arguments.text();
    if text.len() > MAX_BYTES {
        return Some("they are longer than 256 KiB");
    }
    if json::parse(text, json::DEFAULT_MAX_DEPTH).is_err() {
        return Some("they nest deeper than 64 levels");
    }
    let whole = Value::Object(arguments.object().clone());
    if text.contains(MASKED) || masking.value("args", &whole) != whole {
        return Some("some are masked and kept nowhere; deny it, and note what you want instead");
    }
    None
}
