//! Operators that the interpreter computes otherwise than OPA: arithmetic, and `key, value in collection`.
//!
//! They become calls of built-ins in the text, before the interpreter reads it: `a * b` becomes
//! `kitelogik_times(a, b)`. What these make has 53 bits, where OPA keeps more digits; a program keeps them, too.

use std::sync::Arc;

use anyhow::{Result, bail};
use regorus::Value;
use regorus::unstable::{ArithOp, Expr, Literal, Module, Query, Rule, RuleHead};

use crate::decimal::Decimal;
use crate::negation::parts;
use crate::registry::Registry;
use crate::spelling;

const MEMBER: &str = "kitelogik_member";

/// The built-ins that the operators become.
pub(crate) fn register(registry: &mut impl Registry) -> Result<()> {
    for operation in [
        ArithOp::Add,
        ArithOp::Sub,
        ArithOp::Mul,
        ArithOp::Div,
        ArithOp::Mod,
    ] {
        registry.add(name(&operation), 2, move |values: Vec<Value>| {
            let [left, right] = values.as_slice() else {
                bail!("two operands are expected");
            };
            if let Some(made) = of_integers(&operation, left, right) {
                return Ok(made);
            }
            match (Decimal::of(left), Decimal::of(right)) {
                (Some(left), Some(right)) => {
                    Decimal::compute(&operation, &left, &right)?.to_value()
                }
                _ => of_sets(&operation, left, right),
            }
        })?;
    }
    registry.add(MEMBER, 3, |values: Vec<Value>| {
        let [key, value, collection] = values.as_slice() else {
            bail!("three operands are expected");
        };
        Ok(Value::Bool(match collection {
            // The key of a member of a set is the member.
            Value::Set(items) => key == value && items.contains(value),
            Value::Array(_) | Value::Object(_) => collection[key] == *value,
            _ => false,
        }))
    })
}

/// What is made of integers of 64 bits, the short way; none where it is no integer, or an error.
pub(crate) fn of_integers(operation: &ArithOp, left: &Value, right: &Value) -> Option<Value> {
    let integer = |value: &Value| match value {
        Value::Number(number) => number.as_i64().map(i128::from),
        _ => None,
    };
    let (left, right) = (integer(left)?, integer(right)?);
    Some(Value::from(match operation {
        ArithOp::Add => left + right,
        ArithOp::Sub => left - right,
        ArithOp::Mul => left * right,
        ArithOp::Div if left.checked_rem(right)? == 0 => left / right,
        ArithOp::Mod => left.checked_rem(right)?,
        ArithOp::Div => return None,
    }))
}

/// What `-` makes of sets; an error for everything else that is no number.
pub(crate) fn of_sets(operation: &ArithOp, left: &Value, right: &Value) -> Result<Value> {
    match (operation, left, right) {
        (ArithOp::Sub, Value::Set(left), Value::Set(right)) => {
            Ok(Value::from(left.difference(right)))
        }
        (ArithOp::Sub, ..) => bail!("operands of `-` must be two numbers or two sets"),
        _ => bail!("operands of arithmetic must be numbers"),
    }
}

fn name(operation: &ArithOp) -> &'static str {
    match operation {
        ArithOp::Add => "kitelogik_plus",
        ArithOp::Sub => "kitelogik_minus",
        ArithOp::Mul => "kitelogik_times",
        ArithOp::Div => "kitelogik_over",
        ArithOp::Mod => "kitelogik_remainder",
    }
}

/// The text of `module` with calls for these operators; none where it has none of them.
pub(crate) fn rewrite(module: &Module) -> Option<String> {
    let mut rewriter = Rewriter {
        text: module.package.span.source.contents(),
        edits: Vec::new(),
    };
    for rule in &module.policy {
        rewriter.rule(rule);
    }
    if rewriter.edits.is_empty() {
        return None;
    }
    Some(rewriter.rendered())
}

/// What is put in, in place of the text from one position to another.
struct Edit {
    start: usize,
    end: usize,
    text: Arc<str>,
}

struct Rewriter<'a> {
    text: &'a str,
    edits: Vec<Edit>,
}

impl Rewriter<'_> {
    fn rule(&mut self, rule: &Rule) {
        let (head, bodies) = match rule {
            Rule::Spec { head, bodies, .. } => (head, bodies),
            Rule::Default { value, .. } => return self.expression(value),
        };
        match head {
            RuleHead::Compr { refr, assign, .. } | RuleHead::Func { refr, assign, .. } => {
                self.expression(refr);
                if let Some(assign) = assign {
                    self.expression(&assign.value);
                }
            }
            RuleHead::Set { key, .. } => {
                if let Some(key) = key {
                    self.expression(key);
                }
            }
        }
        for body in bodies {
            if let Some(assign) = &body.assign {
                self.expression(&assign.value);
            }
            self.query(&body.query);
        }
    }

    fn query(&mut self, query: &Query) {
        for statement in &query.stmts {
            match &statement.literal {
                Literal::NotExpr { expr, .. } | Literal::Expr { expr, .. } => self.expression(expr),
                Literal::SomeIn { collection, .. } => self.expression(collection),
                Literal::Every { domain, query, .. } => {
                    self.expression(domain);
                    self.query(query);
                }
                Literal::SomeVars { .. } => {}
            }
            for modifier in &statement.with_mods {
                self.expression(&modifier.r#as);
            }
        }
    }

    fn expression(&mut self, expression: &Expr) {
        match expression {
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expression(term);
                self.query(query);
                return;
            }
            Expr::ObjectCompr {
                key, value, query, ..
            } => {
                self.expression(key);
                self.expression(value);
                self.query(query);
                return;
            }
            Expr::ArithExpr { op, lhs, rhs, .. } => {
                self.call(name(op), expression, &[lhs, rhs]);
            }
            Expr::Membership {
                key: Some(key),
                value,
                collection,
                ..
            } => self.call(MEMBER, expression, &[key, value, collection]),
            _ => {}
        }
        for part in parts(expression) {
            self.expression(part);
        }
    }

    /// Puts a call around `operands`, and commas for what stands between them.
    fn call(&mut self, name: &str, whole: &Expr, operands: &[&Expr]) {
        let (mut from, to) = spelling::range(self.text, whole);
        let mut before = format!("{name}(");
        for operand in operands {
            let (start, end) = spelling::range(self.text, operand);
            self.replace(from, start, &before);
            (from, before) = (end, ", ".to_owned());
        }
        self.replace(from, to, ")");
    }

    /// Lines stay where they are.
    fn replace(&mut self, start: usize, end: usize, text: &str) {
        let replaced = self.text.get(start..end).unwrap_or_default();
        let lines = replaced.matches('\n').count();
        self.edits.push(Edit {
            start,
            end,
            text: format!("{text}{}", "\n".repeat(lines)).into(),
        });
    }

    fn rendered(mut self) -> String {
        // Of two at one place, the outer one was found first.
        self.edits.sort_by_key(|edit| (edit.start, edit.end));
        let mut rendered = String::with_capacity(self.text.len() * 2);
        let mut from = 0;
        for edit in &self.edits {
            rendered.push_str(self.text.get(from..edit.start).unwrap_or_default());
            rendered.push_str(&edit.text);
            from = edit.end;
        }
        rendered.push_str(self.text.get(from..).unwrap_or_default());
        rendered
    }
}
