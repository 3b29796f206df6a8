//! An OPA that is killed and restarted while it is asked without a pause.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kitelogik_core::FailClosed;
use kitelogik_opa::BreakerState;
use kitelogik_opa_process::opa_or_skip;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::decide;
use super::opa::{builder, start};
use super::watched::Watched;

/// Callers that ask again and again.
struct Load {
    callers: JoinSet<Vec<FailClosed>>,
    begun: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
    allowed: watch::Sender<usize>,
    over: Arc<AtomicBool>,
}

impl Load {
    fn start(watched: &Watched, callers: usize) -> Self {
        let mut load = Self {
            callers: JoinSet::new(),
            begun: Arc::default(),
            answered: Arc::default(),
            allowed: watch::Sender::new(0),
            over: Arc::default(),
        };
        for _ in 0..callers {
            let client = watched.client.clone();
            let (begun, answered) = (load.begun.clone(), load.answered.clone());
            let (allowed, over) = (load.allowed.clone(), load.over.clone());
            load.callers.spawn(async move {
                let mut codes = Vec::new();
                while !over.load(Ordering::SeqCst) {
                    begun.fetch_add(1, Ordering::SeqCst);
                    match decide(&client, "read").await {
                        Ok(decision) => {
                            assert!(decision.allowed());
                            allowed.send_modify(|count| *count += 1);
                        }
                        Err(error) => codes.push(error.code()),
                    }
                    answered.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
                codes
            });
        }
        load
    }

    /// Waits until so many more calls have been allowed.
    async fn allowed(&self, more: usize) {
        let mut allowed = self.allowed.subscribe();
        let enough = *allowed.borrow() + more;
        allowed.wait_for(|count| *count >= enough).await.unwrap();
    }

    /// Ends it, and gives the codes of all denials.
    async fn end(self) -> Vec<FailClosed> {
        self.over.store(true, Ordering::SeqCst);
        let codes = self.callers.join_all().await.concat();
        assert_eq!(
            self.begun.load(Ordering::SeqCst),
            self.answered.load(Ordering::SeqCst)
        );
        codes
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_answered_while_opa_is_killed_and_restarted() {
    let Some(opa) = opa_or_skip!() else { return };
    let mut opa = start(&opa);
    let interval = Duration::from_secs(8);
    let mut watched = Watched::build(builder(opa.url()).probe_interval(interval));
    let load = Load::start(&watched, 8);
    for _ in 0..2 {
        load.allowed(100).await;
        opa.kill().unwrap();
        watched.until(BreakerState::Open).await;

        let opa_again = tokio::task::spawn_blocking(move || {
            opa.restart().unwrap();
            opa
        });
        opa = opa_again.await.unwrap();
        let back = Instant::now();
        watched.until(BreakerState::Closed).await;

        assert!(back.elapsed() <= interval, "{:?}", back.elapsed());
    }
    load.allowed(100).await;
    let codes = load.end().await;
    assert!(!codes.is_empty());
    assert!(codes.iter().all(|it| *it == FailClosed::EngineUnreachable));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_answered_while_opa_stands_still() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = start(&opa);
    let builder = builder(opa.url())
        .timeout(Duration::from_millis(500))
        .probe_interval(Duration::from_secs(2));
    let mut watched = Watched::build(builder);
    let load = Load::start(&watched, 8);
    load.allowed(100).await;
    opa.pause().unwrap();
    watched.until(BreakerState::Open).await;
    opa.resume().unwrap();
    watched.until(BreakerState::Closed).await;
    load.allowed(100).await;
    let codes = load.end().await;
    assert!(codes.contains(&FailClosed::EngineTimeout));
    assert!(codes.iter().all(|code| matches!(
        code,
        FailClosed::EngineUnreachable | FailClosed::EngineTimeout
    )));
}
