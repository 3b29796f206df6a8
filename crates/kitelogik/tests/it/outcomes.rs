//! Panics and dropped futures: what is recorded is what really happened.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use kitelogik::Outcome;
use kitelogik::prelude::*;
use serde_json::json;

use crate::evidence::Evidence;

#[governed]
async fn explode() -> String {
    panic!("on purpose")
}

#[governed]
fn explode_off_thread() -> String {
    panic!("on purpose")
}

#[tokio::test]
async fn a_panic_goes_on_in_a_direct_call_and_is_recorded() {
    let evidence = Evidence::default();
    let session = evidence.allowing();
    for call in [
        explode().run(&session).boxed(),
        explode_off_thread().run(&session).boxed(),
    ] {
        let panic = std::panic::AssertUnwindSafe(call).catch_unwind().await;
        let message = panic.unwrap_err();
        assert_eq!(message.downcast_ref::<&str>(), Some(&"on purpose"));
    }
    assert_eq!(evidence.outcomes(), [Some(Outcome::Panicked); 2]);
}

#[test]
fn a_panic_goes_on_in_a_blocking_call() {
    let evidence = Evidence::default();
    let session = evidence.allowing();
    let call = || explode_off_thread().run_blocking(&session);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
    assert_eq!(evidence.outcomes(), [Some(Outcome::Panicked)]);
}

#[tokio::test]
async fn a_panic_is_an_error_in_a_toolbox() {
    let evidence = Evidence::default();
    let tools = Toolbox::builder()
        .tool(explode)
        .tool(explode_off_thread)
        .build()
        .unwrap()
        .for_session(&evidence.allowing());
    for name in ["explode", "explode_off_thread"] {
        let error = tools.call_json(name, "{}").await.unwrap_err();
        assert!(matches!(error, ToolError::Panicked { tool } if tool == name));
    }
    assert_eq!(evidence.outcomes(), [Some(Outcome::Panicked); 2]);
}

#[governed]
async fn hang(#[state] begun: Arc<tokio::sync::Notify>) {
    begun.notify_one();
    pending::<()>().await;
}

#[tokio::test]
async fn a_body_whose_future_is_dropped_is_recorded_as_cancelled() {
    let evidence = Evidence::default();
    let session = evidence.allowing();
    let begun = Arc::new(tokio::sync::Notify::new());
    tokio::select! {
        _ = hang(begun.clone()).run(&session) => panic!("it never ends"),
        () = begun.notified() => {}
    }
    assert_eq!(evidence.outcomes(), [Some(Outcome::Cancelled)]);
    assert_eq!(session.usage().api_calls, Some(1));
}

#[tokio::test]
async fn a_call_that_was_never_run_is_not_recorded() {
    let evidence = Evidence::default();
    let session = evidence.allowing();
    drop(explode());
    drop(explode().run(&session));
    assert!(evidence.outcomes().is_empty());
    assert_eq!(session.usage().api_calls, Some(0));
}

#[governed]
fn wait(#[state] begun: Arc<tokio::sync::Notify>, #[state] gate: Arc<Barrier>) {
    begun.notify_one();
    gate.wait();
}

#[tokio::test]
async fn a_sync_body_that_outlives_its_future_is_recorded_as_ran() {
    let evidence = Evidence::default();
    let session = evidence.allowing();
    let begun = Arc::new(tokio::sync::Notify::new());
    let barrier = Arc::new(Barrier::new(2));
    tokio::select! {
        _ = wait(begun.clone(), barrier.clone()).run(&session) => panic!("it waits"),
        () = begun.notified() => {}
    }
    assert_eq!(evidence.outcomes(), [None]);
    barrier.wait();
    assert_eq!(evidence.first_outcome().await, Outcome::Ran);
}

#[governed]
fn count(#[state] runs: Arc<AtomicUsize>) {
    runs.fetch_add(1, Ordering::SeqCst);
}

/// Waits for what is there already, or comes from another thread, outside of any runtime.
fn without_runtime<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(ready) => return ready,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}

/// A runtime with one thread for `fn` bodies.
fn one_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .enable_time()
        .build()
        .unwrap()
}

#[test]
fn a_sync_body_that_waits_for_a_thread_never_runs_once_its_future_is_dropped() {
    let evidence = Evidence::default();
    let session = evidence.allowing();
    let begun = Arc::new(tokio::sync::Notify::new());
    let barrier = Arc::new(Barrier::new(2));
    let runs = Arc::new(AtomicUsize::new(0));
    let runtime = one_thread();
    runtime.block_on(async {
        let mut first = wait(begun.clone(), barrier.clone()).run(&session).boxed();
        assert!((&mut first).now_or_never().is_none());
        begun.notified().await;
        let mut second = count(runs.clone()).run(&session).boxed();
        assert!((&mut second).now_or_never().is_none());
        assert_eq!(session.usage().api_calls, Some(2));
        drop(second);
        assert_eq!(evidence.outcomes(), [None, Some(Outcome::NeverRan)]);
        assert_eq!(session.usage().api_calls, Some(1));
        barrier.wait();
        first.await.unwrap();
        // In the queue of the one thread, what was given up came before this.
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    });
    assert_eq!(runs.load(Ordering::SeqCst), 0);
    assert_eq!(
        evidence.outcomes(),
        [Some(Outcome::Ran), Some(Outcome::NeverRan)]
    );
    assert_eq!(session.usage().api_calls, Some(1));
}

#[test]
fn a_sync_body_that_waits_when_its_runtime_shuts_down_never_runs() {
    let evidence = Evidence::default();
    let session = evidence.allowing();
    let begun = Arc::new(tokio::sync::Notify::new());
    let barrier = Arc::new(Barrier::new(2));
    let runs = Arc::new(AtomicUsize::new(0));
    let runtime = one_thread();
    runtime.block_on(async {
        let first = wait(begun.clone(), barrier.clone());
        let (in_session, waiting) = (session.clone(), count(runs.clone()));
        tokio::spawn(async move { first.run(&in_session).await });
        begun.notified().await;
        let in_session = session.clone();
        tokio::spawn(async move { waiting.run(&in_session).await });
        while evidence.outcomes().len() < 2 {
            tokio::task::yield_now().await;
        }
    });
    runtime.shutdown_background();
    assert_eq!(evidence.outcomes(), [None, Some(Outcome::NeverRan)]);
    assert_eq!(session.usage().api_calls, Some(1));
    barrier.wait();
    assert_eq!(without_runtime(evidence.first_outcome()), Outcome::Ran);
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

#[test]
fn a_sync_body_that_gets_no_thread_never_runs() {
    let evidence = Evidence::default();
    let session = evidence.allowing();
    let runs = Arc::new(AtomicUsize::new(0));
    let tools = Toolbox::builder()
        .tool_with(count, runs.clone())
        .build()
        .unwrap()
        .for_session(&session);
    let runtime = one_thread();
    let authorize = || {
        runtime
            .block_on(tools.authorize("count", json!({})))
            .unwrap()
    };
    let (after_shutdown, without) = (authorize(), authorize());
    let handle = runtime.handle().clone();
    drop(runtime);
    let errors = [
        {
            let _entered = handle.enter();
            without_runtime(after_shutdown.run()).unwrap_err()
        },
        without_runtime(without.run()).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(
            error.model_text(),
            "Error: `count` failed: the host has no thread for it; it did not run"
        );
    }
    assert_eq!(runs.load(Ordering::SeqCst), 0);
    assert_eq!(evidence.outcomes(), [Some(Outcome::NeverRan); 2]);
    assert_eq!(session.usage().api_calls, Some(0));
}
