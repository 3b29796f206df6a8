//! Statements to steps.

use std::collections::BTreeSet;

use regorus::unstable::{AssignOp, BoolOp, Expr, Literal, LiteralStmt, Query};

use super::expression::has_literal;
use super::lower::{Lower, Lowered, LoweredQuery};
use super::node::{Each, Every, Node, Pattern, Step, Within};
use super::origin::Mark;
use super::scope;

impl Lower<'_> {
    /// Lowers `query`, and then `end` with its variables.
    pub(super) fn query<T>(
        &mut self,
        query: &Query,
        end: impl FnOnce(&mut Self) -> Lowered<T>,
    ) -> LoweredQuery<T> {
        self.scope.enter();
        let outer = std::mem::take(&mut self.marks);
        let mut steps = Vec::new();
        let end = self
            .statements(query, &mut steps)
            .and_then(|()| end(self))
            .map_err(|left| {
                let reason = self.refer(left);
                steps.push(Step::Refer(reason));
                reason
            });
        self.scope.leave();
        LoweredQuery {
            steps: steps.into(),
            marks: std::mem::replace(&mut self.marks, outer).into(),
            end,
        }
    }

    fn statements(&mut self, query: &Query, steps: &mut Vec<Step>) -> Lowered<()> {
        for name in scope::declared(query) {
            if self.scope.declare(name).is_none() {
                return self.left(format!("`{name}` is declared twice"), &query.span);
            }
        }
        for name in scope::implied(query) {
            if !self.is_known(name) {
                self.scope.declare(name);
            }
        }
        let mut open: Vec<(usize, &LiteralStmt)> = query.stmts.iter().enumerate().collect();
        while !open.is_empty() {
            let next = open
                .iter()
                .position(|(_, statement)| self.is_ready(statement));
            let Some(next) = next else {
                return self.left("an order of its statements is not found", &query.span);
            };
            let (number, statement) = open.remove(next);
            let lowered = self.statement(statement, steps);
            self.marks.push(Mark::new(steps.len(), number));
            lowered?;
        }
        Ok(())
    }

    fn is_ready(&self, statement: &LiteralStmt) -> bool {
        let mut names = BTreeSet::new();
        scope::needs(statement, &mut names);
        // What a statement searches for itself, it has.
        if let Literal::Expr { expr, .. } = &statement.literal {
            let mut found = Vec::new();
            scope::index_names(expr, &mut found);
            for name in found {
                names.remove(name);
            }
        }
        if !self.scope.has(&names) {
            return false;
        }
        match &statement.literal {
            Literal::Expr { expr, .. } => match &**expr {
                Expr::AssignExpr {
                    op: AssignOp::Eq,
                    lhs,
                    rhs,
                    ..
                } => self.has_value(lhs) || self.has_value(rhs),
                _ => true,
            },
            _ => true,
        }
    }

    /// Whether each variable in a side of `=` has a value.
    fn has_value(&self, side: &Expr) -> bool {
        match side {
            Expr::Var { span, .. } => {
                span.text() != "_"
                    && self
                        .scope
                        .find(span.text())
                        .is_none_or(|slot| self.scope.is_bound(slot))
            }
            Expr::Array { items, .. } => items.iter().all(|item| self.has_value(item)),
            _ => true,
        }
    }

    fn statement(&mut self, statement: &LiteralStmt, steps: &mut Vec<Step>) -> Lowered<()> {
        if let Some(modifier) = statement.with_mods.first() {
            return self.left("`with`", &modifier.span);
        }
        match &statement.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn {
                key,
                value,
                collection,
                span,
            } => {
                let over = self.expression(collection, steps)?;
                let key = match key {
                    Some(key) => self.pattern(key)?,
                    None => Pattern::Any,
                };
                let value = self.pattern(value)?;
                steps.push(Step::Each(Box::new(Each {
                    key,
                    value,
                    over,
                    strict: Some(self.place(span)),
                })));
            }
            Literal::Expr { expr, .. } => self.test(expr, steps)?,
            Literal::NotExpr { expr, .. } => {
                let mut inner = Vec::new();
                self.test(expr, &mut inner)?;
                steps.push(Step::Not(inner.into()));
            }
            Literal::Every {
                key,
                value,
                domain,
                query,
                ..
            } => {
                let over = self.expression(domain, steps)?;
                self.scope.enter();
                let key = match key {
                    Some(key) => self.fresh(key.text()),
                    None => Pattern::Any,
                };
                let value = self.fresh(value.text());
                let body = self.query(query, |_| Ok(()));
                self.scope.leave();
                steps.push(Step::Every(Box::new(Every {
                    key,
                    value,
                    over,
                    steps: body.steps,
                })));
            }
        }
        Ok(())
    }

    fn test(&mut self, expression: &Expr, steps: &mut Vec<Step>) -> Lowered<()> {
        if let Expr::AssignExpr { op, lhs, rhs, .. } = expression {
            return self.assignment(op, lhs, rhs, steps);
        }
        if let Some((value, pattern)) = scope::walked(expression) {
            let over = self.walk(value, expression.span(), steps)?;
            let value = self.pattern(pattern)?;
            steps.push(Step::Each(Box::new(Each {
                key: Pattern::Any,
                value,
                over,
                strict: None,
            })));
            return Ok(());
        }
        let node = match self.expression(expression, steps)? {
            Node::Item {
                of,
                key,
                within: Within::Data,
            } => {
                let within = Within::DataOrRuledOut(self.place(expression.span()));
                Node::Item { of, key, within }
            }
            node => node,
        };
        steps.push(Step::Test(node));
        Ok(())
    }

    fn assignment(
        &mut self,
        op: &AssignOp,
        left: &Expr,
        right: &Expr,
        steps: &mut Vec<Step>,
    ) -> Lowered<()> {
        if *op == AssignOp::Eq && self.has_value(left) && self.has_value(right) {
            // Both are looked at, whatever comes of the first.
            let literal = has_literal(left, right);
            let (left, right) = self.pair(left, right, steps)?;
            steps.push(Step::Test(Node::Compare(
                BoolOp::Eq,
                Box::new(left),
                Box::new(right),
                literal,
            )));
            return Ok(());
        }
        let (pattern, value) = match op {
            AssignOp::Eq if self.has_value(left) => (right, left),
            _ => (left, right),
        };
        let value = self.expression(value, steps)?;
        let pattern = self.pattern(pattern)?;
        steps.push(Step::Match(pattern, value));
        Ok(())
    }

    /// A pattern whose variables get their values from what it fits.
    pub(super) fn pattern(&mut self, pattern: &Expr) -> Lowered<Pattern> {
        match pattern {
            Expr::Var { span, .. } if span.text() == "_" => Ok(Pattern::Any),
            Expr::Var { span, .. } => match self.scope.find(span.text()) {
                Some(slot) if self.scope.is_bound(slot) => Ok(Pattern::Equal(Node::Local(slot))),
                Some(slot) => {
                    self.scope.bind(slot);
                    Ok(Pattern::Bind(slot))
                }
                None => self.equal(pattern),
            },
            Expr::Array { items, .. } => Ok(Pattern::Array(
                items
                    .iter()
                    .map(|item| self.pattern(item))
                    .collect::<Lowered<_>>()?,
            )),
            Expr::Object { span, .. } => self.left("an object as a pattern", span),
            _ => self.equal(pattern),
        }
    }

    fn equal(&mut self, expression: &Expr) -> Lowered<Pattern> {
        let mut steps = Vec::new();
        let node = self.expression(expression, &mut steps)?;
        if steps.is_empty() {
            Ok(Pattern::Equal(node))
        } else {
            self.left("a search within a pattern", expression.span())
        }
    }

    /// A new variable of the innermost layer that has a value.
    fn fresh(&mut self, name: &str) -> Pattern {
        if name == "_" {
            return Pattern::Any;
        }
        match self.scope.declare(name) {
            Some(slot) => {
                self.scope.bind(slot);
                Pattern::Bind(slot)
            }
            None => Pattern::Any,
        }
    }
}
