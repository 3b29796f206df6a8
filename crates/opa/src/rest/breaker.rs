use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::Mutex;

/// Whether an endpoint is asked.
///
/// What a question comes to never opens it by itself, for whoever asks chooses the arguments, and
/// with them how long a policy ponders and what a proxy in between thinks of the request. Several
/// failures in a row make it suspect the endpoint; a probe, which holds nothing of a caller's,
/// decides. Time and chance are given to it, so that every order of events can be tried.
pub(super) struct Breaker {
    terms: Terms,
    machine: Mutex<Machine>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// So many failures in a row, with no answer between them, call for a probe.
    pub(super) failures: u32,
    /// The longest time between two probes of an endpoint that does not answer.
    pub(super) interval: Duration,
    /// A probe not heard of for so long is lost: its runtime stands still.
    pub(super) lease: Duration,
}

/// Whether an endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// It is asked.
    Closed,
    /// It does not answer, and is left alone for a while.
    Open,
    /// A probe is under way; nothing else is asked.
    HalfOpen,
}

/// What became of a wish to ask.
#[derive(Debug)]
pub(super) enum Admission {
    /// Ask, and tell with this number what came of it.
    Ask(Epoch),
    /// Send a probe first; nobody else is told so.
    Probe(Lease),
    /// Do not ask.
    Refuse(Refusal),
}

/// The time between two changes of state: what was asked in another one says nothing about this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Epoch(u64);

/// The right to tell what a probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lease(u64);

/// Why an endpoint is not asked.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// What the last probe met.
    pub(super) why: Arc<str>,
    /// When the next one is due; none while one is under way.
    pub(super) wait: Option<Duration>,
}

/// A change of state, and what the probe that made it met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) from: BreakerState,
    pub(super) to: BreakerState,
    pub(super) why: Option<Arc<str>>,
}

impl Breaker {
    pub(super) fn new(terms: Terms) -> Self {
        // No clock has room for the longest times there are.
        const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
        Self {
            terms: Terms {
                interval: terms.interval.min(A_YEAR),
                lease: terms.lease.min(A_YEAR),
                ..terms
            },
            machine: Mutex::new(Machine {
                phase: Phase::Closed { failures: 0 },
                epoch: 0,
                probe: None,
                probes: 0,
            }),
        }
    }

    pub(super) fn state(&self) -> BreakerState {
        self.with(|machine| machine.phase.state()).0
    }

    /// Asks for leave to ask.
    pub(super) fn admit(&self, now: Instant) -> (Admission, Option<Change>) {
        self.with(|machine| machine.admit(&self.terms, now))
    }

    /// An answer came, of whatever kind.
    pub(super) fn answered(&self, epoch: Epoch) {
        self.with(|machine| {
            if let (Phase::Closed { failures }, true) =
                (&mut machine.phase, machine.epoch == epoch.0)
            {
                *failures = 0;
            }
        });
    }

    /// No answer came; where that is one too many, a probe has to be sent.
    pub(super) fn failed(&self, epoch: Epoch, now: Instant) -> Option<Lease> {
        self.with(|machine| machine.failed(&self.terms, epoch, now))
            .0
    }

    /// What a probe found, or why it found nothing. `chance` spreads the probes of many clients.
    pub(super) fn probed(
        &self,
        lease: Lease,
        found: Result<(), Arc<str>>,
        now: Instant,
        chance: u16,
    ) -> Option<Change> {
        self.with(|machine| machine.probed(&self.terms, lease, found, now, chance))
            .1
    }

    /// A probe ended without having found anything out, for example with its runtime.
    pub(super) fn abandoned(&self, lease: Lease, now: Instant) -> Option<Change> {
        self.with(|machine| machine.abandoned(lease, now)).1
    }

    /// The endpoint has answered a question that holds nothing of a caller's.
    pub(super) fn proven(&self) -> Option<Change> {
        self.with(|machine| {
            machine.probe = None;
            machine.enter(Phase::Closed { failures: 0 });
        })
        .1
    }

    /// Runs `step`, and says whether it changed the state.
    fn with<T>(&self, step: impl FnOnce(&mut Machine) -> T) -> (T, Option<Change>) {
        // Each step leaves a whole state behind, whatever panicked beside it.
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let from = machine.phase.state();
        let done = step(&mut machine);
        let to = machine.phase.state();
        let change = (from != to).then(|| Change {
            from,
            to,
            why: machine.phase.why().cloned(),
        });
        (done, change)
    }
}

struct Machine {
    phase: Phase,
    epoch: u64,
    probe: Option<Probe>,
    /// How many there have been.
    probes: u64,
}

enum Phase {
    Closed {
        /// In a row.
        failures: u32,
    },
    Open {
        until: Instant,
        /// How many probes have failed since it opened.
        round: u32,
        why: Arc<str>,
    },
    HalfOpen {
        round: u32,
        why: Arc<str>,
    },
}

#[derive(Clone, Copy)]
struct Probe {
    lease: Lease,
    lost_at: Instant,
}

impl Machine {
    fn admit(&mut self, terms: &Terms, now: Instant) -> Admission {
        let (round, why) = match &self.phase {
            Phase::Closed { .. } => return Admission::Ask(Epoch(self.epoch)),
            Phase::Open { until, round, why } => {
                let wait = until.saturating_duration_since(now);
                if !wait.is_zero() {
                    return Admission::Refuse(Refusal {
                        why: why.clone(),
                        wait: Some(wait),
                    });
                }
                (*round, why.clone())
            }
            Phase::HalfOpen { round, why } => {
                if self.is_probed(now) {
                    return Admission::Refuse(Refusal {
                        why: why.clone(),
                        wait: None,
                    });
                }
                (*round, why.clone())
            }
        };
        self.enter(Phase::HalfOpen { round, why });
        Admission::Probe(self.lease(terms, now))
    }

    fn failed(&mut self, terms: &Terms, epoch: Epoch, now: Instant) -> Option<Lease> {
        let Phase::Closed { failures } = &mut self.phase else {
            return None;
        };
        if self.epoch != epoch.0 {
            return None;
        }
        *failures = failures.saturating_add(1);
        let suspect = *failures >= terms.failures;
        (suspect && !self.is_probed(now)).then(|| self.lease(terms, now))
    }

    fn probed(
        &mut self,
        terms: &Terms,
        lease: Lease,
        found: Result<(), Arc<str>>,
        now: Instant,
        chance: u16,
    ) {
        if !self.give_up(lease) {
            return;
        }
        let round = match (&self.phase, &found) {
            (_, Ok(())) => {
                self.enter(Phase::Closed { failures: 0 });
                return;
            }
            (Phase::Closed { failures }, Err(_)) if *failures >= terms.failures => 0,
            // Somebody was answered while the probe was not.
            (Phase::Closed { .. } | Phase::Open { .. }, Err(_)) => return,
            (Phase::HalfOpen { round, .. }, Err(_)) => round.saturating_add(1),
        };
        let until = now.checked_add(terms.wait(round, chance)).unwrap_or(now);
        let why = found.err().unwrap_or_default();
        self.enter(Phase::Open { until, round, why });
    }

    fn abandoned(&mut self, lease: Lease, now: Instant) {
        if !self.give_up(lease) {
            return;
        }
        if let Phase::HalfOpen { round, why } = &self.phase {
            let (until, round, why) = (now, *round, why.clone());
            self.enter(Phase::Open { until, round, why });
        }
    }

    fn enter(&mut self, phase: Phase) {
        if self.phase.state() != phase.state() {
            self.epoch = self.epoch.wrapping_add(1);
        }
        self.phase = phase;
    }

    fn lease(&mut self, terms: &Terms, now: Instant) -> Lease {
        self.probes = self.probes.wrapping_add(1);
        let lease = Lease(self.probes);
        let lost_at = now.checked_add(terms.lease).unwrap_or(now);
        self.probe = Some(Probe { lease, lost_at });
        lease
    }

    /// Whether a probe is under way.
    fn is_probed(&self, now: Instant) -> bool {
        self.probe.is_some_and(|probe| now < probe.lost_at)
    }

    /// Takes a lease back; false if it was lost and another given.
    fn give_up(&mut self, lease: Lease) -> bool {
        let current = self.probe.is_some_and(|probe| probe.lease == lease);
        if current {
            self.probe = None;
        }
        current
    }
}

impl Phase {
    fn state(&self) -> BreakerState {
        match self {
            Self::Closed { .. } => BreakerState::Closed,
            Self::Open { .. } => BreakerState::Open,
            Self::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    fn why(&self) -> Option<&Arc<str>> {
        match self {
            Self::Closed { .. } => None,
            Self::Open { why, .. } | Self::HalfOpen { why, .. } => Some(why),
        }
    }
}

impl Terms {
    /// How long to wait before the next probe: a sixteenth of the interval after the first one, twice
    /// as long after each other, the interval at most; and of that a random part, half of it at least.
    fn wait(&self, round: u32, chance: u16) -> Duration {
        let whole = (self.interval / 16)
            .saturating_mul(2_u32.saturating_pow(round))
            .min(self.interval);
        let half = whole / 2;
        half.saturating_add(half.mul_f64(f64::from(chance) / f64::from(u16::MAX)))
    }
}
