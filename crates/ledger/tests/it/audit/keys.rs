//! A ledger whose key was changed, and those who try to put another in its place.

use std::path::PathBuf;

use kitelogik_core::{Approver as _, Use};
use kitelogik_ledger::{
    ApprovalOptions, ApprovalState, AuditFilter, Checkpoint, Digest, EntryKind, ExportFormat,
    KeyChange, Ledger, LedgerError, PublicKey, Verification, VerifyOptions, verify_lines,
};
use serde_json::json;

use super::world::{allowed, record};
use crate::approvals::desk::{ann, refund, refund_of, steps};
use crate::stores::{TestStore, on_both_stores};

/// A ledger whose key was changed between two checkpoints.
struct Changed {
    before: Checkpoint,
    change: KeyChange,
    after: Checkpoint,
    /// The file of the old key.
    old: PathBuf,
}

fn key_file(store: &TestStore) -> PathBuf {
    store.folder.path().join("ledger.key")
}

async fn changed(store: &TestStore, digests: bool) -> Changed {
    let ledger = store.open().await;
    record(&ledger.audit(), "s1", &allowed()).await;
    let before = ledger.audit().checkpoint().await.unwrap();
    let old = store.folder.path().join("old.key");
    std::fs::copy(key_file(store), &old).unwrap();
    let change = ledger.rotate_key(digests).await.unwrap();
    ledger.close().await.unwrap();
    drop(ledger);
    let ledger = store.open().await;
    record(&ledger.audit(), "s1", &allowed()).await;
    let after = ledger.audit().checkpoint().await.unwrap();
    ledger.close().await.unwrap();
    Changed {
        before,
        change,
        after,
        old,
    }
}

/// As an auditor does, who has none of the keys.
async fn verify(store: &TestStore, options: &VerifyOptions) -> Verification {
    let nowhere = store.folder.path().join("not-there");
    let builder = store.builder().key_file(nowhere);
    let reader = builder.read_only().open().await.unwrap();
    reader.audit().verify(options, |_| ()).await.unwrap()
}

async fn trusting(store: &TestStore, keys: &[PublicKey]) -> Verification {
    let options = keys.iter().fold(VerifyOptions::new(), |options, key| {
        options.public_key(*key)
    });
    verify(store, &options).await
}

/// That something is found, and that it is this.
async fn found(store: &TestStore, keys: &[PublicKey], what: &str) {
    let found = trusting(store, keys).await;
    let told: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|told| told.contains(what)), "{told:?}");
}

async fn lines(ledger: &Ledger) -> Vec<u8> {
    let mut lines = Vec::new();
    let all = AuditFilter::all();
    let log = ledger.audit();
    let exported = log.export(ExportFormat::Chain, &all, &mut lines);
    exported.await.unwrap();
    lines
}

/// The keys of digests of all chains, by their first entries.
async fn digest_keys(ledger: &Ledger) -> Vec<Digest> {
    let lines = lines(ledger).await;
    let entries = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    entries
        .map(|line| serde_json::from_slice::<kitelogik_ledger::AuditEntry>(line).unwrap())
        .filter(|entry| entry.content.kind == EntryKind::Start)
        .map(|entry| entry.content.digest_key.unwrap())
        .collect()
}

/// What a change would be in the table.
fn row(change: &KeyChange) -> String {
    let body = serde_json::to_string(change).unwrap();
    format!(
        "INSERT INTO audit_key (number, at, body) VALUES ({}, 1, '{body}')",
        change.number
    )
}

on_both_stores! {
    async fn another_key_takes_over_and_all_verifies_by_either(store: TestStore) {
        let Changed { before, change, after, .. } = changed(&store, false).await;
        assert_eq!((change.before, change.after), (before.public_key, after.public_key));
        assert_ne!(change.before, change.after);
        let reader = store.builder().read_only().open().await.unwrap();
        assert_eq!(reader.public_key(), change.after);
        for keys in [
            &[][..],
            &[change.before],
            &[change.after],
            &[change.after, change.before],
        ] {
            let found = trusting(&store, keys).await;
            assert!(found.is_intact(), "{keys:?}: {:?}", found.problems);
        }
        let kept = VerifyOptions::new().public_key(change.after).checkpoint(before.clone());
        let found = verify(&store, &kept.checkpoint(after.clone())).await;
        assert!(found.is_intact(), "{:?}", found.problems);
        let mut names = digest_keys(&reader).await;
        names.dedup();
        assert_eq!(names, [change.digest_key], "digests go on to be comparable");

        // The chains alone do not tell of keys: there all that signed are named.
        let lines = lines(&reader).await;
        let both = || VerifyOptions::new().checkpoint(before.clone()).checkpoint(after.clone());
        for (options, is_intact) in [
            (both(), true),
            (both().public_key(change.before).public_key(change.after), true),
            (both().public_key(change.after), false),
        ] {
            let found = verify_lines(&lines[..], &options).unwrap();
            assert_eq!(found.is_intact(), is_intact, "{:?}", found.problems);
        }
    }

    async fn a_key_is_changed_again_and_old_records_are_removed_over_it(store: TestStore) {
        let first = changed(&store, false).await;
        let second = changed(&store, true).await;
        assert_eq!(second.change.number, 2);
        assert_eq!(second.change.before, first.change.after);
        for key in [first.change.before, first.change.after, second.change.after] {
            let found = trusting(&store, &[key]).await;
            assert!(found.is_intact(), "{:?}", found.problems);
        }
        let ledger = store.open().await;
        let retained = ledger.audit().retain(kitelogik_ledger::Timestamp::now()).await.unwrap();
        assert!(retained.removed > 0);
        ledger.close().await.unwrap();
        let found = trusting(&store, &[first.change.before, second.change.after]).await;
        assert!(found.is_intact(), "{:?}", found.problems);

        // The next key says again what was removed: the word of one before it is worth nothing any more.
        let third = changed(&store, false).await;
        let found = trusting(&store, &[third.change.after]).await;
        assert!(found.is_intact(), "{:?}", found.problems);
        assert_eq!(found.removed_up_to, Some(retained.checkpoint));
    }

    async fn the_old_key_lets_go_of_nothing_any_more(store: TestStore) {
        let Changed { before, change, old, .. } = changed(&store, false).await;
        store.forge("CREATE TABLE kept AS SELECT * FROM audit_key; DELETE FROM audit_key").await;
        let ledger = store.builder().key_file(&old).open().await.unwrap();
        let at = before.at.after(std::time::Duration::from_millis(1));
        let retained = ledger.audit().retain(at).await.unwrap();
        assert!(retained.checkpoint <= change.checkpoint);
        store.forge("INSERT INTO audit_key SELECT * FROM kept").await;
        found(&store, &[change.after], "no record that the ledger's key signed tells of it").await;
    }

    async fn a_change_while_all_is_looked_at_is_no_problem(store: TestStore) {
        let ledger = store.open().await;
        record(&ledger.audit(), "s1", &allowed()).await;
        let mut is_changed = false;
        let (log, options) = (ledger.audit(), VerifyOptions::new());
        let found = log.verify(&options, |_| {
            if is_changed {
                return;
            }
            is_changed = true;
            let handle = tokio::runtime::Handle::current();
            tokio::task::block_in_place(|| handle.block_on(async { changed(&store, false).await }));
        });
        let found = found.await.unwrap();
        assert!(found.is_intact(), "{:?}", found.problems);
        assert!(is_changed);
    }

    async fn who_has_no_key_of_the_ledger_puts_none_in(store: TestStore) {
        let Changed { change, .. } = changed(&store, false).await;
        let other = TestStore::sqlite();
        let stranger = changed(&other, false).await;
        let theirs = stranger.change.before;
        found(&store, &[theirs], "has signed nothing in this ledger").await;
        found(&store, &[change.after, theirs], "has signed nothing in this ledger").await;

        // A change of another ledger, and one of this whose signatures do not fit it.
        let mut forged = change.clone();
        forged.number = 2;
        forged.previous = change.digest();
        forged.before = change.after;
        forged.after = theirs;
        forged.checkpoint += 1;
        let mut foreign = stranger.change.clone();
        foreign.number = 2;
        for wrong in [forged, foreign] {
            store.forge(&row(&wrong)).await;
            found(&store, &[change.after], "change 2 of the key is not genuine").await;
            let refused = store.builder().open().await.unwrap_err().to_string();
            assert!(refused.contains("is not genuine"), "{refused}");
            store.forge("DELETE FROM audit_key WHERE number = 2").await;
        }

        // The record tells of a change that is not there.
        store.forge("CREATE TABLE kept AS SELECT * FROM audit_key; DELETE FROM audit_key").await;
        found(&store, &[change.before], "change 1 of the key is missing").await;
        found(&store, &[change.after], "has signed nothing in this ledger").await;
        store.forge("INSERT INTO audit_key SELECT * FROM kept").await;
        assert!(trusting(&store, &[change.after]).await.is_intact());

        // The first key is another.
        let (start, end) = match store.address.starts_with("sqlite:") {
            true => ("x'", "'"),
            false => ("'\\x", "'"),
        };
        store.forge(&format!("UPDATE audit_ledger SET public_key = {start}{theirs}{end}")).await;
        found(&store, &[change.before], "change 1 of the key is not genuine").await;
        found(&store, &[change.after], "has signed nothing in this ledger").await;
    }

    async fn the_old_key_signs_nothing_any_more(store: TestStore) {
        let Changed { change, old, .. } = changed(&store, false).await;
        let with_old = store.builder().key_file(&old);
        let refused = with_old.open().await.unwrap_err().to_string();
        assert!(refused.contains("was this ledger's before it was changed"), "{refused}");

        // Where the change is taken out of the store for a while.
        store.forge("CREATE TABLE kept AS SELECT * FROM audit_key; DELETE FROM audit_key").await;
        let ledger = store.builder().key_file(&old).open().await.unwrap();
        ledger.audit().checkpoint().await.unwrap();
        ledger.close().await.unwrap();
        drop(ledger);
        store.forge("INSERT INTO audit_key SELECT * FROM kept").await;
        found(&store, &[change.before], "is signed by another key").await;
        found(&store, &[], "is signed by another key").await;
    }

    async fn who_has_the_ledger_open_records_and_signs_no_more(store: TestStore) {
        let ledger = store.open().await;
        let elsewhere = store.with(ApprovalOptions::new()).await;
        let log = elsewhere.audit();
        record(&log, "s1", &allowed()).await;
        ledger.rotate_key(false).await.unwrap();
        let again = ledger.rotate_key(false).await;
        assert!(matches!(again, Err(LedgerError::KeyChanged)), "{again:?}");
        let refused = log.checkpoint().await;
        assert!(matches!(refused, Err(LedgerError::KeyChanged)), "{refused:?}");
        record(&log, "s1", &allowed()).await;
        // The digests are the same: so are requests.
        refund().pending(&elsewhere).await;
        for ledger in [ledger, elsewhere] {
            ledger.close().await.unwrap();
        }
        let found = trusting(&store, &[]).await;
        assert!(found.is_intact(), "{:?}", found.problems);
        assert!(found.unsealed > 0);
        store.open().await.audit().checkpoint().await.unwrap();
        assert!(trusting(&store, &[]).await.is_intact());
    }

    async fn another_key_of_digests_ends_what_waits_and_keeps_what_is_over(store: TestStore) {
        let options = ApprovalOptions::new;
        let ledger = store.with(options()).await;
        let waits = refund().pending(&ledger).await;
        let over = refund_of(json!({"amount": 1}));
        let used = over.pending(&ledger).await;
        ledger.approvals().approve(&used, &ann(), "").await.unwrap();
        assert_eq!(over.use_up(&ledger, &used).await, Use::Taken);
        let first = allowed();
        record(&ledger.audit(), "s1", &first).await;
        ledger.rotate_key(true).await.unwrap();
        let refused = ledger.approvals().approve(&waits, &ann(), "").await.unwrap_err();
        assert!(refused.to_string().contains("key was changed"), "{refused}");
        ledger.approvals().pending().approve(&refund().request()).await.unwrap_err();
        ledger.close().await.unwrap();

        let ledger = store.with(options()).await;
        let second = allowed();
        record(&ledger.audit(), "s1", &second).await;
        for (id, state) in [(&waits, ApprovalState::Expired), (&used, ApprovalState::Used)] {
            let view = ledger.approvals().get(id, &ann()).await.unwrap();
            assert_eq!(view.state, state);
        }
        assert_eq!(steps(&ledger, &waits).await[1], "expired: the ledger's key was changed");
        let again = ledger.approvals().approve(&waits, &ann(), "").await;
        again.unwrap_err();
        assert_ne!(refund().pending(&ledger).await, waits);
        let digest = async |decision: &kitelogik_core::PolicyDecision| {
            let found = ledger.audit().get(&decision.decision_id).await.unwrap();
            found.unwrap().arguments_digest.unwrap()
        };
        assert_ne!(digest(&first).await, digest(&second).await, "of the same arguments");
        let mut names = digest_keys(&ledger).await;
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 2, "and each chain names its key");
        let found = trusting(&store, &[]).await;
        assert!(found.is_intact(), "{:?}", found.problems);
    }

    async fn a_ledger_from_before_keys_could_be_changed_is_brought_up_to_date(store: TestStore) {
        let ledger = store.open().await;
        record(&ledger.audit(), "s1", &allowed()).await;
        ledger.close().await.unwrap();
        drop(ledger);
        let version = match store.address.starts_with("sqlite:") {
            true => "PRAGMA user_version = 2",
            false => "UPDATE ledger_schema SET version = 2",
        };
        store.sql(&format!("DROP TABLE audit_key; {version}")).await.unwrap();
        let older = store.builder().read_only().open().await.unwrap_err();
        assert!(matches!(older, LedgerError::Older { found: 2, .. }), "{older}");
        let Changed { change, .. } = changed(&store, false).await;
        let found = trusting(&store, &[change.after]).await;
        assert!(found.is_intact(), "{:?}", found.problems);
    }

    async fn a_change_that_was_interrupted_is_finished_or_never_was(store: TestStore) {
        let Changed { change, old, .. } = changed(&store, false).await;
        let file = key_file(&store);
        let id: String = change.after.to_string().chars().take(16).collect();
        let next = store.folder.path().join(format!("ledger.key.new-{id}"));
        assert!(!next.exists());
        // The store had the change, and the file not yet.
        std::fs::rename(&file, &next).unwrap();
        std::fs::copy(&old, &file).unwrap();
        let reader = store.builder().read_only().open().await.unwrap();
        assert_eq!(reader.public_key(), change.after);
        assert!(next.exists(), "who only reads moves nothing");
        let ledger = store.open().await;
        ledger.audit().checkpoint().await.unwrap();
        assert!(!next.exists());
        // A file was there, and the store never had the change.
        std::fs::copy(&old, &next).unwrap();
        let second = ledger.rotate_key(false).await.unwrap();
        assert_eq!(second.before, change.after);
        ledger.close().await.unwrap();
        drop(ledger);
        assert_eq!(store.open().await.public_key(), second.after);
    }
}
