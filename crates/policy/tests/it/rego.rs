//! The Rego tests beside the bundle, in process and in OPA.

use std::path::{Path, PathBuf};

use regorus::{Engine, Value};

use crate::engine::opa;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rego")
}

#[test]
fn the_bundles_own_tests_pass_in_the_interpreter() {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    let mut tests = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            engine
                .add_data(Value::from_json_str(&text).unwrap())
                .unwrap();
            continue;
        }
        let package = engine
            .add_policy(path.display().to_string(), text.clone())
            .unwrap();
        let names = text.lines().filter(|line| line.starts_with("test_"));
        tests.extend(names.map(|line| format!("{package}.{}", line.split(' ').next().unwrap())));
    }
    assert!(tests.len() > 20, "only {} tests were found", tests.len());
    for test in tests {
        let result = engine
            .eval_rule(test.clone())
            .unwrap_or_else(|error| panic!("{test}: {error}"));
        assert_eq!(result, Value::from(true), "{test}");
    }
}

#[test]
fn the_bundle_is_strict_rego_for_opa_and_its_tests_pass_there() {
    let folder = folder().display().to_string();
    for arguments in [
        ["check", "--strict", &folder],
        ["test", "--fail-on-empty", &folder],
        ["fmt", "--fail", &folder],
    ] {
        if let Some(output) = opa(&arguments) {
            assert!(
                output.status.success(),
                "opa {arguments:?}\n{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}
