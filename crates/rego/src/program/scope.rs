//! The variables of a rule, and what a statement needs of them.

use std::collections::{BTreeSet, HashMap};

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query};

use super::node::Slot;
use crate::negation::parts;

/// The variables of one rule, one layer for each query within another.
#[derive(Debug, Default)]
pub(super) struct Scope {
    layers: Vec<HashMap<String, Slot>>,
    bound: Vec<bool>,
    /// Every name that was declared, for people.
    names: Vec<(Box<str>, Slot)>,
}

impl Scope {
    pub(super) fn enter(&mut self) {
        self.layers.push(HashMap::new());
    }

    pub(super) fn leave(&mut self) {
        self.layers.pop();
    }

    /// How many slots there are.
    pub(super) fn slots(&self) -> usize {
        self.bound.len()
    }

    /// The names of all slots that have one.
    pub(super) fn take_names(&mut self) -> Box<[(Box<str>, Slot)]> {
        std::mem::take(&mut self.names).into()
    }

    /// A slot that has no name, with a value from where it is set.
    pub(super) fn unnamed(&mut self) -> Slot {
        self.bound.push(true);
        self.bound.len() - 1
    }

    /// A variable of the innermost layer, without a value. None where that layer has one of this name.
    pub(super) fn declare(&mut self, name: &str) -> Option<Slot> {
        let slot = self.bound.len();
        let layer = self.layers.last_mut()?;
        if layer.contains_key(name) {
            return None;
        }
        layer.insert(name.to_owned(), slot);
        self.names.push((name.into(), slot));
        self.bound.push(false);
        Some(slot)
    }

    pub(super) fn find(&self, name: &str) -> Option<Slot> {
        self.layers
            .iter()
            .rev()
            .find_map(|layer| layer.get(name))
            .copied()
    }

    pub(super) fn is_bound(&self, slot: Slot) -> bool {
        self.bound.get(slot).copied().unwrap_or(false)
    }

    pub(super) fn bind(&mut self, slot: Slot) {
        if let Some(bound) = self.bound.get_mut(slot) {
            *bound = true;
        }
    }

    /// Whether each variable among `names` has a value.
    pub(super) fn has(&self, names: &BTreeSet<&str>) -> bool {
        names
            .iter()
            .all(|name| self.find(name).is_none_or(|slot| self.is_bound(slot)))
    }
}

/// The names that `query` declares itself.
pub(super) fn declared(query: &Query) -> Vec<&str> {
    let mut names = Vec::new();
    for statement in &query.stmts {
        match &statement.literal {
            Literal::SomeVars { vars, .. } => names.extend(vars.iter().map(|var| var.text())),
            Literal::SomeIn { key, value, .. } => {
                for pattern in key.iter().chain([value]) {
                    pattern_names(pattern, &mut names);
                }
            }
            Literal::Expr { expr, .. } => {
                if let Expr::AssignExpr {
                    op: AssignOp::ColEq,
                    lhs,
                    ..
                } = &**expr
                {
                    pattern_names(lhs, &mut names);
                }
            }
            Literal::NotExpr { .. } | Literal::Every { .. } => {}
        }
    }
    names
}

/// Names that stand where a value may be looked for, and need no declaration: `xs[i]`, `x = 1`.
pub(super) fn implied(query: &Query) -> Vec<&str> {
    let mut names = Vec::new();
    for statement in &query.stmts {
        match &statement.literal {
            Literal::Expr { expr, .. } => {
                if let Expr::AssignExpr {
                    op: AssignOp::Eq,
                    lhs,
                    rhs,
                    ..
                } = &**expr
                {
                    pattern_names(lhs, &mut names);
                    pattern_names(rhs, &mut names);
                }
                index_names(expr, &mut names);
            }
            Literal::SomeIn { collection, .. } => index_names(collection, &mut names),
            Literal::Every { domain, .. } => index_names(domain, &mut names),
            Literal::SomeVars { .. } | Literal::NotExpr { .. } => {}
        }
        if let Literal::Expr { expr, .. } = &statement.literal
            && let Some(pattern) = walked(expr).map(|(_, pattern)| pattern)
        {
            pattern_names(pattern, &mut names);
        }
    }
    names
}

/// The value and the pattern of `walk(value, pattern)`.
pub(super) fn walked(expression: &Expr) -> Option<(&Expr, &Expr)> {
    match expression {
        Expr::Call { fcn, params, .. } => match (&**fcn, params.as_slice()) {
            (Expr::Var { span, .. }, [value, pattern]) if span.text() == "walk" => {
                Some((value, pattern))
            }
            _ => None,
        },
        _ => None,
    }
}

fn pattern_names<'a>(pattern: &'a Expr, names: &mut Vec<&'a str>) {
    match pattern {
        Expr::Var { span, .. } if span.text() != "_" => names.push(span.text()),
        Expr::Array { items, .. } => {
            for item in items {
                pattern_names(item, names);
            }
        }
        _ => {}
    }
}

/// The variables that stand as an index.
pub(super) fn index_names<'a>(expression: &'a Expr, names: &mut Vec<&'a str>) {
    if let Expr::RefBrack { index, .. } = expression {
        pattern_names(index, names);
    }
    for part in parts(expression) {
        index_names(part, names);
    }
}

/// What `statement` needs to have a value before it can be looked at.
pub(super) fn needs<'a>(statement: &'a LiteralStmt, names: &mut BTreeSet<&'a str>) {
    match &statement.literal {
        Literal::SomeVars { .. } => {}
        Literal::SomeIn { collection, .. } => expression_needs(collection, false, names),
        Literal::Expr { expr, .. } => match &**expr {
            Expr::AssignExpr {
                op: AssignOp::ColEq,
                rhs,
                ..
            } => expression_needs(rhs, false, names),
            // Either side may be what is looked for; which, is known when it is lowered.
            Expr::AssignExpr { lhs, rhs, .. } => {
                for side in [lhs, rhs] {
                    if !is_pattern(side) {
                        expression_needs(side, false, names);
                    }
                }
            }
            call => match walked(call) {
                Some((value, _)) => expression_needs(value, false, names),
                None => expression_needs(call, false, names),
            },
        },
        Literal::NotExpr { expr, .. } => expression_needs(expr, true, names),
        Literal::Every {
            key,
            value,
            domain,
            query,
            ..
        } => {
            expression_needs(domain, false, names);
            let mut own: Vec<&str> = key.iter().map(|key| key.text()).collect();
            own.push(value.text());
            query_needs(query, &[], &own, names);
        }
    }
}

pub(super) fn is_pattern(expression: &Expr) -> bool {
    matches!(expression, Expr::Var { .. } | Expr::Array { .. })
}

fn query_needs<'a>(
    query: &'a Query,
    terms: &[&'a Expr],
    own: &[&'a str],
    names: &mut BTreeSet<&'a str>,
) {
    let mut inner = BTreeSet::new();
    for statement in &query.stmts {
        match &statement.literal {
            Literal::Expr { expr, .. } => expression_needs(expr, true, &mut inner),
            _ => needs(statement, &mut inner),
        }
    }
    for term in terms {
        expression_needs(term, true, &mut inner);
    }
    let declared = declared(query);
    names.extend(
        inner
            .into_iter()
            .filter(|name| !declared.contains(name) && !own.contains(name)),
    );
}

/// What `expression` needs to have a value, other than what it searches for.
pub(super) fn needs_of<'a>(expression: &'a Expr, names: &mut BTreeSet<&'a str>) {
    expression_needs(expression, false, names);
}

/// `nested` where an index that has no value is not looked for.
fn expression_needs<'a>(expression: &'a Expr, nested: bool, names: &mut BTreeSet<&'a str>) {
    match expression {
        Expr::Var { span, .. } => {
            names.insert(span.text());
        }
        Expr::RefBrack { refr, index, .. } if matches!(**index, Expr::Var { .. }) && !nested => {
            expression_needs(refr, nested, names);
        }
        Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
            query_needs(query, &[term], &[], names);
        }
        Expr::ObjectCompr {
            key, value, query, ..
        } => query_needs(query, &[key, value], &[], names),
        other => {
            for part in parts(other) {
                expression_needs(part, nested, names);
            }
        }
    }
}
