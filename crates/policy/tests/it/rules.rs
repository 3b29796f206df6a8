//! Rules in YAML: what they become, and what is said of those that cannot be read.

use std::fs;
use std::path::{Path, PathBuf};

use kitelogik_policy::rules::{Compiled, RulesErrors, Source, Then, compile};
use kitelogik_policy::{Policy, PolicyError};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

/// The `.yaml` files of a folder of golden files, in the order of their names.
pub(crate) fn golden(name: &str) -> Vec<(PathBuf, Source)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            (path, Source::new(name, text))
        })
        .collect()
}

/// Compares with a file, or writes it where `KITELOGIK_BLESS` asks for that.
pub(crate) fn same_as(path: &Path, text: &str) {
    if std::env::var_os("KITELOGIK_BLESS").is_some() {
        fs::write(path, text).unwrap();
    }
    let golden = fs::read_to_string(path).unwrap_or_default();
    // Another crate of the build may keep the keys of JSON in the order of insertion.
    let same = if path.extension().is_some_and(|ending| ending == "json") {
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        read(&golden).is_some() && read(&golden) == read(text)
    } else {
        golden == text
    };
    assert!(
        same,
        "{} is not what it becomes; if that is right, run the test with KITELOGIK_BLESS=1\n{text}",
        path.display()
    );
}

fn one(text: &str) -> Result<Compiled, RulesErrors> {
    compile(&[Source::new("policies/rules.yaml", text)])
}

fn errors(text: &str) -> Vec<String> {
    let errors = one(text).unwrap_err();
    errors.problems().iter().map(ToString::to_string).collect()
}

#[test]
fn rules_become_the_rego_of_the_golden_files() {
    for (path, source) in golden("compiled") {
        let compiled = compile(&[source]).unwrap();
        let mut text = compiled.modules[0].1.clone();
        for warning in &compiled.warnings {
            text.push_str(&format!("\n# warning: {warning}\n"));
        }
        same_as(&path.with_extension("rego"), &text);
    }
}

#[test]
fn a_file_becomes_the_same_text_alone_and_beside_others() {
    let sources: Vec<Source> = golden("compiled")
        .into_iter()
        .map(|(_, source)| source)
        .collect();
    let together = compile(&sources).unwrap();
    for (source, module) in sources.iter().zip(&together.modules) {
        let alone = compile(std::slice::from_ref(source)).unwrap();
        assert_eq!(alone.modules[0], *module);
    }
}

#[test]
fn every_error_of_a_file_is_told_with_its_place_and_its_fix() {
    for (path, source) in golden("errors") {
        let errors = compile(&[source]).unwrap_err();
        same_as(&path.with_extension("txt"), &format!("{errors}\n"));
    }
}

#[test]
fn the_errors_of_all_files_come_in_one_run() {
    let sources: Vec<Source> = golden("errors")
        .into_iter()
        .map(|(_, source)| source)
        .collect();
    let alone: usize = sources
        .iter()
        .map(|source| {
            compile(std::slice::from_ref(source))
                .unwrap_err()
                .problems()
                .len()
        })
        .sum();
    assert_eq!(compile(&sources).unwrap_err().problems().len(), alone);
}

#[test]
fn an_unknown_operator_is_told_as_the_manual_promises() {
    assert_eq!(
        errors("version: 1\nrules:\n- name: a\n  when:\n    args:\n      amount: {lt_e: 5}\n"),
        ["policies/rules.yaml:6:16: unknown operator `lt_e`; did you mean `lte`?"]
    );
}

#[test]
fn what_a_rule_does_not_name_is_an_error_and_never_a_broader_rule() {
    for when in [
        "{}",
        "",
        "~",
        "[]",
        "{action: []}",
        "{action: ~}",
        "{role: []}",
        "{role: }",
        "{scope: []}",
        "{tenant: }",
        "{resource: []}",
        "{resource: ''}",
        "{event: []}",
        "{args: {}}",
        "{args: }",
        "{args: {a: {}}}",
        "{args: {a: }}",
        "{args: {a: {in: []}}}",
        "{args: {a: {not_in: []}}}",
        "{args: {a: {contains: ''}}}",
        "{args: {a: {matches: ''}}}",
        "{any: []}",
        "{all: []}",
        "{not: {}}",
        "{any: [{}]}",
        "{all: [{role: a}, {}]}",
        "{action: a, rolee: b}",
    ] {
        let text = format!("version: 1\nrules: [{{name: a, when: {when}, then: allow}}]\n");
        assert!(one(&text).is_err(), "{when}");
    }
    assert!(one("version: 1\nrules: [{name: a, then: allow}]\n").is_err());
    assert!(one("version: 1\nrules: []\n").is_err());
}

#[test]
fn what_is_ignored_or_probably_not_meant_is_a_warning() {
    let compiled = compile(&[
        Source::new(
            "a.yaml",
            "package: kitelogik.custom\nrules:\n- name: same\n  when: {action: a, args: {x: {matches: 'b'}, y: {gt: '5'}}}\n  then: allow\n",
        ),
        Source::new(
            "b.yaml",
            "version: 1\nrules:\n- name: same\n  when: {args: {x: {matches: 'b'}}, not: {args: {x: {matches: c}}}}\n",
        ),
    ])
    .unwrap();
    let warnings: Vec<String> = compiled.warnings.iter().map(ToString::to_string).collect();
    let starts = [
        "a.yaml:1:1: `package` is ignored",
        "a.yaml:1:1: there is no `version`",
        "a.yaml:4:41: an `allow` whose pattern",
        "a.yaml:4:55: `gt` compares texts",
        "b.yaml:3:3: a rule of the name `same` is also in a.yaml",
    ];
    assert_eq!(warnings.len(), starts.len(), "{warnings:#?}");
    for (warning, start) in warnings.iter().zip(starts) {
        assert!(warning.starts_with(start), "{warning}");
    }
    for anchored in ["^b$", "^(?:b|c)$", r"\Ab\z", "(?i)^b$"] {
        let text = format!(
            "version: 1\nrules: [{{name: a, when: {{args: {{x: {{matches: '{anchored}'}}}}}}, then: allow}}]\n"
        );
        assert!(one(&text).unwrap().warnings.is_empty(), "{anchored}");
    }
    for half in ["^b", "b$", "^b$|c", "(?m)^b$"] {
        let text = format!(
            "version: 1\nrules: [{{name: a, when: {{args: {{x: {{matches: '{half}'}}}}}}, then: allow}}]\n"
        );
        assert_eq!(one(&text).unwrap().warnings.len(), 1, "{half}");
    }
}

#[test]
fn every_rule_is_found_where_it_was_written() {
    let compiled = compile(&[
        Source::new("a.yaml", "version: 1\nrules:\n- name: x\n  when: {action: a}\n\n- when: {role: b}\n  name: y\n  then: allow\n"),
        Source::new("b.yaml", "version: 1\nrules: [{name: z, when: {action: a}, then: hitl}]\n"),
    ])
    .unwrap();
    let rules: Vec<(&str, &str, u32, Then)> = compiled
        .rules
        .iter()
        .map(|rule| (rule.name.as_str(), rule.file.as_str(), rule.line, rule.then))
        .collect();
    assert_eq!(
        rules,
        [
            ("x", "a.yaml", 3, Then::Deny),
            ("y", "a.yaml", 6, Then::Allow),
            ("z", "b.yaml", 2, Then::Hitl),
        ]
    );
}

#[test]
fn what_a_rule_speaks_of_is_told() {
    let compiled = one(
        "version: 1\nrules:\n- name: a\n  when:\n    action: [x, y]\n    args: {b.c: {lte: 5.0}}\n    not: {action: z, args: {d: {in: [q, 1]}}}\n",
    )
    .unwrap();
    let rule = &compiled.rules[0];
    assert_eq!(rule.actions, ["x", "y"]);
    let tests: Vec<_> = rule
        .arguments
        .iter()
        .map(|test| {
            (
                test.path.join("."),
                test.operator,
                test.constant.to_string(),
                test.under_not,
                test.line,
                test.column,
            )
        })
        .collect();
    assert_eq!(
        tests,
        [
            ("b.c".to_owned(), "lte", "5".to_owned(), false, 6, 18),
            ("d".to_owned(), "in", "[\"q\",1]".to_owned(), true, 7, 33),
        ]
    );
}

#[test]
fn a_policy_is_loaded_from_yaml_text_files_and_folders() {
    const RULES: &str = "version: 1\nrules: [{name: a, when: {action: b}, then: allow}]\n";
    let policy = Policy::from_yaml(RULES).unwrap();
    assert_eq!(policy.rules().len(), 1);
    assert!(
        policy
            .modules()
            .iter()
            .any(|module| module.name() == "rules.yaml.rego")
    );

    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("refunds.yaml", RULES);
    write("refunds_test.yaml", RULES);
    write("more.yml", "rules: [{name: b, when: {action: b}}]\n");
    write("data.yaml", "limit: 5\n");
    write("other.yaml", "cases: []\n");
    let policy = Policy::load(folder.path()).unwrap();
    assert_eq!(policy.rules().len(), 2);
    assert_eq!(policy.data()["limit"], 5);
    assert_eq!(policy.warnings().len(), 2, "{:?}", policy.warnings());
    let file = Policy::load(folder.path().join("refunds.yaml")).unwrap();
    assert_eq!(file.rules()[0].name, "a");

    write("broken.yaml", "rules: [\n");
    write("refunds.yaml", "version: 1\nrules: [{name: a}]\n");
    let error = Policy::load(folder.path()).unwrap_err();
    let PolicyError::Rules(problems) = &error else {
        panic!("{error}");
    };
    assert_eq!(problems.len(), 2, "{error}");
}

#[test]
fn rego_beside_rules_cannot_become_part_of_their_functions() {
    let rego = "package kitelogik.userpolicy\n\nyaml_a_at_most(_, _) := true\n";
    let error = Policy::builder()
        .yaml(
            "a.yaml",
            "version: 1\nrules: [{name: a, when: {args: {b: {lte: 5}}}, then: allow}]\n",
        )
        .rego("user.rego", rego)
        .build()
        .unwrap_err();
    assert!(error.to_string().contains("rename it"), "{error}");
}

#[test]
fn what_was_compiled_may_lie_beside_other_rules() {
    let compiled =
        one("version: 1\nrules: [{name: a, when: {args: {b: {lte: 5}}}, then: allow}]\n").unwrap();
    let policy = Policy::builder()
        .yaml(
            "b.yaml",
            "version: 1\nrules: [{name: b, when: {args: {c: {gt: 5}}}}]\n",
        )
        .rego("a.rego", compiled.modules[0].1.as_str())
        .build();
    assert!(policy.is_ok(), "{policy:?}");

    let error = Policy::builder()
        .yaml(
            "policies/rules.yaml",
            "version: 1\nrules: [{name: b, when: {args: {c: {gt: 5}}}}]\n",
        )
        .rego("a.rego", compiled.modules[0].1.as_str())
        .build()
        .unwrap_err();
    assert!(
        error.to_string().contains("remove one of the two"),
        "{error}"
    );
}

#[test]
fn files_of_one_name_have_functions_of_their_own() {
    let rules = "version: 1\nrules: [{name: a, when: {args: {b: {lte: 5}}}, then: allow}]\n";
    let files = ["a/x-1.yaml", "b/x_1.yml", "b/X_1.yaml"].map(|name| Source::new(name, rules));
    let compiled = compile(&files).unwrap();
    for ((_, text), name) in compiled.modules.iter().zip([
        "yaml_x_1_at_most",
        "yaml_x_1_2_at_most",
        "yaml_x_1_3_at_most",
    ]) {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn what_nests_deeply_is_read_up_to_a_limit_and_refused_beyond_it() {
    let nested = |depth: usize| {
        let (open, close) = ("{not: {any: [{role: b}, ", "]}}");
        format!(
            "version: 1\nrules: [{{name: a, when: {}{{args: {{x: {{gt: 5}}}}}}{}, then: allow}}]\n",
            open.repeat(depth),
            close.repeat(depth)
        )
    };
    assert!(Policy::from_yaml(nested(18)).is_ok());
    assert!(errors(&nested(30))[0].contains("nested deeper than 64 levels"));
    for text in ["[", "{a: ", "- ", "? ", "&a [", "!a ["] {
        assert!(one(&text.repeat(20_000)).is_err(), "{text}");
    }
}

#[test]
fn a_long_reason_is_a_long_line_and_no_error() {
    let reason = "because ".repeat(2000);
    let policy = Policy::from_yaml(format!(
        "version: 1\nrules: [{{name: a, when: {{role: b}}, reason: \"{reason}\"}}]\n"
    ));
    assert!(policy.is_ok(), "{policy:?}");
}

#[test]
fn lines_of_any_kind_and_a_byte_order_mark_are_read() {
    let text = "version: 1\nrules:\n- name: a\n  when: {role: b}\n  then: allow\n";
    for text in [
        text.replace('\n', "\r\n"),
        format!("\u{feff}{text}"),
        format!("---\n{text}...\n"),
    ] {
        let compiled = one(&text).unwrap();
        assert_eq!(compiled.modules, one(&text).unwrap().modules);
        assert_eq!(compiled.rules[0].name, "a");
    }
}
