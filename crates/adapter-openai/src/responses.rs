mod call;
mod stream;

use std::sync::Arc;

use async_openai::types::responses::{
    CustomToolCallOutput, CustomToolCallOutputOutput, FunctionCallOutput,
    FunctionCallOutputItemParam, FunctionTool, InputItem, Item, Tool,
};
use kitelogik_core::GovernanceError;
use kitelogik_toolbox::{GovernedToolbox, ToolSchema};

pub use self::call::ResponsesCall;
pub use self::stream::ResponsesGatherer;
use crate::call::Unusable;
use crate::execute::Executor;

/// A session's tools for Responses: definitions out, function calls in.
///
/// Cheap to make for each request; the toolbox behind it is built once.
#[derive(Clone, Debug)]
#[must_use]
pub struct ResponsesTools {
    executor: Executor,
}

impl ResponsesTools {
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
    pub fn tools(&self) -> Vec<Tool> {
        self.executor
            .tools
            .schemas()
            .into_iter()
            .map(tool)
            .collect()
    }

    /// Puts one call to the gate, runs it if it is let through, and gives the input item that
    /// answers it: a function call's output. There is always one.
    pub async fn execute(&self, call: impl Into<ResponsesCall>) -> InputItem {
        let call = call.into();
        let text = self.executor.answer(&call.0).await;
        item(&call, text)
    }

    /// [`execute`](Self::execute) for all calls of a response, at the same time. The items are in
    /// the order of the calls. What happens to one is lost on no other.
    pub async fn execute_all<Call: Into<ResponsesCall>>(
        &self,
        calls: impl IntoIterator<Item = Call>,
    ) -> Vec<InputItem> {
        let calls: Vec<ResponsesCall> = calls.into_iter().map(Into::into).collect();
        let answers = self
            .executor
            .answers(calls.iter().map(|call| &call.0))
            .await;
        let answered = calls.iter().zip(answers);
        answered.map(|(call, text)| item(call, text)).collect()
    }
}

fn tool(schema: ToolSchema) -> Tool {
    let parameters = schema.openai_parameters();
    Tool::Function(FunctionTool {
        name: schema.name,
        description: Some(schema.description),
        strict: Some(parameters.is_strict()),
        parameters: Some(parameters.schema),
        ..FunctionTool::default()
    })
}

fn item(call: &ResponsesCall, text: String) -> InputItem {
    let call_id = call.id().to_owned();
    // A custom tool's call takes an output of its own type.
    let item = if call.0.arguments == Err(Unusable::Custom) {
        Item::CustomToolCallOutput(CustomToolCallOutput {
            call_id,
            output: CustomToolCallOutputOutput::Text(text),
            id: None,
            caller: None,
        })
    } else {
        Item::FunctionCallOutput(FunctionCallOutputItemParam {
            call_id: Some(call_id),
            output: FunctionCallOutput::Text(text),
            id: None,
            status: None,
            name: None,
            namespace: None,
            caller: None,
        })
    };
    item.into()
}
