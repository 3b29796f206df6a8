//! Decisions and entries of the record as people read them.

use std::time::Duration;

use kitelogik_core::Outcome as Came;
use kitelogik_ledger::{AuditEntry, AuditRecord, EntryKind, Timestamp};
use kitelogik_web::span;

use crate::answer::Outcome;
use crate::decisions::style_of;
use crate::output::{Output, shown, style};

/// How wide the column of ids is: that of a decision.
const ID_WIDTH: usize = 36;

/// A decision, on one line, first its id.
pub(super) fn line(record: &AuditRecord, output: &mut Output) -> Outcome<()> {
    let verdict = format!("{:16}", record.verdict.as_str());
    let verdict = output.paint(style_of(record.verdict), verdict);
    let fault = record
        .fail_closed
        .map_or(String::new(), |code| format!(" ({code})"));
    output.line(format_args!(
        "{:ID_WIDTH$} {} {verdict} {:20} {:19} {:16} {}{fault} [{}]",
        shown(&record.decision_id),
        time(record.at),
        shown(&record.tool),
        record.tier.as_str(),
        shown(&record.session),
        shown(&record.reason),
        outcome(record),
    ))
}

/// A decision with all that is known, a field a line.
pub(super) fn block(record: &AuditRecord, output: &mut Output) -> Outcome<()> {
    let verdict = output.paint(style_of(record.verdict), record.verdict);
    output.line(format_args!("{verdict} {}", shown(&record.tool)))?;
    let list = |list: Vec<&str>| (!list.is_empty()).then(|| list.join(", "));
    let text = |text: &Option<String>| text.clone();
    let scopes = record.scopes.iter().map(String::as_str).collect();
    let rules = record.rules.iter().map(String::as_str).collect();
    let resources = record.resources.iter().map(String::as_str).collect();
    let took = Duration::from_micros(record.decided_in_us);
    let fields = [
        ("decision", Some(record.decision_id.clone())),
        ("at", Some(record.at.to_string())),
        ("decided_in", Some(format!("{} us", took.as_micros()))),
        ("reason", Some(record.reason.clone())),
        ("risk_tier", Some(record.tier.as_str().to_owned())),
        ("rule_matched", text(&record.rule)),
        ("rules", list(rules)),
        (
            "fail_closed",
            record.fail_closed.map(|code| code.to_string()),
        ),
        ("detail", text(&record.detail)),
        ("outcome", Some(outcome(record).to_owned())),
        ("ended_at", record.ended_at.map(|at| at.to_string())),
        ("event", Some(record.event_type.clone())),
        ("action", Some(record.action.clone())),
        ("arguments", Some(record.arguments.to_string())),
        (
            "digest",
            record.arguments_digest.map(|digest| digest.to_string()),
        ),
        ("resources", list(resources)),
        ("session", Some(record.session.clone())),
        ("principal", text(&record.principal)),
        ("role", text(&record.role)),
        ("scopes", list(scopes)),
        ("tenant", text(&record.tenant)),
        ("parent", text(&record.parent)),
        (
            "approval",
            record.approval.as_ref().map(ToString::to_string),
        ),
        ("revision", text(&record.revision)),
        ("engine", text(&record.engine)),
        (
            "chain",
            Some(format!(
                "record {} of writer {}",
                record.sequence, record.writer
            )),
        ),
        ("hash", Some(record.hash.to_string())),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            output.line(format_args!("  {name:12} = {}", shown(&value)))?;
        }
    }
    Ok(())
}

/// An entry of a chain, on one line, first the id of the decision or the request that it is about.
pub(super) fn entry(entry: &AuditEntry, output: &mut Output) -> Outcome<()> {
    let content = &entry.content;
    let known = |text: &Option<String>| text.as_deref().map(shown).unwrap_or_default();
    let kind = format!("{:16}", content.kind.as_str());
    let (kind, what) = match content.kind {
        EntryKind::Decision => {
            let verdict = format!("{:16}", content.verdict.as_deref().unwrap_or("?"));
            let style = match content.verdict.as_deref() {
                Some("allow") => style::YES,
                Some("deny") => style::NO,
                _ => style::MAYBE,
            };
            let what = format!(
                "{:20} {:19} {:16} {}",
                known(&content.tool),
                known(&content.tier),
                known(&content.session),
                known(&content.reason)
            );
            (output.paint(style, shown(&verdict)), what)
        }
        EntryKind::Outcome => {
            let of = content.refers.unwrap_or_default();
            (
                kind,
                format!(
                    "{} (record {of} of writer {})",
                    known(&content.outcome),
                    entry.writer
                ),
            )
        }
        EntryKind::Approval => {
            let by = content
                .by
                .as_deref()
                .map_or(String::new(), |by| format!(" by {}", shown(by)));
            let what = format!(
                "{}{by} {}",
                known(&content.transition),
                known(&content.note)
            );
            (output.paint(style::MAYBE, kind), what)
        }
        EntryKind::Gap => {
            let lost = content.count.unwrap_or_default();
            (
                output.paint(style::NO, kind),
                format!("{lost} records were lost"),
            )
        }
        EntryKind::Change => {
            let what = format!(
                "{} {} {}",
                known(&content.change),
                known(&content.what),
                known(&content.reason)
            );
            (kind, what)
        }
        EntryKind::Retention if content.what.is_some() => {
            let removed = content.count.unwrap_or_default();
            let what = number(removed, "request");
            (kind, format!("{what} for approval removed"))
        }
        EntryKind::KeyChange => (
            kind,
            format!(
                "change {} of the key, behind checkpoint {}",
                content.key_change.unwrap_or_default(),
                content.checkpoint.unwrap_or_default()
            ),
        ),
        EntryKind::Seal | EntryKind::Retention => (
            kind,
            format!("checkpoint {}", content.checkpoint.unwrap_or_default()),
        ),
        _ => (
            kind,
            format!("writer {} {}", entry.writer, known(&content.name)),
        ),
    };
    let id = match (&content.decision_id, &content.request) {
        (Some(id), _) if content.kind != EntryKind::Approval => shown(id),
        (_, Some(id)) => shown(id),
        _ => "-".to_owned(),
    };
    output.line(format_args!(
        "{id:ID_WIDTH$} {} {kind} {}",
        time(content.at),
        what.trim_end()
    ))
}

/// What came of a call.
pub(super) fn outcome(record: &AuditRecord) -> &'static str {
    match record.outcome {
        Some(Came::Ran) => "ran",
        Some(Came::Failed) => "failed",
        Some(Came::Panicked) => "panicked",
        Some(Came::Cancelled) => "cancelled",
        Some(Came::NeverRan) => "never ran",
        None if record.is_open => "open",
        None if record.unacknowledged => "unacknowledged",
        None => "no call",
    }
}

/// To the second, in UTC.
pub(super) fn time(at: Timestamp) -> String {
    let text = at.to_string();
    let seconds = text.split('.').next().unwrap_or_default();
    format!("{}Z", seconds.replace('T', " "))
}

/// A time in microseconds, in the unit that suits it.
pub(super) fn micros(micros: u64) -> String {
    if micros < 1000 {
        format!("{micros} us")
    } else if micros < 1_000_000 {
        format!("{}.{} ms", micros / 1000, micros % 1000 / 100)
    } else {
        // Tenths where a second more or less is much, as in a person's answer.
        let (seconds, tenths) = (micros / 1_000_000, micros % 1_000_000 / 100_000);
        if seconds < 60 {
            format!("{seconds}.{tenths} s")
        } else {
            span(Duration::from_micros(micros))
        }
    }
}

/// A number of things, each of which is called `one`: `1 entry` of `entry`, `2 entries`.
pub(super) fn number(count: u64, one: &str) -> String {
    match one.strip_suffix('y') {
        _ if count == 1 => format!("1 {one}"),
        Some(stem) => format!("{count} {stem}ies"),
        None => format!("{count} {one}s"),
    }
}
