//! A policy as files for an OPA server.

use std::fs;
use std::path::Path;

use crate::{Policy, PolicyError};

/// Tells a directory that was written here from one that a person keeps files in. OPA does not load it.
const MARKER: &str = ".kitelogik-policy";

pub(crate) fn write(policy: &Policy, directory: &Path) -> Result<(), PolicyError> {
    let failed = |action: &'static str| {
        move |cause| PolicyError::Io {
            action,
            path: directory.to_owned(),
            cause,
        }
    };
    refuse_foreign(directory)?;
    let parent = match directory.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(failed("create"))?;
    let made = tempfile::Builder::new()
        .prefix(".kitelogik-")
        .tempdir_in(parent)
        .map_err(failed("create"))?;
    let whole = made.path().join("policy");
    fill(policy, &whole).map_err(failed("write"))?;
    if directory.exists() {
        fs::rename(directory, made.path().join("previous")).map_err(failed("replace"))?;
    }
    fs::rename(&whole, directory).map_err(failed("write"))
}

fn refuse_foreign(directory: &Path) -> Result<(), PolicyError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => {
            return Err(PolicyError::Io {
                action: "read",
                path: directory.to_owned(),
                cause,
            });
        }
    };
    if entries.count() == 0 || directory.join(MARKER).is_file() {
        return Ok(());
    }
    Err(PolicyError::File {
        path: directory.to_owned(),
        problem:
            "is not empty and was not written by this program: give an empty or a new directory"
                .to_owned(),
    })
}

fn fill(policy: &Policy, directory: &Path) -> std::io::Result<()> {
    fs::create_dir(directory)?;
    for (index, module) in policy.modules().iter().enumerate() {
        // Names come from users: only a number and plain letters of them become a file's name.
        let plain: String = module
            .place
            .trim_end_matches(".rego")
            .chars()
            .map(|letter| {
                if letter.is_ascii_alphanumeric() {
                    letter
                } else {
                    '_'
                }
            })
            .take(80)
            .collect();
        // `_test.rego` and `_test` data are skipped by tools.
        let name = format!("{index:04}_{plain}_.rego");
        fs::write(directory.join(name), module.text())?;
    }
    let mut data = serde_json::to_vec_pretty(policy.data())?;
    data.push(b'\n');
    fs::write(directory.join("data.json"), data)?;
    fs::write(directory.join(MARKER), format!("{}\n", policy.revision()))
}
