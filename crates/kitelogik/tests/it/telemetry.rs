//! The spans of a call, and what is counted of it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::ThreadId;

use kitelogik::prelude::*;
use kitelogik::{Masking, governed};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

/// Pay an amount to an account.
#[governed]
async fn pay(account: String, amount: u32) -> Result<u32, std::io::Error> {
    tracing::info_span!("inside the body", account).in_scope(|| ());
    match amount {
        13 => Err(std::io::Error::other("unlucky")),
        paid => Ok(paid),
    }
}

const POLICY: &str = r#"
    package kitelogik.userpolicy
    allow if input.action == "pay"
    deny contains "too much" if input.args.amount > 100
"#;

/// A span as it was told: its parent's name, its fields.
#[derive(Clone, Debug, Default)]
struct Told {
    parent: Option<&'static str>,
    fields: BTreeMap<&'static str, String>,
}

/// The spans of one thread, by their names.
type Spans = BTreeMap<&'static str, Told>;

/// Keeps spans in memory, those of each thread apart: tests run side by side, and a subscriber for one
/// thread alone misses spans that another thread opens for the first time.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<HashMap<ThreadId, Spans>>>);

impl Memory {
    fn installed() -> &'static Self {
        static MEMORY: OnceLock<Memory> = OnceLock::new();
        MEMORY.get_or_init(|| {
            let memory = Self::default();
            let subscriber = Registry::default().with(memory.clone());
            tracing::subscriber::set_global_default(subscriber).unwrap();
            memory
        })
    }

    fn with_own<T>(&self, look: impl FnOnce(&mut Spans) -> T) -> T {
        let mut threads = self.0.lock().unwrap();
        look(threads.entry(std::thread::current().id()).or_default())
    }
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Memory {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let mut told = Told {
            parent: span.parent().map(|parent| parent.name()),
            ..Told::default()
        };
        attributes.record(&mut Fields(&mut told.fields));
        self.with_own(|spans| spans.insert(span.name(), told));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let name = context.span(id).unwrap().name();
        self.with_own(|spans| {
            // What another test opened elsewhere is not of this thread.
            if let Some(told) = spans.get_mut(name) {
                values.record(&mut Fields(&mut told.fields));
            }
        });
    }
}

fn session(masking: Option<Masking>) -> Session {
    let policy = Policy::builder().rego("pay.rego", POLICY).build().unwrap();
    let mut gate = PolicyGate::builder(Embedded::new(policy).unwrap());
    if let Some(masking) = masking {
        gate = gate.traced_arguments(masking);
    }
    gate.build().session(SessionContext::new("s1"))
}

/// The spans of a call of `amount`.
fn spans(amount: u32, masking: Option<Masking>) -> Spans {
    let memory = Memory::installed();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let session = session(masking);
    let call = || drop(runtime.block_on(pay("acc-1".into(), amount).run(&session)));
    // Whether anybody listens to a span is found out when it is first opened, which other tests may
    // have done before the memory was there.
    call();
    tracing::callsite::rebuild_interest_cache();
    memory.with_own(Spans::clear);
    call();
    memory.with_own(|spans| spans.clone())
}

#[test]
fn a_call_has_spans_for_the_call_the_decision_the_engine_and_the_body() {
    let spans = spans(42, None);
    let parents: Vec<_> = spans
        .iter()
        .map(|(name, told)| (*name, told.parent))
        .collect();
    assert_eq!(
        parents,
        [
            ("execute_tool", None),
            ("inside the body", Some("kitelogik.body")),
            ("kitelogik.body", Some("execute_tool")),
            ("kitelogik.decide", Some("execute_tool")),
            ("kitelogik.engine", Some("kitelogik.decide")),
        ]
    );
    let call = &spans["execute_tool"].fields;
    assert_eq!(call["otel.name"], "execute_tool pay");
    assert_eq!(call["gen_ai.operation.name"], "execute_tool");
    assert_eq!(call["gen_ai.tool.name"], "pay");
    assert_eq!(call["gen_ai.tool.type"], "function");
    assert_eq!(call["gen_ai.conversation.id"], "s1");
    assert!(!call.contains_key("error.type"), "{call:?}");
    let decision = &spans["kitelogik.decide"].fields;
    assert_eq!(decision["kitelogik.verdict"], "allow");
    assert_eq!(decision["kitelogik.action"], "pay");
    assert_eq!(
        decision["kitelogik.decision.id"],
        spans["kitelogik.body"].fields["kitelogik.decision.id"]
    );
    assert_eq!(
        spans["kitelogik.engine"].fields["kitelogik.engine"],
        "embedded"
    );
    assert_eq!(spans["kitelogik.body"].fields["kitelogik.outcome"], "ran");
}

#[test]
fn spans_carry_no_argument_unless_asked_and_then_masked() {
    let values = |spans: &Spans| {
        spans
            .iter()
            .filter(|(name, _)| **name != "inside the body")
            .flat_map(|(_, told)| told.fields.values().cloned())
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert!(!values(&spans(42, None)).contains("acc-1"));
    let masking = Masking::builder().path("args.account").unwrap().build();
    let spans = spans(42, Some(masking));
    assert!(!values(&spans).contains("acc-1"));
    assert_eq!(
        spans["kitelogik.decide"].fields["gen_ai.tool.call.arguments"],
        r#"{"account":"[masked]","amount":42}"#
    );
}

#[test]
fn what_went_wrong_is_the_type_of_the_error() {
    let denied = spans(500, None);
    assert_eq!(denied["execute_tool"].fields["error.type"], "deny");
    assert_eq!(
        denied["kitelogik.decide"].fields["kitelogik.verdict"],
        "deny"
    );
    assert!(!denied.contains_key("kitelogik.body"));
    let failed = spans(13, None);
    assert_eq!(failed["execute_tool"].fields["error.type"], "failed");
    assert_eq!(
        failed["kitelogik.body"].fields["kitelogik.outcome"],
        "failed"
    );
}

#[cfg(feature = "metrics")]
#[test]
fn decisions_their_time_and_outcomes_are_counted() {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    let recorder = DebuggingRecorder::new();
    let snapshots = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    metrics::with_local_recorder(&recorder, || {
        let session = session(None);
        for amount in [42, 13, 500] {
            let _ = runtime.block_on(pay("acc-1".into(), amount).run(&session));
        }
        session
            .gate()
            .kill_switch()
            .stop(kitelogik::Stop::Everything, "an incident");
    });
    let mut told = BTreeMap::new();
    for (key, _, _, value) in snapshots.snapshot().into_vec() {
        let labels: Vec<String> = key
            .key()
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        let value = match value {
            DebugValue::Counter(count) => count.to_string(),
            DebugValue::Gauge(value) => value.to_string(),
            DebugValue::Histogram(times) => format!("{} times", times.len()),
        };
        told.insert(format!("{} {}", key.key().name(), labels.join(" ")), value);
    }
    let expected = [
        (
            "kitelogik_decision_duration_seconds engine=embedded verdict=allow",
            "2 times",
        ),
        (
            "kitelogik_decision_duration_seconds engine=embedded verdict=deny",
            "1 times",
        ),
        ("kitelogik_decisions_total verdict=allow code=none", "2"),
        ("kitelogik_decisions_total verdict=deny code=none", "1"),
        ("kitelogik_kill_switch_stops ", "1"),
        ("kitelogik_outcomes_total outcome=failed", "1"),
        ("kitelogik_outcomes_total outcome=ran", "1"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(told, BTreeMap::from(expected));
}
