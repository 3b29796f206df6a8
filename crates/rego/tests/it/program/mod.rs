//! Programs give the answers of the interpreter, and of OPA.

mod bound;
mod bundle;
mod event;
mod numbered;
mod opa;
mod policy;
mod reduction;
mod replaced;
mod ruled_out;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use kitelogik_core::{
    BudgetUsage, EngineError, FailClosed, GovernanceEvent, PolicyInput, SessionContext,
    ToolCallInput,
};
use kitelogik_opa_process::opa_or_skip;
use kitelogik_rego::{Answer, Interpreter, Limits, MAX_DEPTH, read};
use serde_json::Value;

use self::event::Random;
use self::opa::Opa;
use self::reduction::{Reductions, judged};

const TIME: Duration = Duration::from_secs(10);
const BYTES: usize = 1 << 20;
const LIMITS: Limits = Limits {
    time: TIME,
    input_bytes: BYTES,
    input_depth: MAX_DEPTH,
    result_bytes: BYTES,
};

/// A document, or the code with which there is none.
type Outcome = Result<Value, FailClosed>;

fn code(fault: kitelogik_rego::Fault) -> FailClosed {
    EngineError::from(fault).code()
}

/// The policies of a run, each with twenty events: others, and more of them, with `KITELOGIK_PROGRAM_FIRST` and
/// `KITELOGIK_PROGRAM_POLICIES`.
fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| -> Option<u64> { std::env::var(name).ok()?.parse().ok() };
    let first = number("KITELOGIK_PROGRAM_FIRST").unwrap_or(0);
    first..first + number("KITELOGIK_PROGRAM_POLICIES").unwrap_or(1_500)
}

#[test]
fn random_policies_give_the_same_answers_compiled_and_interpreted() {
    let mut opa = opa_or_skip!().map(|found| Opa::start(&found));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    let mut interpreting = 0;
    let mut failures = Vec::new();
    for seed in seeds() {
        let policy = policy::policy(seed);
        let modules = policy
            .modules
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()));
        let Ok(interpreter) = Interpreter::compile(modules, &policy.data, "data.kitelogik.main")
        else {
            *counts.entry("policies that do not compile").or_default() += 1;
            continue;
        };
        let program = interpreter.program().unwrap();
        let whole = interpreter.program().unwrap().without_index();
        let mut random = Random::new(seed ^ 0xffff);
        let mut reductions = Reductions::of(&program);
        let mut loaded = None;
        let mut failed = None;
        for _ in 0..20 {
            let (event, context) = event::event(&mut random);
            let input = PolicyInput::new(&event, &context, BudgetUsage::default());
            let document = serde_json::to_value(input).unwrap();
            let value = read(&input, BYTES, MAX_DEPTH).unwrap();
            let interpreted = interpreter.run(&value, TIME, BYTES);
            let detail = format!("{:?}", interpreted.as_ref().err());
            let interpreted: Outcome = interpreted.map_err(code);
            let reduced = reductions.run(&input, &value);
            let told;
            let answer = program.run(&input, LIMITS);
            let left_to_it = matches!(answer, Answer::Interpret(_));
            let compiled: Outcome = match answer {
                Answer::Interpret(why) => {
                    interpreting += 1;
                    let why = why.map_or("depth or comparison".to_owned(), |why| {
                        program.interpreted()[why].what.clone()
                    });
                    told = why.clone();
                    *left.entry(why).or_default() += 1;
                    // It is the engine's answer as well.
                    reduced.clone().unwrap_or_else(|| interpreted.clone())
                }
                Answer::Decided(result) => {
                    told = format!("{:?}", result.as_ref().err());
                    result.map_err(code)
                }
            };
            let whole = match whole.run(&input, LIMITS) {
                // The rule that the interpreter is needed for is ruled out by the index.
                Answer::Interpret(_) => interpreted.clone(),
                Answer::Decided(result) => result.map_err(code),
            };
            let asked = opa.as_mut().and_then(|opa| {
                let loaded = loaded.get_or_insert_with(|| opa.load(&policy.modules, &policy.data));
                let asked = loaded.then(|| opa.ask(&document)).flatten();
                *loaded = asked.is_some();
                asked
            });
            let as_opa = |answer: &Outcome| matches!((answer, &asked), (Ok(answer), Some(Ok(asked))) if same(answer, asked));
            let (kind, fine) = if compiled == interpreted {
                match (&compiled, &asked) {
                    (Ok(_), Some(Ok(_))) if as_opa(&compiled) => {
                        ("documents: all three equal", true)
                    }
                    (Ok(_), None) => (
                        "documents: compiled and interpreted equal, not loaded by OPA",
                        true,
                    ),
                    (Ok(_), Some(Err(_))) if left_to_it && errs_alone(&policy, &input) => (
                        "documents: an error that the interpreter does not come to",
                        true,
                    ),
                    (Ok(_), Some(Err(_))) => (
                        "documents: compiled and interpreted equal, OPA has an error",
                        false,
                    ),
                    (Ok(_), _) => ("documents: compiled and interpreted equal, OPA not", false),
                    (Err(_), Some(Ok(_))) => {
                        ("errors: compiled and interpreted, OPA has a document", true)
                    }
                    (Err(_), _) => ("errors: equal", true),
                }
            } else if as_opa(&compiled) {
                ("documents: as OPA, not as the interpreter", true)
            } else if compiled.is_ok() && whole.is_err() && whole == interpreted && asked.is_none()
            {
                (
                    "documents: an error in a rule that the index rules out",
                    true,
                )
            } else if compiled.is_err() && matches!(asked, Some(Err(_))) {
                ("errors: as OPA, not as the interpreter", true)
            } else if asked.is_none() {
                (
                    "not judged: they differ, and OPA does not take the policy",
                    true,
                )
            } else if compiled.is_err() {
                ("errors: compiled alone", true)
            } else if interpreted.is_err() {
                ("NO ERROR where the interpreter has one", false)
            } else {
                ("DIFFERENT", false)
            };
            *counts.entry(kind).or_default() += 1;
            let beside = judged(reduced.as_ref(), &interpreted, asked.as_ref());
            *counts.entry(beside.0).or_default() += 1;
            // What the program decides, no interpreter does.
            let by_interpreter = fine || left_to_it;
            let (mut kind, mut fine) = if fine { beside } else { (kind, fine) };
            if !fine
                && by_interpreter
                && matches!(asked, Some(Err(_)))
                && errs_alone(&policy, &input)
            {
                (kind, fine) = ("an error that the interpreter does not come to", true);
            }
            if !fine && failed != Some(seed) {
                failed = Some(seed);
                failures.push(format!(
                    "{kind}, seed {seed}: {detail} {told}\ncompiled {compiled:?}\nwhole {whole:?}\nreduced {reduced:?}\ninterpreted {interpreted:?}\nOPA {asked:?}\ninput {document}\n{}",
                    policy.modules[0].1
                ));
            }
        }
    }
    println!("{counts:#?}\nleft to the interpreter, {interpreting} in all: {left:#?}");
    assert!(
        failures.is_empty(),
        "{} differ:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
    if std::env::var_os("KITELOGIK_PROGRAM_FIRST").is_some() {
        // A few policies elsewhere may well be special ones.
        return;
    }
    let count = |kind| counts.get(kind).copied().unwrap_or_default();
    // Each answer is counted once more, for its reduction.
    let all = counts.values().sum::<usize>() / 2;
    assert!(interpreting < all / 5);
    assert!(count("reduced: as interpreted") > all / 3);
    assert!(count("reduced: as OPA, where the interpreter has an error") > 0);
    assert!(count("errors: compiled alone") < all / 200);
    assert!(count("not judged: they differ, and OPA does not take the policy") < all / 50);
}

/// Whether one of the rules is an error by itself where it is compiled: the interpreter has an order of its own for the
/// conditions of a body, and one that fails spares it those that come after.
fn errs_alone(policy: &policy::Policy, input: &PolicyInput<'_>) -> bool {
    (0..10).any(|number| {
        let modules = policy
            .modules
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()));
        let rule = format!("data.kitelogik.main.rule_{number}");
        let interpreter = Interpreter::compile(modules, &policy.data, &rule).unwrap();
        let answer = interpreter.program().unwrap().run(input, LIMITS);
        matches!(answer, Answer::Decided(Err(ref fault)) if code(fault.clone()) == FailClosed::EvaluationError)
    })
}

/// As JSON has it, where 1 and 1.0 are one number.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            // What 53 bits do not hold is told as the number next to it.
            let fractions = one.is_f64() || other.is_f64();
            one.as_f64()
                .zip(other.as_f64())
                .is_some_and(|(one, other)| {
                    one == other
                        || fractions && (one.next_up() == other || one.next_down() == other)
                })
        }
        // A number in a text is written as it was read.
        (Value::String(one), Value::String(other)) => {
            one.replace("1.0", "1") == other.replace("1.0", "1")
        }
        (Value::Array(one), Value::Array(other)) => {
            // The members of a set are in each engine's own order.
            one.len() == other.len()
                && one
                    .iter()
                    .all(|one| other.iter().any(|other| same(one, other)))
        }
        (Value::Object(one), Value::Object(other)) => {
            // A number as a key is written as it was read: `1` or `1.0`.
            let by_key = |object: &serde_json::Map<String, Value>| -> BTreeMap<String, Value> {
                let entries = object.iter();
                entries
                    .map(|(key, value)| {
                        let key = key.replace("1.0", "1");
                        (key, value.clone())
                    })
                    .collect()
            };
            let (one, other) = (by_key(one), by_key(other));
            one.len() == other.len()
                && one
                    .iter()
                    .zip(&other)
                    .all(|((key, one), (other_key, other))| key == other_key && same(one, other))
        }
        _ => one == other,
    }
}

/// What the whole interpreter says, the one that is reduced to what the event can reach, and the program where it gets past.
fn outcomes(text: &str, data: &Value, arguments: &Value) -> Vec<Outcome> {
    let interpreter =
        Interpreter::compile([("main.rego", text)], data, "data.kitelogik.main").unwrap();
    let program = interpreter.program().unwrap();
    let arguments = arguments.as_object().unwrap().clone();
    let event = GovernanceEvent::ToolCall(ToolCallInput::new("read", arguments));
    let context = SessionContext::default();
    let input = PolicyInput::new(&event, &context, BudgetUsage::default());
    let document = read(&input, BYTES, MAX_DEPTH).unwrap();
    let whole = interpreter.run(&document, TIME, BYTES).map_err(code);
    let reduced = Reductions::of(&program).run(&input, &document);
    let compiled = match program.run(&input, LIMITS) {
        Answer::Decided(decided) => Some(decided.map_err(code)),
        Answer::Interpret(_) => None,
    };
    [Some(whole), reduced, compiled]
        .into_iter()
        .flatten()
        .collect()
}
