//! The policy gate, the session and the permit, and the engines that answer it.
//!
//! A [`PolicyGate`] asks a [`PolicyEngine`](kitelogik_core::PolicyEngine) about every tool call of
//! a [`Session`]. Where the answer is a clear *allow*, [`Session::authorize`] gives a [`Permit`];
//! opening it is the only way to the [`Permitted`] arguments that a tool's body takes.
//!
//! The engines are features. Without any, this crate has no engine and no HTTP client in its tree; a
//! third party's engine needs only the trait.
//!
//! | feature | what it adds |
//! |---|---|
//! | `embedded` | `Embedded`: Rego in process |
//! | `reload` | `Reloading`: the same, following its directory, its bundle file or, with `rest`, its bundle URL |
//! | `rest` | `OpaClient`: an OPA server over REST; with `embedded`, `Fallback` |
//! | `metrics` | metrics of decisions, outcomes, reloads and breakers, through the `metrics` facade |
//!
//! [`Layered`] and [`Shadow`] put engines together, and [`KillSwitch`] stops calls over all of them.
//!
//! ```
//! use kitelogik_core::{
//!     BoxFuture, EngineError, PolicyDecision, PolicyEngine, PolicyInput, SessionContext,
//! };
//! use kitelogik_opa::{CallRequest, PolicyGate};
//! use serde_json::json;
//!
//! /// An engine of one's own: nobody may do anything but look.
//! struct ReadOnly;
//!
//! impl PolicyEngine for ReadOnly {
//!     fn decide<'a>(
//!         &'a self,
//!         input: &'a PolicyInput<'a>,
//!     ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
//!         Box::pin(async move {
//!             let allow = input.event().action().starts_with("get_");
//!             PolicyDecision::from_result(&json!({ "allow": allow }), "read_only")
//!         })
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let gate = PolicyGate::new(ReadOnly);
//! let session = gate.session(SessionContext::new("example_01"));
//! let call = |name: &str| CallRequest {
//!     tool: name.into(),
//!     action: name.into(),
//!     ..CallRequest::default()
//! };
//! assert!(session.authorize(call("get_customer")).await.is_ok());
//! assert!(session.authorize(call("delete_customer")).await.is_err());
//! # }
//! ```

mod audit;
mod budget;
#[cfg(feature = "embedded")]
mod embedded;
#[cfg(all(feature = "embedded", feature = "rest"))]
mod fallback;
mod fault;
mod gate;
mod kill_switch;
mod layered;
mod permit;
mod question;
mod record;
#[cfg(feature = "reload")]
mod reload;
#[cfg(feature = "rest")]
mod rest;
mod session;
mod shadow;
mod telemetry;

pub use audit::AuditFailure;
#[cfg(feature = "embedded")]
pub use embedded::{
    Embedded, EmbeddedBuilder, EmbeddedError, ExplainedRule, Explanation, FailedCondition,
    MetValue, RuleResult, SuggestedChange, Suggestion,
};
#[cfg(all(feature = "embedded", feature = "rest"))]
pub use fallback::Fallback;
pub use gate::{PolicyGate, PolicyGateBuilder};
pub use kill_switch::{KillSwitch, Stop};
#[cfg(feature = "embedded")]
pub use kitelogik_rego::Interpreted;
pub use layered::{Layered, LayeredBuilder, LayersError};
pub use permit::{Permit, PermitError, Permitted, Queued, Running};
#[cfg(all(feature = "reload", feature = "rest"))]
pub use reload::BundleUrl;
#[cfg(feature = "reload")]
pub use reload::{
    PolicyChange, PolicySource, ReloadError, ReloadEvent, ReloadEvents, ReloadOutcome,
    ReloadStatus, Reloading, ReloadingBuilder,
};
#[cfg(feature = "rest")]
pub use rest::{
    BreakerChange, BreakerState, EndpointStatus, OpaClient, OpaClientBuilder, OpaConfigError,
};
pub use session::{CallRequest, MAX_RESOURCES, Session};
pub use shadow::{Flip, Shadow, ShadowBuilder, ShadowCounts, ShadowError, Side};
pub use telemetry::Watched;
