//! A policy gate before every tool call of an AI agent: Rego decides, the gate enforces.
//!
//! Put [`#[governed]`](macro@governed) on a function, make a [`PolicyGate`] from a policy and a
//! [`Session`] from who is asking: from then on every call is judged before its body runs. The same
//! function goes into a [`Toolbox`] for calls by name, as a model makes them.
//!
//! ```
//! use kitelogik::prelude::*;
//!
//! /// Refund a customer's order.
//! #[governed]
//! async fn approve_refund(customer_id: String, amount: f64) -> String {
//!     format!("Refunded ${amount:.2} to {customer_id}")
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = Policy::builder()
//!     .rego("refunds.rego", r#"
//!         package kitelogik.userpolicy
//!         import rego.v1
//!         allow if { input.action == "approve_refund"; is_number(input.args.amount); input.args.amount <= 100 }
//!         deny contains "Refunds over $200 require manager approval" if input.args.amount > 200
//!     "#)
//!     .build()?;
//! let gate = PolicyGate::new(Embedded::new(policy)?);
//! let session = gate.session(SessionContext::new("example_01").role("support_agent"));
//!
//! let receipt = approve_refund("cust_001".into(), 42.0).run(&session).await?;
//! assert_eq!(receipt, "Refunded $42.00 to cust_001");
//!
//! let denied = approve_refund("cust_001".into(), 5000.0).run(&session).await.unwrap_err();
//! assert_eq!(denied.decision.verdict, Verdict::Deny);
//! assert_eq!(
//!     denied.to_string(),
//!     "Governance denied tool call: Refunds over $200 require manager approval",
//! );
//!
//! // The same function, called by name with what a model wrote:
//! let tools = Toolbox::builder().tool(approve_refund).build()?.for_session(&session);
//! let reply = tools.call_json("approve_refund", r#"{"customer_id": "c1", "amount": 8}"#).await?;
//! assert_eq!(reply.text, "Refunded $8.00 to c1");
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `embedded` | yes | `Embedded`: Rego in process |
//! | `macros` | yes | `#[governed]` |
//! | `rest` | | `OpaClient`: an OPA server over REST; with `embedded`, `Fallback` |
//! | `bundle` | | OPA bundles: built, signed, verified and loaded |
//! | `reload` | | `Reloading`: a policy that follows its directory or bundle; with `rest`, also a bundle on a server |
//! | `ledger` | | `ledger::Ledger`: approvals and the audit record, in an SQLite file |
//! | `postgres` | | the ledger in PostgreSQL |
//! | `webhook` | | telling of requests for approval by a signed HTTP request |
//! | `metrics` | | metrics of decisions, outcomes, reloads and breakers, through the `metrics` facade |
//!
//! Adapters are crates of their own: `kitelogik-openai`, `kitelogik-rig`.
//!
//! The [`manual`] says what stands behind the defaults.

pub mod manual;

mod probe;

pub use kitelogik_core as core;
pub use kitelogik_core::{
    Approval, ApprovalRequest, Approver, ApproverError, AuditError, AuditSink, BoxFuture,
    BudgetUsage, DecisionRecord, DocumentError, EngineError, EventDocument, FailClosed, GateChange,
    GovernanceError, GovernanceEvent, LayerAnswer, LayerTrace, Masking, MaskingError, Outcome,
    PlanStep, PolicyDecision, PolicyEngine, PolicyInput, RecordId, RiskTier, SessionContext,
    ToolCallInput, Use, Verdict,
};
#[cfg(feature = "ledger")]
pub use kitelogik_ledger as ledger;
#[cfg(feature = "macros")]
pub use kitelogik_macros::governed;
#[cfg(all(feature = "reload", feature = "rest"))]
pub use kitelogik_opa::BundleUrl;
#[cfg(all(feature = "embedded", feature = "rest"))]
pub use kitelogik_opa::Fallback;
pub use kitelogik_opa::{
    AuditFailure, CallRequest, Flip, KillSwitch, Layered, LayeredBuilder, LayersError, PolicyGate,
    PolicyGateBuilder, Session, Shadow, ShadowBuilder, ShadowCounts, ShadowError, Side, Stop,
};
#[cfg(feature = "rest")]
pub use kitelogik_opa::{
    BreakerChange, BreakerState, EndpointStatus, OpaClient, OpaClientBuilder, OpaConfigError,
};
#[cfg(feature = "embedded")]
pub use kitelogik_opa::{
    Embedded, EmbeddedBuilder, EmbeddedError, ExplainedRule, Explanation, FailedCondition,
    Interpreted, MetValue, RuleResult, SuggestedChange, Suggestion,
};
#[cfg(feature = "reload")]
pub use kitelogik_opa::{
    PolicyChange, PolicySource, ReloadError, ReloadEvent, ReloadEvents, ReloadOutcome,
    ReloadStatus, Reloading, ReloadingBuilder,
};
#[cfg(feature = "embedded")]
pub use kitelogik_policy as policy;
#[cfg(feature = "embedded")]
pub use kitelogik_policy::{Policy, PolicyBuilder, PolicyError};
pub use kitelogik_toolbox as toolbox;
pub use kitelogik_toolbox::{
    BuildError, Call, CallError, GovernedToolbox, InvalidArguments, SchemaFormat, Tool, ToolError,
    ToolOutput, ToolSchema, Toolbox, ToolboxBuilder, blocked_text,
};
pub use {schemars, serde, serde_json};

/// What most programs need, in one line: `use kitelogik::prelude::*;`.
pub mod prelude {
    #[cfg(feature = "rest")]
    pub use crate::OpaClient;
    #[cfg(feature = "reload")]
    pub use crate::Reloading;
    #[cfg(feature = "macros")]
    pub use crate::governed;
    pub use crate::{
        CallError, GovernanceError, GovernedToolbox, Layered, PolicyGate, RiskTier, Session,
        SessionContext, Tool, ToolError, Toolbox, Verdict,
    };
    #[cfg(feature = "embedded")]
    pub use crate::{Embedded, Policy};
}

/// What the attribute `#[governed]` writes code against. Not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use kitelogik_core::{GovernanceError, SessionContext};
    pub use kitelogik_opa::Running;
    pub use kitelogik_toolbox::{Body, Call, CallError, GovernedFunction, Opened};

    pub use crate::probe::{NotAResult, ResultProbe};
    pub use {schemars, serde, serde_json};
}

/// The code of the README is compiled as a test.
#[cfg(all(doctest, feature = "embedded", feature = "macros"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
