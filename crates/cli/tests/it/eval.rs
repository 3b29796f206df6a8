//! `kitelogik eval`.

use kitelogik_opa_process::opa_or_skip;
use serde_json::{Value, json};

use crate::shell::{REFUNDS, Shell};

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
    let ended = shell
        .run_with(&["eval", "-i", "-"], event.as_bytes())
        .code(2);
    assert!(
        ended.stderr.contains("unknown key `context.role`"),
        "{ended:?}"
    );
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
fn a_policy_comes_from_files_directories_data_and_standard_input() {
    let shell = Shell::new();
    shell.write(
        "one/a.rego",
        "package kitelogik.userpolicy\nallow if input.action in data.allowed\n",
    );
    shell.write(
        "b.rego",
        "package kitelogik.userpolicy\ndeny contains \"no b\" if input.action == \"b\"\n",
    );
    shell.write("lists.json", r#"{"allowed": ["a", "b"]}"#);
    let eval = |action: &str| {
        shell.run(&[
            "eval",
            "-p",
            "one",
            "-p",
            "b.rego",
            "--data",
            "lists.json",
            "--action",
            action,
        ])
    };
    eval("a").code(0);
    eval("b").code(1);
    shell
        .run_with(
            &["eval", "-p", "one", "--data", "-", "--action", "z"],
            br#"{"allowed": ["z"]}"#,
        )
        .code(0);
    shell
        .run_with(
            &[
                "eval",
                "-p",
                "-",
                "--action",
                "approve_refund",
                "--role",
                "support_agent",
                "--arg",
                "amount=1",
            ],
            REFUNDS.as_bytes(),
        )
        .code(0);
    let ended = shell.run(&["eval", "-p", "-", "-i", "-"]).code(2);
    assert!(
        ended.stderr.contains("standard input can be read once"),
        "{ended:?}"
    );
    let ended = shell
        .run(&["eval", "-p", "-", "--data", "-", "--action", "a"])
        .code(2);
    assert!(
        ended.stderr.contains("standard input can be read once"),
        "{ended:?}"
    );
}

#[test]
fn the_built_in_bundle_is_there_unless_it_is_replaced_or_left_out() {
    let shell = Shell::new();
    shell.write("all.rego", "package kitelogik.userpolicy\nallow := true\n");
    let passwd = ["--action", "read_file", "--resource", "/etc/passwd"];
    let eval = |policy: &[&str]| {
        let mut arguments = vec!["eval"];
        arguments.extend_from_slice(policy);
        arguments.extend_from_slice(&passwd);
        shell.run(&arguments)
    };
    eval(&["-p", "all.rego"]).code(1);
    shell.write("main.rego", "package kitelogik.main\nallow := true\n");
    eval(&["-p", "main.rego", "--no-builtin"]).code(0);
    let ended = eval(&["-p", "main.rego"]).code(2);
    assert!(ended.stderr.contains("`--no-builtin`"), "{ended:?}");
    shell.write(
        "security.rego",
        "package kitelogik.security\nallow := true\n",
    );
    let ended = eval(&["-p", "main.rego", "-p", "security.rego"]).code(0);
    assert!(
        ended
            .stderr
            .starts_with("warning: the policy brings its own"),
        "{ended:?}"
    );
    let ended = eval(&["-p", "main.rego", "-p", "security.rego", "--quiet"]).code(0);
    assert_eq!(ended.stderr, "");
}

#[test]
fn what_the_policy_could_not_answer_is_an_error_and_no_verdict() {
    let shell = Shell::new();
    shell.write(
        "broken.rego",
        "package kitelogik.userpolicy\nallow if input.args.x / 0 == 1\n",
    );
    let ended = shell
        .run(&["eval", "-p", "broken.rego", "--action", "a", "--arg", "x=1"])
        .code(2);
    assert!(
        ended.stdout.contains("  fail_closed  = evaluation_error\n"),
        "{ended:?}"
    );
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

#[test]
fn an_opa_server_can_be_asked_instead() {
    let Some(opa) = opa_or_skip!() else { return };
    let shell = Shell::with_refunds();
    let server = opa
        .server()
        .module("main.rego", "package kitelogik.main\nimport data.kitelogik.userpolicy\nallow if userpolicy.allow\ndeny contains reason if some reason in userpolicy.deny\n")
        .module("refunds.rego", REFUNDS)
        .start()
        .unwrap();
    let eval = |amount: &str| {
        let amount = format!("amount={amount}");
        shell.run(&[
            "eval",
            "--engine",
            "opa",
            "--url",
            &server.url(),
            "--action",
            "approve_refund",
            "--role",
            "support_agent",
            "--arg",
            &amount,
        ])
    };
    eval("42").code(0);
    assert!(eval("5000").code(1).stdout.contains("Refunds over $200"));
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let shell = Shell::new();
    let ended = shell
        .run(&[
            "eval",
            "--engine",
            "opa",
            "--url",
            "http://127.0.0.1:9",
            "--action",
            "a",
        ])
        .code(2);
    assert!(
        ended.stdout.contains("fail_closed  = engine_unreachable"),
        "{ended:?}"
    );
    let ended = shell
        .run(&["eval", "--engine", "opa", "-p", "x", "--action", "a"])
        .code(2);
    assert!(
        ended.stderr.contains("the server has the policy"),
        "{ended:?}"
    );
}
