//! A collector for one example: takes OTLP as JSON, and tells what came.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A collector on a port of loopback that was free.
pub(crate) struct Collector {
    /// Where it listens, as exporters want it.
    pub(crate) endpoint: String,
    received: Arc<Received>,
}

#[derive(Default)]
struct Received {
    lines: Mutex<BTreeSet<String>>,
}

impl Received {
    fn add(&self, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.insert(line);
    }
}

/// Starts the collector.
///
/// # Errors
///
/// There is no free port.
pub(crate) async fn start() -> io::Result<Collector> {
    let received = Arc::new(Received::default());
    let routes = Router::new()
        .route("/v1/traces", post(traces))
        .route("/v1/metrics", post(metrics))
        .with_state(Arc::clone(&received));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(Collector { endpoint, received })
}

impl Collector {
    /// Prints what was received: the names of spans with their verdicts, and of metrics.
    pub(crate) fn print(&self) {
        let lines = self.received.lines.lock();
        for line in lines.unwrap_or_else(PoisonError::into_inner).iter() {
            println!("collector: {line}");
        }
    }
}

async fn traces(State(received): State<Arc<Received>>, Json(body): Json<Value>) -> Json<Value> {
    for span in named(&body, ["resourceSpans", "scopeSpans", "spans"]) {
        let name = span.get("name").and_then(Value::as_str).unwrap_or("?");
        let told = ["kitelogik.verdict", "kitelogik.outcome", "error.type"];
        let attributes: Vec<String> = attributes(span)
            .filter(|(key, _)| told.contains(&key.as_str()))
            .map(|(key, value)| format!(" {key}={value}"))
            .collect();
        received.add(format!("span {name}{}", attributes.concat()));
    }
    Json(json!({}))
}

async fn metrics(State(received): State<Arc<Received>>, Json(body): Json<Value>) -> Json<Value> {
    for metric in named(&body, ["resourceMetrics", "scopeMetrics", "metrics"]) {
        let name = metric.get("name").and_then(Value::as_str).unwrap_or("?");
        received.add(format!("metric {name}"));
    }
    Json(json!({}))
}

/// The elements of lists in lists.
fn named<'a>(body: &'a Value, path: [&'static str; 3]) -> impl Iterator<Item = &'a Value> {
    let list = |value: &'a Value, key: &str| value.get(key).and_then(Value::as_array);
    let [outer, middle, inner] = path;
    list(body, outer)
        .into_iter()
        .flatten()
        .filter_map(move |element| list(element, middle))
        .flatten()
        .filter_map(move |element| list(element, inner))
        .flatten()
}

fn attributes(span: &Value) -> impl Iterator<Item = (String, String)> {
    let attributes = span.get("attributes").and_then(Value::as_array);
    attributes.into_iter().flatten().filter_map(|attribute| {
        let key = attribute.get("key")?.as_str()?;
        let value = attribute.pointer("/value/stringValue")?.as_str()?;
        Some((key.to_owned(), value.to_owned()))
    })
}
