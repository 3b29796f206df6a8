//! A test report for people, laid out as `opa test` does.

use std::fmt::Write;

use kitelogik_core::text::{visible, visible_lines};

use super::report::{StoppedAt, TestOutcome, TestReport, TestResult};

pub(super) fn write(report: &TestReport, verbose: bool) -> String {
    let mut text = String::new();
    let mut last = None;
    for result in &report.results {
        if !verbose && result.outcome == TestOutcome::Pass {
            continue;
        }
        if last.is_some_and(|file| file != &result.file) {
            text.push('\n');
        }
        last = Some(&result.file);
        // Writing to a string cannot fail.
        let _ = one(&mut text, result, verbose);
    }
    if !text.is_empty() {
        let _ = writeln!(text, "{}", "-".repeat(80));
    }
    if let Some(coverage) = &report.coverage {
        text.push_str(&coverage.text());
    }
    text.push_str(&report.summary());
    text
}

fn one(text: &mut String, result: &TestResult, verbose: bool) -> std::fmt::Result {
    writeln!(text, "{}:{}:", visible(&result.file), result.line)?;
    let name = result.full_name();
    write!(text, "{}: {}", visible(&name), result.outcome.as_str())?;
    if result.outcome != TestOutcome::Skip {
        write!(text, " ({:.1?})", result.duration)?;
    }
    text.push('\n');
    for case in &result.cases {
        if verbose || case.outcome == TestOutcome::Fail {
            let name = visible(&case.name);
            writeln!(text, "  {name}: {}", case.outcome.as_str())?;
        }
    }
    for message in &result.messages {
        writeln!(text, "  {}", visible(message))?;
    }
    if let Some(stopped) = &result.stopped_at {
        write_stop(text, result, stopped)?;
    }
    if !result.printed.is_empty() {
        text.push('\n');
        for printed in &result.printed {
            for line in visible_lines(printed).trim_end().lines() {
                writeln!(text, "  {line}")?;
            }
        }
        text.push('\n');
    }
    Ok(())
}

fn write_stop(text: &mut String, result: &TestResult, stopped: &StoppedAt) -> std::fmt::Result {
    if stopped.file == result.file {
        write!(text, "  line {}: ", stopped.line)?;
    } else {
        write!(text, "  {}:{}: ", visible(&stopped.file), stopped.line)?;
    }
    writeln!(text, "{}", visible(&stopped.expression))?;
    match stopped.values.as_slice() {
        [left, right] => {
            writeln!(text, "    left:  {}", visible(left))?;
            writeln!(text, "    right: {}", visible(right))
        }
        values => values
            .iter()
            .try_for_each(|value| writeln!(text, "    is: {}", visible(value))),
    }
}
