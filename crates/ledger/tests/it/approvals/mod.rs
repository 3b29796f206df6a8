//! Approvals, on every store there is.

mod asking;
mod deciding;
mod desk;
mod editing;
mod forgery;
mod store;
mod using;
mod waiting;
