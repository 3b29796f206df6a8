use std::time::Duration;

use futures_util::future::join_all;

use super::decide;
use super::peer::{Peer, Reply, ok};

const ALLOW: &str = r#"{"result": {"allow": true}}"#;
const DENY: &str = r#"{"result": {"allow": false}}"#;

#[tokio::test]
async fn decisions_one_after_the_other_share_a_connection() {
    let peer = Peer::with_body(ALLOW).await;
    let client = peer.client();
    for _ in 0..5 {
        assert!(decide(&client, "read").await.unwrap().allowed());
    }
    assert!(decide(&client.clone(), "read").await.unwrap().allowed());
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_dies_in_use_costs_one_retry_and_no_denial() {
    // The first connection answers once, and breaks when it is used again.
    let peer = Peer::start(|number| match number {
        1 => Reply::Reset,
        _ => Reply::Say(ok(ALLOW)),
    })
    .await;
    let client = peer.client();
    assert!(decide(&client, "read").await.unwrap().allowed());
    assert!(decide(&client, "read").await.unwrap().allowed());
    assert_eq!((peer.connections(), peer.requests().len()), (2, 3));
}

#[tokio::test]
async fn a_retry_never_uses_another_kept_connection() {
    const KEPT: usize = 4;
    let peer = Peer::start(|number| match number {
        KEPT => Reply::Reset,
        _ => Reply::Say(ok(ALLOW)),
    })
    .await;
    let client = peer.client();
    join_all((0..KEPT).map(|_| decide(&client, "read"))).await;
    let kept = peer.connections();
    assert!(kept > 1);

    assert!(decide(&client, "read").await.unwrap().allowed());

    assert_eq!(peer.connections(), kept + 1);
}

#[tokio::test]
async fn a_connection_the_server_asks_to_close_is_not_kept() {
    let peer = Peer::start(|_| {
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 27\r\n\r\n";
        Reply::Close(format!("{head}{ALLOW}").into_bytes())
    })
    .await;
    let client = peer.client();
    for _ in 0..3 {
        assert!(decide(&client, "read").await.unwrap().allowed());
    }
    assert_eq!((peer.connections(), peer.requests().len()), (3, 3));
}

#[tokio::test]
async fn an_answer_that_was_not_asked_for_is_never_the_next_decision_s() {
    let unasked = [ok(DENY), ok(ALLOW)].concat();
    let peer = Peer::start(move |number| match number {
        0 => Reply::Say(unasked.clone()),
        _ => Reply::Say(ok(DENY)),
    })
    .await;
    let client = peer.client();
    for _ in 0..3 {
        assert!(!decide(&client, "read").await.unwrap().allowed());
    }
    assert_eq!(peer.requests().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_at_the_same_time_get_each_their_own_answer() {
    let peer = Peer::start(|number| Reply::Say(ok([ALLOW, DENY][number % 2]))).await;
    let client = peer.client();
    let decisions = join_all((0..64).map(|_| decide(&client, "read"))).await;
    let allowed = decisions.iter().filter(|it| it.as_ref().unwrap().allowed());
    assert_eq!(allowed.count(), 32);
}

#[tokio::test]
async fn dropping_the_decision_closes_the_connection() {
    let peer = Peer::start(|_| Reply::Hang(Vec::new())).await;
    let client = peer.client();
    let given_up = tokio::time::timeout(Duration::from_millis(50), decide(&client, "read")).await;
    assert!(given_up.is_err());
    peer.hung_up_on().await;
}

#[test]
fn a_client_outlives_the_runtime_it_was_used_in() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let servers = tokio::runtime::Runtime::new().unwrap();
    let peer = servers.block_on(Peer::with_body(ALLOW));
    let client = peer.client();
    let first = runtime();
    assert!(first.block_on(decide(&client, "read")).unwrap().allowed());
    // The first runtime is there but nobody drives it: its connection must not be waited for.
    assert!(
        runtime()
            .block_on(decide(&client, "read"))
            .unwrap()
            .allowed()
    );
    drop(first);
    assert!(
        runtime()
            .block_on(decide(&client, "read"))
            .unwrap()
            .allowed()
    );
}

#[test]
fn outside_of_a_runtime_it_is_an_error_and_no_panic() {
    let client = kitelogik_opa::OpaClient::default();
    let error = futures_executor(decide(&client, "read")).unwrap_err();
    assert_eq!(error.code(), kitelogik_core::FailClosed::InternalError);
}

/// Polls once, as an executor that is not Tokio's would.
fn futures_executor<T>(work: impl Future<Output = T>) -> T {
    futures_util::FutureExt::now_or_never(work).unwrap()
}
