//! Strict function calling makes models write every argument: null where they would leave one out.

use std::collections::{BTreeMap, HashMap};

use kitelogik_toolbox::Tool;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answers::{Answers, echo};
use crate::catalogue::{self, Folder, Gift, Order, Payment, typed};

/// What the policy sees of `written`, which a model in strict mode may write where the tool has it.
async fn judged(tool: Tool, written: Value) -> Value {
    let engine = Answers::default();
    let name = tool.name().to_owned();
    let tools = engine.judging([tool]);
    let published = tools.schemas()[0].openai_parameters();
    if published.is_strict() {
        let validator = jsonschema::draft202012::new(&published.schema).unwrap();
        if let Err(error) = validator.validate(&written) {
            panic!("a model would not write this: {error}");
        }
    }
    tools.call_json(&name, &written.to_string()).await.unwrap();
    engine.asked()[0]["args"].clone()
}

#[tokio::test]
async fn a_null_for_a_defaulted_argument_takes_the_default_at_every_depth() {
    let written = json!({
        "customer": { "id": "c_1", "address": { "street": "s", "country": null } },
        "lines": [{ "sku": "a", "count": null }, { "sku": "b", "count": 2.0 }],
        "payment": { "kind": "card", "number": "1", "save": null },
        "priority": null,
        "note": null,
        "gift": { "Wrapped": { "card": null } },
    });
    assert_eq!(
        judged(typed::<Order>("place_order", ""), written).await,
        json!({
            "customer": { "id": "c_1", "address": { "street": "s", "country": "NO" } },
            "lines": [{ "sku": "a", "count": 1 }, { "sku": "b", "count": 2 }],
            "payment": { "kind": "card", "number": "1", "save": false },
            "priority": "normal",
            "note": null,
            "gift": { "Wrapped": { "card": "" } },
        })
    );
}

#[tokio::test]
async fn in_what_refers_to_itself() {
    let written = json!({
        "name": "a",
        "folders": [{ "name": "b", "folders": [{ "name": "c", "folders": null }] }],
    });
    assert_eq!(
        judged(typed::<Folder>("make", ""), written).await,
        json!({
            "name": "a",
            "folders": [{ "name": "b", "folders": [{ "name": "c", "folders": [] }] }],
        })
    );
}

#[tokio::test]
async fn in_choices_options_and_lists_of_them() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Mixed {
        payments: Vec<Payment>,
        gifts: Option<Vec<Option<Gift>>>,
        either: Either,
        #[serde(default)]
        or: Option<Either>,
    }
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Inner {
            x: u8,
            #[serde(default)]
            y: u8,
        },
    }
    let written = json!({
        "payments": [{ "kind": "card", "number": "1", "save": null }, { "kind": "invoice", "days": null }],
        "gifts": [null, { "Wrapped": { "card": null } }, "Plain"],
        "either": { "x": 1, "y": null },
        "or": { "x": 1, "y": null },
    });
    assert_eq!(
        judged(typed::<Mixed>("mixed", ""), written).await,
        json!({
            "payments": [
                { "kind": "card", "number": "1", "save": false },
                { "kind": "invoice", "days": null },
            ],
            "gifts": [null, { "Wrapped": { "card": "" } }, "Plain"],
            "either": { "x": 1, "y": 0 },
            "or": { "x": 1, "y": 0 },
        })
    );
}

#[tokio::test]
async fn in_maps_tuples_and_flattened_choices_too() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Loose {
        map: HashMap<String, Inner>,
        numbered: BTreeMap<i32, Inner>,
        pair: (u8, Inner),
        #[serde(flatten)]
        payment: Payment,
    }
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Inner {
        #[serde(default)]
        n: u8,
    }
    let written = json!({
        "map": { "a": { "n": null } },
        "numbered": { "1": { "n": null } },
        "pair": [1, { "n": null }],
        "kind": "card", "number": "1", "save": null,
    });
    assert_eq!(
        judged(typed::<Loose>("loose", ""), written).await,
        json!({
            "map": { "a": { "n": 0 } },
            "numbered": { "1": { "n": 0 } },
            "pair": [1, { "n": 0 }],
            "kind": "card", "number": "1", "save": false,
        })
    );
}

#[tokio::test]
async fn a_tool_known_at_run_time_gets_no_null_for_what_was_left_out() {
    let written = json!({ "query": "x", "limit": null, "order": null });
    assert_eq!(
        judged(catalogue::at_run_time(), written).await,
        json!({ "query": "x" })
    );
}

#[tokio::test]
async fn a_null_that_means_something_stays() {
    let schema = json!({
        "type": "object",
        "properties": {
            "required": { "type": ["string", "null"] },
            "nullable": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
            "one_of": { "enum": ["a", null] },
            "any": {},
        },
        "required": ["required"],
    });
    let written =
        json!({ "required": null, "nullable": null, "one_of": null, "any": null, "new": null });
    assert_eq!(judged(echo("tool", schema), written.clone()).await, written);
}

#[tokio::test]
async fn a_null_for_a_required_argument_is_refused() {
    let tools = Answers::default().judging([typed::<Order>("place_order", "")]);
    let written = json!({ "customer": { "id": null }, "lines": [{ "sku": "a" }], "payment": { "kind": "cash" } });
    assert!(tools.call("place_order", written).await.is_err());
}
