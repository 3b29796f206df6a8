//! Rules that ask for another one: for all of it, for the beginnings of its bodies, for what its conditions meet.
//!
//! Each is a rule of its own beside the one it asks for, in the same package and with the same imports, so that every name
//! in it is what it is there.

use std::collections::BTreeSet;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Module, Rule, RuleBody, RuleHead};

use super::names;
use crate::negation::parts;
use crate::{spelling, tree};

/// How many parts of one condition are asked for.
const MAX_PARTS: usize = 8;

/// A rule that asks.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// Its name within its package.
    pub(super) name: String,
    pub(super) text: String,
    /// The line it should stand in, so that an error names the author's lines; none where nobody sees its errors.
    pub(super) line: Option<u32>,
}

/// What is asked about one rule.
#[derive(Debug, Default)]
pub(super) struct Questions {
    /// One for each body; one alone where there is none.
    pub(super) bodies: Vec<OfBody>,
}

#[derive(Debug)]
pub(super) struct OfBody {
    /// What it says.
    pub(super) whole: Ask,
    pub(super) says: Says,
    /// Whether that stands in the text as it is, whatever the input.
    pub(super) constant: bool,
    pub(super) conditions: Vec<OfCondition>,
}

/// How the values of [`OfBody::whole`] are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// It is the value.
    Value,
    /// Its members are the values.
    Members,
    /// Its members are the keys with their value, each an array.
    Entries,
}

#[derive(Debug, Default)]
pub(super) struct OfCondition {
    /// Whether it and all before it hold together; none where they do not say that by themselves.
    pub(super) holds: Option<Ask>,
    /// What its parts are where all before it hold: a set of arrays, in each an array with the value for each part.
    pub(super) met: Option<Ask>,
    pub(super) parts: Vec<Part>,
}

/// A part of a condition.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) expression: String,
    /// Where it lies in the input, if it does.
    pub(super) at: Option<Vec<String>>,
}

impl Questions {
    /// What is to be asked about `rule`, whose rules are to be called by `name`. `known` are the names of the package's
    /// rules and of imports.
    pub(super) fn of(module: &Module, rule: &Rule, name: &str, known: &BTreeSet<String>) -> Self {
        let Rule::Spec { head, bodies, .. } = rule else {
            return Self::default();
        };
        let text = module.package.span.source.contents();
        let writer = Writer { text, name, known };
        if bodies.is_empty() {
            let bodies = writer.body(head, None, 0).into_iter().collect();
            return Self { bodies };
        }
        let bodies = bodies.iter().enumerate();
        Self {
            bodies: bodies
                .filter_map(|(number, body)| writer.body(head, Some(body), number))
                .collect(),
        }
    }

    pub(super) fn asks(&self) -> impl Iterator<Item = &Ask> {
        self.bodies.iter().flat_map(|body| {
            let conditions = body.conditions.iter();
            let asks =
                conditions.flat_map(|condition| condition.holds.iter().chain(&condition.met));
            [&body.whole].into_iter().chain(asks)
        })
    }
}

struct Writer<'a> {
    text: &'a str,
    name: &'a str,
    known: &'a BTreeSet<String>,
}

impl<'a> Writer<'a> {
    /// None for a function.
    fn body(&self, head: &RuleHead, body: Option<&RuleBody>, number: usize) -> Option<OfBody> {
        let name = format!("{}_{number}", self.name);
        let assigned = match (head, body) {
            (_, Some(body)) if body.is_else => body.assign.as_ref(),
            (RuleHead::Compr { assign, .. }, _) => assign.as_ref(),
            _ => None,
        };
        let value = assigned.map_or("true", |assign| spelling::of(self.text, &assign.value));
        let is_constant = assigned.is_none_or(|assign| constant(&assign.value));
        let (head, says, constant) = match head {
            RuleHead::Func { .. } | RuleHead::Set { key: None, .. } => return None,
            RuleHead::Set { key: Some(key), .. } => (
                format!("{name} contains {}", spelling::of(self.text, key)),
                Says::Members,
                constant(key),
            ),
            RuleHead::Compr { refr, .. } => {
                let keys = tree::components(refr).1;
                if keys.is_empty() {
                    (format!("{name} := {value}"), Says::Value, is_constant)
                } else {
                    let is_constant = is_constant && keys.iter().all(|key| constant(key));
                    let keys: Vec<&str> = keys
                        .iter()
                        .map(|key| spelling::of(self.text, key))
                        .collect();
                    let keys = keys.join(", ");
                    (
                        format!("{name} contains [{keys}, {value}]"),
                        Says::Entries,
                        is_constant,
                    )
                }
            }
        };
        let statements = body.map_or(&[][..], |body| &body.query.stmts);
        let above = u32::try_from(head.matches('\n').count()).unwrap_or_default();
        let (text, line) = match (statements.first(), body) {
            (Some(first), _) => {
                // In its own line and column, where an error in it is to be looked for.
                let indent = " ".repeat((first.span.col as usize).saturating_sub(1));
                let all = self.beginning(statements, statements.len());
                let line = first.span.line.saturating_sub(1);
                (format!("{head} if {{\n{indent}{all}\n}}"), line)
            }
            (None, body) => (head, body.map_or(1, |body| body.span.line)),
        };
        Some(OfBody {
            whole: Ask {
                text,
                line: Some(line.saturating_sub(above)),
                name: name.clone(),
            },
            says,
            constant,
            conditions: (0..statements.len())
                .map(|position| self.condition(&name, statements, position))
                .collect(),
        })
    }

    fn condition(&self, name: &str, statements: &[LiteralStmt], position: usize) -> OfCondition {
        let Some(statement) = statements.get(position) else {
            return OfCondition::default();
        };
        let alone = |length| self.means_the_same_alone(statements, length);
        let holds = alone(position + 1).then(|| {
            let name = format!("{name}_{position}");
            let beginning = self.beginning(statements, position + 1);
            Ask {
                text: format!("{name} if {{\n{beginning}\n}}"),
                name,
                line: None,
            }
        });
        let parts = self.parts(statements.get(..position).unwrap_or_default(), statement);
        let met = (alone(position + 1) && !parts.is_empty()).then(|| {
            let name = format!("{name}_{position}_met");
            let before = match position {
                0 => "true",
                length => self.beginning(statements, length),
            };
            let sides: Vec<String> = parts
                .iter()
                .map(|(side, _)| format!("[kitelogik_side | kitelogik_side := {side}]"))
                .collect();
            let sides = sides.join(",\n");
            Ask {
                text: format!("{name} contains [{sides}] if {{\n{before}\n}}"),
                name,
                line: None,
            }
        });
        let parts = parts.into_iter().map(|(text, at)| Part {
            expression: spelling::one_line(&text),
            at,
        });
        OfCondition {
            holds,
            met,
            parts: parts.collect(),
        }
    }

    /// The text of the first `length` statements.
    fn beginning(&self, statements: &[LiteralStmt], length: usize) -> &'a str {
        let bounds = |statement| spelling::statement(self.text, statement);
        let start = statements.first().map_or(0, |first| bounds(first).0);
        let last = length.checked_sub(1).and_then(|last| statements.get(last));
        let end = last.map_or(start, |last| bounds(last).1);
        self.text.get(start..end).unwrap_or_default()
    }

    /// Whether no name in the first `length` statements gets another meaning by a declaration after them.
    fn means_the_same_alone(&self, statements: &[LiteralStmt], length: usize) -> bool {
        let (before, after) = statements.split_at(length.min(statements.len()));
        let mut declared = BTreeSet::new();
        after
            .iter()
            .for_each(|statement| names::declared(statement, &mut declared));
        let mut used = BTreeSet::new();
        before
            .iter()
            .for_each(|statement| names::used(statement, &mut used));
        declared.is_disjoint(&used)
    }

    /// The text of what replaces parts of the documents while `statement` is looked at, with a blank before it.
    fn modifiers(&self, statement: &LiteralStmt) -> String {
        let Some(first) = statement.with_mods.first() else {
            return String::new();
        };
        let (_, end) = spelling::statement(self.text, statement);
        let text = self.text.get(first.span.start as usize..end);
        format!(" {}", text.unwrap_or_default())
    }

    /// Whether a name is that of a variable.
    fn is_local(&self, name: &str) -> bool {
        !matches!(name, "input" | "data") && !self.known.contains(name)
    }

    /// The parts of `statement` whose values are not to be seen in the text, and can be told once `before` holds: how they
    /// are spelled, and where they lie in the input, if they do.
    fn parts<'e>(
        &self,
        before: &'e [LiteralStmt],
        statement: &'e LiteralStmt,
    ) -> Vec<(String, Option<Vec<String>>)> {
        let mut bound = BTreeSet::new();
        before
            .iter()
            .for_each(|statement| names::used(statement, &mut bound));
        let is_known = |name: &&str| !self.is_local(name) || bound.contains(name);
        let tellable = |part: &&'e Expr| {
            let mut used = BTreeSet::new();
            names::of_expression(part, &mut used);
            !constant(part) && used.iter().all(is_known)
        };
        let modifiers = self.modifiers(statement);
        let given = statement
            .with_mods
            .iter()
            .map(|modifier| (&*modifier.r#as, ""));
        let parts = sides(statement)
            .into_iter()
            .map(|part| looked_into(part, &tellable))
            .map(|part| match part {
                // A variable has its value already.
                Expr::Var { span, .. }
                    if bound.contains(span.text()) && self.is_local(span.text()) =>
                {
                    (part, "")
                }
                part => (part, modifiers.as_str()),
            })
            .chain(given)
            .filter(|(part, _)| tellable(part));
        let mut found: Vec<(String, Option<Vec<String>>)> = Vec::new();
        for (part, modifiers) in parts {
            let text = format!("{}{modifiers}", spelling::of(self.text, part));
            let at = of_input(part).filter(|_| modifiers.is_empty());
            if !found.iter().any(|(other, _)| *other == text) {
                found.push((text, at));
            }
        }
        found.truncate(MAX_PARTS);
        found
    }
}

/// What a statement compares, or is about; of a call, what it is called with, too.
fn sides(statement: &LiteralStmt) -> Vec<&Expr> {
    let sides = match &statement.literal {
        Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => match &**expr {
            Expr::AssignExpr {
                op: AssignOp::ColEq,
                rhs,
                ..
            } => vec![&**rhs],
            Expr::BoolExpr { .. }
            | Expr::AssignExpr { .. }
            | Expr::Membership { .. }
            | Expr::Call { .. } => parts(expr),
            other => vec![other],
        },
        Literal::SomeIn { collection, .. } => vec![&**collection],
        Literal::Every { domain, .. } => vec![&**domain],
        Literal::SomeVars { .. } => Vec::new(),
    };
    let with_operands = sides.into_iter().flat_map(|side| {
        let operands = match side {
            Expr::Call { .. } | Expr::ArithExpr { .. } | Expr::BinExpr { .. } => parts(side),
            _ => Vec::new(),
        };
        [side].into_iter().chain(operands)
    });
    with_operands.collect()
}

/// Of a reference with a variable that nothing gave a value, what it looks for the value in.
fn looked_into<'e>(part: &'e Expr, tellable: &impl Fn(&&'e Expr) -> bool) -> &'e Expr {
    match part {
        Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } if !tellable(&part) => {
            looked_into(refr, tellable)
        }
        part => part,
    }
}

/// Whether a value is the same whatever the input.
fn constant(expression: &Expr) -> bool {
    match expression {
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. } => true,
        Expr::Array { .. } | Expr::Set { .. } | Expr::Object { .. } => {
            parts(expression).into_iter().all(constant)
        }
        _ => false,
    }
}

/// Where in the input a reference leads by constant names.
fn of_input(part: &Expr) -> Option<Vec<String>> {
    let (path, open) = tree::components(part);
    let (root, path) = path.split_first()?;
    (root == "input" && open.is_empty() && !path.is_empty()).then(|| path.to_vec())
}
