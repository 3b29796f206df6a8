//! Tools with what the arguments of real ones have.

use std::collections::BTreeMap;
use std::io;

use kitelogik_toolbox::{Tool, Toolbox};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Nested structs, a documented enum, an enum with data, optionals, defaults, lists.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Order {
    /// Who orders.
    pub(crate) customer: Customer,
    /// What, at least one line.
    #[schemars(length(min = 1))]
    pub(crate) lines: Vec<Line>,
    /// How it is paid.
    pub(crate) payment: Payment,
    #[serde(default)]
    pub(crate) priority: Priority,
    pub(crate) note: Option<String>,
    pub(crate) gift: Option<Gift>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Customer {
    /// The customer's id, e.g. `cust_001`.
    #[schemars(length(min = 3, max = 40))]
    pub(crate) id: String,
    pub(crate) address: Option<Address>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Address {
    pub(crate) street: String,
    #[serde(default = "home")]
    pub(crate) country: String,
}

fn home() -> String {
    "NO".to_owned()
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Line {
    pub(crate) sku: String,
    /// How many.
    #[serde(default = "one")]
    pub(crate) count: u32,
}

fn one() -> u32 {
    1
}

/// Each form with fields of its own.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Payment {
    /// By card.
    Card {
        number: String,
        #[serde(default)]
        save: bool,
    },
    /// By invoice.
    Invoice {
        days: Option<u8>,
    },
    Cash,
}

/// How soon.
#[derive(Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Priority {
    #[default]
    Normal,
    /// Today.
    Express,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) enum Gift {
    Plain,
    Wrapped {
        /// What the card says.
        #[serde(default)]
        card: String,
    },
    Message(String),
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Labels {
    pub(crate) id: String,
    /// Any name with a text.
    pub(crate) labels: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Nothing {}

/// A reference to itself.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Folder {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) folders: Vec<Folder>,
}

/// A choice beside arguments of its own, at the top.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Transfer {
    pub(crate) amount: f64,
    #[serde(flatten)]
    pub(crate) payment: Payment,
}

pub(crate) fn toolbox() -> Toolbox {
    Toolbox::builder()
        .tool(
            typed::<Order>("place_order", "Place an order.")
                .action("order.place")
                .resource("customer.id")
                .unwrap(),
        )
        .tool(typed::<Labels>("set_labels", "Set an order's labels."))
        .tool(typed::<Nothing>("list_orders", "List the open orders."))
        .tool(typed::<Folder>("make_folders", "Make folders in folders."))
        .tool(typed::<Transfer>("transfer", "Move money."))
        .tool(at_run_time())
        .build()
        .unwrap()
}

/// A tool known only at run time, with a schema as people write them.
pub(crate) fn at_run_time() -> Tool {
    let schema = json!({
        "type": "object",
        "properties": {
            "query": { "type": "string", "minLength": 1, "description": "What to look for." },
            "limit": { "type": "integer", "minimum": 1, "maximum": 100, "default": 20 },
            "order": { "enum": ["newest", "oldest"] },
        },
        "required": ["query"],
    });
    Tool::dynamic("search", "Search the orders.", schema, |args| async move {
        Ok::<_, io::Error>(Value::Object(args))
    })
    .unwrap()
}

/// A tool that returns its arguments as its body got them.
pub(crate) fn typed<A>(name: &str, description: &str) -> Tool
where
    A: Serialize + DeserializeOwned + JsonSchema + Send + 'static,
{
    Tool::typed(name, description, |args: A| async move {
        Ok::<_, io::Error>(args)
    })
    .unwrap()
}
