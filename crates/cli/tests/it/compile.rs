//! `kitelogik compile`.

use crate::shell::Shell;

const RULES: &str = "\
version: 1
rules:
  - name: allow_small_refunds
    when: {action: approve_refund, args: {amount: {lte: 100}}}
    then: allow
  - name: block_large_refunds
    when: {action: approve_refund, args: {amount: {gt: 200}}}
    then: deny
    reason: Refunds over $200 require manager approval
";

fn shell() -> Shell {
    let shell = Shell::new();
    shell.write("rules.yaml", RULES);
    shell
}

#[test]
fn one_file_goes_to_standard_output_and_several_need_a_directory() {
    let shell = shell();
    let rego = shell.run(&["compile", "rules.yaml"]).code(0).stdout;
    assert!(
        rego.contains("package kitelogik.userpolicy") && rego.contains("# block_large_refunds"),
        "{rego}"
    );
    let same = shell
        .run_with(&["compile", "-"], RULES.as_bytes())
        .code(0)
        .stdout;
    // What is compiled carries the name of its file.
    assert_eq!(
        same.replace("stdin", "rules")
            .replace("rules ", "rules.yaml "),
        rego.replace("rules ", "rules.yaml ")
    );
    shell.write("more.yaml", RULES);
    shell
        .run(&["compile", "rules.yaml", "more.yaml"])
        .code(2)
        .tells("`-o DIR`");
}

#[test]
fn a_directory_is_written_and_checked() {
    let shell = shell();
    let compile = ["compile", "rules.yaml", "-o", "out/policies"];
    let check = ["compile", "rules.yaml", "-o", "out/policies", "--check"];
    assert_eq!(
        shell.run(&check).code(1).stdout,
        "would change out/policies/rules.rego\n"
    );
    assert!(!shell.path("out").exists());
    assert_eq!(
        shell.run(&compile).code(0).stdout,
        "wrote out/policies/rules.rego\n"
    );
    assert_eq!(shell.run(&check).code(0).stdout, "");
    assert_eq!(shell.run(&compile).code(0).stdout, "");
    assert_eq!(
        shell.read("out/policies/rules.rego"),
        shell.run(&["compile", "rules.yaml"]).stdout
    );
    shell.write("rules.yaml", RULES.replace("200", "300"));
    assert_eq!(
        shell.run(&check).code(1).stdout,
        "would change out/policies/rules.rego\n"
    );
    let left: Vec<_> = std::fs::read_dir(shell.path("out/policies"))
        .unwrap()
        .collect();
    assert_eq!(left.len(), 1, "nothing temporary stays: {left:?}");
}

#[test]
fn what_was_not_compiled_is_never_overwritten() {
    let shell = shell();
    shell.write("out/rules.rego", "package mine\n");
    shell
        .run(&["compile", "rules.yaml", "-o", "out"])
        .code(2)
        .tells("was not compiled from rules");
    assert_eq!(shell.read("out/rules.rego"), "package mine\n");
    shell.write("a/Rules.yaml", RULES);
    shell
        .run(&["compile", "rules.yaml", "a/Rules.yaml", "-o", "new"])
        .code(2)
        .tells("two files would become");
    assert!(!shell.path("new").exists());
}

#[test]
fn all_errors_come_in_one_run_and_nothing_is_written() {
    let shell = shell();
    shell.write("bad.yaml", "version: 1\nrules:\n  - name: a\n    when: {args: {x: {lt_e: 1}}}\n  - name: b\n    when: {}\n");
    let ended = shell
        .run(&["compile", "rules.yaml", "bad.yaml", "-o", "out"])
        .code(2);
    assert!(ended.stderr.contains("bad.yaml:4:"), "{ended:?}");
    assert!(ended.stderr.contains("did you mean `lte`?"), "{ended:?}");
    assert!(ended.stderr.contains("bad.yaml:6:"), "{ended:?}");
    assert!(!shell.path("out").exists());
}

#[test]
fn rules_in_yaml_are_asked_as_they_are() {
    let shell = shell();
    let eval = |policy: &str, amount: &str, stdin: &str| {
        let amount = format!("amount={amount}");
        shell.run_with(
            &[
                "eval",
                "-p",
                policy,
                "--action",
                "approve_refund",
                "--arg",
                &amount,
            ],
            stdin.as_bytes(),
        )
    };
    eval("rules.yaml", "50", "").code(0);
    let ended = eval("rules.yaml", "500", "").code(1);
    assert!(
        ended.stdout.contains("rules        = block_large_refunds"),
        "{ended:?}"
    );
    eval("-", "50", RULES).code(0);
    eval("-", "500", &format!("# package\n{RULES}")).code(1);
}

#[test]
fn json_has_modules_rules_and_warnings() {
    let compiled = shell()
        .run(&["compile", "rules.yaml", "--json"])
        .code(0)
        .json();
    assert_eq!(compiled["rules"][1]["name"], "block_large_refunds");
    assert_eq!(compiled["rules"][1]["line"], 6);
    assert!(
        compiled["modules"][0]["rego"]
            .as_str()
            .unwrap()
            .contains("package kitelogik.userpolicy")
    );
    assert_eq!(compiled["warnings"].as_array().unwrap().len(), 0);
}
