//! The loop of `openai_loop`, streaming: text is shown as it comes, and a call is judged once all
//! of it is there.
//!
//! `cargo run --example openai_streaming` talks to a scripted local server over HTTP, or, where
//! `OPENAI_BASE_URL` is set, to that (`OPENAI_API_KEY` and `OPENAI_MODEL` go with it).

mod desk;
mod scripted;

use std::error::Error;
use std::io::Write;

use async_openai::types::chat::{
    ChatCompletionRequestMessage, ChatCompletionRequestToolMessageContent,
    ChatCompletionRequestUserMessage, CreateChatCompletionRequestArgs,
};
use futures_util::StreamExt;
use kitelogik_openai::ChatGatherer;

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
        let mut stream = client.chat().create_stream(request).await?;
        let mut gatherer = ChatGatherer::new();
        let mut broken = None;
        print!("model: ");
        while let Some(chunk) = stream.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                // Calls that came so far are answered, so that the model may ask again; none runs.
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            };
            for choice in &chunk.choices {
                print!("{}", choice.delta.content.as_deref().unwrap_or_default());
                std::io::stdout().flush()?;
            }
            gatherer.push(&chunk);
        }
        println!();

        let answer = gatherer.finish();
        if answer.calls.is_empty() {
            return broken.map_or(Ok(()), |error| Err(error.into()));
        }
        messages.push(answer.message());
        for call in &answer.calls {
            println!("       {}", desk::shown(call));
        }
        let answers = tools.execute_all(answer.calls).await;
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
