//! The JSON Schema says of a rules file what the compiler says.

use std::path::Path;

use kitelogik_policy::rules::{Source, compile, json_schema};
use serde_json::Value;

use crate::rules::{golden, same_as};

fn valid(text: &str) -> bool {
    let document: Value = yaml_serde::from_str(text).unwrap();
    jsonschema::validator_for(&json_schema())
        .unwrap()
        .is_valid(&document)
}

fn compiles(text: &str) -> bool {
    compile(&[Source::new("a.yaml", text)]).is_ok()
}

#[test]
fn the_schema_in_the_repository_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/rules.schema.json");
    let text = serde_json::to_string_pretty(&json_schema()).unwrap();
    same_as(&path, &format!("{text}\n"));
}

#[test]
fn the_schema_accepts_what_compiles() {
    for (_, source) in golden("compiled") {
        assert!(valid(source.text()), "{}", source.name());
    }
}

#[test]
fn the_schema_and_the_compiler_accept_and_refuse_the_same() {
    let rule = |rule: &str| format!("version: 1\nrules: [{rule}]\n");
    let when = |when: &str| rule(&format!("{{name: a, when: {when}}}"));
    let field = |operators: &str| when(&format!("{{args: {{a: {operators}}}}}"));
    let mut documents = vec![
        "{version: 1}".to_owned(),
        "{version: 2, rules: [{name: a, when: {role: b}}]}".to_owned(),
        "{rules: []}".to_owned(),
        "{rules: [{name: a, when: {role: b}}]}".to_owned(),
        "{rules: [{name: a, when: {role: b}}], package: x}".to_owned(),
        "{rules: [{name: a, when: {role: b}}], other: x}".to_owned(),
        "{rules: [{name: a, when: {role: b}}], otherwise: hitl}".to_owned(),
        "{rules: [{name: a, when: {role: b}}], otherwise: allow}".to_owned(),
        "[]".to_owned(),
        rule("{name: a}"),
        rule("{when: {role: b}}"),
        rule("{name: '', when: {role: b}}"),
        rule("{name: ' ', when: {role: b}}"),
        rule("{name: 'two words', when: {role: b}, reason: ''}"),
        rule("{name: 5, when: {role: b}}"),
        rule("{name: a, when: {role: b}, then: permit}"),
        rule("{name: a, when: {role: b}, then: hitl, risk_tier: DESTRUCTIVE, reason: c}"),
        rule("{name: a, when: {role: b}, risk_tier: HIGH}"),
        rule("{name: a, when: {role: b}, reason: 5}"),
        rule("{name: a, when: {role: b}, colour: red}"),
        rule("text"),
    ];
    for condition in [
        "{}",
        "[]",
        "~",
        "{action: a}",
        "{action: [a, b]}",
        "{action: []}",
        "{action: ~}",
        "{action: 5}",
        "{action: [5]}",
        "{event: tool_call}",
        "{event: [agent.plan]}",
        "{event: other}",
        "{args: {}}",
        "{args: []}",
        "{any: []}",
        "{any: [{role: b}]}",
        "{any: [{}]}",
        "{all: {role: b}}",
        "{not: {role: b}}",
        "{not: [{role: b}]}",
        "{not: {}}",
        "{colour: red}",
        "{scope: [a], tenant: b, resource: /c/*}",
    ] {
        documents.push(when(condition));
    }
    for operators in [
        "{}",
        "~",
        "5",
        "[]",
        "{eq: 5}",
        "{eq: a}",
        "{eq: true}",
        "{eq: ~}",
        "{eq: [a]}",
        "{eq: {}}",
        "{gt: 5}",
        "{gt: a}",
        "{gt: true}",
        "{lte: ~}",
        "{in: [a, 5, true]}",
        "{in: a}",
        "{in: []}",
        "{in: [~]}",
        "{not_in: [[a]]}",
        "{contains: a}",
        "{contains: 5}",
        "{contains: ''}",
        "{contains: [a]}",
        "{not_contains: true}",
        "{starts_with: a}",
        "{starts_with: ''}",
        "{ends_with: 5}",
        "{matches: a}",
        "{matches: ''}",
        "{exists: true}",
        "{exists: 1}",
        "{type: string}",
        "{type: [array, object]}",
        "{type: []}",
        "{type: list}",
        "{lt_e: 5}",
        "{eq: 5, gt: 3}",
        "{eq: 5, other: 3}",
    ] {
        documents.push(field(operators));
    }
    for document in documents {
        assert_eq!(valid(&document), compiles(&document), "{document}");
    }
}
