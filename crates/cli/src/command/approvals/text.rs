//! Requests as a terminal shows them: whatever others wrote goes through `shown`.

use kitelogik_ledger::{ApprovalState, ApprovalView, Timestamp};
use kitelogik_web::span;
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
