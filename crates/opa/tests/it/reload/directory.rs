use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kitelogik_core::PolicyEngine;
use kitelogik_opa::{PolicySource, ReloadError, ReloadEvent, ReloadOutcome, Reloading};
use kitelogik_policy::rules::Then;

use super::{Folder, allowed, allows, decide, next, quick, refusal};

#[tokio::test]
async fn a_good_change_decides_and_the_event_names_the_rules_that_came_and_went() {
    let folder = Folder::new(&allows("a"));
    let engine = folder.start().await;
    let mut events = engine.events();
    let before = engine.revision().unwrap();
    assert!(allowed(&engine, "a").await);

    folder.write(
        "a.rego",
        format!(
            "{}\ndeny contains \"never\" if input.action == \"c\"\n",
            allows("b")
        ),
    );
    let ReloadEvent::Reloaded(change) = next(&mut events).await else {
        panic!("not reloaded");
    };
    assert!(!allowed(&engine, "a").await);
    assert!(allowed(&engine, "b").await);
    let after = engine.revision().unwrap();
    assert_eq!((&change.previous, &change.revision), (&before, &after));
    assert_eq!(decide(&engine, "b").await.revision, Some(after.clone()));
    let came: Vec<_> = change
        .rules
        .came
        .iter()
        .map(|rule| (rule.kind, rule.name.as_str()))
        .collect();
    assert_eq!(
        came,
        [
            (Then::Allow, "allow if input.action == \"b\""),
            (Then::Deny, "never"),
        ]
    );
    assert_eq!(change.rules.went.len(), 1);
    let status = engine.status();
    assert_eq!(status.revision, after);
    assert_eq!(status.problem, None);
    assert!(status.watching && !status.stale && !status.rolled_back);
}

#[tokio::test]
async fn changes_are_noticed_at_once_where_the_system_tells_of_them() {
    let folder = Folder::new(&allows("a"));
    let engine = Reloading::watch(folder.path())
        .poll_interval(Duration::from_secs(24 * 60 * 60))
        .quiet_for(Duration::from_millis(20))
        .start()
        .await
        .unwrap();
    let mut events = engine.events();
    folder.write("a.rego", allows("b"));
    assert!(matches!(next(&mut events).await, ReloadEvent::Reloaded(_)));
    // A directory that was deleted and made again is another one to watch.
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(matches!(
        refusal(&mut events).await,
        ReloadError::Unreadable(_)
    ));
    fs::create_dir(folder.path()).unwrap();
    folder.write("a.rego", allows("c"));
    loop {
        match next(&mut events).await {
            ReloadEvent::Reloaded(_) => break,
            // It may be looked at before the file is there.
            ReloadEvent::Refused(ReloadError::Empty(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(allowed(&engine, "c").await);
    fs::create_dir(folder.path().join("deeper")).unwrap();
    folder.write("deeper/d.rego", allows("d"));
    assert!(matches!(next(&mut events).await, ReloadEvent::Reloaded(_)));
    assert!(allowed(&engine, "d").await);
}

#[tokio::test]
async fn a_broken_change_is_refused_and_the_last_good_version_stays() {
    let folder = Folder::new(&allows("a"));
    let engine = folder.start().await;
    let mut events = engine.events();
    let before = engine.revision();
    for (text, kind) in [
        ("package kitelogik.userpolicy\n\nallow if {\n", "load"),
        (
            "package kitelogik.userpolicy\n\nallow if http.send({})\n",
            "load",
        ),
        (
            "package kitelogik.userpolicy\n\nallow if input.actoin == \"a\"\n",
            "check",
        ),
        (
            "package kitelogik.userpolicy\n\nallow if { input.action == \"a\"; input.action == \"b\" }\n",
            "check",
        ),
        ("package kitelogik.main\n\nallow := true\n", "load"),
        (
            "package kitelogik.userpolicy\n\nf(x) := f(x)\n\nallow if f(input.action)\n",
            "any",
        ),
    ] {
        folder.write("a.rego", text);
        let error = refusal(&mut events).await;
        match kind {
            "load" => assert!(matches!(error, ReloadError::Load(_)), "{text}: {error}"),
            "check" => assert!(matches!(error, ReloadError::Check(_)), "{text}: {error}"),
            _ => {}
        }
        assert_eq!(engine.revision(), before);
        assert!(allowed(&engine, "a").await);
        assert_eq!(engine.status().problem, Some(error));
        assert!(engine.health().await.is_ok(), "the gate can decide");
    }
    folder.write("a.rego", allows("a"));
    assert!(matches!(
        next(&mut events).await,
        ReloadEvent::Recovered { .. }
    ));
    assert_eq!(engine.status().problem, None);
}

#[tokio::test]
async fn a_policy_that_fails_on_every_call_is_refused() {
    let folder = Folder::new(&allows("a"));
    let engine = folder.start().await;
    let mut events = engine.events();
    folder.write(
        "a.rego",
        "package kitelogik.userpolicy\n\ndeny contains \"no\" if to_number(\"x\") > 1\n",
    );
    assert!(matches!(
        refusal(&mut events).await,
        ReloadError::Undecided(_)
    ));
    assert!(allowed(&engine, "a").await);
}

#[tokio::test]
async fn a_version_that_fails_its_own_tests_is_refused() {
    let folder = Folder::new(&allows("a"));
    folder.write(
        "a_test.rego",
        "package a_test\n\nimport data.kitelogik.userpolicy\n\ntest_a if userpolicy.allow with input as {\"action\": \"a\"}\n\ntodo_test_b if false\n",
    );
    let engine = folder.start().await;
    let mut events = engine.events();
    folder.write("a.rego", allows("b"));
    let ReloadError::Test(report) = refusal(&mut events).await else {
        panic!("not its tests");
    };
    assert!(
        report.contains("test_a") && !report.contains("todo_test_b"),
        "{report}"
    );
    assert!(allowed(&engine, "a").await);

    // A table in YAML counts as well, and a new test alone is put to the policy in force.
    folder.write("a.rego", allows("a"));
    assert!(matches!(
        next(&mut events).await,
        ReloadEvent::Recovered { .. }
    ));
    folder.write(
        "b_test.yaml",
        "version: 1\ntests:\n  - {name: b is allowed, input: {action: b}, verdict: allow}\n",
    );
    let error = refusal(&mut events).await;
    assert!(
        matches!(&error, ReloadError::Test(text) if text.contains("b is allowed")),
        "{error}"
    );

    let untested = quick(PolicySource::directory(folder.path()))
        .self_test(false)
        .start()
        .await
        .unwrap();
    assert!(allowed(&untested, "a").await);
}

#[tokio::test]
async fn an_emptied_or_deleted_directory_is_never_no_policy() {
    let folder = Folder::new(&allows("a"));
    let engine = folder.start().await;
    let mut events = engine.events();
    folder.remove("a.rego");
    assert!(matches!(refusal(&mut events).await, ReloadError::Empty(_)));
    assert!(allowed(&engine, "a").await && !allowed(&engine, "b").await);

    // Nor are tests and data alone a policy.
    folder.write("a_test.rego", "package a_test\n\ntest_a if true\n");
    folder.write("data.json", "{\"a\": 1}");
    assert!(matches!(refusal(&mut events).await, ReloadError::Empty(_)));
    assert!(allowed(&engine, "a").await);

    fs::remove_dir_all(folder.path()).unwrap();
    loop {
        match refusal(&mut events).await {
            ReloadError::Unreadable(_) => break,
            // It may be looked at while it is being deleted.
            ReloadError::Empty(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(allowed(&engine, "a").await && !allowed(&engine, "b").await);
    assert!(engine.status().watching);

    assert!(matches!(
        quick(PolicySource::directory(folder.path())).start().await,
        Err(ReloadError::Unreadable(_))
    ));
}

#[tokio::test]
async fn a_copy_that_is_still_being_made_is_not_taken() {
    let folder = Folder::new(&allows("a"));
    // Long enough that the second file comes in time on any machine.
    let engine = quick(PolicySource::directory(folder.path()))
        .quiet_for(Duration::from_secs(2))
        .start()
        .await
        .unwrap();
    let mut events = engine.events();
    let asked = tokio::spawn({
        let engine = engine.clone();
        async move { engine.reload_now().await }
    });
    // The first half allows everything; the second half denies what must not be.
    folder.write(
        "a.rego",
        "package kitelogik.userpolicy\n\nallow if input.action != \"x\"\n",
    );
    folder.write(
        "b.rego",
        "package kitelogik.userpolicy\n\ndeny contains \"never\" if input.action == \"drop\"\n",
    );
    let ReloadEvent::Reloaded(change) = next(&mut events).await else {
        panic!("not reloaded");
    };
    assert!(change.rules.came.iter().any(|rule| rule.name == "never"));
    assert!(decide(&engine, "drop").await.denied());
    asked.await.unwrap().unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn whoever_asks_learns_what_became_of_the_source() {
    let folder = Folder::new(&allows("a"));
    let engine = quick(PolicySource::directory(folder.path()))
        .poll_interval(Duration::from_secs(24 * 60 * 60))
        .start()
        .await
        .unwrap();
    assert_eq!(engine.reload_now().await, Ok(ReloadOutcome::Unchanged));
    folder.write("a.rego", "package kitelogik.userpolicy\n\nallow if {\n");
    assert!(matches!(
        engine.reload_now().await,
        Err(ReloadError::Load(_))
    ));
    folder.write("a.rego", allows("b"));
    engine.reload_now().await.unwrap();
    assert!(allowed(&engine, "b").await);
}

#[tokio::test]
async fn a_function_is_told_of_each_event_and_its_panic_stops_nothing() {
    let folder = Folder::new(&allows("a"));
    let told = Arc::new(Mutex::new(Vec::new()));
    let engine = quick(PolicySource::directory(folder.path()))
        .on_event({
            let told = Arc::clone(&told);
            move |event| {
                told.lock().unwrap().push(event.clone());
                assert!(!matches!(event, ReloadEvent::Refused(_)), "as a test does");
            }
        })
        .start()
        .await
        .unwrap();
    let mut events = engine.events();
    folder.write("a.rego", "not Rego");
    let first = next(&mut events).await;
    folder.write("a.rego", allows("b"));
    let second = next(&mut events).await;
    assert_eq!(
        *told.lock().unwrap_or_else(|told| told.into_inner()),
        [first, second]
    );
    assert!(allowed(&engine, "b").await);
}

#[tokio::test]
async fn what_else_a_policy_is_made_of_is_followed_as_well() {
    let folder =
        Folder::new("package kitelogik.userpolicy\n\nallow if input.action in data.actions\n");
    let data = folder.beside("actions.json");
    fs::write(&data, "{\"actions\": [\"a\"]}").unwrap();
    let engine = quick(PolicySource::directory(folder.path()))
        .compose({
            let data = data.clone();
            move |policy| policy.data_file(&data)
        })
        .engine(|engine| engine.evaluation_time(Duration::from_millis(50)))
        .start()
        .await
        .unwrap();
    let mut events = engine.events();
    assert!(allowed(&engine, "a").await);
    super::put(&data, b"{\"actions\": [\"b\"]}");
    assert!(matches!(next(&mut events).await, ReloadEvent::Reloaded(_)));
    assert!(allowed(&engine, "b").await && !allowed(&engine, "a").await);
}

#[test]
fn the_last_version_stays_when_nobody_looks_any_more() {
    let folder = Folder::new(&allows("a"));
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let first = runtime();
    let engine = first.block_on(folder.start());
    drop(first);
    assert!(!engine.status().watching);
    runtime().block_on(async {
        assert!(allowed(&engine, "a").await);
        assert_eq!(engine.reload_now().await, Err(ReloadError::Stopped));
    });
}
