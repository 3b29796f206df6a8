//! Directories and files: what is loaded, and what is left out.

use std::fs;
use std::path::Path;

use kitelogik_policy::{Policy, PolicyError};
use serde_json::json;
use tempfile::TempDir;

const USER: &str = "package kitelogik.userpolicy\n\nallow if input.action == \"get_customer\"\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn own(policy: &Policy, folder: &Path) -> Vec<String> {
    let start = format!("{}/", folder.display());
    policy
        .modules()
        .iter()
        .filter(|module| !module.is_builtin())
        .map(|module| {
            module
                .name()
                .strip_prefix(&start)
                .unwrap_or(module.name())
                .to_owned()
        })
        .collect()
}

#[test]
fn a_directory_is_loaded_without_tests_hidden_and_backup_files() {
    let broken = "this is not Rego";
    let folder = folder(&[
        ("user.rego", USER),
        ("deep/er/more.rego", "package acme\n\nx := 1\n"),
        ("user_test.rego", broken),
        (".hidden.rego", broken),
        (".git/x.rego", broken),
        ("user.rego~", broken),
        ("user.rego.bak", broken),
        ("old.rego.orig", broken),
        (".user.rego.swp", broken),
        ("#user.rego#", broken),
        ("README.md", "words"),
    ]);
    let policy = Policy::load(folder.path()).unwrap();
    assert_eq!(
        own(&policy, folder.path()),
        ["deep/er/more.rego", "user.rego"]
    );
    assert!(policy.warnings().is_empty(), "{:?}", policy.warnings());
}

#[test]
fn data_files_are_rooted_at_their_folder_and_others_are_named_in_a_warning() {
    let folder = folder(&[
        ("user.rego", USER),
        ("data.json", r#"{"refunds": {"limit": 100}}"#),
        ("regions/eu/data.yaml", "limit: 50\n"),
        ("tools.json", "[]"),
        ("limits.yaml", "refunds: 1\n"),
    ]);
    let policy = Policy::load(folder.path()).unwrap();
    assert_eq!(policy.data()["refunds"], json!({"limit": 100}));
    assert_eq!(policy.data()["regions"], json!({"eu": {"limit": 50}}));
    assert_eq!(policy.warnings().len(), 2, "{:?}", policy.warnings());
}

#[test]
fn a_folder_is_no_way_around_the_limits() {
    let folder = folder(&[
        ("user.rego", USER),
        ("kitelogik/userpolicy/data.json", r#"{"allow": true}"#),
    ]);
    let error = Policy::load(folder.path()).unwrap_err();
    assert!(
        error.to_string().contains("data must grant nothing"),
        "{error}"
    );
}

#[test]
fn a_directory_without_rego_is_no_policy() {
    let folder = folder(&[("data.json", "{}"), ("only_test.rego", USER)]);
    let error = Policy::load(folder.path()).unwrap_err();
    assert!(matches!(error, PolicyError::NoPolicy { .. }));
    assert!(error.to_string().starts_with("no policy in `"), "{error}");
}

#[test]
fn a_file_is_loaded_for_what_its_name_says() {
    let folder = folder(&[
        ("user.rego", USER),
        ("data.yml", "limit: 1\n"),
        ("tools.json", "{}"),
        ("x.txt", "x"),
    ]);
    let policy = Policy::load(folder.path().join("user.rego")).unwrap();
    assert_eq!(own(&policy, folder.path()), ["user.rego"]);
    assert_eq!(
        Policy::load(folder.path().join("data.yml")).unwrap().data()["limit"],
        json!(1)
    );
    for name in ["tools.json", "x.txt"] {
        assert!(
            matches!(
                Policy::load(folder.path().join(name)),
                Err(PolicyError::File { .. })
            ),
            "{name}"
        );
    }
    let builder = Policy::builder().rego("u.rego", USER);
    assert!(
        builder
            .data_file(folder.path().join("tools.json"))
            .build()
            .is_ok()
    );
}

#[test]
fn a_file_that_is_missing_or_not_utf_8_is_an_error_that_names_it() {
    let folder = folder(&[("user.rego", USER)]);
    let error = Policy::load(folder.path().join("none")).unwrap_err();
    assert!(
        matches!(error, PolicyError::Io { .. }) && error.to_string().contains("none"),
        "{error}"
    );
    // A reader who prints the whole chain must not read the cause twice.
    assert!(error.to_string().contains("No such file"), "{error}");
    assert!(std::error::Error::source(&error).is_none());
    fs::write(folder.path().join("latin.rego"), b"package x\n# caf\xe9\n").unwrap();
    let error = Policy::load(folder.path()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("latin.rego`: is not UTF-8: save it as UTF-8"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let folder = folder(&[("user.rego", USER)]);
    fs::write(
        folder.path().join("large.rego"),
        vec![b'#'; 9 * 1024 * 1024],
    )
    .unwrap();
    let error = Policy::load(folder.path()).unwrap_err();
    assert!(error.to_string().contains("larger than 8 MiB"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_within_the_directory_only() {
    use std::os::unix::fs::symlink;
    let outside = folder(&[("evil.rego", USER)]);
    let folder = folder(&[
        ("..2024/user.rego", USER),
        ("other.rego", "package acme\n\nx := 1\n"),
    ]);
    symlink("..2024", folder.path().join("..data")).unwrap();
    symlink("..data/user.rego", folder.path().join("user.rego")).unwrap();
    symlink(".", folder.path().join("loop")).unwrap();
    let policy = Policy::load(folder.path()).unwrap();
    assert_eq!(own(&policy, folder.path()), ["other.rego", "user.rego"]);

    symlink(outside.path(), folder.path().join("away")).unwrap();
    let error = Policy::load(folder.path()).unwrap_err();
    assert!(
        error.to_string().contains("links to a place outside"),
        "{error}"
    );
}

#[test]
fn the_policys_own_directory_is_protected_and_its_place_is_no_part_of_the_revision() {
    let (one, two) = (
        folder(&[("user.rego", USER)]),
        folder(&[("user.rego", USER)]),
    );
    let (first, second) = (
        Policy::load(one.path()).unwrap(),
        Policy::load(two.path()).unwrap(),
    );
    let own = fs::canonicalize(one.path())
        .unwrap()
        .display()
        .to_string()
        .to_lowercase();
    let protected = &first.limits().unwrap().security.protected_paths;
    assert!(protected.contains(&format!("{own}/")), "{protected:?}");
    assert_eq!(first.revision(), second.revision());
}

#[test]
fn a_policy_of_more_text_than_it_may_have_is_refused_wherever_the_text_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let rule = "package kitelogik.userpolicy\n\nallow if input.action == \"get_page\"\n";
    for name in ["a.rego", "b.rego", "c.rego"] {
        fs::write(folder.path().join(name), rule).unwrap();
    }
    let text = rule.len();
    let three = || Policy::builder().directory(folder.path());
    three().max_bytes(3 * text).build().unwrap();
    let refused = |builder: kitelogik_policy::PolicyBuilder| {
        let error = builder.max_bytes(3 * text).build().unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("larger than {} bytes", 3 * text)),
            "{error}"
        );
    };
    refused(three().rego("d.rego", "package kitelogik.userpolicy"));
    refused(three().yaml("d.yaml", "version: 1\nrules: []"));
    refused(three().data_json("{}"));
    refused(three().directory(folder.path()));
}
