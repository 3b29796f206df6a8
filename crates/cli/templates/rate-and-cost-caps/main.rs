//! An agent with a budget of calls and money.

use kitelogik::prelude::*;

/// Search the web.
#[governed]
async fn search(query: String) -> String {
    format!("found nothing about {query}")
}

/// Generate images.
#[governed]
async fn generate_image(prompt: String, count: u32) -> String {
    format!("{count} images of {prompt}")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gate = PolicyGate::new(Embedded::load("policies")?);
    let session = gate.session(
        SessionContext::new("first_session")
            .role("researcher")
            .budget_api_calls(100)
            .budget_cost_cents(500),
    );
    let tools = Toolbox::builder()
        .tool(search)
        .tool(generate_image)
        .build()?;
    let tools = tools.for_session(&session);

    // What a model asks for. With a real one, these are the tool calls of its answer, and what is printed here goes back
    // to it.
    let calls = [
        ("search", r#"{"query": "kites"}"#),
        ("generate_image", r#"{"prompt": "a kite", "count": 2}"#),
        ("generate_image", r#"{"prompt": "a kite", "count": 40}"#),
    ];
    for (name, arguments) in calls {
        match tools.call_json(name, arguments).await {
            Ok(output) => println!("{}", output.text),
            Err(error) => println!("{}", error.model_text()),
        }
    }
    Ok(())
}
