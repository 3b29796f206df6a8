use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kitelogik_opa_process::{FindError, Lookup, VERSION};

#[test]
fn opa_bin_comes_before_path_and_path_before_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let named = program(&folder.path().join("named"), VERSION);
    let on_path = program(&folder.path().join("path/opa"), VERSION);
    let cached = program(&folder.path().join("cache/opa"), VERSION);
    let mut lookup = Lookup {
        opa_bin: Some(named.clone().into()),
        path: Some(on_path.parent().unwrap().into()),
        cached: Some(cached.clone()),
    };
    assert_eq!(lookup.find().unwrap().path(), named);
    lookup.opa_bin = None;
    assert_eq!(lookup.find().unwrap().path(), on_path);
    lookup.path = None;
    assert_eq!(lookup.find().unwrap().path(), cached);
}

#[test]
fn opa_bin_with_another_version_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let old = program(&folder.path().join("old"), "0.70.0");
    let cached = program(&folder.path().join("cache/opa"), VERSION);
    let lookup = Lookup {
        opa_bin: Some(old.clone().into()),
        path: None,
        cached: Some(cached),
    };
    let error = lookup.find().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "`OPA_BIN` must name OPA {VERSION}, but `{}` is OPA 0.70.0; correct it or unset it",
            old.display()
        ),
    );
}

#[test]
fn opa_bin_that_is_not_there_or_not_opa_is_an_error() {
    let lookup = Lookup {
        opa_bin: Some("/nowhere/opa".into()),
        ..Lookup::default()
    };
    assert!(
        lookup
            .find()
            .unwrap_err()
            .to_string()
            .contains("`/nowhere/opa` cannot be run")
    );
    let folder = tempfile::tempdir().unwrap();
    let other = script(&folder.path().join("other"), "echo hello");
    let lookup = Lookup {
        opa_bin: Some(other.into()),
        ..Lookup::default()
    };
    assert!(
        lookup
            .find()
            .unwrap_err()
            .to_string()
            .contains("does not answer `version` as OPA does")
    );
}

#[test]
fn another_version_on_path_is_passed_over_with_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let old = program(&folder.path().join("path/opa"), "0.70.0");
    let mut lookup = Lookup {
        opa_bin: None,
        path: Some(old.parent().unwrap().into()),
        cached: None,
    };
    let error = lookup.find().unwrap_err();
    assert_eq!(
        error,
        FindError::Absent {
            passed_over: vec![format!("`{}` is OPA 0.70.0", old.display())]
        }
    );
    let cached = program(&folder.path().join("cache/opa"), VERSION);
    lookup.cached = Some(cached.clone());
    assert_eq!(lookup.find().unwrap().path(), cached);
}

#[test]
fn a_longer_version_that_starts_alike_is_another_version() {
    let folder = tempfile::tempdir().unwrap();
    let lookup = Lookup {
        cached: Some(program(
            &folder.path().join("opa"),
            &format!("{VERSION}-dev"),
        )),
        ..Lookup::default()
    };
    assert!(lookup.find().is_err());
}

#[test]
fn without_any_opa_the_error_names_the_four_ways() {
    let error = Lookup::default().find().unwrap_err().to_string();
    for way in ["OPA_BIN", "PATH", "cargo xtask opa provide", "cache", "Go"] {
        assert!(error.contains(way), "{error}");
    }
}

fn program(path: &Path, version: &str) -> PathBuf {
    script(path, &format!("echo 'Version: {version}'"))
}

fn script(path: &Path, body: &str) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_owned()
}
