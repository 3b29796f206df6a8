//! `every` whose body asks for what a later statement gives a value to.
//!
//! OPA evaluates that statement before. The interpreter looks at the part behind `in` alone to find out what `every` waits
//! for, so that the variable has no value yet in the body.

use anyhow::Result;
use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query, Span};

use super::{Names, bind, refuse, variables};
use crate::negation::inside;

/// Fails for the first variable of an `every` in `query` that a statement behind it gives a value to; those that are `known`
/// have one.
pub(super) fn check(query: &Query, known: &Names) -> Result<()> {
    let mut known = known.clone();
    for (number, statement) in query.stmts.iter().enumerate() {
        let mut inside = Inside::default();
        inside.statement(statement);
        let mut later = Names::new();
        if !inside.mentioned.is_empty() {
            for after in query.stmts.iter().skip(number + 1) {
                bind(&after.literal, &mut later);
            }
        }
        let early = inside.mentioned.into_iter().find(|span| {
            let name = span.text();
            later.contains(name) && !known.contains(name) && !inside.declared.contains(name)
        });
        if let Some(span) = early {
            refuse(
                span,
                &format!(
                    "`{}` in `every` has its value from a statement after it; write that statement before the `every`",
                    span.text()
                ),
            )?;
        }
        bind(&statement.literal, &mut known);
    }
    Ok(())
}

/// The variables of a statement, at any depth.
#[derive(Default)]
struct Inside<'a> {
    /// Those in the body of an `every`.
    mentioned: Vec<&'a Span>,
    declared: Names,
    /// How many `every` there are around what is looked at.
    depth: usize,
}

impl<'a> Inside<'a> {
    fn declare<'s>(&mut self, names: impl IntoIterator<Item = &'s Span>) {
        let names = names.into_iter().map(|name| name.text().to_owned());
        self.declared.extend(names);
    }

    fn pattern(&mut self, pattern: &Expr) {
        variables(pattern, &mut |name, _| {
            self.declared.insert(name.to_owned());
        });
    }

    fn query(&mut self, query: &'a Query) {
        for statement in &query.stmts {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &'a LiteralStmt) {
        match &statement.literal {
            Literal::Expr { expr, .. } => {
                if let Expr::AssignExpr {
                    op: AssignOp::ColEq,
                    lhs,
                    ..
                } = &**expr
                {
                    self.pattern(lhs);
                }
                self.expression(expr);
            }
            Literal::NotExpr { expr, .. } => self.expression(expr),
            Literal::SomeIn {
                key,
                value,
                collection,
                ..
            } => {
                for pattern in key.iter().chain([value]) {
                    self.pattern(pattern);
                }
                self.expression(collection);
            }
            Literal::Every {
                key,
                value,
                domain,
                query,
                ..
            } => {
                self.declare(key.iter().chain([value]));
                self.expression(domain);
                self.depth += 1;
                self.query(query);
                self.depth -= 1;
            }
            Literal::SomeVars { vars, .. } => self.declare(vars),
        }
        for modifier in &statement.with_mods {
            self.expression(&modifier.r#as);
        }
    }

    fn expression(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Var { span, .. } if self.depth > 0 => self.mentioned.push(span),
            _ => {
                let (parts, query) = inside(expression);
                for part in parts {
                    self.expression(part);
                }
                if let Some(query) = query {
                    self.query(query);
                }
            }
        }
    }
}
