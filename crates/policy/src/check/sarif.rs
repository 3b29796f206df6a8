//! Findings as a SARIF 2.1.0 log.

use kitelogik_core::text::visible;
use serde_json::{Value, json};

use super::finding::{Code, Finding, Severity};
use super::report::CheckReport;

pub(super) fn log(report: &CheckReport) -> Value {
    let rules: Vec<Value> = Code::ALL
        .iter()
        .map(|code| {
            json!({
                "id": code.as_str(),
                "shortDescription": { "text": code.about() },
                "defaultConfiguration": { "level": code.severity().as_str() },
            })
        })
        .collect();
    let results: Vec<Value> = report.findings.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "kitelogik",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                },
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(finding: &Finding) -> Value {
    let mut message = visible(&finding.message).into_owned();
    if let Some(fix) = &finding.fix {
        message.push_str(". Fix: ");
        message.push_str(&visible(fix));
    }
    let mut result = json!({
        "ruleId": finding.code.as_str(),
        "ruleIndex": Code::ALL.iter().position(|code| *code == finding.code),
        "level": match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        },
        "message": { "text": message },
    });
    if !finding.file.is_empty() {
        let mut place = json!({ "artifactLocation": { "uri": uri(&finding.file) } });
        if finding.line > 0
            && let Some(place) = place.as_object_mut()
        {
            let region = json!({ "startLine": finding.line, "startColumn": finding.column.max(1) });
            place.insert("region".to_owned(), region);
        }
        if let Some(result) = result.as_object_mut() {
            let locations = json!([{ "physicalLocation": place }]);
            result.insert("locations".to_owned(), locations);
        }
    }
    result
}

/// The path as a relative reference: what has a meaning in a URI is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.trim_start_matches("./").bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte);
        if plain {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}
