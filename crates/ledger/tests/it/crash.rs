//! Processes, and servers, that are killed while they write.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use kitelogik_core::{Approval, Approver as _, AuditSink as _, Outcome, Use};
use kitelogik_ledger::{ApprovalState, AuditFilter, Ledger, Order};
use serde_json::json;

use crate::approvals::desk::{Asking, ann, refund_of, session, steps};
use crate::audit::world::{allowed, try_record_made};
use crate::stores::TestStore;

/// Set in a child: the address of the ledger that it writes to until it is killed, its key, and its number.
const CHILD: &str = "KITELOGIK_TEST_WRITES_TO";
const KEY: &str = "KITELOGIK_TEST_KEY";
const ROUND: &str = "KITELOGIK_TEST_ROUND";

/// How often a process that writes to SQLite is killed.
const KILLS: u64 = 100;

/// How often a process that writes to PostgreSQL is killed. One is slower to begin.
#[cfg(feature = "postgres")]
const POSTGRES_KILLS: u64 = 20;

/// In each of so many of these rounds, the server is killed under the process first.
#[cfg(feature = "postgres")]
const SERVER_EVERY: u64 = 4;

/// What was acknowledged to a process before it died.
#[derive(Default)]
struct Told {
    decisions: Vec<String>,
    /// Requests by id, with the number of the call.
    asked: BTreeMap<String, u64>,
    approved: BTreeSet<String>,
    /// Each as often as somebody was told that it was theirs.
    used: Vec<String>,
}

/// One of the calls that wait for a person, each in a session of its own.
fn numbered(number: u64) -> Asking {
    refund_of(json!({"amount": number}))
        .with(|call| call.context = session(&format!("crash-{number}")))
}

/// Not a test of its own: what the killed processes do. Each line that it writes is what was
/// acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_writes_until_it_is_killed() {
    let Ok(address) = std::env::var(CHILD) else {
        return;
    };
    let variable = |name| std::env::var(name).unwrap();
    let round: u64 = variable(ROUND).parse().unwrap();
    let builder = Ledger::builder(address).key_file(variable(KEY));
    let ledger = builder.open().await.unwrap();
    let recorders = (0..12).map(|_| tokio::spawn(record_for_ever(ledger.clone())));
    let desks = (0..2).map(|desk| {
        let first = round * 1_000_000 + desk * 500_000;
        tokio::spawn(ask_for_ever(ledger.clone(), first))
    });
    futures_util::future::join_all(recorders.chain(desks)).await;
}

async fn record_for_ever(ledger: Ledger) {
    let log = ledger.audit();
    loop {
        let made = allowed();
        // It fails where the server was killed.
        if let Some(id) = try_record_made(&log, &made).await {
            println!("TOLD decision {} .", made.decision_id);
            log.record_outcome(id, Outcome::Ran);
        }
    }
}

/// Asks, approves and uses, each use tried twice at once.
async fn ask_for_ever(ledger: Ledger, first: u64) {
    let approver = ledger.approvals().pending();
    for number in first.. {
        let asking = numbered(number);
        let asked = approver.approve(&asking.request()).await;
        let Ok(Approval::Pending { request: id }) = asked else {
            continue;
        };
        println!("TOLD asked {number} {id} .");
        if ledger.approvals().approve(&id, &ann(), "").await.is_err() {
            continue;
        }
        println!("TOLD approved {id} .");
        let one = async {
            if let Ok(Use::Taken) = approver.use_up(&asking.request(), &id).await {
                println!("TOLD used {id} .");
            }
        };
        let other = async {
            if let Ok(Use::Taken) = approver.use_up(&asking.request(), &id).await {
                println!("TOLD used {id} .");
            }
        };
        futures_util::future::join(one, other).await;
    }
}

impl Told {
    /// A line that was cut tells of nothing.
    fn read(&mut self, line: &str) {
        let Some((_, line)) = line.split_once("TOLD ") else {
            return;
        };
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["decision", id, "."] => self.decisions.push(id.to_owned()),
            ["asked", number, id, "."] => {
                self.asked.insert(id.to_owned(), number.parse().unwrap());
            }
            ["approved", id, "."] => {
                self.approved.insert(id.to_owned());
            }
            ["used", id, "."] => self.used.push(id.to_owned()),
            _ => {}
        }
    }

    /// Runs a process, and kills it some moments after it was acknowledged its first write and, where
    /// there is something to do before, after that.
    fn killed(&mut self, store: &TestStore, round: u64, before: impl FnOnce()) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "crash::a_child_writes_until_it_is_killed",
                "--exact",
                "--nocapture",
            ])
            .env(CHILD, &store.address)
            .env(KEY, store.folder.path().join("ledger.key"))
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (send, told) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                send.send(line).unwrap();
            }
        });
        while self.decisions.is_empty() {
            self.read(&told.recv().unwrap());
        }
        // A moment of its own each time: 0 to 60 ms under load.
        let moment = Duration::from_micros(round.wrapping_mul(7_919) % 60_000);
        let deadline = Instant::now() + moment;
        while let Ok(line) = told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.read(&line);
        }
        before();
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had written before it died counts as well.
        for line in told {
            self.read(&line);
        }
        reader.join().unwrap();
    }
}

/// Kills a process so many times, and looks at what is left.
async fn suite(store: TestStore, rounds: u64, mut before: impl FnMut(u64) + Send + 'static) {
    let work = move || {
        let mut all = Told::default();
        for round in 0..rounds {
            let mut told = Told::default();
            told.killed(&store, round, || before(round));
            all.decisions.extend(told.decisions);
            all.asked.extend(told.asked);
            all.approved.extend(told.approved);
            all.used.extend(told.used);
        }
        (store, all)
    };
    let (store, told) = tokio::task::spawn_blocking(work).await.unwrap();
    assert!(told.decisions.len() as u64 >= rounds);
    let ledger = store.open().await;
    let log = ledger.audit();
    let found = log.verify(&Default::default(), |_| ()).await.unwrap();
    assert!(found.is_intact(), "{:?}", found.problems);
    nothing_is_missing(&ledger, &told).await;
    nothing_was_used_twice(&ledger, &told).await;
    let found = log.verify(&Default::default(), |_| ()).await.unwrap();
    assert!(found.is_intact(), "{:?}", found.problems);
}

async fn nothing_is_missing(ledger: &Ledger, told: &Told) {
    let mut filter = AuditFilter::all();
    filter.limit = Some(1_000);
    filter.order = Order::OldestFirst;
    let mut open = BTreeMap::new();
    loop {
        let page = ledger.audit().query(&filter).await.unwrap();
        for record in page.records {
            open.insert(record.decision_id, record.is_open);
        }
        let Some(next) = page.next else { break };
        filter.after = Some(next);
    }
    for decision in &told.decisions {
        assert!(open.contains_key(decision), "{decision} is missing");
    }
    assert!(
        open.values().any(|is_open| *is_open),
        "some were killed before their outcome, and show it"
    );
}

async fn nothing_was_used_twice(ledger: &Ledger, told: &Told) {
    let used: BTreeSet<&String> = told.used.iter().collect();
    assert_eq!(used.len(), told.used.len(), "one was used twice");
    assert!(!used.is_empty(), "none was used at all");
    let look = |(id, number): (String, u64)| {
        let (is_approved, is_used) = (told.approved.contains(&id), used.contains(&id));
        async move {
            let state = ledger.approvals().get(&id, &ann()).await.unwrap().state;
            assert!(!is_used || state == ApprovalState::Used, "{id} is {state}");
            assert!(
                !is_approved || matches!(state, ApprovalState::Approved | ApprovalState::Used),
                "{id} is {state}"
            );
            let again = numbered(number).use_up(ledger, &id).await;
            let is_left = state == ApprovalState::Approved;
            assert_eq!(again == Use::Taken, is_left, "{id} is {state}");
            let steps = steps(ledger, &id).await;
            let uses = steps.iter().filter(|step| *step == "used").count();
            let expected = usize::from(is_left || state == ApprovalState::Used);
            assert_eq!(uses, expected, "{id}: {steps:?}");
        }
    };
    let looked = stream::iter(told.asked.clone()).map(look);
    looked.buffer_unordered(16).for_each(async |()| ()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_kills_lose_nothing_and_let_nothing_be_used_twice() {
    suite(TestStore::sqlite(), KILLS, |_| ()).await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_process_and_server_lose_nothing_and_let_nothing_be_used_twice() {
    use std::sync::{Arc, Mutex};

    use kitelogik_postgres_process::{Server, skip_without_postgres};

    fn here() {}
    let here = std::any::type_name_of_val(&here);
    let Some(programs) = skip_without_postgres(env!("CARGO_PKG_NAME"), here) else {
        return;
    };
    let server = Server::start(programs).unwrap();
    let store = TestStore::postgres(server.database().unwrap());
    let server = Arc::new(Mutex::new(server));
    let killed = Arc::clone(&server);
    let before = move |round: u64| {
        if round % SERVER_EVERY == SERVER_EVERY - 1 {
            let mut server = killed.lock().unwrap();
            server.kill_at_once().unwrap();
            server.resume().unwrap();
        }
    };
    suite(store, POSTGRES_KILLS, before).await;
}
