//! Decisions while versions change under them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kitelogik_core::Verdict;
use kitelogik_opa::{PolicySource, ReloadOutcome};
use kitelogik_policy::Policy;

use super::{Folder, decide, quick};

const VERSIONS: usize = 12;
const DECIDERS: usize = 2;

/// Version `number` allows an action of its own, and names itself in the reason of its denials.
fn version(number: usize) -> String {
    format!(
        "package kitelogik.userpolicy\n\nallow if input.action == \"ask\"\n\ndeny contains \"version {number}\" if input.action == \"which\"\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_decision_is_made_by_exactly_one_version_and_carries_its_revision() {
    let folder = Folder::new(&version(0));
    let engine = quick(PolicySource::directory(folder.path()))
        .quiet_for(std::time::Duration::from_millis(1))
        .start()
        .await
        .unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let deciders: Vec<_> = (0..DECIDERS)
        .map(|_| {
            let (engine, done) = (engine.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut seen = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    let decision = decide(&engine, "which").await;
                    assert_eq!(decision.verdict, Verdict::Deny);
                    assert_eq!(decision.fail_closed, None);
                    let pair = (decision.reason.clone(), decision.revision.clone().unwrap());
                    if seen.last() != Some(&pair) {
                        seen.push(pair);
                    }
                    assert_eq!(decide(&engine, "ask").await.verdict, Verdict::Allow);
                    tokio::task::yield_now().await;
                }
                seen
            })
        })
        .collect();
    let mut revisions = vec![engine.status().revision];
    for number in 1..VERSIONS {
        folder.write("a.rego", version(number));
        let outcome = engine.reload_now().await.unwrap();
        assert!(
            matches!(
                outcome,
                ReloadOutcome::Reloaded(_) | ReloadOutcome::Unchanged
            ),
            "{outcome:?}"
        );
        revisions.push(engine.status().revision);
    }
    done.store(true, Ordering::Relaxed);
    for (number, revision) in revisions.iter().enumerate() {
        let policy = Policy::builder()
            .rego("a.rego", version(number))
            .build()
            .unwrap();
        assert_eq!(policy.revision(), &**revision);
    }
    let mut told = 0;
    for decider in deciders {
        for (reason, revision) in decider.await.unwrap() {
            let number: usize = reason.trim_start_matches("version ").parse().unwrap();
            assert_eq!(revisions[number], revision, "{reason}");
            told += 1;
        }
    }
    assert!(told >= DECIDERS * 2, "versions were seen: {told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_under_way_ends_on_the_version_it_began_with() {
    // Slow enough that it is still under way when the next version comes.
    let slow = "package kitelogik.userpolicy\n\nallow if { input.action == \"slow\"; count([1 | some i in numbers.range(1, 2000); some j in numbers.range(1, 400); i * j == 7]) > 0 }\n";
    let folder = Folder::new(slow);
    let engine = quick(PolicySource::directory(folder.path()))
        .engine(|engine| engine.evaluation_time(std::time::Duration::from_secs(60)))
        .start()
        .await
        .unwrap();
    let began = engine.status().revision;
    let under_way = tokio::spawn({
        let engine = engine.clone();
        async move { decide(&engine, "slow").await }
    });
    tokio::task::yield_now().await;
    folder.write("a.rego", super::allows("other"));
    engine.reload_now().await.unwrap();
    let after = engine.status().revision;
    assert_ne!(began, after);
    let decision = under_way.await.unwrap();
    // By whichever it began with, and wholly by that.
    match decision.verdict {
        Verdict::Allow => assert_eq!(decision.revision, Some(began)),
        Verdict::Refuse => assert_eq!(decision.revision, Some(after)),
        other => panic!("{other:?}"),
    }
}
