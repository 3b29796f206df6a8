//! One caller, who chooses the arguments, tries to close OPA to the others.

use std::time::Duration;

use futures_util::future::join_all;
use kitelogik_core::FailClosed;
use kitelogik_opa::{BreakerState, OpaClient};
use kitelogik_opa_process::opa_or_skip;

use super::opa::{builder, start};
use super::peer::{Peer, Reply, answer, ok};
use super::proxy::Proxy;
use super::watched::Watched;
use super::{code, decide, fault};

const ALLOW: &str = r#"{"result": {"allow": true}}"#;

fn is_probe(request: &str) -> bool {
    request.contains(r#""action":"""#)
}

#[tokio::test]
async fn a_policy_made_to_ponder_closes_opa_to_nobody() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = start(&opa);
    let proxy = Proxy::start(opa.port().unwrap()).await;
    // Long enough for a probe beside an OPA that ponders, on a machine that has other things to do.
    let patience = Duration::from_secs(3);
    let mut watched = Watched::build(builder(&proxy.url).timeout(patience));
    // The second probe is sent only when the first has been answered.
    for probes in 1..=2 {
        let attacks = (0..16).map(|_| fault(&watched.client, "ponder"));
        for error in join_all(attacks).await {
            assert_eq!(code(&error), FailClosed::EngineTimeout);
        }
        proxy.asked(r#""action":"""#, probes).await;
        assert!(decide(&watched.client, "read").await.unwrap().allowed());
    }
    assert_eq!(watched.client.breaker(), BreakerState::Closed);
    assert!(watched.changes().is_empty());
}

/// Has `attacker` ask what `reply` treats badly, again and again, and sees that others are answered.
async fn attacked(reply: fn() -> Reply, patience: Duration, expected: Option<FailClosed>) {
    let peer = Peer::reading(move |_, request| match request.contains("evil") {
        true => reply(),
        false => Reply::Say(ok(ALLOW)),
    })
    .await;
    let builder = OpaClient::builder().base_url(&peer.url).timeout(patience);
    let mut watched = Watched::build(builder);
    for probes in 1..=3 {
        while peer.requests().iter().filter(|it| is_probe(it)).count() < probes {
            let asked = decide(&watched.client, "evil");
            match expected {
                Some(expected) => assert_eq!(asked.await.unwrap_err().code(), expected),
                // Given up as soon as it has been sent.
                None => {
                    let sent = peer
                        .requests()
                        .iter()
                        .filter(|it| it.contains("evil"))
                        .count();
                    tokio::select! {
                        _ = asked => panic!("it was answered"),
                        () = peer.asked(sent + 1, |it| it.contains("evil")) => {}
                    }
                }
            }
            tokio::task::yield_now().await;
        }
        assert!(decide(&watched.client, "read").await.unwrap().allowed());
    }
    assert_eq!(watched.client.breaker(), BreakerState::Closed);
    assert!(watched.changes().is_empty());
}

#[tokio::test]
async fn requests_that_make_the_connection_break_close_it_to_nobody() {
    let patience = Duration::from_secs(30);
    let code = Some(FailClosed::EngineUnreachable);
    attacked(|| Reply::Reset, patience, code).await;
    let half = || Reply::Close(b"HTTP/1.1 200 OK\r\n".to_vec());
    attacked(half, patience, code).await;
}

#[tokio::test]
async fn requests_that_a_gateway_gives_up_on_close_it_to_nobody() {
    let late = || Reply::Say(answer("504 Gateway Timeout", "", "too late"));
    let code = Some(FailClosed::EngineProtocol);
    attacked(late, Duration::from_secs(30), code).await;
}

#[tokio::test]
async fn requests_that_are_given_up_close_it_to_nobody() {
    attacked(|| Reply::Hang(Vec::new()), Duration::from_secs(30), None).await;
}

#[tokio::test]
async fn requests_that_are_never_answered_close_it_to_nobody() {
    let code = Some(FailClosed::EngineTimeout);
    attacked(|| Reply::Hang(Vec::new()), Duration::from_millis(500), code).await;
}

#[tokio::test]
async fn policies_that_fail_do_not_even_call_for_a_probe() {
    let body = r#"{"code": "internal_error", "message": "m", "errors": [{"code": "eval_conflict_error"}]}"#;
    let peer =
        Peer::start(move |_| Reply::Say(answer("500 Internal Server Error", "", body))).await;
    let client = peer.client();
    for _ in 0..20 {
        assert_eq!(
            code(&fault(&client, "evil").await),
            FailClosed::EvaluationError
        );
    }
    assert!(!peer.requests().iter().any(|it| is_probe(it)));
    assert_eq!(client.breaker(), BreakerState::Closed);
}

#[tokio::test]
async fn a_server_that_answers_everybody_with_a_5xx_is_not_asked() {
    let peer = Peer::start(|_| Reply::Say(answer("503 Service Unavailable", "", "later"))).await;
    let mut watched = Watched::build(
        OpaClient::builder()
            .base_url(&peer.url)
            .timeout(Duration::from_secs(30)),
    );
    while watched.client.breaker() == BreakerState::Closed {
        assert_eq!(
            code(&fault(&watched.client, "read").await),
            FailClosed::EngineProtocol
        );
        tokio::task::yield_now().await;
    }
    let change = watched.until(BreakerState::Open).await;
    assert!(change.reason.unwrap().contains("503"));
}
