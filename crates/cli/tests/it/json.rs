//! `--json` is JSON, whatever is asked.

use kitelogik_core::Masking;
use serde_json::json;

use crate::approvals::ask;
use crate::record::record;
use crate::shell::Shell;

#[test]
fn every_command_prints_json_where_it_is_asked_to() {
    let shell = Shell::with_refunds();
    record(&shell, &[50, 150, 300], Masking::none());
    let refund = json!({"customer_id": "cust_001", "amount": 150});
    let request = ask(&shell, refund).request().to_owned();
    let newest = ["audit", "query", "--limit", "1", "-q"];
    let newest = shell.run(&newest).code(0).stdout;
    let decision = newest.split(' ').next().unwrap();
    shell.write("event.json", r#"{"action": "approve_refund"}"#);
    for arguments in [
        &["init", "agent"][..],
        &["check"],
        &["test"],
        &["eval", "-i", "event.json"],
        &["explain", "-i", "event.json"],
        &["diff", "policies", "policies", "-i", "event.json"],
        &["bundle", "build", "policies", "-o", "bundle.tar.gz"],
        &["bundle", "verify", "bundle.tar.gz"],
        &["sanitize", "event.json"],
        &["approvals", "list"],
        &["approvals", "show", &request],
        &["approvals", "approve", &request],
        &["approvals", "deny", &request],
        &["audit", "query"],
        &["audit", "show", decision],
        &["audit", "stats"],
        &["audit", "verify"],
        &["audit", "report"],
        &["audit", "report", "-o", "report.html"],
        &["audit", "export"],
        &["audit", "export", "--format", "chain", "-o", "chain.jsonl"],
        &["audit", "verify", "--file", "chain.jsonl"],
        &["audit", "checkpoint"],
        &["audit", "checkpoint", "-o", "checkpoint.json"],
        &["audit", "retain", "--before", "0s"],
        &["replay", "--policy", "policies"],
        &["serve", "token", "new", "bo"],
        &["serve", "token", "list"],
        &["serve", "token", "revoke", "bo"],
        &["completions", "bash"],
    ] {
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        let ended = shell.run(&arguments);
        assert!(ended.code < 2, "{arguments:?}: {ended:?}");
        assert!(!ended.json_lines().is_empty(), "{arguments:?}: {ended:?}");
    }
}
