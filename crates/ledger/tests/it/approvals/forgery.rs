//! One who can write the store, but has not the key.

use kitelogik_core::{Approver, Use};
use kitelogik_ledger::{ApprovalError, ApprovalFilter, ApprovalOptions, Checkpoint, Digest};

use super::desk::{ann, refund, steps};
use crate::stores::{TestStore, on_both_stores};

const SEAL: &str = "refused: it does not carry the ledger's seal";

/// Removes all that `checkpoint` holds, as retention does, with a writer of one's own that tells of it: all
/// but the key is there, and no trigger is in the way.
async fn remove_without_the_key(store: &TestStore, ledger: Digest, checkpoint: &Checkpoint) {
    const WRITER: u64 = 999;
    let is_sqlite = store.address.starts_with("sqlite:");
    let mut sql: String = checkpoint
        .writers
        .iter()
        .map(|head| {
            let (writer, count, number) = (head.writer, head.count, checkpoint.number);
            format!(
                "INSERT INTO audit_retention (writer, count, checkpoint) VALUES ({writer}, {count}, {number});
                 DELETE FROM audit_entry WHERE writer = {writer} AND sequence <= {count};"
            )
        })
        .collect();
    let over = if is_sqlite {
        ""
    } else {
        "OVERRIDING SYSTEM VALUE"
    };
    sql += &format!(
        "INSERT INTO audit_writer (writer, name, host, process, started) {over}
         VALUES ({WRITER}, 'gate', 'here', 7, 1);"
    );
    let start = [
        (110, ledger.bytes().to_vec()),
        (111, b"gate".to_vec()),
        (112, b"here".to_vec()),
        (113, 7_u64.to_be_bytes().to_vec()),
    ];
    let retention = [
        (82, checkpoint.at.millis().to_be_bytes().to_vec()),
        (100, checkpoint.number.to_be_bytes().to_vec()),
        (101, checkpoint.digest().bytes().to_vec()),
    ];
    let at = checkpoint.at.millis();
    let mut previous = vec![0; 32];
    for (sequence, kind, fields) in [(1_u64, 1_u8, &start[..]), (2, 8, &retention)] {
        let mut body = vec![1, kind];
        body.extend(WRITER.to_be_bytes());
        body.extend(sequence.to_be_bytes());
        body.extend(&previous);
        body.extend(at.to_be_bytes());
        for (tag, bytes) in fields {
            body.push(*tag);
            body.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
            body.extend(bytes);
        }
        previous = ring::digest::digest(&ring::digest::SHA256, &body)
            .as_ref()
            .to_vec();
        let blob = |bytes: &[u8]| {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            if is_sqlite {
                format!("x'{digits}'")
            } else {
                format!("'\\x{digits}'")
            }
        };
        sql += &format!(
            "INSERT INTO audit_entry (writer, sequence, hash, body, kind, at)
             VALUES ({WRITER}, {sequence}, {}, {}, {kind}, {at});",
            blob(&previous),
            blob(&body)
        );
    }
    store.sql(&sql).await.unwrap();
}

on_both_stores! {
    async fn a_use_that_is_cut_from_the_record_without_the_key_lets_nothing_run_again(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let id = refund().pending(&ledger).await;
        ledger.approvals().approve(&id, &ann(), "").await.unwrap();
        store.keep().await;
        assert_eq!(refund().use_up(&ledger, &id).await, Use::Taken);
        let checkpoint = ledger.audit().checkpoint().await.unwrap();
        remove_without_the_key(&store, ledger.id(), &checkpoint).await;
        store.put_back().await;
        let approver = ledger.approvals().pending();
        let used = approver.use_up(&refund().request(), &id).await;
        assert!(used.is_err(), "{used:?}");
        let why = "refused: use of a request of which the record may have been cut";
        assert_eq!(steps(&ledger, &id).await, [why]);
        let found = ledger.audit().verify(&Default::default(), |_| ()).await.unwrap();
        let told = found.problems.first().unwrap().to_string();
        assert!(told.contains("no record that the ledger's key signed tells of it"), "{told}");

        // Nor does the next retention make it look right, where no request holds it back.
        store
            .sql("UPDATE approvals SET state = 'denied'; DELETE FROM approvals")
            .await
            .unwrap();
        let later = ledger.audit().checkpoint().await.unwrap();
        let at = later.at.after(std::time::Duration::from_millis(1));
        let refused = ledger.retain(at).await.unwrap_err().to_string();
        assert!(refused.contains("no record that the ledger's key signed"), "{refused}");
        let found = ledger.audit().verify(&Default::default(), |_| ()).await.unwrap();
        assert!(!found.is_intact());
    }

    async fn a_request_that_is_older_than_what_was_removed_lets_nothing_run(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let id = refund().pending(&ledger).await;
        ledger.approvals().approve(&id, &ann(), "").await.unwrap();
        store.keep().await;
        assert_eq!(refund().use_up(&ledger, &id).await, Use::Taken);
        let checkpoint = ledger.audit().checkpoint().await.unwrap();
        // So that retention does not see that its time is not over.
        store.sql("DELETE FROM approvals").await.unwrap();
        let at = checkpoint.at.after(std::time::Duration::from_millis(1));
        let retained = ledger.retain(at).await.unwrap();
        assert_eq!(retained.checkpoint, checkpoint.number);
        store.sql("INSERT INTO approvals SELECT * FROM kept").await.unwrap();
        let approver = ledger.approvals().pending();
        let used = approver.use_up(&refund().request(), &id).await;
        assert!(used.is_err(), "{used:?}");
        let found = ledger.audit().verify(&Default::default(), |_| ()).await.unwrap();
        assert!(found.is_intact(), "{:?}", found.problems);

        // What is asked for from then on runs; with more let go of than was signed, nothing does.
        let next = refund().with(|call| call.context.session_id = "s2".into());
        let id = next.pending(&ledger).await;
        ledger.approvals().approve(&id, &ann(), "").await.unwrap();
        let more = "UPDATE audit_retention SET count = count + 1";
        store.sql(more).await.unwrap();
        assert!(approver.use_up(&next.request(), &id).await.is_err());
        let found = ledger.audit().verify(&Default::default(), |_| ()).await.unwrap();
        assert!(!found.is_intact());
        store.forge("UPDATE audit_retention SET count = count - 1").await;
        assert_eq!(next.use_up(&ledger, &id).await, Use::Taken);
    }

    async fn a_request_that_was_approved_past_the_ledger_lets_nothing_run(store: TestStore) {
        for forged in [
            "UPDATE approvals SET state = 'approved'",
            "UPDATE approvals SET document = replace(document, '\"pending\"', '\"approved\"')",
            "UPDATE approvals SET state = 'approved', document = replace(document, '\"pending\"', '\"approved\"')",
            "UPDATE approvals SET expires_at = expires_at + 1000000",
            "UPDATE approvals SET document = replace(document, '150', '1')",
            "UPDATE approvals SET tenant = 'globex'",
            "UPDATE approvals SET basis = frame",
            "UPDATE approvals SET seal = basis",
        ] {
            let ledger = store.with(ApprovalOptions::new()).await;
            let session = format!("s{}", forged.len());
            let asking = refund().with(|call| call.context.session_id = session);
            let id = asking.pending(&ledger).await;
            let forged_one = format!("{forged} WHERE id = '{id}'");
            store.sql(&forged_one).await.unwrap();
            let approver = ledger.approvals().pending();
            assert!(approver.approve(&asking.request()).await.is_err(), "{forged}");
            let used = approver.use_up(&asking.request(), &id).await;
            assert!(used.is_err(), "{forged}");
            let approved = ledger.approvals().approve(&id, &ann(), "").await;
            assert!(matches!(approved, Err(ApprovalError::Forged { .. })), "{forged}");
            let edited = ledger.approvals().edit(&id, &ann(), serde_json::Map::new(), "").await;
            assert!(matches!(edited, Err(ApprovalError::Forged { .. })), "{forged}");
            let got = ledger.approvals().get(&id, &ann()).await;
            assert!(matches!(got, Err(ApprovalError::Forged { .. })), "{forged}");
            let all = ledger.approvals().list(&ApprovalFilter::all(), &ann()).await;
            assert!(all.unwrap().iter().all(|view| view.id != id));
            assert_eq!(
                steps(&ledger, &id).await,
                ["requested", SEAL, SEAL, SEAL, SEAL],
                "{forged}"
            );
        }
    }

    async fn a_request_that_is_put_back_as_it_was_before_its_use_lets_nothing_run(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let id = refund().pending(&ledger).await;
        ledger.approvals().approve(&id, &ann(), "").await.unwrap();
        store.keep().await;
        assert_eq!(refund().use_up(&ledger, &id).await, Use::Taken);
        store.put_back().await;
        let approver = ledger.approvals().pending();
        let used = approver.use_up(&refund().request(), &id).await;
        assert!(used.is_err(), "{used:?}");
        let why = "refused: use of a request that is over, and was put back as it had been before";
        assert_eq!(steps(&ledger, &id).await, ["requested", "approved", "used", why]);
    }

    async fn what_is_over_stays_as_it_is_in_the_store_too(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let id = refund().pending(&ledger).await;
        ledger.approvals().approve(&id, &ann(), "").await.unwrap();
        assert_eq!(refund().use_up(&ledger, &id).await, Use::Taken);
        let changed = store
            .sql("UPDATE approvals SET state = 'approved'")
            .await;
        assert!(changed.unwrap_err().contains("stays as it is"));
    }
}
