//! What was judged is what runs: the body's arguments are what decodes from the JSON that the
//! policy saw.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use kitelogik::prelude::*;
use kitelogik::schemars::JsonSchema;
use kitelogik::serde::{Deserialize, Serialize, Serializer};
use kitelogik::{FailClosed, Outcome};
use proptest::collection::{hash_map, hash_set, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::evidence::Evidence;

/// The arguments of `record`, as one type: what the judged JSON decodes to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(crate = "kitelogik::serde")]
struct Arguments {
    text: String,
    #[serde(default = "seven", rename = "number", alias = "count")]
    count: i64,
    #[serde(default)]
    amount: f64,
    #[serde(flatten)]
    place: Place,
    token: Token,
    name: Name,
    either: Either,
    set: HashSet<u8>,
    map: HashMap<String, Vec<u8>>,
    nested: Option<Box<Nested>>,
}

/// Flattened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "kitelogik::serde")]
#[schemars(crate = "kitelogik::schemars")]
struct Place {
    street: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zip: Option<u32>,
}

/// With a field that JSON does not carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "kitelogik::serde")]
#[schemars(crate = "kitelogik::schemars")]
struct Token {
    id: u64,
    #[serde(skip)]
    unchecked: bool,
}

/// Written otherwise than it is held: in lower case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "kitelogik::serde", into = "String", from = "Written")]
#[schemars(crate = "kitelogik::schemars")]
struct Name(String);

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "kitelogik::serde", untagged)]
#[schemars(crate = "kitelogik::schemars")]
enum Written {
    Text(String),
    Number(u32),
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0.to_lowercase()
    }
}

impl From<Written> for Name {
    fn from(written: Written) -> Self {
        match written {
            Written::Text(text) => Self(text),
            Written::Number(number) => Self(number.to_string()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "kitelogik::serde", untagged)]
#[schemars(crate = "kitelogik::schemars")]
enum Either {
    Integer(i64),
    Number(f64),
    List(Vec<String>),
    Pair { left: bool, right: Option<u8> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "kitelogik::serde", rename_all = "camelCase", tag = "kind")]
#[schemars(crate = "kitelogik::schemars")]
enum Nested {
    // Left open, so that the alias, which no schema knows, comes through.
    #[schemars(extend("additionalProperties" = true))]
    Leaf {
        #[serde(default, alias = "size")]
        height: u16,
    },
    Branch {
        left: Option<Box<Nested>>,
        tokens: Vec<Token>,
    },
}

fn seven() -> i64 {
    7
}

type Got = Arc<Mutex<Option<Arguments>>>;

#[governed]
#[expect(clippy::too_many_arguments, reason = "one for each way to be decoded")]
fn record(
    #[state] got: Got,
    text: &str,
    #[serde(default = "seven", rename = "number", alias = "count")] count: i64,
    #[serde(default)] amount: f64,
    #[serde(flatten)] place: Place,
    token: Token,
    name: Name,
    either: Either,
    set: HashSet<u8>,
    map: HashMap<String, Vec<u8>>,
    nested: Option<Box<Nested>>,
) {
    *got.lock().unwrap() = Some(Arguments {
        text: text.to_owned(),
        count,
        amount,
        place,
        token,
        name,
        either,
        set,
        map,
        nested,
    });
}

fn token() -> impl Strategy<Value = Token> {
    (any::<u64>(), any::<bool>()).prop_map(|(id, unchecked)| Token { id, unchecked })
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        proptest::num::f64::NORMAL,
        Just(0.0),
        (-1000_i32..1000).prop_map(f64::from),
    ]
}

fn either() -> impl Strategy<Value = Either> {
    prop_oneof![
        any::<i64>().prop_map(Either::Integer),
        number().prop_map(Either::Number),
        vec(".{0,8}", 0..3).prop_map(Either::List),
        (any::<bool>(), any::<Option<u8>>()).prop_map(|(left, right)| Either::Pair { left, right }),
    ]
}

fn nested() -> impl Strategy<Value = Nested> {
    let leaf = any::<u16>().prop_map(|height| Nested::Leaf { height });
    leaf.prop_recursive(3, 8, 2, |inner| {
        (option::of(inner.prop_map(Box::new)), vec(token(), 0..3))
            .prop_map(|(left, tokens)| Nested::Branch { left, tokens })
    })
}

fn arguments() -> impl Strategy<Value = Arguments> {
    let place = (".{0,8}", any::<Option<u32>>());
    let place = place.prop_map(|(street, zip)| Place { street, zip });
    (
        ".{0,16}",
        any::<i64>(),
        number(),
        place,
        token(),
        "[a-zA-ZÄß0-9]{0,8}".prop_map(Name),
        either(),
        hash_set(any::<u8>(), 0..5),
        hash_map(".{0,4}", vec(any::<u8>(), 0..3), 0..4),
        option::of(nested().prop_map(Box::new)),
    )
        .prop_map(
            |(text, count, amount, place, token, name, either, set, map, nested)| Arguments {
                text,
                count,
                amount,
                place,
                token,
                name,
                either,
                set,
                map,
                nested,
            },
        )
}

/// The arguments as a model may write them: `spelling` says which of the ways there are.
fn raw(arguments: &Arguments, spelling: [bool; 6]) -> Value {
    let [left_out, nulls, float, number, leaf, alias] = spelling;
    let Arguments {
        text, place, token, ..
    } = arguments;
    let mut raw = json!({
        "text": text,
        "street": place.street,
        "token": { "id": token.id },
        "name": arguments.name.0,
        "either": arguments.either,
        "set": arguments.set,
        "map": arguments.map,
    });
    if number {
        raw["name"] = json!(42);
    }
    if !left_out {
        raw["number"] = json!(arguments.count);
        raw["amount"] = json!(arguments.amount);
        raw["nested"] = json!(arguments.nested);
        raw["zip"] = json!(place.zip);
    }
    if nulls {
        raw["nested"] = Value::Null;
        raw["zip"] = Value::Null;
    }
    if float && let Some(id) = u32::try_from(token.id).ok().map(f64::from) {
        raw["token"]["id"] = json!(id);
    }
    if leaf {
        let height = if alias { "size" } else { "height" };
        raw["nested"] = json!({ "kind": "leaf", height: 3.0 });
    }
    raw
}

/// What the policy saw, decoded.
fn judged(evidence: &Evidence) -> Arguments {
    serde_json::from_value(evidence.judged()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_direct_call_s_body_gets_what_decodes_from_the_judged_json(arguments in arguments()) {
        let evidence = Evidence::default();
        let got = Got::default();
        let a = arguments;
        let call = record(
            got.clone(), &a.text, a.count, a.amount, a.place, a.token, a.name, a.either, a.set,
            a.map, a.nested,
        );
        call.run_blocking(&evidence.allowing()).unwrap();
        prop_assert_eq!(got.lock().unwrap().take(), Some(judged(&evidence)));
    }

    #[test]
    fn a_call_by_name_s_body_gets_what_decodes_from_the_judged_json(
        arguments in arguments(),
        spelling: [bool; 6],
    ) {
        let evidence = Evidence::default();
        let got = Got::default();
        let tools = Toolbox::builder().tool_with(record, got.clone()).build().unwrap();
        let tools = tools.for_session(&evidence.allowing());
        let text = raw(&arguments, spelling).to_string();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(tools.call_json("record", &text)).unwrap();
        prop_assert_eq!(got.lock().unwrap().take(), Some(judged(&evidence)));
    }
}

#[test]
fn what_the_caller_set_and_json_does_not_carry_never_reaches_the_body() {
    let evidence = Evidence::default();
    let got = Got::default();
    let place = Place {
        street: "Elm".into(),
        zip: None,
    };
    let token = Token {
        id: 1,
        unchecked: true,
    };
    let set = HashSet::from([1, 2]);
    record(
        got.clone(),
        "t",
        1,
        1.0,
        place,
        token,
        Name("ADMIN".into()),
        Either::Integer(1),
        set,
        HashMap::new(),
        None,
    )
    .run_blocking(&evidence.allowing())
    .unwrap();
    let got = got.lock().unwrap().take().unwrap();
    assert!(!got.token.unchecked);
    assert_eq!(got.name, Name("admin".into()));
    assert_eq!(evidence.judged()["name"], "admin");
}

/// Shares a field with [`Place`].
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(crate = "kitelogik::serde")]
#[schemars(crate = "kitelogik::schemars")]
struct OtherPlace {
    street: String,
}

#[governed]
fn move_house(#[serde(flatten)] from: Place, #[serde(flatten)] to: OtherPlace) {
    let _ = (from.street, to.street);
}

/// Is another number each time it is written.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "kitelogik::serde")]
#[schemars(crate = "kitelogik::schemars")]
struct Drifting(u32);

impl Serialize for Drifting {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_u32(self.0 + 1)
    }
}

#[governed]
fn drift(number: Drifting) -> u32 {
    number.0
}

#[test]
fn arguments_that_do_not_survive_the_round_trip_are_malformed_input() {
    let evidence = Evidence::default();
    let session = evidence.allowing();
    let from = Place {
        street: "Elm".into(),
        zip: None,
    };
    let to = OtherPlace {
        street: "Oak".into(),
    };
    let shared = move_house(from, to).run_blocking(&session).unwrap_err();
    let drifting = drift(Drifting(1)).run_blocking(&session).unwrap_err();
    for denied in [shared, drifting] {
        let code = denied.decision.fail_closed;
        assert_eq!(code, Some(FailClosed::MalformedInput));
    }
    assert!(evidence.asked().is_empty());
    assert_eq!(evidence.outcomes(), [Some(Outcome::NeverRan); 2]);
}
