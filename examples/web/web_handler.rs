//! A web server with one set of tools and a session for each request.
//!
//! `cargo run --example web_handler` starts it, sends itself three requests and ends;
//! `-- --listen 127.0.0.1:3000` goes on serving:
//!
//! ```sh
//! curl -H 'x-user: ada' -H 'x-scopes: approve_refund_under_100' \
//!   -d '{"customer_id": "cust_001", "amount": 42}' http://127.0.0.1:3000/tools/approve_refund
//! ```

use std::error::Error;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use kitelogik::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Refund a customer's order.
#[governed]
async fn approve_refund(customer_id: String, amount: f64) -> String {
    format!("Refunded ${amount:.2} to {customer_id}")
}

#[derive(Clone)]
struct App {
    gate: PolicyGate,
    tools: Toolbox,
}

async fn call_tool(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    arguments: String,
) -> (StatusCode, String) {
    let session = app.gate.session(caller(&headers));
    match app
        .tools
        .for_session(&session)
        .call_json(&name, &arguments)
        .await
    {
        Ok(output) => (StatusCode::OK, output.text),
        Err(error) => (status(&error), error.model_text()),
    }
}

/// Who is calling. A real server takes this from its own sign-in, never from the request's word.
fn caller(headers: &HeaderMap) -> SessionContext {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    SessionContext::new(format!("web-{}", header("x-user")))
        .principal(header("x-user"))
        .role("support_agent")
        .scopes(header("x-scopes").split_whitespace())
}

fn status(error: &ToolError) -> StatusCode {
    match error {
        ToolError::UnknownTool { .. } => StatusCode::NOT_FOUND,
        ToolError::InvalidArguments(_) => StatusCode::UNPROCESSABLE_ENTITY,
        ToolError::Denied(denied) if denied.decision.fail_closed.is_some() => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ToolError::Denied(_) => StatusCode::FORBIDDEN,
        ToolError::Failed { .. }
        | ToolError::Panicked { .. }
        | ToolError::UnwritableResult { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = App {
        gate: PolicyGate::new(Embedded::load(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../policies"
        ))?),
        tools: Toolbox::builder().tool(approve_refund).build()?,
    };
    let router = Router::new()
        .route("/tools/{name}", post(call_tool))
        .with_state(app);

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--listen", address] => {
            let listener = TcpListener::bind(address).await?;
            println!("listening on http://{}", listener.local_addr()?);
            axum::serve(listener, router).await?;
        }
        [] => {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            tokio::spawn(async move { axum::serve(listener, router).await });
            for (scopes, amount) in [
                ("approve_refund_under_100", 42),
                ("approve_refund_under_100", 5000),
                ("", 42),
            ] {
                let body = format!(r#"{{"customer_id": "cust_001", "amount": {amount}}}"#);
                println!("{}", ask(address, scopes, &body).await?);
            }
        }
        _ => {
            eprintln!("usage: web_handler [--listen ADDRESS]");
            std::process::exit(2);
        }
    }
    Ok(())
}

/// The least HTTP client that can show the server's answer.
async fn ask(
    address: std::net::SocketAddr,
    scopes: &str,
    body: &str,
) -> Result<String, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "POST /tools/approve_refund HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         x-user: ada\r\nx-scopes: {scopes}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.lines().next().unwrap_or_default();
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    Ok(format!("{} {body}", status.trim_start_matches("HTTP/1.1 ")))
}
