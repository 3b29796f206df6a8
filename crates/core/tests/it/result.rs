//! The result document: only the documented shape yields an allow.

use kitelogik_core::{FailClosed, PolicyDecision, RiskTier, Verdict};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::json::any_json;

const ENTRY: &str = "data.kitelogik.main";
const TIERS: [&str; 6] = [
    "INFORMATIONAL",
    "OPERATIONAL",
    "TRANSACTIONAL_LOW",
    "TRANSACTIONAL_HIGH",
    "DESTRUCTIVE",
    "SECURITY_CRITICAL",
];

fn read(document: &Value) -> Result<PolicyDecision, FailClosed> {
    PolicyDecision::from_result(document, ENTRY).map_err(|error| error.code())
}

/// What the contract says about a document, written without the parser.
fn oracle(document: &Value) -> Option<Verdict> {
    let object = document.as_object()?;
    let flag = |key: &str| match object.get(key) {
        None => Some(false),
        Some(value) => value.as_bool(),
    };
    let set = |key: &str| match object.get(key) {
        None => Some(Vec::new()),
        Some(value) => strings(value),
    };
    let allow = flag("allow")?;
    let review = flag("requires_hitl")? | !set("hitl_reason")?.is_empty();
    let deny = match object.get("deny") {
        None => false,
        Some(Value::Bool(deny)) => *deny,
        Some(other) => !strings(other)?.is_empty(),
    };
    let reasons = set("deny_reason")?;
    set("rules")?;
    for key in ["risk_tier", "risk_tiers"] {
        let tiers = match object.get(key) {
            None => continue,
            Some(Value::String(tier)) => vec![tier.clone()],
            Some(other) => strings(other)?,
        };
        if !tiers.iter().all(|tier| TIERS.contains(&tier.as_str())) {
            return None;
        }
    }
    if object
        .get("rule_matched")
        .is_some_and(|rule| !rule.is_string())
    {
        return None;
    }
    match (deny, review, allow) {
        (true, _, _) => Some(Verdict::Deny),
        (false, _, _) if !reasons.is_empty() => None,
        (false, true, _) => Some(Verdict::RequireApproval),
        (false, false, true) => Some(Verdict::Allow),
        (false, false, false) => Some(Verdict::Refuse),
    }
}

fn strings(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect(),
        Value::Object(entries) => entries
            .values()
            .all(|value| *value == Value::Bool(true))
            .then(|| entries.keys().cloned().collect()),
        _ => None,
    }
}

/// A value a policy might give for a key: often well-formed, often almost.
fn plausible() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => any::<bool>().prop_map(Value::from),
        2 => prop::sample::select(TIERS.to_vec()).prop_map(Value::from),
        2 => prop::collection::vec("[a-c]{0,2}", 0..3).prop_map(Value::from),
        2 => prop::collection::vec(prop::sample::select(TIERS.to_vec()), 0..3).prop_map(Value::from),
        1 => prop::collection::btree_map("[a-c]{0,2}", any::<bool>(), 0..3)
            .prop_map(|entries| Value::Object(
                entries.into_iter().map(|(key, value)| (key, Value::from(value))).collect()
            )),
        1 => any_json(),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "allow",
        "deny",
        "deny_reason",
        "requires_hitl",
        "hitl_reason",
        "risk_tier",
        "risk_tiers",
        "rule_matched",
        "rules",
        "denied",
        "Allow",
    ]);
    prop_oneof![
        9 => prop::collection::vec((key, plausible()), 0..6).prop_map(|entries| Value::Object(
            entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
        )),
        1 => any_json(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn only_the_documented_shape_yields_an_allow(document in document()) {
        match (read(&document), oracle(&document)) {
            (Ok(decision), Some(verdict)) => prop_assert_eq!(decision.verdict, verdict),
            (Err(code), None) => prop_assert_eq!(code, FailClosed::MalformedDecision),
            (got, wanted) => prop_assert!(false, "{}: {:?}, wanted {:?}", document, got, wanted),
        }
    }

    #[test]
    fn an_allow_needs_allow_to_be_true(document in document()) {
        let allowed = read(&document).is_ok_and(|decision| decision.permits());
        prop_assert!(!allowed || document["allow"] == Value::Bool(true));
    }

    #[test]
    fn a_deny_beats_everything_else_in_a_well_formed_document(mut document in document()) {
        if let (Ok(before), Some(object)) = (read(&document), document.as_object_mut()) {
            object.insert("deny".to_owned(), json!(true));
            let decision = read(&document).unwrap();
            prop_assert!(decision.denied(), "{} before: {:?}", document, before.verdict);
        }
    }

    #[test]
    fn reasons_come_sorted_and_once(reasons in prop::collection::vec("[a-z]{1,6}", 1..8)) {
        let mut wanted = reasons.clone();
        wanted.sort();
        wanted.dedup();
        let decision = read(&json!({"deny": reasons})).unwrap();
        prop_assert_eq!(decision.reason, wanted.join("; "));
    }
}

#[test]
fn each_verdict_brings_its_own_reasons_and_rule() {
    let table = [
        (json!({}), Verdict::Refuse, "no rule allows this call", None),
        (
            json!({"allow": false}),
            Verdict::Refuse,
            "no rule allows this call",
            None,
        ),
        (
            json!({"allow": true}),
            Verdict::Allow,
            "allowed by policy",
            Some("allow"),
        ),
        (
            json!({"deny": true}),
            Verdict::Deny,
            "denied by policy",
            Some("deny"),
        ),
        (
            json!({"deny": true, "deny_reason": ["b", "a"], "allow": true}),
            Verdict::Deny,
            "a; b",
            Some("deny"),
        ),
        (
            json!({"deny": {"b": true, "a": true}}),
            Verdict::Deny,
            "a; b",
            Some("deny[_]"),
        ),
        (
            json!({"deny": ["b"], "deny_reason": ["a"], "hitl_reason": ["c"]}),
            Verdict::Deny,
            "a; b",
            Some("deny[_]"),
        ),
        (
            json!({"deny": [""]}),
            Verdict::Deny,
            "denied by policy",
            Some("deny[_]"),
        ),
        (
            json!({"allow": true, "requires_hitl": true}),
            Verdict::RequireApproval,
            "a person must approve this call",
            Some("requires_hitl"),
        ),
        (
            json!({"allow": true, "hitl_reason": {"over 200": true}, "deny": []}),
            Verdict::RequireApproval,
            "over 200",
            Some("hitl_reason[_]"),
        ),
        (
            json!({"allow": true, "deny": {}, "deny_reason": [], "hitl_reason": {}, "denied": true}),
            Verdict::Allow,
            "allowed by policy",
            Some("allow"),
        ),
    ];
    for (document, verdict, reason, rule) in table {
        let decision = read(&document).unwrap();
        assert_eq!(decision.verdict, verdict, "{document}");
        assert_eq!(decision.reason, reason, "{document}");
        let rule = rule.map(|rule| format!("{ENTRY}.{rule}"));
        assert_eq!(decision.rule_matched, rule, "{document}");
        assert_eq!(decision.fail_closed, None, "{document}");
    }
}

#[test]
fn every_key_of_another_type_is_malformed_even_beside_an_allow() {
    let not_a_boolean = [
        json!(null),
        json!(1),
        json!("true"),
        json!([true]),
        json!({}),
    ];
    let not_a_set = [
        json!(null),
        json!(true),
        json!(1),
        json!("text"),
        json!([1]),
        json!([null]),
        json!(["a", ["b"]]),
        json!({"a": false}),
        json!({"a": 1}),
        json!({"a": null}),
        json!({"a": {"b": true}}),
    ];
    let mut cases = Vec::new();
    for key in ["allow", "requires_hitl"] {
        cases.extend(not_a_boolean.iter().map(|value| (key, value)));
    }
    for key in ["deny_reason", "hitl_reason", "rules"] {
        cases.extend(not_a_set.iter().map(|value| (key, value)));
    }
    let but_a_boolean = not_a_set.iter().filter(|value| !value.is_boolean());
    cases.extend(but_a_boolean.map(|value| ("deny", value)));
    let but_a_string = not_a_set.iter().filter(|value| !value.is_string());
    for key in ["risk_tier", "risk_tiers"] {
        cases.extend(but_a_string.clone().map(|value| (key, value)));
    }
    let no_strings = [json!(null), json!(true), json!(7), json!(["a"]), json!({})];
    cases.extend(no_strings.iter().map(|value| ("rule_matched", value)));

    for (key, value) in cases {
        let mut document = Map::new();
        document.insert("allow".to_owned(), json!(true));
        document.insert(key.to_owned(), value.clone());
        let document = Value::Object(document);
        assert_eq!(
            read(&document),
            Err(FailClosed::MalformedDecision),
            "{document}"
        );
    }
}

#[test]
fn what_is_not_an_object_is_malformed() {
    for document in [
        json!(null),
        json!(true),
        json!("allow"),
        json!(1),
        json!([{"allow": true}]),
    ] {
        assert_eq!(
            read(&document),
            Err(FailClosed::MalformedDecision),
            "{document}"
        );
    }
}

#[test]
fn an_unknown_tier_is_malformed_and_of_several_the_highest_counts() {
    for tier in ["", "LOW", "operational", "OPERATIONAL "] {
        for key in ["risk_tier", "risk_tiers"] {
            let document = json!({"allow": true, key: tier});
            assert_eq!(
                read(&document),
                Err(FailClosed::MalformedDecision),
                "{document}"
            );
            let document = json!({"allow": true, key: ["OPERATIONAL", tier]});
            assert_eq!(
                read(&document),
                Err(FailClosed::MalformedDecision),
                "{document}"
            );
        }
    }
    let table = [
        (json!({}), RiskTier::Operational),
        (
            json!({"risk_tier": "INFORMATIONAL"}),
            RiskTier::Informational,
        ),
        (json!({"risk_tier": []}), RiskTier::Operational),
        (
            json!({"risk_tier": ["INFORMATIONAL", "DESTRUCTIVE"]}),
            RiskTier::Destructive,
        ),
        (
            json!({"risk_tier": "TRANSACTIONAL_LOW", "risk_tiers": {"TRANSACTIONAL_HIGH": true}}),
            RiskTier::TransactionalHigh,
        ),
    ];
    for (document, tier) in table {
        assert_eq!(read(&document).unwrap().risk_tier, tier, "{document}");
    }
}

#[test]
fn reasons_for_a_deny_that_is_not_there_are_malformed() {
    for document in [
        json!({"allow": true, "deny_reason": ["why"]}),
        json!({"allow": true, "deny": false, "deny_reason": ["why"]}),
        json!({"allow": true, "deny": [], "deny_reason": {"why": true}}),
    ] {
        assert_eq!(
            read(&document),
            Err(FailClosed::MalformedDecision),
            "{document}"
        );
    }
}

#[test]
fn the_bundles_own_rule_and_the_authors_names_are_kept() {
    let document = json!({
        "deny": ["no"],
        "rule_matched": "data.team.refunds.deny",
        "rules": ["block_large_refund", "amount_known"],
    });
    let decision = read(&document).unwrap();
    assert_eq!(
        decision.rule_matched.as_deref(),
        Some("data.team.refunds.deny")
    );
    let names: Vec<_> = decision.rules.iter().map(String::as_str).collect();
    assert_eq!(names, ["amount_known", "block_large_refund"]);
}

#[test]
fn a_serialised_decision_carries_the_booleans_that_kite_logik_consumers_read() {
    for (document, allow, deny, review) in [
        (json!({"allow": true}), true, false, false),
        (json!({"deny": true}), false, true, false),
        (json!({"requires_hitl": true}), false, false, true),
        (json!({}), false, false, false),
    ] {
        let written = serde_json::to_value(read(&document).unwrap()).unwrap();
        assert_eq!(written["allow"], allow);
        assert_eq!(written["deny"], deny);
        assert_eq!(written["requires_hitl"], review);
    }
}
