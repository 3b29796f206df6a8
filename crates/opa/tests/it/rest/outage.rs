//! An OPA that is gone for a while.

use std::time::Duration;

use futures_util::future::join_all;
use kitelogik_core::{FailClosed, GovernanceEvent, PolicyEngine, SessionContext, ToolCallInput};
use kitelogik_opa::{BreakerState, PolicyGate};
use kitelogik_opa_process::opa_or_skip;

use super::opa::{builder, start};
use super::proxy::{Mode, Proxy};
use super::watched::Watched;
use super::{code, decide, fault};

/// So that no probe comes while a test looks.
const NEVER: Duration = Duration::from_secs(24 * 3600);
/// So that the next probe is due at once.
const AT_ONCE: Duration = Duration::from_nanos(16);

#[tokio::test]
async fn a_dead_opa_is_found_out_and_not_bothered_again() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = start(&opa);
    let proxy = Proxy::start(opa.port().unwrap()).await;
    let mut watched = Watched::build(builder(&proxy.url).probe_interval(NEVER));
    assert!(decide(&watched.client, "read").await.unwrap().allowed());

    proxy.set(Mode::Refuse);
    let codes = watched.until_open().await;

    assert!(codes.len() >= 3, "{codes:?}");
    assert!(codes.iter().all(|it| *it == FailClosed::EngineUnreachable));
    let made = proxy.connections();
    proxy.set(Mode::Pass);
    for _ in 0..100 {
        let error = fault(&watched.client, "read").await;
        assert_eq!(code(&error), FailClosed::EngineUnreachable);
        for part in ["not asked", "next probe", &proxy.url] {
            assert!(error.detail().contains(part), "{part} in {error}");
        }
    }
    assert_eq!(proxy.connections(), made);
    assert!(watched.changes().is_empty());
}

#[tokio::test]
async fn an_opa_that_is_back_is_asked_again_by_the_call_that_finds_it() {
    let Some(opa) = opa_or_skip!() else { return };
    let mut opa = start(&opa);
    let mut watched = Watched::build(builder(opa.url()).probe_interval(AT_ONCE));
    opa.kill().unwrap();
    watched.until_open().await;
    opa.restart().unwrap();

    assert!(decide(&watched.client, "read").await.unwrap().allowed());

    assert_eq!(watched.client.breaker(), BreakerState::Closed);
    let change = watched.until(BreakerState::Closed).await;
    assert_eq!((change.from, change.reason), (BreakerState::HalfOpen, None));
    assert_eq!(change.endpoint, opa.url());
}

#[tokio::test]
async fn an_opa_that_stands_still_is_found_out_and_found_again() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = start(&opa);
    let patience = Duration::from_millis(300);
    let builder = builder(opa.url()).timeout(patience).probe_interval(AT_ONCE);
    let mut watched = Watched::build(builder);
    assert!(watched.until_decided().await.0.allowed());
    watched.changes();

    opa.pause().unwrap();
    let codes = watched.until_open().await;
    assert!(codes.contains(&FailClosed::EngineTimeout), "{codes:?}");

    opa.resume().unwrap();
    let (decision, errors) = watched.until_decided().await;
    assert!(decision.allowed());
    assert!(errors.iter().all(|error| matches!(
        error.code(),
        FailClosed::EngineUnreachable | FailClosed::EngineTimeout
    )));
}

#[tokio::test]
async fn a_gate_with_less_patience_than_the_client_finds_it_out_too() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = start(&opa);
    let proxy = Proxy::start(opa.port().unwrap()).await;
    let patience = Duration::from_millis(200);
    let mut watched = Watched::build(builder(&proxy.url).timeout(patience).probe_interval(NEVER));
    let gate = PolicyGate::builder(watched.client.clone())
        .decision_timeout(Duration::from_millis(10))
        .build();
    proxy.set(Mode::Hold);

    let call = ToolCallInput::new("read", serde_json::Map::new());
    let (event, nobody) = (GovernanceEvent::ToolCall(call), SessionContext::new("s"));
    while watched.client.breaker() == BreakerState::Closed {
        let decision = gate.evaluate(&event, &nobody).await;
        assert!(decision.denied());
    }

    let change = watched.until(BreakerState::Open).await;
    assert!(change.reason.unwrap().contains("engine_timeout"));
}

#[tokio::test]
async fn half_open_sends_one_probe_and_denies_the_others_meanwhile() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = start(&opa);
    let proxy = Proxy::start(opa.port().unwrap()).await;
    let mut watched = Watched::build(builder(&proxy.url).probe_interval(AT_ONCE));
    proxy.set(Mode::Refuse);
    watched.until_open().await;
    proxy.set(Mode::Hold);
    let made = proxy.connections();

    let client = watched.client.clone();
    let first = tokio::spawn(async move { decide(&client, "read").await });
    watched.until(BreakerState::HalfOpen).await;
    let others = join_all((0..50).map(|_| fault(&watched.client, "read"))).await;

    for error in others {
        assert_eq!(code(&error), FailClosed::EngineUnreachable);
        assert!(error.detail().contains("under way"), "{error}");
    }
    proxy.asked(r#""action":"""#, 1).await;
    assert_eq!(proxy.connections(), made + 1);
    proxy.set(Mode::Pass);
    assert!(first.await.unwrap().unwrap().allowed());
    assert_eq!(watched.client.breaker(), BreakerState::Closed);
}

#[tokio::test]
async fn health_asks_whatever_the_breaker_says_and_closes_it() {
    let Some(opa) = opa_or_skip!() else { return };
    let mut opa = start(&opa);
    let mut watched = Watched::build(builder(opa.url()).probe_interval(NEVER));
    opa.kill().unwrap();
    watched.until_open().await;
    let unhealthy = watched.client.health().await.unwrap_err();
    assert_eq!(code(&unhealthy), FailClosed::EngineUnreachable);
    assert_eq!(watched.client.breaker(), BreakerState::Open);

    opa.restart().unwrap();
    watched.client.health().await.unwrap();

    assert_eq!(watched.client.breaker(), BreakerState::Closed);
    assert!(decide(&watched.client, "read").await.unwrap().allowed());
}

#[tokio::test]
async fn an_observer_that_panics_harms_nobody() {
    let Some(opa) = opa_or_skip!() else { return };
    let mut opa = start(&opa);
    let builder = builder(opa.url()).probe_interval(AT_ONCE);
    let client = builder
        .on_breaker_change(|change| panic!("{change:?}"))
        .build()
        .unwrap();
    opa.kill().unwrap();
    while client.breaker() != BreakerState::Open {
        fault(&client, "read").await;
    }
    opa.restart().unwrap();
    assert!(decide(&client, "read").await.unwrap().allowed());
}

#[test]
fn a_probe_ends_with_its_runtime_and_leaves_the_next_runtime_to_probe() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = start(&opa);
    let servers = tokio::runtime::Runtime::new().unwrap();
    let proxy = servers.block_on(Proxy::start(opa.port().unwrap()));
    let mut watched = Watched::build(builder(&proxy.url).probe_interval(AT_ONCE));
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    proxy.set(Mode::Refuse);
    runtime().block_on(watched.until_open());
    proxy.set(Mode::Hold);
    let first = runtime();
    first.block_on(async {
        tokio::select! {
            _ = decide(&watched.client, "read") => panic!("nothing was answered"),
            () = proxy.asked(r#""action":"""#, 1) => {}
        }
    });
    assert_eq!(watched.client.breaker(), BreakerState::HalfOpen);
    drop(first);

    assert_eq!(watched.client.breaker(), BreakerState::Open);
    proxy.set(Mode::Pass);
    let decision = runtime().block_on(decide(&watched.client, "read"));
    assert!(decision.unwrap().allowed());
}
