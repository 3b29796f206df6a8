//! Whatever text stands in a rules file, it stays in its place in the Rego.

use kitelogik_policy::rules::{Source, compile};
use proptest::prelude::*;
use regorus::{Engine, Value};

/// Text that is likely to break something.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        prop::sample::select(vec![
            "\"",
            "\\",
            "\n",
            "\r",
            "\t",
            "\0",
            "`",
            "{",
            "}",
            "{x}",
            "${x}",
            "#",
            "\\u0022",
            "\\\"",
            "\u{2028}",
            "\u{202e}",
            "\u{7f}",
            "\u{85}",
            "\u{feff}",
            "\u{e0041}",
            "😀",
            "\"\n}\nallow := true\n",
            "\u{fffe}",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// As JSON, which is YAML.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn visible(text: &str) -> String {
    text.chars()
        .filter(|letter| {
            !letter.is_control() && !letter.is_whitespace() && letter.is_ascii_graphic()
        })
        .take(100)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn text_never_breaks_out_of_its_place(
        name in text(), reason in text(), action in text(), role in text(), field in text(), value in text(),
        item in text(), file in text(),
    ) {
        let name = format!("n{}", visible(&name));
        let field = format!("f{}", field.replace(['.', '\\'], "/"));
        let (value, item) = (format!("v{value}"), format!("i{item}"));
        let yaml = format!(
            "version: 1\nrules:\n- name: {}\n  when: {{action: {}, role: {}, args: {{{}: {{eq: {}, starts_with: {}}}, other: {{in: [{}]}}}}}}\n  then: hitl\n  reason: {}\n- name: second\n  when: {{action: {}}}\n",
            quoted(&name), quoted(&action), quoted(&role), quoted(&field), quoted(&value), quoted(&value), quoted(&item),
            quoted(&reason), quoted(&action),
        );
        let compiled = compile(&[Source::new(file, yaml)]).unwrap();
        let rego = &compiled.modules[0].1;
        let mut engine = Engine::new();
        engine.add_policy("x.rego".to_owned(), rego.clone()).map_err(|error| TestCaseError::fail(format!("{error}\n{rego}")))?;

        // Every rule has a known name: none came out of a text.
        let modules = engine.get_modules();
        let policy = &modules[0].policy;
        let functions = rego.matches("\nyaml_").count();
        prop_assert_eq!(policy.len(), functions + 3, "{}", rego);

        // The texts come back as they were.
        let input = serde_json::json!({
            "action": action, "context": {"user_role": role}, "args": {field: value, "other": item},
        });
        engine.set_input(Value::from(input));
        let fired = engine.eval_rule("data.kitelogik.userpolicy.yaml_fired".to_owned()).unwrap();
        let fired: serde_json::Value = serde_json::from_str(&fired.to_json_str().unwrap()).unwrap();
        let reason = if reason.trim().is_empty() { name.clone() } else { reason };
        let expected = serde_json::json!({"name": name, "then": "hitl", "reason": reason});
        prop_assert!(fired.as_array().unwrap().contains(&expected), "{}\n{}", fired, rego);
        prop_assert_eq!(fired.as_array().unwrap().len(), 2);
    }

    #[test]
    fn no_text_makes_the_compiler_panic(text in text(), ascii in "[\\[\\]{}:,&*!|>'\"#%@` \\n\\-a-c0-9?~<=]{0,80}") {
        let _ = compile(&[Source::new("a.yaml", text.clone())]);
        let _ = compile(&[Source::new("a.yaml", ascii.clone())]);
        let _ = compile(&[Source::new("a.yaml", format!("version: 1\nrules:\n- name: a\n  when: {ascii}\n"))]);
        let _ = compile(&[Source::new("a.yaml", format!("version: 1\nrules: [{{name: a, when: {{resource: {0}, args: {{{0}: {{matches: {0}}}}}}}}}]", quoted(&text)))]);
        let _ = compile(&[Source::new("a.yaml", format!("version: 1\nrules: [{{name: a, when: {{resource: {0}, args: {{x: {{matches: {0}}}}}}}}}]", quoted(&ascii)))]);
    }
}
