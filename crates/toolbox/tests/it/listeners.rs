//! A `tracing` subscriber that panics over the span of a call or of its body reaches nobody.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::sync::Once;

use serde_json::json;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::answers::{Answers, echo};

thread_local! {
    /// The span over which this thread's subscriber panics.
    static PANICS: Cell<Option<&'static str>> = const { Cell::new(None) };
}

const SPANS: [&str; 2] = ["execute_tool", "kitelogik.body"];

fn id(name: &str) -> Id {
    let known = SPANS.iter().position(|span| *span == name);
    Id::from_u64(known.map_or(100, |number| number as u64 + 1))
}

struct Listener;

impl Listener {
    fn panics(of: &Id) {
        assert!(
            PANICS.get().is_none_or(|name| id(name) != *of),
            "the listener panics"
        );
    }
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        id(attributes.metadata().name())
    }

    fn record(&self, span: &Id, _: &Record<'_>) {
        Self::panics(span);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, span: &Id) {
        Self::panics(span);
    }

    fn exit(&self, span: &Id) {
        Self::panics(span);
    }

    fn try_close(&self, span: Id) -> bool {
        Self::panics(&span);
        true
    }
}

#[test]
fn a_call_ends_as_it_would_whoever_panics_over_its_span_or_its_bodys() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| tracing::subscriber::set_global_default(Listener).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let tools = Answers::default().judging([echo("echo", json!({ "type": "object" }))]);
    for span in SPANS {
        PANICS.set(Some(span));
        let called = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let output = runtime.block_on(tools.call("echo", json!({ "a": 1 })));
            // The call's span is told of the error, too.
            let unknown = runtime.block_on(tools.call("echo", json!(1)));
            (output, unknown)
        }));
        PANICS.set(None);
        let (output, unknown) = called.unwrap();
        assert_eq!(output.unwrap().value, json!({ "a": 1 }), "{span}");
        unknown.unwrap_err();
    }
}
