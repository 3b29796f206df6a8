//! The calls in a module: which of them must not or cannot be made.

use std::collections::BTreeSet;

use regorus::unstable::{BUILTINS, Expr, Literal, Query, Ref, Rule, RuleBody, RuleHead};

use super::parse::column;
use super::reference::collect;
use crate::Module;
use crate::error::Problem;

/// Functions that reach outside of input and data, and why a policy may not call them.
const OUTSIDE: [(&str, &str); 4] = [
    (
        "http.send",
        "sends requests from within a decision; put what it fetches into data or into the session's context",
    ),
    (
        "net.lookup_ip_addr",
        "asks the network from within a decision; put what it finds into data",
    ),
    (
        "opa.runtime",
        "reads the server's environment; put what it tells into data",
    ),
    (
        "rego.parse_module",
        "loads code from within a decision; put it into a module",
    ),
];

/// Walks a module and notes each call that must not or cannot be made.
pub(super) struct Calls<'a> {
    pub(super) module: &'a Module,
    pub(super) package: String,
    pub(super) imports: Vec<(String, String)>,
    /// Every rule of the policy, without `data.`; `None` where not all of it could be read.
    pub(super) known: Option<&'a BTreeSet<String>>,
    pub(super) problems: &'a mut Vec<Problem>,
}

impl Calls<'_> {
    pub(super) fn rule(&mut self, rule: &Rule) {
        match rule {
            Rule::Default { args, value, .. } => {
                self.all(args);
                self.expr(value);
            }
            Rule::Spec { head, bodies, .. } => {
                match head {
                    RuleHead::Compr { refr, assign, .. } => {
                        self.expr(refr);
                        if let Some(assign) = assign {
                            self.expr(&assign.value);
                        }
                    }
                    RuleHead::Set { refr, key, .. } => {
                        self.expr(refr);
                        if let Some(key) = key {
                            self.expr(key);
                        }
                    }
                    RuleHead::Func {
                        refr, args, assign, ..
                    } => {
                        self.expr(refr);
                        self.all(args);
                        if let Some(assign) = assign {
                            self.expr(&assign.value);
                        }
                    }
                }
                for RuleBody { assign, query, .. } in bodies {
                    if let Some(assign) = assign {
                        self.expr(&assign.value);
                    }
                    self.query(query);
                }
            }
        }
    }

    fn query(&mut self, query: &Query) {
        for statement in &query.stmts {
            match &statement.literal {
                Literal::SomeVars { .. } => {}
                Literal::SomeIn {
                    key,
                    value,
                    collection,
                    ..
                } => {
                    if let Some(key) = key {
                        self.expr(key);
                    }
                    self.expr(value);
                    self.expr(collection);
                }
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expr(expr),
                Literal::Every { domain, query, .. } => {
                    self.expr(domain);
                    self.query(query);
                }
            }
            for with in &statement.with_mods {
                self.mention(&with.refr);
                self.mention(&with.r#as);
                self.expr(&with.r#as);
            }
        }
    }

    fn all(&mut self, expressions: &[Ref<Expr>]) {
        for expression in expressions {
            self.expr(expression);
        }
    }

    fn expr(&mut self, expression: &Expr) {
        match expression {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. }
            | Expr::Var { .. } => {}
            Expr::Array { items, .. } | Expr::Set { items, .. } => self.all(items),
            Expr::Object { fields, .. } => {
                for (_, key, value) in fields {
                    self.expr(key);
                    self.expr(value);
                }
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expr(term);
                self.query(query);
            }
            Expr::ObjectCompr {
                key, value, query, ..
            } => {
                self.expr(key);
                self.expr(value);
                self.query(query);
            }
            Expr::Call { fcn, params, .. } => {
                self.call(fcn);
                self.all(params);
            }
            Expr::UnaryExpr { expr, .. } => self.expr(expr),
            Expr::RefDot { refr, .. } => self.expr(refr),
            Expr::RefBrack { refr, index, .. } => {
                self.expr(refr);
                self.expr(index);
            }
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. }
            | Expr::AssignExpr { lhs, rhs, .. } => {
                self.expr(lhs);
                self.expr(rhs);
            }
            Expr::Membership {
                key,
                value,
                collection,
                ..
            } => {
                if let Some(key) = key {
                    self.expr(key);
                }
                self.expr(value);
                self.expr(collection);
            }
        }
    }

    /// A function may be named without being called: `with count as http.send`.
    fn mention(&mut self, reference: &Expr) {
        let mut name = Vec::new();
        if collect(reference, &mut name) {
            self.refuse_outside(reference, &name.join("."));
        }
    }

    fn call(&mut self, function: &Expr) {
        let mut components = Vec::new();
        if !collect(function, &mut components) {
            self.report(function, "call a function by its name".to_owned());
            return;
        }
        let name = components.join(".");
        if self.refuse_outside(function, &name)
            || BUILTINS.contains_key(name.as_str())
            || name == "print"
        {
            return;
        }
        let Some(known) = self.known else { return };
        let local = format!("{}.{name}", self.package);
        let imported = components.split_first().and_then(|(first, rest)| {
            let (_, target) = self.imports.iter().find(|(alias, _)| alias == first)?;
            let mut full = vec![target.strip_prefix("data.").unwrap_or(target)];
            full.extend(rest.iter().map(String::as_str));
            Some(full.join("."))
        });
        let absolute = name.strip_prefix("data.").unwrap_or_default();
        let found = known.contains(&local)
            || known.contains(absolute)
            || imported.is_some_and(|full| known.contains(&full));
        if !found {
            self.report(
                function,
                format!("unknown function `{name}`: no rule of that name, and the embedded engine has none built in"),
            );
        }
    }

    fn refuse_outside(&mut self, place: &Expr, name: &str) -> bool {
        let Some((_, why)) = OUTSIDE.iter().find(|(outside, _)| *outside == name) else {
            return false;
        };
        self.report(
            place,
            format!("`{name}` is not allowed in a policy: it {why}"),
        );
        true
    }

    fn report(&mut self, place: &Expr, message: String) {
        let span = place.span();
        self.problems.push(Problem {
            module: self.module.name.clone(),
            line: span.line,
            column: column(&self.module.text, span.line, span.col),
            message,
        });
    }
}
