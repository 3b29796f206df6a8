//! Conditions of a body that contradict each other.

use std::collections::BTreeMap;

use regorus::unstable::{AssignOp, BoolOp, Expr, Literal, LiteralStmt, Query, Rule};
use serde_json::Value;

use super::fact::{Fact, Inclusive};
use super::finding::{Code, Finding};
use super::tree::{Part, Unit, constant, constants, walk, written};
use crate::syntax::{collect, path};

/// What a statement says of one value.
pub(super) struct Said<'a> {
    /// Where the value lies, as in `["input", "args", "amount"]`.
    pub(super) subject: Vec<String>,
    pub(super) fact: Fact,
    pub(super) at: &'a Expr,
}

pub(super) fn check(unit: &Unit, rule: &Rule, findings: &mut Vec<Finding>) {
    walk(rule, &mut |part| {
        if let Part::Query(query) = part {
            contradictions(unit, query, findings);
        }
    });
}

fn contradictions(unit: &Unit, query: &Query, findings: &mut Vec<Finding>) {
    let facts = facts(query);
    for (index, later) in facts.iter().enumerate() {
        let earlier = facts
            .iter()
            .take(index)
            .find(|earlier| earlier.subject == later.subject && earlier.fact.excludes(&later.fact));
        if let Some(earlier) = earlier {
            findings.push(unit.finding(
                Code::NeverTrue,
                later.at,
                format!(
                    "this can never hold together with `{}` in line {}: the body is never true",
                    written(earlier.at),
                    earlier.at.span().line
                ),
            ));
        }
    }
    for statement in &query.stmts {
        if let Some(at) = never(statement) {
            findings.push(unit.finding(
                Code::NeverTrue,
                at,
                format!("`{}` is never true, and neither is the body", written(at)),
            ));
        }
    }
}

/// A statement that is false whatever the input.
fn never(statement: &LiteralStmt) -> Option<&Expr> {
    match &statement.literal {
        Literal::Expr { expr, .. } => match &**expr {
            Expr::Bool {
                value: regorus::Value::Bool(false),
                ..
            } => Some(expr),
            Expr::BoolExpr { op, lhs, rhs, .. } => {
                let (left, right) = (constant(lhs)?, constant(rhs)?);
                let fact = comparison(op, right)?;
                Fact::OneOf(vec![left]).excludes(&fact).then_some(expr)
            }
            _ => None,
        },
        Literal::NotExpr { expr, .. } => match &**expr {
            Expr::Bool {
                value: regorus::Value::Bool(true),
                ..
            } => Some(expr),
            _ => None,
        },
        _ => None,
    }
}

/// Everything that the statements of `query` say of single values.
pub(super) fn facts(query: &Query) -> Vec<Said<'_>> {
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut said = Vec::new();
    for statement in &query.stmts {
        // With another input or other data, it speaks of another value.
        if !statement.with_mods.is_empty() {
            continue;
        }
        match &statement.literal {
            Literal::Expr { expr, .. } => {
                if let Expr::AssignExpr {
                    op: AssignOp::ColEq,
                    lhs,
                    rhs,
                    ..
                } = &**expr
                {
                    if let (Expr::Var { span, .. }, Some(subject)) = (&**lhs, subject(rhs, &names))
                    {
                        names.insert(span.text(), subject);
                    }
                    continue;
                }
                for (of, fact) in positive(expr) {
                    if let Some(subject) = subject(of, &names) {
                        said.push(Said {
                            subject,
                            fact,
                            at: expr,
                        });
                    }
                }
            }
            Literal::NotExpr { expr, .. } => {
                if let Some((of, fact)) = negative(expr)
                    && let Some(subject) = subject(of, &names)
                {
                    said.push(Said {
                        subject,
                        fact,
                        at: expr,
                    });
                }
            }
            _ => {}
        }
    }
    said
}

/// The value that `expression` refers to, where it is always the same one within a body.
fn subject(expression: &Expr, names: &BTreeMap<&str, Vec<String>>) -> Option<Vec<String>> {
    let mut components = Vec::new();
    if !collect(expression, &mut components) {
        return None;
    }
    let (first, rest) = components.split_first()?;
    if first == "_" {
        return None;
    }
    match names.get(first.as_str()) {
        Some(known) => Some([known.as_slice(), rest].concat()),
        None => Some(components),
    }
}

fn is_reference(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. }
    )
}

fn positive(expression: &Expr) -> Vec<(&Expr, Fact)> {
    match expression {
        Expr::BoolExpr { op, lhs, rhs, .. } => compared(op, lhs, rhs).into_iter().collect(),
        Expr::AssignExpr {
            op: AssignOp::Eq,
            lhs,
            rhs,
            ..
        } => compared(&BoolOp::Eq, lhs, rhs).into_iter().collect(),
        Expr::Membership {
            key: None,
            value,
            collection,
            ..
        } if is_reference(value) => constants(collection)
            .map(|members| (&**value, Fact::OneOf(members)))
            .into_iter()
            .collect(),
        Expr::Call { fcn, params, .. } => match (path(fcn).join(".").as_str(), params.as_slice()) {
            (name, [of]) => type_named(name)
                .map(|name| (&**of, Fact::Type(vec![name])))
                .into_iter()
                .collect(),
            _ => Vec::new(),
        },
        Expr::RefDot { .. } | Expr::RefBrack { .. } => vec![(expression, Fact::Truthy)],
        _ => Vec::new(),
    }
}

/// What is known of the value of `lhs` or `rhs` where the comparison holds.
fn compared<'a>(op: &BoolOp, lhs: &'a Expr, rhs: &'a Expr) -> Option<(&'a Expr, Fact)> {
    for (one, other, flipped) in [(lhs, rhs, false), (rhs, lhs, true)] {
        let Some(value) = constant(other) else {
            continue;
        };
        if let Expr::Call { fcn, params, .. } = one
            && matches!(op, BoolOp::Eq)
            && path(fcn) == ["type_name"]
            && let ([of], Some(name)) = (params.as_slice(), value.as_str())
        {
            let known = [
                "null", "boolean", "number", "string", "array", "object", "set",
            ]
            .into_iter()
            .find(|known| *known == name);
            return known.map(|name| (&**of, Fact::Type(vec![name])));
        }
        if is_reference(one) {
            let fact = if flipped {
                comparison(&mirrored(op), value)
            } else {
                comparison(op, value)
            };
            return fact.map(|fact| (one, fact));
        }
    }
    None
}

fn comparison(op: &BoolOp, value: Value) -> Option<Fact> {
    Some(match op {
        BoolOp::Eq => Fact::OneOf(vec![value]),
        BoolOp::Ne => Fact::NoneOf(vec![value]),
        BoolOp::Gt => Fact::Above(value, Inclusive::No),
        BoolOp::Ge => Fact::Above(value, Inclusive::Yes),
        BoolOp::Lt => Fact::Below(value, Inclusive::No),
        BoolOp::Le => Fact::Below(value, Inclusive::Yes),
    })
}

fn mirrored(op: &BoolOp) -> BoolOp {
    match op {
        BoolOp::Lt => BoolOp::Gt,
        BoolOp::Le => BoolOp::Ge,
        BoolOp::Gt => BoolOp::Lt,
        BoolOp::Ge => BoolOp::Le,
        BoolOp::Eq => BoolOp::Eq,
        BoolOp::Ne => BoolOp::Ne,
    }
}

fn negative(expression: &Expr) -> Option<(&Expr, Fact)> {
    match expression {
        Expr::BoolExpr {
            op: BoolOp::Eq,
            lhs,
            rhs,
            ..
        } => match compared(&BoolOp::Eq, lhs, rhs)? {
            (of, Fact::OneOf(values)) => Some((of, Fact::NoneOf(values))),
            _ => None,
        },
        Expr::Membership {
            key: None,
            value,
            collection,
            ..
        } if is_reference(value) => constants(collection).map(|all| (&**value, Fact::NoneOf(all))),
        Expr::RefDot { .. } | Expr::RefBrack { .. } => Some((expression, Fact::Falsy)),
        _ => None,
    }
}

/// The type that `is_number` and its like ask for.
fn type_named(function: &str) -> Option<&'static str> {
    Some(match function {
        "is_number" => "number",
        "is_string" => "string",
        "is_boolean" => "boolean",
        "is_array" => "array",
        "is_object" => "object",
        "is_null" => "null",
        "is_set" => "set",
        _ => return None,
    })
}
