//! What a check finds, and that it finds nothing where nothing is wrong.

use std::fs;
use std::path::{Path, PathBuf};

use kitelogik_policy::check::{CheckReport, Checker, Code, Severity, Tools, check};
use kitelogik_policy::{Policy, PolicyBuilder};
use serde_json::{Value, json};

use crate::rules::same_as;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/check")
}

/// The policy in a folder of golden files, under the names of its files, and the tools beside it.
fn policy(name: &str) -> (PolicyBuilder, Option<Tools>) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder().join(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut policy = Policy::builder();
    let mut tools = None;
    for path in paths {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        if file == "tools.json" {
            tools = Some(Tools::parse(&text).unwrap());
        } else if file.ends_with(".rego") {
            policy = policy.rego(file, text);
        } else if file.ends_with(".yaml") {
            policy = policy.yaml(file, text);
        }
    }
    (policy, tools)
}

fn golden(name: &str) -> CheckReport {
    let (policy, tools) = policy(name);
    let mut checker = Checker::new(policy);
    if let Some(tools) = tools {
        checker = checker.tools(tools);
    }
    let report = checker.run();
    same_as(&folder().join(format!("{name}.txt")), &report.text());
    report
}

fn rego(rules: &str) -> CheckReport {
    check(Policy::builder().rego(
        "a.rego",
        format!("package kitelogik.userpolicy\n\n{rules}\n"),
    ))
}

fn codes(report: &CheckReport) -> Vec<Code> {
    report.findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn rules_that_contradict_themselves_or_each_other_are_found() {
    let report = golden("contradictions");
    for code in [Code::NeverTrue, Code::Conflict, Code::Recursion] {
        assert!(codes(&report).contains(&code), "{code}");
    }
}

#[test]
fn comparisons_that_a_value_of_another_type_gets_past_are_found() {
    golden("types");
}

#[test]
fn names_that_nobody_asks_for_and_inputs_that_nobody_has_are_found() {
    golden("names");
}

#[test]
fn calls_that_an_engine_cannot_make_are_found() {
    golden("calls");
    let report = golden("arguments");
    assert_eq!(codes(&report), [Code::Arguments, Code::Arguments]);
}

#[test]
fn what_cannot_be_read_is_found_in_every_file() {
    let report = golden("syntax");
    assert_eq!(codes(&report), [Code::Syntax, Code::Syntax]);
}

#[test]
fn rules_in_yaml_are_checked_where_they_are_written() {
    golden("rules");
}

#[test]
fn rules_are_held_against_the_tools_they_are_for() {
    golden("tools");
}

#[test]
fn a_report_is_json_sarif_and_annotations() {
    let report = golden("tools");
    let pretty = |value: &Value| format!("{}\n", serde_json::to_string_pretty(value).unwrap());
    let json = serde_json::to_value(&report).unwrap();
    same_as(&folder().join("tools.report.json"), &pretty(&json));
    same_as(&folder().join("tools.github.txt"), &report.github());

    let mut sarif = report.sarif();
    assert_eq!(
        sarif["runs"][0]["tool"]["driver"]["version"],
        env!("CARGO_PKG_VERSION")
    );
    sarif["runs"][0]["tool"]["driver"]["version"] = json!("0.0.0");
    same_as(&folder().join("tools.sarif.json"), &pretty(&sarif));
}

#[test]
fn nothing_in_a_text_can_begin_another_annotation() {
    let report = check(Policy::builder().rego(
        "a%b,c:d\n::error::x.rego",
        "package kitelogik.userpolicy\n\nallow if input.event_type == \"a\\n::error::b%0A\"\n",
    ));
    assert_eq!(report.github().lines().count(), 1, "{}", report.github());
    assert!(
        report
            .github()
            .starts_with("::error file=a%25b%2Cc%3Ad%0A%3A%3Aerror%3A%3Ax.rego,line=3,col=10,title=unknown-input::"),
        "{}",
        report.github()
    );
}

#[test]
fn every_code_has_a_name_of_its_own() {
    let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Code::ALL.len());
}

#[test]
fn the_built_in_bundle_and_what_is_compiled_from_yaml_are_clean() {
    let report = check(Policy::builder().data(json!({})));
    assert!(report.passed(), "{}", report.text());

    let report = check(Policy::builder().yaml(
        "a.yaml",
        "version: 1\notherwise: deny\nrules:\n  - name: a\n    when: {action: b, args: {amount: {gte: 0, lte: 50}}}\n    then: allow\n",
    ));
    assert_eq!(report.text(), "nothing found\n");
}

#[test]
fn what_is_right_is_not_found() {
    for rules in [
        "allow if input.action == \"a\"",
        "allow if input.action in {\"a\", \"b\"}\n\ndeny contains \"x\" if input.action == \"c\"",
        "allow if {\n\tinput.action == \"a\"\n\tinput.action != \"b\"\n}",
        "allow if {\n\tinput.args.amount > 5\n\tinput.args.amount < 10\n}",
        "allow if {\n\tinput.args.amount >= 5\n\tinput.args.amount <= 5\n}",
        "allow if {\n\tsome role in input.context.session_scopes\n\trole == \"a\"\n}\n\nallow if {\n\tsome role in input.context.session_scopes\n\trole == \"b\"\n}",
        "default level := 0\n\nlevel := 1 if input.action == \"a\"\n\nlevel := 2 if input.action == \"b\"\n\nallow if level == 1",
        "level := 1 if {\n\tinput.action == \"a\"\n} else := 2 if {\n\tinput.action == \"b\"\n}\n\nallow if level == 1",
        "allow if trusted(input.context.user_role)\n\ntrusted(\"admin\") := true\n\ntrusted(\"guest\") := false",
        "allow if {\n\tinput.steps[_].action == \"a\"\n\tinput.steps[_].action == \"b\"\n}",
        "allow if not outside\n\noutside if startswith(input.args.path, \"/etc\")",
        "deny contains reason if {\n\tsome reason in reasons\n}\n\nreasons contains \"x\" if input.action == \"a\"",
        "allow if {\n\tsome deny in input.context.session_scopes\n\tdeny == \"x\"\n}",
        "allow if count(input.args.names) == 1\n\nallow if {\n\tcount(input.args.names, n)\n\tn == 1\n}",
    ] {
        let report = rego(rules);
        let reasons: Vec<_> = report
            .findings
            .iter()
            .filter(|finding| finding.severity != Severity::Note)
            .collect();
        assert!(reasons.is_empty(), "{rules}\n{}", report.text());
    }
}

#[test]
fn a_missing_entry_point_a_grant_and_broken_data_are_found() {
    let report = check(
        Policy::builder()
            .without_builtin_bundle()
            .rego("a.rego", "package team\n\nallow if true\n"),
    );
    assert_eq!(codes(&report), [Code::EntryPoint]);
    let user = || {
        Policy::builder().rego(
            "a.rego",
            "package kitelogik.userpolicy\n\nallow if input.action == \"a\"\n",
        )
    };
    let report = check(user().data_yaml("kitelogik: {main: {allow: true}}"));
    assert_eq!(codes(&report), [Code::Grant]);
    let report = check(user().data_json("{\n  \"a\": 1,\n  \"a\": 2\n}"));
    assert_eq!(codes(&report), [Code::Syntax]);
    assert_eq!(report.findings[0].line, 3);
}

#[test]
fn what_opa_refuses_for_its_shape_is_found_here() {
    let Some(_) = crate::engine::opa(&["version"]) else {
        return;
    };
    for rules in [
        "deny contains \"x\" if input.action == \"a\"\n\ndeny if input.action == \"b\"",
        "allow if allow",
        "allow if f(1)\n\nf(x) if g(x)\n\ng(x) if f(x)",
        "default allow := false\n\ndefault allow := true",
        "allow if count(input.args.a, 1, 2) == 1",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let text = format!("package kitelogik.userpolicy\n\n{rules}\n");
        fs::write(directory.path().join("a.rego"), &text).unwrap();
        let output =
            crate::engine::opa(&["check", &directory.path().display().to_string()]).unwrap();
        assert!(!output.status.success(), "{rules}");
        let report = rego(rules);
        assert!(
            report.count(Severity::Error) > 0,
            "{rules}\n{}",
            report.text()
        );
    }
}

#[test]
fn tools_that_are_none_are_told_with_what_to_do() {
    for (text, wanted) in [
        ("{}", "a list of tools is a JSON array"),
        ("[{}]", "tool 1 has no `name`"),
        ("[{\"name\": \"a\"}]", "the tool `a` has no `parameters`"),
        (
            "[{\"name\": \"a\", \"parameters\": {}, \"resource\": 5}]",
            "the `resource` of `a` is no list of names",
        ),
    ] {
        let error = Tools::parse(text).unwrap_err().to_string();
        assert!(error.starts_with(wanted), "{error}");
    }
}

/// `KITELOGIK_BLESS=1` writes the list of another OPA.
#[test]
fn the_list_of_opas_built_ins_is_what_opa_says_it_has() {
    let Some(output) = crate::engine::opa(&["capabilities", "--current"]) else {
        return;
    };
    let capabilities: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut lines: Vec<String> = capabilities["builtins"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|builtin| builtin.get("infix").is_none())
        .filter(|builtin| !builtin["name"].as_str().unwrap().starts_with("internal."))
        .map(|builtin| {
            let count = builtin["decl"]["args"].as_array().map_or(0, Vec::len);
            format!("{} {count}\n", builtin["name"].as_str().unwrap())
        })
        .collect();
    lines.sort();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/check/opa_builtins.txt");
    same_as(&path, &lines.concat());
}

#[test]
fn what_the_embedded_engine_leaves_to_its_interpreter_is_a_note_with_its_place() {
    let report = rego(
        "allow if {\n\tinput.action == \"pay\"\n\tchecked with input.args as {}\n}\n\nchecked if input.tool_name",
    );
    let note = &report.findings[0];
    assert_eq!(
        (note.code, note.severity, note.file.as_str(), note.line),
        (Code::Interpreted, Severity::Note, "a.rego", 5)
    );
    assert!(note.message.starts_with("`with`: "), "{note:?}");
    assert_eq!(report.exit_code(), 0, "{report:?}");
}

#[test]
fn what_the_embedded_engine_refuses_is_an_error_with_its_place() {
    let report = rego(
        "allow if limits[input.action].amount\n\nlimits[action].amount := 5 if some action in [\"pay\"]",
    );
    let error = &report.findings[0];
    assert_eq!(
        (error.code, error.file.as_str(), error.line),
        (Code::Refused, "a.rego", 5)
    );
    assert_eq!(report.exit_code(), 1);
}
