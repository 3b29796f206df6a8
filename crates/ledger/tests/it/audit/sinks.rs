//! Sinks that need no database.

use std::fs;

use kitelogik_core::{
    Approval, AuditSink, DecisionRecord, EngineError, FailClosed, Masking, Outcome, PolicyDecision,
};
use kitelogik_ledger::{AuditEntry, JsonLinesSink, Sinks, TracingSink, verify_lines};
use serde_json::json;
use tempfile::TempDir;

use super::world::{allowed, call, context, object};

fn read(path: &std::path::Path) -> (Vec<AuditEntry>, bool) {
    let text = fs::read_to_string(path).unwrap();
    let entries = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let found = verify_lines(text.as_bytes(), &Default::default()).unwrap();
    (entries, found.is_intact())
}

#[tokio::test]
async fn what_a_fault_quotes_of_a_masked_argument_is_not_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("audit.jsonl");
    let masking = Masking::builder().path("args.card").unwrap().build();
    let sink = JsonLinesSink::open(&path).unwrap().masking(masking);
    let event = call("pay", json!({"card": "4111\n1111", "note": "by card"}));
    let fault = EngineError::new(
        FailClosed::EvaluationError,
        r#"pay.rego:3:1: got `"4111\n1111"` by card, 4111 1111, 4222"#,
    );
    let mut made = PolicyDecision::fail_closed(&fault);
    made.approval = Some(Approval::Edited {
        request: "apr_1".to_owned(),
        approver: "bob".to_owned(),
        arguments: object(json!({"card": "4222"})),
    });
    let who = context("s1");
    let record = DecisionRecord::new(&event, &who, &made);
    sink.record_decision(&record).await.unwrap();
    drop(sink);
    let (entries, _) = read(&path);
    assert_eq!(
        entries[1].content.detail.as_deref(),
        Some(r#"pay.rego:3:1: got `"[masked]"` by card, [masked], [masked]"#)
    );
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("4111") && !text.contains("4222"), "{text}");
}

#[tokio::test]
async fn a_file_holds_decisions_and_outcomes_in_a_chain() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("audit.jsonl");
    let masking = Masking::builder().path("args.card").unwrap().build();
    let sink = JsonLinesSink::open(&path).unwrap().masking(masking);
    JsonLinesSink::open(&path).unwrap_err();
    let event = call("pay", json!({"card": "4111"}));
    let (who, made) = (context("s1"), allowed());
    let id = sink
        .record_decision(&DecisionRecord::new(&event, &who, &made))
        .await
        .unwrap();
    let (entries, intact) = read(&path);
    assert!(
        intact && entries.len() == 2,
        "on disk when it was acknowledged"
    );
    sink.record_outcome(id, Outcome::Failed);
    drop(sink);

    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("4111"));
    fs::write(&path, format!("{text}{{\"writer\":1,\"seq")).unwrap();
    drop(JsonLinesSink::open(&path).unwrap());
    let (entries, intact) = read(&path);
    assert!(intact);
    assert_eq!(entries[2].content.outcome.as_deref(), Some("failed"));

    let changed = text.replace("approve", "APPROVE").replace("pay", "PAY");
    let found = verify_lines(changed.as_bytes(), &Default::default()).unwrap();
    assert!(
        found.problems[0]
            .to_string()
            .starts_with("record 2 of writer 1")
    );

    fs::write(&path, "notes\n").unwrap();
    JsonLinesSink::open(&path).unwrap_err();
    assert_eq!(fs::read_to_string(&path).unwrap(), "notes\n");
}

#[tokio::test]
async fn several_sinks_are_told_and_the_first_decides() {
    let folder = TempDir::new().unwrap();
    let paths = ["one", "two"].map(|name| folder.path().join(name));
    let [one, two] = paths.clone().map(|path| JsonLinesSink::open(path).unwrap());
    let sinks = Sinks::new(one.clone())
        .and(two.clone())
        .and(TracingSink::new());
    let event = call("pay", json!({}));
    let (who, made) = (context("s1"), allowed());
    let record = DecisionRecord::new(&event, &who, &made);
    two.close().unwrap();
    let id = sinks.record_decision(&record).await.unwrap();
    sinks.record_outcome(id, Outcome::Ran);
    one.close().unwrap();
    sinks.record_decision(&record).await.unwrap_err();
    let (entries, intact) = read(&paths[0]);
    assert!(intact);
    assert_eq!(entries[2].content.outcome.as_deref(), Some("ran"));
}
