//! Bundles in a file: their signatures, and the order they come in.

use std::fs;
use std::path::PathBuf;

use kitelogik_opa::{PolicySource, ReloadError, ReloadEvent, ReloadOutcome, Reloading};
use kitelogik_policy::Policy;
use kitelogik_policy::bundle::{Bundle, SigningKey, Verification, VerifyingKey};

use super::{allowed, allows, next, put, quick, refusal};

const SECRET: &[u8] = b"a secret that is long enough for a key of HMAC";

pub(super) fn bundle(action: &str, sequence: Option<u64>) -> Vec<u8> {
    pack(action, sequence, None)
}

fn signed(action: &str, sequence: Option<u64>) -> Vec<u8> {
    pack(action, sequence, Some(&SigningKey::read(SECRET).unwrap()))
}

fn pack(action: &str, sequence: Option<u64>, key: Option<&SigningKey>) -> Vec<u8> {
    let policy = Policy::builder()
        .rego("a.rego", allows(action))
        .for_elsewhere()
        .build()
        .unwrap();
    let mut bundle = Bundle::of(&policy).with_revision(format!("v-{action}"));
    if let Some(sequence) = sequence {
        bundle = bundle.with_sequence(sequence);
    }
    bundle.to_bytes(key).unwrap()
}

struct File {
    _home: tempfile::TempDir,
    path: PathBuf,
}

impl File {
    fn new(bytes: &[u8]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("policy.tar.gz");
        fs::write(&path, bytes).unwrap();
        Self { _home: home, path }
    }

    fn write(&self, bytes: &[u8]) {
        put(&self.path, bytes);
    }

    async fn start(&self) -> Reloading {
        quick(PolicySource::path(&self.path)).start().await.unwrap()
    }
}

#[tokio::test]
async fn an_older_bundle_is_refused_and_a_newer_one_taken() {
    let file = File::new(&bundle("a", Some(5)));
    let engine = file.start().await;
    let mut events = engine.events();
    let status = engine.status();
    assert_eq!(
        (status.sequence, status.bundle_revision.as_deref()),
        (Some(5), Some("v-a"))
    );
    for (older, said) in [
        (bundle("b", Some(4)), "its sequence is 4, after 5"),
        (bundle("c", Some(5)), "which is another"),
        (bundle("d", None), "it has no sequence"),
    ] {
        file.write(&older);
        let error = refusal(&mut events).await;
        assert!(
            matches!(&error, ReloadError::Older(why) if why.contains(said)),
            "{error}"
        );
        assert!(allowed(&engine, "a").await);
    }
    file.write(&bundle("b", Some(6)));
    let ReloadEvent::Reloaded(change) = next(&mut events).await else {
        panic!("not reloaded");
    };
    assert_eq!(change.bundle_revision.as_deref(), Some("v-b"));
    // The bundle that was in force is a replay.
    file.write(&bundle("a", Some(5)));
    assert!(matches!(refusal(&mut events).await, ReloadError::Older(_)));

    let lenient = quick(PolicySource::path(&file.path))
        .allow_older(true)
        .start()
        .await
        .unwrap();
    let mut events = lenient.events();
    file.write(&bundle("b", Some(4)));
    assert!(matches!(next(&mut events).await, ReloadEvent::Reloaded(_)));
}

#[tokio::test]
async fn without_a_sequence_a_bundle_that_was_replaced_does_not_come_back() {
    let file = File::new(&bundle("a", None));
    let engine = file.start().await;
    let mut events = engine.events();
    file.write(&bundle("b", None));
    assert!(matches!(next(&mut events).await, ReloadEvent::Reloaded(_)));
    file.write(&bundle("a", None));
    assert!(matches!(refusal(&mut events).await, ReloadError::Older(_)));
    assert!(allowed(&engine, "b").await);

    // Somebody rolls back: that is asked for. What comes next, comes next.
    engine.roll_back().unwrap();
    assert!(allowed(&engine, "a").await);
    assert_eq!(
        engine.reload_now().await,
        Ok(ReloadOutcome::Unchanged),
        "the source holds it"
    );
    file.write(&bundle("b", None));
    assert!(matches!(
        engine.reload_now().await,
        Ok(ReloadOutcome::Reloaded(_) | ReloadOutcome::Unchanged)
    ));
    assert!(allowed(&engine, "b").await);
}

#[tokio::test]
async fn a_process_that_begins_can_say_how_old_a_bundle_may_be() {
    let file = File::new(&bundle("a", Some(5)));
    let start = |minimum| {
        quick(PolicySource::path(&file.path))
            .minimum_sequence(minimum)
            .start()
    };
    assert!(start(5).await.is_ok());
    assert!(matches!(start(6).await, Err(ReloadError::Older(_))));
    file.write(&bundle("a", None));
    assert!(matches!(start(1).await, Err(ReloadError::Older(_))));
}

#[tokio::test]
async fn the_same_policy_in_a_later_bundle_moves_the_order_on() {
    let file = File::new(&bundle("a", Some(5)));
    let engine = file.start().await;
    let mut events = engine.events();
    file.write(&bundle("a", Some(7)));
    engine.reload_now().await.unwrap();
    assert_eq!(engine.status().sequence, Some(7));
    file.write(&bundle("b", Some(6)));
    assert!(matches!(refusal(&mut events).await, ReloadError::Older(_)));
}

#[tokio::test]
async fn a_bundle_must_be_signed_where_a_key_is_set() {
    let file = File::new(&signed("a", None));
    let key = Verification::Signed(VerifyingKey::read(SECRET).unwrap());
    assert!(matches!(
        quick(PolicySource::path(&file.path)).start().await,
        Err(ReloadError::Load(_))
    ));
    let engine = quick(PolicySource::bundle_file(&file.path))
        .verification(key)
        .start()
        .await
        .unwrap();
    let mut events = engine.events();
    file.write(&bundle("b", None));
    let error = refusal(&mut events).await;
    assert!(error.to_string().contains("not signed"), "{error}");
    let other = SigningKey::read(b"another secret that is long enough for a key").unwrap();
    file.write(&pack("b", None, Some(&other)));
    let error = refusal(&mut events).await;
    assert!(
        error.to_string().contains("not made with this key"),
        "{error}"
    );
    file.write(&signed("b", None));
    assert!(matches!(next(&mut events).await, ReloadEvent::Reloaded(_)));
    assert!(allowed(&engine, "b").await);
}

#[tokio::test]
async fn a_damaged_bundle_is_refused_wherever_the_damage_is() {
    let file = File::new(&bundle("a", None));
    let engine = quick(PolicySource::path(&file.path))
        .poll_interval(std::time::Duration::from_secs(60))
        .start()
        .await
        .unwrap();
    let whole = bundle("b", None);
    let step = (whole.len() / 16).max(1);
    for cut in (0..whole.len()).step_by(step) {
        file.write(&whole[..cut]);
        let error = engine.reload_now().await.unwrap_err();
        assert!(matches!(error, ReloadError::Load(_)), "{cut}: {error}");
    }
    for place in (20..whole.len()).step_by(step) {
        let mut flipped = whole.clone();
        flipped[place] ^= 0x20;
        file.write(&flipped);
        // The checksum of the archive tells, whatever the bit was of.
        assert!(engine.reload_now().await.is_err(), "{place}");
    }
    assert!(allowed(&engine, "a").await && !allowed(&engine, "b").await);
    fs::remove_file(&file.path).unwrap();
    assert!(matches!(
        engine.reload_now().await,
        Err(ReloadError::Unreadable(_))
    ));
    assert!(allowed(&engine, "a").await);
}

#[tokio::test]
async fn the_tests_in_a_bundle_are_run() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("policy.tar.gz");
    let pack = |action: &str| {
        let policy = Policy::builder()
            .rego("a.rego", allows(action))
            .rego("a_test.rego", "package a_test\n\nimport data.kitelogik.userpolicy\n\ntest_a if userpolicy.allow with input as {\"action\": \"a\"}\n")
            .for_elsewhere()
            .build()
            .unwrap();
        Bundle::of(&policy).to_bytes(None).unwrap()
    };
    fs::write(&path, pack("a")).unwrap();
    let engine = quick(PolicySource::path(&path)).start().await.unwrap();
    let mut events = engine.events();
    put(&path, &pack("b"));
    assert!(matches!(refusal(&mut events).await, ReloadError::Test(_)));
    assert!(allowed(&engine, "a").await);
}
