//! Text that others wrote, shown.

use std::sync::Arc;

use kitelogik_core::text::{visible, visible_lines};
use kitelogik_core::{GovernanceError, PolicyDecision};
use serde_json::json;

#[test]
fn control_ansi_bidirectional_and_invisible_characters_are_written_out() {
    for (text, want) in [
        ("\u{1b}[31mred", "\\u{1b}[31mred"),
        ("a\u{9b}31m", "a\\u{9b}31m"),
        ("a\u{202e}b", "a\\u{202e}b"),
        ("a\u{2066}b", "a\\u{2066}b"),
        ("a\u{200b}b", "a\\u{200b}b"),
        ("a\u{e0041}b", "a\\u{e0041}b"),
        ("a\u{3164}b", "a\\u{3164}b"),
        ("a\u{feff}\u{ad}", "a\\u{feff}\\u{ad}"),
        ("a\r\nb\tc\0", "a\\r\\nb\\tc\\u{0}"),
    ] {
        assert_eq!(visible(text), want);
    }
}

#[test]
fn plain_text_of_any_script_stays_as_it_is() {
    for text in [
        "",
        "Счёт № 7",
        "Ελληνικά",
        "日本語",
        "⚠️ careful",
        "naïve ‘quotes’ – …",
    ] {
        assert!(matches!(visible(text), std::borrow::Cow::Borrowed(same) if same == text));
    }
}

#[test]
fn lines_stay_lines_where_that_is_asked_for() {
    assert_eq!(visible_lines("a\n\tb"), "a\n\tb");
    assert_eq!(visible_lines("a\n\tb\r\u{1b}"), "a\n\tb\\r\\u{1b}");
}

#[test]
fn a_denial_is_told_on_one_line() {
    let document = json!({"deny": ["line\nbreak \u{202e}turned"]});
    let decision = PolicyDecision::from_result(&document, "data.kitelogik.main").unwrap();
    let error = GovernanceError::new("tool", Arc::new(decision));
    assert_eq!(
        error.to_string(),
        "Governance denied tool call: line\\nbreak \\u{202e}turned"
    );
}
