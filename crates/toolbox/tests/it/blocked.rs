use std::sync::Arc;

use kitelogik_core::{Approval, EngineError, FailClosed, GovernanceError, PolicyDecision, Verdict};
use kitelogik_toolbox::{MAX_REASON_CHARS, blocked_text};
use serde_json::json;

fn blocked(verdict: Verdict, reason: &str) -> GovernanceError {
    GovernanceError::new("approve_refund", Arc::new(decided(verdict, reason)))
}

fn decided(verdict: Verdict, reason: &str) -> PolicyDecision {
    let document = match verdict {
        Verdict::Allow => json!({ "allow": true }),
        Verdict::Deny => json!({ "deny": [reason] }),
        Verdict::RequireApproval => json!({ "hitl_reason": [reason] }),
        Verdict::Refuse => json!({}),
    };
    PolicyDecision::from_result(&document, "data.kitelogik.main").unwrap()
}

#[test]
fn the_text_tells_the_model_what_can_help() {
    assert_eq!(
        blocked_text(&blocked(
            Verdict::Deny,
            "Refunds over $200 require manager approval"
        )),
        "[BLOCKED] approve_refund: Refunds over $200 require manager approval. This is final; do \
         not retry."
    );
    assert_eq!(
        blocked_text(&blocked(Verdict::Refuse, "no rule allows this call")),
        "[BLOCKED] approve_refund: no rule allows this call. Adjust the arguments and try again."
    );
    assert_eq!(
        blocked_text(&blocked(Verdict::RequireApproval, "over the limit")),
        "[BLOCKED] approve_refund: over the limit. It needs a person's approval."
    );
}

#[test]
fn a_pending_approval_is_named() {
    let mut decision = decided(Verdict::RequireApproval, "over the limit");
    decision.approval = Some(Approval::Pending {
        request: "apr_7".to_owned(),
    });
    assert_eq!(
        blocked_text(&GovernanceError::new("pay", Arc::new(decision))),
        "[BLOCKED] pay: over the limit. It needs a person's approval (request apr_7)."
    );
}

#[test]
fn a_policy_that_could_not_be_checked_says_so_and_nothing_of_the_engine() {
    let error = EngineError::new(
        FailClosed::EngineUnreachable,
        "10.0.0.7:8181 refused the connection",
    );
    let error = GovernanceError::new("pay", Arc::new(PolicyDecision::fail_closed(&error)));
    let text = blocked_text(&error);
    assert!(text.starts_with("[BLOCKED] pay: "), "{text}");
    assert!(
        text.ends_with(" The policy could not be checked."),
        "{text}"
    );
    assert!(!text.contains("10.0.0.7"), "{text}");
}

#[test]
fn a_reason_that_ends_its_sentence_gets_no_second_full_stop() {
    assert_eq!(
        blocked_text(&blocked(Verdict::Deny, "No.")),
        "[BLOCKED] approve_refund: No. This is final; do not retry."
    );
}

#[test]
fn what_would_break_the_line_or_hide_in_it_is_escaped() {
    assert_eq!(
        blocked_text(&blocked(
            Verdict::Deny,
            "a\nb\r\u{1b}[2J\u{202e}c\u{200b}d\u{2028}e\u{e0041}\u{85}f"
        )),
        "[BLOCKED] approve_refund: a b\\u{d}\\u{1b}[2J\\u{202e}c\\u{200b}d\\u{2028}e\\u{e0041}\
         \\u{85}f. This is final; do not retry."
    );
}

#[test]
fn a_long_reason_is_cut_at_the_documented_length() {
    let reason = "é".repeat(MAX_REASON_CHARS);
    assert_eq!(
        blocked_text(&blocked(Verdict::Deny, &reason)),
        format!("[BLOCKED] approve_refund: {reason}. This is final; do not retry.")
    );
    assert_eq!(
        blocked_text(&blocked(Verdict::Deny, &format!("{reason}!"))),
        format!("[BLOCKED] approve_refund: {reason}… This is final; do not retry.")
    );
}
