//! Governed tools for [rig] agents: every tool call is decided by Rego before the body runs.
//!
//! [`GovernedTools`] makes a toolbox the tools of an agent, [`RunSession`] says whose run it is,
//! and [`GovernanceHook`] governs the tools that somebody else registered. What the gate does not
//! let through comes back to the model as a refusal that begins with `[BLOCKED]`, and the run goes
//! on.
//!
//! ```
//! use kitelogik::prelude::*;
//! use kitelogik_rig::{GovernedTools, RunSession};
//! use rig::agent::AgentBuilder;
//! # use rig::test_utils::{MockCompletionModel, MockTurn};
//! # use serde_json::json;
//!
//! /// Refund a customer's order.
//! #[governed]
//! async fn approve_refund(customer_id: String, amount: f64) -> String {
//!     format!("Refunded ${amount:.2} to {customer_id}")
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let refund = json!({ "customer_id": "cust_001", "amount": 5000 });
//! # let scripted = MockCompletionModel::from_turns([
//! #     MockTurn::tool_call("1", "approve_refund", refund),
//! #     MockTurn::text("I may not refund that much."),
//! # ]);
//! # let model = scripted.clone(); // in real life: OpenAI::from_env()?.completion("gpt-4o")
//! let gate = PolicyGate::new(Embedded::load("../../examples/policies")?);
//! let tools = Toolbox::builder().tool(approve_refund).build()?;
//!
//! let agent = AgentBuilder::new(model)
//!     .dynamic_tools(GovernedTools::per_run(&tools).dynamic_tools())
//!     .default_max_turns(5) // rig's default is 1: too few for a model to read a result
//!     .build();
//!
//! // One agent, many users: each run brings its session.
//! let session = gate.session(SessionContext::new("user_17").role("support_agent"));
//! let reply = agent
//!     .prompt("Refund cust_001 her 5000 dollars.")
//!     .tool_context(RunSession::new(&session).into_context())
//!     .await?;
//! assert_eq!(reply.output(), "I may not refund that much.");
//! # let read = format!("{:?}", scripted.requests().last().unwrap().chat_history);
//! # assert!(read.contains("[BLOCKED] approve_refund: Refunds over $200 require manager approval."));
//! # Ok(())
//! # }
//! ```
//!
//! # Whose call it is
//!
//! | | the session | without one |
//! |---|---|---|
//! | [`GovernedTools::per_run`] | the [`RunSession`] in the run's tool context | every call is denied |
//! | [`GovernedTools::fixed`] | the toolbox's own | there is always one |
//!
//! A [`RunSession`] reaches the tools of the run and those of an agent that is a tool of it. It is
//! not serialised: a context that was written out and read back has none, and denies.
//!
//! # Tools that somebody else registered
//!
//! A toolbox judges its own tools. Tools from elsewhere, of an MCP server for example, are judged
//!
//! * by [`GovernedTools::govern`], which wraps a tool before it is registered: nothing leads around
//!   it, so prefer it where the tool is at hand;
//! * by [`GovernedTools::hook`], which sees every call that the agent's loop dispatches, also those
//!   of tools that are registered later. [`GovernanceHook`] says what can lead around it.
//!
//! [`ForeignRules`] say which action and which resource such a call is to the policy. Both may be
//! used at once, and each call is judged once.
//!
//! ```
//! # use kitelogik::prelude::*;
//! use kitelogik_rig::{ForeignRules, ForeignTool, GovernedTools};
//! # use rig::agent::AgentBuilder;
//! # use rig::test_utils::MockCompletionModel;
//!
//! # let model = MockCompletionModel::text("");
//! # let toolbox = Toolbox::builder().build()?;
//! # let mcp_tools = Vec::new();
//! let tools = GovernedTools::per_run(&toolbox).foreign_rules(
//!     ForeignRules::new()
//!         .tool(ForeignTool::new("fetch").action("http_get").resource("url"))
//!         .action_prefix("mcp."),
//! );
//! let agent = AgentBuilder::new(model)
//!     .dynamic_tools(tools.dynamic_tools())
//!     .dynamic_tools(mcp_tools) // registered by somebody else
//!     .add_hook(tools.hook())
//!     .build();
//! # Ok::<(), kitelogik::BuildError>(())
//! ```
//!
//! # What rig decides
//!
//! A name that no tool has, and arguments that are no JSON object, never reach a tool: rig answers
//! them itself (`unhandled_invalid_tool_call`, by default the end of the run for an unknown name).
//! rig keeps the last of duplicate keys before a tool sees the arguments, so that they cannot be
//! refused here; what is judged is what runs, all the same.

mod foreign;
mod hook;
mod judge;
mod reply;
mod session;
mod tools;

pub use foreign::ForeignRules;
pub use hook::GovernanceHook;
pub use kitelogik_toolbox::ForeignTool;
pub use reply::POLICY_DENIED;
pub use session::RunSession;
pub use tools::GovernedTools;
