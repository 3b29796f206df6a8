//! Several real servers, of which not all answer.

use std::time::Duration;

use kitelogik_core::{FailClosed, PolicyEngine};
use kitelogik_opa::{BreakerState, EndpointStatus, OpaClient, OpaClientBuilder};
use kitelogik_opa_process::{Opa, OpaProcess, opa_or_skip};
use tokio::net::{TcpSocket, TcpStream};

use super::opa::builder;
use super::proxy::{Mode, Proxy};
use super::watched::Watched;
use super::{code, decide, fault};

const NEVER: Duration = Duration::from_secs(24 * 3600);
const AT_ONCE: Duration = Duration::from_nanos(16);

/// An OPA that names itself in what it decides.
fn named(opa: &Opa, name: &str) -> OpaProcess {
    let rego = format!(
        "package kitelogik.main\n\nallow if input.action == \"read\"\n\nrules contains \"{name}\"\n"
    );
    opa.server().module("main.rego", rego).start().unwrap()
}

/// Who decides.
async fn decider(client: &OpaClient) -> String {
    let decision = decide(client, "read").await.unwrap();
    assert!(decision.allowed());
    decision.rules.into_iter().next().unwrap()
}

/// A port that is taken and on which nobody listens.
struct Dead {
    url: String,
    _socket: TcpSocket,
}

impl Dead {
    fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self {
            url: format!("http://{}", socket.local_addr().unwrap()),
            _socket: socket,
        }
    }
}

fn both(first: &str, second: &str) -> OpaClientBuilder {
    builder(first).endpoint(second)
}

fn states(client: &OpaClient) -> Vec<BreakerState> {
    let endpoints = client.endpoints();
    endpoints
        .iter()
        .map(|it: &EndpointStatus| it.breaker)
        .collect()
}

#[test]
fn endpoints_are_asked_in_the_order_in_which_they_were_given() {
    let urls = |builder: OpaClientBuilder| {
        let endpoints = builder.build().unwrap().endpoints();
        endpoints.into_iter().map(|it| it.url).collect::<Vec<_>>()
    };
    let builder = OpaClient::builder;
    assert_eq!(urls(builder()), ["http://localhost:8181"]);
    let (a, b, c) = ("http://a:1", "http://b:2/opa", "http://c:3");
    assert_eq!(urls(builder().endpoint(a).endpoint(b)), [a, b]);
    assert_eq!(
        urls(builder().base_url(a).endpoint(b).endpoint(c)),
        [a, b, c]
    );
    assert_eq!(urls(builder().endpoint(b).base_url(a)), [a, b]);
    #[cfg(unix)]
    assert_eq!(
        urls(builder().unix_socket("/run/opa.sock").endpoint(b)),
        ["http://localhost:8181", b]
    );
    assert!(builder().endpoint(a).endpoint("nowhere").build().is_err());
}

#[tokio::test]
async fn no_call_is_denied_while_one_of_two_answers() {
    let Some(opa) = opa_or_skip!() else { return };
    let (mut first, second) = (named(&opa, "first"), named(&opa, "second"));
    let mut watched = Watched::build(both(&first.url(), &second.url()).probe_interval(AT_ONCE));
    let client = watched.client.clone();
    assert_eq!(decider(&client).await, "first");

    first.kill().unwrap();
    while client.breaker() == BreakerState::Closed {
        assert_eq!(decider(&client).await, "second");
    }
    watched.until(BreakerState::Open).await;
    for _ in 0..20 {
        assert_eq!(decider(&client).await, "second");
    }

    first.restart().unwrap();
    while client.breaker() != BreakerState::Closed {
        decider(&client).await;
    }
    assert_eq!(decider(&client).await, "first");
}

#[tokio::test]
async fn one_that_is_left_alone_costs_no_connection() {
    let Some(opa) = opa_or_skip!() else { return };
    let (first, second) = (named(&opa, "first"), named(&opa, "second"));
    let proxy = Proxy::start(first.port().unwrap()).await;
    let mut watched = Watched::build(both(&proxy.url, &second.url()).probe_interval(NEVER));
    proxy.set(Mode::Refuse);
    while watched.client.breaker() == BreakerState::Closed {
        assert_eq!(decider(&watched.client).await, "second");
    }
    watched.until(BreakerState::Open).await;
    let made = proxy.connections();
    proxy.set(Mode::Pass);
    for _ in 0..20 {
        assert_eq!(decider(&watched.client).await, "second");
    }
    assert_eq!(proxy.connections(), made);
    assert_eq!(
        states(&watched.client),
        [BreakerState::Open, BreakerState::Closed]
    );
}

#[tokio::test]
async fn one_that_stands_still_is_passed_over_once_found_out() {
    let Some(opa) = opa_or_skip!() else { return };
    let (first, second) = (named(&opa, "first"), named(&opa, "second"));
    let builder = both(&first.url(), &second.url()).timeout(Duration::from_millis(500));
    let mut watched = Watched::build(builder.probe_interval(NEVER));
    first.pause().unwrap();
    while watched.client.breaker() == BreakerState::Closed {
        // An answer may still be on its way: it is not asked for a second time elsewhere.
        let error = fault(&watched.client, "read").await;
        assert_eq!(code(&error), FailClosed::EngineTimeout);
    }
    watched.until(BreakerState::Open).await;
    loop {
        // A slow machine may need more than one.
        match decide(&watched.client, "read").await {
            Ok(decision) => break assert!(decision.rules.contains("second")),
            Err(error) => assert_eq!(code(&error), FailClosed::EngineTimeout),
        }
    }
}

/// A Linux kernel drops what would make its queue of connections too long, as a host does that is gone.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_host_that_is_silent_leaves_time_for_the_next() {
    let Some(opa) = opa_or_skip!() else { return };
    let second = named(&opa, "second");
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let silent = socket.listen(1).unwrap();
    let address = silent.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        queue.push(stream.unwrap());
    }
    let client = both(&format!("http://{address}"), &second.url())
        .timeout(Duration::from_secs(4))
        .build()
        .unwrap();
    assert_eq!(decider(&client).await, "second");
}

#[tokio::test]
async fn one_without_its_policy_is_not_taken_while_another_answers() {
    let Some(opa) = opa_or_skip!() else { return };
    let (first, mut second) = (named(&opa, "first"), named(&opa, "second"));
    let port = first.port().unwrap();
    let builder = both(&first.url(), &second.url()).probe_interval(AT_ONCE);
    let mut watched = Watched::build(builder);
    drop(first);
    while watched.client.breaker() == BreakerState::Closed {
        assert_eq!(decider(&watched.client).await, "second");
    }
    let empty = opa.server().port(port).start().unwrap();
    watched.changes();
    loop {
        assert_eq!(decider(&watched.client).await, "second");
        let tried = watched.changes().into_iter();
        let reasons: Vec<String> = tried.filter_map(|change| change.reason).collect();
        if reasons.iter().any(|it| it.contains("undefined_decision")) {
            break;
        }
    }
    watched.client.health().await.unwrap();
    assert_eq!(watched.client.breaker(), BreakerState::Open);

    // Alone it is taken again, so that calls are told what is missing.
    second.kill().unwrap();
    loop {
        let error = fault(&watched.client, "read").await;
        if code(&error) == FailClosed::UndefinedDecision {
            break;
        }
        assert_eq!(code(&error), FailClosed::EngineUnreachable);
    }
    let unhealthy = watched.client.health().await.unwrap_err();
    assert_eq!(code(&unhealthy), FailClosed::UndefinedDecision);
    drop(empty);
}

#[tokio::test]
async fn health_is_that_of_the_endpoint_which_decides() {
    let Some(opa) = opa_or_skip!() else { return };
    let (empty, full) = (opa.server().start().unwrap(), named(&opa, "full"));
    let dead = Dead::new();
    for (builder, expected) in [
        (both(&full.url(), &empty.url()), None),
        (both(&dead.url, &full.url()), None),
        // Up, but without a policy: calls are denied, whatever the second could say.
        (
            both(&empty.url(), &full.url()),
            Some(FailClosed::UndefinedDecision),
        ),
        (
            both(&dead.url, &dead.url),
            Some(FailClosed::EngineUnreachable),
        ),
    ] {
        let client = builder.build().unwrap();
        let health = client.health().await;
        assert_eq!(health.as_ref().err().map(code), expected, "{client:?}");
        let decision = decide(&client, "read").await;
        assert_eq!(decision.err().as_ref().map(code), expected, "{client:?}");
    }
}

#[tokio::test]
async fn where_nobody_answers_each_says_why() {
    let (first, second) = (Dead::new(), Dead::new());
    let client = both(&first.url, &second.url).build().unwrap();
    let error = fault(&client, "read").await;
    assert_eq!(code(&error), FailClosed::EngineUnreachable);
    for dead in [&first, &second] {
        assert!(error.detail().contains(&dead.url), "{error}");
    }
}
