//! What a model reads of a call that was not let through.

use std::fmt::Write;

use kitelogik_core::text::is_hidden;
use kitelogik_core::{GovernanceError, Verdict};

/// What every blocked text begins with, and no other text of this crate does.
pub const BLOCKED: &str = "[BLOCKED]";

/// How many characters of a policy's reason a model reads. What is longer ends in `…`.
pub const MAX_REASON_CHARS: usize = 400;

/// The one line that a model reads of a denial: stable, easy to match on, no internals.
///
/// ```text
/// [BLOCKED] approve_refund: Refunds over $200 require manager approval. This is final; do not retry.
/// ```
///
/// The tail says what can help: nothing, a person's approval, other arguments, or that the policy
/// could not be checked. Control, bidirectional and invisible characters of the reason are escaped.
pub fn blocked_text(error: &GovernanceError) -> String {
    let decision = &error.decision;
    let reason = one_line(&decision.reason);
    let stop = if reason.ends_with(['.', '!', '?', '…']) {
        ""
    } else {
        "."
    };
    let tool = one_line(&error.tool);
    let mut text = format!("{BLOCKED} {tool}: {reason}{stop} ");
    if decision.fail_closed.is_some() {
        text.push_str("The policy could not be checked.");
        return text;
    }
    match decision.verdict {
        Verdict::Deny | Verdict::Allow => text.push_str("This is final; do not retry."),
        Verdict::Refuse => text.push_str("Adjust the arguments and try again."),
        Verdict::RequireApproval => {
            text.push_str("It needs a person's approval");
            if let Some(approval) = &decision.approval {
                let _ = write!(text, " (request {})", one_line(approval.request()));
            }
            text.push('.');
        }
    }
    text
}

/// Text on one line: what would break it, hide in it or turn it around is escaped.
fn one_line(text: &str) -> String {
    shown(text, MAX_REASON_CHARS)
}

/// [`one_line`] of at most `limit` characters; what is longer ends in `…`.
pub(crate) fn shown(text: &str, limit: usize) -> String {
    let mut line = String::with_capacity(text.len().min(limit));
    for (count, character) in text.chars().enumerate() {
        if count == limit {
            line.push('…');
            break;
        }
        if character == '\n' {
            line.push(' ');
        } else if is_hidden(character) {
            let _ = write!(line, "{}", character.escape_unicode());
        } else {
            line.push(character);
        }
    }
    line
}

/// Text of any length on one line: control characters that are white space become spaces, others
/// and those that turn the text around are escaped. The rest, joiners among it, stays.
pub(crate) fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => line.push(' '),
            '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                let _ = write!(line, "{}", character.escape_unicode());
            }
            control if control.is_control() => {
                let _ = write!(line, "{}", control.escape_unicode());
            }
            plain => line.push(plain),
        }
    }
    line
}
