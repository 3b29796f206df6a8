//! Reduced interpreters give the answers of the whole one, and of OPA.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use kitelogik_core::{
    AgentSpawn, BudgetUsage, GovernanceEvent, PolicyInput, SessionContext, ToolCallInput,
};
use kitelogik_opa_process::opa_or_skip;
use kitelogik_rego::{IndexKey, Interpreter, MAX_DEPTH, Program, Value as Document, read};
use serde_json::{Map, Value, json};

use super::event::{self, Random};
use super::opa::Opa;
use super::policy::side;
use super::{BYTES, Outcome, TIME, code, same, seeds};

/// One interpreter for each key that a policy was asked with, where it has a reduction for it.
pub(super) struct Reductions<'p> {
    program: &'p Program,
    made: HashMap<IndexKey, Option<Interpreter>>,
}

impl<'p> Reductions<'p> {
    pub(super) fn of(program: &'p Program) -> Self {
        Self {
            program,
            made: HashMap::new(),
        }
    }

    pub(super) fn run(&mut self, input: &PolicyInput<'_>, document: &Document) -> Option<Outcome> {
        let key = self.program.key(input);
        let program = self.program;
        let reduced = self.made.entry(key);
        let reduced = reduced.or_insert_with_key(|key| program.reduced(key, 1));
        let answer = reduced.as_ref()?.run(document, TIME, BYTES);
        Some(answer.map_err(code))
    }
}

/// What a reduced interpreter's answer is beside those of the whole one and of OPA, and whether it may be.
pub(super) fn judged(
    reduced: Option<&Outcome>,
    interpreted: &Outcome,
    asked: Option<&Outcome>,
) -> (&'static str, bool) {
    let Some(reduced) = reduced else {
        return ("reduced: not", true);
    };
    match (reduced, interpreted, asked) {
        _ if reduced == interpreted => ("reduced: as interpreted", true),
        (Ok(reduced), Err(_), Some(Ok(asked))) if same(reduced, asked) => {
            ("reduced: as OPA, where the interpreter has an error", true)
        }
        (Ok(_), Err(_), None) => (
            "reduced: an error less, and OPA does not take the policy",
            true,
        ),
        // One of several errors.
        (Err(_), Err(_), _) => ("reduced: another error", true),
        _ => ("REDUCED, DIFFERENT", false),
    }
}

#[test]
fn random_policies_of_packages_that_ask_for_each_other_give_the_same_answers_reduced() {
    let mut opa = opa_or_skip!().map(|found| Opa::start(&found));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    let told = std::env::var_os("KITELOGIK_PROGRAM_FIRST").is_some();
    let seeds = || seeds().step_by(if told { 1 } else { 3 });
    for seed in seeds() {
        let policy = side::policy(seed);
        let modules = policy.modules.iter();
        let modules = modules.map(|(name, text)| (name.as_str(), text.as_str()));
        let interpreter =
            Interpreter::compile(modules, &policy.data, "data.kitelogik.main").unwrap();
        let program = interpreter.program().unwrap();
        let mut reductions = Reductions::of(&program);
        let mut random = Random::new(seed ^ 0xffff);
        let loaded = opa
            .as_mut()
            .map(|opa| opa.load(&policy.modules, &policy.data));
        for _ in 0..10 {
            let (event, context) = event::event(&mut random);
            let input = PolicyInput::new(&event, &context, BudgetUsage::default());
            let value = read(&input, BYTES, MAX_DEPTH).unwrap();
            let interpreted: Outcome = interpreter.run(&value, TIME, BYTES).map_err(code);
            let reduced = reductions.run(&input, &value);
            let document = serde_json::to_value(input).unwrap();
            let asked = opa.as_mut().filter(|_| loaded == Some(true));
            let asked = asked.and_then(|opa| opa.ask(&document));
            let (kind, fine) = judged(reduced.as_ref(), &interpreted, asked.as_ref());
            *counts.entry(kind).or_default() += 1;
            if interpreted.is_ok() && reduced.is_some() {
                *counts.entry("documents of both").or_default() += 1;
            }
            if !fine {
                failures.push(format!(
                    "{kind}, seed {seed}: \nreduced {reduced:?}\ninterpreted {interpreted:?}\nOPA {asked:?}\ninput \
                     {document}\n{}\n{}",
                    policy.modules[0].1, policy.modules[1].1
                ));
            }
        }
    }
    println!("{counts:#?}");
    let count = failures.len();
    assert!(count == 0, "{count} differ:\n{}", failures.join("\n\n"));
    if !told {
        let all = seeds().count() * 10;
        assert!(counts["documents of both"] > all / 4);
        assert!(counts["reduced: as OPA, where the interpreter has an error"] > 0);
    }
}

/// The interpreter and the program of a policy whose entry point is `data.main`.
fn compiled(modules: &[&str]) -> (Interpreter, Program) {
    let modules: Vec<(String, &str)> = modules
        .iter()
        .enumerate()
        .map(|(number, text)| (format!("{number}.rego"), *text))
        .collect();
    let modules = modules.iter().map(|(name, text)| (name.as_str(), *text));
    let data = json!({"known": ["pay"]});
    let interpreter = Interpreter::compile(modules, &data, "data.main").unwrap();
    let program = interpreter.program().unwrap();
    (interpreter, program)
}

fn call(action: &str) -> GovernanceEvent {
    GovernanceEvent::ToolCall(ToolCallInput::new(action, Map::new()))
}

fn reduced(program: &Program, event: &GovernanceEvent, least: usize) -> Option<Interpreter> {
    let context = SessionContext::default();
    let input = PolicyInput::new(event, &context, BudgetUsage::default());
    program.reduced(&program.key(&input), least)
}

fn answer(interpreter: &Interpreter, event: &GovernanceEvent) -> Result<Value, String> {
    let context = SessionContext::default();
    let input = PolicyInput::new(event, &context, BudgetUsage::default());
    let value = read(&input, BYTES, MAX_DEPTH).unwrap();
    let answer = interpreter.run(&value, Duration::from_secs(10), BYTES);
    answer.map_err(|fault| format!("{fault:?}"))
}

#[test]
fn a_reduction_has_only_the_rules_that_its_action_can_reach() {
    let (whole, program) = compiled(&[
        "package main\n\ndeny contains x if {\n\tinput.action == \"pay\"\n\tx := data.pay.text\n}\n\ndeny contains x if {\n\tx := data.never.text\n\tinput.action == \"read\"\n}",
        "package pay\n\ntext := \"paid\"\n\nunused := 1",
        "package never\n\ntext := \"never\"",
    ]);
    let (pay, other) = (call("pay"), call("other"));
    let for_pay = reduced(&program, &pay, 1).unwrap();
    assert_eq!(answer(&for_pay, &pay), Ok(json!({"deny": ["paid"]})));
    assert_eq!(answer(&for_pay, &pay), answer(&whole, &pay));
    // It is not for this one: what it would say shows which rules it has not.
    assert_eq!(answer(&for_pay, &call("read")), Ok(json!({"deny": []})));
    let for_others = reduced(&program, &other, 2).unwrap();
    assert_eq!(answer(&for_others, &other), Ok(json!({"deny": []})));
    assert_eq!(answer(&for_others, &pay), Ok(json!({"deny": []})));
    assert!(reduced(&program, &pay, 2).is_none(), "one rule is left out");
}

#[test]
fn all_actions_that_no_rule_asks_for_have_one_key() {
    let (_, program) = compiled(&[
        "package main\n\ndeny contains 1 if input.action == \"pay\"\n\ndeny contains 2 if input.event_type == \"agent.spawn\"",
    ]);
    let context = SessionContext::default();
    let key = |event: &GovernanceEvent| {
        program.key(&PolicyInput::new(event, &context, BudgetUsage::default()))
    };
    assert_eq!(key(&call("a")), key(&call("b")));
    assert_ne!(key(&call("a")), key(&call("pay")));
    let spawn = GovernanceEvent::AgentSpawn(AgentSpawn::default());
    assert_ne!(key(&call("a")), key(&spawn));
}

#[test]
fn what_loses_its_last_rule_is_as_empty_and_as_undefined_as_before() {
    let (whole, program) = compiled(&[
        "package main\n\nset := data.side.set\n\nobject := data.side.object\n\ndefined if data.side.value\n\ndefaulted := data.side.defaulted\n\nempty := data.empty\n\ncalled := data.side.f(1)\n\nlocal := [x | some x in {1, 2}; not hidden]\n\nhidden if input.action == \"pay\"\n\nbeside if input.action == \"pay\"",
        "package side\n\nset contains 1 if input.action == \"pay\"\n\nobject[\"a\"] := 1 if input.action == \"pay\"\n\nvalue if input.action == \"pay\"\n\ndefault defaulted := 5\n\ndefaulted := 6 if input.action == \"pay\"\n\nf(x) := x if input.action == \"pay\"",
        "package empty\n\nonly if input.action == \"pay\"",
    ]);
    for action in ["pay", "other"] {
        let event = call(action);
        let answered = answer(&whole, &event);
        let reduced = reduced(&program, &event, 0).unwrap();
        assert_eq!(answer(&reduced, &event), answered, "{action}");
        assert!(answered.is_ok());
    }
}

#[test]
fn an_error_in_a_reduction_tells_its_place_in_the_whole_policy() {
    let (whole, program) = compiled(&[
        "package main\n\n# One.\ndeny contains `a\nb` if {\n\tinput.action == \"pay\"\n}\n\n# Two.\nlimit := to_number(\"x\") if {\n\tinput.action == \"read\"\n}",
    ]);
    let event = call("read");
    let told = answer(&whole, &event).unwrap_err();
    assert!(told.contains("0.rego:11:"), "{told}");
    let reduced = reduced(&program, &event, 1).unwrap();
    assert_eq!(answer(&reduced, &event), Err(told));
}

#[test]
fn an_action_that_may_reach_rules_under_another_one_has_no_reduction() {
    for statement in [
        "helper with input.action as \"pay\"",
        "helper with input.tool_name as \"pay\"",
        "helper with input.event_type as \"pay\"",
        "helper with input as {\"action\": \"pay\"}",
        "helper with data.known as [\"read\"]",
        "count(data) > 0",
        "some name in [\"helper\"]; data.main[name]",
        "some name in [\"main\"]; data[name].helper",
    ] {
        let gated = format!(
            "package main\n\nallow if {{\n\tinput.action == \"read\"\n\t{statement}\n}}\n\nhelper if input.action == \"pay\""
        );
        let (whole, program) = compiled(&[&gated]);
        assert!(reduced(&program, &call("read"), 0).is_none(), "{statement}");
        let other = call("other");
        let for_others = reduced(&program, &other, 1).unwrap();
        assert_eq!(answer(&for_others, &other), answer(&whole, &other));
    }
    let harmless = "package main\n\nallow if {\n\tinput.action == \"read\"\n\thelper with input.args.x as 1\n}\n\nhelper if input.args.x == 1\n\nallow if input.action == \"pay\"";
    let (_, program) = compiled(&[harmless]);
    let read = call("read");
    let for_read = reduced(&program, &read, 1).unwrap();
    assert_eq!(answer(&for_read, &read), Ok(json!({"allow": true})));
}
