//! The interpreter, as strict as the embedded engine sets it, and OPA where it is there.

use std::path::PathBuf;
use std::process::Command;

use kitelogik_policy::Policy;
use regorus::{Engine, Value};

const ENTRY: &str = "package kitelogik_test\n\ndecision := data.kitelogik.main\n";

const QUESTION: &str = "data.kitelogik_test.decision";

/// A prepared engine, to be cloned for each decision: what regorus calls a compiled policy loses its data under `with`.
pub(crate) fn compile(policy: &Policy) -> Engine {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    engine
        .add_data(Value::from_json_str(&policy.data().to_string()).unwrap())
        .unwrap();
    for module in policy.modules() {
        engine
            .add_policy(module.name().to_owned(), module.text().to_owned())
            .unwrap();
    }
    engine
        .add_policy("entry.rego".to_owned(), ENTRY.to_owned())
        .unwrap();
    engine.compile_with_entrypoint(&QUESTION.into()).unwrap();
    engine
}

/// The result document for `input`, or the interpreter's error.
pub(crate) fn decide(
    policy: &Engine,
    input: &serde_json::Value,
) -> Result<serde_json::Value, String> {
    let mut engine = policy.clone();
    engine.set_input(Value::from_json_str(&input.to_string()).unwrap());
    let result = engine
        .eval_rule(QUESTION.to_owned())
        .map_err(|error| error.to_string())?;
    Ok(serde_json::to_value(&result).unwrap())
}

/// `opa` with `arguments`; `None`, loudly, where there is no OPA.
pub(crate) fn opa(arguments: &[&str]) -> Option<std::process::Output> {
    let cached = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .map(|cache| cache.join("kitelogik/opa-1.22.2/opa"));
    let places = [
        std::env::var_os("OPA_BIN").map(PathBuf::from),
        Some(PathBuf::from("opa")),
        cached,
    ];
    for place in places.into_iter().flatten() {
        if let Ok(output) = Command::new(place).args(arguments).output() {
            return Some(output);
        }
    }
    eprintln!("SKIPPED: no OPA (set OPA_BIN)");
    None
}
