mod call;
mod stream;

use std::sync::Arc;

use async_openai::types::chat::{
    ChatCompletionRequestMessage, ChatCompletionRequestToolMessage,
    ChatCompletionRequestToolMessageContent, ChatCompletionTool, ChatCompletionTools,
    FunctionObject,
};
use kitelogik_core::GovernanceError;
use kitelogik_toolbox::{GovernedToolbox, ToolSchema};

pub use self::call::ChatCall;
pub use self::stream::{ChatGatherer, GatheredChat};
use crate::execute::Executor;

/// A session's tools for Chat Completions: definitions out, tool calls in.
///
/// Cheap to make for each request; the toolbox behind it is built once.
#[derive(Clone, Debug)]
#[must_use]
pub struct ChatTools {
    executor: Executor,
}

impl ChatTools {
    /// The tools of `tools`, whose calls are those of its session.
    pub fn new(tools: &GovernedToolbox) -> Self {
        Self {
            executor: Executor::new(tools),
        }
    }

    /// What a model reads of a call that the gate did not let through.
    /// Default: [`blocked_text`](kitelogik_toolbox::blocked_text), one line that begins with
    /// `[BLOCKED]`.
    ///
    /// What is written here is on its own: engine errors are in the decision and do not belong
    /// before a model. If it panics, the default is used.
    pub fn blocked_text(
        mut self,
        text: impl Fn(&GovernanceError) -> String + Send + Sync + 'static,
    ) -> Self {
        self.executor.blocked_text = Some(Arc::new(text));
        self
    }

    /// How many calls [`execute_all`](Self::execute_all) runs at the same time.
    /// Default: [`DEFAULT_CONCURRENCY`](crate::DEFAULT_CONCURRENCY); 0 counts as 1.
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.executor.concurrency = calls;
        self
    }

    /// The definitions to send as `tools`, in the order of registration, in strict mode where the
    /// schema allows it.
    pub fn tools(&self) -> Vec<ChatCompletionTools> {
        self.executor
            .tools
            .schemas()
            .into_iter()
            .map(tool)
            .collect()
    }

    /// Puts one call to the gate, runs it if it is let through, and gives the tool message that
    /// answers it. There is always one.
    pub async fn execute(&self, call: impl Into<ChatCall>) -> ChatCompletionRequestMessage {
        let call = call.into();
        let text = self.executor.answer(&call.0).await;
        message(&call, text)
    }

    /// [`execute`](Self::execute) for all calls of an answer, at the same time. The messages are in
    /// the order of the calls. What happens to one is lost on no other.
    pub async fn execute_all<Call: Into<ChatCall>>(
        &self,
        calls: impl IntoIterator<Item = Call>,
    ) -> Vec<ChatCompletionRequestMessage> {
        let calls: Vec<ChatCall> = calls.into_iter().map(Into::into).collect();
        let answers = self
            .executor
            .answers(calls.iter().map(|call| &call.0))
            .await;
        let answered = calls.iter().zip(answers);
        answered.map(|(call, text)| message(call, text)).collect()
    }
}

fn tool(schema: ToolSchema) -> ChatCompletionTools {
    let parameters = schema.openai_parameters();
    ChatCompletionTools::Function(ChatCompletionTool {
        function: FunctionObject {
            name: schema.name,
            description: Some(schema.description),
            strict: Some(parameters.is_strict()),
            parameters: Some(parameters.schema),
        },
    })
}

fn message(call: &ChatCall, text: String) -> ChatCompletionRequestMessage {
    ChatCompletionRequestMessage::Tool(ChatCompletionRequestToolMessage {
        content: ChatCompletionRequestToolMessageContent::Text(text),
        tool_call_id: call.id().to_owned(),
    })
}
