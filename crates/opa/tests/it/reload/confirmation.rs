//! Versions that wait for somebody, and going back.

use std::sync::{Arc, Mutex};

use kitelogik_opa::{
    PolicySource, ReloadError, ReloadEvent, ReloadOutcome, Reloading, ReloadingBuilder,
};
use kitelogik_policy::Policy;
use kitelogik_policy::bundle::Bundle;
use tokio::sync::oneshot;

use super::{Folder, allowed, allows, decide, next, put, quick};

const GUARD: &str = "deny contains \"never\" if input.action == \"drop\"\n";

async fn cautious(folder: &Folder) -> Reloading {
    let builder = quick(PolicySource::directory(folder.path())).confirm_removals(true);
    builder.start().await.unwrap()
}

#[tokio::test]
async fn a_version_that_drops_a_guard_waits_until_it_is_confirmed() {
    let folder = Folder::new(&format!("{}\n{GUARD}", allows("a")));
    let engine = cautious(&folder).await;
    let mut events = engine.events();
    let before = engine.status().revision;
    folder.write(
        "a.rego",
        "package kitelogik.userpolicy\n\nallow if input.action in {\"a\", \"drop\"}\n",
    );
    let ReloadEvent::Waiting(change) = next(&mut events).await else {
        panic!("does not wait");
    };
    let gone: Vec<_> = change
        .rules
        .guards_gone()
        .map(|rule| rule.name.as_str())
        .collect();
    assert_eq!(gone, ["never"]);
    assert!(decide(&engine, "drop").await.denied());
    assert_eq!(engine.status().revision, before);
    assert_eq!(engine.status().waiting.as_ref(), Some(&change));
    assert_eq!(
        engine.reload_now().await,
        Ok(ReloadOutcome::Waiting(change.clone()))
    );

    assert_eq!(
        engine.confirm(&before),
        Err(ReloadError::NotWaiting(before.to_string()))
    );
    assert_eq!(engine.confirm(&change.revision), Ok(change.clone()));
    assert_eq!(
        next(&mut events).await,
        ReloadEvent::Reloaded(change.clone())
    );
    assert!(allowed(&engine, "drop").await);
    assert_eq!(engine.status().waiting, None);
    assert!(engine.confirm(&change.revision).is_err(), "once");
    assert_eq!(engine.reload_now().await, Ok(ReloadOutcome::Unchanged));
}

#[tokio::test]
async fn what_waits_is_dropped_when_the_source_holds_something_else() {
    let folder = Folder::new(&format!("{}\n{GUARD}", allows("a")));
    let engine = cautious(&folder).await;
    let mut events = engine.events();
    folder.write("a.rego", allows("a"));
    let ReloadEvent::Waiting(change) = next(&mut events).await else {
        panic!("does not wait");
    };
    folder.write("a.rego", format!("{}\n{GUARD}", allows("b")));
    assert!(matches!(next(&mut events).await, ReloadEvent::Reloaded(_)));
    assert!(engine.confirm(&change.revision).is_err());
    assert_eq!(engine.status().waiting, None);

    folder.write("a.rego", allows("a"));
    assert!(matches!(next(&mut events).await, ReloadEvent::Waiting(_)));
    folder.write("a.rego", "not Rego");
    assert!(matches!(next(&mut events).await, ReloadEvent::Refused(_)));
    assert!(engine.confirm(&change.revision).is_err());
}

#[tokio::test]
async fn rules_that_change_or_allow_do_not_wait() {
    let folder = Folder::new(&format!("{}\n{GUARD}", allows("a")));
    let engine = cautious(&folder).await;
    let mut events = engine.events();
    folder.write(
        "a.rego",
        format!(
            "{}\ndeny contains \"never\" if input.action in {{\"drop\", \"delete\"}}\n",
            allows("b")
        ),
    );
    assert!(matches!(next(&mut events).await, ReloadEvent::Reloaded(_)));
}

#[tokio::test]
async fn a_roll_back_holds_until_the_source_has_something_new() {
    let folder = Folder::new(&allows("a"));
    let engine = folder.start().await;
    let mut events = engine.events();
    assert_eq!(engine.roll_back(), Err(ReloadError::NothingBefore));
    folder.write("a.rego", allows("b"));
    assert!(matches!(next(&mut events).await, ReloadEvent::Reloaded(_)));
    let bad = engine.status().revision;

    let change = engine.roll_back().unwrap();
    assert_eq!(change.previous, bad);
    assert_eq!(next(&mut events).await, ReloadEvent::RolledBack(change));
    assert!(allowed(&engine, "a").await && !allowed(&engine, "b").await);
    assert_eq!(engine.reload_now().await, Ok(ReloadOutcome::KeptOut));
    assert!(engine.status().rolled_back);
    assert_eq!(engine.roll_back(), Err(ReloadError::NothingBefore));

    // What is broken is nothing new, and what was rolled back from is still kept out after it.
    folder.write("a.rego", "not Rego");
    assert!(matches!(next(&mut events).await, ReloadEvent::Refused(_)));
    folder.write("a.rego", allows("b"));
    assert!(matches!(
        next(&mut events).await,
        ReloadEvent::Recovered { .. }
    ));
    assert!(allowed(&engine, "a").await && !allowed(&engine, "b").await);

    folder.write("a.rego", allows("c"));
    assert!(matches!(next(&mut events).await, ReloadEvent::Reloaded(_)));
    assert!(allowed(&engine, "c").await);
    assert!(!engine.status().rolled_back);
}

#[tokio::test]
async fn a_roll_back_can_be_taken_back() {
    let folder = Folder::new(&allows("a"));
    let engine = folder.start().await;
    let mut events = engine.events();
    folder.write("a.rego", allows("b"));
    assert!(matches!(next(&mut events).await, ReloadEvent::Reloaded(_)));
    let newer = engine.roll_back().unwrap().previous;
    assert_eq!(engine.reload_now().await, Ok(ReloadOutcome::KeptOut));
    engine.confirm(&newer).unwrap();
    assert!(allowed(&engine, "b").await);
    assert_eq!(engine.reload_now().await, Ok(ReloadOutcome::Unchanged));
    // And rolled back to again.
    engine.roll_back().unwrap();
    assert!(allowed(&engine, "a").await);
}

/// Holds up the making of one version, which is then known to be under way.
#[derive(Clone, Default)]
struct Hold(Arc<Mutex<Option<Held>>>);

/// Where it is told that making has begun, and that it may go on.
type Held = (oneshot::Sender<()>, oneshot::Receiver<()>);

impl Hold {
    /// The next version says that it is being made, and waits to be let go.
    fn next(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let (begun, begins) = oneshot::channel();
        let (go, goes) = oneshot::channel();
        *self.0.lock().unwrap() = Some((begun, goes));
        (begins, go)
    }

    fn on(&self, builder: ReloadingBuilder) -> ReloadingBuilder {
        let hold = self.clone();
        builder.engine(move |engine| {
            let held = hold.0.lock().unwrap().take();
            if let Some((begun, goes)) = held {
                begun.send(()).unwrap();
                goes.blocking_recv().unwrap();
            }
            engine
        })
    }
}

#[tokio::test]
async fn a_version_that_was_being_made_when_somebody_rolled_back_is_kept_out() {
    let (folder, hold) = (Folder::new(&allows("a")), Hold::default());
    let builder = hold.on(quick(PolicySource::directory(folder.path())));
    let engine = builder.start().await.unwrap();
    folder.write("a.rego", allows("b"));
    engine.reload_now().await.unwrap();
    assert!(allowed(&engine, "b").await);

    let (begins, go) = hold.next();
    folder.write("a.rego", allows("c"));
    begins.await.unwrap();
    engine.roll_back().unwrap();
    go.send(()).unwrap();
    assert_eq!(engine.reload_now().await, Ok(ReloadOutcome::KeptOut));
    assert!(allowed(&engine, "a").await && !allowed(&engine, "c").await);
}

#[tokio::test]
async fn a_bundle_that_was_being_made_does_not_come_after_a_later_one_that_was_confirmed() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("policy.tar.gz");
    let guarded = |action: &str| {
        format!(
            "{}\ndeny contains \"never\" if input.action == \"drop\"\n",
            allows(action)
        )
    };
    let bundle = |module: String, sequence| {
        let policy = Policy::builder().rego("a.rego", module).for_elsewhere();
        let bundle = Bundle::of(&policy.build().unwrap());
        bundle.with_sequence(sequence).to_bytes(None).unwrap()
    };
    put(&path, &bundle(guarded("a"), 5));
    let hold = Hold::default();
    let builder = hold.on(quick(PolicySource::bundle_file(&path)).confirm_removals(true));
    let engine = builder.start().await.unwrap();
    put(&path, &bundle(allows("b"), 7));
    let Ok(ReloadOutcome::Waiting(change)) = engine.reload_now().await else {
        panic!("it does not wait");
    };

    let (begins, go) = hold.next();
    put(&path, &bundle(guarded("c"), 6));
    begins.await.unwrap();
    engine.confirm(&change.revision).unwrap();
    go.send(()).unwrap();
    assert!(matches!(
        engine.reload_now().await,
        Err(ReloadError::Older(_))
    ));
    assert!(allowed(&engine, "b").await && !allowed(&engine, "c").await);
}
