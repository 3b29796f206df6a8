//! Real OPA servers for tests, and a count of the tests that could not have one.
//!
//! The tests of this workspace that speak of OPA run against the real program, in the one version
//! the project is built for ([`VERSION`]). Three things matter: [`opa_or_skip!`] finds the program
//! or skips the test loudly, [`Server`] says what the server should hold, and [`OpaProcess`] is a
//! server that runs, on a loopback port or a Unix socket of its own, until it is dropped.
//!
//! ```
//! use kitelogik_opa_process::opa_or_skip;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let Some(opa) = opa_or_skip!() else { return Ok(()) };
//!     let mut server = opa
//!         .server()
//!         .module("main.rego", "package kitelogik.main\nallow if input.action == \"read\"")
//!         .data(r#"{"limits": {"refund": 200}}"#)
//!         .queries_only(["kitelogik/main"])
//!         .start()?;
//!     println!("asking {}", server.url()); // http://127.0.0.1:20417
//!     server.pause()?; // accepts connections, never answers
//!     server.resume()?;
//!     server.kill()?; // refuses connections
//!     server.restart()?; // the same address again
//!     Ok(())
//! }
//! ```
//!
//! # Skipping
//!
//! A test that needs OPA on a machine without it does not fail: it writes a line that starts with
//! `SKIPPED` to standard error (past the test runner's capture), and adds itself to the file named by
//! `KITELOGIK_SKIP_LOG`, which `cargo xtask test` sets, reads and counts. With
//! `KITELOGIK_REQUIRE_ALL=1`, as in CI, it panics instead. Tests that need something other than OPA
//! call [`skip`] themselves.
//!
//! # Promises
//!
//! A server started here is killed when its [`OpaProcess`] is dropped, and also when the test process
//! dies without dropping anything (a `static`, an abort, a kill). Two servers never share a port, in
//! whatever process they were started. [`Server::start`] returns once the server answers, and blocks
//! the thread until then: about a tenth of a second.

mod cases;
mod error;
mod lookup;
mod port;
mod probe;
mod process;
mod queries_only;
mod server;
mod skip;
mod watchdog;

pub use cases::{case_files, case_files_or_skip};
pub use error::StartError;
pub use lookup::{FindError, Lookup, Opa, VERSION, find, version_of};
pub use process::OpaProcess;
pub use queries_only::{InvalidEntryPoint, queries_only};
pub use server::{IGNORED, Server};
pub use skip::{REQUIRE_ALL, SKIP_LOG, opa_or_skip, skip};

/// The OPA of this machine, or `None` after the surrounding test was counted as skipped.
///
/// ```
/// # use kitelogik_opa_process::opa_or_skip;
/// let Some(opa) = opa_or_skip!() else { return };
/// # drop(opa);
/// ```
///
/// # Panics
///
/// When there is no OPA and `KITELOGIK_REQUIRE_ALL` asks for it, and when `OPA_BIN` names something
/// that is not OPA in the pinned version: a wrong set-up is not a missing one.
#[macro_export]
macro_rules! opa_or_skip {
    () => {{
        fn here() {}
        $crate::opa_or_skip(env!("CARGO_PKG_NAME"), ::std::any::type_name_of_val(&here))
    }};
}
