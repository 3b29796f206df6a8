//! Tools by name that run only with the gate's permit, and the sanitiser of their results.
//!
//! A [`Toolbox`] is the list of what an agent may ask for at all. Bound to a session it is a
//! [`GovernedToolbox`], whose calls go one way: the arguments are checked against the published
//! schema and made canonical, the gate judges exactly those, the body runs on what decodes from
//! them, and what comes back is sanitised before a model reads it.
//!
//! ```
//! use kitelogik_core::{BoxFuture, EngineError, PolicyDecision, PolicyEngine, PolicyInput, SessionContext};
//! use kitelogik_opa::PolicyGate;
//! use kitelogik_toolbox::{Tool, Toolbox};
//! use serde_json::json;
//! # struct ReadOnly;
//! # impl PolicyEngine for ReadOnly {
//! #     fn decide<'a>(
//! #         &'a self,
//! #         input: &'a PolicyInput<'a>,
//! #     ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
//! #         let allow = input.event().action().starts_with("get_");
//! #         Box::pin(async move { PolicyDecision::from_result(&json!({ "allow": allow }), "read_only") })
//! #     }
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let schema = json!({
//!     "type": "object",
//!     "properties": { "city": { "type": "string" } },
//!     "required": ["city"],
//!     "additionalProperties": false,
//! });
//! let weather = |_| async { Ok::<_, std::io::Error>(json!("sunny")) };
//! let tools = Toolbox::builder()
//!     .tool(Tool::dynamic("get_weather", "The weather of a city.", schema.clone(), weather)?)
//!     .tool(Tool::dynamic("set_weather", "Change it.", schema, weather)?)
//!     .build()?;
//!
//! let gate = PolicyGate::new(ReadOnly); // an engine that allows what begins with `get_`
//! let session = gate.session(SessionContext::new("example_01"));
//! let tools = tools.for_session(&session);
//!
//! let reply = tools.call_json("get_weather", r#"{"city": "Oslo"}"#).await?;
//! assert_eq!(reply.text, "sunny");
//!
//! let denied = tools.call_json("set_weather", r#"{"city": "Oslo"}"#).await.unwrap_err();
//! assert_eq!(
//!     denied.model_text(),
//!     "[BLOCKED] set_weather: no rule allows this call. Adjust the arguments and try again.",
//! );
//! # Ok(())
//! # }
//! ```

mod authorized;
mod blocked;
mod body;
mod canonical;
mod closed;
mod cost;
mod definitions;
mod error;
mod finite;
mod foreign;
mod function;
mod governed;
mod governed_toolbox;
mod normal;
mod opened;
mod resource;
pub mod sanitiser;
mod schema;
mod tool;
mod toolbox;

pub use authorized::AuthorizedCall;
pub use blocked::{BLOCKED, MAX_REASON_CHARS, blocked_text};
pub use body::Body;
pub use definitions::{OpenaiParameters, SchemaFormat, UnknownSchemaFormat};
pub use error::{ArgumentProblem, BuildError, CallError, InvalidArguments, ToolError};
pub use foreign::{ForeignCall, ForeignTool};
pub use function::{AsItIs, GovernedItem, IntoTool, NoState};
pub use governed::{Call, GovernedFunction, GovernedReturn};
pub use governed_toolbox::{GovernedToolbox, PlanEvaluation, ToolOutput};
pub use opened::Opened;
pub use schema::MAX_ARGUMENT_BYTES;
pub use tool::Tool;
pub use toolbox::{ToolSchema, Toolbox, ToolboxBuilder};
