//! Requests as a terminal shows them: whatever others wrote goes through `shown`.

use std::time::Duration;

use kitelogik_ledger::{ApprovalState, ApprovalView, Timestamp};
use serde_json::Value;

use crate::output::{Output, shown, style};

/// How many characters of arguments a list shows.
const ARGUMENTS_CHARS: usize = 60;

/// The state, and for how much longer.
pub(super) fn state(view: &ApprovalView, now: Timestamp, output: &Output) -> String {
    let style = match view.state {
        ApprovalState::Pending => style::MAYBE,
        ApprovalState::Approved | ApprovalState::Used => style::YES,
        ApprovalState::Denied | ApprovalState::Expired => style::NO,
    };
    let state = output.paint(style, view.state);
    if view.state.is_open() {
        format!("{state}, {} left", span(now.until(view.expires_at)))
    } else {
        state
    }
}

/// One line: which, how urgent, who wants what.
pub(super) fn line(view: &ApprovalView, now: Timestamp, output: &Output) -> String {
    format!(
        "{}  {}  {}  {} wants {} {}",
        shown(&view.id),
        state(view, now, output),
        view.risk_tier,
        shown(who(view)),
        shown(&view.tool),
        cut(&arguments(view), ARGUMENTS_CHARS),
    )
}

/// Whom the call is for, or else its session.
pub(super) fn who(view: &ApprovalView) -> &str {
    view.principal.as_deref().unwrap_or(&view.session)
}

/// The arguments on one line.
fn arguments(view: &ApprovalView) -> String {
    shown(&Value::Object(view.arguments.clone()).to_string())
}

/// What is cut is marked as cut.
fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A span of time in one or two units, as in `4 min 12 s`.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
