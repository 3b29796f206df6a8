//! Processes that are killed while they record.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kitelogik_core::{AuditSink as _, Outcome};
use kitelogik_ledger::{AuditFilter, Ledger, Order};

use super::world::{allowed, record};
use crate::stores::TestStore;

/// Set in a child: the address of the ledger that it records to until it is killed.
const CHILD: &str = "KITELOGIK_TEST_RECORDS_TO";

const KILLS: u64 = 100;

/// Not a test of its own: what the killed processes do. Each line that it writes is a decision that
/// was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_records_until_it_is_killed() {
    let Ok(address) = std::env::var(CHILD) else {
        return;
    };
    let ledger = Ledger::open(&address).await.unwrap();
    let callers = (0..16).map(|caller| {
        let log = ledger.audit();
        tokio::spawn(async move {
            loop {
                let made = allowed();
                let id = record(&log, &format!("s{caller}"), &made).await;
                println!("acknowledged {}", made.decision_id);
                log.record_outcome(id, Outcome::Ran);
            }
        })
    });
    futures_util::future::join_all(callers).await;
}

/// Runs a child, kills it some moments after its first acknowledgement, and gives what it was told.
fn killed(address: &str, number: u64) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "audit::crash::a_child_records_until_it_is_killed",
            "--exact",
            "--nocapture",
        ])
        .env(CHILD, address)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = Vec::new();
    let mut deadline = None;
    // A moment of its own each time: 0 to 60 ms under load.
    let moment = Duration::from_micros(number.wrapping_mul(7_919) % 60_000);
    for line in lines.by_ref() {
        let line = line.unwrap();
        if let Some(decision) = line.split("acknowledged ").nth(1) {
            told.push(decision.trim().to_owned());
        }
        let deadline = *deadline.get_or_insert_with(|| Instant::now() + moment);
        if !told.is_empty() && Instant::now() >= deadline {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had written before it died counts as well; a line that was cut does not.
    for line in lines.map_while(Result::ok) {
        if let Some(decision) = line.strip_prefix("acknowledged ")
            && decision.len() == 36
        {
            told.push(decision.to_owned());
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_missing_after_a_hundred_kills_and_the_chain_verifies() {
    let store = TestStore::sqlite();
    let address = store.address.clone();
    let mut acknowledged = Vec::new();
    for number in 0..KILLS {
        let address = address.clone();
        let told = tokio::task::spawn_blocking(move || killed(&address, number));
        acknowledged.extend(told.await.unwrap());
    }
    assert!(acknowledged.len() as u64 >= KILLS);

    let ledger = Ledger::open(&address).await.unwrap();
    let log = ledger.audit();
    let found = log.verify(&Default::default(), |_| ()).await.unwrap();
    assert!(found.is_intact(), "{:?}", found.problems);
    let mut filter = AuditFilter::all();
    filter.limit = Some(1_000);
    filter.order = Order::OldestFirst;
    let mut records = BTreeMap::new();
    loop {
        let page = log.query(&filter).await.unwrap();
        for record in page.records {
            records.insert(record.decision_id.clone(), record);
        }
        let Some(next) = page.next else { break };
        filter.after = Some(next);
    }
    for decision in &acknowledged {
        assert!(records.contains_key(decision), "{decision} is missing");
    }
    let crashed = records.values().filter(|record| record.is_open).count();
    assert!(
        crashed > 0,
        "some were killed before their outcome, and show it"
    );
}
