//! An agent that only reads.

use kitelogik::prelude::*;

/// How the service is doing.
#[governed]
async fn get_status(service: String) -> String {
    format!("{service} is up")
}

/// Restart a service.
#[governed]
async fn restart_service(service: String) -> String {
    format!("restarted {service}")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gate = PolicyGate::new(Embedded::load("policies")?);
    let session = gate.session(SessionContext::new("first_session").role("analyst"));
    let tools = Toolbox::builder()
        .tool(get_status)
        .tool(restart_service)
        .build()?;
    let tools = tools.for_session(&session);

    // What a model asks for. With a real one, these are the tool calls of its answer, and what is printed here goes back
    // to it.
    let calls = [
        ("get_status", r#"{"service": "billing"}"#),
        ("restart_service", r#"{"service": "billing"}"#),
    ];
    for (name, arguments) in calls {
        match tools.call_json(name, arguments).await {
            Ok(output) => println!("{}", output.text),
            Err(error) => println!("{}", error.model_text()),
        }
    }
    Ok(())
}
