//! Every order in which threads can take the breaker's steps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use loom::sync::Mutex;
use loom::thread;

#[path = "../../../../src/rest/breaker.rs"]
#[expect(
    clippy::duplicate_mod,
    dead_code,
    unreachable_pub,
    reason = "a part of the crate, taken out of it with a lock of the test's choice"
)]
mod breaker;

use breaker::{Admission, Breaker, BreakerState, Epoch, Lease, Terms};

/// Later than every wait and every lease of the one before.
fn moment(number: u32) -> Instant {
    static BEGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *BEGIN.get_or_init(Instant::now) + Duration::from_secs(1000) * number
}

fn breaker(failures: u32) -> Arc<Breaker> {
    Arc::new(Breaker::new(Terms {
        failures,
        interval: Duration::from_secs(16),
        lease: Duration::from_secs(60),
    }))
}

fn epoch(breaker: &Breaker) -> Epoch {
    match breaker.admit(moment(0)).0 {
        Admission::Ask(epoch) => epoch,
        other => panic!("{other:?}"),
    }
}

fn refused() -> Result<(), Arc<str>> {
    Err(Arc::from("refused"))
}

/// A breaker that is open, with its next probe due at `moment(1)`.
fn open() -> Arc<Breaker> {
    let breaker = breaker(1);
    let lease = breaker.failed(epoch(&breaker), moment(0)).unwrap();
    breaker.probed(lease, refused(), moment(0), 0).unwrap();
    breaker
}

fn probe(admission: Admission) -> Option<Lease> {
    match admission {
        Admission::Probe(lease) => Some(lease),
        Admission::Ask(_) | Admission::Refuse(_) => None,
    }
}

#[test]
fn failures_at_the_same_time_call_for_one_probe() {
    loom::model(|| {
        let breaker = breaker(2);
        let epoch = epoch(&breaker);
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let breaker = breaker.clone();
                thread::spawn(move || breaker.failed(epoch, moment(0)).is_some())
            })
            .collect();
        let probes = threads.into_iter().map(|it| it.join().unwrap());
        assert_eq!(probes.filter(|it| *it).count(), 1);
    });
}

#[test]
fn half_open_lets_exactly_one_through() {
    loom::model(|| {
        let breaker = open();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let breaker = breaker.clone();
                thread::spawn(move || match breaker.admit(moment(1)).0 {
                    Admission::Probe(_) => 1,
                    Admission::Refuse(_) => 0,
                    Admission::Ask(_) => panic!("it was asked while open"),
                })
            })
            .collect();
        let through: usize = threads.into_iter().map(|it| it.join().unwrap()).sum();
        assert_eq!(through, 1);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
    });
}

#[test]
fn nobody_is_asked_before_the_probe_has_answered() {
    loom::model(|| {
        let breaker = open();
        let lease = probe(breaker.admit(moment(1)).0).unwrap();
        let answered = Arc::new(loom::sync::atomic::AtomicBool::new(false));
        let prober = {
            let (breaker, answered) = (breaker.clone(), answered.clone());
            thread::spawn(move || {
                answered.store(true, loom::sync::atomic::Ordering::SeqCst);
                breaker.probed(lease, Ok(()), moment(1), 0);
            })
        };
        if let Admission::Ask(_) = breaker.admit(moment(1)).0 {
            assert!(answered.load(loom::sync::atomic::Ordering::SeqCst));
        }
        prober.join().unwrap();
        assert_eq!(breaker.state(), BreakerState::Closed);
    });
}

#[test]
fn an_answer_and_a_failed_probe_agree_in_either_order() {
    loom::model(|| {
        let breaker = breaker(1);
        let epoch = epoch(&breaker);
        let lease = breaker.failed(epoch, moment(0)).unwrap();
        let answered = {
            let breaker = breaker.clone();
            thread::spawn(move || breaker.answered(epoch))
        };
        let change = breaker.probed(lease, refused(), moment(0), 0);
        answered.join().unwrap();
        // Whichever came first: what it told is what it is.
        match breaker.state() {
            BreakerState::Open => assert_eq!(change.unwrap().to, BreakerState::Open),
            BreakerState::Closed => assert_eq!(change, None),
            BreakerState::HalfOpen => panic!("no probe was called for"),
        }
    });
}

#[test]
fn a_lost_probe_cannot_speak_for_the_one_after_it() {
    loom::model(|| {
        let breaker = open();
        let lost = probe(breaker.admit(moment(1)).0).unwrap();
        let late = {
            let breaker = breaker.clone();
            thread::spawn(move || breaker.probed(lost, refused(), moment(2), 0))
        };
        let second = probe(breaker.admit(moment(2)).0);
        let told = late.join().unwrap();
        match (second, told) {
            // The second took the place of the lost one, which was not heard.
            (Some(second), None) => {
                breaker.probed(second, Ok(()), moment(2), 0).unwrap();
                assert_eq!(breaker.state(), BreakerState::Closed);
            }
            // The lost one was heard first, and nobody was let through.
            (None, Some(change)) => assert_eq!(change.to, BreakerState::Open),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_probe_that_is_given_up_never_leaves_it_half_open() {
    loom::model(|| {
        let breaker = open();
        let lease = probe(breaker.admit(moment(1)).0).unwrap();
        let dropped = {
            let breaker = breaker.clone();
            thread::spawn(move || breaker.abandoned(lease, moment(1)))
        };
        let second = probe(breaker.admit(moment(1)).0);
        dropped.join().unwrap();
        let second = second
            .or_else(|| probe(breaker.admit(moment(1)).0))
            .unwrap();
        breaker.probed(second, Ok(()), moment(1), 0).unwrap();
        assert_eq!(breaker.state(), BreakerState::Closed);
    });
}
