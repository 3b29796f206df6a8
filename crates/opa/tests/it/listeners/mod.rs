//! Who listens to spans, logs and metrics may panic.

mod log;

use std::cell::{Cell, RefCell};
use std::fmt::{Debug, Write};
use std::panic::AssertUnwindSafe;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use kitelogik_core::{FailClosed, GovernanceEvent, Outcome, Verdict};
use kitelogik_opa::{AuditFailure, PolicyGate, Stop};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::gate::{Memory, Scripted, call, session};

/// What a listener does when it panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Open,
    Enter,
    Leave,
    Tell,
    Close,
    Log,
    #[cfg(feature = "metrics")]
    Count,
    Always,
}

/// All that need no metrics.
const MOMENTS: [Moment; 7] = [
    Moment::Open,
    Moment::Enter,
    Moment::Leave,
    Moment::Tell,
    Moment::Close,
    Moment::Log,
    Moment::Always,
];

thread_local! {
    /// When listeners of this thread panic, and at the span of which name.
    static PANICS: Cell<Option<(Moment, Option<&'static str>)>> = const { Cell::new(None) };
    static LOGGED: RefCell<String> = const { RefCell::new(String::new()) };
    static OPEN: RefCell<Vec<(u64, &'static str)>> = const { RefCell::new(Vec::new()) };
}

fn panics(at: Moment, name: Option<&str>) {
    if let Some((moment, span)) = PANICS.get()
        && (moment == at || moment == Moment::Always)
        && (span.is_none() || span == name)
    {
        panic!("a listener panics: {at:?}");
    }
}

/// Panics when its thread wants it to.
struct Listener;

impl Listener {
    fn name(id: &Id) -> Option<&'static str> {
        OPEN.with_borrow(|open| {
            let found = open.iter().find(|(number, _)| *number == id.into_u64());
            found.map(|(_, name)| *name)
        })
    }
}

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, "{}={value} ", field.name()).unwrap();
    }
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let name = attributes.metadata().name();
        panics(Moment::Open, Some(name));
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        OPEN.with_borrow_mut(|open| open.push((id, name)));
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, _: &Record<'_>) {
        panics(Moment::Tell, Self::name(id));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        panics(Moment::Log, None);
        LOGGED.with_borrow_mut(|logged| event.record(&mut Line(logged)));
    }

    fn enter(&self, id: &Id) {
        panics(Moment::Enter, Self::name(id));
    }

    fn exit(&self, id: &Id) {
        panics(Moment::Leave, Self::name(id));
    }

    fn try_close(&self, id: Id) -> bool {
        panics(Moment::Close, Self::name(&id));
        true
    }
}

#[cfg(feature = "metrics")]
mod meter {
    use metrics::{
        Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    };

    use super::{Moment, panics};

    pub(super) struct Meter;

    impl Recorder for Meter {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
            panics(Moment::Count, None);
            Counter::noop()
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            panics(Moment::Count, None);
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            panics(Moment::Count, None);
            Histogram::noop()
        }
    }
}

/// Installs the listeners, which do nothing unless a thread wants it.
fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        tracing::subscriber::set_global_default(Listener).unwrap();
        #[cfg(feature = "metrics")]
        metrics::set_global_recorder(meter::Meter).unwrap();
    });
}

fn while_panicking<T>(
    moment: Moment,
    span: Option<&'static str>,
    work: impl FnOnce() -> T,
) -> Result<T, String> {
    PANICS.set(Some((moment, span)));
    let done = std::panic::catch_unwind(AssertUnwindSafe(work));
    PANICS.set(None);
    done.map_err(|_| format!("{moment:?} in {span:?} reaches the caller"))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn gate(memory: &Memory) -> PolicyGate {
    PolicyGate::builder(Scripted::default())
        .audit(memory.clone(), AuditFailure::Deny)
        .build()
}

const SPANS: [&str; 2] = ["kitelogik.decide", "kitelogik.engine"];

#[test]
fn a_listener_that_panics_before_the_body_makes_a_denial_that_is_recorded() {
    listen();
    let runtime = runtime();
    let mut cases = Vec::new();
    for moment in [Moment::Open, Moment::Enter, Moment::Leave, Moment::Tell] {
        cases.extend(SPANS.map(|span| (moment, Some(span))));
        cases.push((moment, None));
    }
    #[cfg(feature = "metrics")]
    cases.push((Moment::Count, None));
    cases.push((Moment::Always, None));
    for (moment, span) in cases {
        let memory = Memory::default();
        let gate = gate(&memory);
        let asked = || runtime.block_on(session(&gate).authorize(call("allow")));
        let denied = while_panicking(moment, span, asked).unwrap().unwrap_err();
        let code = denied.decision.fail_closed;
        assert_eq!(code, Some(FailClosed::InternalError), "{moment:?} {span:?}");
        assert_eq!(denied.decision.verdict, Verdict::Deny);
        let detail = denied.decision.detail.as_deref().unwrap();
        assert!(detail.contains("a listener panics"), "{detail}");
        // Where the allow was recorded already, it never ran.
        let recorded = memory.outcomes();
        assert_eq!(
            recorded.last(),
            Some(&(Verdict::Deny, Some(Outcome::NeverRan)))
        );
        assert!(
            recorded
                .iter()
                .all(|(_, outcome)| *outcome == Some(Outcome::NeverRan))
        );
        // Nothing is left of it.
        assert!(
            runtime
                .block_on(session(&gate).authorize(call("allow")))
                .is_ok()
        );

        let event = GovernanceEvent::ToolCall(kitelogik_core::ToolCallInput::new(
            "allow",
            serde_json::Map::new(),
        ));
        let context = kitelogik_core::SessionContext::new("s1");
        let look = || runtime.block_on(gate.evaluate(&event, &context));
        let looked = while_panicking(moment, span, look).unwrap();
        assert_eq!(looked.fail_closed, Some(FailClosed::InternalError));
    }
}

#[test]
fn a_denial_stays_what_it_is_whoever_panics_over_it() {
    listen();
    let runtime = runtime();
    for moment in MOMENTS {
        let memory = Memory::default();
        let gate = gate(&memory);
        for (action, code) in [
            ("deny", None),
            ("panic", Some(FailClosed::InternalError)),
            ("undefined", None),
        ] {
            let asked = || runtime.block_on(session(&gate).authorize(call(action)));
            let denied = while_panicking(moment, None, asked).unwrap();
            if action != "undefined" {
                assert_eq!(denied.unwrap_err().decision.fail_closed, code, "{moment:?}");
            }
        }
    }
}

#[test]
fn a_span_that_cannot_close_and_a_log_that_cannot_be_written_change_no_decision() {
    listen();
    let runtime = runtime();
    for moment in [Moment::Close, Moment::Log] {
        let memory = Memory::default();
        let gate = gate(&memory);
        let asked = || runtime.block_on(session(&gate).authorize(call("allow")));
        let permit = while_panicking(moment, None, asked).unwrap();
        assert!(permit.is_ok(), "{moment:?}");
    }
}

#[test]
fn a_listener_that_panics_around_the_body_or_after_it_changes_nothing() {
    listen();
    let runtime = runtime();
    let mut moments = MOMENTS.to_vec();
    #[cfg(feature = "metrics")]
    moments.push(Moment::Count);
    for moment in moments {
        for dropped in [false, true] {
            let memory = Memory::default();
            let gate = gate(&memory);
            let session = session(&gate);
            let permit = runtime.block_on(session.authorize(call("allow"))).unwrap();
            let run = || {
                let opened = permit.open::<Value>("tool", "allow").unwrap();
                let (_, _, running) = opened.into_parts();
                let done = runtime.block_on(running.watched().over(async { 42 }));
                let done = running.watched().inside(|| done);
                if !dropped {
                    running.ended(Outcome::Ran);
                }
                done
            };
            assert_eq!(while_panicking(moment, None, run).unwrap(), 42);
            let outcome = match dropped {
                true => Outcome::Cancelled,
                false => Outcome::Ran,
            };
            assert_eq!(memory.outcomes(), [(Verdict::Allow, Some(outcome))]);
            assert_eq!(session.usage().api_calls, Some(1));
        }
    }
}

#[test]
fn a_body_that_panics_while_listeners_do_is_recorded_as_one() {
    listen();
    let runtime = runtime();
    let memory = Memory::default();
    let gate = gate(&memory);
    let session = session(&gate);
    let permit = runtime.block_on(session.authorize(call("allow"))).unwrap();
    let run = || {
        let opened = permit.open::<Value>("tool", "allow").unwrap();
        let (_, _, running) = opened.into_parts();
        let body = async { panic!("the body panics") };
        runtime.block_on(running.watched().over(body))
    };
    // An abort would end this process.
    while_panicking(Moment::Always, None, run).unwrap_err();
    assert_eq!(
        memory.outcomes(),
        [(Verdict::Allow, Some(Outcome::Panicked))]
    );
}

#[test]
fn the_kill_switch_works_whoever_panics_over_it() {
    listen();
    let gate = gate(&Memory::default());
    let runtime = runtime();
    while_panicking(Moment::Always, None, || {
        gate.kill_switch().stop(Stop::Everything, "over");
    })
    .unwrap();
    let denied = runtime.block_on(session(&gate).authorize(call("allow")));
    assert_eq!(denied.unwrap_err().decision.reason, "over");
    while_panicking(Moment::Always, None, || {
        gate.kill_switch().resume(&Stop::Everything);
    })
    .unwrap();
    assert!(
        runtime
            .block_on(session(&gate).authorize(call("allow")))
            .is_ok()
    );
}
