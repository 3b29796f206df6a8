//! What a body of a rule may ask for.

use std::sync::Arc;

use regorus::unstable::{Expr, Literal, Module, Query, Rule, RuleHead};

use crate::negation::inside;
use crate::program::node::{GroupId, PackageId};
use crate::program::paths::{Leads, Paths, constant_path};
use crate::tree::{alias, components};

/// The rules and packages that are named somewhere, by whatever their names may mean there.
///
/// It is too many rather than too few: a variable that has the name of a rule counts as that rule.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    pub(super) groups: Vec<GroupId>,
    /// Those that are asked for as a whole, also where a name in one of them is computed.
    pub(super) packages: Vec<PackageId>,
    /// Whether it asks under another action, tool or type, or under other data; or for the package that it stands in, or
    /// for what cannot be followed.
    pub(super) elsewhere: bool,
}

/// What `rule` mentions, body by body. The head is part of the first: where there are others, they are for when that has no
/// value.
pub(super) fn of(rule: &Rule, module: &Module, paths: &Paths<'_>) -> Vec<Mentions> {
    let mut reader = Reader {
        module,
        package: constant_path(&module.package.refr).unwrap_or_default(),
        paths,
        mentions: Mentions::default(),
    };
    let (head, bodies) = match rule {
        Rule::Spec { head, bodies, .. } => (head, bodies.as_slice()),
        Rule::Default { refr, value, .. } => {
            reader.indexes(refr);
            reader.expression(value);
            return vec![reader.mentions];
        }
    };
    reader.head(head);
    let mut all = Vec::with_capacity(bodies.len().max(1));
    for (number, body) in bodies.iter().enumerate() {
        if number > 0 {
            all.push(std::mem::take(&mut reader.mentions));
        }
        if let Some(assign) = &body.assign {
            reader.expression(&assign.value);
        }
        reader.query(&body.query);
    }
    all.push(reader.mentions);
    all
}

struct Reader<'a> {
    module: &'a Module,
    package: Vec<Arc<str>>,
    paths: &'a Paths<'a>,
    mentions: Mentions,
}

impl Reader<'_> {
    fn head(&mut self, head: &RuleHead) {
        match head {
            RuleHead::Compr { refr, assign, .. } => {
                self.indexes(refr);
                if let Some(assign) = assign {
                    self.expression(&assign.value);
                }
            }
            RuleHead::Set { refr, key, .. } => {
                self.indexes(refr);
                if let Some(key) = key {
                    self.expression(key);
                }
            }
            RuleHead::Func {
                refr, args, assign, ..
            } => {
                self.indexes(refr);
                for argument in args {
                    self.expression(argument);
                }
                if let Some(assign) = assign {
                    self.expression(&assign.value);
                }
            }
        }
    }

    fn query(&mut self, query: &Query) {
        for statement in &query.stmts {
            for modifier in &statement.with_mods {
                if !is_harmless(&modifier.refr) {
                    self.mentions.elsewhere = true;
                }
                self.expression(&modifier.r#as);
            }
            match &statement.literal {
                Literal::SomeVars { vars, .. } => {
                    for name in vars {
                        self.named(&[name.text().to_owned()]);
                    }
                }
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
                Literal::Every {
                    key,
                    value,
                    domain,
                    query,
                    ..
                } => {
                    for name in key.iter().chain([value]) {
                        self.named(&[name.text().to_owned()]);
                    }
                    self.expression(domain);
                    self.query(query);
                }
            }
        }
    }

    fn expression(&mut self, expression: &Expr) {
        match expression {
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                let (path, _) = components(expression);
                self.named(&path);
                self.indexes(expression);
            }
            _ => {
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
    }

    /// What stands in the brackets of a reference, and what it begins with where that is no name.
    fn indexes(&mut self, reference: &Expr) {
        match reference {
            Expr::Var { .. } => {}
            Expr::RefDot { refr, .. } => self.indexes(refr),
            Expr::RefBrack { refr, index, .. } => {
                self.indexes(refr);
                self.expression(index);
            }
            other => self.expression(other),
        }
    }

    /// Adds everything that a name, and what comes after it, may mean.
    fn named(&mut self, path: &[String]) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        let parts = |path: &[String]| path.iter().map(|part| Arc::from(part.as_str())).collect();
        match first.as_str() {
            "input" => return,
            "data" => return self.follow(parts(rest)),
            _ => {}
        }
        let own: Vec<Arc<str>> = parts(path);
        self.follow([self.package.clone(), own].concat());
        for import in &self.module.imports {
            let (target, open) = components(&import.refr);
            if alias(import) != Some(first) {
                continue;
            }
            match target.split_first() {
                Some((root, below)) if root == "data" => {
                    let rest = if open.is_empty() { rest } else { &[] };
                    self.follow(
                        [below, rest]
                            .concat()
                            .iter()
                            .map(|part| Arc::from(part.as_str()))
                            .collect(),
                    );
                }
                Some((root, _)) if matches!(root.as_str(), "input" | "rego" | "future") => {}
                _ => self.mentions.elsewhere = true,
            }
        }
    }

    /// `path` is written without `data`.
    fn follow(&mut self, path: Vec<Arc<str>>) {
        match self.paths.follow(&path) {
            Leads::Rules(group, _) => self.mentions.groups.push(group),
            // Rules of one package that ask for all of it ask for themselves: what that comes to depends on their order.
            Leads::Package(_) if self.package.starts_with(&path) => self.mentions.elsewhere = true,
            Leads::Package(package) => self.mentions.packages.push(package),
            Leads::Data => {}
        }
    }
}

/// Whether `with` leaves all that the index looks at as it is.
fn is_harmless(target: &Expr) -> bool {
    let (path, _) = components(target);
    match path.as_slice() {
        [root, field, ..] => {
            root == "input" && !matches!(field.as_str(), "action" | "tool_name" | "event_type")
        }
        _ => false,
    }
}
