//! Real PostgreSQL servers for tests, and a count of the tests that could not have one.
//!
//! [`postgres_or_skip!`] gives a database of the test's own on a server that all tests of one process
//! share, or skips the test loudly and counts it, as `kitelogik-opa-process` does for OPA.
//! [`Server`] is a server of a test's own, for one that stops and starts it.
//!
//! A server listens on a Unix socket in a folder of its own and on no port, so that servers never meet
//! and nobody else reaches them. PostgreSQL refuses to run as root: started by root, it runs as the
//! user `postgres`. It is stopped when its [`Server`] is dropped, and also when the process that
//! started it dies without dropping anything.
//!
//! ```
//! use kitelogik_postgres_process::postgres_or_skip;
//!
//! let Some(url) = postgres_or_skip!() else { return };
//! println!("{url}"); // postgres://postgres@%2Ftmp%2F…/test_1
//! ```

mod lookup;
mod server;
mod shared;

pub use lookup::{Programs, find};
pub use server::{Server, ServerError};
pub use shared::{postgres_or_skip, skip_without_postgres};

/// The URL of an empty database, or `None` after the surrounding test was counted as skipped.
///
/// # Panics
///
/// When there is no PostgreSQL and `KITELOGIK_REQUIRE_ALL` asks for it, and when it does not start.
#[macro_export]
macro_rules! postgres_or_skip {
    () => {{
        fn here() {}
        $crate::postgres_or_skip(env!("CARGO_PKG_NAME"), ::std::any::type_name_of_val(&here))
    }};
}
