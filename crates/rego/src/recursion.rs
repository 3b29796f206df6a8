//! Functions that call themselves.
//!
//! OPA refuses them when it compiles. Here, one would run until the stack of its thread is full,
//! which ends the process: no limit on time comes first. (Rules that depend on themselves are an
//! evaluation error already.)

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use regorus::unstable::{Expr, Literal, Module, Query, Ref, Rule, RuleBody, RuleHead, Span};

use crate::negation::inside;

type Path = Vec<String>;

/// A function that can reach itself by calls, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecursiveFunction {
    /// Its path without `data.`, as in `kitelogik.userpolicy.depth`.
    pub function: String,
    /// The name of its module.
    pub module: String,
    /// The line of its head, from 1.
    pub line: u32,
    /// The column of its head, from 1.
    pub column: u32,
}

impl fmt::Display for RecursiveFunction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}:{}:{}: the function `{}` calls itself; Rego has no recursion: write it as a rule over `walk` or a \
             comprehension",
            self.module, self.line, self.column, self.function
        )
    }
}

/// A function of `modules` that can reach itself by calls, if there is one.
pub fn recursive_function(modules: &[Ref<Module>]) -> Option<RecursiveFunction> {
    let mut calls: BTreeMap<Path, BTreeSet<Path>> = BTreeMap::new();
    let mut heads: BTreeMap<Path, &Span> = BTreeMap::new();
    for module in modules {
        let names = Names::of(module);
        for rule in &module.policy {
            if let Rule::Spec { head, bodies, .. } = &**rule
                && let RuleHead::Func { refr, assign, .. } = head
                && let Some(name) = path(refr)
            {
                heads.entry(names.in_package(&name)).or_insert(refr.span());
                let called = calls.entry(names.in_package(&name)).or_default();
                let mut seen = Seen {
                    names: &names,
                    paths: called,
                };
                if let Some(assign) = assign {
                    seen.expression(&assign.value);
                }
                for body in bodies {
                    seen.body(body);
                }
            }
        }
    }
    let function = calls
        .keys()
        .find(|function| reaches_itself(&calls, function))?;
    let head = heads.get(function)?;
    Some(RecursiveFunction {
        function: function.join("."),
        module: head.source.get_path().to_string(),
        line: head.line,
        column: head.col,
    })
}

fn reaches_itself(calls: &BTreeMap<Path, BTreeSet<Path>>, function: &Path) -> bool {
    let mut reached = BTreeSet::new();
    let mut open = vec![function];
    while let Some(caller) = open.pop() {
        for called in calls.get(caller).into_iter().flatten() {
            if called == function {
                return true;
            }
            if reached.insert(called) {
                open.push(called);
            }
        }
    }
    false
}

/// What names mean in one module.
struct Names {
    package: Path,
    imports: BTreeMap<String, Path>,
}

impl Names {
    fn of(module: &Module) -> Self {
        let imports = module.imports.iter().filter_map(|import| {
            let target = path(&import.refr)?;
            let alias = match &import.r#as {
                Some(alias) => alias.text().to_owned(),
                None => target.last()?.clone(),
            };
            Some((alias, target.into_iter().skip(1).collect()))
        });
        Self {
            package: path(&module.package.refr).unwrap_or_default(),
            imports: imports.collect(),
        }
    }

    fn in_package(&self, name: &[String]) -> Path {
        [self.package.as_slice(), name].concat()
    }

    /// Everything that a reference can mean; too much does no harm but where it closes a circle.
    fn meanings(&self, reference: &[String]) -> Vec<Path> {
        let mut meanings = vec![self.in_package(reference)];
        if let Some((first, rest)) = reference.split_first() {
            if first == "data" {
                meanings.push(rest.to_vec());
            }
            if let Some(target) = self.imports.get(first) {
                meanings.push([target.as_slice(), rest].concat());
            }
        }
        meanings
    }
}

/// `a.b["c"]` as its parts, where all of them are known.
fn path(expression: &Expr) -> Option<Path> {
    match expression {
        Expr::Var { span, .. } => Some(vec![span.text().to_owned()]),
        Expr::RefDot { refr, field, .. } => {
            let mut parts = path(refr)?;
            parts.push(field.0.text().to_owned());
            Some(parts)
        }
        Expr::RefBrack { refr, index, .. } => {
            let mut parts = path(refr)?;
            match &**index {
                Expr::String { value, .. } | Expr::RawString { value, .. } => {
                    parts.push(value.as_string().ok()?.to_string());
                    Some(parts)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// Gathers every reference in a function: called, or handed to a `with`.
struct Seen<'a> {
    names: &'a Names,
    paths: &'a mut BTreeSet<Path>,
}

impl Seen<'_> {
    fn body(&mut self, body: &RuleBody) {
        if let Some(assign) = &body.assign {
            self.expression(&assign.value);
        }
        self.query(&body.query);
    }

    fn query(&mut self, query: &Query) {
        for statement in &query.stmts {
            for modifier in &statement.with_mods {
                self.expression(&modifier.refr);
                self.expression(&modifier.r#as);
            }
            match &statement.literal {
                Literal::SomeVars { .. } => {}
                Literal::SomeIn {
                    key,
                    value,
                    collection,
                    ..
                } => {
                    if let Some(key) = key {
                        self.expression(key);
                    }
                    self.expression(value);
                    self.expression(collection);
                }
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expression(expr),
                Literal::Every { domain, query, .. } => {
                    self.expression(domain);
                    self.query(query);
                }
            }
        }
    }

    fn expression(&mut self, expression: &Expr) {
        if let Some(reference) = path(expression) {
            self.paths.extend(self.names.meanings(&reference));
            return;
        }
        if let Expr::Call { fcn, .. } = expression {
            self.expression(fcn);
        }
        let (parts, query) = inside(expression);
        for part in parts {
            self.expression(part);
        }
        if let Some(query) = query {
            self.query(query);
        }
    }
}
