//! Random patterns: what the embedded engine decides by a pattern, OPA decides as well.

use std::collections::BTreeMap;
use std::time::Duration;

use kitelogik_core::{
    BudgetUsage, GovernanceEvent, PolicyDecision, PolicyEngine, PolicyInput, SessionContext,
    ToolCallInput,
};
use kitelogik_opa::{Embedded, OpaClient};
use kitelogik_opa_process::opa_or_skip;
use kitelogik_policy::Policy;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::json;

const POLICY: &str = r#"
    package kitelogik.main

    pattern := input.args.pattern
    subject := input.args.subject

    rules contains "match" if regex.match(pattern, subject)
    rules contains json.marshal(regex.find_n(pattern, subject, -1))
    rules contains json.marshal(regex.split(pattern, subject))
    rules contains json.marshal(regex.find_all_string_submatch_n(pattern, subject, 2))
    rules contains regex.replace(subject, pattern, "<$0>")
"#;

/// Pieces of patterns: what both engines read alike, what they read otherwise, and what only one does.
const PIECES: [&str; 84] = [
    "a",
    "b",
    "k",
    "ß",
    "σ",
    "1",
    " ",
    "-",
    "a",
    "b",
    "1",
    r"\d",
    r"\D",
    r"\w",
    r"\W",
    r"\s",
    r"\S",
    r"\b",
    r"\B",
    ".",
    "^",
    "$",
    "[a-c]",
    "[^a]",
    r"[^\d]",
    r"[\w.]",
    r"[\s\d]",
    r"[^\W]",
    "[[:alpha:]]",
    "[^[:space:]]",
    "[[:^digit:]]",
    "[[:word:]]",
    r"\p{L}",
    r"\pN",
    r"\PL",
    r"[\p{Greek}a]",
    "(a|b)",
    "(?:ab)",
    "(?:a|)",
    "()",
    "(?i)",
    "(?s)",
    "(?m)",
    "(?U)",
    "(?i:k)",
    "(?-s)",
    "*",
    "+",
    "?",
    "{2}",
    "{1,3}",
    "{0,}",
    "{2,1}",
    "*?",
    "+?",
    "|",
    r"\x{212a}",
    r"\x41",
    r"\.",
    r"\-",
    r"\A",
    r"\z",
    r"\Z",
    "(?P<n>a)",
    "(?<n>b)",
    "[a&&b]",
    "[[a]",
    "[a[b]",
    r"\Q.\E",
    r"\C",
    r"\u0041",
    "(?x)",
    "[a--b]",
    r"\<",
    "{",
    "}",
    "]",
    r"\_",
    r"\/",
    r"\ ",
    r"\t",
    r"\v",
    r"\a",
    "[]a]",
];

const SUBJECTS: [&str; 14] = [
    "",
    "a",
    "ab",
    "ba1",
    "aab-b",
    "ß",
    "straße",
    "σς Σ",
    "k\u{212a}K",
    "١٢3",
    "a\nb",
    "\u{a0} \u{b}\t",
    "]a&[",
    "_/.-",
];

#[tokio::test]
async fn what_the_embedded_engine_decides_by_a_pattern_opa_decides_as_well() {
    let Some(opa) = opa_or_skip!() else { return };
    let policy = Policy::builder()
        .without_builtin_bundle()
        .rego("main.rego", POLICY)
        .build()
        .unwrap();
    let server = opa.server().module("main.rego", POLICY).start().unwrap();
    let opa = OpaClient::builder()
        .base_url(server.url())
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let embedded = Embedded::builder(policy)
        .evaluation_time(Duration::from_secs(10))
        .build()
        .unwrap();

    let pieces = proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 1..5);
    let cases = (pieces, proptest::sample::select(SUBJECTS.to_vec()));
    let mut runner = TestRunner::default();
    let mut answered = 0_u32;
    let mut differ = BTreeMap::new();
    for _ in 0..1500 {
        let (pieces, subject) = cases.new_tree(&mut runner).unwrap().current();
        let pattern = pieces.concat();
        let ours = decide(&embedded, &pattern, subject).await;
        if ours.fail_closed.is_some() {
            continue;
        }
        answered += 1;
        let theirs = decide(&opa, &pattern, subject).await;
        if (ours.fail_closed, &ours.rules) != (theirs.fail_closed, &theirs.rules) {
            differ.insert(
                format!("`{pattern}` on {subject:?}"),
                format!(
                    "{:?}; OPA: {:?} {:?}",
                    ours.rules, theirs.rules, theirs.detail
                ),
            );
        }
    }
    assert!(answered > 500, "only {answered} patterns were answered");
    assert!(differ.is_empty(), "{differ:#?}");
}

async fn decide(engine: &dyn PolicyEngine, pattern: &str, subject: &str) -> PolicyDecision {
    let args = json!({"pattern": pattern, "subject": subject});
    let args = args.as_object().unwrap().clone();
    let event = GovernanceEvent::ToolCall(ToolCallInput::new("match", args));
    let context = SessionContext::new("example_01");
    let input = PolicyInput::new(&event, &context, BudgetUsage::default());
    engine
        .decide(&input)
        .await
        .unwrap_or_else(|error| PolicyDecision::fail_closed(&error))
}
