//! Every built-in that the embedded engine offers, with operands at the edges: what it makes is what OPA makes.

mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use kitelogik_opa_process::opa_or_skip;
use kitelogik_rego::{Fault, Interpreter, MAX_DEPTH, read};
use serde_json::{Value, json};

use self::table::{Call, Function, Table};

#[tokio::test]
async fn what_a_built_in_of_the_embedded_engine_makes_opa_makes_as_well() {
    let Some(opa) = opa_or_skip!() else { return };
    let table = Table::read();
    let mut server = opa.server();
    for function in &table.functions {
        server = server.module(format!("{}.rego", function.package), function.module());
    }
    let server = server.start().unwrap();
    let opa = Opa {
        url: server.url(),
        http: client(),
    };
    let mut differ = BTreeMap::new();
    let (mut same, mut stricter) = (0_usize, 0_usize);
    for function in &table.functions {
        let theirs = opa.answers(function).await;
        let engine = Engine::new(function);
        for (number, call) in function.calls.iter().enumerate() {
            let theirs = theirs.get(&number.to_string());
            let ours = match engine.answer(call) {
                Ours::Error => {
                    stricter += usize::from(theirs.is_some());
                    continue;
                }
                Ours::Undefined => None,
                Ours::Defined(value) => Some(value),
            };
            let agree = match (&ours, theirs) {
                (None, None) => !opa.fails(function, call).await,
                (Some(ours), Some(theirs)) => equal(ours, theirs),
                _ => false,
            };
            if agree {
                same += 1;
            } else {
                let shown = |answer: Option<&Value>| {
                    answer.map_or_else(|| "undefined or an error".to_owned(), Value::to_string)
                };
                differ.insert(
                    call.shown.clone(),
                    format!("{}, OPA {}", shown(ours.as_ref()), shown(theirs)),
                );
            }
        }
    }
    eprintln!("{same} answers are the same; {stricter} are refused here alone");
    let known = |call: &str| table.known.iter().any(|known| known.covers(call));
    let unknown: Vec<String> = differ
        .iter()
        .filter(|(call, _)| !known(call))
        .map(|(call, answers)| format!("{call}: {answers}"))
        .collect();
    let count = unknown.len();
    assert!(
        unknown.is_empty(),
        "{count} answers differ:\n{}",
        unknown.join("\n")
    );
    let stale: Vec<&str> = table
        .known
        .iter()
        .filter(|known| !differ.keys().any(|call| known.covers(call)))
        .map(|known| known.function.as_str())
        .collect();
    assert!(stale.is_empty(), "these do not differ: {stale:?}");
    assert!(same > 10_000, "only {same} answers were compared");
}

/// Answers are `[type, value]`; a set is an array, sorted as each engine sorts it.
fn equal(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => {
            ours == theirs || ours.as_f64() == theirs.as_f64()
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .zip(theirs)
                    .all(|(ours, theirs)| equal(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .all(|(key, ours)| theirs.get(key).is_some_and(|theirs| equal(ours, theirs)))
        }
        _ => ours == theirs,
    }
}

enum Ours {
    Defined(Value),
    Undefined,
    Error,
}

struct Engine(Interpreter);

impl Engine {
    fn new(function: &Function) -> Self {
        let module = function.module();
        let entry_point = format!("data.{}.one", function.package);
        let modules = [("main.rego", module.as_str())];
        Self(Interpreter::compile(modules, &json!({}), &entry_point).unwrap())
    }

    fn answer(&self, call: &Call) -> Ours {
        let input = read(&json!({ "operands": call.operands }), 1 << 20, MAX_DEPTH).unwrap();
        match self.0.run(&input, Duration::from_secs(10), 1 << 24) {
            Ok(value) => Ours::Defined(value),
            Err(Fault::Undefined) => Ours::Undefined,
            Err(Fault::Panic) => panic!("{} panics", call.shown),
            Err(_) => Ours::Error,
        }
    }
}

struct Opa {
    url: String,
    http: reqwest::Client,
}

impl Opa {
    /// The answer to each call that has one, by its number.
    async fn answers(&self, function: &Function) -> BTreeMap<String, Value> {
        let calls: Vec<_> = function.calls.iter().map(|call| &call.operands).collect();
        let url = format!("{}/v1/data/{}/all", self.url, function.package);
        let input = json!({ "input": { "calls": calls } });
        let answer = self
            .http
            .post(url)
            .body(input.to_string())
            .send()
            .await
            .unwrap();
        let text = answer.text().await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        let answers = answer["result"]
            .as_object()
            .unwrap_or_else(|| panic!("{text}"));
        answers
            .iter()
            .map(|(number, answer)| {
                let value = answer[1].as_str().unwrap();
                // A number that is too large for Rust remains a text.
                let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
                (number.clone(), json!([answer[0], value]))
            })
            .collect()
    }

    /// Whether a call that has no answer is an error.
    async fn fails(&self, function: &Function, call: &Call) -> bool {
        let url = format!(
            "{}/v1/data/{}/one?strict-builtin-errors=true",
            self.url, function.package
        );
        let input = json!({ "input": { "operands": call.operands } });
        let answer = self
            .http
            .post(url)
            .body(input.to_string())
            .send()
            .await
            .unwrap();
        !answer.status().is_success()
    }
}

fn client() -> reqwest::Client {
    // The client wants TLS even where it speaks to loopback.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}
