//! What keeps a policy from being loaded, as findings.

use crate::{PolicyError, Problem};

use super::call::opa_has;
use super::finding::{Code, Finding};

pub(super) fn findings(error: &PolicyError) -> Vec<Finding> {
    match error {
        PolicyError::Rego(problems) => problems.iter().map(rego).collect(),
        PolicyError::Rules(problems) => problems
            .iter()
            .map(|problem| Finding::of(Code::Syntax, problem))
            .collect(),
        PolicyError::Data { origin, problem } => {
            let (line, column) = place(problem);
            vec![Finding::at(
                Code::Syntax,
                origin,
                line,
                column,
                problem.clone(),
            )]
        }
        PolicyError::Limit {
            origin,
            path,
            problem,
        } => vec![Finding::whole(
            Code::Grant,
            origin,
            format!("`{path}` {problem}"),
        )],
        PolicyError::BuiltinPackage {
            module,
            package,
            advice,
        } => vec![
            Finding::whole(
                Code::Load,
                module,
                format!("declares rules in `{package}`, a package of the built-in bundle"),
            )
            .fix(*advice),
        ],
        PolicyError::EntryPoint { .. } => {
            vec![Finding::whole(Code::EntryPoint, "", error.to_string())]
        }
        PolicyError::Conflict { second, .. } => {
            vec![Finding::whole(Code::Conflict, second, error.to_string())]
        }
        other => vec![Finding::whole(Code::Load, "", other.to_string())],
    }
}

fn rego(problem: &Problem) -> Finding {
    let unknown = problem
        .message
        .strip_prefix("unknown function `")
        .and_then(|rest| rest.split('`').next());
    match unknown {
        Some(name) if opa_has(name) => {
            let mut finding = Finding::of(Code::UnsupportedBuiltin, problem);
            finding.message = format!("the embedded engine has no built-in `{name}`; OPA does");
            finding.fix("do without it, or ask an OPA server")
        }
        Some(_) => Finding::of(Code::UnknownFunction, problem),
        None if problem.message.contains("is not allowed in a policy") => {
            Finding::of(Code::Outside, problem)
        }
        None => Finding::of(Code::Syntax, problem),
    }
}

/// Where a reader of JSON or YAML says that it stopped: `… at line 3 column 5`.
fn place(problem: &str) -> (u32, u32) {
    let number = |after: &str| {
        let rest = problem.rsplit_once(after)?.1;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    match (number("line "), number("column ")) {
        (Some(line), Some(column)) => (line, column),
        _ => (0, 0),
    }
}
