//! What the interpreter would read otherwise than OPA, refused when modules are loaded.
//!
//! A variable under `not` that nothing else binds: OPA refuses it, the interpreter would look for *some* value for which
//! the statement does not hold. A variable in `every` that has its value from a later statement. `walk` other than as a
//! statement of its own, or the name of something else; functions of the policy replaced by `with`, and built-ins that are not
//! offered.

mod every;

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use regorus::unstable::{
    Expr, Import, Literal, LiteralStmt, Module, Query, Rule, RuleBody, RuleHead, Span,
};

use super::builtins::REFUSED;
use super::negation::{inside, parts};
use super::tree::{self, components, reference};

/// Fails with `file:line:column: what`, and what to write instead, for the first that is refused.
pub(crate) fn check<'a>(modules: impl IntoIterator<Item = &'a Module> + Clone) -> Result<()> {
    let functions = functions(modules.clone());
    for module in modules.clone() {
        let package = package(module);
        named_walk(module)?;
        let mut known: Names = ["input", "data"].map(str::to_owned).into();
        for other in modules.clone() {
            if self::package(other) == package {
                known.extend(
                    other
                        .policy
                        .iter()
                        .filter_map(|rule| first(reference(rule))),
                );
            }
        }
        known.extend(module.imports.iter().filter_map(alias));
        let checker = Checker {
            functions: &functions,
            imports: &module.imports,
            package: &package,
            negates_bodies: tree::negates_bodies(module),
        };
        for rule in &module.policy {
            checker.rule(rule, &known)?;
        }
    }
    Ok(())
}

/// What a call of `walk` is, is told by its name.
fn named_walk(module: &Module) -> Result<()> {
    let rules = module.policy.iter().map(|rule| reference(rule));
    let rule = rules
        .filter(|name| first(name).as_deref() == Some("walk"))
        .map(Expr::span);
    let imports = module.imports.iter();
    let import = imports
        .filter(|import| alias(import).as_deref() == Some("walk"))
        .map(|import| import.refr.span());
    match rule.chain(import).next() {
        Some(span) => refuse(
            span,
            "`walk` is the name of a built-in; give this another name",
        ),
        None => Ok(()),
    }
}

type Names = BTreeSet<String>;

fn package(module: &Module) -> Vec<String> {
    components(&module.package.refr).0
}

fn first(reference: &Expr) -> Option<String> {
    components(reference).0.into_iter().next()
}

fn alias(import: &Import) -> Option<String> {
    match &import.r#as {
        Some(alias) => Some(alias.text().to_owned()),
        None => components(&import.refr).0.pop(),
    }
}

/// The full paths of all functions, `data` included.
fn functions<'a>(modules: impl IntoIterator<Item = &'a Module>) -> BTreeSet<Vec<String>> {
    let mut functions = BTreeSet::new();
    for module in modules {
        for rule in &module.policy {
            if let Rule::Spec {
                head: RuleHead::Func { refr, .. },
                ..
            } = &**rule
            {
                functions.insert(in_package(&package(module), components(refr).0));
            }
        }
    }
    functions
}

fn in_package(package: &[String], name: Vec<String>) -> Vec<String> {
    let package = package.iter().cloned();
    ["data".to_owned()]
        .into_iter()
        .chain(package)
        .chain(name)
        .collect()
}

struct Checker<'a> {
    functions: &'a BTreeSet<Vec<String>>,
    imports: &'a [Import],
    package: &'a [String],
    negates_bodies: bool,
}

impl Checker<'_> {
    fn rule(&self, rule: &Rule, known: &Names) -> Result<()> {
        let (head, bodies) = match rule {
            Rule::Spec { head, bodies, .. } => (head, bodies),
            Rule::Default { value, .. } => return self.expression(value, known),
        };
        let mut known = known.clone();
        if let RuleHead::Func { args, .. } = head {
            for argument in args {
                variables(argument, &mut |name, _| {
                    known.insert(name.to_owned());
                });
            }
        }
        let value = match head {
            RuleHead::Compr { assign, .. } | RuleHead::Func { assign, .. } => {
                assign.as_ref().map(|assign| &assign.value)
            }
            RuleHead::Set { key, .. } => key.as_ref(),
        };
        if let Some(value) = value {
            self.expression(value, &known)?;
        }
        for RuleBody { assign, query, .. } in bodies {
            if let Some(assign) = assign {
                self.expression(&assign.value, &known)?;
            }
            self.query(query, &known)?;
        }
        Ok(())
    }

    fn query(&self, query: &Query, known: &Names) -> Result<()> {
        every::check(query, known)?;
        let mut known = known.clone();
        for statement in &query.stmts {
            bind(&statement.literal, &mut known);
        }
        query
            .stmts
            .iter()
            .try_for_each(|statement| self.statement(statement, &known))
    }

    fn statement(&self, statement: &LiteralStmt, known: &Names) -> Result<()> {
        for modifier in &statement.with_mods {
            self.replaced(&modifier.refr)?;
            self.expression(&modifier.r#as, known)?;
        }
        match &statement.literal {
            Literal::NotExpr { expr, .. } => {
                if self.negates_bodies && is_braced(expr) {
                    refuse(
                        expr.span(),
                        "`not` of several statements in braces; write a rule for them, and `not` of that rule",
                    )?;
                }
                if is_unification(expr) {
                    refuse(expr.span(), "`=` of a variable under `not`; write `==`")?;
                }
                bound(expr, known)?;
                for modifier in &statement.with_mods {
                    bound(&modifier.r#as, known)?;
                }
                self.expression(expr, known)
            }
            Literal::Expr { expr, .. } => match &**expr {
                Expr::Call { fcn, params, .. } if is_walk(fcn) && params.len() == 2 => params
                    .iter()
                    .try_for_each(|parameter| self.expression(parameter, known)),
                expression => self.expression(expression, known),
            },
            Literal::SomeIn { collection, .. } => self.expression(collection, known),
            Literal::Every {
                key,
                value,
                domain,
                query,
                ..
            } => {
                self.expression(domain, known)?;
                let mut known = known.clone();
                known.extend(key.iter().chain([value]).map(|name| name.text().to_owned()));
                self.query(query, &known)
            }
            Literal::SomeVars { .. } => Ok(()),
        }
    }

    fn expression(&self, expression: &Expr, known: &Names) -> Result<()> {
        if let Expr::Call { fcn, .. } = expression {
            self.called(fcn)?;
        }
        let (parts, query) = inside(expression);
        for part in parts {
            self.expression(part, known)?;
        }
        query.map_or(Ok(()), |query| self.query(query, known))
    }

    fn called(&self, function: &Expr) -> Result<()> {
        if is_walk(function) {
            refuse(
                function.span(),
                "`walk` must be a statement of its own: write `walk(x, [path, value])`",
            )?;
        }
        let name = components(function).0.join(".");
        match REFUSED.iter().find(|(refused, ..)| *refused == name) {
            Some((name, _, reason)) => refuse(function.span(), &format!("`{name}` {reason}")),
            None => Ok(()),
        }
    }

    /// The interpreter replaces calls that are spelled as the target is, and no others.
    fn replaced(&self, target: &Expr) -> Result<()> {
        let mut path = components(target).0;
        let import = self
            .imports
            .iter()
            .find(|import| alias(import).as_ref() == path.first());
        if let Some(import) = import {
            let mut whole = components(&import.refr).0;
            whole.extend(path.into_iter().skip(1));
            path = whole;
        }
        let shown = path.join(".");
        let function = match path.first().map(String::as_str) {
            Some("data") => self.functions.contains(&path),
            _ => self.functions.contains(&in_package(self.package, path)),
        };
        if function {
            return refuse(
                target.span(),
                &format!(
                    "`with` cannot replace the function `{shown}`; replace the `input` or `data` that it reads, or give it \
                     the value as an argument"
                ),
            );
        }
        Ok(())
    }
}

/// What may give a value to a variable before the statement that it has its value from.
fn is_unification(negated: &Expr) -> bool {
    let is_variable = |side: &Expr| matches!(side, Expr::Var { span, .. } if !matches!(span.text(), "input" | "data"));
    match negated {
        Expr::AssignExpr { lhs, rhs, .. } => is_variable(lhs) || is_variable(rhs),
        _ => false,
    }
}

/// What `import future.keywords.not` makes a body, and the interpreter a set or object.
fn is_braced(negated: &Expr) -> bool {
    matches!(
        negated,
        Expr::Set { .. } | Expr::Object { .. } | Expr::SetCompr { .. } | Expr::ObjectCompr { .. }
    )
}

pub(crate) fn is_walk(function: &Expr) -> bool {
    matches!(function, Expr::Var { span, .. } if span.text() == "walk")
}

/// Adds the variables that a statement gives values to.
fn bind(literal: &Literal, known: &mut Names) {
    let mut add = |name: &str, _: &Span| {
        known.insert(name.to_owned());
    };
    match literal {
        Literal::SomeIn {
            key,
            value,
            collection,
            ..
        } => {
            for pattern in key.iter().chain([value]) {
                variables(pattern, &mut add);
            }
            looked_up(collection, &mut add);
        }
        Literal::Expr { expr, .. } => {
            match &**expr {
                Expr::AssignExpr { lhs, rhs, .. } => {
                    pattern(lhs, &mut add);
                    pattern(rhs, &mut add);
                }
                Expr::Call { fcn, params, .. } if is_walk(fcn) => {
                    if let Some(output) = params.get(1) {
                        pattern(output, &mut add);
                    }
                }
                _ => {}
            }
            looked_up(expr, &mut add);
        }
        Literal::Every { domain, .. } => looked_up(domain, &mut add),
        Literal::NotExpr { .. } | Literal::SomeVars { .. } => {}
    }
}

/// The variables of a pattern: those that stand alone, in lists and in values of objects.
fn pattern<'a>(expression: &'a Expr, add: &mut impl FnMut(&'a str, &'a Span)) {
    match expression {
        Expr::Var { span, .. } => add(span.text(), span),
        Expr::Array { items, .. } => items.iter().for_each(|item| pattern(item, add)),
        Expr::Object { fields, .. } => fields.iter().for_each(|(_, _, value)| pattern(value, add)),
        _ => {}
    }
}

/// The variables that stand in the brackets of a reference: they take each key in turn.
fn looked_up<'a>(expression: &'a Expr, add: &mut impl FnMut(&'a str, &'a Span)) {
    if let Expr::RefBrack { index, .. } = expression {
        pattern(index, add);
    }
    for part in parts(expression) {
        looked_up(part, add);
    }
}

/// All variables outside of comprehensions.
fn variables<'a>(expression: &'a Expr, add: &mut impl FnMut(&'a str, &'a Span)) {
    if let Expr::Var { span, .. } = expression {
        add(span.text(), span);
    }
    for part in parts(expression) {
        variables(part, add);
    }
}

fn bound(negated: &Expr, known: &Names) -> Result<()> {
    let mut unbound = None;
    variables(negated, &mut |name, span| {
        if name == "_" || !known.contains(name) {
            unbound.get_or_insert(span);
        }
    });
    match unbound {
        Some(span) if span.text() == "_" => refuse(
            span,
            "`_` under `not` has no value; write `every x in … { not … }`, or `count({x | some x in …; …}) == 0`",
        ),
        Some(span) => refuse(
            span,
            &format!(
                "`{name}` under `not` has no value; give it one outside of the `not`, as in `some {name} in …`, or write \
                 `every {name} in … {{ not … }}`",
                name = span.text()
            ),
        ),
        None => Ok(()),
    }
}

pub(crate) fn refuse(span: &Span, what: &str) -> Result<()> {
    // As the interpreter tells places, and with nothing that ends a line.
    let place = format!("{}:{}:{}", span.source.file(), span.line, span.col);
    bail!("--> {place}\nerror: {what}")
}
