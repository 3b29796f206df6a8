//! Where OPA's own conformance cases are on this machine.

use std::env;
use std::path::PathBuf;

use crate::{VERSION, skip};

/// The folder of OPA's own conformance cases, in the module cache of Go; `cargo xtask opa provide` brings them there.
///
/// They are not part of this repository.
pub fn case_files() -> Option<PathBuf> {
    let named = |name| env::var_os(name).filter(|value| !value.is_empty());
    let modules = named("GOMODCACHE").map(PathBuf::from).or_else(|| {
        let work = match named("GOPATH") {
            Some(paths) => env::split_paths(&paths).next()?,
            None => env::home_dir()?.join("go"),
        };
        Some(work.join("pkg").join("mod"))
    })?;
    let cases = modules
        .join("github.com/open-policy-agent")
        .join(format!("opa@v{VERSION}"))
        .join("v1/test/cases/testdata");
    cases.is_dir().then_some(cases)
}

/// [`case_files`], or `None` after `test` was counted as skipped.
///
/// # Panics
///
/// When there are none and `KITELOGIK_REQUIRE_ALL` asks for them.
pub fn case_files_or_skip(test: &str) -> Option<PathBuf> {
    let found = case_files();
    if found.is_none() {
        skip(
            test,
            &format!(
                "the conformance cases of OPA {VERSION}; `cargo xtask opa provide` brings them with Go"
            ),
        );
    }
    found
}
