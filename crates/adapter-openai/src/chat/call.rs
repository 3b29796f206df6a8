use async_openai::types::chat::{
    ChatCompletionMessageCustomToolCall, ChatCompletionMessageToolCall,
    ChatCompletionMessageToolCalls, CreateChatCompletionResponse, CustomTool, FinishReason,
    FunctionCall,
};
use serde_json::Value;

use crate::call::{self, RequestedCall, Unusable};

/// A tool call in an answer of Chat Completions.
///
/// Made from async-openai's types, from raw JSON, or by a [`ChatGatherer`](crate::ChatGatherer).
#[derive(Clone, Debug, PartialEq)]
pub struct ChatCall(pub(crate) RequestedCall);

impl ChatCall {
    /// The calls of an answer's first choice.
    ///
    /// If the answer was cut off (finish reason `length` or `content_filter`), none of them runs.
    pub fn in_response(response: &CreateChatCompletionResponse) -> Vec<Self> {
        let Some(choice) = response.choices.first() else {
            return Vec::new();
        };
        let whole = choice.finish_reason.is_none_or(is_whole);
        let calls = choice.message.tool_calls.iter().flatten();
        calls.map(|call| Self::from(call).unless(!whole)).collect()
    }

    /// As [`in_response`](Self::in_response), for an answer in raw JSON: the whole of it, or just
    /// its message.
    ///
    /// Worth it where custom tools are about: one call of those, and async-openai reads nothing of
    /// the answer.
    pub fn in_json(response: &Value) -> Vec<Self> {
        let choice = response.pointer("/choices/0");
        let message = choice.map_or(Some(response), |choice| choice.get("message"));
        let whole = choice
            .and_then(|choice| choice.get("finish_reason"))
            .is_none_or(|reason| {
                reason.is_null() || serde_json::from_value(reason.clone()).is_ok_and(is_whole)
            });
        message
            .and_then(|message| message.get("tool_calls"))
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|call| Self::from(call).unless(!whole))
            .collect()
    }

    /// The id that the answer names.
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

    fn unless(self, cut: bool) -> Self {
        if cut { Self(self.0.cut()) } else { self }
    }
}

/// Whether calls of an answer that ended so are complete.
pub(super) fn is_whole(reason: FinishReason) -> bool {
    match reason {
        FinishReason::Stop | FinishReason::ToolCalls | FinishReason::FunctionCall => true,
        FinishReason::Length | FinishReason::ContentFilter => false,
    }
}

impl From<ChatCompletionMessageToolCall> for ChatCall {
    fn from(call: ChatCompletionMessageToolCall) -> Self {
        let FunctionCall { name, arguments } = call.function;
        Self(RequestedCall::new(call.id, name, Ok(arguments)))
    }
}

impl From<ChatCompletionMessageCustomToolCall> for ChatCall {
    fn from(call: ChatCompletionMessageCustomToolCall) -> Self {
        let CustomTool { name, .. } = call.custom_tool;
        Self(RequestedCall::new(call.id, name, Err(Unusable::Custom)))
    }
}

impl From<ChatCompletionMessageToolCalls> for ChatCall {
    fn from(call: ChatCompletionMessageToolCalls) -> Self {
        match call {
            ChatCompletionMessageToolCalls::Function(call) => call.into(),
            ChatCompletionMessageToolCalls::Custom(call) => call.into(),
        }
    }
}

impl From<&ChatCompletionMessageToolCalls> for ChatCall {
    fn from(call: &ChatCompletionMessageToolCalls) -> Self {
        call.clone().into()
    }
}

impl From<&Value> for ChatCall {
    fn from(value: &Value) -> Self {
        let custom = value.get("custom").or_else(|| value.get("custom_tool"));
        let kind = value.get("type").and_then(Value::as_str);
        let (name, arguments) = match (kind, value.get("function"), custom) {
            (Some("custom"), _, custom) | (None, None, custom @ Some(_)) => (
                custom
                    .map(|custom| call::text(custom, "name"))
                    .unwrap_or_default(),
                Err(Unusable::Custom),
            ),
            (None | Some("function"), Some(function), _) => {
                let name = call::text(function, "name");
                (name, call::arguments(function.get("arguments")))
            }
            _ => (
                String::new(),
                Err(Unusable::Malformed("it has no `function`")),
            ),
        };
        Self(RequestedCall::new(call::text(value, "id"), name, arguments))
    }
}

impl From<Value> for ChatCall {
    fn from(value: Value) -> Self {
        Self::from(&value)
    }
}
