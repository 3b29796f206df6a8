//! An agent loop over OpenAI's Chat Completions: the model asks for tools, the gate judges each
//! call, and a denial is something that the model reads.
//!
//! `cargo run --example openai_loop` talks to a scripted local server over HTTP, or, where
//! `OPENAI_BASE_URL` is set, to that (`OPENAI_API_KEY` and `OPENAI_MODEL` go with it).

mod desk;
mod scripted;

use std::error::Error;

use async_openai::types::chat::{
    ChatCompletionRequestAssistantMessageArgs, ChatCompletionRequestMessage,
    ChatCompletionRequestToolMessageContent, ChatCompletionRequestUserMessage,
    CreateChatCompletionRequestArgs,
};
use kitelogik_openai::ChatCall;

/// However much a model asks for, at some point it is enough.
const MAX_TURNS: usize = 10;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (client, model) = desk::model().await?;
    let tools = desk::tools()?;
    println!("user:  {}", desk::TASK);

    let mut messages = vec![ChatCompletionRequestUserMessage::from(desk::TASK).into()];
    for _ in 0..MAX_TURNS {
        let request = CreateChatCompletionRequestArgs::default()
            .model(&model)
            .messages(messages.clone())
            .tools(tools.tools())
            .build()?;
        let answer = client.chat().create(request).await?;
        let message = &answer
            .choices
            .first()
            .ok_or("the model said nothing")?
            .message;
        if let Some(text) = &message.content {
            println!("model: {text}");
        }

        let calls = ChatCall::in_response(&answer);
        if calls.is_empty() {
            return Ok(());
        }
        for call in &calls {
            println!("model: {}", desk::shown(call));
        }
        // What the model asked goes back to it, followed by an answer for each call.
        let mut asked = ChatCompletionRequestAssistantMessageArgs::default();
        asked.tool_calls(message.tool_calls.clone().unwrap_or_default());
        messages.push(asked.build()?.into());
        let answers = tools.execute_all(calls).await;
        answers.iter().for_each(print_answer);
        messages.extend(answers);
    }
    println!("stopped after {MAX_TURNS} turns");
    Ok(())
}

fn print_answer(answer: &ChatCompletionRequestMessage) {
    if let ChatCompletionRequestMessage::Tool(answer) = answer
        && let ChatCompletionRequestToolMessageContent::Text(text) = &answer.content
    {
        println!("tool:  {text}");
    }
}
