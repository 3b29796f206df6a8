//! A policy that may be in force for so long without being refreshed.

use std::fs;
use std::time::{Duration, Instant};

use kitelogik_core::{FailClosed, PolicyEngine};
use kitelogik_opa::{PolicySource, ReloadError, ReloadEvent, Reloading};

use super::{Folder, allowed, allows, decide, next, quick};

const MAX_STALE: Duration = Duration::from_millis(1500);

async fn start(folder: &Folder) -> Reloading {
    let builder = quick(PolicySource::directory(folder.path())).max_stale(MAX_STALE);
    builder.start().await.unwrap()
}

async fn until_stale(engine: &Reloading) {
    let mut events = engine.events();
    while next(&mut events).await
        != (ReloadEvent::Stale {
            max_stale: MAX_STALE,
        })
    {}
    let decision = decide(engine, "a").await;
    assert!(decision.denied());
    assert_eq!(decision.fail_closed, Some(FailClosed::PolicyStale));
    assert!(engine.status().stale);
    assert_eq!(
        engine.health().await.unwrap_err().code(),
        FailClosed::PolicyStale
    );
}

#[tokio::test]
async fn a_policy_whose_source_is_gone_for_too_long_denies_until_it_is_back() {
    let folder = Folder::new(&allows("a"));
    let engine = start(&folder).await;
    fs::rename(folder.path(), folder.beside("away")).unwrap();
    until_stale(&engine).await;
    let mut events = engine.events();
    fs::rename(folder.beside("away"), folder.path()).unwrap();
    assert!(matches!(
        next(&mut events).await,
        ReloadEvent::Recovered { .. }
    ));
    assert!(allowed(&engine, "a").await);
    assert!(engine.health().await.is_ok());
}

#[tokio::test]
async fn a_version_that_is_refused_or_waits_refreshes_nothing() {
    let guarded = format!(
        "{}\ndeny contains \"never\" if input.action == \"x\"\n",
        allows("a")
    );
    let folder = Folder::new(&guarded);
    let engine = quick(PolicySource::directory(folder.path()))
        .max_stale(MAX_STALE)
        .confirm_removals(true)
        .start()
        .await
        .unwrap();
    folder.write("a.rego", "not Rego");
    until_stale(&engine).await;
    let mut events = engine.events();
    folder.write("a.rego", allows("a"));
    let ReloadEvent::Waiting(change) = next(&mut events).await else {
        panic!("does not wait");
    };
    assert_eq!(
        decide(&engine, "a").await.fail_closed,
        Some(FailClosed::PolicyStale)
    );
    engine.confirm(&change.revision).unwrap();
    engine.reload_now().await.unwrap();
    assert!(allowed(&engine, "a").await);
}

#[tokio::test]
async fn a_source_that_stays_as_it_is_keeps_the_policy_fresh() {
    let folder = Folder::new(&allows("a"));
    let engine = start(&folder).await;
    let begun = Instant::now();
    while begun.elapsed() < MAX_STALE * 2 {
        let looked = Instant::now();
        engine.reload_now().await.unwrap();
        let allowed = allowed(&engine, "a").await;
        // A machine may be busy for longer than the limit.
        assert!(allowed || looked.elapsed() > MAX_STALE);
    }
}

#[tokio::test]
async fn a_limit_that_polling_cannot_keep_is_refused() {
    let folder = Folder::new(&allows("a"));
    let error = Reloading::watch(folder.path())
        .poll_interval(Duration::from_secs(60))
        .max_stale(Duration::from_secs(60))
        .start()
        .await
        .unwrap_err();
    assert!(matches!(error, ReloadError::Setting(_)));
}
