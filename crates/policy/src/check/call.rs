//! Calls of built-in functions: which engine has them, how many arguments they take, which patterns they are given.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regorus::unstable::{BUILTINS, Expr, Rule};

use super::finding::{Code, Finding};
use super::graph::Effect;
use super::tree::{Part, Unit, locals, walk};
use crate::rules::pattern;
use crate::syntax::path;

/// The built-in functions of OPA 1.22.2, and how many arguments each takes.
static OPA: LazyLock<BTreeMap<&'static str, usize>> = LazyLock::new(|| {
    include_str!("opa_builtins.txt")
        .lines()
        .filter_map(|line| {
            let (name, count) = line.split_once(' ')?;
            Some((name, count.parse().ok()?))
        })
        .collect()
});

/// Which argument of which function is a regular expression, and whether the function tells if it matches.
const PATTERNS: [(&str, usize, bool); 6] = [
    ("regex.match", 0, true),
    ("regex.find_n", 0, false),
    ("regex.find_all_string_submatch_n", 0, false),
    ("regex.split", 0, false),
    ("regex.replace", 1, false),
    ("re_match", 0, true),
];

/// Whether OPA has a built-in of this name.
pub(super) fn opa_has(name: &str) -> bool {
    OPA.contains_key(name)
}

pub(super) fn check(unit: &Unit, rule: &Rule, effect: Effect, findings: &mut Vec<Finding>) {
    let locals = locals(rule);
    walk(rule, &mut |part| {
        let Part::Expr(expression @ Expr::Call { fcn, params, .. }) = part else {
            return;
        };
        if unit.target(fcn, &locals).is_some() {
            return;
        }
        let name = path(fcn).join(".");
        match OPA.get(name.as_str()) {
            None if BUILTINS.contains_key(name.as_str()) => findings.push(unit.finding(
                Code::UnsupportedBuiltin,
                fcn,
                format!("OPA has no built-in `{name}`; only the embedded engine does"),
            )),
            // One more argument takes the result: `count(x, n)`.
            Some(count) if name != "print" && !(*count..=count + 1).contains(&params.len()) => {
                findings.push(unit.finding(
                    Code::Arguments,
                    expression,
                    format!(
                        "`{name}` takes {}, and here it has {}",
                        arguments(*count),
                        params.len()
                    ),
                ));
            }
            _ => {}
        }
        let Some((_, position, tells)) = PATTERNS.iter().find(|(known, ..)| *known == name) else {
            return;
        };
        let Some(at) = params.get(*position) else {
            return;
        };
        let (Expr::String { value, .. } | Expr::RawString { value, .. }) = &**at else {
            return;
        };
        let Ok(text) = value.as_string() else { return };
        match pattern::read(text) {
            Err(problem) => findings.push(unit.finding(
                Code::Pattern,
                at,
                format!("the pattern `{text}` cannot be used: {problem}"),
            )),
            Ok(read) if *tells && effect.allows && !read.anchored => findings.push(
                unit.finding(
                    Code::UnanchoredPattern,
                    at,
                    "an `allow` whose pattern is found anywhere in the text allows whatever stands around it",
                )
                .fix("write `^` before it and `$` after it"),
            ),
            Ok(_) => {}
        }
    });
}

fn arguments(count: usize) -> String {
    match count {
        0 => "no arguments".to_owned(),
        1 => "one argument".to_owned(),
        count => format!("{count} arguments"),
    }
}
