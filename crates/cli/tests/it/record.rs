//! `kitelogik audit` and `kitelogik replay`: what was decided, and whether it is whole.

use kitelogik_core::{
    AuditSink, DecisionRecord, EngineError, FailClosed, GovernanceEvent, Masking, Outcome,
    PolicyDecision, SessionContext, ToolCallInput,
};
use kitelogik_ledger::Ledger;
use serde_json::{Value, json};

use crate::shell::{REFUNDS, Shell};

/// Records refunds of these amounts as the refund rules decide them, and a fault of the engine, in the ledger of the
/// shell's folder.
pub(crate) fn record(shell: &Shell, amounts: &[u64], masking: Masking) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let address = format!("sqlite:{}", shell.path("kitelogik.db").display());
        let ledger = Ledger::builder(address)
            .masking(masking)
            .open()
            .await
            .unwrap();
        let audit = ledger.audit();
        let context = SessionContext::new("support-1")
            .role("support_agent")
            .principal("sam@example.com")
            .tenant("acme");
        for amount in amounts {
            let Value::Object(args) = json!({"amount": amount, "note": "\u{202e}hidden"}) else {
                panic!("no object");
            };
            let event = GovernanceEvent::ToolCall(ToolCallInput::new("approve_refund", args));
            let decision =
                PolicyDecision::from_result(&result(*amount), "data.kitelogik.main").unwrap();
            let record = DecisionRecord::new(&event, &context, &decision);
            let id = audit.record_decision(&record).await.unwrap();
            if decision.permits() {
                audit.record_outcome(id, Outcome::Ran);
            }
        }
        let event =
            GovernanceEvent::ToolCall(ToolCallInput::new("approve_refund", serde_json::Map::new()));
        let fault = PolicyDecision::fail_closed(&EngineError::new(
            FailClosed::EngineTimeout,
            "no answer in 500 ms",
        ));
        let record = DecisionRecord::new(&event, &context, &fault);
        audit.record_decision(&record).await.unwrap();
        ledger.close().await.unwrap();
    });
}

/// What the refund rules say to a support agent.
fn result(amount: u64) -> Value {
    match amount {
        0..=100 => json!({"allow": true}),
        101..=200 => json!({"hitl_reason": ["a person looks at refunds over $100"]}),
        _ => {
            json!({"deny": ["Refunds over $200 require manager approval"], "rules": ["block_large_refunds"]})
        }
    }
}

fn recorded() -> Shell {
    let shell = Shell::with_refunds();
    record(&shell, &[50, 150, 300], Masking::none());
    shell
}

#[test]
fn decisions_are_listed_and_found_by_what_they_say() {
    let shell = recorded();
    let listed = shell.run(&["audit", "query"]).code(0).stdout;
    assert_eq!(listed.lines().count(), 4, "{listed}");
    let newest = listed.lines().next().unwrap();
    let id = newest.split(' ').next().unwrap();
    let shown = shell.run(&["audit", "show", id]).code(0).stdout;
    assert!(shown.contains("engine_timeout"), "{shown}");
    assert!(
        newest.contains("deny") && newest.contains("(engine_timeout) [never ran]"),
        "{newest}"
    );
    let denied = [
        "audit",
        "query",
        "--verdict",
        "deny",
        "--rule",
        "block_large_refunds",
    ];
    let denied = shell.run(&denied).code(0).stdout;
    assert!(
        denied.contains("support-1") && denied.ends_with("manager approval [never ran]\n"),
        "{denied}"
    );
    for filter in [
        &["--session", "other"][..],
        &["--tool", "other"],
        &["--to", "2020-01-01"],
        &["--tenant", "globex"],
        &["--tier", "DESTRUCTIVE"],
    ] {
        let mut arguments = vec!["audit", "query"];
        arguments.extend(filter);
        assert_eq!(shell.run(&arguments).code(1).stdout, "", "{filter:?}");
    }
    let recent = [
        "audit", "query", "--from", "1h", "--oldest", "--limit", "1", "--json",
    ];
    let ended = shell.run(&recent).code(0);
    assert_eq!(ended.json()["arguments"]["amount"], 50);
    assert_eq!(ended.json()["outcome"], "ran");
    let place = ended
        .stderr
        .split("--after ")
        .nth(1)
        .unwrap()
        .trim()
        .trim_matches('`')
        .to_owned();
    let next = [
        "audit", "query", "--oldest", "--limit", "1", "--json", "--after", &place,
    ];
    assert_eq!(shell.run(&next).code(0).json()["arguments"]["amount"], 150);
    shell
        .run(&["audit", "query", "--from", "yesterday"])
        .code(2);
}

#[test]
fn one_decision_is_shown_and_nothing_in_it_hides() {
    let shell = recorded();
    let first = ["audit", "query", "--oldest", "--limit", "1", "--json", "-q"];
    let ended = shell.run(&first).code(0);
    assert!(ended.stdout.contains("\\u202ehidden"), "{}", ended.stdout);
    let id = ended.json()["decision_id"].as_str().unwrap().to_owned();
    let shown = shell.run(&["audit", "show", &id]).code(0).stdout;
    assert!(shown.starts_with("allow approve_refund\n"), "{shown}");
    assert!(
        shown.contains("\\u{202e}hidden") && !shown.contains('\u{202e}'),
        "{shown}"
    );
    assert!(shown.contains("  outcome      = ran\n"), "{shown}");
    assert_eq!(
        shell.run(&["audit", "show", "none"]).code(1).stdout,
        "no decision `none`\n"
    );
}

#[test]
fn a_whole_record_verifies_and_a_changed_one_does_not() {
    let shell = recorded();
    let intact = shell.run(&["audit", "verify"]).code(0).stdout;
    assert!(intact.starts_with("intact: "), "{intact}");
    shell
        .run(&["audit", "checkpoint", "-o", "checkpoint.json"])
        .code(0);
    let kept = [
        "audit",
        "verify",
        "--checkpoint",
        "checkpoint.json",
        "--json",
    ];
    assert_eq!(shell.run(&kept).code(0).json()["problems"], json!([]));

    shell
        .run(&["audit", "export", "--format", "chain", "-o", "chain.jsonl"])
        .code(0);
    shell
        .run(&["audit", "verify", "--file", "chain.jsonl"])
        .code(0);
    let changed = shell
        .read("chain.jsonl")
        .replacen("\"amount\":300", "\"amount\":100", 1);
    shell.write("changed.jsonl", changed);
    let broken = shell
        .run(&["audit", "verify", "--file", "changed.jsonl"])
        .code(1)
        .stdout;
    assert!(broken.starts_with("broken: record "), "{broken}");
    shell
        .run(&["audit", "verify", "--file", "none.jsonl"])
        .code(2);
    shell
        .run(&["audit", "export", "-o", "decisions.jsonl"])
        .code(0);
    let other = ["audit", "verify", "--file", "decisions.jsonl"];
    let hint = shell.run(&other).code(1).stderr;
    assert!(hint.contains("--format chain"), "{hint}");
}

#[test]
fn exports_are_documents_of_json_one_a_line() {
    let shell = recorded();
    let decisions = shell.run(&["audit", "export"]).code(0).json_lines();
    assert_eq!(decisions.len(), 4);
    assert_eq!(decisions[0]["arguments"]["amount"], 50);
    let opa = ["audit", "export", "--format", "opa", "--verdict", "allow"];
    let opa = shell.run(&opa).code(0);
    assert_eq!(opa.json()["input"]["args"]["amount"], 50);
    assert!(!opa.stdout.contains('\u{202e}'), "{}", opa.stdout);
    assert!(
        shell
            .run(&["audit", "export", "--format", "chain"])
            .code(0)
            .json_lines()
            .len()
            > 4
    );
}

#[test]
fn decisions_are_counted() {
    let shell = recorded();
    let stats = shell.run(&["audit", "stats", "--json"]).code(0).json();
    assert_eq!(stats["decisions"], 4);
    assert_eq!(stats["verdicts"]["deny"], 2);
    let told = shell.run(&["audit", "stats"]).code(0).stdout;
    assert!(told.starts_with("4 decisions of 1 session\n"), "{told}");
    assert!(told.contains("       1 block_large_refunds\n"), "{told}");
    shell.run(&["audit", "stats", "--session", "other"]).code(1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_is_written_to_and_never_replaced() {
    let shell = recorded();
    // By a link, so that no test can take the device's place.
    let full = shell.path("full");
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    for command in ["report", "export"] {
        let failed = shell.run(&["audit", command, "-o", "full"]).code(2);
        assert!(failed.stdout.is_empty(), "{}", failed.stdout);
        assert!(failed.stderr.contains("cannot write"), "{}", failed.stderr);
        assert!(full.symlink_metadata().unwrap().is_symlink());
    }
}

#[test]
fn old_entries_are_removed_up_to_a_checkpoint_and_the_rest_verifies() {
    let shell = recorded();
    shell.run(&["audit", "checkpoint"]).code(0);
    let removed = shell
        .run(&["audit", "retain", "--before", "0s", "--json"])
        .code(0)
        .json();
    assert!(removed["removed"].as_u64().unwrap() >= 4, "{removed}");
    assert_eq!(removed["approvals"], 0);
    shell.run(&["audit", "query"]).code(1);
    let told = shell.run(&["audit", "verify"]).code(0).stdout;
    assert!(
        told.contains("old entries were removed up to checkpoint"),
        "{told}"
    );
}

#[test]
fn another_key_takes_over_and_what_the_old_one_signed_verifies() {
    let shell = recorded();
    let kept = shell.run(&["audit", "checkpoint"]).code(0);
    shell.write("kept.json", &kept.stdout);
    let old = kept.json()["public_key"].as_str().unwrap().to_owned();
    let change = shell.run(&["audit", "rotate-key", "--json"]).code(0).json();
    assert_eq!(change["before"], old);
    let new = change["after"].as_str().unwrap();
    let signed = shell.run(&["audit", "checkpoint"]).code(0).json();
    assert_eq!(signed["public_key"], new);
    let verify = ["audit", "verify", "--checkpoint", "kept.json"];
    for keys in [
        &[][..],
        &["--public-key", new],
        &["--public-key", new, "--public-key", &old],
    ] {
        shell.run(&[&verify[..], keys].concat()).code(0);
    }
    let stranger = "0".repeat(64);
    let told = shell
        .run(&["audit", "verify", "--public-key", &stranger])
        .code(1)
        .stdout;
    assert!(told.contains("has signed nothing in this ledger"), "{told}");
    let told = shell.run(&["audit", "rotate-key", "--digests"]).code(0);
    assert!(told.stdout.contains(new), "{}", told.stdout);
    shell.run(&["audit", "verify"]).code(0);
}

#[test]
fn the_report_is_one_file_that_loads_nothing() {
    let shell = recorded();
    let report = [
        "audit",
        "report",
        "--session",
        "support-1",
        "-o",
        "report.html",
    ];
    assert_eq!(shell.run(&report).code(0).stdout, "wrote report.html\n");
    let html = shell.read("report.html");
    for part in [
        "Session support-1",
        "<b>4</b> decisions",
        "Chain intact",
        "block_large_refunds",
        "engine_timeout",
        "<svg",
    ] {
        assert!(html.contains(part), "{part}");
    }
    for part in ["<script", "src=", "href=", "url(", "http"] {
        let found = html.replace("http-equiv", "").contains(part);
        assert!(!found, "{part}");
    }
    let all = shell
        .run(&["audit", "report", "--no-verify"])
        .code(0)
        .stdout;
    assert!(all.contains("Chain not verified") && all.contains("All decisions"));
}

#[test]
fn decisions_that_another_policy_would_make_otherwise_flip() {
    let shell = recorded();
    let same = shell
        .run(&["replay", "--policy", "policies"])
        .code(0)
        .stdout;
    assert_eq!(
        same,
        "0 of 3 decisions flip\n1 cannot be replayed: nobody could know then\n"
    );
    shell.write(
        "new/refunds.rego",
        REFUNDS.replace("amount > 200", "amount > 140"),
    );
    let flips = shell
        .run(&["replay", "--policy", "new", "--json"])
        .code(1)
        .json();
    assert_eq!(flips["replayed"], 3);
    let flips = flips["flips"].as_array().unwrap();
    assert_eq!(flips.len(), 1);
    assert_eq!(flips[0]["old"]["verdict"], "require_approval");
    assert_eq!(flips[0]["new"]["verdict"], "deny");
    assert_eq!(flips[0]["new"]["rules"], json!(["block_large_refunds"]));
    let told = shell.run(&["replay", "--policy", "new"]).code(1).stdout;
    assert!(
        told.starts_with("require_approval -> deny by block_large_refunds: 1\n  "),
        "{told}"
    );
    assert!(
        told.contains("approve_refund of support-1: Refunds over $200"),
        "{told}"
    );
    let none = ["replay", "--policy", "new", "--verdict", "allow"];
    assert!(shell.run(&none).code(0).stdout.starts_with("0 of 1 "));
}

#[test]
fn what_is_masked_is_not_replayed_and_that_is_said() {
    let shell = Shell::with_refunds();
    let masking = Masking::builder().path("args.amount").unwrap().build();
    record(&shell, &[50, 300], masking);
    let told = shell
        .run(&["replay", "--policy", "policies"])
        .code(0)
        .stdout;
    assert_eq!(
        told,
        "0 of 0 decisions flip\n1 cannot be replayed: nobody could know then\n2 cannot be replayed: something is masked\n"
    );
}

#[test]
fn a_ledger_that_is_not_there_is_an_error_and_is_not_made() {
    let shell = Shell::new();
    for arguments in [&["audit", "query"][..], &["audit", "verify"], &["serve"]] {
        let told = shell.run(arguments).code(2).stderr;
        assert!(told.contains("there is no ledger at"), "{told}");
    }
    assert!(!shell.path("kitelogik.db").exists());
}
