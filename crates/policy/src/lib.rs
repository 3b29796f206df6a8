//! Policies for Kite Logik: loading Rego and data, and the built-in bundle they are composed with.
//!
//! TODO
mod builder;
mod builtin;
mod directory;
mod document;
mod error;
mod limits;
mod module;
mod policy;
mod revision;
mod syntax;
mod write;

pub use builder::PolicyBuilder;
pub use error::{PolicyError, Problem};
pub use limits::{Limits, SecurityLimits};
pub use module::Module;
pub use policy::Policy;
