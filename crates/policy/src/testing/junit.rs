//! A test report as JUnit XML.

use std::fmt::Write;
use std::time::Duration;

use kitelogik_core::text::visible_lines;

use super::report::{TestOutcome, TestReport, TestResult};

pub(super) fn write(report: &TestReport) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string cannot fail.
    let _ = suites(&mut xml, report);
    xml
}

fn suites(xml: &mut String, report: &TestReport) -> std::fmt::Result {
    let counts = report.counts;
    writeln!(
        xml,
        "<testsuites name=\"kitelogik\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\">",
        counts.total(),
        counts.failed,
        counts.errors,
        counts.skipped,
        seconds(report.duration)
    )?;
    let mut files: Vec<&str> = Vec::new();
    for result in &report.results {
        if !files.contains(&result.file.as_str()) {
            files.push(&result.file);
        }
    }
    for file in files {
        let cases: Vec<(&TestResult, String, TestOutcome)> = report
            .results
            .iter()
            .filter(|result| result.file == file)
            .flat_map(cases)
            .collect();
        let count = |outcome| cases.iter().filter(|(_, _, have)| *have == outcome).count();
        writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">",
            escaped(file),
            cases.len(),
            count(TestOutcome::Fail),
            count(TestOutcome::Error),
            count(TestOutcome::Skip),
        )?;
        for (result, name, outcome) in &cases {
            case(xml, result, name, *outcome)?;
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    Ok(())
}

/// A test, or each of its cases.
fn cases(result: &TestResult) -> Vec<(&TestResult, String, TestOutcome)> {
    if result.cases.is_empty() {
        return vec![(result, result.name.clone(), result.outcome)];
    }
    result
        .cases
        .iter()
        .map(|case| {
            let name = format!("{}[{}]", result.name, case.name);
            (result, name, case.outcome)
        })
        .collect()
}

fn case(
    xml: &mut String,
    result: &TestResult,
    name: &str,
    outcome: TestOutcome,
) -> std::fmt::Result {
    let class = result.package.as_deref().unwrap_or(&result.file);
    write!(
        xml,
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\" time=\"{}\"",
        escaped(class),
        escaped(name),
        escaped(&result.file),
        result.line,
        seconds(result.duration)
    )?;
    let mut why: Vec<String> = result.messages.clone();
    if let Some(stopped) = &result.stopped_at {
        why.push(format!(
            "{}:{}: {}",
            stopped.file, stopped.line, stopped.expression
        ));
        why.extend(stopped.values.iter().map(|value| format!("is: {value}")));
    }
    let message = why.first().map_or("the test is not true", String::as_str);
    let element = match outcome {
        TestOutcome::Pass => None,
        TestOutcome::Skip => Some("<skipped/>".to_owned()),
        TestOutcome::Fail | TestOutcome::Error => {
            let name = if outcome == TestOutcome::Fail {
                "failure"
            } else {
                "error"
            };
            Some(format!(
                "<{name} message=\"{}\">{}</{name}>",
                escaped(message),
                escaped(&why.join("\n"))
            ))
        }
    };
    let printed = (!result.printed.is_empty()).then(|| {
        format!(
            "<system-out>{}</system-out>",
            escaped(&result.printed.join("\n"))
        )
    });
    if element.is_none() && printed.is_none() {
        return xml.write_str("/>\n");
    }
    xml.push_str(">\n");
    for element in [element, printed].into_iter().flatten() {
        writeln!(xml, "      {element}")?;
    }
    xml.write_str("    </testcase>\n")
}

/// Text in XML 1.0, which has no control characters at all, written or escaped.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in visible_lines(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            // The two code points that are no characters in XML and no control characters either.
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

fn seconds(duration: Duration) -> String {
    format!("{:.6}", duration.as_secs_f64())
}
