//! One step after the other, on a clock that the test turns.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[path = "../../../../src/rest/breaker.rs"]
#[expect(
    clippy::duplicate_mod,
    dead_code,
    unreachable_pub,
    reason = "a part of the crate, taken out of it with a lock of the test's choice"
)]
mod breaker;

use breaker::{Admission, Breaker, BreakerState, Epoch, Lease, Terms};

const INTERVAL: Duration = Duration::from_secs(16);
const LEASE: Duration = Duration::from_secs(100);

struct Clocked {
    breaker: Breaker,
    now: Instant,
}

impl Clocked {
    fn new() -> Self {
        Self {
            breaker: Breaker::new(Terms {
                failures: 3,
                interval: INTERVAL,
                lease: LEASE,
            }),
            now: Instant::now(),
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn admit(&self) -> Admission {
        self.breaker.admit(self.now).0
    }

    fn epoch(&self) -> Epoch {
        match self.admit() {
            Admission::Ask(epoch) => epoch,
            other => panic!("{other:?}"),
        }
    }

    fn lease(&self) -> Lease {
        match self.admit() {
            Admission::Probe(lease) => lease,
            other => panic!("{other:?}"),
        }
    }

    fn wait(&self) -> Option<Duration> {
        match self.admit() {
            Admission::Refuse(refusal) => refusal.wait,
            other => panic!("{other:?}"),
        }
    }

    fn fail(&self, times: usize) -> Option<Lease> {
        let epoch = self.epoch();
        let leases = (0..times).map(|_| self.breaker.failed(epoch, self.now));
        leases.fold(None, Option::or)
    }

    fn probed(&self, lease: Lease, found: bool, chance: u16) {
        let found = match found {
            true => Ok(()),
            false => Err(Arc::from("refused")),
        };
        self.breaker.probed(lease, found, self.now, chance);
    }

    /// Opens, to be probed after a second.
    fn open(&self) {
        let lease = self.fail(3).unwrap();
        self.probed(lease, false, u16::MAX);
        assert_eq!(self.state(), BreakerState::Open);
    }

    fn state(&self) -> BreakerState {
        self.breaker.state()
    }
}

#[test]
fn failures_alone_never_open_it() {
    let clocked = Clocked::new();
    let lease = clocked.fail(1000).unwrap();
    assert_eq!(clocked.state(), BreakerState::Closed);
    clocked.probed(lease, true, 0);
    assert_eq!(clocked.state(), BreakerState::Closed);
    assert!(clocked.fail(2).is_none());
    assert!(clocked.fail(1).is_some());
}

#[test]
fn an_answer_between_failures_calls_the_probe_off() {
    let clocked = Clocked::new();
    let epoch = clocked.epoch();
    for _ in 0..10 {
        assert!(clocked.fail(2).is_none());
        clocked.breaker.answered(epoch);
    }
    let lease = clocked.fail(3).unwrap();
    clocked.breaker.answered(epoch);
    clocked.probed(lease, false, 0);
    assert_eq!(clocked.state(), BreakerState::Closed);
}

#[test]
fn one_probe_at_a_time() {
    let mut clocked = Clocked::new();
    let first = clocked.fail(3).unwrap();
    assert!(clocked.fail(10).is_none());
    clocked.probed(first, false, u16::MAX);

    clocked.pass(Duration::from_secs(1));
    clocked.lease();
    assert_eq!(clocked.wait(), None);
    assert_eq!(clocked.state(), BreakerState::HalfOpen);
}

#[test]
fn the_time_between_probes_doubles_up_to_the_interval_and_chance_takes_half_at_most() {
    for chance in [0, 1, u16::MAX / 2, u16::MAX] {
        let mut clocked = Clocked::new();
        let lease = clocked.fail(3).unwrap();
        clocked.probed(lease, false, chance);
        for whole in [1, 2, 4, 8, 16, 16, 16] {
            let whole = Duration::from_secs(whole);
            let wait = clocked.wait().unwrap();
            assert!(whole / 2 <= wait && wait <= whole, "{wait:?} of {whole:?}");
            clocked.pass(wait);
            clocked.probed(clocked.lease(), false, chance);
        }
        for _ in 0..100 {
            clocked.pass(INTERVAL);
            clocked.probed(clocked.lease(), false, chance);
        }
        assert!(clocked.wait().unwrap() <= INTERVAL);
    }
}

#[test]
fn after_a_recovery_the_first_wait_is_short_again() {
    let mut clocked = Clocked::new();
    clocked.open();
    for _ in 0..8 {
        clocked.pass(INTERVAL);
        clocked.probed(clocked.lease(), false, 0);
    }
    clocked.pass(INTERVAL);
    clocked.probed(clocked.lease(), true, 0);
    assert_eq!(clocked.state(), BreakerState::Closed);
    clocked.open();
    assert_eq!(clocked.wait(), Some(Duration::from_secs(1)));
}

#[test]
fn what_was_asked_before_a_change_says_nothing_after_it() {
    let mut clocked = Clocked::new();
    let before = clocked.epoch();
    clocked.open();
    clocked.breaker.answered(before);
    assert_eq!(clocked.state(), BreakerState::Open);

    clocked.pass(INTERVAL);
    clocked.probed(clocked.lease(), true, 0);
    for _ in 0..10 {
        assert!(clocked.breaker.failed(before, clocked.now).is_none());
    }
    assert!(clocked.fail(2).is_none());
}

#[test]
fn a_lost_probe_makes_room_for_another_and_is_not_heard_any_more() {
    let mut clocked = Clocked::new();
    clocked.open();
    clocked.pass(INTERVAL);
    let lost = clocked.lease();
    clocked.pass(LEASE - Duration::from_nanos(1));
    assert_eq!(clocked.wait(), None);
    clocked.pass(Duration::from_nanos(1));
    let second = clocked.lease();

    clocked.probed(lost, true, 0);
    assert_eq!(clocked.state(), BreakerState::HalfOpen);
    clocked.breaker.abandoned(lost, clocked.now);
    assert_eq!(clocked.state(), BreakerState::HalfOpen);
    clocked.probed(second, true, 0);
    assert_eq!(clocked.state(), BreakerState::Closed);
}

#[test]
fn the_longest_times_there_are_mean_never() {
    let breaker = Breaker::new(Terms {
        failures: 1,
        interval: Duration::MAX,
        lease: Duration::MAX,
    });
    let clocked = Clocked {
        breaker,
        now: Instant::now(),
    };
    let lease = clocked.fail(1).unwrap();
    assert!(clocked.fail(10).is_none());
    clocked.probed(lease, false, 0);
    assert!(clocked.wait().unwrap() > Duration::from_secs(3600));
}

#[test]
fn an_abandoned_probe_is_due_again_at_once() {
    let mut clocked = Clocked::new();
    clocked.open();
    clocked.pass(INTERVAL);
    for _ in 0..3 {
        let lease = clocked.lease();
        clocked.breaker.abandoned(lease, clocked.now);
        assert_eq!(clocked.state(), BreakerState::Open);
    }
    let first = Clocked::new();
    let lease = first.fail(3).unwrap();
    first.breaker.abandoned(lease, first.now);
    assert_eq!(first.state(), BreakerState::Closed);
    assert!(first.fail(1).is_some());
}

#[test]
fn a_proof_closes_it_and_the_probe_under_way_counts_no_more() {
    let mut clocked = Clocked::new();
    clocked.open();
    clocked.pass(INTERVAL);
    let lease = clocked.lease();
    let change = clocked.breaker.proven().unwrap();
    assert_eq!(
        (change.from, change.to, change.why),
        (BreakerState::HalfOpen, BreakerState::Closed, None)
    );
    clocked.probed(lease, false, 0);
    assert_eq!(clocked.state(), BreakerState::Closed);
}
