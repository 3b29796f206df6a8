//! `kitelogik bundle`.

use kitelogik_opa_process::opa_or_skip;
use serde_json::json;

use crate::shell::Shell;

const RSA_PRIVATE: &str = include_str!("../../../policy/tests/keys/rsa_private.pem");
const RSA_PUBLIC: &str = include_str!("../../../policy/tests/keys/rsa_public.pem");
const EC_PUBLIC: &str = include_str!("../../../policy/tests/keys/ec_public.pem");

fn shell() -> Shell {
    let shell = Shell::with_refunds();
    shell.write("policies/more.yaml", "version: 1\nrules:\n  - name: block_tips\n    when: {action: tip}\n    then: deny\n    reason: no tips\n");
    shell.write("policies/refunds_test.rego", "package x\ntest_it := true\n");
    shell.write("private.pem", RSA_PRIVATE);
    shell.write("public.pem", RSA_PUBLIC);
    shell.write("other.pem", EC_PUBLIC);
    shell
}

#[test]
fn a_bundle_decides_as_the_directory_it_was_built_from() {
    let shell = shell();
    let built = shell.run(&["bundle", "build"]).code(0);
    assert!(
        built.stdout.starts_with("wrote bundle.tar.gz: ") && built.stdout.contains("not signed"),
        "{built:?}"
    );
    let ended = shell.run(&["bundle", "verify", "bundle.tar.gz"]).code(0);
    assert!(
        ended.stdout.starts_with("ok: not signed\n") && ended.stdout.contains("more.yaml.rego"),
        "{ended:?}"
    );
    assert!(!ended.stdout.contains("_test"), "{ended:?}");
    for (amount, code) in [("42", 0), ("150", 1), ("5000", 1)] {
        let amount = format!("amount={amount}");
        let eval = |policy: &str| {
            let ended = shell.run(&[
                "eval",
                "-p",
                policy,
                "--action",
                "approve_refund",
                "--role",
                "support_agent",
                "--arg",
                &amount,
            ]);
            ended.code(code).stdout
        };
        assert_eq!(eval("bundle.tar.gz"), eval("policies"));
    }
    shell
        .run(&["eval", "-p", "bundle.tar.gz", "--action", "tip"])
        .code(1);
    let again = shell.read_bytes("bundle.tar.gz");
    shell
        .run(&["bundle", "build", "-o", "again.tar.gz"])
        .code(0);
    assert_eq!(
        shell.read_bytes("again.tar.gz"),
        again,
        "the same bytes each time"
    );
}

#[test]
fn a_bundle_says_where_it_stands_in_the_order_of_its_versions() {
    let shell = shell();
    let built = shell.run(&["bundle", "build", "--sequence", "7"]).code(0);
    assert!(built.stdout.contains("  sequence = 7\n"), "{built:?}");
    let ended = shell.run(&["bundle", "verify", "bundle.tar.gz"]).code(0);
    assert!(ended.stdout.contains("  sequence = 7\n"), "{ended:?}");
    shell
        .run(&["bundle", "build", "--sequence", "seven"])
        .code(2);
}

#[test]
fn signatures_are_asked_for_where_a_key_is_set_and_refused_where_none_is() {
    let shell = shell();
    shell
        .run(&["bundle", "build", "-o", "plain.tar.gz"])
        .code(0);
    let built = shell
        .run(&[
            "bundle",
            "build",
            "-o",
            "signed.tar.gz",
            "--signing-key",
            "private.pem",
            "--json",
        ])
        .code(0);
    assert_eq!(built.json()["signed"], "RS256");
    for (file, more, code) in [
        (
            "signed.tar.gz",
            &["--verification-key", "public.pem"][..],
            0,
        ),
        ("signed.tar.gz", &["--verification-key", "other.pem"], 1),
        ("signed.tar.gz", &[], 1),
        ("signed.tar.gz", &["--skip-verify"], 0),
        ("plain.tar.gz", &[], 0),
        ("plain.tar.gz", &["--verification-key", "public.pem"], 1),
        ("plain.tar.gz", &["--skip-verify"], 0),
    ] {
        let mut verify = vec!["bundle", "verify", file];
        verify.extend_from_slice(more);
        shell.run(&verify).code(code);
        let mut eval = vec![
            "eval",
            "-p",
            file,
            "--action",
            "approve_refund",
            "--role",
            "support_agent",
            "--arg",
            "amount=1",
        ];
        eval.extend_from_slice(more);
        // A policy that is refused is no answer.
        shell.run(&eval).code(if code == 0 { 0 } else { 2 });
    }
    let told = shell
        .run(&[
            "bundle",
            "verify",
            "signed.tar.gz",
            "--verification-key",
            "public.pem",
            "--json",
        ])
        .code(0)
        .json();
    assert_eq!(told["signature_checked"], json!(true));
    let told = shell
        .run(&["bundle", "verify", "signed.tar.gz", "--json"])
        .code(1)
        .json();
    assert_eq!(told["ok"], json!(false));
    let skipped = shell
        .run(&["bundle", "verify", "signed.tar.gz", "--skip-verify"])
        .code(0);
    assert!(
        skipped.stdout.starts_with("ok: signature not checked"),
        "{skipped:?}"
    );
}

#[test]
fn what_cannot_be_built_or_read_is_an_error() {
    let shell = shell();
    for (arguments, want) in [
        (&["bundle", "build", "nowhere"][..], "cannot read `nowhere`"),
        (
            &["bundle", "build", "--root", "kitelogik/userpolicy"],
            "outside of the roots",
        ),
        (
            &["bundle", "build", "--signing-key", "public.pem"],
            "without a private key",
        ),
        (&["bundle", "build", "--key-id", "x"], "--signing-key"),
        (
            &["bundle", "verify", "nowhere.tar.gz"],
            "cannot read `nowhere.tar.gz`",
        ),
        (
            &[
                "bundle",
                "verify",
                "x.tar.gz",
                "--verification-key",
                "private.pem",
            ],
            "without a public key",
        ),
        (
            &[
                "bundle",
                "verify",
                "x.tar.gz",
                "--verification-key",
                "public.pem",
                "--skip-verify",
            ],
            "cannot be used with",
        ),
    ] {
        let ended = shell.run(arguments).code(2);
        assert!(ended.stderr.contains(want), "{arguments:?}: {ended:?}");
    }
    assert!(!shell.path("bundle.tar.gz").exists());
    shell.write("broken.tar.gz", "package a");
    let ended = shell.run(&["bundle", "verify", "broken.tar.gz"]).code(1);
    assert!(
        ended
            .stdout
            .starts_with("refused: bundle `broken.tar.gz` is no `tar.gz` archive"),
        "{ended:?}"
    );
}

#[test]
fn opa_serves_the_bundle_and_answers_as_the_embedded_engine_does() {
    let Some(opa) = opa_or_skip!() else { return };
    let shell = shell();
    shell
        .run(&[
            "bundle",
            "build",
            "-o",
            "signed.tar.gz",
            "--signing-key",
            "private.pem",
            "--revision",
            "v7",
        ])
        .code(0);
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(opa.path())
            .current_dir(shell.path("."))
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&[
        "run",
        "-b",
        "signed.tar.gz",
        "--verification-key",
        "public.pem",
    ]);
    assert!(run(&["inspect", "signed.tar.gz"]).contains("v7"));
    shell.write("input.json", r#"{"event_type": "tool_call", "action": "tip", "tool_name": "tip", "args": {}, "resource_path": null, "context": {"session_scopes": []}}"#);
    let denied = run(&[
        "eval",
        "-b",
        "signed.tar.gz",
        "-i",
        "input.json",
        "-f",
        "raw",
        "data.kitelogik.main.deny",
    ]);
    assert_eq!(denied.trim(), r#"["no tips"]"#);
}
