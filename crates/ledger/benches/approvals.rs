//! How long it takes until a call that waits knows that it was approved.
//!
//! `cargo bench -p kitelogik-ledger --bench approvals --features postgres`. PostgreSQL is measured where
//! the tests would find one. A ledger opened a second time shares nothing with the first but the
//! store: what wakes a call then is what wakes it across processes.
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::time::{Duration, Instant};

use kitelogik_core::{
    Approval, ApprovalRequest, Approver, GovernanceEvent, PolicyDecision, SessionContext,
    ToolCallInput,
};
use kitelogik_ledger::{ApprovalState, Ledger, Reviewer};
use serde_json::json;

const ROUNDS: usize = 200;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("ledger.key");
    let address = format!("sqlite:{}", folder.path().join("ledger.db").display());
    let open = async |address: &str| {
        Ledger::builder(address)
            .key_file(&key)
            .open()
            .await
            .unwrap()
    };
    let ledger = open(&address).await;
    measure("sqlite, the same process", &ledger, &ledger).await;
    measure(
        "sqlite, another process's way",
        &ledger,
        &open(&address).await,
    )
    .await;
    #[cfg(feature = "postgres")]
    if let Some(address) = kitelogik_postgres_process::postgres_or_skip!() {
        let key = folder.path().join("postgres.key");
        let open = async || {
            Ledger::builder(&address)
                .key_file(&key)
                .open()
                .await
                .unwrap()
        };
        let ledger = open().await;
        measure("postgres, the same process", &ledger, &ledger).await;
        measure("postgres, another process's way", &ledger, &open().await).await;
    }
}

/// From the moment that the approval is given to the moment that the call has its answer.
async fn measure(name: &str, waiting: &Ledger, deciding: &Ledger) {
    let reviewer = Reviewer::new("ann");
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let mut requests = waiting.approvals().watch(&reviewer);
        let approver = waiting.approvals().waiting();
        // What is approved here is not used: another session asks for other calls.
        let session = name.to_owned();
        let call = tokio::spawn(async move {
            let mut arguments = serde_json::Map::new();
            arguments.insert("round".to_owned(), json!(round));
            let event = GovernanceEvent::ToolCall(ToolCallInput::new("refund", arguments));
            let context = SessionContext::new(session);
            let document = json!({"requires_hitl": true});
            let decision = PolicyDecision::from_result(&document, "data.kitelogik.main").unwrap();
            let request = ApprovalRequest::new(&event, &context, &decision);
            let approval = approver.approve(&request).await.unwrap();
            assert!(matches!(approval, Approval::Granted { .. }));
            Instant::now()
        });
        let id = loop {
            // Of the round before, a change may still be on its way.
            let request = requests.next().await.unwrap();
            if request.arguments.get("round") == Some(&json!(round))
                && request.state == ApprovalState::Pending
            {
                break request.id;
            }
        };
        // The call waits for its request by then, or finds it decided at its first look.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let given = Instant::now();
        deciding
            .approvals()
            .approve(&id, &reviewer, "")
            .await
            .unwrap();
        times.push(call.await.unwrap().duration_since(given));
    }
    times.sort();
    let at = |share: usize| times.get(ROUNDS * share / 100).copied().unwrap_or_default();
    println!(
        "{name:34} p50 {:8.1?}  p99 {:8.1?}  longest {:8.1?}",
        at(50),
        at(99),
        times.last().copied().unwrap_or_default()
    );
}
