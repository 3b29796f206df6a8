//! A client whose breakers a test watches.

use kitelogik_core::{EngineError, FailClosed, PolicyDecision};
use kitelogik_opa::{BreakerChange, BreakerState, OpaClient, OpaClientBuilder};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::decide;

pub(crate) struct Watched {
    pub(crate) client: OpaClient,
    changes: UnboundedReceiver<BreakerChange>,
}

impl Watched {
    pub(crate) fn build(builder: OpaClientBuilder) -> Self {
        let (told, changes) = mpsc::unbounded_channel();
        let builder = builder.on_breaker_change(move |change| {
            // The test may be over.
            let _ = told.send(change.clone());
        });
        Self {
            client: builder.build().unwrap(),
            changes,
        }
    }

    /// Waits until the breaker of any endpoint becomes this.
    pub(crate) async fn until(&mut self, state: BreakerState) -> BreakerChange {
        loop {
            let change = self.changes.recv().await.unwrap();
            if change.to == state {
                return change;
            }
        }
    }

    /// Asks until the breaker is open, and gives the codes of the denials on the way.
    pub(crate) async fn until_open(&mut self) -> Vec<FailClosed> {
        let mut codes = Vec::new();
        while self.client.breaker() != BreakerState::Open {
            match decide(&self.client, "read").await {
                Err(error) => codes.push(error.code()),
                Ok(decision) => assert!(decision.allowed()),
            }
        }
        self.until(BreakerState::Open).await;
        codes
    }

    /// Asks until there is a decision, and gives the errors before it.
    pub(crate) async fn until_decided(&self) -> (PolicyDecision, Vec<EngineError>) {
        let mut errors = Vec::new();
        loop {
            match decide(&self.client, "read").await {
                Ok(decision) => return (decision, errors),
                Err(error) => errors.push(error),
            }
            tokio::task::yield_now().await;
        }
    }

    /// The changes that were told and not waited for.
    pub(crate) fn changes(&mut self) -> Vec<BreakerChange> {
        std::iter::from_fn(|| self.changes.try_recv().ok()).collect()
    }
}
