//! The policies to begin from: each passes its own tests, with the built-in bundle, on both engines.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use kitelogik_policy::{Policy, PolicyBuilder, Starter, TestRunner, starters};

use crate::engine::opa;

fn rules(starter: &Starter) -> PolicyBuilder {
    with(starter, |name| {
        name.ends_with(".rego") && !name.ends_with("_test.rego")
    })
}

fn with(starter: &Starter, wanted: impl Fn(&str) -> bool) -> PolicyBuilder {
    starter
        .files
        .iter()
        .filter(|(name, _)| wanted(name))
        .fold(Policy::builder(), |builder, (name, text)| {
            builder.rego(*name, *text)
        })
}

#[test]
fn every_starter_loads_without_a_warning_and_says_what_it_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("starters");
    let there: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let told: BTreeSet<String> = starters().iter().map(|one| one.name.to_owned()).collect();
    assert_eq!(told, there);
    for starter in starters() {
        let policy = rules(starter).build().unwrap();
        assert!(policy.warnings().is_empty(), "{:?}", policy.warnings());
        assert!(starter.description.len() > 40 && !starter.description.contains('\n'));
    }
}

#[test]
fn every_starter_passes_its_tests_in_process() {
    for starter in starters() {
        let tests = with(starter, |name| name.ends_with(".rego"));
        let report = TestRunner::new(tests).unwrap().run().unwrap();
        assert!(report.passed(), "{}: {}", starter.name, report.text(false));
        assert!(report.counts.total() >= 4, "{}", starter.name);
    }
}

#[test]
fn every_starter_is_strict_rego_for_opa_and_passes_its_tests_there() {
    for starter in starters() {
        let folder = tempfile::tempdir().unwrap();
        let (policy, tests) = (folder.path().join("policy"), folder.path().join("tests"));
        rules(starter).build().unwrap().write_to(&policy).unwrap();
        fs::create_dir(&tests).unwrap();
        for (name, text) in starter.files {
            if name.ends_with("_test.rego") {
                fs::write(tests.join(name), text).unwrap();
            }
        }
        let own = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("starters")
            .join(starter.name)
            .display()
            .to_string();
        let (policy, tests) = (policy.display().to_string(), tests.display().to_string());
        for arguments in [
            vec!["check", "--strict", &policy, &tests],
            vec!["test", "--fail-on-empty", &policy, &tests],
            vec!["fmt", "--fail", &own],
        ] {
            if let Some(output) = opa(&arguments) {
                assert!(
                    output.status.success(),
                    "{}: opa {arguments:?}\n{}{}",
                    starter.name,
                    String::from_utf8_lossy(&output.stdout),
                    String::from_utf8_lossy(&output.stderr)
                );
            }
        }
    }
}
