//! Which policy is asked, and by which engine.

use kitelogik_opa_process::opa_or_skip;

use crate::shell::{REFUNDS, Shell};

#[test]
fn a_policy_comes_from_files_directories_data_and_standard_input() {
    let shell = Shell::new();
    shell.write(
        "one/a.rego",
        "package kitelogik.userpolicy\nallow if input.action in data.allowed\n",
    );
    shell.write(
        "b.rego",
        "package kitelogik.userpolicy\ndeny contains \"no b\" if input.action == \"b\"\n",
    );
    shell.write("lists.json", r#"{"allowed": ["a", "b"]}"#);
    let eval = |action: &str| {
        shell.run(&[
            "eval",
            "-p",
            "one",
            "-p",
            "b.rego",
            "--data",
            "lists.json",
            "--action",
            action,
        ])
    };
    eval("a").code(0);
    eval("b").code(1);
    shell
        .run_with(
            &["eval", "-p", "one", "--data", "-", "--action", "z"],
            br#"{"allowed": ["z"]}"#,
        )
        .code(0);
    shell
        .run_with(
            &[
                "eval",
                "-p",
                "-",
                "--action",
                "approve_refund",
                "--role",
                "support_agent",
                "--arg",
                "amount=1",
            ],
            REFUNDS.as_bytes(),
        )
        .code(0);
    shell
        .run(&["eval", "-p", "-", "-i", "-"])
        .code(2)
        .tells("standard input can be read once");
    shell
        .run(&["eval", "-p", "-", "--data", "-", "--action", "a"])
        .code(2)
        .tells("standard input can be read once");
}

#[test]
fn the_built_in_bundle_is_there_unless_it_is_replaced_or_left_out() {
    let shell = Shell::new();
    shell.write("all.rego", "package kitelogik.userpolicy\nallow := true\n");
    let passwd = ["--action", "read_file", "--resource", "/etc/passwd"];
    let eval = |policy: &[&str]| {
        let mut arguments = vec!["eval"];
        arguments.extend_from_slice(policy);
        arguments.extend_from_slice(&passwd);
        shell.run(&arguments)
    };
    eval(&["-p", "all.rego"]).code(1);
    shell.write("main.rego", "package kitelogik.main\nallow := true\n");
    eval(&["-p", "main.rego", "--no-builtin"]).code(0);
    eval(&["-p", "main.rego"]).code(2).tells("`--no-builtin`");
    shell.write(
        "security.rego",
        "package kitelogik.security\nallow := true\n",
    );
    let ended = eval(&["-p", "main.rego", "-p", "security.rego"]).code(0);
    assert!(
        ended
            .stderr
            .starts_with("warning: the policy brings its own"),
        "{ended:?}"
    );
    let ended = eval(&["-p", "main.rego", "-p", "security.rego", "--quiet"]).code(0);
    assert_eq!(ended.stderr, "");
}

#[test]
fn what_the_policy_could_not_answer_is_an_error_and_no_verdict() {
    let shell = Shell::new();
    shell.write(
        "broken.rego",
        "package kitelogik.userpolicy\nallow if input.args.x / 0 == 1\n",
    );
    let ended = shell
        .run(&["eval", "-p", "broken.rego", "--action", "a", "--arg", "x=1"])
        .code(2);
    assert!(
        ended.stdout.contains("  fail_closed  = evaluation_error\n"),
        "{ended:?}"
    );
}

#[test]
fn an_opa_server_can_be_asked_instead() {
    let Some(opa) = opa_or_skip!() else { return };
    let shell = Shell::with_refunds();
    let server = opa
        .server()
        .module("main.rego", "package kitelogik.main\nimport data.kitelogik.userpolicy\nallow if userpolicy.allow\ndeny contains reason if some reason in userpolicy.deny\n")
        .module("refunds.rego", REFUNDS)
        .start()
        .unwrap();
    let eval = |amount: &str| {
        let amount = format!("amount={amount}");
        shell.run(&[
            "eval",
            "--engine",
            "opa",
            "--url",
            &server.url(),
            "--action",
            "approve_refund",
            "--role",
            "support_agent",
            "--arg",
            &amount,
        ])
    };
    eval("42").code(0);
    assert!(eval("5000").code(1).stdout.contains("Refunds over $200"));
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let shell = Shell::new();
    let ended = shell
        .run(&[
            "eval",
            "--engine",
            "opa",
            "--url",
            "http://127.0.0.1:9",
            "--action",
            "a",
        ])
        .code(2);
    assert!(
        ended.stdout.contains("fail_closed  = engine_unreachable"),
        "{ended:?}"
    );
    shell
        .run(&["eval", "--engine", "opa", "-p", "x", "--action", "a"])
        .code(2)
        .tells("the server has the policy");
}
