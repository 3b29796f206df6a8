//! Operators that the interpreter computes otherwise than OPA: arithmetic, with what compares it; the order of what may be
//! an object and a set; and `in` with a key, or within an expression, where it is false over what is not there. And what
//! it would not count against what an evaluation may make: the sets that `|` and `&` make, and the members that
//! comprehensions and rules gather. And where data is looked into by a number whose text it has, or by the name of
//! an import; and `walk`, and the variables of `every`.
//!
//! They become calls of built-ins in the text, before the interpreter reads it: `a * b <= 5` becomes
//! `kitelogik_compute_3("0 1 * 2 <=", a, b, 5)`. Within one such call all digits are kept that OPA has; what comes out of it
//! has 53 bits.

mod bound;
mod formula;
mod gathering;
mod imported;
mod lookup;

use anyhow::{Result, bail};
use regorus::Value;
use regorus::unstable::{
    ArithOp, BUILTINS, BinOp, BoolOp, Expr, Literal, LiteralStmt, Module, Query, Rule, RuleHead,
};

use crate::builtins;
use crate::negation::parts;
use crate::registry::Registry;
use crate::spelling::{self, Edit};

use self::formula::Formula;

pub(crate) use self::imported::{Packages, packages};
pub(crate) use self::lookup::{NUMBERED, has_text_of};

const MEMBER: &str = "kitelogik_member";
const ENTRY: &str = "kitelogik_entry";
const UNION: &str = "kitelogik_union";
const INTERSECTION: &str = "kitelogik_intersection";

/// The built-ins that the operators become.
pub(crate) fn register(registry: &mut impl Registry) -> Result<()> {
    for count in 2..=formula::MAX_OPERANDS {
        let arguments = u8::try_from(count + 1)?;
        registry.add(
            &computing(count),
            arguments,
            |values: Vec<Value>| match values.split_first() {
                Some((Value::String(formula), operands)) => formula::compute(formula, operands),
                _ => bail!("a formula and its operands are expected"),
            },
        )?;
    }
    for (name, operator) in [
        (UNION, "__builtin_sets.union"),
        (INTERSECTION, "__builtin_sets.intersection"),
    ] {
        let Some(builtin) = BUILTINS.get(operator).copied() else {
            bail!("there is no built-in `{operator}` for an operator");
        };
        registry.add(name, 2, move |values: Vec<Value>| {
            builtins::call(builtin, &values)
        })?;
    }
    gathering::register(registry)?;
    lookup::register(registry)?;
    bound::register(registry)?;
    registry.add(MEMBER, 2, |values: Vec<Value>| {
        let [value, collection] = values.as_slice() else {
            bail!("two operands are expected");
        };
        Ok(Value::Bool(match collection {
            Value::Set(items) => items.contains(value),
            Value::Array(items) => items.contains(value),
            Value::Object(entries) => entries.iter().any(|(_, item)| item == value),
            _ => false,
        }))
    })?;
    registry.add(ENTRY, 3, |values: Vec<Value>| {
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

/// The built-in for a formula with so many operands.
fn computing(operands: usize) -> String {
    format!("kitelogik_compute_{operands}")
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

/// Whether it is neither an object nor a set, so that the interpreter orders it as OPA does.
fn is_scalar(expression: &Expr) -> bool {
    match expression {
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. }
        | Expr::UnaryExpr { .. }
        | Expr::BoolExpr { .. }
        | Expr::Membership { .. } => true,
        Expr::ArithExpr { op, .. } => !matches!(op, ArithOp::Sub),
        Expr::Call { fcn, .. } => {
            matches!(&**fcn, Expr::Var { span, .. } if span.text() == "count")
        }
        _ => false,
    }
}

/// The text of `module`, of a policy with these packages, with calls for these operators; none where it has none of them.
pub(crate) fn rewrite(module: &Module, packages: &Packages) -> Option<String> {
    let mut rewriter = Rewriter {
        module,
        text: module.package.span.source.contents(),
        edits: Vec::new(),
        renamed: 0,
    };
    for rule in &module.policy {
        rewriter.rule(rule);
    }
    for (name, path) in imported::names(module, packages) {
        let (start, end) = spelling::range(rewriter.text, name);
        rewriter.replace(start, end, path);
    }
    if rewriter.edits.is_empty() {
        return None;
    }
    let text = rewriter.text;
    Some(spelling::edited(text, 0..text.len(), rewriter.edits))
}

struct Rewriter<'a> {
    module: &'a Module,
    text: &'a str,
    edits: Vec<Edit>,
    /// How many variables of `every` have got another name.
    renamed: usize,
}

impl<'a> Rewriter<'a> {
    fn rule(&mut self, rule: &'a Rule) {
        let (head, bodies) = match rule {
            Rule::Spec { head, bodies, .. } => (head, bodies),
            Rule::Default { value, .. } => return self.expression(value),
        };
        if let Some(member) = gathering::member(head)
            && !bodies.is_empty()
        {
            self.around(gathering::GATHERED, member);
        }
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
            // One statement alone may stand without braces; several may not.
            if let [statement] = body.query.stmts.as_slice()
                && statement.span.start == body.query.span.start
            {
                self.statement(statement, true);
            } else {
                self.query(&body.query);
            }
        }
    }

    fn query(&mut self, query: &'a Query) {
        for statement in &query.stmts {
            self.statement(statement, false);
        }
    }

    fn statement(&mut self, statement: &'a LiteralStmt, bare: bool) {
        if let Literal::Expr { expr, .. } = &statement.literal
            && statement.with_mods.is_empty()
        {
            self.looked_up(expr, bare);
        }
        if let Literal::Expr { expr, .. } = &statement.literal
            && let Some((value, found)) = bound::walk(expr)
        {
            self.walked(expr, value, found);
        }
        match &statement.literal {
            Literal::NotExpr { expr, .. } | Literal::Expr { expr, .. } => match &**expr {
                // As a statement, it fails either way.
                Expr::Membership { key: None, .. } => self.parts(expr),
                expr => self.expression(expr),
            },
            Literal::SomeIn { collection, .. } => self.expression(collection),
            Literal::Every {
                key,
                value,
                domain,
                query,
                ..
            } => {
                self.expression(domain);
                self.members(key.iter().chain([value]), query);
                self.query(query);
            }
            Literal::SomeVars { .. } => {}
        }
        for modifier in &statement.with_mods {
            self.expression(&modifier.r#as);
        }
    }

    fn expression(&mut self, expression: &'a Expr) {
        match expression {
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.around(gathering::GATHERED, term);
                self.expression(term);
                self.query(query);
                return;
            }
            Expr::ObjectCompr {
                key, value, query, ..
            } => {
                self.around(gathering::GATHERED, key);
                self.expression(key);
                self.around(gathering::GATHERED, value);
                self.expression(value);
                self.query(query);
                return;
            }
            Expr::BinExpr { op, lhs, rhs, .. } => {
                let name = match op {
                    BinOp::Union => UNION,
                    BinOp::Intersection => INTERSECTION,
                };
                self.call(name, expression, &[lhs, rhs]);
            }
            Expr::Call { fcn, params, .. } if gathering::prints(fcn) => {
                for parameter in params {
                    self.around(gathering::PRINTED, parameter);
                }
            }
            Expr::ArithExpr { op, lhs, rhs, .. } => {
                return self.computed(expression, &Formula::of(formula::sign(op), lhs, rhs));
            }
            Expr::BoolExpr { op, lhs, rhs, .. } => {
                let ordered = !matches!(op, BoolOp::Eq | BoolOp::Ne);
                let computed = |side: &Expr| matches!(side, Expr::ArithExpr { .. });
                if computed(lhs) || computed(rhs) || ordered && !is_scalar(lhs) && !is_scalar(rhs) {
                    let formula = Formula::of(formula::comparison(op), lhs, rhs);
                    return self.computed(expression, &formula);
                }
            }
            Expr::Membership {
                key: Some(key),
                value,
                collection,
                ..
            } => self.call(ENTRY, expression, &[key, value, collection]),
            Expr::Membership {
                value, collection, ..
            } => self.call(MEMBER, expression, &[value, collection]),
            _ => {}
        }
        self.parts(expression);
    }

    /// Lets a look into data fail by a number whose text is there.
    fn looked_up(&mut self, condition: &Expr, bare: bool) {
        let Some((object, index)) = lookup::parts(self.module, condition) else {
            return;
        };
        let asked = format!("{}({}, ", lookup::ASKED, spelling::of(self.text, object));
        if let Expr::Var { span, .. } = index {
            // It may be what the condition looks for, and then has its value from there.
            let (start, end) = spelling::range(self.text, condition);
            let name = span.text();
            let (open, close) = if bare { ("{ ", " }") } else { ("", "") };
            self.replace(start, start, &format!("{open}{asked}{name}) == {name}; "));
            self.replace(end, end, close);
        } else {
            let (start, end) = spelling::range(self.text, index);
            self.replace(start, start, &asked);
            self.replace(end, end, ")");
        }
    }

    fn parts(&mut self, expression: &'a Expr) {
        for part in parts(expression) {
            self.expression(part);
        }
    }

    /// Puts a formula, and what is computed with, in place of arithmetic or a comparison.
    fn computed(&mut self, whole: &Expr, formula: &Formula<'a>) {
        let name = computing(formula.operands.len());
        self.between(
            format!("{name}(\"{}\", ", formula.text),
            whole,
            &formula.operands,
        );
        for operand in &formula.operands {
            self.expression(operand);
        }
    }

    /// Puts a call around an expression that stays as it is.
    fn around(&mut self, name: &str, expression: &Expr) {
        let (start, end) = spelling::range(self.text, expression);
        self.replace(start, start, &format!("{name}("));
        self.replace(end, end, ")");
    }

    fn call(&mut self, name: &str, whole: &Expr, operands: &[&Expr]) {
        self.between(format!("{name}("), whole, operands);
    }

    /// Puts a call that begins with `before` around `operands`, and commas in place of what stands between them.
    fn between(&mut self, mut before: String, whole: &Expr, operands: &[&Expr]) {
        let (mut from, to) = spelling::range(self.text, whole);
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
            text: format!("{text}{}", "\n".repeat(lines)),
        });
    }
}
