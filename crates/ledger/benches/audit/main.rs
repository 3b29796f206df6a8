//! What recording costs, and how fast the record is read and verified.
//!
//! `cargo bench -p kitelogik-ledger --bench audit`

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kitelogik_core::{AuditSink, DecisionRecord, Outcome};
use kitelogik_ledger::{AuditFilter, Durability, Ledger, VerifyOptions};
use tempfile::TempDir;
use tokio::runtime::Runtime;

mod load;
mod plain;

use load::{Waits, context, decision, event};
use plain::PlainFile;

/// How many records the ledger has that is asked.
const RECORDS: usize = 1_000_000;

/// How long callers call at a steady rate.
const SECONDS: usize = 20;

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

/// Whether this part was asked for: making ready takes long.
fn is_wanted(part: &str) -> bool {
    std::env::args()
        .skip(1)
        .filter(|argument| argument.chars().all(char::is_alphabetic))
        .all(|filter| part.contains(&filter))
}

fn durable(criterion: &mut Criterion) {
    if !is_wanted("durable") {
        return;
    }
    let runtime = Runtime::new().unwrap();
    let folder = TempDir::new_in(".").unwrap();
    let ledger = ledger(&runtime, &folder, Durability::Disk);
    let sink: Arc<dyn AuditSink> = Arc::new(ledger.audit());
    let mut group = criterion.benchmark_group("durable");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(10));
    let calls = 6_400;
    group.throughput(Throughput::Elements((calls * load::RECORDS) as u64));
    group.bench_function("records from 64 callers, two for each call", |bencher| {
        bencher.iter_custom(|times| {
            let begun = Instant::now();
            for _ in 0..times {
                runtime.block_on(load::at_once(&sink, calls));
            }
            begun.elapsed()
        });
    });
    group.finish();
    drop(sink);
    runtime.block_on(ledger.close()).unwrap();
}

/// How long calls wait that come at a steady rate, and how long the disk alone makes them wait.
fn steady(_: &mut Criterion) {
    if !is_wanted("steady") {
        return;
    }
    let runtime = Runtime::new().unwrap();
    let folder = TempDir::new_in(".").unwrap();
    let ledger = ledger(&runtime, &folder, Durability::Disk);
    let sink: Arc<dyn AuditSink> = Arc::new(ledger.audit());
    for rate in [10_000, 20_000] {
        let calls = rate as usize * SECONDS;
        let plain = PlainFile::create(&folder.path().join("plain"));
        let plain = Arc::new(plain);
        let sinks: [Arc<dyn AuditSink>; 2] = [plain.clone(), sink.clone()];
        let [disk, waits] = sinks.map(|sink| runtime.block_on(load::at_rate(&sink, calls, rate)));
        let syncs = Arc::into_inner(plain).unwrap().close();
        let batch = (calls * load::RECORDS) as f64 / syncs.len() as f64;
        let syncs = Waits::new(syncs, Duration::from_secs(SECONDS as u64));
        println!(
            "steady/{:.0} calls ({:.0} records) per second from 64 callers: {waits}",
            waits.rate(),
            waits.rate() * load::RECORDS as f64,
        );
        println!("  a plain file, the same callers: {disk}");
        println!("  its append and fdatasync alone, {batch:.1} records at once: {syncs}");
        println!(
            "  the ledger's p99 is {:.1} times the plain file's",
            waits.at(0.99) / disk.at(0.99)
        );
    }
    drop(sink);
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

criterion_group!(benches, durable, steady, in_memory, reading);
criterion_main!(benches);
