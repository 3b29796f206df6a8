//! What the interpreter and the test suite answer, through the public API.
#![expect(
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod program;
mod suite;
