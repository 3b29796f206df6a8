//! `kitelogik eval`.

mod policies;

use serde_json::{Value, json};

use crate::shell::Shell;

const ALLOWED: &str = r#"{"action": "approve_refund", "args": {"amount": 42}, "context": {"user_role": "support_agent"}}"#;
const DENIED: &str = r#"{"action": "approve_refund", "args": {"amount": 5000}, "context": {"user_role": "support_agent"}}"#;

fn verdicts(decisions: &[Value]) -> Vec<&str> {
    decisions
        .iter()
        .map(|decision| decision["verdict"].as_str().unwrap())
        .collect()
}

#[test]
fn a_decision_is_printed_for_people() {
    let shell = Shell::with_refunds();
    let refund = |amount: &str| {
        let amount = format!("amount={amount}");
        shell.run(&[
            "eval",
            "--action",
            "approve_refund",
            "--role",
            "support_agent",
            "--arg",
            &amount,
        ])
    };
    insta::assert_snapshot!(refund("42").code(0).stdout, @r"
    allow approve_refund
      reason       = allowed by policy
      risk_tier    = OPERATIONAL
      rule_matched = data.kitelogik.main.allow
    ");
    insta::assert_snapshot!(refund("5000").code(1).stdout, @r"
    deny approve_refund
      reason       = Refunds over $200 require manager approval
      risk_tier    = OPERATIONAL
      rule_matched = data.kitelogik.main.deny[_]
      rules        = block_large_refunds
    ");
    assert!(
        refund("150")
            .code(1)
            .stdout
            .starts_with("require_approval approve_refund\n")
    );
    assert!(
        shell
            .run(&["eval", "--action", "other"])
            .code(1)
            .stdout
            .starts_with("refuse other\n")
    );
}

#[test]
fn json_is_the_whole_decision() {
    let shell = Shell::with_refunds();
    let mut decision = shell
        .run_with(&["eval", "-i", "-", "--json"], DENIED.as_bytes())
        .code(1)
        .json();
    for varying in ["decision_id", "revision"] {
        decision.as_object_mut().unwrap().remove(varying).unwrap();
    }
    assert_eq!(
        decision,
        json!({
            "verdict": "deny", "allow": false, "deny": true, "requires_hitl": false,
            "risk_tier": "OPERATIONAL",
            "reason": "Refunds over $200 require manager approval",
            "rule_matched": "data.kitelogik.main.deny[_]",
            "rules": ["block_large_refunds"],
            "engine": "embedded", "engine_decision_id": null, "fallback": null,
            "fail_closed": null, "detail": null, "approval": null, "resolution_trace": [],
        })
    );
}

#[test]
fn json_lines_give_one_decision_a_line_in_order() {
    let shell = Shell::with_refunds();
    let other = r#"{"tool_name": "other"}"#;
    shell.write(
        "events.jsonl",
        format!("{ALLOWED}\n\n{DENIED}\r\n{other}\n{ALLOWED}"),
    );
    let ended = shell.run(&["eval", "-i", "events.jsonl", "--json"]).code(1);
    assert_eq!(
        verdicts(&ended.json_lines()),
        ["allow", "deny", "refuse", "allow"]
    );
    let ended = shell.run(&["eval", "-i", "events.jsonl"]).code(1);
    let first: Vec<&str> = ended
        .stdout
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(first, ["allow", "deny", "refuse", "allow"]);

    shell.write("allowed.jsonl", format!("{ALLOWED}\n{ALLOWED}\n"));
    shell.run(&["eval", "-i", "allowed.jsonl"]).code(0);
}

#[test]
fn one_document_may_have_many_lines_or_one() {
    let shell = Shell::with_refunds();
    let pretty =
        serde_json::to_string_pretty(&serde_json::from_str::<Value>(DENIED).unwrap()).unwrap();
    let block = shell
        .run_with(&["eval", "-i", "-"], pretty.as_bytes())
        .code(1)
        .stdout;
    assert!(
        block.starts_with("deny approve_refund\n  reason"),
        "{block}"
    );
    assert_eq!(
        shell
            .run_with(&["eval", "-i", "-"], DENIED.as_bytes())
            .code(1)
            .stdout,
        block
    );
    let ended = shell.run_with(&["eval", "-i", "-"], format!("\n\n{DENIED}\n\n").as_bytes());
    assert_eq!(ended.code(1).stdout, block);
}

#[test]
fn a_bad_line_ends_the_batch_with_its_number_after_what_went_before() {
    let shell = Shell::with_refunds();
    for bad in [
        r#"{"action": "a", "arg": {}}"#,
        r#"{"action": "a", "action": "b"}"#,
        "not json",
        "[]",
    ] {
        shell.write("events.jsonl", format!("{ALLOWED}\n\n{bad}\n{ALLOWED}\n"));
        let ended = shell.run(&["eval", "-i", "events.jsonl", "--json"]).code(2);
        assert_eq!(verdicts(&ended.json_lines()), ["allow"], "{bad}");
        assert!(
            ended.stderr.starts_with("error: events.jsonl, line 3: "),
            "{ended:?}"
        );
    }
}

#[test]
fn unknown_keys_are_errors_that_name_them() {
    let shell = Shell::with_refunds();
    let event = r#"{"action": "approve_refund", "context": {"role": "support_agent"}}"#;
    shell
        .run_with(&["eval", "-i", "-"], event.as_bytes())
        .code(2)
        .tells("unknown key `context.role`");
}

#[test]
fn every_flag_reaches_its_place_in_the_input_document() {
    let shell = Shell::new();
    shell.write(
        "echo.rego",
        "package kitelogik.main\ndeny contains json.marshal(input)\n",
    );
    let input = |arguments: &[&str]| -> Value {
        let mut all = vec!["eval", "-p", "echo.rego", "--no-builtin", "--json"];
        all.extend_from_slice(arguments);
        let decision = shell.run(&all).code(1).json();
        serde_json::from_str(decision["reason"].as_str().unwrap()).unwrap()
    };
    assert_eq!(
        input(&[
            "--action",
            "approve_refund",
            "--tool",
            "pay_back",
            "--role",
            "support_agent",
            "--scope",
            "a",
            "--scope",
            "b",
            "--arg",
            "amount=42.5",
            "--arg",
            "id=007",
            "--arg",
            "text=\"42\"",
            "--args",
            r#"{"deep": {"x": [1]}}"#,
            "--resource",
            "/srv/x",
            "--tenant",
            "acme",
            "--principal",
            "ada",
            "--session",
            "s1",
            "--sandbox-verified",
            "--depth",
            "2",
            "--classification",
            "internal",
            "--context",
            "budget_total_tokens=9",
            "--context",
            "token_id=t1",
        ]),
        json!({
            "event_type": "tool_call", "action": "approve_refund", "tool_name": "pay_back",
            "args": {"amount": 42.5, "id": "007", "text": "42", "deep": {"x": [1]}},
            "resource_path": "/srv/x", "data_classification": "internal",
            "context": {
                "session_id": "s1", "principal": "ada", "user_role": "support_agent",
                "session_scopes": ["a", "b"], "sandbox_verified": true, "token_id": "t1",
                "delegation_depth": 2, "parent_token_id": "", "parent_session_id": "",
                "tenant_id": "acme", "budget_total_tokens": 9, "budget_used_tokens": null,
                "budget_total_api_calls": null, "budget_used_api_calls": null,
                "budget_total_cost_cents": null, "budget_used_cost_cents": null,
            },
        })
    );
    let plan = input(&[
        "--event",
        "agent.plan",
        "--step",
        "a",
        "--step",
        r#"{"action": "b", "args": {"x": 1}}"#,
    ]);
    assert_eq!(
        plan["steps"],
        json!([{"action": "a", "args": {}}, {"action": "b", "args": {"x": 1}}])
    );
    assert_eq!(plan["context"]["delegation_depth"], Value::Null);
    let handoff = input(&[
        "--event",
        "agent.delegate",
        "--target",
        "b",
        "--capability",
        "c",
    ]);
    assert_eq!(handoff["delegation_target"], json!("b"));
    assert_eq!(handoff["requested_capabilities"], json!(["c"]));
}

#[test]
fn flags_that_say_nothing_clear_are_errors() {
    let shell = Shell::with_refunds();
    for (arguments, want) in [
        (&["--role", "r"][..], "there is no event"),
        (&["--action", "a", "--arg", "x"], "write `--arg NAME=VALUE`"),
        (
            &["--action", "a", "--arg", "x=1", "--arg", "x=2"],
            "`x` is given twice",
        ),
        (
            &["--action", "a", "--args", r#"{"x": 1}"#, "--arg", "x=2"],
            "`x` is given twice",
        ),
        (
            &["--action", "a", "--args", r#"{"x": 1, "x": 2}"#],
            "duplicate key",
        ),
        (&["--action", "a", "--args", "[]"], "must be a JSON object"),
        (&["--action", "a", "--arg", "x={\"a\":"], "is not JSON"),
        (
            &["--action", "a", "--context", "role=x"],
            "unknown key `context.role`",
        ),
        (&["--event", "agent.fly"], "`event_type` is `agent.fly`"),
        (&["--action", "a", "--step", "b"], "unknown key `steps`"),
    ] {
        let mut all = vec!["eval"];
        all.extend_from_slice(arguments);
        let ended = shell.run(&all).code(2);
        assert!(ended.stderr.contains(want), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn text_of_policies_and_events_cannot_hide_or_break_the_line() {
    let shell = Shell::new();
    shell.write(
        "sly.rego",
        "package kitelogik.userpolicy\ndeny contains concat(\"\", [\"no\\nallow x\", input.args.t])\n",
    );
    let sly = "\u{1b}[2Jclear \u{202e}drowssap \u{200b}\u{e0041}";
    let event = json!({"action": format!("a\u{1b}[31m{sly}"), "args": {"t": sly}}).to_string();
    for arguments in [
        &["eval", "-p", "sly.rego", "-i", "-"][..],
        &["eval", "-p", "sly.rego", "-i", "-", "--json"],
    ] {
        let ended = shell.run_with(arguments, event.as_bytes()).code(1);
        assert!(
            !ended
                .stdout
                .chars()
                .any(|character| kitelogik_core::text::is_hidden(character) && character != '\n'),
            "{ended:?}"
        );
        assert!(
            !ended.stdout.lines().any(|line| line.starts_with("allow")),
            "{ended:?}"
        );
    }
}
