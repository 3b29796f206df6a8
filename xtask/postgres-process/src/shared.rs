//! One server for all tests of a process.

use std::sync::OnceLock;

use kitelogik_opa_process::skip;

use crate::{Programs, Server, find};

/// What [`postgres_or_skip!`](crate::postgres_or_skip!) calls with the package and the path of a function in the test.
///
/// # Panics
///
/// As [`postgres_or_skip!`](crate::postgres_or_skip!) says.
#[doc(hidden)]
#[expect(clippy::panic, reason = "this is how a test fails")]
pub fn postgres_or_skip(package: &str, here: &str) -> Option<String> {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let programs = skip_without_postgres(package, here)?;
    let server = SERVER.get_or_init(|| match Server::start(programs) {
        Ok(server) => server,
        Err(error) => panic!("{error}"),
    });
    match server.database() {
        Ok(url) => Some(url),
        Err(error) => panic!("{error}"),
    }
}

/// The programs of this machine's PostgreSQL, or `None` after the test was counted as skipped.
///
/// # Panics
///
/// When there is none and `KITELOGIK_REQUIRE_ALL` asks for it.
pub fn skip_without_postgres(package: &str, here: &str) -> Option<Programs> {
    let found = find();
    if found.is_none() {
        let path = here.trim_end_matches("::here").replace("::{{closure}}", "");
        skip(
            &format!("{package} {path}"),
            "PostgreSQL; Debian's package is `postgresql`",
        );
    }
    found
}
