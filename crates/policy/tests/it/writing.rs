//! The files an OPA server loads.

use std::fs;

use kitelogik_policy::{Policy, PolicyError};
use serde_json::{Value, json};

use crate::engine::opa;

const USER: &str =
    "package kitelogik.userpolicy\n\nallow if input.args.amount <= data.refunds.limit\n";

fn policy() -> Policy {
    Policy::builder()
        .rego("../../a b/user_test.rego", USER)
        .data(json!({"refunds": {"limit": 100}}))
        .build()
        .unwrap()
}

#[test]
fn what_is_written_loads_as_the_same_policy() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("new/opa");
    policy().write_to(&place).unwrap();
    let data: Value =
        serde_json::from_str(&fs::read_to_string(place.join("data.json")).unwrap()).unwrap();
    assert_eq!(&data, policy().data());
    let rego = fs::read_dir(&place).unwrap().filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .path()
            .extension()
            .is_some_and(|extension| extension == "rego")
    });
    assert_eq!(rego.count(), policy().modules().len());
    let place = place.display().to_string();
    if let Some(output) = opa(&[
        "eval",
        "--fail",
        "-d",
        &place,
        "data.kitelogik.main.requires_hitl == false",
    ]) {
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
}

#[test]
fn a_directory_is_replaced_only_if_it_was_written_here() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("opa");
    policy().write_to(&place).unwrap();
    fs::write(place.join("stale.rego"), "package stale\n").unwrap();
    policy().write_to(&place).unwrap();
    assert!(!place.join("stale.rego").exists());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let foreign = folder.path().join("mine");
    fs::create_dir(&foreign).unwrap();
    policy().write_to(&foreign).unwrap();
    fs::remove_dir_all(&foreign).unwrap();
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("thesis.txt"), "years of work").unwrap();
    assert!(matches!(
        policy().write_to(&foreign),
        Err(PolicyError::File { .. })
    ));
    assert!(foreign.join("thesis.txt").exists());
}
