use async_openai::types::chat::{
    ChatCompletionMessageCustomToolCall, ChatCompletionMessageToolCall,
    ChatCompletionMessageToolCallChunk, ChatCompletionMessageToolCalls,
    ChatCompletionRequestAssistantMessage, ChatCompletionRequestAssistantMessageContent,
    ChatCompletionRequestMessage, CreateChatCompletionStreamResponse, CustomTool, FinishReason,
    FunctionCall, FunctionType,
};
use kitelogik_toolbox::MAX_ARGUMENT_BYTES;
use serde_json::Value;

use super::call::{ChatCall, is_whole};
use crate::call::{self, RequestedCall, Unusable};

/// Gathers the calls of a streamed answer, whose arguments come in fragments.
///
/// Push every chunk, then [`finish`](Self::finish). Nothing is judged before: half of the
/// arguments could be allowed where the whole is not. The first choice of an answer counts.
///
/// ```
/// use kitelogik_openai::ChatGatherer;
/// use serde_json::json;
///
/// let chunk = |delta, finish_reason| {
///     json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": finish_reason }] })
/// };
/// let call = |call| json!({ "tool_calls": [call] });
///
/// let mut gatherer = ChatGatherer::new();
/// gatherer.push_json(&chunk(
///     call(json!({ "index": 0, "id": "c1", "function": { "name": "look", "arguments": "{\"a\"" } })),
///     None,
/// ));
/// gatherer.push_json(&chunk(call(json!({ "index": 0, "function": { "arguments": ":1}" } })), None));
/// gatherer.push_json(&chunk(json!({}), Some("tool_calls")));
///
/// let answer = gatherer.finish();
/// assert_eq!(answer.calls[0].name(), "look");
/// ```
#[derive(Clone, Debug, Default)]
pub struct ChatGatherer {
    content: String,
    calls: Vec<Fragments>,
    finish_reason: Option<FinishReason>,
}

/// What a streamed answer came to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GatheredChat {
    /// What the model said.
    pub content: String,
    /// What it asked for. If the stream was cut off, none of these runs.
    pub calls: Vec<ChatCall>,
    /// Why the model stopped, or `None` where the stream ended before it said so.
    pub finish_reason: Option<FinishReason>,
    asked: Vec<ChatCompletionMessageToolCalls>,
}

#[derive(Clone, Debug)]
struct Fragments {
    index: u32,
    id: String,
    name: String,
    arguments: String,
    custom: bool,
}

/// One fragment of one call.
#[derive(Default)]
struct Fragment {
    index: u32,
    id: String,
    name: String,
    arguments: String,
    custom: bool,
}

impl ChatGatherer {
    /// A gatherer for one answer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a chunk.
    pub fn push(&mut self, chunk: &CreateChatCompletionStreamResponse) {
        for choice in chunk.choices.iter().filter(|choice| choice.index == 0) {
            self.content.extend(choice.delta.content.as_deref());
            for call in choice.delta.tool_calls.iter().flatten() {
                self.add(call.clone().into());
            }
            self.finish_reason = choice.finish_reason.or(self.finish_reason);
        }
    }

    /// Takes a chunk in raw JSON: what async-openai does not read, custom tools among it, included.
    pub fn push_json(&mut self, chunk: &Value) {
        for choice in array(chunk.get("choices")) {
            if choice.get("index").and_then(Value::as_u64).unwrap_or(0) != 0 {
                continue;
            }
            if let Some(delta) = choice.get("delta") {
                self.content.push_str(&call::text(delta, "content"));
                for (position, call) in (0..).zip(array(delta.get("tool_calls"))) {
                    self.add(Fragment::from_json(position, call));
                }
            }
            // An unknown reason is none: the calls count as cut off.
            let reason = choice.get("finish_reason").cloned().unwrap_or_default();
            self.finish_reason = serde_json::from_value(reason).ok().or(self.finish_reason);
        }
    }

    /// What came, once the stream has ended or broken off.
    ///
    /// Calls of a stream that ended without a finish reason, or with one that says that something
    /// is missing, are answered with an error and never judged.
    pub fn finish(mut self) -> GatheredChat {
        self.calls.sort_by_key(|call| call.index);
        let whole = self.finish_reason.is_some_and(is_whole);
        let asked = self.calls.iter().map(Fragments::message).collect();
        let calls = self.calls.into_iter().map(|call| {
            let call = call.requested();
            ChatCall(if whole { call } else { call.cut() })
        });
        GatheredChat {
            content: self.content,
            calls: calls.collect(),
            finish_reason: self.finish_reason,
            asked,
        }
    }

    fn add(&mut self, fragment: Fragment) {
        let known = self
            .calls
            .iter_mut()
            .rev()
            .find(|call| call.index == fragment.index)
            // Another id is another call, also where a server gives all of them one index.
            .filter(|call| fragment.id.is_empty() || call.id.is_empty() || call.id == fragment.id);
        match known {
            None => self.calls.push(Fragments {
                index: fragment.index,
                id: fragment.id,
                name: fragment.name,
                arguments: fragment.arguments,
                custom: fragment.custom,
            }),
            Some(call) => {
                if call.id.is_empty() {
                    call.id = fragment.id;
                }
                // Some servers say the whole name with every fragment.
                if call.name != fragment.name {
                    call.name.push_str(&fragment.name);
                }
                call.custom |= fragment.custom;
                // What is longer is refused anyway, and need not be kept.
                if call.arguments.len() <= MAX_ARGUMENT_BYTES {
                    call.arguments.push_str(&fragment.arguments);
                }
            }
        }
    }
}

impl GatheredChat {
    /// The model's message, to be put into the conversation before the answers to its calls.
    pub fn message(&self) -> ChatCompletionRequestMessage {
        let content = Some(&self.content).filter(|content| !content.is_empty());
        ChatCompletionRequestMessage::Assistant(ChatCompletionRequestAssistantMessage {
            content: content
                .cloned()
                .map(ChatCompletionRequestAssistantMessageContent::Text),
            tool_calls: Some(self.asked.clone()).filter(|asked| !asked.is_empty()),
            ..ChatCompletionRequestAssistantMessage::default()
        })
    }
}

impl Fragments {
    fn requested(self) -> RequestedCall {
        let arguments = if self.custom {
            Err(Unusable::Custom)
        } else {
            Ok(self.arguments)
        };
        RequestedCall::new(self.id, self.name, arguments)
    }

    fn message(&self) -> ChatCompletionMessageToolCalls {
        let (id, name) = (self.id.clone(), self.name.clone());
        if self.custom {
            let input = self.arguments.clone();
            return ChatCompletionMessageToolCalls::Custom(ChatCompletionMessageCustomToolCall {
                id,
                custom_tool: CustomTool { name, input },
            });
        }
        let arguments = self.arguments.clone();
        ChatCompletionMessageToolCalls::Function(ChatCompletionMessageToolCall {
            id,
            function: FunctionCall { name, arguments },
        })
    }
}

impl From<ChatCompletionMessageToolCallChunk> for Fragment {
    fn from(chunk: ChatCompletionMessageToolCallChunk) -> Self {
        // The only type there is. Another one here would have to be thought about.
        let (None | Some(FunctionType::Function)) = chunk.r#type;
        let function = chunk.function.unwrap_or_default();
        Self {
            index: chunk.index,
            id: chunk.id.unwrap_or_default(),
            name: function.name.unwrap_or_default(),
            arguments: function.arguments.unwrap_or_default(),
            custom: false,
        }
    }
}

impl Fragment {
    fn from_json(position: u32, chunk: &Value) -> Self {
        let index = chunk.get("index").and_then(Value::as_u64);
        let fragment = Self {
            index: index
                .and_then(|index| index.try_into().ok())
                .unwrap_or(position),
            id: call::text(chunk, "id"),
            ..Self::default()
        };
        match (chunk.get("function"), chunk.get("custom")) {
            (Some(function), None) => Self {
                name: call::text(function, "name"),
                arguments: piece(function.get("arguments")),
                ..fragment
            },
            (_, Some(custom)) => Self {
                name: call::text(custom, "name"),
                arguments: call::text(custom, "input"),
                custom: true,
                ..fragment
            },
            (None, None) => Self {
                custom: chunk.get("type").is_some_and(|kind| kind != "function"),
                ..fragment
            },
        }
    }
}

/// A fragment of arguments. What is no text is kept as JSON, so that it is seen for what it is:
/// left out, a call with arguments would be judged as one without.
fn piece(arguments: Option<&Value>) -> String {
    match arguments {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn array(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}
