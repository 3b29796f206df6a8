//! Names of imports that lead into data.
//!
//! By a number, the interpreter finds a text among the keys of data where a reference begins with `data`, as OPA does, and
//! does not where it begins with the name of an import. So it is given the path that the name stands for.

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Literal, Module, Query, Rule, RuleHead};

use crate::negation::inside;
use crate::spelling;
use crate::tree::{alias, components};

/// The paths of the packages of a policy, and of the rules above them.
pub(crate) type Packages = Vec<Vec<String>>;

/// The packages of `modules`.
pub(crate) fn packages<'m>(modules: impl IntoIterator<Item = &'m Module>) -> Packages {
    let mut packages: Packages = modules
        .into_iter()
        .map(|module| components(&module.package.refr).0)
        .collect();
    packages.sort();
    packages.dedup();
    packages
}

/// Where names of imports begin a reference with a computed key, and what they stand for.
pub(super) fn names<'m>(module: &'m Module, packages: &Packages) -> Vec<(&'m Expr, &'m str)> {
    let text = module.package.span.source.contents();
    let mut reader = Reader::default();
    for import in &module.imports {
        let Some(path) = components(&import.refr)
            .0
            .split_first()
            .map(|(root, path)| {
                // What rules say is found by what they say alone.
                (root == "data" && !packages.iter().any(|package| overlap(package, path)))
                    .then_some(())
            })
        else {
            continue;
        };
        if let (Some(()), Some(alias)) = (path, alias(import)) {
            reader
                .imports
                .push((alias, spelling::of(text, &import.refr)));
        }
    }
    if reader.imports.is_empty() {
        return Vec::new();
    }
    module.policy.iter().for_each(|rule| reader.rule(rule));
    let (found, variables) = (reader.found, reader.variables);
    found
        .into_iter()
        // A variable may have the name as well: then it is left as it is.
        .filter(|(name, _)| !variables.contains(name.span().text()))
        .collect()
}

fn overlap(package: &[String], path: &[String]) -> bool {
    package.iter().zip(path).all(|(one, other)| one == other)
}

#[derive(Default)]
struct Reader<'m> {
    imports: Vec<(&'m str, &'m str)>,
    found: Vec<(&'m Expr, &'m str)>,
    /// Names that stand alone somewhere.
    variables: BTreeSet<&'m str>,
}

impl<'m> Reader<'m> {
    fn rule(&mut self, rule: &'m Rule) {
        let (head, bodies) = match rule {
            Rule::Spec { head, bodies, .. } => (head, bodies),
            Rule::Default { .. } => return,
        };
        match head {
            RuleHead::Compr { refr, assign, .. } => {
                self.indexes(refr);
                assign
                    .iter()
                    .for_each(|assign| self.expression(&assign.value));
            }
            RuleHead::Set { refr, key, .. } => {
                self.indexes(refr);
                key.iter().for_each(|key| self.expression(key));
            }
            RuleHead::Func { args, assign, .. } => {
                args.iter().for_each(|argument| self.expression(argument));
                assign
                    .iter()
                    .for_each(|assign| self.expression(&assign.value));
            }
        }
        for body in bodies {
            body.assign
                .iter()
                .for_each(|assign| self.expression(&assign.value));
            self.query(&body.query);
        }
    }

    fn query(&mut self, query: &'m Query) {
        for statement in &query.stmts {
            for modifier in &statement.with_mods {
                // What replaces a part of data by the name of an import keeps that name.
                if let Expr::Var { span, .. } = root(&modifier.refr) {
                    self.variables.insert(span.text());
                }
                self.expression(&modifier.r#as);
            }
            match &statement.literal {
                Literal::SomeVars { vars, .. } => {
                    self.variables.extend(vars.iter().map(|name| name.text()));
                }
                Literal::SomeIn {
                    key,
                    value,
                    collection,
                    ..
                } => {
                    key.iter().for_each(|key| self.expression(key));
                    self.expression(value);
                    self.expression(collection);
                }
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expression(expr),
                Literal::Every {
                    key,
                    value,
                    domain,
                    query,
                    ..
                } => {
                    let names = key.iter().chain([value]);
                    self.variables.extend(names.map(|name| name.text()));
                    self.expression(domain);
                    self.query(query);
                }
            }
        }
    }

    fn expression(&mut self, expression: &'m Expr) {
        match expression {
            Expr::Var { span, .. } => {
                self.variables.insert(span.text());
            }
            Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                let name = root(expression);
                match name {
                    Expr::Var { span, .. } => {
                        let import = self.imports.iter().find(|(alias, _)| *alias == span.text());
                        if let (Some((_, path)), false) =
                            (import, components(expression).1.is_empty())
                        {
                            self.found.push((name, path));
                        }
                    }
                    other => self.expression(other),
                }
                self.indexes(expression);
            }
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

    fn indexes(&mut self, reference: &'m Expr) {
        match reference {
            Expr::RefDot { refr, .. } => self.indexes(refr),
            Expr::RefBrack { refr, index, .. } => {
                self.indexes(refr);
                self.expression(index);
            }
            _ => {}
        }
    }
}

/// What a reference begins with.
fn root(reference: &Expr) -> &Expr {
    match reference {
        Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => root(refr),
        other => other,
    }
}
