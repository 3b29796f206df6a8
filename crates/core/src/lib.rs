//! What is asked of a policy and what it decides: the types and traits of Kite Logik.
//!
//! An agent wants to call a tool. That wish is a [`GovernanceEvent`]; who wants it is a
//! [`SessionContext`]. A [`PolicyEngine`] reads both as one [`PolicyInput`] document and answers
//! with a [`PolicyDecision`], whose [`Verdict`] is one of four. Everything that is not a clear
//! [`Verdict::Allow`] keeps the tool's body from running, and whatever cannot be known is a
//! [`Verdict::Deny`] with a [`FailClosed`] code.
//!
//! This crate does no I/O and needs no async runtime. The gate that asks lives in `kitelogik-opa`.
//!
//! ```
//! use kitelogik_core::{PolicyDecision, RiskTier, Verdict};
//! use serde_json::json;
//!
//! // What a Rego policy answered, read strictly:
//! let document = json!({"allow": true, "deny": ["Refunds over $200 require manager approval"]});
//! let decision = PolicyDecision::from_result(&document, "data.kitelogik.main")?;
//!
//! assert_eq!(decision.verdict, Verdict::Deny); // any deny beats every allow
//! assert_eq!(decision.reason, "Refunds over $200 require manager approval");
//! assert_eq!(decision.rule_matched.as_deref(), Some("data.kitelogik.main.deny[_]"));
//! assert_eq!(decision.risk_tier, RiskTier::Operational);
//! # Ok::<(), kitelogik_core::EngineError>(())
//! ```

mod approval;
mod arguments;
mod audit;
mod context;
mod decision;
mod document;
mod engine;
mod error;
mod event;
mod fail_closed;
mod identity;
mod input;
pub mod json;
mod masking;
mod result;
mod risk;
pub mod text;
mod verdict;

pub use approval::{Approval, ApprovalRequest, Approver, ApproverError, Use};
pub use arguments::Arguments;
pub use audit::{AuditError, AuditSink, DecisionRecord, GateChange, Outcome, RecordId};
pub use context::{BudgetUsage, SessionContext};
pub use decision::{LayerAnswer, LayerTrace, PolicyDecision};
pub use document::{DocumentError, EventDocument};
pub use engine::{BoxFuture, EngineError, PolicyEngine};
pub use error::GovernanceError;
pub use event::{
    AgentBudget, AgentDelegate, AgentPlan, AgentSpawn, DataClassification, GovernanceEvent,
    PlanStep, ToolCallInput,
};
pub use fail_closed::FailClosed;
pub use input::PolicyInput;
pub use masking::{HiddenTexts, MASKED, Masking, MaskingBuilder, MaskingError};
pub use result::{ResultKind, ResultValue};
pub use risk::{RiskTier, UnknownRiskTier};
pub use verdict::Verdict;
