//! What the embedded engine makes of the policy: whether it takes it, and what it leaves to its interpreter.

use kitelogik_rego::Interpreter;

use super::finding::{Code, Finding, Severity};
use super::tree::Unit;
use crate::Policy;

pub(super) fn check(policy: &Policy, units: &[Unit], findings: &mut Vec<Finding>) {
    // What is wrong anyhow comes first, and the other checks say more of it.
    let wrong = |finding: &Finding| finding.severity == Severity::Error;
    if findings.iter().any(wrong) {
        return;
    }
    let modules = policy
        .modules()
        .iter()
        .map(|module| (module.name(), module.text()));
    let compiled = Interpreter::compile(modules, policy.data(), policy.entry_point())
        .and_then(|interpreter| interpreter.program());
    let program = match compiled {
        Ok(program) => program,
        Err(error) => {
            findings.push(refused(&error.to_string()));
            return;
        }
    };
    for left in program.interpreted() {
        let unit = units.iter().find(|unit| unit.name == left.module);
        if unit.is_some_and(|unit| unit.builtin) {
            continue;
        }
        let message = format!(
            "{}: left to the interpreter, which takes many times as long, for the calls that reach it",
            left.what
        );
        findings.push(match unit {
            Some(unit) if unit.compiled => Finding::whole(Code::Interpreted, &left.module, message),
            _ => Finding::at(Code::Interpreted, &left.module, left.line, 1, message),
        });
    }
}

/// A message that begins with its place: `file:line:column: what`.
fn refused(message: &str) -> Finding {
    let placed = message.split_once(": ").and_then(|(place, what)| {
        let mut parts = place.rsplitn(3, ':');
        let column = parts.next()?.parse().ok()?;
        let line = parts.next()?.parse().ok()?;
        Some(Finding::at(
            Code::Refused,
            parts.next()?,
            line,
            column,
            what,
        ))
    });
    placed.unwrap_or_else(|| Finding::whole(Code::Refused, "", message))
}
