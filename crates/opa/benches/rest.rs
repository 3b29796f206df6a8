//! What a decision over REST costs beside a bare POST of the same body to the same OPA.
//!
//! `cargo bench -p kitelogik-opa --features rest --bench rest`
//!
//! Each measurement is one question after the other on one kept connection. At the end all are
//! taken in turn, so that what else the machine does falls on each alike; that table holds the
//! figure to look at: the gate adds less than 10 % at the median. The policy is small, which is the
//! hardest case, for the less OPA has to do the more the client's share weighs.
//!
//! Then 64 callers ask at the same time, each one question after the other, through one client and
//! the other in turn: questions per second. And last, what a denial costs while OPA is dead and the
//! breaker open.

#![expect(clippy::unwrap_used, reason = "a benchmark is a program")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kitelogik_core::{
    BudgetUsage, FailClosed, GovernanceEvent, PolicyEngine, PolicyInput, SessionContext,
    ToolCallInput,
};
use kitelogik_opa::{BreakerState, OpaClient, PolicyGate, Session};
use kitelogik_opa_process::{OpaProcess, opa_or_skip};
use serde_json::{Map, json};
use tokio::runtime::Runtime;

const POLICY: &str = r#"
package kitelogik.main

allow if {
	input.action == "approve_refund"
	"approve_refund_under_100" in input.context.session_scopes
	input.args.amount <= 100
}

deny contains "Refunds over $200 require manager approval" if {
	input.action == "approve_refund"
	input.args.amount > 200
}
"#;

criterion_group!(benches, rest);
criterion_main!(benches);

fn rest(criterion: &mut Criterion) {
    let Some(opa) = opa_or_skip!() else { return };
    let mut opa = opa.server().module("main.rego", POLICY).start().unwrap();
    let setup = Setup::new(&opa);
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("rest");
    for kind in KINDS {
        group.bench_function(kind.name(), |bencher| {
            bencher.to_async(&runtime).iter(|| setup.ask(kind));
        });
    }
    group.finish();
    runtime.block_on(in_turn(&setup));
    at_once(&runtime, &Arc::new(setup));
    dead(criterion, &runtime, &mut opa);
}

#[derive(Clone, Copy)]
enum Kind {
    BarePost,
    BarePostByHyper,
    BarePostWithoutProvenance,
    Client,
    Gate,
}

const KINDS: [Kind; 4] = [
    Kind::BarePost,
    Kind::BarePostWithoutProvenance,
    Kind::Client,
    Kind::Gate,
];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::BarePost => "bare POST (reqwest)",
            Self::BarePostByHyper => "bare POST (hyper)",
            Self::BarePostWithoutProvenance => "bare POST without provenance",
            Self::Client => "OpaClient::decide",
            Self::Gate => "Session::evaluate",
        }
    }
}

struct Setup {
    bare: reqwest::Client,
    hyper: Client<HttpConnector, Full<Bytes>>,
    url: String,
    body: String,
    client: OpaClient,
    session: Session,
    event: GovernanceEvent,
    context: SessionContext,
}

impl Setup {
    fn new(opa: &OpaProcess) -> Self {
        let builder = OpaClient::builder().base_url(opa.url());
        let client = builder.timeout(Duration::from_secs(30)).build().unwrap();
        Self::of(opa, client)
    }

    fn of(opa: &OpaProcess, client: OpaClient) -> Self {
        let arguments: Map<_, _> = [
            ("customer_id".to_owned(), json!("cust_001")),
            ("amount".to_owned(), json!(42.0)),
        ]
        .into_iter()
        .collect();
        let event = GovernanceEvent::ToolCall(ToolCallInput::new("approve_refund", arguments));
        let context = SessionContext::new("example_01")
            .role("support_agent")
            .scopes(["read_customer", "approve_refund_under_100"]);
        let input = PolicyInput::new(&event, &context, BudgetUsage::default());
        // The client wants TLS even where it speaks to loopback.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            bare: reqwest::Client::builder().no_proxy().build().unwrap(),
            hyper: Client::builder(TokioExecutor::new()).build({
                let mut connector = HttpConnector::new();
                connector.set_nodelay(true);
                connector
            }),
            url: format!(
                "{}/v1/data/kitelogik/main?strict-builtin-errors=true",
                opa.url()
            ),
            body: json!({ "input": input }).to_string(),
            session: PolicyGate::new(client.clone()).session(context.clone()),
            client,
            event,
            context,
        }
    }

    async fn ask(&self, kind: Kind) {
        match kind {
            Kind::BarePost => self.post(&format!("{}&provenance=true", self.url)).await,
            Kind::BarePostByHyper => self.post_by_hyper().await,
            Kind::BarePostWithoutProvenance => self.post(&self.url).await,
            Kind::Client => {
                let input = PolicyInput::new(&self.event, &self.context, BudgetUsage::default());
                assert!(self.client.decide(&input).await.unwrap().allowed());
            }
            Kind::Gate => assert!(self.session.evaluate(&self.event).await.allowed()),
        }
    }

    async fn post(&self, url: &str) {
        let request = self
            .bare
            .post(url)
            .header("content-type", "application/json");
        let response = request.body(self.body.clone()).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(!response.bytes().await.unwrap().is_empty());
    }
}

impl Setup {
    async fn post_by_hyper(&self) {
        let request = http::Request::post(format!("{}&provenance=true", self.url))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(self.body.clone())))
            .unwrap();
        let response = self.hyper.request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(!body.is_empty());
    }
}

async fn in_turn(setup: &Setup) {
    const ROUNDS: usize = 4000;
    const WARM_UP: usize = 100;
    let mut measured = KINDS.map(|kind| (kind, Vec::with_capacity(ROUNDS)));
    for round in 0..WARM_UP + ROUNDS {
        for (kind, times) in &mut measured {
            let begin = Instant::now();
            setup.ask(*kind).await;
            if round >= WARM_UP {
                times.push(begin.elapsed());
            }
        }
        // What went before matters: the order changes from round to round.
        measured.swap(round % KINDS.len(), round / KINDS.len() % KINDS.len());
    }
    measured.sort_by_key(|(kind, _)| *kind as usize);
    println!("in turn, median of {ROUNDS} rounds:");
    let mut bare = None;
    for (kind, mut times) in measured {
        times.sort_unstable();
        let micros = times.get(ROUNDS / 2).unwrap().as_secs_f64() * 1e6;
        let share = micros / *bare.get_or_insert(micros) * 100.0 - 100.0;
        println!("  {:<30} {micros:7.1} us  {share:+6.1} %", kind.name());
    }
}

/// Questions per second with 64 callers, the kinds in turn.
fn at_once(runtime: &Runtime, setup: &Arc<Setup>) {
    const CALLERS: usize = 64;
    const EACH: usize = 40;
    const ROUNDS: usize = 60;
    let kinds = [
        Kind::BarePost,
        Kind::BarePostByHyper,
        Kind::Client,
        Kind::Gate,
    ];
    let mut measured = kinds.map(|kind| (kind, Vec::with_capacity(ROUNDS)));
    for round in 0..=ROUNDS {
        for (kind, rates) in &mut measured {
            let begin = Instant::now();
            runtime.block_on(async {
                let callers: Vec<_> = (0..CALLERS)
                    .map(|_| {
                        let (setup, kind) = (Arc::clone(setup), *kind);
                        tokio::spawn(async move {
                            for _ in 0..EACH {
                                setup.ask(kind).await;
                            }
                        })
                    })
                    .collect();
                for caller in callers {
                    caller.await.unwrap();
                }
            });
            // The first round makes the connections.
            if round > 0 {
                rates.push((CALLERS * EACH) as f64 / begin.elapsed().as_secs_f64());
            }
        }
        measured.rotate_left(1);
    }
    measured.sort_by_key(|(kind, _)| *kind as usize);
    println!("{CALLERS} callers at once, median of {ROUNDS} rounds in turn:");
    let mut bare = None;
    for (kind, mut rates) in measured {
        rates.sort_by(f64::total_cmp);
        let rate = *rates.get(ROUNDS / 2).unwrap();
        let share = rate / *bare.get_or_insert(rate) * 100.0;
        println!("  {:<30} {rate:7.0} /s  {share:6.1} %", kind.name());
    }
}

/// A denial through the whole gate while OPA is dead.
fn dead(criterion: &mut Criterion, runtime: &Runtime, opa: &mut OpaProcess) {
    let client = OpaClient::builder()
        .base_url(opa.url())
        .probe_interval(Duration::from_secs(24 * 3600))
        .build()
        .unwrap();
    let setup = Setup::of(opa, client.clone());
    opa.kill().unwrap();
    let denial = async || {
        let decision = setup.session.evaluate(&setup.event).await;
        assert_eq!(decision.fail_closed, Some(FailClosed::EngineUnreachable));
    };
    runtime.block_on(async {
        while client.breaker() != BreakerState::Open {
            denial().await;
        }
    });
    criterion.bench_function("rest/denial while OPA is dead", |bencher| {
        bencher.to_async(runtime).iter(&denial);
    });
}
