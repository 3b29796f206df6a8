//! How much is under way at once, and that nothing of it is left behind.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use kitelogik_core::FailClosed;
use kitelogik_core::{GovernanceEvent, SessionContext, ToolCallInput};
use kitelogik_opa::{OpaClient, PolicyGate};

use super::peer::{Peer, Reply, ok};
use super::{code, decide, fault};

const ALLOW: &str = r#"{"result": {"allow": true}}"#;

/// Answers `read` and leaves everything else waiting.
async fn peer() -> Peer {
    Peer::reading(|_, request| {
        match request.contains("read") || request.contains(r#""action":"""#) {
            true => Reply::Say(ok(ALLOW)),
            false => Reply::Hang(Vec::new()),
        }
    })
    .await
}

fn client(peer: &Peer, connections: usize, patience: Duration) -> OpaClient {
    OpaClient::builder()
        .base_url(&peer.url)
        .max_connections(connections)
        .timeout(patience)
        .build()
        .unwrap()
}

#[tokio::test]
async fn no_more_connections_than_the_limit_are_made() {
    let peer = peer().await;
    let client = client(&peer, 2, Duration::from_secs(30));
    let decisions = join_all((0..30).map(|_| decide(&client, "read"))).await;
    for decision in decisions {
        assert!(decision.unwrap().allowed());
    }
    assert!(peer.connections() <= 2, "{}", peer.connections());
}

#[tokio::test]
async fn whoever_waits_for_a_place_as_long_as_a_decision_may_take_hits_a_limit() {
    let peer = peer().await;
    let client = client(&peer, 1, Duration::from_millis(200));
    let mut under_way = Box::pin(decide(&client, "hang"));
    tokio::select! {
        _ = &mut under_way => panic!("it was answered"),
        () = peer.asked(1, |it| it.contains("hang")) => {}
    }
    // It keeps its place, because nobody looks whether its time is up.
    let error = fault(&client, "read").await;
    assert_eq!(code(&error), FailClosed::LimitExceeded, "{error}");
    assert!(error.detail().contains("none ended within"), "{error}");
}

#[tokio::test]
async fn no_more_wait_than_sixteen_for_each_connection() {
    let peer = peer().await;
    let client = client(&peer, 2, Duration::from_secs(30));
    let mut all: FuturesUnordered<_> = (0..2 + 32 + 5).map(|_| decide(&client, "hang")).collect();
    for _ in 0..5 {
        let error = all.next().await.unwrap().unwrap_err();
        assert_eq!(code(&error), FailClosed::LimitExceeded, "{error}");
        assert!(error.detail().contains("32 more are waiting"), "{error}");
    }
    tokio::select! {
        _ = all.next() => panic!("it was answered"),
        () = peer.asked(2, |it| it.contains("hang")) => {}
    }
    assert_eq!(peer.requests().len(), 2);
}

#[tokio::test]
async fn a_dropped_question_closes_its_connection_and_gives_its_place_back() {
    let peer = peer().await;
    let client = client(&peer, 1, Duration::from_secs(30));
    for round in 1..=20 {
        tokio::select! {
            _ = decide(&client, "hang") => panic!("it was answered"),
            () = peer.asked(round, |it| it.contains("hang")) => {}
        }
        peer.hung_up_on().await;
        assert!(decide(&client, "read").await.unwrap().allowed());
    }
}

#[tokio::test]
async fn a_gate_that_gives_up_cancels_the_question() {
    let peer = peer().await;
    let gate = PolicyGate::builder(client(&peer, 1, Duration::from_secs(30)))
        .decision_timeout(Duration::from_millis(100))
        .build();
    let call = |action: &str| {
        GovernanceEvent::ToolCall(ToolCallInput::new(action, serde_json::Map::new()))
    };
    let nobody = SessionContext::new("s");
    let decision = gate.evaluate(&call("hang"), &nobody).await;
    assert_eq!(decision.fail_closed, Some(FailClosed::EngineTimeout));
    peer.hung_up_on().await;
    assert!(gate.evaluate(&call("read"), &nobody).await.allowed());
}

#[tokio::test]
async fn a_deadline_of_the_caller_s_own_cancels_the_question() {
    let peer = peer().await;
    let gate = PolicyGate::new(client(&peer, 1, Duration::from_secs(30)));
    let session = gate.session(SessionContext::new("s"));
    let call = |action: &str| {
        GovernanceEvent::ToolCall(ToolCallInput::new(action, serde_json::Map::new()))
    };
    let hurried = session.within(Duration::from_millis(100));
    let decision = hurried.evaluate(&call("hang")).await;
    assert_eq!(decision.fail_closed, Some(FailClosed::EngineTimeout));
    peer.hung_up_on().await;
    assert!(session.evaluate(&call("read")).await.allowed());
}

#[tokio::test]
async fn a_question_dropped_while_it_waits_gives_its_turn_to_the_next() {
    let peer = peer().await;
    let client = client(&peer, 1, Duration::from_secs(30));
    let mut under_way = Box::pin(decide(&client, "hang"));
    tokio::select! {
        _ = &mut under_way => panic!("it was answered"),
        () = peer.asked(1, |it| it.contains("hang")) => {}
    }
    // Sixteen may wait; each of these does, and is dropped at once.
    for _ in 0..100 {
        let waiting = decide(&client, "read");
        assert!(futures_util::FutureExt::now_or_never(waiting).is_none());
    }
    let (waiting, ()) = tokio::join!(decide(&client, "read"), async { drop(under_way) });
    assert!(waiting.unwrap().allowed());
}
