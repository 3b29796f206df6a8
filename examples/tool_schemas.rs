//! Tools as each API wants them defined: one JSON array on standard output, and nothing else there.
//!
//! `cargo run --example tool_schemas -- --format openai-chat` (the default; or `openai-responses`,
//! `anthropic`, `mcp`, `kitelogik`). No gate and no session: what a model is told needs neither.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use kitelogik::prelude::*;
use kitelogik::toolbox::SchemaFormat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Who a parcel goes to.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Recipient {
    name: String,
    address: Address,
    /// Called before delivery, if given.
    phone: Option<String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Address {
    street: String,
    city: String,
    /// Two letters, e.g. `NO`.
    #[serde(default = "home")]
    country: String,
}

fn home() -> String {
    "NO".to_owned()
}

/// How fast a parcel travels.
#[derive(Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
enum Speed {
    /// Three to five days.
    #[default]
    Normal,
    /// The next working day.
    Express,
}

/// How a refund is paid.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Payout {
    /// Back to the card that paid.
    Card { last_four: String },
    /// As a voucher.
    Voucher {
        /// Days until it lapses.
        valid_days: Option<u16>,
    },
    /// Nothing is paid; the customer keeps the goods.
    Goodwill,
}

/// Send a parcel.
#[governed(action = "parcel.send")]
async fn send_parcel(
    recipient: Recipient,
    /// Article numbers, at least one.
    articles: Vec<String>,
    #[serde(default)] speed: Speed,
    note: Option<String>,
) -> String {
    drop((articles, speed, note));
    format!("on its way to {}", recipient.name)
}

/// Refund a customer's order.
#[governed]
async fn approve_refund(
    /// The customer's id, e.g. `cust_001`.
    customer_id: String,
    /// Amount in US dollars.
    amount: f64,
    payout: Payout,
) -> String {
    drop(payout);
    format!("Refunded ${amount:.2} to {customer_id}")
}

/// Label an order. A map with free keys: OpenAI's strict mode cannot express it.
#[governed]
fn set_labels(order_id: u64, labels: BTreeMap<String, String>) -> String {
    format!("{} labels on order {order_id}", labels.len())
}

/// Read a file of the knowledge base.
#[governed(resource = "path")]
async fn read_article(
    /// Relative to the knowledge base.
    path: String,
    #[serde(default)] lines: Option<u32>,
) -> Result<String, io::Error> {
    drop((path, lines));
    Ok("…".to_owned())
}

/// List the orders that wait.
#[governed]
fn list_open_orders() -> Vec<u64> {
    vec![1001, 1002]
}

/// A tool known only at run time: its schema comes from a file, a database, another server.
fn search() -> Result<Tool, Box<dyn std::error::Error>> {
    let schema = json!({
        "type": "object",
        "properties": {
            "query": { "type": "string", "description": "What to look for." },
            "limit": { "type": "integer", "minimum": 1, "maximum": 50, "default": 10 },
        },
        "required": ["query"],
        "additionalProperties": false,
    });
    let tool = Tool::dynamic(
        "search",
        "Search the orders.",
        schema,
        |arguments| async move { Ok::<_, io::Error>(Value::Object(arguments)) },
    )?;
    Ok(tool)
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let format = match format() {
        Ok(format) => format,
        Err(message) => {
            eprintln!("{message}");
            return Ok(ExitCode::from(2));
        }
    };
    let tools = Toolbox::builder()
        .tool(send_parcel)
        .tool(approve_refund)
        .tool(set_labels)
        .tool(read_article)
        .tool(list_open_orders)
        .tool(search()?)
        .build()?;
    // Not `println!`, which panics where a reader such as `head` has closed the pipe.
    writeln!(io::stdout(), "{:#}", tools.definitions(format))?;
    Ok(ExitCode::SUCCESS)
}

/// The format that the command line asks for.
fn format() -> Result<SchemaFormat, String> {
    let names = SchemaFormat::ALL.map(SchemaFormat::as_str).join("|");
    let usage = format!("usage: tool_schemas [--format {names}]");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => Ok(SchemaFormat::OpenaiChat),
        [flag, name] if flag == "--format" => {
            name.parse().map_err(|error| format!("{error}\n{usage}"))
        }
        _ => Err(usage),
    }
}
