//! What is measured is right, and a short run of what `cargo xtask soak` does for longer. Speed is not looked at.

mod decision;
mod soak;
