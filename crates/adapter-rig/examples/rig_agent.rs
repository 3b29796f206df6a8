//! One rig agent that serves two users, each under a session of their own.
//!
//! `cargo run --example rig_agent` needs no network: the model is a script. With a real one, only
//! the line that makes it differs: `OpenAI::from_env()?.completion("gpt-4o")`.

use kitelogik::prelude::*;
use kitelogik_rig::{ForeignRules, GovernedTools, RunSession};
use rig::agent::{AgentBuilder, AgentHook, HookContext, OutcomeAction, OutcomeEvent};
use rig::message::ToolName;
use rig::test_utils::{MockCompletionModel, MockTurn};
use rig::tool::{DynamicTool, ToolOutput};
use serde_json::json;

/// Look a customer up.
#[governed]
async fn get_customer(
    /// The customer's id, e.g. `cust_001`.
    customer_id: String,
) -> String {
    format!("{customer_id}: Ada, customer since 2019")
}

/// Refund a customer's order.
#[governed]
async fn approve_refund(
    /// The customer's id, e.g. `cust_001`.
    customer_id: String,
    /// Amount in US dollars.
    amount: f64,
) -> String {
    format!("Refunded ${amount:.2} to {customer_id}")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/policies");
    let gate = PolicyGate::new(Embedded::load(policies)?);
    let toolbox = Toolbox::builder()
        .tool(get_customer)
        .tool(approve_refund)
        .build()?;

    let tools =
        GovernedTools::per_run(&toolbox).foreign_rules(ForeignRules::new().action_prefix("mcp."));
    let agent = AgentBuilder::new(scripted_model())
        .preamble("You are at a refund desk.")
        .dynamic_tools(tools.dynamic_tools())
        .dynamic_tool(somebody_elses_tool()?)
        .add_hook(Narrator)
        .add_hook(tools.hook()) // governs somebody else's tool too; added last
        .default_max_turns(8)
        .build();

    let ann = SessionContext::new("ann")
        .role("support_agent")
        .scopes(["read_customer", "approve_refund_under_100"]);
    let ben = SessionContext::new("ben")
        .role("trainee")
        .scopes(["read_customer"]);
    for user in [ann, ben] {
        println!("{}, {}", user.session_id, user.user_role);
        let session = gate.session(user);
        let reply = agent
            .prompt("Refund cust_001 what she is owed.")
            .tool_context(RunSession::new(&session).into_context())
            .await?;
        println!("  model: {}\n", reply.output());
    }
    Ok(())
}

/// Prints what the model reads of each call.
struct Narrator;

impl AgentHook for Narrator {
    async fn on_outcome(&self, _context: &HookContext, event: OutcomeEvent<'_>) -> OutcomeAction {
        if let (Some(tool), Some(result)) = (event.tool_name(), event.tool_result()) {
            let arguments = event.tool_args().unwrap_or_default();
            println!("  {tool} {arguments}");
            println!("    {}", result.output().render());
        }
        OutcomeAction::Proceed
    }
}

/// A tool such as an MCP server offers. No rule allows it, so that it never runs.
fn somebody_elses_tool() -> Result<DynamicTool, Box<dyn std::error::Error>> {
    Ok(DynamicTool::new(
        ToolName::new("export_all_customers")?,
        "Send the customer list to a partner.",
        json!({ "type": "object" }),
        |_| Box::pin(async { Ok(ToolOutput::text("sent")) }),
    ))
}

/// A model that tries the same things for every user.
fn scripted_model() -> MockCompletionModel {
    let refund = |amount: f64| json!({ "customer_id": "cust_001", "amount": amount });
    let conversation = [
        MockTurn::tool_call("1", "get_customer", json!({ "customer_id": "cust_001" })),
        MockTurn::tool_call("2", "approve_refund", refund(5000.0)),
        MockTurn::tool_call("3", "approve_refund", refund(42.0)),
        MockTurn::tool_call("4", "export_all_customers", json!({})),
        MockTurn::text("That is all I could do."),
    ];
    MockCompletionModel::from_turns([conversation.clone(), conversation].concat())
}
