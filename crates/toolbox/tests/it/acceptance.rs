//! What the published schema allows, the tool takes, or serde refuses: never a panic, never a run
//! on anything else than what was judged.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use kitelogik_toolbox::{GovernedToolbox, ToolError};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::answers::Answers;
use crate::catalogue::{Folder, Labels, Order, Transfer, typed};

/// What serde refuses beyond the schema: see `Tool::typed`.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Beyond {
    small: u8,
    unsigned: u32,
    long: u64,
    signed: i64,
    single: f32,
    letter: char,
    some: NonZeroU32,
    address: IpAddr,
    wait: Duration,
    numbered: BTreeMap<i16, String>,
    unique: BTreeSet<u8>,
    pair: (i8, String),
    any: Value,
}

/// A value that `schema` may allow, boundary cases among them.
fn value_of(schema: &Value, root: &Value, depth: u32) -> BoxedStrategy<Value> {
    let Some(object) = schema.as_object() else {
        return any_json();
    };
    if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
        if depth == 0 {
            return Just(Value::Null).boxed();
        }
        let target = root.pointer(reference.trim_start_matches('#')).unwrap();
        return value_of(target, root, depth - 1);
    }
    if let Some(only) = object.get("const") {
        return Just(only.clone()).boxed();
    }
    if let Some(Value::Array(values)) = object.get("enum") {
        return proptest::sample::select(values.clone()).boxed();
    }
    for keyword in ["oneOf", "anyOf"] {
        if let Some(Value::Array(forms)) = object.get(keyword) {
            let base = object.contains_key("properties");
            let forms: Vec<_> = forms
                .iter()
                .map(|form| {
                    let form = value_of(form, root, depth);
                    if base {
                        (object_of(object, root, depth), form)
                            .prop_map(merged)
                            .boxed()
                    } else {
                        form
                    }
                })
                .collect();
            return proptest::strategy::Union::new(forms).boxed();
        }
    }
    let kinds = match object.get("type") {
        Some(Value::String(kind)) => vec![kind.clone()],
        Some(Value::Array(kinds)) => kinds
            .iter()
            .map(|kind| kind.as_str().unwrap().to_owned())
            .collect(),
        _ => return any_json(),
    };
    let kinds: Vec<_> = kinds
        .iter()
        .map(|kind| of_kind(kind, object, root, depth))
        .collect();
    proptest::strategy::Union::new(kinds).boxed()
}

fn merged((base, form): (Value, Value)) -> Value {
    let (Value::Object(mut base), Value::Object(form)) = (base, form) else {
        return Value::Null;
    };
    base.extend(form);
    Value::Object(base)
}

fn of_kind(
    kind: &str,
    schema: &Map<String, Value>,
    root: &Value,
    depth: u32,
) -> BoxedStrategy<Value> {
    match kind {
        "null" => Just(Value::Null).boxed(),
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "string" => text().prop_map(Value::from).boxed(),
        "integer" => prop_oneof![
            (-3_i64..300).prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-3_i32..300).prop_map(|whole| json!(f64::from(whole))),
            proptest::sample::select(vec![
                json!(255),
                json!(256),
                json!(32767),
                json!(32768),
                json!(2_147_483_647_u32),
                json!(4_294_967_296_u64),
                json!(i64::MIN),
                json!(u64::MAX),
                json!(1e300),
                json!(9_007_199_254_740_993_i64),
                json!(-0.0),
            ]),
        ]
        .boxed(),
        "number" => prop_oneof![
            proptest::num::f64::NORMAL.prop_map(|number| json!(number)),
            (-3_i64..300).prop_map(Value::from),
        ]
        .boxed(),
        "array" => {
            if let Some(Value::Array(first)) = schema.get("prefixItems") {
                let first: Vec<_> = first
                    .iter()
                    .map(|item| value_of(item, root, depth))
                    .collect();
                return first.prop_map(Value::from).boxed();
            }
            let items = value_of(
                schema.get("items").unwrap_or(&Value::Bool(true)),
                root,
                depth,
            );
            proptest::collection::vec(items, 0..4)
                .prop_map(Value::from)
                .boxed()
        }
        "object" => object_of(schema, root, depth),
        other => panic!("{other}"),
    }
}

fn object_of(schema: &Map<String, Value>, root: &Value, depth: u32) -> BoxedStrategy<Value> {
    let required = schema.get("required").cloned().unwrap_or_default();
    let mut fields = Vec::new();
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let name = name.clone();
        let needed = required
            .as_array()
            .is_some_and(|all| all.iter().any(|one| *one == json!(name)));
        let value = value_of(property, root, depth);
        let field = if needed {
            value.prop_map(Some).boxed()
        } else {
            prop_oneof![3 => value.prop_map(Some), 1 => Just(Some(Value::Null)), 1 => Just(None)]
                .boxed()
        };
        fields.push(
            field
                .prop_map(move |value| value.map(|value| (name.clone(), value)))
                .boxed(),
        );
    }
    let more = schema
        .get("patternProperties")
        .and_then(Value::as_object)
        .and_then(|patterns| patterns.values().next())
        .or_else(|| schema.get("additionalProperties"));
    let more = match more {
        None | Some(Value::Bool(false)) => Just(Vec::new()).boxed(),
        Some(more) => {
            let key = prop_oneof![text(), any::<i32>().prop_map(|key| key.to_string())];
            proptest::collection::vec((key, value_of(more, root, depth)), 0..3).boxed()
        }
    };
    (fields, more)
        .prop_map(|(fields, more)| fields.into_iter().flatten().chain(more).collect())
        .boxed()
}

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        "[a-z_0-9]{0,5}",
        ".{0,3}",
        proptest::sample::select(vec![
            "127.0.0.1",
            "::1",
            "256.0.0.1",
            "é",
            "e\u{301}",
            "👩‍💻",
            "1",
            "-1"
        ])
        .prop_map(str::to_owned),
    ]
    .boxed()
}

fn any_json() -> BoxedStrategy<Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
        Just(json!({ "a": [1.0, null] })),
    ]
    .boxed()
}

struct Case {
    tools: GovernedToolbox,
    engine: Answers,
    schema: Value,
    runtime: tokio::runtime::Runtime,
}

impl Case {
    fn of<A>() -> Self
    where
        A: Serialize + serde::de::DeserializeOwned + JsonSchema + Send + 'static,
    {
        let engine = Answers::default();
        let tools = engine.judging([typed::<A>("tool", "").sanitise(false)]);
        Self {
            schema: tools.schemas()[0].parameters.clone(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            tools,
            engine,
        }
    }

    /// Calls with arguments by the schema. Whether the tool took them.
    fn check(&self, arguments: &Value) -> Result<bool, TestCaseError> {
        let asked = self.engine.asked().len();
        let called = self
            .runtime
            .block_on(self.tools.call_json("tool", &arguments.to_string()));
        let judged = self.engine.asked().split_off(asked);
        match called {
            Ok(output) => {
                prop_assert_eq!(judged.len(), 1);
                // The body returns what it got: what was judged.
                prop_assert_eq!(&judged[0]["args"], &output.value);
                Ok(true)
            }
            Err(ToolError::InvalidArguments(_)) => {
                prop_assert!(judged.is_empty());
                Ok(false)
            }
            Err(other) => Err(TestCaseError::fail(format!("{other}: {arguments}"))),
        }
    }

    fn run(&self, test: impl Fn(&Self, Value) -> TestCaseResult) {
        let strategy = value_of(&self.schema, &self.schema, 3);
        proptest::test_runner::TestRunner::new(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(300)
        })
        .run(&strategy, |arguments| test(self, arguments))
        .unwrap();
    }
}

/// What is valid against the schema is taken, but for what `refused` finds in it.
fn takes_what_the_schema_allows<A>(refused: impl Fn(&Value) -> bool)
where
    A: Serialize + serde::de::DeserializeOwned + JsonSchema + Send + 'static,
{
    let case = Case::of::<A>();
    let schema = jsonschema::draft202012::new(&case.schema).unwrap();
    let taken = Cell::new(0);
    case.run(|case, arguments| {
        let valid = schema.is_valid(&arguments);
        let took = case.check(&arguments)?;
        taken.set(taken.get() + usize::from(took));
        if valid && !refused(&arguments) {
            prop_assert!(took, "valid, but not taken: {}", arguments);
        }
        Ok(())
    });
    assert!(taken.get() > 0, "no arguments were ever taken");
}

/// Integers that the schema does not bound and the type does.
fn has_huge_integer(value: &Value) -> bool {
    match value {
        Value::Number(number) => number
            .as_u64()
            .is_none_or(|number| number > u64::from(u32::MAX)),
        Value::Array(items) => items.iter().any(has_huge_integer),
        Value::Object(object) => object.values().any(has_huge_integer),
        _ => false,
    }
}

#[test]
fn nested_structs_enums_and_defaults() {
    takes_what_the_schema_allows::<Order>(has_huge_integer);
}

#[test]
fn maps_of_text() {
    takes_what_the_schema_allows::<Labels>(|_| false);
}

#[test]
fn references_to_itself() {
    takes_what_the_schema_allows::<Folder>(|_| false);
}

#[test]
fn flattened_choices() {
    takes_what_the_schema_allows::<Transfer>(|_| false);
}

#[test]
fn what_serde_refuses_beyond_the_schema_is_invalid_arguments() {
    Case::of::<Beyond>().run(|case, arguments| case.check(&arguments).map(drop));
}

#[test]
fn each_thing_that_serde_refuses_beyond_the_schema() {
    let case = Case::of::<Beyond>();
    let schema = jsonschema::draft202012::new(&case.schema).unwrap();
    let fits = json!({
        "small": 1, "unsigned": 1, "long": 1, "signed": 1, "single": 1.5, "letter": "é", "some": 1,
        "address": "::1", "wait": { "secs": 1, "nanos": 1 }, "numbered": { "1": "a" },
        "unique": [1, 2], "pair": [1, "a"], "any": { "x": null },
    });
    assert!(case.check(&fits).unwrap());
    for (name, value) in [
        ("unsigned", json!(4_294_967_296_u64)),
        ("long", json!(1e20)),
        ("signed", json!(u64::MAX)),
        ("single", json!(1e300)),
        ("some", json!(4_294_967_296_u64)),
        ("address", json!("256.0.0.1")),
        (
            "wait",
            json!({ "secs": u64::MAX, "nanos": 4_294_967_295_u32 }),
        ),
        ("numbered", json!({ "40000": "a" })),
    ] {
        let mut arguments = fits.clone();
        arguments[name] = value;
        assert!(schema.is_valid(&arguments), "{arguments}");
        assert!(!case.check(&arguments).unwrap(), "{arguments}");
    }
}
