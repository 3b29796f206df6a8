//! Strict reading and canonical writing.

use kitelogik_core::{Arguments, json};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// Any JSON value of up to a few levels, with the floats that JSON can hold.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |number| {
            serde_json::Number::from_f64(number).map(Value::Number)
        }),
        ".{0,8}".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((".{0,4}", inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Writes `value` with the first key of the object `levels` objects down written twice, if there
/// is such an object.
fn with_duplicate(value: &Value, levels: &mut usize) -> (String, bool) {
    match value {
        Value::Array(items) => {
            let mut done = false;
            let parts: Vec<_> = items
                .iter()
                .map(|item| {
                    let (text, twice) = if done {
                        (item.to_string(), false)
                    } else {
                        with_duplicate(item, levels)
                    };
                    done |= twice;
                    text
                })
                .collect();
            (format!("[{}]", parts.join(",")), done)
        }
        Value::Object(entries) if !entries.is_empty() => {
            let mut done = false;
            let mut parts = Vec::new();
            for (key, entry) in entries {
                let key = Value::from(key.as_str());
                if !done && *levels == 0 {
                    parts.push(format!("{key}:null"));
                    done = true;
                } else if !done {
                    *levels -= 1;
                    let (text, twice) = with_duplicate(entry, levels);
                    done = twice;
                    parts.push(format!("{key}:{text}"));
                    continue;
                }
                parts.push(format!("{key}:{entry}"));
            }
            (format!("{{{}}}", parts.join(",")), done)
        }
        scalar => (scalar.to_string(), false),
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back_as_the_same_value(value in any_json()) {
        let text = json::canonical(&value);
        prop_assert_eq!(json::parse(&text, json::DEFAULT_MAX_DEPTH).unwrap(), value);
    }

    #[test]
    fn canonical_text_is_a_fixpoint(value in any_json()) {
        let once = json::canonical(&value);
        let twice = json::canonical(&json::parse(&once, json::DEFAULT_MAX_DEPTH).unwrap());
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn canonical_text_does_not_depend_on_the_order_of_insertion(
        entries in prop::collection::btree_map(".{0,6}", any_json(), 0..8),
    ) {
        let forwards: Map<_, _> = entries.clone().into_iter().collect();
        let backwards: Map<_, _> = entries.into_iter().rev().collect();
        let forwards = json::canonical(&Value::Object(forwards));
        prop_assert_eq!(&forwards, &json::canonical(&Value::Object(backwards)));
    }

    #[test]
    fn a_duplicate_key_is_refused_wherever_it_stands(value in any_json(), levels in 0_usize..6) {
        let (text, twice) = with_duplicate(&value, &mut { levels });
        let parsed = json::parse(&text, json::DEFAULT_MAX_DEPTH);
        prop_assert_eq!(parsed.is_err(), twice, "{}", text);
        prop_assert!(serde_json::from_str::<Value>(&text).is_ok(), "a lax reader takes it");
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,64}") {
        let _ = json::parse(&text, 8);
    }

    #[test]
    fn the_text_of_arguments_is_their_object(value in prop::collection::btree_map(".{0,6}", any_json(), 0..8)) {
        let object: Map<_, _> = value.into_iter().collect();
        let arguments = Arguments::from(object.clone());
        prop_assert_eq!(arguments.object(), &object);
        let read = json::parse(arguments.text(), json::DEFAULT_MAX_DEPTH).unwrap();
        prop_assert_eq!(read, Value::Object(object));
    }
}

#[test]
fn keys_that_differ_only_in_their_escapes_are_duplicates() {
    for text in [
        r#"{"a": 1, "a": 2}"#,
        r#"{"a": 1, "\u0061": 2}"#,
        r#"[{"x": {"a": [{"b": 1, "b": 1}]}}]"#,
    ] {
        let error = json::parse(text, 64).unwrap_err().to_string();
        assert!(error.contains("duplicate key"), "{text}: {error}");
    }
}

#[test]
fn depth_counts_arrays_and_objects_and_ends_where_it_says() {
    assert!(json::parse("[[[]]]", 3).is_ok());
    assert!(json::parse("[[[]]]", 2).is_err());
    assert!(json::parse(r#"{"a":{"b":[1]}}"#, 3).is_ok());
    assert!(json::parse(r#"{"a":{"b":[1]}}"#, 2).is_err());
    assert!(json::parse("1", 0).is_ok());
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(json::parse(&deep, usize::MAX).is_err());
}

#[test]
fn what_is_not_one_json_value_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "{}x",
        "{} {}",
        "[1,]",
        "{\"a\":1,}",
        "NaN",
        "1e999",
        "'a'",
        "nul",
        "\u{feff}{}",
    ] {
        assert!(json::parse(text, 64).is_err(), "`{text}`");
    }
}
