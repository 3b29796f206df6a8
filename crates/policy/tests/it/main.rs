//! What the crate promises, through its public API.

mod composition;
mod conformance;
mod engine;
mod limits;
mod loading;
mod rego;
mod syntax;
mod writing;
