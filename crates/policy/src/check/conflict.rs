//! Rules of one name that cannot be true together.

use std::collections::BTreeMap;

use regorus::unstable::{Rule, RuleHead};
use serde_json::Value;

use super::finding::{Code, Finding};
use super::tree::{Unit, constant, full_path};
use crate::syntax::{collect, head};

/// More rules of one name are not compared with each other.
const MAX_RULES: usize = 300;

/// What kind of rule a name can be; of one name, all must be of one kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Value,
    Members,
    Function,
}

impl Kind {
    fn about(self) -> &'static str {
        match self {
            Self::Value => "a rule with one value",
            Self::Members => "a set (`contains`)",
            Self::Function => "a function",
        }
    }
}

struct Declared<'a> {
    unit: &'a Unit,
    rule: &'a Rule,
    kind: Kind,
    default: bool,
    /// Whether its whole name is constant, so that it has one value.
    complete: bool,
    value: Option<Value>,
    arguments: String,
    /// Its statements, as they are written, in order.
    statements: Vec<String>,
}

pub(super) fn check(units: &[Unit], findings: &mut Vec<Finding>) {
    let mut names: BTreeMap<Vec<String>, Vec<Declared<'_>>> = BTreeMap::new();
    for unit in units {
        for rule in &unit.tree.policy {
            let name = full_path(unit, rule);
            names.entry(name).or_default().push(declared(unit, rule));
        }
    }
    for (name, rules) in &names {
        if rules
            .iter()
            .all(|rule| rule.unit.builtin || rule.unit.compiled)
        {
            continue;
        }
        kinds(name, rules, findings);
        defaults(name, rules, findings);
        if rules.len() <= MAX_RULES {
            values(name, rules, findings);
        }
    }
}

fn declared<'a>(unit: &'a Unit, rule: &'a Rule) -> Declared<'a> {
    let mut declared = Declared {
        unit,
        rule,
        kind: Kind::Value,
        default: false,
        complete: collect(head(rule), &mut Vec::new()),
        value: None,
        arguments: String::new(),
        statements: Vec::new(),
    };
    match rule {
        Rule::Default { args, .. } => {
            declared.default = true;
            if !args.is_empty() {
                declared.kind = Kind::Function;
            }
        }
        Rule::Spec { head, bodies, .. } => {
            let value = |assign: &Option<regorus::unstable::RuleAssign>| match assign {
                Some(assign) => constant(&assign.value),
                None => Some(Value::Bool(true)),
            };
            match head {
                RuleHead::Compr { assign, .. } => declared.value = value(assign),
                RuleHead::Func { args, assign, .. } => {
                    declared.kind = Kind::Function;
                    declared.value = value(assign);
                    let args: Vec<&str> = args.iter().map(|arg| arg.span().text()).collect();
                    declared.arguments = args.join(",");
                }
                RuleHead::Set { .. } => declared.kind = Kind::Members,
            }
            // What is compiled, or built in, is compared with nothing of its own kind.
            let own = !unit.compiled && !unit.builtin;
            if let Some(body) = bodies.first()
                && own
            {
                declared.statements = body
                    .query
                    .stmts
                    .iter()
                    .map(|statement| {
                        let words = statement.span.text().split_whitespace();
                        words.collect::<Vec<_>>().join(" ")
                    })
                    .collect();
            }
        }
    }
    declared
}

fn kinds(name: &[String], rules: &[Declared<'_>], findings: &mut Vec<Finding>) {
    let Some(first) = rules.iter().find(|rule| rule.complete) else {
        return;
    };
    let other = rules
        .iter()
        .find(|rule| rule.complete && rule.kind != first.kind);
    if let Some(other) = other {
        findings.push(
            other
                .unit
                .finding(
                    Code::Conflict,
                    head(other.rule),
                    format!(
                        "`data.{}` is {} here, and {} in {}:{}",
                        name.join("."),
                        other.kind.about(),
                        first.kind.about(),
                        first.unit.name,
                        head(first.rule).span().line
                    ),
                )
                .fix("make all rules of one name of one kind"),
        );
    }
}

fn defaults(name: &[String], rules: &[Declared<'_>], findings: &mut Vec<Finding>) {
    let mut defaults = rules.iter().filter(|rule| rule.default);
    if let (Some(first), Some(second)) = (defaults.next(), defaults.next()) {
        findings.push(second.unit.finding(
            Code::Conflict,
            head(second.rule),
            format!(
                "`data.{}` has a default in {}:{} already",
                name.join("."),
                first.unit.name,
                head(first.rule).span().line
            ),
        ));
    }
}

/// Two rules of different constants conflict where one asks for no more than what the other asks for, too.
fn values(name: &[String], rules: &[Declared<'_>], findings: &mut Vec<Finding>) {
    let rules: Vec<&Declared<'_>> = rules
        .iter()
        .filter(|rule| {
            let own = !rule.unit.compiled && !rule.unit.builtin;
            own && rule.complete
                && !rule.default
                && rule.kind != Kind::Members
                && rule.value.is_some()
        })
        .collect();
    for (index, later) in rules.iter().enumerate() {
        let earlier = rules.iter().take(index).find(|earlier| {
            earlier.value != later.value
                && earlier.arguments == later.arguments
                && (within(&earlier.statements, &later.statements)
                    || within(&later.statements, &earlier.statements))
        });
        if let Some(earlier) = earlier {
            findings.push(
                later.unit.finding(
                    Code::Conflict,
                    head(later.rule),
                    format!(
                        "`data.{}` would be {} here and {} in {}:{} at once, which is an error, and every call would be denied",
                        name.join("."),
                        shown(later),
                        shown(earlier),
                        earlier.unit.name,
                        head(earlier.rule).span().line
                    ),
                )
                .fix("join them with `else`, or let one be the `default`"),
            );
        }
    }
}

fn within(some: &[String], all: &[String]) -> bool {
    some.iter().all(|statement| all.contains(statement))
}

fn shown(rule: &Declared<'_>) -> String {
    match &rule.value {
        Some(value) => format!("`{value}`"),
        None => "another value".to_owned(),
    }
}
