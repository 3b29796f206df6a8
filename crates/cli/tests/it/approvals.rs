//! `kitelogik approvals`: people who decide, in a shell.

use std::io::{BufRead, BufReader};

use kitelogik_core::{
    Approval, ApprovalRequest, Approver, GovernanceEvent, PolicyDecision, SessionContext,
    ToolCallInput,
};
use kitelogik_ledger::Ledger;
use serde_json::{Map, Value, json};

use crate::shell::Shell;

/// What becomes of a refund that the agent of sam@example.com asks for, in the ledger of the shell's folder.
pub(crate) fn ask(shell: &Shell, arguments: Value) -> Approval {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let address = format!("sqlite:{}", shell.path("kitelogik.db").display());
        let ledger = Ledger::open(&address).await.unwrap();
        let Value::Object(arguments) = arguments else {
            panic!("no object");
        };
        let event = GovernanceEvent::ToolCall(ToolCallInput::new("approve_refund", arguments));
        let context = SessionContext::new("s1")
            .principal("sam@example.com")
            .tenant("acme");
        let document = json!({"hitl_reason": ["refunds over 100 need a person"]});
        let decision = PolicyDecision::from_result(&document, "data.kitelogik.main").unwrap();
        let request = ApprovalRequest::new(&event, &context, &decision);
        let answer = ledger
            .approvals()
            .pending()
            .approve(&request)
            .await
            .unwrap();
        ledger.close().await.unwrap();
        answer
    })
}

fn refund(shell: &Shell) -> String {
    let refund = json!({"customer_id": "cust_001", "amount": 150});
    ask(shell, refund).request().to_owned()
}

#[test]
fn a_request_is_listed_shown_and_approved() {
    let shell = Shell::new();
    let id = refund(&shell);
    let listed = shell.run(&["approvals", "list"]).code(0).stdout;
    assert!(
        listed.starts_with(&format!("{id}  pending, 14 min 5")),
        "{listed}"
    );
    assert!(
        listed.contains("sam@example.com wants approve_refund {\"amount\":150,"),
        "{listed}"
    );
    let shown = shell.run(&["approvals", "show", &id]).code(0).stdout;
    for line in [
        "  why         refunds over 100 need a person",
        "  session     s1 for sam@example.com as no role, tenant acme",
        "    amount: 150",
        "    customer_id: \"cust_001\"",
    ] {
        assert!(shown.contains(&format!("{line}\n")), "{line} in {shown}");
    }
    shell
        .run(&["approvals", "approve", &id, "--as", "ann", "--note", "fine"])
        .code(0);
    let shown = shell
        .run(&["approvals", "show", &id, "--json"])
        .code(0)
        .json();
    assert_eq!(shown["request"]["state"], "approved");
    assert_eq!(shown["request"]["decisions"][0]["by"], "ann");
    assert_eq!(shown["request"]["decisions"][0]["note"], "fine");
    let steps = shown["history"].as_array().unwrap();
    assert_eq!(steps[1]["transition"], "approved");
    assert_eq!(
        shell.run(&["approvals", "list"]).code(1).stdout,
        "no requests\n"
    );
    assert!(matches!(
        ask(&shell, json!({"customer_id": "cust_001", "amount": 150})),
        Approval::Granted { .. }
    ));
}

#[test]
fn a_list_that_is_cut_says_so() {
    let shell = Shell::new();
    for amount in [150, 160] {
        ask(&shell, json!({"customer_id": "cust_001", "amount": amount}));
    }
    let cut = shell.run(&["approvals", "list", "--limit", "1"]).code(0);
    assert_eq!(cut.stdout.lines().count(), 1);
    assert!(cut.stderr.contains("there are more"), "{}", cut.stderr);
    let whole = shell.run(&["approvals", "list", "--limit", "2"]).code(0);
    assert_eq!(whole.stdout.lines().count(), 2);
    assert_eq!(whole.stderr, "");
    shell.run(&["approvals", "list", "--limit", "0"]).code(2);
}

#[test]
fn what_may_not_be_is_refused_with_its_code() {
    let shell = Shell::new();
    let id = refund(&shell);
    let refused = |arguments: &[&str]| {
        let mut line = vec!["approvals"];
        line.extend(arguments);
        line.push("--json");
        let ended = shell.run(&line).code(1);
        ended.json()["refused"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        refused(&["approve", &id, "--as", "SAM@example.com"]),
        "own_call"
    );
    assert_eq!(
        refused(&["approve", &id, "--tenant", "globex"]),
        "not_found"
    );
    assert_eq!(refused(&["show", "apr_none"]), "not_found");
    let same = format!(
        "--arguments={}",
        json!({"customer_id": "cust_001", "amount": 150})
    );
    assert_eq!(
        refused(&["edit", &id, &same, "--as", "ann"]),
        "not_editable"
    );
    shell
        .run(&["approvals", "deny", &id, "--as", "ann"])
        .code(0);
    assert_eq!(refused(&["approve", &id, "--as", "bo"]), "not_pending");
    let plain = shell
        .run(&["approvals", "approve", &id, "--as", "bo"])
        .code(1);
    assert_eq!(
        plain.stdout,
        format!("refused: request `{id}` is denied and cannot be decided any more\n")
    );
}

#[test]
fn an_edited_request_is_told_to_the_agent() {
    let shell = Shell::new();
    let id = refund(&shell);
    shell
        .run(&[
            "approvals",
            "edit",
            &id,
            "--set",
            "amount=100",
            "--as",
            "ann",
        ])
        .code(0);
    let wanted = Map::from_iter([
        ("customer_id".to_owned(), json!("cust_001")),
        ("amount".to_owned(), json!(100)),
    ]);
    assert!(matches!(
        ask(&shell, json!({"customer_id": "cust_001", "amount": 150})),
        Approval::Edited { arguments, .. } if arguments == wanted
    ));
    let slip = refund(&Shell::new());
    let ended = shell
        .run(&["approvals", "edit", &slip, "--set", "amount=100"])
        .code(1);
    assert!(ended.stdout.starts_with("refused: no request"), "{ended:?}");
}

#[test]
fn an_argument_that_the_call_has_not_is_a_slip() {
    let shell = Shell::new();
    let id = refund(&shell);
    for set in ["amuont=100", "amount"] {
        shell
            .run(&["approvals", "edit", &id, "--set", set, "--as", "ann"])
            .code(2);
    }
    shell.run(&["approvals", "list"]).code(0);
}

#[test]
fn watching_one_request_ends_when_it_is_decided() {
    let shell = Shell::new();
    let id = refund(&shell);
    let first = shell
        .run(&["approvals", "watch", "--count", "1", "--json"])
        .code(0);
    assert_eq!(first.json()["id"], *id);
    let watching = shell
        .command()
        .args(["approvals", "watch", &id])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    shell
        .run(&["approvals", "approve", &id, "--as", "ann"])
        .code(0);
    let ended = watching.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    let text = String::from_utf8(ended.stdout).unwrap();
    assert!(text.starts_with(&format!("{id}  approved")), "{text}");
}

#[test]
fn watching_tells_of_a_request_that_waits_once() {
    let shell = Shell::new();
    let id = refund(&shell);
    let mut watching = shell
        .command()
        .args(["approvals", "watch", "--count", "2", "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut state = || {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(line["id"], *id);
        line["state"].clone()
    };
    assert_eq!(state(), "pending");
    shell
        .run(&["approvals", "approve", &id, "--as", "ann"])
        .code(0);
    assert_eq!(state(), "approved");
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}

#[test]
fn nothing_in_a_request_reaches_the_terminal_as_it_is() {
    let shell = Shell::new();
    let hostile = "\u{1b}[2J\u{202e}evil\n";
    let id = ask(&shell, json!({"note": hostile, hostile: 1}))
        .request()
        .to_owned();
    for arguments in [
        vec!["approvals", "list", "--color", "never"],
        vec!["approvals", "show", &id, "--color", "never"],
        vec!["approvals", "list", "--json"],
        vec![
            "approvals",
            "approve",
            &id,
            "--as",
            "a\u{1b}nn",
            "--note",
            hostile,
        ],
        vec!["approvals", "show", &id, "--color", "never"],
    ] {
        let ended = shell.run(&arguments).code(0);
        assert!(!ended.stdout.contains(['\u{1b}', '\u{202e}']), "{ended:?}");
    }
}

#[test]
fn where_there_is_no_ledger_none_is_made() {
    let shell = Shell::new();
    shell
        .run(&["approvals", "list"])
        .code(2)
        .tells("there is no ledger");
    assert!(!shell.path("kitelogik.db").exists());
}
