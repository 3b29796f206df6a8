use async_openai::types::responses::{
    CustomToolCall, FunctionToolCall, OutputItem, OutputStatus, Response, Status,
};
use serde_json::Value;

use crate::call::{self, RequestedCall, Unusable};

/// A function call in an answer of Responses.
///
/// Made from async-openai's types, from raw JSON, or by a
/// [`ResponsesGatherer`](crate::ResponsesGatherer).
#[derive(Clone, Debug, PartialEq)]
pub struct ResponsesCall(pub(crate) RequestedCall);

impl ResponsesCall {
    /// The calls of a response.
    ///
    /// If it is not completed (cut off, failed, still in the making), none of them runs.
    pub fn in_response(response: &Response) -> Vec<Self> {
        let whole = response.status == Status::Completed;
        let calls = response.output.iter().filter_map(Self::in_item);
        calls.map(|call| call.unless(!whole)).collect()
    }

    /// As [`in_response`](Self::in_response), for a response in raw JSON.
    pub fn in_json(response: &Value) -> Vec<Self> {
        let whole = response
            .get("status")
            .is_none_or(|status| status == "completed");
        response
            .get("output")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|item| is_call(item))
            .map(|item| Self::from(item).unless(!whole))
            .collect()
    }

    /// The call that an item of a response is, if it is one.
    pub fn in_item(item: &OutputItem) -> Option<Self> {
        match item {
            OutputItem::FunctionCall(call) => Some(call.into()),
            OutputItem::CustomToolCall(call) => Some(call.into()),
            _ => None,
        }
    }

    /// The id that the answer names (`call_id`).
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The tool that is asked for.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The arguments as the model wrote them, or `None` where there is nothing to judge: the call
    /// was cut off, is one of a custom tool, or is no call at all.
    pub fn arguments(&self) -> Option<&str> {
        self.0.arguments.as_deref().ok()
    }

    pub(super) fn unless(self, cut: bool) -> Self {
        if cut { Self(self.0.cut()) } else { self }
    }
}

impl From<FunctionToolCall> for ResponsesCall {
    fn from(call: FunctionToolCall) -> Self {
        let whole = match call.status {
            None | Some(OutputStatus::Completed) => true,
            Some(OutputStatus::InProgress | OutputStatus::Incomplete) => false,
        };
        let requested = Self(RequestedCall::new(
            call.call_id,
            call.name,
            Ok(call.arguments),
        ));
        requested.unless(!whole)
    }
}

impl From<&FunctionToolCall> for ResponsesCall {
    fn from(call: &FunctionToolCall) -> Self {
        call.clone().into()
    }
}

impl From<&CustomToolCall> for ResponsesCall {
    fn from(call: &CustomToolCall) -> Self {
        Self(RequestedCall::new(
            call.call_id.clone(),
            call.name.clone(),
            Err(Unusable::Custom),
        ))
    }
}

impl From<&Value> for ResponsesCall {
    fn from(item: &Value) -> Self {
        let arguments = match item.get("type").and_then(Value::as_str) {
            Some("custom_tool_call") => Err(Unusable::Custom),
            None | Some("function_call") => call::arguments(item.get("arguments")),
            Some(_) => Err(Unusable::Malformed("its `type` is none of a function call")),
        };
        let whole = item
            .get("status")
            .is_none_or(|status| status.is_null() || status == "completed");
        let requested = Self(RequestedCall::new(
            call::text(item, "call_id"),
            call::text(item, "name"),
            arguments,
        ));
        requested.unless(!whole)
    }
}

impl From<Value> for ResponsesCall {
    fn from(item: Value) -> Self {
        Self::from(&item)
    }
}

pub(super) fn is_call(item: &Value) -> bool {
    item.get("type")
        .is_some_and(|kind| kind == "function_call" || kind == "custom_tool_call")
}
