//! Four processes and one request: this test program, run again.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use kitelogik_core::Use;
use kitelogik_ledger::{ApprovalOptions, Ledger, Reviewer};

use super::desk::{ann, refund};
use crate::stores::{TestStore, on_both_stores};

const PROCESSES: usize = 4;
const TASKS: usize = 50;

/// How many of all tasks of all processes won what they raced for.
fn race(store: &TestStore, what: &str, id: &str) -> usize {
    let mut racers: Vec<Child> = (0..PROCESSES)
        .map(|number| {
            Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "--ignored",
                    "--nocapture",
                    "approvals::processes::racer",
                ])
                .env("RACE_STORE", &store.address)
                .env("RACE_KEY", store.folder.path().join("ledger.key"))
                .env("RACE_FOR", what)
                .env("RACE_ID", id)
                .env("RACE_NUMBER", number.to_string())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut outputs: Vec<_> = racers
        .iter_mut()
        .map(|racer| BufReader::new(racer.stdout.take().unwrap()).lines())
        .collect();
    let mut next = |racer: usize, what: &str| loop {
        let line = outputs[racer].next().unwrap().unwrap();
        if let Some((_, rest)) = line.split_once(what) {
            return rest.to_owned();
        }
    };
    for racer in 0..PROCESSES {
        next(racer, "RACE ready");
    }
    for racer in &mut racers {
        racer.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
    let won = (0..PROCESSES).map(|racer| next(racer, "RACE won ").parse::<usize>().unwrap());
    let won = won.sum();
    for racer in &mut racers {
        assert!(racer.wait().unwrap().success());
    }
    won
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "one of the processes of the tests below"]
async fn racer() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let (what, id, number) = (
        variable("RACE_FOR"),
        variable("RACE_ID"),
        variable("RACE_NUMBER"),
    );
    let ledger = Ledger::builder(variable("RACE_STORE"))
        .key_file(variable("RACE_KEY"))
        .open()
        .await
        .unwrap();
    println!("RACE ready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (ledger, what, id) = (ledger.clone(), what.clone(), id.clone());
            let reviewer = Reviewer::new(format!("reviewer {number} {task}"));
            tokio::spawn(async move {
                match what.as_str() {
                    "use" => refund().use_up(&ledger, &id).await == Use::Taken,
                    _ => ledger.approvals().approve(&id, &reviewer, "").await.is_ok(),
                }
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        won += usize::from(task.await.unwrap());
    }
    ledger.close().await.unwrap();
    println!("RACE won {won}");
}

on_both_stores! {
    async fn of_four_processes_that_use_one_grant_exactly_one_wins(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let id = refund().pending(&ledger).await;
        ledger.approvals().approve(&id, &ann(), "").await.unwrap();
        assert_eq!(race(&store, "use", &id), 1);
    }

    async fn of_four_processes_that_decide_one_request_exactly_one_wins(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let id = refund().pending(&ledger).await;
        assert_eq!(race(&store, "decide", &id), 1);
    }
}
