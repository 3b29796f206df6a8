//! The manual: what stands behind the defaults.
//!
//! * [`threat_model`]: who is trusted with what.
//! * [`how_it_fails`]: what each fault becomes.
//! * [`approvals_and_audit`]: calls that a person decides, and keeping what was decided.
#![cfg_attr(
    feature = "embedded",
    doc = "* [`writing_policies`]: the input a policy reads, the result it gives."
)]
#![cfg_attr(
    all(feature = "embedded", feature = "rest"),
    doc = "* [`choosing_an_engine`]: in process, a server, layers, a candidate beside them, your own."
)]
#![cfg_attr(
    feature = "reload",
    doc = "* [`reloading_policies`]: a policy that changes while calls are made."
)]

#[doc = include_str!("manual/threat_model.md")]
pub mod threat_model {}

#[doc = include_str!("manual/how_it_fails.md")]
pub mod how_it_fails {}

#[cfg(feature = "embedded")]
#[doc = include_str!("manual/writing_policies.md")]
pub mod writing_policies {}

#[cfg(all(feature = "embedded", feature = "rest"))]
#[doc = include_str!("manual/choosing_an_engine.md")]
pub mod choosing_an_engine {}

#[doc = include_str!("manual/approvals_and_audit.md")]
pub mod approvals_and_audit {}

#[cfg(feature = "reload")]
#[doc = include_str!("manual/reloading_policies.md")]
pub mod reloading_policies {}
