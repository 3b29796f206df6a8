//! OPA's own conformance cases, on the embedded engine: OPA's answer, or none.
//!
//! They lie in OPA's Go module, not here. Built-in errors are strict, as the embedded engine has it, also in cases that
//! are about errors being ignored; what is written in the old Rego is refused when it is loaded. `known.yaml` is the
//! reviewed list of cases with another answer.

mod case;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kitelogik_core::{BudgetUsage, GovernanceEvent, PolicyInput, SessionContext, ToolCallInput};
use kitelogik_opa_process::case_files_or_skip;
use kitelogik_rego::{Answer, Fault, Interpreter, Limits, MAX_DEPTH, read};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::case::Case;

const TIME: Duration = Duration::from_secs(10);
const BYTES: usize = 1 << 20;

/// A case whose answer is another one here, and why that is left so.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    note: String,
    #[expect(dead_code, reason = "for the reader of the table")]
    reason: String,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// OPA's answer, or an error as there.
    Equal,
    /// The policy is not taken, and OPA has an answer.
    NotLoaded,
    /// An error, which is a denial, and OPA has an answer.
    Failed,
    /// The program leaves it to the interpreter.
    Interpreted,
    Different(String),
}

#[test]
fn opa_s_own_cases_have_opa_s_answer_or_none() {
    let Some(folder) = case_files_or_skip(concat!(module_path!(), "::opa_s_own_cases")) else {
        return;
    };
    let cases = case::all(&folder);
    assert!(cases.len() > 4_000, "only {} cases", cases.len());
    let mut different: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (engine, run) in [
        ("interpreter", interpreted as fn(&Case) -> Outcome),
        ("program", compiled),
    ] {
        let mut counts: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
        for case in &cases {
            let kind = match run(case) {
                Outcome::Equal => "equal",
                Outcome::NotLoaded => "refused when loaded",
                Outcome::Failed => "refused when evaluated",
                Outcome::Interpreted => "left to the interpreter",
                Outcome::Different(what) => {
                    let found = different.entry(&case.note).or_default();
                    found.push(format!("{engine}: {what}"));
                    "different"
                }
            };
            let version = usize::from(case.note.starts_with("v1/"));
            counts.entry(kind).or_default()[version] += 1;
        }
        assert!(counts["equal"][1] > 1_300, "only {counts:?}");
        println!("OPA's own cases, {engine}: [in Rego v0, in Rego v1] {counts:?}");
    }
    let known: Vec<Known> = yaml_serde::from_str(include_str!("known.yaml")).unwrap();
    let known: BTreeSet<&str> = known.iter().map(|known| known.note.as_str()).collect();
    let new: Vec<String> = different
        .iter()
        .filter(|(note, _)| !known.contains(*note))
        .map(|(note, what)| format!("{note}: {}", what.join("; ")))
        .collect();
    assert!(new.is_empty(), "{} differ:\n{}", new.len(), new.join("\n"));
    let stale: Vec<&&str> = known
        .iter()
        .filter(|note| !different.contains_key(**note))
        .collect();
    assert!(stale.is_empty(), "these do not differ: {stale:?}");
}

fn compile(case: &Case, modules: &[(String, String)]) -> Result<Interpreter, Outcome> {
    let modules = modules
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    Interpreter::compile(modules, &case.question.data, &case.question.entry_point).map_err(|_| {
        match case.want {
            Some(_) => Outcome::NotLoaded,
            None => Outcome::Equal,
        }
    })
}

fn judged(case: &Case, answer: Result<Value, Fault>) -> Outcome {
    let value = match answer {
        Ok(value) => Some(value),
        Err(Fault::Undefined) => None,
        Err(Fault::Panic) => return Outcome::Different("a panic".to_owned()),
        Err(_) if case.want.is_none() => return Outcome::Equal,
        Err(_) => return Outcome::Failed,
    };
    let rows = case.question.rows(value);
    let shown = |rows: &[Map<String, Value>]| json!(rows).to_string();
    match &case.want {
        None => Outcome::Different(format!("{}, OPA has an error", shown(&rows))),
        Some(_) if case.is_met_by(rows.clone()) => Outcome::Equal,
        Some(want) => Outcome::Different(format!("{}, OPA {}", shown(&rows), shown(want))),
    }
}

fn interpreted(case: &Case) -> Outcome {
    let interpreter = match compile(case, &case.question.modules) {
        Ok(interpreter) => interpreter,
        Err(outcome) => return outcome,
    };
    let input = match &case.question.input {
        Some(input) => read(input, BYTES, MAX_DEPTH),
        None => Ok(kitelogik_rego::Value::Undefined),
    };
    judged(
        case,
        input.and_then(|input| interpreter.run(&input, TIME, BYTES)),
    )
}

fn compiled(case: &Case) -> Outcome {
    let (modules, args) = case.question.of_event();
    let interpreter = match compile(case, &modules) {
        Ok(interpreter) => interpreter,
        Err(outcome) => return outcome,
    };
    let program = interpreter.program().unwrap();
    let event = GovernanceEvent::ToolCall(ToolCallInput::new("case", args));
    let context = SessionContext::default();
    let input = PolicyInput::new(&event, &context, BudgetUsage::default());
    let limits = Limits {
        time: TIME,
        input_bytes: BYTES,
        input_depth: MAX_DEPTH,
        result_bytes: BYTES,
    };
    match program.run(&input, limits) {
        Answer::Decided(answer) => judged(case, answer),
        Answer::Interpret(_) => Outcome::Interpreted,
    }
}
