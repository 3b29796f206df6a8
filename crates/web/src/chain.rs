//! Whether the chain is whole, as far as it was looked at.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kitelogik_ledger::{Ledger, LedgerError, Timestamp, Verification, VerifyOptions};
use serde::Serialize;

use crate::identity::Identity;
use crate::moment::{Moment, span};

/// How long an answer is good for before the chain is looked at again.
const FRESH: Duration = Duration::from_secs(10 * 60);

/// How soon it may be looked at again because somebody wants it: to read everything is work.
const PAUSE: Duration = Duration::from_secs(5);

/// What is known about the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct ChainState {
    /// `intact`, `broken` or `unknown`.
    #[serde(rename = "state")]
    pub(crate) class: &'static str,
    /// The same for people.
    #[serde(skip)]
    pub(crate) label: &'static str,
    /// How many records were looked at, or what is wrong and where.
    pub(crate) detail: String,
    /// When.
    pub(crate) checked_at: Option<Timestamp>,
}

impl ChainState {
    /// What `verification` found.
    pub fn of(verification: &Verification) -> Self {
        let checked_at = Some(Timestamp::now());
        match verification.problems.first() {
            None => Self {
                class: "intact",
                label: "Chain intact",
                detail: format!(
                    "{} entries in {}",
                    verification.records,
                    counted(verification.writers, "chain")
                ),
                checked_at,
            },
            Some(problem) => Self {
                class: "broken",
                label: "Chain broken",
                detail: problem.to_string(),
                checked_at,
            },
        }
    }

    /// It was not looked at, because of `detail`.
    pub fn unknown(detail: impl Into<String>) -> Self {
        Self {
            class: "unknown",
            label: "Chain not verified",
            detail: detail.into(),
            checked_at: None,
        }
    }

    /// The same for `identity`: how much was recorded, and where it is broken, tells of all tenants.
    fn told_to(self, identity: &Identity) -> Self {
        if identity.tenants.is_none() {
            return self;
        }
        let detail = match self.class {
            "intact" => "the whole record was looked at, that of other tenants included",
            "broken" => "in the record of all tenants; ask somebody who sees all of it where",
            _ => "it was not looked at, or cannot be",
        };
        Self {
            detail: detail.to_owned(),
            ..self
        }
    }

    /// With when it was looked at.
    pub(crate) fn told(&self) -> String {
        match self.checked_at {
            Some(at) => format!(
                "{} · looked at {} ago",
                self.detail,
                span(at.until(Moment::now().0))
            ),
            None => self.detail.clone(),
        }
    }
}

/// Looks at the chain in the background, at most once at a time.
pub(crate) struct ChainWatch {
    ledger: Ledger,
    known: Arc<Mutex<Known>>,
}

struct Known {
    state: ChainState,
    looking: bool,
}

impl ChainWatch {
    pub(crate) fn new(ledger: Ledger) -> Self {
        let known = Known {
            state: ChainState::unknown("it is being looked at"),
            looking: false,
        };
        Self {
            ledger,
            known: Arc::new(Mutex::new(known)),
        }
    }

    /// What is known, as far as `identity` may know it; has it looked at again where that is old.
    pub(crate) fn state(&self, identity: &Identity) -> ChainState {
        self.look_if_older_than(FRESH);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.state.clone().told_to(identity)
    }

    /// Has it looked at again.
    pub(crate) fn look(&self) {
        self.look_if_older_than(PAUSE);
    }

    fn look_if_older_than(&self, age: Duration) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = known
            .state
            .checked_at
            .is_some_and(|at| at.until(Timestamp::now()) < age);
        if known.looking || is_fresh {
            return;
        }
        known.looking = true;
        let (ledger, shared) = (self.ledger.clone(), Arc::clone(&self.known));
        tokio::spawn(async move {
            let state = found(verify(&ledger).await);
            let mut known = shared.lock().unwrap_or_else(PoisonError::into_inner);
            *known = Known {
                state,
                looking: false,
            };
        });
    }
}

async fn verify(ledger: &Ledger) -> Result<Verification, LedgerError> {
    // What is told of progress is for those who wait.
    ledger.audit().verify(&VerifyOptions::new(), |_| {}).await
}

fn found(verified: Result<Verification, LedgerError>) -> ChainState {
    match verified {
        Ok(verification) => {
            let state = ChainState::of(&verification);
            if state.class == "broken" {
                tracing::error!(problem = state.detail, "the audit chain is broken");
            }
            state
        }
        Err(error) => {
            tracing::error!(%error, "the audit chain cannot be verified");
            ChainState {
                checked_at: Some(Timestamp::now()),
                ..ChainState::unknown(error.to_string())
            }
        }
    }
}

fn counted(count: u64, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}
