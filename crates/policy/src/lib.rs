//! Policies for Kite Logik: Rego, rules in YAML and data, loaded, composed with the built-in bundle, tested and checked.
//!
//! A [`Policy`] is what an engine is given: Rego modules, one data document, the entry point that is asked, and a
//! revision that names all of it. [`Policy::load`] reads a directory; a [`PolicyBuilder`] takes several, or texts.
//! Whatever is wrong is a [`PolicyError`] when the policy is loaded, not a surprise when a call is judged.
//!
//! ```
//! use kitelogik_policy::Policy;
//!
//! let policy = Policy::builder()
//!     .rego(
//!         "refunds.rego",
//!         r#"
//!         package kitelogik.userpolicy
//!
//!         allow if {
//!             input.action == "approve_refund"
//!             "approve_refund_under_100" in input.context.session_scopes
//!         }
//!
//!         deny contains "Refunds over $200 require manager approval" if input.args.amount > data.refunds.limit
//!         "#,
//!     )
//!     .data_yaml("refunds: {limit: 200}")
//!     .build()?;
//!
//! assert_eq!(policy.entry_point(), "data.kitelogik.main");
//! assert!(policy.modules().iter().any(|module| module.name() == "refunds.rego")); // beside the built-in ones
//! assert_eq!(policy.data()["refunds"]["limit"], 200);
//! # Ok::<(), kitelogik_policy::PolicyError>(())
//! ```
//!
//! # Writing rules
//!
//! Rules live in `package kitelogik.userpolicy`. Nothing allows a call but they:
//!
//! | rule | says |
//! |---|---|
//! | `allow if …` | the call may happen |
//! | `deny contains "reason" if …` | it may not; beats everything else |
//! | `hitl contains "reason" if …` | a person decides; beats `allow` |
//! | `risk_tiers contains "DESTRUCTIVE" if …` | how much is at stake; the highest counts |
//! | `rules contains "name" if …` | names for the rules that fired, as they come back in the decision |
//!
//! A call that no rule speaks of is refused. An error in a rule denies the call: it never makes a `deny` silent.
//! In Rego, `null` and booleans compare as smaller than every number, so guard what an `allow` compares:
//! `is_number(input.args.amount)`.
//!
//! The same in YAML: [`rules`]. Policies to copy and to change: [`starters`].
//!
//! # Before it decides
//!
//! | | |
//! |---|---|
//! | [`TestRunner`] | runs Rego tests and decision tables |
//! | [`check`] | finds rules that never match, conflicts, slips, unsafe comparisons; alone or held against the tools it is for |
//! | `bundle`, a feature | makes an OPA bundle of a policy, signs it, verifies and loads it |
//! | [`RuleChanges`] | which rules came and went between two versions |
//! | [`Snapshot`] | what a policy is made of, read once, so that what is tested is what decides |
//!
//! # The built-in bundle
//!
//! `kitelogik.main` puts the user's rules and the built-in packages together. Nothing built in allows a tool call.
//!
//! | package | says |
//! |---|---|
//! | `kitelogik.security` | What no call may do: sensitive files, system paths, traversal, URLs to internal addresses in every spelling, the policy's own files, code outside a verified sandbox, another session's data. |
//! | `kitelogik.delegation` | How deep a session may be, and what a delegate may not do. |
//! | `kitelogik.agent_lifecycle` | Which agents a session may start or hand work to; allows these events within the limits. |
//! | `kitelogik.agent_plan` | Which plans may be followed: each step is judged as the call it stands for. |
//! | `kitelogik.agent_budget` | Denies calls, and `agent.budget`, where tokens, calls or money are used up. |
//! | `kitelogik.data_classification` | Who may touch confidential and restricted data. |
//!
//! Each is documented in its file under `rego/`; what they judge by are [`Limits`], which a team sets with data:
//!
//! ```
//! # use kitelogik_policy::Policy;
//! let policy = Policy::builder()
//!     .rego("user.rego", "package kitelogik.userpolicy\n\nallow if input.action == \"get_page\"")
//!     .data_yaml(
//!         "
//!         kitelogik:
//!           limits:
//!             security:
//!               blocked_hosts: [payroll.example.com]
//!               protected_paths: [/srv/app/ledger.db]
//!         ",
//!     )
//!     .build()?;
//! # assert!(policy.limits().is_some());
//! # Ok::<(), kitelogik_policy::PolicyError>(())
//! ```
//!
//! Data under `kitelogik` may hold these limits and nothing else, so data grants nothing. A policy that declares
//! both `kitelogik.main` and `kitelogik.security` is a whole bundle and stands alone; one that declares only one of
//! them is refused, unless it asks for that with [`PolicyBuilder::without_builtin_bundle`] or
//! [`PolicyBuilder::without_builtin_security`].

mod builder;
mod builtin;
#[cfg(feature = "bundle")]
pub mod bundle;
pub mod check;
mod compiled;
mod directory;
mod document;
mod error;
mod limits;
mod module;
mod policy;
mod revision;
mod rule_changes;
pub mod rules;
mod snapshot;
mod source;
mod starter;
mod syntax;
pub mod testing;
mod write;

pub use builder::PolicyBuilder;
pub use error::{PolicyError, Problem};
pub use limits::{
    BudgetLimits, ChildLimits, ClassificationLimits, DelegationLimits, LifecycleLimits, Limits,
    PlanLimits, SecurityLimits,
};
pub use module::Module;
pub use policy::Policy;
pub use rule_changes::{DecisionRule, RuleChanges};
pub use snapshot::Snapshot;
pub use starter::{Starter, starters};
pub use testing::{TestReport, TestRunner};
