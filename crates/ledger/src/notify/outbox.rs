use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// How many messages may be under way to one receiver, those that wait for their turn or for another
/// attempt among them: 1,000. One more is lost, and counted.
const MAX_UNDER_WAY: usize = 1_000;

/// How many are delivered at once.
const AT_ONCE: usize = 4;

/// Messages on their way, each in a task of its own, few of them at work at once.
#[derive(Clone)]
pub(super) struct Outbox {
    turns: Arc<Semaphore>,
    under_way: Arc<AtomicUsize>,
    lost: Arc<AtomicU64>,
}

/// One message's place, until it is delivered or given up.
struct Place(Arc<AtomicUsize>);

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            under_way: Arc::default(),
            lost: Arc::default(),
        }
    }

    /// Delivers in a task of its own, unless too many are under way.
    pub(super) fn send<F>(&self, to: &str, request: &str, deliver: impl FnOnce(Arc<Semaphore>) -> F)
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let before = self.under_way.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.under_way.clone());
        let (to, request) = (to.to_owned(), request.to_owned());
        let lost = self.lost.clone();
        let runtime = tokio::runtime::Handle::try_current();
        let (Ok(runtime), true) = (runtime, before < MAX_UNDER_WAY) else {
            lost.fetch_add(1, Ordering::Relaxed);
            tracing::error!(to, request, "not told: too many messages are under way");
            return;
        };
        let delivery = deliver(self.turns.clone());
        runtime.spawn(async move {
            let _place = place;
            match delivery.await {
                Ok(()) => tracing::debug!(to, request, "told of a request for approval"),
                Err(problem) => {
                    lost.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(to, request, problem, "not told of a request for approval");
                }
            }
        });
    }

    /// How many messages were not delivered.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
