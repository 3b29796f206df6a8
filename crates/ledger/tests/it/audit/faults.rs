//! Stores that fail.

use kitelogik_core::{AuditSink, Outcome};
use kitelogik_ledger::{AuditFilter, Durability, EntryKind};

use super::world::{allowed, record, try_record};
use crate::stores::{TestStore, on_both_stores};

on_both_stores! {
    async fn what_could_not_be_written_is_a_gap_and_outcomes_are_not_lost(store: TestStore) {
        let ledger = store.open().await;
        let log = ledger.audit();
        let ran = allowed();
        let id = record(&log, "s1", &ran).await;
        // The table is gone for a while, as a disk may be.
        store.sql("ALTER TABLE audit_entry RENAME TO audit_entry_away").await.unwrap();
        try_record(&log, "s1", &allowed()).await.unwrap_err();
        log.record_outcome(id, Outcome::Ran);
        log.flush().await.unwrap_err();
        try_record(&log, "s1", &allowed()).await.unwrap_err();
        assert_eq!(log.losses(), 2);
        store.sql("ALTER TABLE audit_entry_away RENAME TO audit_entry").await.unwrap();

        record(&log, "s1", &allowed()).await;
        log.flush().await.unwrap();
        assert_eq!(log.get(&ran.decision_id).await.unwrap().unwrap().outcome, Some(Outcome::Ran));
        let found = log.verify(&Default::default(), |_| ()).await.unwrap();
        assert!(found.is_intact(), "{:?}", found.problems);
        let gaps = gaps(&log).await;
        assert_eq!(gaps, [2], "both are told of once");
        assert_eq!(log.query(&AuditFilter::all()).await.unwrap().records.len(), 2);
    }

    async fn a_full_queue_refuses_and_counts(store: TestStore) {
        let ledger = store.builder().capacity(1).durability(Durability::Memory).open().await.unwrap();
        let log = ledger.audit();
        record(&log, "s1", &allowed()).await;
        log.flush().await.unwrap();
        store.sql("ALTER TABLE audit_entry RENAME TO audit_entry_away").await.unwrap();
        let kept = allowed();
        record(&log, "s1", &kept).await;
        // It goes back into the queue each time that it cannot be written.
        let mut refused = Vec::new();
        while refused.is_empty() {
            if let Err(error) = try_record(&log, "s1", &allowed()).await {
                refused.push(error);
            }
            log.flush().await.unwrap_err();
        }
        assert!(refused[0].contains("queue is full"), "{refused:?}");
        store.sql("ALTER TABLE audit_entry_away RENAME TO audit_entry").await.unwrap();
        log.flush().await.unwrap();
        assert!(log.get(&kept.decision_id).await.unwrap().is_some(), "nothing enqueued is lost");
        assert_eq!(gaps(&log).await, [log.losses()]);
    }
}

async fn gaps(log: &kitelogik_ledger::AuditLog) -> Vec<u64> {
    let mut lines = Vec::new();
    log.export(
        kitelogik_ledger::ExportFormat::Chain,
        &AuditFilter::all(),
        &mut lines,
    )
    .await
    .unwrap();
    String::from_utf8(lines)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<kitelogik_ledger::AuditEntry>(line).unwrap())
        .filter(|entry| entry.content.kind == EntryKind::Gap)
        .map(|entry| entry.content.count.unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_ledger_refuses_and_says_so() {
    let store = TestStore::sqlite();
    let ledger = store.open().await;
    let log = ledger.audit();
    record(&log, "s1", &allowed()).await;
    ledger.close().await.unwrap();
    let refused = try_record(&log, "s1", &allowed()).await.unwrap_err();
    assert_eq!(refused, "the ledger is closed");
}
