//! A module as the checks see it: its rules, what names mean in it, and where everything stands.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Expr, Literal, Module as Tree, Query, Rule, RuleBody, RuleHead, Span};
use serde_json::Value;

use super::finding::{Code, Finding};
use crate::Module;
use crate::syntax::{head, imports, parse, path};

/// One module.
pub(super) struct Unit {
    pub(super) name: String,
    pub(super) tree: Tree,
    pub(super) package: Vec<String>,
    /// What each imported name stands for, without `data.`; `None` for what is not data.
    imports: BTreeMap<String, Vec<String>>,
    /// The first component of each rule's name in this package, in whatever module.
    pub(super) names: BTreeSet<String>,
    pub(super) builtin: bool,
    /// Whether it was compiled from YAML.
    pub(super) compiled: bool,
}

impl Unit {
    pub(super) fn of(module: &Module) -> Option<Self> {
        let tree = parse(module).ok()?;
        let imports = imports(&tree)
            .into_iter()
            .filter_map(|(name, target)| {
                let target = target.strip_prefix("data.")?;
                Some((name, target.split('.').map(str::to_owned).collect()))
            })
            .collect();
        Some(Self {
            name: module.name().to_owned(),
            package: path(&tree.package.refr),
            imports,
            names: BTreeSet::new(),
            builtin: module.is_builtin(),
            compiled: crate::rules::is_compiled(module.text()),
            tree,
        })
    }

    /// What `reference` refers to: under `data`, without that word. `locals` are not rules.
    pub(super) fn target(&self, reference: &Expr, locals: &BTreeSet<&str>) -> Option<Vec<String>> {
        let components = path(reference);
        let (first, rest) = components.split_first()?;
        if locals.contains(first.as_str()) {
            return None;
        }
        if first == "data" {
            return Some(rest.to_vec());
        }
        if let Some(target) = self.imports.get(first) {
            return Some([target.as_slice(), rest].concat());
        }
        let own = self.names.contains(first);
        own.then(|| [self.package.as_slice(), &components].concat())
    }

    pub(super) fn finding(&self, code: Code, at: &Expr, message: impl Into<String>) -> Finding {
        let (line, column) = place(at);
        Finding::at(code, &self.name, line, column, message)
    }
}

/// Where `expression` begins: the span of an operator, of a reference and of a call is elsewhere.
pub(super) fn place(expression: &Expr) -> (u32, u32) {
    match expression {
        Expr::BinExpr { lhs, .. }
        | Expr::BoolExpr { lhs, .. }
        | Expr::ArithExpr { lhs, .. }
        | Expr::AssignExpr { lhs, .. } => place(lhs),
        Expr::Membership { key, value, .. } => place(key.as_ref().unwrap_or(value)),
        Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => place(refr),
        Expr::Call { fcn, .. } => place(fcn),
        Expr::String { span, .. } | Expr::RawString { span, .. } => {
            let (line, column) = counted(span);
            (line, column.saturating_sub(1).max(1))
        }
        // Where its span starts depends on its fields; line and column do not.
        Expr::Object { span, .. } => (span.line, span.col),
        other => counted(other.span()),
    }
}

/// In characters, where the interpreter counts four for a tab.
fn counted(span: &Span) -> (u32, u32) {
    let before = span.source.contents().get(..span.start as usize);
    let line = before.map(|text| text.rsplit('\n').next().unwrap_or_default());
    let column = line.map_or(span.col as usize, |line| line.chars().count() + 1);
    (span.line, u32::try_from(column).unwrap_or(u32::MAX))
}

/// The full path of `rule`, up to the first component that is no constant.
pub(super) fn full_path(unit: &Unit, rule: &Rule) -> Vec<String> {
    [unit.package.as_slice(), &path(head(rule))].concat()
}

/// Whatever a rule is made of.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    Query(&'a Query),
    Expr(&'a Expr),
}

/// Calls `see` with every query and every expression of `rule`, the outer before the inner; the targets of `with` aside.
pub(super) fn walk<'a>(rule: &'a Rule, see: &mut dyn FnMut(Part<'a>)) {
    match rule {
        Rule::Default { value, .. } => expr(value, see),
        Rule::Spec { head, bodies, .. } => {
            match head {
                RuleHead::Compr { refr, assign, .. } => {
                    indexes(refr, see);
                    if let Some(assign) = assign {
                        expr(&assign.value, see);
                    }
                }
                RuleHead::Set { key, .. } => {
                    if let Some(key) = key {
                        expr(key, see);
                    }
                }
                RuleHead::Func { args, assign, .. } => {
                    for argument in args {
                        expr(argument, see);
                    }
                    if let Some(assign) = assign {
                        expr(&assign.value, see);
                    }
                }
            }
            for RuleBody { assign, query, .. } in bodies {
                if let Some(assign) = assign {
                    expr(&assign.value, see);
                }
                walk_query(query, see);
            }
        }
    }
}

/// What stands in the brackets of a head.
fn indexes<'a>(reference: &'a Expr, see: &mut dyn FnMut(Part<'a>)) {
    match reference {
        Expr::RefDot { refr, .. } => indexes(refr, see),
        Expr::RefBrack { refr, index, .. } => {
            indexes(refr, see);
            expr(index, see);
        }
        _ => {}
    }
}

pub(super) fn walk_query<'a>(query: &'a Query, see: &mut dyn FnMut(Part<'a>)) {
    see(Part::Query(query));
    for statement in &query.stmts {
        match &statement.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn {
                key,
                value,
                collection,
                ..
            } => {
                for part in key.iter().chain([value, collection]) {
                    expr(part, see);
                }
            }
            Literal::Expr { expr: inner, .. } | Literal::NotExpr { expr: inner, .. } => {
                expr(inner, see);
            }
            Literal::Every { domain, query, .. } => {
                expr(domain, see);
                walk_query(query, see);
            }
        }
        for modifier in &statement.with_mods {
            expr(&modifier.r#as, see);
        }
    }
}

fn expr<'a>(expression: &'a Expr, see: &mut dyn FnMut(Part<'a>)) {
    see(Part::Expr(expression));
    match expression {
        Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
            expr(term, see);
            walk_query(query, see);
        }
        Expr::ObjectCompr {
            key, value, query, ..
        } => {
            expr(key, see);
            expr(value, see);
            walk_query(query, see);
        }
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            for item in items {
                expr(item, see);
            }
        }
        Expr::Object { fields, .. } => {
            for (_, key, value) in fields {
                expr(key, see);
                expr(value, see);
            }
        }
        Expr::Call { params, .. } => {
            for parameter in params {
                expr(parameter, see);
            }
        }
        Expr::UnaryExpr { expr: inner, .. } => expr(inner, see),
        Expr::RefDot { refr, .. } => inner_reference(refr, see),
        Expr::RefBrack { refr, index, .. } => {
            inner_reference(refr, see);
            expr(index, see);
        }
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => {
            expr(lhs, see);
            expr(rhs, see);
        }
        Expr::Membership {
            key,
            value,
            collection,
            ..
        } => {
            for part in key.iter().chain([value, collection]) {
                expr(part, see);
            }
        }
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. }
        | Expr::Var { .. } => {}
    }
}

/// The beginning of a reference is not seen again as a reference of its own.
fn inner_reference<'a>(reference: &'a Expr, see: &mut dyn FnMut(Part<'a>)) {
    match reference {
        Expr::RefDot { refr, .. } => inner_reference(refr, see),
        Expr::RefBrack { refr, index, .. } => {
            inner_reference(refr, see);
            expr(index, see);
        }
        Expr::Var { .. } => {}
        other => expr(other, see),
    }
}

/// The names that are bound within `rule`: arguments, `some`, `:=`, `every`.
pub(super) fn locals(rule: &Rule) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    if let Rule::Spec {
        head: RuleHead::Func { args, .. },
        ..
    } = rule
    {
        for argument in args {
            variables(argument, &mut names);
        }
    }
    walk(rule, &mut |part| match part {
        Part::Expr(Expr::AssignExpr {
            op: regorus::unstable::AssignOp::ColEq,
            lhs,
            ..
        }) => variables(lhs, &mut names),
        Part::Expr(_) => {}
        Part::Query(query) => {
            for statement in &query.stmts {
                match &statement.literal {
                    Literal::SomeVars { vars, .. } => {
                        names.extend(vars.iter().map(|name| name.text()));
                    }
                    Literal::SomeIn { key, value, .. } => {
                        for pattern in key.iter().chain([value]) {
                            variables(pattern, &mut names);
                        }
                    }
                    Literal::Every { key, value, .. } => {
                        names.extend(key.iter().map(|name| name.text()));
                        names.insert(value.text());
                    }
                    Literal::Expr { .. } | Literal::NotExpr { .. } => {}
                }
            }
        }
    });
    names
}

fn variables<'a>(pattern: &'a Expr, names: &mut BTreeSet<&'a str>) {
    match pattern {
        Expr::Var { span, .. } => {
            names.insert(span.text());
        }
        Expr::Array { items, .. } => {
            for item in items {
                variables(item, names);
            }
        }
        Expr::Object { fields, .. } => {
            for (_, _, value) in fields {
                variables(value, names);
            }
        }
        _ => {}
    }
}

/// The value of a constant.
pub(super) fn constant(expression: &Expr) -> Option<Value> {
    match expression {
        Expr::String { value, .. }
        | Expr::RawString { value, .. }
        | Expr::Number { value, .. }
        | Expr::Bool { value, .. }
        | Expr::Null { value, .. } => serde_json::to_value(value).ok(),
        Expr::UnaryExpr { expr, .. } => match constant(expr)? {
            Value::Number(number) => {
                let negative = number
                    .as_i64()
                    .and_then(i64::checked_neg)
                    .map(serde_json::Number::from)
                    .or_else(|| serde_json::Number::from_f64(-number.as_f64()?))?;
                Some(Value::Number(negative))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The members of a set or an array of constants.
pub(super) fn constants(expression: &Expr) -> Option<Vec<Value>> {
    match expression {
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            items.iter().map(|item| constant(item)).collect()
        }
        _ => None,
    }
}

/// `expression` as it is written, on one line.
pub(super) fn written(expression: &Expr) -> String {
    let span = expression.span();
    let (start, end) = (span.start as usize, span.end as usize);
    let source = span.source.contents();
    let mut text = source.get(start..end).unwrap_or_default().to_owned();
    // Spans leave out the quotes of a string that begins or ends them.
    let is_string = matches!(expression, Expr::String { .. } | Expr::RawString { .. });
    if is_string {
        text = format!("\"{text}\"");
    } else if text.matches('"').count() % 2 == 1 {
        match source.get(start.saturating_sub(1)..start) {
            Some("\"") if source.get(end..=end) != Some("\"") => text.insert(0, '"'),
            _ => text.push('"'),
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
