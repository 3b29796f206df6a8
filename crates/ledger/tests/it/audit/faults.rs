//! Stores that fail.

use kitelogik_core::{AuditSink, Outcome};
use kitelogik_ledger::{AuditFilter, Durability, EntryKind, LedgerError};

#[cfg(feature = "postgres")]
use super::world::try_record_made;
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

    async fn closing_tells_how_many_records_were_not_written(store: TestStore) {
        let ledger = store.builder().durability(Durability::Memory).open().await.unwrap();
        let log = ledger.audit();
        let id = record(&log, "s1", &allowed()).await;
        log.flush().await.unwrap();
        store.sql("ALTER TABLE audit_entry RENAME TO audit_entry_away").await.unwrap();
        log.record_outcome(id, Outcome::Ran);
        // More than one transaction holds.
        for _ in 0..2_000 {
            record(&log, "s1", &allowed()).await;
        }
        for _ in 0..2 {
            let error = ledger.close().await.unwrap_err();
            assert!(matches!(error, LedgerError::Lost { lost: 2_001, .. }), "{error}");
            assert!(error.to_string().contains("audit_entry"), "{error}");
        }
        assert_eq!(log.losses(), 2_001);
    }

    async fn closing_tells_of_a_gap_that_no_entry_tells_of(store: TestStore) {
        let ledger = store.open().await;
        let log = ledger.audit();
        record(&log, "s1", &allowed()).await;
        store.sql("ALTER TABLE audit_entry RENAME TO audit_entry_away").await.unwrap();
        try_record(&log, "s1", &allowed()).await.unwrap_err();
        let error = ledger.close().await.unwrap_err();
        assert!(matches!(error, LedgerError::Lost { lost: 1, .. }), "{error}");
    }

    async fn closing_tells_that_the_chain_has_no_end(store: TestStore) {
        let ledger = store.open().await;
        record(&ledger.audit(), "s1", &allowed()).await;
        store.sql("ALTER TABLE audit_entry RENAME TO audit_entry_away").await.unwrap();
        let error = ledger.close().await.unwrap_err();
        assert!(error.to_string().starts_with("closing the ledger: "), "{error}");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_what_was_acknowledged_stays() {
    let store = TestStore::sqlite();
    let Some(disk) = SmallDisk::mount(store.folder.path(), "4m") else {
        return;
    };
    let address = format!("sqlite:{}", disk.path.join("ledger.db").display());
    let ledger = kitelogik_ledger::Ledger::open(&address).await.unwrap();
    let log = ledger.audit();
    let mut acknowledged = 0;
    let refused = loop {
        match try_record(&log, "s1", &allowed()).await {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(refused.contains("full"), "{refused}");
    assert!(acknowledged > 10, "{acknowledged}");
    disk.grow("64m");
    record(&log, "s1", &allowed()).await;
    let found = log.verify(&Default::default(), |_| ()).await.unwrap();
    assert!(found.is_intact(), "{:?}", found.problems);
    assert_eq!(gaps(&log).await, [1]);
    let stats = log.stats(&AuditFilter::all()).await.unwrap();
    assert_eq!(stats.decisions, acknowledged + 1);
    ledger.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_on_a_disk_that_became_read_only_refuses_and_can_be_read() {
    let store = TestStore::sqlite();
    let Some(disk) = SmallDisk::mount(store.folder.path(), "16m") else {
        return;
    };
    let address = format!("sqlite:{}", disk.path.join("ledger.db").display());
    let ledger = kitelogik_ledger::Ledger::open(&address).await.unwrap();
    ledger.close().await.unwrap();
    drop(ledger);
    disk.remount("ro");
    let error = kitelogik_ledger::Ledger::open(&address).await.unwrap_err();
    assert!(error.to_string().contains("opening the ledger"), "{error}");
}

/// A file system in memory, of a size of its own. Needs root; skipped loudly without.
struct SmallDisk {
    path: std::path::PathBuf,
}

impl SmallDisk {
    fn mount(folder: &std::path::Path, size: &str) -> Option<Self> {
        let path = folder.join("disk");
        std::fs::create_dir(&path).unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(&path)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self { path });
        }
        kitelogik_opa_process::skip(
            "kitelogik-ledger audit::faults on a small disk",
            "the right to mount a file system (root)",
        );
        None
    }

    fn grow(&self, size: &str) {
        self.remount(&format!("size={size}"));
    }

    fn remount(&self, option: &str) {
        let done = std::process::Command::new("mount")
            .args(["-o", &format!("remount,{option}")])
            .arg(&self.path)
            .status()
            .unwrap();
        assert!(done.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(&self.path)
            .status();
    }
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_restarted_in_mid_write_loses_nothing_acknowledged() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn here() {}
    let here = std::any::type_name_of_val(&here);
    let Some(programs) =
        kitelogik_postgres_process::skip_without_postgres(env!("CARGO_PKG_NAME"), here)
    else {
        return;
    };
    let mut server = kitelogik_postgres_process::Server::start(programs).unwrap();
    let store = TestStore::postgres(server.database().unwrap());
    let ledger = store.open().await;
    let stop = Arc::new(AtomicBool::new(false));
    let callers = (0..8).map(|_| {
        let (log, stop) = (ledger.audit(), Arc::clone(&stop));
        tokio::spawn(async move {
            let (mut acknowledged, mut refused) = (Vec::new(), 0_u64);
            while !stop.load(Ordering::Relaxed) {
                let made = allowed();
                match try_record_made(&log, &made).await {
                    Some(id) => {
                        log.record_outcome(id, Outcome::Ran);
                        acknowledged.push(made.decision_id);
                    }
                    None => refused += 1,
                }
            }
            (acknowledged, refused)
        })
    });
    let callers: Vec<_> = callers.collect();
    for _ in 0..3 {
        let mut changes = ledger
            .audit()
            .tail(ledger.audit().position().await.unwrap());
        for _ in 0..50 {
            futures_util::StreamExt::next(&mut changes)
                .await
                .unwrap()
                .unwrap();
        }
        server.kill().unwrap();
        server.resume().unwrap();
    }
    record_until_written(&ledger.audit()).await;
    stop.store(true, Ordering::Relaxed);
    let mut refused = 0;
    let mut acknowledged = Vec::new();
    for caller in callers {
        let (some, not) = caller.await.unwrap();
        acknowledged.extend(some);
        refused += not;
    }
    record_until_written(&ledger.audit()).await;
    let log = ledger.audit();
    log.flush().await.unwrap();
    let found = log.verify(&Default::default(), |_| ()).await.unwrap();
    assert!(found.is_intact(), "{:?}", found.problems);
    for decision in &acknowledged {
        let record = log.get(decision).await.unwrap().unwrap();
        assert_eq!(record.outcome, Some(Outcome::Ran));
    }
    assert!(refused > 0, "some were recorded while the server was away");
    ledger.close().await.unwrap();
}

#[cfg(feature = "postgres")]
async fn record_until_written(log: &kitelogik_ledger::AuditLog) {
    while try_record(log, "after", &allowed()).await.is_err() {
        tokio::task::yield_now().await;
    }
}
