//! Approvals, on every store there is.

mod asking;
mod deciding;
mod desk;
mod editing;
mod forgery;
mod gate;
mod notices;
mod processes;
mod store;
mod using;
mod waiting;
