//! What recording costs, and how fast the record is read and verified.
//!
//! `cargo bench -p kitelogik-ledger --bench audit`

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kitelogik_core::{
    AuditSink, DecisionRecord, GovernanceEvent, Outcome, PolicyDecision, SessionContext,
    ToolCallInput,
};
use kitelogik_ledger::{AuditFilter, AuditLog, Durability, Ledger, VerifyOptions};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How many callers record at the same time.
const CALLERS: usize = 64;

/// How many records the ledger has that is asked.
const RECORDS: usize = 1_000_000;

fn event() -> GovernanceEvent {
    let args = json!({"customer_id": "cust_001", "amount": 42.5, "note": "as agreed by telephone"});
    GovernanceEvent::ToolCall(ToolCallInput::new(
        "approve_refund",
        args.as_object().unwrap().clone(),
    ))
}

fn decision() -> PolicyDecision {
    let document =
        json!({"allow": true, "rules": ["small_refunds"], "risk_tier": "TRANSACTIONAL_LOW"});
    PolicyDecision::from_result(&document, "data.kitelogik.main").unwrap()
}

fn context(session: usize) -> SessionContext {
    SessionContext::new(format!("session_{session:06}"))
        .role("support_agent")
        .scopes(["read_customer", "approve_refund_under_100"])
        .principal("ann@example.com")
        .tenant("acme")
}

fn ledger(runtime: &Runtime, folder: &TempDir, durability: Durability) -> Ledger {
    let address = format!("sqlite:{}", folder.path().join("ledger.db").display());
    runtime
        .block_on(
            Ledger::builder(address)
                .durability(durability)
                .capacity(2_000_000)
                .open(),
        )
        .unwrap()
}

/// One call: its decision, and its outcome. Gives how long the caller waited.
async fn call(log: &AuditLog, event: &GovernanceEvent, context: &SessionContext) -> Duration {
    let decision = decision();
    let record = DecisionRecord::new(event, context, &decision);
    let begun = Instant::now();
    let id = log.record_decision(&record).await.unwrap();
    log.record_outcome(id, Outcome::Ran);
    begun.elapsed()
}

/// Whether this part was asked for: making ready takes long.
fn is_wanted(part: &str) -> bool {
    std::env::args()
        .skip(1)
        .filter(|argument| argument.chars().all(char::is_alphabetic))
        .all(|filter| part.contains(&filter))
}

/// So many calls from 64 callers, each after `pause`; the waiting times of all.
async fn calls(log: &AuditLog, count: usize, every: Option<Duration>) -> Vec<Duration> {
    let event = Arc::new(event());
    let callers = (0..CALLERS).map(|caller| {
        let (log, event) = (log.clone(), Arc::clone(&event));
        tokio::spawn(async move {
            let context = context(caller);
            let mut waits = Vec::with_capacity(count / CALLERS);
            let mut pace = every.map(|every| {
                let offset = every.mul_f64(caller as f64 / CALLERS as f64);
                tokio::time::interval_at((Instant::now() + offset).into(), every)
            });
            for _ in 0..count / CALLERS {
                if let Some(pace) = &mut pace {
                    pace.tick().await;
                }
                waits.push(call(&log, &event, &context).await);
            }
            waits
        })
    });
    let mut all = Vec::with_capacity(count);
    for caller in callers.collect::<Vec<_>>() {
        all.extend(caller.await.unwrap());
    }
    all
}

fn durable(criterion: &mut Criterion) {
    if !is_wanted("durable") {
        return;
    }
    let runtime = Runtime::new().unwrap();
    let folder = TempDir::new_in(".").unwrap();
    let ledger = ledger(&runtime, &folder, Durability::Disk);
    let log = ledger.audit();
    let mut group = criterion.benchmark_group("durable");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(10));
    let batch = 6_400;
    group.throughput(Throughput::Elements(batch as u64));
    group.bench_function("calls from 64 callers", |bencher| {
        bencher.iter_custom(|times| {
            let begun = Instant::now();
            for _ in 0..times {
                runtime.block_on(calls(&log, batch, None));
            }
            begun.elapsed()
        });
    });
    group.finish();
    for rate in [10_000_u32, 20_000] {
        let every = Duration::from_secs(CALLERS as u64) / rate;
        let begun = Instant::now();
        let mut waits = runtime.block_on(calls(&log, rate as usize * 5, Some(every)));
        let rate = waits.len() as f64 / begun.elapsed().as_secs_f64();
        waits.sort();
        let at = |part: f64| {
            waits
                .get((waits.len() as f64 * part) as usize)
                .copied()
                .unwrap_or_default()
        };
        println!(
            "durable/{rate:.0} calls per second from 64 callers: p50 {:?}, p99 {:?}, p99.9 {:?}",
            at(0.5),
            at(0.99),
            at(0.999)
        );
    }
    runtime.block_on(ledger.close()).unwrap();
}

fn in_memory(criterion: &mut Criterion) {
    if !is_wanted("memory") {
        return;
    }
    let runtime = Runtime::new().unwrap();
    let folder = TempDir::new_in(".").unwrap();
    let ledger = ledger(&runtime, &folder, Durability::Memory);
    let log = ledger.audit();
    let (event, context, decision) = (event(), context(1), decision());
    criterion.bench_function("memory/decision and outcome", |bencher| {
        bencher.iter_custom(|times| {
            let mut waited = Duration::ZERO;
            for number in 0..times {
                let record = DecisionRecord::new(&event, &context, &decision);
                let begun = Instant::now();
                let id = runtime.block_on(log.record_decision(&record)).unwrap();
                log.record_outcome(id, Outcome::Ran);
                waited += begun.elapsed();
                if number % 1_000 == 999 {
                    runtime.block_on(log.flush()).unwrap();
                }
            }
            waited
        });
    });
    runtime.block_on(ledger.close()).unwrap();
}

fn reading(criterion: &mut Criterion) {
    if !is_wanted("reading") {
        return;
    }
    let runtime = Runtime::new().unwrap();
    let folder = TempDir::new_in(".").unwrap();
    let ledger = ledger(&runtime, &folder, Durability::Memory);
    let log = ledger.audit();
    runtime.block_on(async {
        let event = event();
        for number in 0..RECORDS {
            let context = context(number % 10_000);
            let decision = decision();
            let record = DecisionRecord::new(&event, &context, &decision);
            log.record_decision(&record).await.unwrap();
            if number % 10_000 == 0 {
                log.flush().await.unwrap();
            }
        }
        log.flush().await.unwrap();
    });
    let mut group = criterion.benchmark_group("reading 1,000,000 records");
    group.sample_size(10);
    group.bench_function("query by session", |bencher| {
        let filter = AuditFilter::session("session_004242");
        bencher.iter(|| {
            let page = runtime.block_on(log.query(&filter)).unwrap();
            assert_eq!(page.records.len(), 100);
        });
    });
    group.throughput(Throughput::Elements(RECORDS as u64));
    group.measurement_time(Duration::from_secs(30));
    group.bench_function("verify", |bencher| {
        bencher.iter(|| {
            let found = runtime
                .block_on(log.verify(&VerifyOptions::new(), |_| ()))
                .unwrap();
            assert!(found.is_intact());
        });
    });
    group.finish();
    runtime.block_on(ledger.close()).unwrap();
}

criterion_group!(benches, durable, in_memory, reading);
criterion_main!(benches);
