//! Tests that could not run here.

use std::env;
use std::fs::File;
use std::io::{self, Write};

use crate::{FindError, Opa, VERSION, find};

/// The environment variable that names the file in which skipped tests are counted.
///
/// `cargo xtask test` sets it. Without it a skipped test is only told of on standard error.
pub const SKIP_LOG: &str = "KITELOGIK_SKIP_LOG";

/// The environment variable that turns a skip into a failure, unless it is empty or `0`.
pub const REQUIRE_ALL: &str = "KITELOGIK_REQUIRE_ALL";

/// Says loudly that a test did not run, and counts it.
///
/// `needs` is what is missing and how to get it, for example ``OPA 1.22.2; run `cargo xtask opa provide` ``.
///
/// # Panics
///
/// When [`REQUIRE_ALL`] is set, and when the skip cannot be counted: an uncounted one looks like a pass.
#[expect(clippy::panic, reason = "this is how a test fails")]
pub fn skip(test: &str, needs: &str) {
    if env::var_os(REQUIRE_ALL).is_some_and(|value| !value.is_empty() && value != "0") {
        panic!("{test} may not be skipped where {REQUIRE_ALL} is set: it needs {needs}");
    }
    // One write each, so that lines of parallel tests do not mix; and not `eprintln`, which the test
    // runner captures.
    let line = format!("SKIPPED {test}: needs {needs}\n");
    let told = io::stderr().write_all(line.as_bytes());
    let counted = env::var_os(SKIP_LOG).map_or(Ok(()), |path| {
        File::options()
            .create(true)
            .append(true)
            .open(path)?
            .write_all(format!("{test}: needs {needs}\n").as_bytes())
    });
    if let Err(error) = told.and(counted) {
        panic!("{test} was skipped, and that cannot be counted: {error}");
    }
}

/// What [`opa_or_skip!`](crate::opa_or_skip!) calls with the package and the path of a function in the test.
///
/// # Panics
///
/// As [`opa_or_skip!`](crate::opa_or_skip!) says.
#[doc(hidden)]
#[expect(clippy::panic, reason = "this is how a test fails")]
pub fn opa_or_skip(package: &str, here: &str) -> Option<Opa> {
    match find() {
        Ok(opa) => Some(opa),
        Err(FindError::Absent { .. }) => {
            skip(
                &name(package, here),
                &format!("OPA {VERSION}; run `cargo xtask opa provide`"),
            );
            None
        }
        Err(error @ FindError::Unfit { .. }) => panic!("{error}"),
    }
}

fn name(package: &str, here: &str) -> String {
    let path = here.trim_end_matches("::here");
    format!("{package} {}", path.replace("::{{closure}}", ""))
}
