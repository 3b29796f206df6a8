//! Our own gate: event in, typed decision out.

use std::time::Duration;

use anyhow::{Result, bail};
use kitelogik_core::{GovernanceEvent, Verdict};
use kitelogik_opa::{Embedded, OpaClient, PolicyGate, Session};
use kitelogik_policy::Policy;
use tokio::runtime::{Builder, Runtime};

use super::{System, opa};
use crate::{Call, Times, timed_async};

pub(super) struct Gate {
    name: &'static str,
    runtime: Runtime,
    asked: Vec<(Session, GovernanceEvent)>,
    /// Kept running, where it is the one that answers.
    _server: Option<opa::Shared>,
}

impl Gate {
    pub(super) fn embedded(name: &'static str, policy: Policy, calls: &[Call]) -> Result<Self> {
        let gate = PolicyGate::new(Embedded::new(policy)?);
        Self::new(name, &gate, calls, None)
    }

    /// As [`embedded`](Self::embedded), of a policy whose first answers may take longer than an answer has.
    pub(super) fn patient(name: &'static str, policy: Policy, calls: &[Call]) -> Result<Self> {
        let engine = Embedded::builder(policy).evaluation_time(Duration::from_secs(4));
        Self::new(name, &PolicyGate::new(engine.build()?), calls, None)
    }

    pub(super) fn rest(server: opa::Shared, calls: &[Call]) -> Result<Self> {
        let client = OpaClient::builder()
            .base_url(server.url())
            .timeout(Duration::from_secs(10))
            .build()?;
        Self::new(
            "kitelogik_rest",
            &PolicyGate::new(client),
            calls,
            Some(server),
        )
    }

    fn new(
        name: &'static str,
        gate: &PolicyGate,
        calls: &[Call],
        server: Option<opa::Shared>,
    ) -> Result<Self> {
        Ok(Self {
            name,
            runtime: Builder::new_current_thread().enable_all().build()?,
            asked: asked(gate, calls),
            _server: server,
        })
    }
}

/// Each call with the session it is made in.
pub(super) fn asked(gate: &PolicyGate, calls: &[Call]) -> Vec<(Session, GovernanceEvent)> {
    calls
        .iter()
        .map(|call| (gate.session(call.context.clone()), call.event.clone()))
        .collect()
}

impl System for Gate {
    fn name(&self) -> &'static str {
        self.name
    }

    fn verdicts(&mut self) -> Result<Vec<Verdict>> {
        let mut verdicts = Vec::new();
        for (session, event) in &self.asked {
            let decision = self.runtime.block_on(session.evaluate(event));
            if let Some(code) = decision.fail_closed {
                bail!("{}: {code}: {:?}", self.name, decision.detail);
            }
            verdicts.push(decision.verdict);
        }
        Ok(verdicts)
    }

    fn time(&mut self, budget: Duration) -> Result<Times> {
        let ask =
            async |(session, event): &(Session, GovernanceEvent)| Ok(session.evaluate(event).await);
        self.runtime.block_on(timed_async(&self.asked, budget, ask))
    }
}
