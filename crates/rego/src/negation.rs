//! `not` over a call, as OPA reads it.
//!
//! OPA evaluates the operands of a negated call before the negation: in `not f(input.x)`, an
//! `input.x` that is not there leaves the whole statement undefined. Here it would be true, and
//! `allow if not input.args.amount > 200` would allow a call without an amount. So what OPA does
//! when it compiles is done to the text before it is parsed: `not f(input.x)` becomes
//! `operand := input.x; not f(operand)`.
//!
//! A module that imports `future.keywords.not`, or all of `future.keywords`, negates bodies: there, a negation is true
//! where an operand is not there, as the interpreter has it.
//!
//! A plain reference and an equality are not calls: `not input.x` and `not input.x == 1` are true
//! where there is no `input.x`, in both engines.

use regorus::unstable::{BoolOp, Expr, Literal, LiteralStmt, Module, Query, Rule, RuleHead};

use crate::spelling::{self, Edit};
use crate::tree;

/// The text of `module`, rewritten where a negation needs it.
pub(super) fn rewrite(module: &Module) -> String {
    let text = module.package.span.source.contents();
    if tree::negates_bodies(module) {
        return text.to_owned();
    }
    let mut rewriter = Rewriter {
        text,
        edits: Vec::new(),
        operands: 0,
    };
    for rule in &module.policy {
        rewriter.rule(rule);
    }
    spelling::edited(text, 0..text.len(), rewriter.edits)
}

struct Rewriter<'a> {
    text: &'a str,
    edits: Vec<Edit>,
    operands: usize,
}

impl Rewriter<'_> {
    fn rule(&mut self, rule: &Rule) {
        let (head, bodies) = match rule {
            Rule::Spec { head, bodies, .. } => (head, bodies),
            Rule::Default { value, .. } => return self.expression(value),
        };
        match head {
            RuleHead::Compr { assign, .. } | RuleHead::Func { assign, .. } => {
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
            let bare = body
                .query
                .stmts
                .first()
                .is_some_and(|first| first.span.start == body.query.span.start);
            self.query(&body.query, bare);
        }
    }

    fn query(&mut self, query: &Query, bare: bool) {
        for statement in &query.stmts {
            match &statement.literal {
                Literal::NotExpr { expr, .. } => self.negation(statement, expr, bare),
                Literal::Expr { expr, .. } => self.expression(expr),
                Literal::SomeIn { collection, .. } => self.expression(collection),
                Literal::Every { domain, query, .. } => {
                    self.expression(domain);
                    self.query(query, false);
                }
                Literal::SomeVars { .. } => {}
            }
        }
    }

    fn negation(&mut self, statement: &LiteralStmt, expression: &Expr, bare: bool) {
        let mut operands = Vec::new();
        negated_operands(expression, &mut operands);
        // As OPA: calls come before references, so that an error in one is not hidden by what is not there.
        let calls = |operand: &&Expr| calls(operand) || within_another(operand, &operands);
        let (first, then): (Vec<_>, Vec<_>) = operands.iter().copied().partition(calls);
        let operands = [first, then].concat();
        let last = statement
            .with_mods
            .last()
            .map_or(expression, |modifier| &*modifier.r#as);
        let statement_start = statement.span.start as usize;
        let statement_end = spelling::end(self.text, statement.span.end as usize, last);
        let modifiers = match statement.with_mods.first() {
            Some(first) => self.slice(first.span.start as usize, statement_end),
            None => "",
        }
        .to_owned();
        let outer = std::mem::take(&mut self.edits);
        let mut hoisted = String::new();
        let mut replaced = Vec::new();
        for operand in &operands {
            self.expression(operand);
            let inner = std::mem::take(&mut self.edits);
            let (start, end) = spelling::range(self.text, operand);
            let value = spelling::edited(self.text, start..end, inner);
            self.operands += 1;
            let name = format!("kitelogik_operand_{}", self.operands);
            hoisted.push_str(&format!("{name} := {value} {modifiers}; "));
            if !within_another(operand, &operands) {
                replaced.push(Edit {
                    start,
                    end,
                    text: name,
                });
            }
        }
        self.edits = outer;
        if operands.is_empty() {
            return self.expression(expression);
        }
        if bare {
            hoisted.insert_str(0, "{ ");
        }
        self.edits.push(Edit::insertion(statement_start, hoisted));
        self.edits.append(&mut replaced);
        if bare {
            self.edits.push(Edit::insertion(statement_end, " }"));
        }
    }

    /// Finds the comprehensions in an expression, whose bodies may negate as well.
    fn expression(&mut self, expression: &Expr) {
        let (parts, query) = inside(expression);
        for part in parts {
            self.expression(part);
        }
        if let Some(query) = query {
            self.query(query, false);
        }
    }

    fn slice(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end).unwrap_or_default()
    }
}

/// What OPA evaluates before it negates `expression`.
fn negated_operands<'a>(expression: &'a Expr, operands: &mut Vec<&'a Expr>) {
    match expression {
        // An equality looks its references up itself; only what they are made of comes first.
        Expr::BoolExpr {
            op: BoolOp::Eq,
            lhs,
            rhs,
            ..
        }
        | Expr::AssignExpr { lhs, rhs, .. } => {
            for side in [lhs, rhs] {
                match &**side {
                    Expr::Var { .. } => {}
                    Expr::RefDot { .. } | Expr::RefBrack { .. } => indexes(side, operands),
                    other => operand(other, operands),
                }
            }
        }
        Expr::RefDot { .. } | Expr::RefBrack { .. } => indexes(expression, operands),
        Expr::Call { params, .. } => {
            for parameter in params {
                operand(parameter, operands);
            }
        }
        Expr::BoolExpr { .. }
        | Expr::ArithExpr { .. }
        | Expr::BinExpr { .. }
        | Expr::Membership { .. } => {
            for part in parts(expression) {
                operand(part, operands);
            }
        }
        _ => {}
    }
}

/// What stands in the brackets of a reference, and the call that it may begin with.
fn indexes<'a>(reference: &'a Expr, operands: &mut Vec<&'a Expr>) {
    match reference {
        Expr::RefDot { refr, .. } => indexes(refr, operands),
        Expr::RefBrack { refr, index, .. } => {
            indexes(refr, operands);
            // A variable may be what the reference looks for.
            if !matches!(**index, Expr::Var { .. }) {
                operand(index, operands);
            }
        }
        Expr::Var { .. } => {}
        other => operand(other, operands),
    }
}

fn operand<'a>(expression: &'a Expr, operands: &mut Vec<&'a Expr>) {
    match expression {
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. }
        | Expr::ArrayCompr { .. }
        | Expr::SetCompr { .. }
        | Expr::ObjectCompr { .. } => {}
        Expr::Var { span, .. } if matches!(span.text(), "_" | "input" | "data") => {}
        // `in` over what is not there is false here, not undefined.
        Expr::Membership { collection, .. } => {
            operand(collection, operands);
            operands.push(expression);
        }
        other => operands.push(other),
    }
}

/// Whether `inner` is evaluated first only to be there, as part of another operand.
fn within_another(inner: &Expr, operands: &[&Expr]) -> bool {
    let inner = inner.span();
    operands.iter().any(|outer| {
        let outer = outer.span();
        (outer.start, outer.end) != (inner.start, inner.end)
            && outer.start <= inner.start
            && inner.end <= outer.end
    })
}

/// Whether OPA calls a function for it, or for a part of it.
fn calls(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::Call { .. }
            | Expr::BoolExpr { .. }
            | Expr::ArithExpr { .. }
            | Expr::BinExpr { .. }
            | Expr::Membership { .. }
    ) || parts(expression).into_iter().any(calls)
}

/// All that an expression is made of: what a comprehension says of each, and the statements of its body; of others, the [`parts`].
pub(crate) fn inside(expression: &Expr) -> (Vec<&Expr>, Option<&Query>) {
    match expression {
        Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
            (vec![&**term], Some(&**query))
        }
        Expr::ObjectCompr {
            key, value, query, ..
        } => (vec![&**key, &**value], Some(&**query)),
        _ => (parts(expression), None),
    }
}

/// The expressions right inside of one that is no comprehension.
pub(crate) fn parts(expression: &Expr) -> Vec<&Expr> {
    match expression {
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            items.iter().map(|item| &**item).collect()
        }
        Expr::Object { fields, .. } => fields
            .iter()
            .flat_map(|(_, key, value)| [&**key, &**value])
            .collect(),
        Expr::Call { params, .. } => params.iter().map(|parameter| &**parameter).collect(),
        Expr::UnaryExpr { expr, .. } => vec![&**expr],
        Expr::RefDot { refr, .. } => vec![&**refr],
        Expr::RefBrack { refr, index, .. } => vec![&**refr, &**index],
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => vec![&**lhs, &**rhs],
        Expr::Membership {
            key,
            value,
            collection,
            ..
        } => key
            .iter()
            .map(|key| &**key)
            .chain([&**value, &**collection])
            .collect(),
        _ => Vec::new(),
    }
}
