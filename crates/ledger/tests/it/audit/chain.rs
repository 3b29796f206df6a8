//! What holds the record together, and what is found when somebody tampers with it.

use kitelogik_core::{AuditSink, Outcome};
use kitelogik_ledger::{
    AuditFilter, AuditLog, Checkpoint, ExportFormat, Ledger, Verification, VerifyOptions,
    verify_lines,
};

use super::world::{allowed, denied, record};
use crate::stores::{TestStore, on_both_stores};

async fn verify(log: &AuditLog, options: &VerifyOptions) -> Verification {
    log.verify(options, |_| ()).await.unwrap()
}

async fn some_calls(log: &AuditLog, count: usize) {
    for number in 0..count {
        let id = record(log, &format!("s{}", number % 3), &allowed()).await;
        log.record_outcome(id, Outcome::Ran);
    }
    log.flush().await.unwrap();
}

/// A ledger of one closed process with ten calls: entries 1 (start) to 22 (stop), 23 (seal).
async fn ten_calls(store: &TestStore) -> Ledger {
    let ledger = store.open().await;
    some_calls(&ledger.audit(), 10).await;
    ledger.close().await.unwrap();
    store.builder().read_only().open().await.unwrap()
}

/// Does `sql` to a ledger of ten calls, past all triggers, and gives what is found.
async fn tampered(store: &TestStore, sql: &str) -> Verification {
    let ledger = ten_calls(store).await;
    assert!(
        verify(&ledger.audit(), &VerifyOptions::new())
            .await
            .is_intact()
    );
    store.forge(sql).await;
    let found = verify(&ledger.audit(), &VerifyOptions::new()).await;
    assert!(!found.is_intact(), "{sql} was not found");
    found
}

fn first(found: &Verification) -> String {
    found.problems[0].to_string()
}

on_both_stores! {
    async fn every_start_of_a_process_has_a_chain_of_its_own_and_all_verify(store: TestStore) {
        for _ in 0..2 {
            let ledger = store.open().await;
            some_calls(&ledger.audit(), 3).await;
            ledger.close().await.unwrap();
        }
        let one = store.open().await;
        let other = store.open().await;
        tokio::join!(
            async { some_calls(&one.audit(), 20).await },
            async { some_calls(&other.audit(), 20).await },
        );
        let found = verify(&one.audit(), &VerifyOptions::new()).await;
        assert!(found.is_intact(), "{:?}", found.problems);
        assert!(found.writers >= 4, "{found:?}");
        assert_eq!(found.checkpoints, 2, "one when each process ended");
        assert_eq!(one.audit().query(&AuditFilter::all()).await.unwrap().records.len(), 46);
    }

    async fn plain_sql_cannot_change_or_remove_what_is_recorded(store: TestStore) {
        let ledger = ten_calls(&store).await;
        let mut attempts = vec![
            "UPDATE audit_entry SET verdict = 'deny' WHERE sequence = 2",
            "DELETE FROM audit_entry WHERE sequence = 2",
            "DELETE FROM audit_writer",
            "UPDATE audit_writer SET name = 'x'",
            "DELETE FROM audit_checkpoint",
            "UPDATE audit_checkpoint SET body = ''",
            "DELETE FROM audit_ledger",
        ];
        if store.address.starts_with("sqlite:") {
            attempts.push("INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry WHERE sequence = 2");
            attempts.push("REPLACE INTO audit_entry (rowid, writer, sequence, hash, body, kind, at) VALUES (2, 99, 1, x'', x'', 1, 1)");
            attempts.push("REPLACE INTO audit_checkpoint SELECT number, at, '' FROM audit_checkpoint");
        } else {
            attempts.push("TRUNCATE audit_entry");
            attempts.push("TRUNCATE audit_writer");
            attempts.push("TRUNCATE audit_checkpoint");
        }
        for sql in attempts {
            let refused = store.sql(sql).await.unwrap_err();
            assert!(refused.contains("never") || refused.contains("only"), "{sql}: {refused}");
        }
        assert!(verify(&ledger.audit(), &VerifyOptions::new()).await.is_intact());
    }

    async fn a_changed_record_is_named(store: TestStore) {
        let found = tampered(&store, "UPDATE audit_entry SET verdict = 'deny' WHERE sequence = 4").await;
        assert!(first(&found).starts_with("record 4 of writer 1 (decision "), "{}", first(&found));
    }

    async fn a_removed_record_is_named(store: TestStore) {
        let found = tampered(&store, "DELETE FROM audit_entry WHERE sequence IN (7, 8)").await;
        assert_eq!(first(&found), "record 7 of writer 1 is missing, and all up to record 8");
    }

    async fn two_records_that_changed_places_are_found(store: TestStore) {
        let found = tampered(
            &store,
            "UPDATE audit_entry SET sequence = 1000 WHERE sequence = 5;
             UPDATE audit_entry SET sequence = 5 WHERE sequence = 6;
             UPDATE audit_entry SET sequence = 6 WHERE sequence = 1000",
        )
        .await;
        assert!(first(&found).starts_with("record 5 of writer 1"), "{}", first(&found));
    }

    async fn an_inserted_record_is_found(store: TestStore) {
        let found = tampered(
            &store,
            "INSERT INTO audit_entry (writer, sequence, hash, body, kind, at)
             SELECT 1, (SELECT max(x.sequence) + 1 FROM audit_entry x WHERE x.writer = 1), hash, body, kind, at
             FROM audit_entry WHERE writer = 1 AND sequence = 4",
        )
        .await;
        assert!(first(&found).contains("was written for another place"), "{}", first(&found));
    }

    async fn a_chain_that_nobody_began_is_found(store: TestStore) {
        let found = tampered(
            &store,
            "INSERT INTO audit_entry (writer, sequence, hash, body, kind, at)
             SELECT 77, sequence, hash, body, kind, at FROM audit_entry WHERE writer = 1 AND sequence = 1",
        )
        .await;
        assert_eq!(first(&found), "writer 77 has records and is not registered");
    }

    async fn a_tail_that_was_cut_behind_a_checkpoint_is_found(store: TestStore) {
        let found = tampered(&store, "DELETE FROM audit_entry WHERE sequence > 15").await;
        assert_eq!(
            first(&found),
            "record 16 of writer 1 is missing, and all up to record 22, as checkpoint 1 has it"
        );
    }

    async fn a_ledger_that_lost_its_checkpoints_is_found(store: TestStore) {
        let found = tampered(&store, "DELETE FROM audit_checkpoint").await;
        assert!(first(&found).contains("checkpoint 1 is missing"), "{}", first(&found));
    }

    async fn a_whole_chain_that_was_removed_is_found_by_the_checkpoint_kept_elsewhere(store: TestStore) {
        let ledger = store.open().await;
        let log = ledger.audit();
        some_calls(&log, 5).await;
        let kept = log.checkpoint().await.unwrap();
        let text = serde_json::to_string(&kept).unwrap();
        let kept: Checkpoint = serde_json::from_str(&text).unwrap();
        let key = ledger.public_key();
        kept.verify(&key).unwrap();
        store.forge("DELETE FROM audit_entry; DELETE FROM audit_writer; DELETE FROM audit_checkpoint").await;

        let alone = verify(&log, &VerifyOptions::new()).await;
        assert!(alone.is_intact(), "nothing is left that could tell");
        let options = VerifyOptions::new().public_key(key).checkpoint(kept.clone());
        let found = verify(&log, &options).await;
        assert!(first(&found).contains("is missing"), "{}", first(&found));

        let mut forged = kept;
        forged.writers.clear();
        forged.verify(&key).unwrap_err();
    }

    async fn a_checkpoint_signed_by_another_key_is_refused(store: TestStore) {
        let ledger = ten_calls(&store).await;
        let stranger = TestStore::sqlite().open().await.public_key();
        let options = VerifyOptions::new().public_key(stranger);
        let found = verify(&ledger.audit(), &options).await;
        assert!(first(&found).contains("is signed by another key"), "{}", first(&found));
    }

    async fn retention_removes_sealed_segments_and_verifying_goes_on_from_the_checkpoint(store: TestStore) {
        let first = store.open().await;
        some_calls(&first.audit(), 10).await;
        first.close().await.unwrap();
        let ledger = store.open().await;
        let log = ledger.audit();
        some_calls(&log, 5).await;
        log.retain("2020-01-01".parse().unwrap()).await.unwrap_err();
        let kept = log.checkpoint().await.unwrap();
        some_calls(&log, 4).await;
        let later = kept.at.after(std::time::Duration::from_millis(1));
        let retention = log.retain(later).await.unwrap();
        assert_eq!(retention.checkpoint, kept.number);
        assert!(retention.removed > 30, "{retention:?}");

        assert_eq!(log.query(&AuditFilter::all()).await.unwrap().records.len(), 4);
        let options = VerifyOptions::new().checkpoint(kept);
        let found = verify(&log, &options).await;
        assert!(found.is_intact(), "{:?}", found.problems);
        assert_eq!(found.removed_up_to, Some(retention.checkpoint));
        let mut attempts = vec![
            "DELETE FROM audit_entry",
            "DELETE FROM audit_retention",
            "UPDATE audit_retention SET count = 0",
            "UPDATE audit_retention SET checkpoint = 0",
            "UPDATE audit_retention SET checkpoint = 999",
            "INSERT INTO audit_retention (writer, count, checkpoint) VALUES (99, 9, 999)",
        ];
        if store.address.starts_with("sqlite:") {
            attempts.push("REPLACE INTO audit_retention SELECT writer, 0, checkpoint FROM audit_retention");
        } else {
            attempts.push("TRUNCATE audit_retention");
        }
        for sql in attempts {
            let refused = store.sql(sql).await.unwrap_err();
            assert!(refused.contains("never") || refused.contains("only"), "{sql}: {refused}");
        }
        assert!(verify(&log, &options).await.is_intact());
        store.forge("DELETE FROM audit_entry WHERE kind = 8").await;
        assert!(!verify(&log, &options).await.is_intact());
        ledger.close().await.unwrap();
    }

    async fn a_chain_of_which_retention_left_nothing_stays_accounted_for(store: TestStore) {
        for _ in 0..3 {
            let ledger = store.open().await;
            let log = ledger.audit();
            some_calls(&log, 3).await;
            let kept = log.checkpoint().await.unwrap();
            log.retain(kept.at.after(std::time::Duration::from_millis(1))).await.unwrap();
            let found = verify(&log, &VerifyOptions::new().checkpoint(kept)).await;
            assert!(found.is_intact(), "{:?}", found.problems);
            ledger.close().await.unwrap();
        }
    }

    async fn an_exported_chain_is_verified_without_the_ledger(store: TestStore) {
        let ledger = ten_calls(&store).await;
        let log = ledger.audit();
        let kept = store.open().await.audit().checkpoint().await.unwrap();
        let mut lines = Vec::new();
        let count = log.export(ExportFormat::Chain, &AuditFilter::all(), &mut lines).await.unwrap();
        let options = VerifyOptions::new().public_key(ledger.public_key()).checkpoint(kept);
        let found = verify_lines(lines.as_slice(), &options).unwrap();
        assert!(found.is_intact(), "{:?}", found.problems);
        assert_eq!(found.records, count);

        let text = String::from_utf8(lines).unwrap();
        let changed = text.replacen("approve_refund", "approve_refunD", 1);
        assert!(!verify_lines(changed.as_bytes(), &options).unwrap().is_intact());
        let cut: String = text.lines().take(10).map(|line| format!("{line}\n")).collect();
        let found = verify_lines(cut.as_bytes(), &options).unwrap();
        assert!(first(&found).starts_with("record 11 of writer 1 is missing"), "{}", first(&found));
    }

    async fn a_denial_shows_in_the_figures_and_in_opas_format(store: TestStore) {
        let ledger = store.open().await;
        let log = ledger.audit();
        some_calls(&log, 3).await;
        let no = denied("too much");
        record(&log, "s9", &no).await;
        let stats = log.stats(&AuditFilter::all()).await.unwrap();
        assert_eq!(stats.decisions, 4);
        assert_eq!(stats.sessions, 4);
        assert_eq!(stats.verdicts["deny"], 1);
        assert_eq!(stats.denied_by["block_large_refund"], 1);
        assert_eq!(stats.outcomes["ran"], 3);

        let mut lines = Vec::new();
        let filter = AuditFilter::session("s9");
        log.export(ExportFormat::OpaDecisionLog, &filter, &mut lines).await.unwrap();
        let event: serde_json::Value = serde_json::from_slice(&lines).unwrap();
        assert_eq!(event["decision_id"], no.decision_id.as_str());
        assert_eq!(event["path"], "kitelogik/main");
        assert_eq!(event["input"]["context"]["session_id"], "s9");
        assert_eq!(event["input"]["args"]["amount"], 42);
        assert_eq!(event["result"]["deny"], true);
        assert_eq!(event["custom"]["outcome"], "never_ran");
        assert!(event["timestamp"].as_str().unwrap().ends_with('Z'));
    }
}
