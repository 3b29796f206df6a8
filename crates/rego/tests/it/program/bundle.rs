//! The built-in bundle, compiled and interpreted, over calls of every kind.

use std::collections::BTreeSet;

use kitelogik_core::{
    AgentBudget, AgentDelegate, AgentPlan, AgentSpawn, Arguments, BudgetUsage, DataClassification,
    GovernanceEvent, PlanStep, PolicyInput, SessionContext, ToolCallInput,
};
use kitelogik_policy::Policy;
use kitelogik_rego::{Answer, Interpreter, MAX_DEPTH, Program, read};
use serde_json::{Map, Value, json};

use super::{BYTES, LIMITS, TIME, code};

const RULES: &str = r#"
package kitelogik.userpolicy

allow if {
	input.action == "approve_refund"
	"approve_refund_under_100" in input.context.session_scopes
	input.args.amount <= 100
}

deny contains "Refunds over $200 require manager approval" if {
	input.action == "approve_refund"
	input.args.amount > 200
}

hitl contains "a person decides" if {
	input.tool_name in {"approve_refund", "send"}
	input.args.amount > 100
	not input.context.user_role == "manager"
}

rules contains "named" if input.action == "approve_refund"
"#;

const YAML: &str = r#"
version: 1
rules:
  - name: allow_reads
    when: {action: [read_file, fetch], role: clerk}
    then: allow
  - name: deny_large
    when: {action: approve_refund, args: {amount: {gte: 500}}}
    then: deny
    reason: too much
    risk_tier: DESTRUCTIVE
"#;

const TEXTS: [&str; 40] = [
    "cust_001",
    "",
    "as agreed",
    "/srv/data/report.txt",
    "../../etc/passwd",
    "/etc/shadow",
    "~/.ssh/id_rsa",
    "https://example.com/a?b=c",
    "http://127.0.0.1/x",
    "http://localhost:80",
    "http://0x7f.1/",
    "http://[::1]/",
    "http://[::ffff:10.0.0.1]/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "127.0.0.1:80/x",
    "a.b.internal",
    "%2e%2e/%2e%2e/",
    "..%2f..%2f",
    "%c0%ae%c0%ae/",
    "C:\\Windows\\System32",
    "\\\\server\\share",
    "config/.env",
    "file.env.bak",
    "keys/server.pem",
    "//169.254.169.254/latest",
    "http://2130706433/",
    "http://user@host@10.0.0.1/",
    "ßtraße/ÖÄÜ",
    "．．／．．／etc",
    "data:text/html;base64,AAAA",
    "gopher://x",
    "http://metadata.google.internal/",
    "a b/c",
    "./run.sh",
    "https://10.1.2.3:8443/p#f",
    "mailto:a@b.c",
    "x\u{202e}/y",
    "\u{0}bad/nul",
    "http://ⓛocalhost/",
];

fn calls() -> Vec<(GovernanceEvent, SessionContext)> {
    let clerk = SessionContext::new("s1")
        .role("clerk")
        .scopes(["approve_refund_under_100", "restricted_data"]);
    let deep = SessionContext::new("s2")
        .role("manager")
        .delegated_from(&clerk)
        .budget_tokens(10)
        .budget_api_calls(5);
    let mut unknown = clerk.clone();
    unknown.delegation_depth = None;
    let mut calls = Vec::new();
    let mut call = |context: &SessionContext, call: ToolCallInput| {
        calls.push((GovernanceEvent::ToolCall(call), context.clone()));
    };
    let object = |value: Value| -> Map<String, Value> { value.as_object().unwrap().clone() };
    for context in [&clerk, &deep, &unknown] {
        for amount in [
            json!(0),
            json!(42.5),
            json!(100),
            json!(150),
            json!(250),
            json!(600),
            json!("9"),
            json!(null),
        ] {
            for action in [
                "approve_refund",
                "send",
                "read_file",
                "execute_shell",
                "query_memory",
            ] {
                call(
                    context,
                    ToolCallInput::new(
                        action,
                        object(json!({"amount": amount, "customer_id": "cust_001"})),
                    ),
                );
            }
        }
    }
    for text in TEXTS {
        call(
            &clerk,
            ToolCallInput::new(
                "fetch",
                object(json!({"url": text, "inner": {"list": [text, 1]}})),
            ),
        );
        call(
            &clerk,
            ToolCallInput::new("read_file", object(json!({text: "a", "session_id": text}))),
        );
        call(
            &deep,
            ToolCallInput {
                action: "read_file".to_owned(),
                tool_name: "Execute_Code".to_owned(),
                args: Arguments::from(Map::new()),
                resource_path: Some(text.to_owned()),
                data_classification: Some(DataClassification::Restricted),
            },
        );
    }
    let capabilities = vec!["approve_refund_under_100".to_owned(), "other".to_owned()];
    for context in [&clerk, &deep, &unknown] {
        for action in [None, Some("spawn_it".to_owned())] {
            calls.push((
                GovernanceEvent::AgentSpawn(AgentSpawn {
                    action: action.clone(),
                    requested_capabilities: capabilities.iter().take(1).cloned().collect(),
                    data_classification: Some(DataClassification::Confidential),
                }),
                context.clone(),
            ));
            calls.push((
                GovernanceEvent::AgentDelegate(AgentDelegate {
                    action: action.clone(),
                    delegation_target: Some("other".to_owned()),
                    requested_capabilities: capabilities.clone(),
                    ..AgentDelegate::default()
                }),
                context.clone(),
            ));
            calls.push((
                GovernanceEvent::AgentBudget(AgentBudget {
                    action: action.clone(),
                    ..AgentBudget::default()
                }),
                context.clone(),
            ));
            calls.push((
                GovernanceEvent::AgentPlan(AgentPlan {
                    action,
                    steps: vec![PlanStep::new(
                        "approve_refund",
                        object(json!({"amount": 5})),
                    )],
                    ..AgentPlan::default()
                }),
                context.clone(),
            ));
        }
    }
    calls
}

fn compiled(policy: &Policy) -> (Interpreter, Program) {
    let modules = policy
        .modules()
        .iter()
        .map(|module| (module.name(), module.text()));
    let interpreter = Interpreter::compile(modules, policy.data(), policy.entry_point()).unwrap();
    let program = interpreter.program().unwrap();
    (interpreter, program)
}

#[test]
fn the_built_in_bundle_decides_every_call_but_plans_without_the_interpreter() {
    let policy = Policy::builder()
        .rego("refunds.rego", RULES)
        .yaml("rules.yaml", YAML)
        .build()
        .unwrap();
    let (interpreter, program) = compiled(&policy);
    let left: Vec<String> = program
        .interpreted()
        .iter()
        .map(ToString::to_string)
        .collect();
    println!("left to the interpreter: {left:#?}");
    let mut verdicts = BTreeSet::new();
    for (event, context) in calls() {
        let usage = BudgetUsage {
            tokens: Some(11),
            api_calls: Some(1),
            cost_cents: None,
        };
        let input = PolicyInput::new(&event, &context, usage);
        let document = serde_json::to_string(&input).unwrap();
        let interpreted = interpreter
            .run(&read(&input, BYTES, MAX_DEPTH).unwrap(), TIME, BYTES)
            .map_err(code);
        match program.run(&input, LIMITS) {
            Answer::Decided(answer) => {
                let answer = answer.map_err(code);
                assert_eq!(answer, interpreted, "{document}");
                verdicts.insert(
                    answer
                        .map(|answer| answer["allow"].clone().to_string())
                        .unwrap_or_default(),
                );
            }
            Answer::Interpret(why) => assert!(
                matches!(event, GovernanceEvent::AgentPlan(_)),
                "{document}: {:?}",
                why.map(|why| left[why].clone())
            ),
        }
    }
    assert!(verdicts.len() >= 2, "{verdicts:?}");
}

#[test]
fn a_program_reads_each_field_as_the_document_has_it() {
    let policy = Policy::builder()
        .without_builtin_bundle()
        .rego("main.rego", "package kitelogik.main\n\nwhole := input\n\nfields[name] := input[name] if some name, _ in input\n\ncontext[name] := input.context[name] if some name, _ in input.context\n\ndirect contains x if x := [input.event_type, input.action, input.tool_name, input.args, input.resource_path, input.context.session_id, input.context.principal, input.context.user_role, input.context.session_scopes, input.context.sandbox_verified, input.context.token_id, input.context.delegation_depth, input.context.parent_token_id, input.context.parent_session_id, input.context.tenant_id, input.context.budget_total_tokens, input.context.budget_used_tokens, input.context.budget_total_api_calls, input.context.budget_used_api_calls, input.context.budget_total_cost_cents, input.context.budget_used_cost_cents]")
        .build()
        .unwrap();
    let (interpreter, program) = compiled(&policy);
    for (event, context) in calls() {
        let input = PolicyInput::new(&event, &context, (&context).into());
        let interpreted = interpreter
            .run(&read(&input, BYTES, MAX_DEPTH).unwrap(), TIME, BYTES)
            .unwrap();
        match program.run(&input, LIMITS) {
            Answer::Decided(answer) => assert_eq!(answer.unwrap(), interpreted),
            Answer::Interpret(_) => assert!(matches!(event, GovernanceEvent::AgentPlan(_))),
        }
    }
}

#[test]
fn rules_that_stand_too_deep_within_each_other_are_left_to_the_interpreter() {
    let mut text = String::from("package kitelogik.main\n\nrule_0 if input.action == \"a\"\n");
    for number in 1..2000 {
        text.push_str(&format!(
            "\nrule_{number} if {{\n\tcount([rule_{}]) == 1\n\tevery x in [1] {{ x == 1 }}\n}}\n",
            number - 1
        ));
    }
    let modules = [("main.rego", text.as_str())];
    let interpreter =
        Interpreter::compile(modules, &json!({}), "data.kitelogik.main.rule_1999").unwrap();
    let program = interpreter.program().unwrap();
    let event = GovernanceEvent::ToolCall(ToolCallInput::new("a", Map::new()));
    let context = SessionContext::default();
    let input = PolicyInput::new(&event, &context, BudgetUsage::default());
    assert_eq!(program.run(&input, LIMITS), Answer::Interpret(None));
}

#[test]
fn a_program_reads_the_clock_once_in_each_decision() {
    let text = "package kitelogik.main\n\nnow := time.now_ns()\n\nsame if now == time.now_ns()";
    let modules = [("main.rego", text)];
    let interpreter = Interpreter::compile(modules, &json!({}), "data.kitelogik.main").unwrap();
    let program = interpreter.program().unwrap();
    assert!(program.interpreted().is_empty());
    let event = GovernanceEvent::ToolCall(ToolCallInput::new("a", Map::new()));
    let context = SessionContext::default();
    let input = PolicyInput::new(&event, &context, BudgetUsage::default());
    let mut before = 0;
    for _ in 0..2 {
        let decided = match program.run(&input, LIMITS) {
            Answer::Decided(decided) => decided.ok(),
            Answer::Interpret(_) => None,
        };
        let answer = decided.unwrap();
        assert_eq!(answer["same"], true);
        let now = answer["now"].as_u64().unwrap();
        assert!(now > before);
        before = now;
    }
}
