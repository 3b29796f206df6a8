//! Panics and dropped futures: what is recorded is what really happened.

use std::future::pending;
use std::sync::{Arc, Barrier};

use futures_util::FutureExt;
use kitelogik::Outcome;
use kitelogik::prelude::*;

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
