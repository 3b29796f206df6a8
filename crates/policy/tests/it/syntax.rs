//! What is known of Rego before it runs.

use kitelogik_policy::{Policy, PolicyError};

fn problems(texts: &[(&str, &str)]) -> Vec<String> {
    let builder = texts
        .iter()
        .fold(Policy::builder(), |builder, (name, text)| {
            builder.rego(*name, *text)
        });
    match builder.build() {
        Err(PolicyError::Rego(problems)) => problems.iter().map(ToString::to_string).collect(),
        Err(other) => panic!("{other}"),
        Ok(_) => Vec::new(),
    }
}

#[test]
fn a_syntax_error_names_file_line_and_column_and_all_files_are_read() {
    let found = problems(&[
        (
            "policies/refunds.rego",
            "package kitelogik.userpolicy\n\ndeny contains \"x\" {\n\tinput.x\n}\n",
        ),
        (
            "policies/other.rego",
            "package kitelogik.userpolicy\n\nallow if input.action = = 1\n",
        ),
    ]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("policies/other.rego:3:"), "{found:?}");
    assert!(
        found[1].starts_with("policies/refunds.rego:3:"),
        "{found:?}"
    );
    assert!(found.iter().all(|line| !line.contains('\n')), "{found:?}");
}

#[test]
fn functions_that_reach_outside_are_refused_wherever_they_stand() {
    for text in [
        "allow if http.send({\"method\": \"get\", \"url\": \"http://x\"}).status_code == 200",
        "allow if { x := [y | y := http.send({})]; count(x) > 0 }",
        "allow if { every x in [1] { http.send({}) == x } }",
        "allow if not http.send({})",
        "f(x) := http.send(x)\n\nallow if f({})",
        "deny contains http.send({}).body",
        "allow if count([1]) == 1 with count as http.send",
        "x := {\"a\": http.send({})}",
        "default allow := false\n\nallow := false if false else := http.send({})",
        "allow if opa.runtime().env.X == \"1\"",
        "allow if count(net.lookup_ip_addr(\"x\")) > 0",
    ] {
        let text = format!("package kitelogik.userpolicy\n\n{text}\n");
        let found = problems(&[("u.rego", &text)]);
        assert!(
            found
                .iter()
                .any(|line| line.contains("is not allowed in a policy")),
            "{text}\n{found:?}"
        );
    }
}

#[test]
fn an_unknown_function_is_found_at_load() {
    let found = problems(&[(
        "u.rego",
        "package kitelogik.userpolicy\n\nallow if is_refund(input)\n",
    )]);
    assert_eq!(
        found,
        [
            "u.rego:3:10: unknown function `is_refund`: no rule of that name, and the embedded engine has none built in"
        ]
    );
}

#[test]
fn functions_of_the_policy_are_known_by_every_name_they_go_by() {
    let library = (
        "lib.rego",
        "package acme.lib\n\nis_refund(x) if x.action == \"approve_refund\"\n",
    );
    for text in [
        "import data.acme.lib\n\nallow if lib.is_refund(input)",
        "import data.acme.lib as l\n\nallow if l.is_refund(input)",
        "import data.acme.lib.is_refund\n\nallow if is_refund(input)",
        "allow if data.acme.lib.is_refund(input)",
        "own(x) if x.a\n\nallow if own(input)",
        "allow if { print(\"x\"); walk(input, [_, 1]) }",
    ] {
        let text = format!("package kitelogik.userpolicy\n\n{text}\n");
        assert_eq!(
            problems(&[library, ("u.rego", &text)]),
            Vec::<String>::new(),
            "{text}"
        );
    }
}
