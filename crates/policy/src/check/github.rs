//! Findings as workflow commands of GitHub Actions.

use kitelogik_core::text::visible;

use super::finding::{Finding, Severity};
use super::report::CheckReport;

pub(super) fn commands(report: &CheckReport) -> String {
    report.findings.iter().map(command).collect()
}

fn command(finding: &Finding) -> String {
    let kind = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = Vec::new();
    if !finding.file.is_empty() {
        properties.push(format!("file={}", property(&finding.file)));
        if finding.line > 0 {
            properties.push(format!("line={}", finding.line));
            properties.push(format!("col={}", finding.column));
        }
    }
    properties.push(format!("title={}", finding.code));
    let mut message = visible(&finding.message).into_owned();
    if let Some(fix) = &finding.fix {
        message.push_str(". Fix: ");
        message.push_str(&visible(fix));
    }
    format!("::{kind} {}::{}\n", properties.join(","), data(&message))
}

/// Nothing in a text can end the line, and so begin another command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
