//! An agent that runs code in a sandbox.

use kitelogik::prelude::*;

/// Run code in the sandbox, for so many seconds at most.
#[governed]
async fn execute_code(
    language: String,
    code: String,
    timeout_seconds: u32,
    network: bool,
) -> String {
    format!(
        "ran {} bytes of {language} in at most {timeout_seconds} s, network: {network}",
        code.len()
    )
}

/// Run a shell command.
#[governed]
async fn execute_shell(command: String) -> String {
    format!("ran {command}")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gate = PolicyGate::new(Embedded::load("policies")?);
    let session = gate.session(
        SessionContext::new("first_session")
            .role("analyst")
            .sandbox_verified(true),
    );
    let tools = Toolbox::builder()
        .tool(execute_code)
        .tool(execute_shell)
        .build()?;
    let tools = tools.for_session(&session);

    // What a model asks for. With a real one, these are the tool calls of its answer, and what is printed here goes back
    // to it.
    let calls = [
        (
            "execute_code",
            r#"{"language": "python", "code": "print(6 * 7)", "timeout_seconds": 10, "network": false}"#,
        ),
        (
            "execute_code",
            r#"{"language": "python", "code": "print(6 * 7)", "timeout_seconds": 10, "network": true}"#,
        ),
        (
            "execute_code",
            r#"{"language": "python", "code": "print(6 * 7)", "timeout_seconds": 600, "network": false}"#,
        ),
        ("execute_shell", r#"{"command": "ls"}"#),
    ];
    for (name, arguments) in calls {
        match tools.call_json(name, arguments).await {
            Ok(output) => println!("{}", output.text),
            Err(error) => println!("{}", error.model_text()),
        }
    }
    Ok(())
}
