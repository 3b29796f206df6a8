//! What a policy is made of, read once.

use std::fs;
use std::path::Path;

use kitelogik_policy::{Policy, PolicyError, Snapshot};

const MODULE: &str = "package kitelogik.userpolicy\n\nallow if input.action == \"a\"\n";

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

fn read(folder: &Path) -> Result<Snapshot, PolicyError> {
    Policy::builder().directory(folder).read()
}

#[test]
fn what_is_built_is_what_was_read_whatever_the_files_have_become() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.rego", MODULE);
    let now = Policy::load(folder.path()).unwrap();
    let snapshot = read(folder.path()).unwrap();
    write(
        folder.path(),
        "a.rego",
        "package kitelogik.userpolicy\n\nallow if true\n",
    );
    let later = snapshot.policy().build().unwrap();
    assert_eq!(later.revision(), now.revision());
    assert_eq!(later.limits(), now.limits());
}

#[test]
fn each_file_that_counts_changes_the_digest_and_no_other_does() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.rego", MODULE);
    let mut digests = vec![read(folder.path()).unwrap().digest().to_owned()];
    for (name, text) in [
        ("a_test.rego", "package a_test\n\ntest_a if true\n"),
        ("b_test.yaml", "version: 1\ntests: []\n"),
        ("data.json", "{\"limit\": 1}"),
        ("b.yaml", "version: 1\nrules: []\n"),
        (
            "a.rego",
            "package kitelogik.userpolicy\n\nallow if input.action == \"b\"\n",
        ),
    ] {
        write(folder.path(), name, text);
        let digest = read(folder.path()).unwrap().digest().to_owned();
        assert!(!digests.contains(&digest), "{name}");
        digests.push(digest);
    }
    write(folder.path(), ".hidden.rego", MODULE);
    write(folder.path(), "notes.txt", "nothing");
    assert_eq!(
        digests.last().unwrap(),
        read(folder.path()).unwrap().digest()
    );
}

#[test]
fn tests_alone_are_no_policy() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a_test.rego",
        "package a_test\n\ntest_a if true\n",
    );
    assert!(matches!(
        read(folder.path()),
        Err(PolicyError::NoPolicy { .. })
    ));
}

#[cfg(unix)]
#[test]
fn equal_files_in_another_place_are_read_from_another_place() {
    let folder = tempfile::tempdir().unwrap();
    for release in ["one", "two"] {
        let release = folder.path().join(release);
        fs::create_dir(&release).unwrap();
        write(&release, "a.rego", MODULE);
    }
    let link = folder.path().join("current");
    std::os::unix::fs::symlink("one", &link).unwrap();
    let first = read(&link).unwrap();
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("two", &link).unwrap();
    let second = read(&link).unwrap();
    assert_eq!(first.digest(), second.digest());
    assert_ne!(first.places(), second.places());
    assert_ne!(
        first.policy().build().unwrap().limits(),
        second.policy().build().unwrap().limits()
    );
}
