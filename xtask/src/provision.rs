//! Gets OPA in the pinned version, by building it if need be.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use kitelogik_opa_process::{FindError, Lookup, Opa, VERSION, case_files, version_of};

use crate::cargo::succeed;

/// The OPA of this machine; built into the cache with Go where there is none.
///
/// # Errors
///
/// When `OPA_BIN` does not fit, or there is neither an OPA nor a Go to build one with.
pub(crate) fn provide() -> Result<Opa> {
    let lookup = Lookup::from_env();
    let missing = match lookup.find() {
        Ok(opa) => return Ok(opa),
        Err(error @ FindError::Unfit { .. }) => return Err(error.into()),
        Err(error @ FindError::Absent { .. }) => error,
    };
    if let FindError::Absent { passed_over } = &missing {
        passed_over
            .iter()
            .for_each(|note| eprintln!("note: {note}, and {VERSION} is needed: passed over"));
    }
    let Some(program) = &lookup.cached else {
        bail!("{missing}; there is no cache folder either: neither XDG_CACHE_HOME nor HOME is set");
    };
    if !go_is_present() {
        bail!("{missing}; Go is not present");
    }
    build(program)?;
    Ok(lookup.find()?)
}

/// OPA's own conformance cases, in the module cache of Go.
///
/// # Errors
///
/// When Go is there and cannot download them. Without Go, the tests that need them are skipped.
pub(crate) fn provide_cases() -> Result<()> {
    if case_files().is_some() {
        return Ok(());
    }
    if !go_is_present() {
        eprintln!("note: OPA's conformance cases are not here, and Go, which brings them, neither");
        return Ok(());
    }
    succeed(
        Command::new("go")
            .args([
                "mod",
                "download",
                &format!("github.com/open-policy-agent/opa@v{VERSION}"),
            ])
            .current_dir(std::env::temp_dir())
            .env_remove("GOFLAGS")
            .stdin(Stdio::null()),
    )
}

fn go_is_present() -> bool {
    let mut go = Command::new("go");
    go.arg("version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    go.status().is_ok_and(|status| status.success())
}

/// Builds beside the cache and moves the result into place, so that the cache never holds half a program.
fn build(program: &Path) -> Result<()> {
    let folder = program.parent().context("the cache is a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let workshop = tempfile::Builder::new()
        .prefix("build-")
        .tempdir_in(folder)
        .with_context(|| format!("cannot make a folder in `{}`", folder.display()))?;
    eprintln!("building OPA {VERSION} with Go: about two minutes the first time");
    let begin = Instant::now();
    succeed(
        Command::new("go")
            .args([
                "install",
                &format!("github.com/open-policy-agent/opa@v{VERSION}"),
            ])
            .current_dir(workshop.path())
            .env("GOBIN", workshop.path())
            .env("CGO_ENABLED", "0")
            // Meant for the caller's own modules; a cross-compiled program would not run here.
            .env_remove("GOFLAGS")
            .env_remove("GOOS")
            .env_remove("GOARCH")
            .stdin(Stdio::null()),
    )?;
    let built = workshop
        .path()
        .join(program.file_name().context("the cache names a file")?);
    match version_of(&built) {
        Ok(version) if version == VERSION => {}
        Ok(version) => bail!("Go built OPA {version} in place of {VERSION}"),
        Err(what) => bail!("the OPA that Go built {what}"),
    }
    fs::rename(&built, program)
        .with_context(|| format!("cannot put OPA at `{}`", program.display()))?;
    eprintln!("built in {:.0?}", begin.elapsed());
    Ok(())
}
