//! How deep an input may nest, and how much one built-in may make.

use kitelogik_core::{
    AgentPlan, BudgetUsage, FailClosed, GovernanceEvent, Masking, PlanStep, PolicyEngine,
    PolicyInput, SessionContext, ToolCallInput,
};
use kitelogik_opa::EmbeddedBuilder;
use serde_json::{Map, Value, json};

use super::{both, decide, is_over};

/// Lists within lists.
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(0), |inner, _| json!([inner]))
}

/// As deep, with texts beside that have the brackets of the other side.
fn nested_behind_brackets(levels: usize) -> Value {
    (0..levels).fold(json!(0), |inner, _| json!(["]]\\\"]", inner]))
}

#[tokio::test]
async fn how_deep_an_input_nests_is_bounded_compiled_and_interpreted() {
    for engine in both("allow := true", |builder| builder.max_input_depth(10)) {
        for nested in [nested, nested_behind_brackets] {
            // The document and the arguments are two levels.
            let fits = decide(&engine, json!({"a": nested(8), "pad": "x".repeat(500)})).await;
            assert!(fits.allowed(), "{:?}", fits.detail);
            let limit = "deeper than 10 levels";
            is_over(&engine, json!({"a": nested(9)}), limit).await;
            is_over(
                &engine,
                json!({"a": nested(9), "pad": "x".repeat(500)}),
                limit,
            )
            .await;
            let explained = engine
                .explain(
                    &GovernanceEvent::ToolCall(ToolCallInput::new(
                        "approve_refund",
                        json!({"a": nested(9)}).as_object().unwrap().clone(),
                    )),
                    &SessionContext::new("example_01"),
                    &Masking::none(),
                )
                .unwrap();
            let code = explained.decision.fail_closed;
            assert_eq!(code, Some(FailClosed::LimitExceeded));
        }
    }
}

#[tokio::test]
async fn the_arguments_of_a_plan_are_bounded_in_depth_too() {
    for engine in both("allow := true", |builder| builder.max_input_depth(10)) {
        for (levels, code) in [(6, None), (7, Some(FailClosed::LimitExceeded))] {
            let args = json!({"a": nested(levels)}).as_object().unwrap().clone();
            let event = GovernanceEvent::AgentPlan(AgentPlan {
                steps: vec![PlanStep::new("approve_refund", args)],
                ..AgentPlan::default()
            });
            let context = SessionContext::new("example_01");
            let input = PolicyInput::new(&event, &context, BudgetUsage::default());
            let decision = engine.decide(&input).await;
            assert_eq!(decision.err().map(|error| error.code()), code, "{levels}");
        }
    }
}

#[tokio::test]
async fn an_input_nests_127_levels_at_most_whatever_is_asked_for() {
    for depth in [127, 128, usize::MAX] {
        for engine in both("allow := true", |builder| builder.max_input_depth(depth)) {
            let fits = decide(&engine, json!({"a": nested(125)})).await;
            assert!(fits.allowed(), "{:?}", fits.detail);
            is_over(&engine, json!({"a": nested(126)}), "deeper than 127 levels").await;
            let hidden = json!({"a": nested_behind_brackets(126)});
            is_over(&engine, hidden, "deeper than 127 levels").await;
        }
    }
}

#[tokio::test]
async fn too_few_levels_for_any_input_deny_everything() {
    for engine in both("allow := true", |builder| builder.max_input_depth(2)) {
        is_over(&engine, json!({}), "deeper than 2 levels").await;
    }
}

#[tokio::test]
async fn how_many_elements_one_built_in_makes_is_bounded_compiled_and_interpreted() {
    for call in [
        "numbers.range(1, input.args.count)",
        "numbers.range_step(1, input.args.count * 3, 3)",
        "split(input.args.text, \",\")",
        "object.keys(input.args.fields)",
        "array.concat(input.args.list, [])",
        "array.reverse(input.args.list)",
        "object.union(input.args.fields, {})",
        "json.unmarshal(json.marshal(input.args.list))",
        "regex.find_n(\"x\", input.args.text, -1)",
        "sort(input.args.list)",
    ] {
        let rules = format!("allow if count({call}) == input.args.count");
        let args = |count: usize| {
            let fields: Map<String, Value> = (0..count)
                .map(|number| (number.to_string(), json!(0)))
                .collect();
            json!({
                "count": count, "text": vec!["x"; count].join(","), "fields": fields,
                "list": (0..count).collect::<Vec<_>>(),
            })
        };
        for engine in both(&rules, |builder| builder.max_builtin_elements(50)) {
            let fits = decide(&engine, args(50)).await;
            assert!(fits.allowed(), "{call}: {:?}", fits.detail);
            is_over(&engine, args(51), "limit of 50 elements").await;
        }
    }
    let expand = "allow if count(net.cidr_expand(input.args.net)) == 4";
    for engine in both(expand, |builder| builder.max_builtin_elements(4)) {
        let fits = decide(&engine, json!({"net": "10.0.0.0/30"})).await;
        assert!(fits.allowed(), "{:?}", fits.detail);
        is_over(&engine, json!({"net": "10.0.0.0/29"}), "of 4 elements").await;
        is_over(&engine, json!({"net": "fd00::/8"}), "of 4 elements").await;
    }
}

#[tokio::test]
async fn how_much_text_one_built_in_makes_is_bounded_compiled_and_interpreted() {
    for call in [
        "concat(\"--\", [input.args.half, substring(input.args.half, 2, -1)])",
        "replace(input.args.half, \"a\", \"bc\")",
        "strings.replace_n({\"a\": \"bc\"}, input.args.half)",
        "regex.replace(input.args.half, \"a\", \"bc\")",
        "sprintf(\"%s%s\", [input.args.half, input.args.half])",
        "upper(input.args.whole)",
        "lower(upper(input.args.whole))",
        "trim_prefix(input.args.whole, \"b\")",
        "json.marshal(substring(input.args.whole, 2, -1))",
        "strings.reverse(input.args.whole)",
        "hex.encode(input.args.half)",
    ] {
        let rules = format!("allow if count({call}) == input.args.count");
        let args = |count: usize| json!({"half": "a".repeat(count / 2), "whole": "a".repeat(count), "count": count});
        for engine in both(&rules, |builder| builder.max_builtin_text(1_000)) {
            let fits = decide(&engine, args(1_000)).await;
            assert!(fits.allowed(), "{call}: {:?}", fits.detail);
            is_over(&engine, args(1_002), "limit of 1000 bytes of text").await;
        }
    }
}

#[tokio::test]
async fn what_lies_in_the_input_is_no_text_that_a_built_in_makes() {
    let rules = "allow if object.get(input.args, \"list\", []) == input.args.list";
    for engine in both(rules, |builder| builder.max_builtin_elements(1)) {
        let fits = decide(&engine, json!({"list": [1, 2, 3]})).await;
        assert!(fits.allowed(), "{:?}", fits.detail);
    }
}

#[tokio::test]
async fn one_built_in_makes_a_million_elements_and_64_mib_at_most_whatever_is_asked_for() {
    let most = |builder: EmbeddedBuilder| {
        builder
            .max_builtin_elements(usize::MAX)
            .max_builtin_text(usize::MAX)
            .max_made_bytes(usize::MAX)
    };
    let rules = "allow if count(numbers.range(1, input.args.count)) > 0";
    for engine in both(rules, most) {
        let fits = decide(&engine, json!({"count": 1_000_000})).await;
        assert!(fits.allowed(), "{:?}", fits.detail);
        is_over(&engine, json!({"count": 1_000_001}), "of 1000000 elements").await;
    }
    let rules = "allow if count(replace(input.args.text, \"a\", input.args.text)) > 0";
    for engine in both(rules, most) {
        let fits = decide(&engine, json!({"text": "a".repeat(8 * 1024)})).await;
        assert!(fits.allowed(), "{:?}", fits.detail);
        let text = "a".repeat(8 * 1024 + 1);
        is_over(
            &engine,
            json!({ "text": text }),
            "of 67108864 bytes of text",
        )
        .await;
    }
}
