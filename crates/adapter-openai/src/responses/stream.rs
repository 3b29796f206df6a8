use std::collections::BTreeMap;

use async_openai::types::responses::{OutputItem, ResponseStreamEvent};
use serde_json::Value;

use super::call::{ResponsesCall, is_call};
use crate::call::{self, RequestedCall, Unusable};

/// Gathers the calls of a streamed response.
///
/// Push every event, then [`finish`](Self::finish). Nothing is judged before: half of the
/// arguments could be allowed where the whole is not. The API says the whole once more at the end
/// of each call, and that is what counts; the fragments before it are for those who display them.
///
/// ```
/// use kitelogik_openai::ResponsesGatherer;
/// use serde_json::json;
///
/// let mut gatherer = ResponsesGatherer::new();
/// gatherer.push_json(&json!({
///     "type": "response.output_item.done", "output_index": 0,
///     "item": {
///         "type": "function_call", "id": "fc_1", "call_id": "c1", "name": "look",
///         "arguments": "{}", "status": "completed",
///     },
/// }));
/// gatherer.push_json(&json!({ "type": "response.completed", "response": {} }));
///
/// assert_eq!(gatherer.finish()[0].name(), "look");
/// ```
#[derive(Clone, Debug, Default)]
pub struct ResponsesGatherer {
    /// By the place in the response.
    calls: BTreeMap<u64, Fragments>,
    completed: bool,
}

#[derive(Clone, Debug, Default)]
struct Fragments {
    item_id: String,
    call: Option<ResponsesCall>,
    /// Whether `call` has all of its arguments.
    done: bool,
    mixed_up: bool,
}

impl ResponsesGatherer {
    /// A gatherer for one response.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an event.
    pub fn push(&mut self, event: &ResponseStreamEvent) {
        match event {
            ResponseStreamEvent::ResponseOutputItemAdded(event) => {
                self.item(event.output_index.into(), &event.item, false);
            }
            ResponseStreamEvent::ResponseOutputItemDone(event) => {
                self.item(event.output_index.into(), &event.item, true);
            }
            ResponseStreamEvent::ResponseFunctionCallArgumentsDone(event) => {
                self.arguments(event.output_index.into(), &event.item_id, &event.arguments);
            }
            ResponseStreamEvent::ResponseCompleted(_) => self.completed = true,
            ResponseStreamEvent::ResponseFailed(_)
            | ResponseStreamEvent::ResponseIncomplete(_)
            | ResponseStreamEvent::ResponseError(_) => self.completed = false,
            _ => {}
        }
    }

    /// Takes an event in raw JSON: what async-openai does not read included.
    pub fn push_json(&mut self, event: &Value) {
        let place = event
            .get("output_index")
            .and_then(Value::as_u64)
            .unwrap_or(0);
        let item_id = call::text(event, "item_id");
        let kind = event.get("type").and_then(Value::as_str);
        match (kind.unwrap_or_default(), event.get("item")) {
            ("response.output_item.added", Some(item)) if is_call(item) => {
                self.call(place, &call::text(item, "id"), item.into(), false);
            }
            ("response.output_item.done", Some(item)) if is_call(item) => {
                self.call(place, &call::text(item, "id"), item.into(), true);
            }
            ("response.function_call_arguments.done", _) => {
                self.arguments(place, &item_id, &call::text(event, "arguments"));
            }
            ("response.completed", _) => self.completed = true,
            ("response.failed" | "response.incomplete" | "response.cancelled" | "error", _) => {
                self.completed = false;
            }
            _ => {}
        }
    }

    /// The calls that came, once the stream has ended or broken off.
    ///
    /// Calls of a stream that ended without `response.completed` are answered with an error and
    /// never judged; so is one whose own end was not said.
    #[must_use]
    pub fn finish(self) -> Vec<ResponsesCall> {
        let whole = self.completed;
        let calls = self.calls.into_values();
        calls.map(|call| call.requested(whole)).collect()
    }

    fn item(&mut self, place: u64, item: &OutputItem, done: bool) {
        let id = match item {
            OutputItem::FunctionCall(call) => call.id.as_deref().unwrap_or_default(),
            OutputItem::CustomToolCall(call) => &call.id,
            _ => return,
        };
        if let Some(call) = ResponsesCall::in_item(item) {
            self.call(place, id, call, done);
        }
    }

    fn call(&mut self, place: u64, item_id: &str, call: ResponsesCall, done: bool) {
        let fragments = self.at(place, item_id);
        fragments.call = Some(call);
        // What was added is the frame of a call; what is done, the whole of it.
        fragments.done |= done;
    }

    fn arguments(&mut self, place: u64, item_id: &str, arguments: &str) {
        let fragments = self.at(place, item_id);
        if fragments.done {
            return;
        }
        fragments.done = true;
        if let Some(ResponsesCall(call)) = &mut fragments.call
            && call.arguments != Err(Unusable::Custom)
        {
            call.arguments = Ok(arguments.to_owned());
        }
    }

    /// What is at a place of the response. Two items at one place are no call that can be trusted.
    fn at(&mut self, place: u64, item_id: &str) -> &mut Fragments {
        let fragments = self.calls.entry(place).or_default();
        if fragments.item_id.is_empty() {
            item_id.clone_into(&mut fragments.item_id);
        }
        if !item_id.is_empty() && fragments.item_id != item_id {
            fragments.mixed_up = true;
        }
        fragments
    }
}

impl Fragments {
    fn requested(self, whole: bool) -> ResponsesCall {
        let never_begun = Err(Unusable::Malformed("it was never begun"));
        let mut call = self.call.unwrap_or_else(|| {
            ResponsesCall(RequestedCall::new(
                String::new(),
                String::new(),
                never_begun,
            ))
        });
        if self.mixed_up {
            call.0.arguments = Err(Unusable::Malformed("its events are of two items"));
        }
        call.unless(!(whole && self.done))
    }
}
