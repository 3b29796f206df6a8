//! Built-ins that answer as OPA's do, or not at all.

use kitelogik_core::FailClosed;
use serde_json::json;

use super::{decide, engine, fault};

#[tokio::test]
async fn a_width_in_digits_of_another_script_is_an_error_and_no_panic() {
    assert_eq!(
        fault("allow if sprintf(\"%१d\", [1]) != \"\"", json!({})).await,
        Some(FailClosed::EvaluationError)
    );
}

#[tokio::test]
async fn regular_expressions_take_their_classes_as_ascii() {
    let matches = |pattern: &str, text: &str, wanted: bool| {
        let rules = format!("allow if regex.match({}, input.args.text)", json!(pattern));
        let (pattern, args) = (pattern.to_owned(), json!({ "text": text }));
        async move {
            let decision = decide(&engine(&rules), args.clone()).await;
            assert_eq!(
                decision.fail_closed, None,
                "{pattern}: {:?}",
                decision.detail
            );
            assert_eq!(decision.allowed(), wanted, "{pattern} on {args}");
        }
    };
    matches(r"^\d+$", "123", true).await;
    matches(r"^\d+$", "١٢٣", false).await;
    matches(r"^\D+$", "١٢٣", true).await;
    matches(r"^\w+$", "straße", false).await;
    matches(r"^\W$", "ß", true).await;
    matches(r"^\s$", "\u{a0}", false).await;
    matches(r"^\s$", "\u{b}", false).await;
    matches(r"^\S$", "\u{2003}", true).await;
    matches(r"^[\d.]+$", "1.2", true).await;
    matches(r"^[\d.]+$", "١.٢", false).await;
    matches(r"^[^\d]+$", "١", true).await;
    matches(r"straß\b", "straße", true).await;
    matches(r"stra\Bß", "straße", false).await;
    matches(r"^straße\x{2028}?$", "straße", true).await;
    matches(r"(?i)^STRASSE$", "strasse", true).await;
    matches(r"^\p{Greek}+$", "αβγ", true).await;
    matches(r"(?s)^a.b$", "a\nb", true).await;
    matches(r"^a.b$", "a\nb", false).await;
}

#[tokio::test]
async fn what_only_one_of_the_engines_reads_is_an_error() {
    for pattern in [
        "[a-z&&[^aeiou]]",
        "[[a]b]",
        "[a-z--b]",
        r"\u0041",
        "(?x) a b",
        r"\b{start}a",
        r"\<a",
        "a**",
        "a{1001}",
        "(",
        r"\Qa\E",
    ] {
        let rules = format!("allow if not regex.match({}, \"zzz\")", json!(pattern));
        assert_eq!(
            fault(&rules, json!({})).await,
            Some(FailClosed::EvaluationError),
            "{pattern}"
        );
    }
    let rules = "allow if not regex.replace(\"a\", \"(\", \"b\")";
    assert_eq!(
        fault(rules, json!({})).await,
        Some(FailClosed::EvaluationError)
    );
}

#[tokio::test]
async fn the_other_regex_built_ins_give_what_opa_gives() {
    let table = [
        (r#"regex.split(`,`, "a,b,,c")"#, json!(["a", "b", "", "c"])),
        (r#"regex.split(``, "abc")"#, json!(["a", "b", "c"])),
        (r#"regex.split(`,`, "")"#, json!([""])),
        (
            r#"regex.find_n(`[a-z]+`, "ab 1 cd", -1)"#,
            json!(["ab", "cd"]),
        ),
        (r#"regex.find_n(`[a-z]+`, "ab 1 cd", 1)"#, json!(["ab"])),
        (
            r#"regex.find_all_string_submatch_n(`a(x*)b(y)?`, "-axxb-ab-", -1)"#,
            json!([["axxb", "xx", ""], ["ab", "", ""]]),
        ),
        (
            r#"regex.replace("foo bar", `(\w+) (\w+)`, "$2 ${1}!")"#,
            json!("bar foo!"),
        ),
        (r#"regex.is_valid(`[a`)"#, json!(false)),
        (r#"regex.is_valid(`[a]\d`)"#, json!(true)),
        (
            r#"regex.template_match("urn:foo:{.*}", "urn:foo:bar:baz", "{", "}")"#,
            json!(true),
        ),
        (
            r#"regex.template_match("urn:{[0-9]+}.x", "urn:12ax", "{", "}")"#,
            json!(false),
        ),
        (
            r#"regex.template_match("a{b|c}d", "ab", "{", "}")"#,
            json!(false),
        ),
    ];
    for (expression, wanted) in table {
        let rules = format!("allow if {expression} == {wanted}");
        let decision = decide(&engine(&rules), json!({})).await;
        assert!(decision.allowed(), "{expression}: {:?}", decision.detail);
    }
}

#[tokio::test]
async fn letters_change_case_one_by_one() {
    for (expression, wanted) in [
        ("upper(\"straße\")", "STRAßE"),
        ("lower(\"ΟΔΟΣ\")", "οδοσ"),
        ("lower(\"İ\")", "i"),
        ("upper(\"ᾳ\")", "ᾼ"),
        ("upper(\"éa\")", "ÉA"),
    ] {
        let rules = format!("allow if {expression} == {}", json!(wanted));
        let decision = decide(&engine(&rules), json!({})).await;
        assert!(decision.allowed(), "{expression}: {:?}", decision.detail);
    }
}
