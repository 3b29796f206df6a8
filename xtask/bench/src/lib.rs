//! What the gate is measured and shaken with.
//!
//! [`Rules`] writes one policy of any size in the languages that are compared, [`Call`] is what is asked of it, with
//! the verdict that every engine must give. [`Times`] keeps how long answers took.
//!
//! `cargo xtask bench` and `cargo xtask soak` run the programs of this package; the comparison with other engines is a
//! package of its own in `peers`, because what those need shall not be part of this workspace.

mod call;
pub mod decision;
pub mod instructions;
mod memory;
mod rules;
pub mod soak;
mod times;

pub use call::Call;
pub use memory::resident_bytes;
pub use rules::Rules;
pub use times::{Times, timed, timed_async};
