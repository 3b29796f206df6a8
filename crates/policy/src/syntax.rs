//! What can be known of a Rego module before it runs. The only place that knows the interpreter's syntax tree.

use std::collections::BTreeSet;
use std::num::{NonZeroU32, NonZeroUsize};

use regorus::Source;
use regorus::unstable::{
    BUILTINS, Expr, Literal, Module as Tree, Parser, Query, Ref, Rule, RuleBody, RuleHead,
};

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

/// A module that parses: where its rules live.
#[derive(Debug)]
pub(crate) struct Outline {
    /// The package, as in `["kitelogik", "userpolicy"]`.
    pub(crate) package: Vec<String>,
    /// The full path of each rule, up to the first component that is no constant.
    pub(crate) rules: BTreeSet<Vec<String>>,
}

/// The outline of each module, in their order; or every problem of all of them.
pub(crate) fn outlines(modules: &[Module]) -> Result<Vec<Outline>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut trees = Vec::new();
    for module in modules {
        match parse(module) {
            Ok(tree) => trees.push((module, tree)),
            Err(problem) => problems.push(problem),
        }
    }
    let outlines: Vec<Outline> = trees.iter().map(|(_, tree)| outline(tree)).collect();
    let known: BTreeSet<String> = outlines
        .iter()
        .flat_map(|outline| outline.rules.iter().map(|rule| rule.join(".")))
        .collect();
    // A file that does not parse may hold the functions that the others call.
    let complete = problems.is_empty();
    for (module, tree) in &trees {
        let mut calls = Calls {
            module,
            package: path(&tree.package.refr).join("."),
            imports: imports(tree),
            known: complete.then_some(&known),
            problems: &mut problems,
        };
        for rule in &tree.policy {
            calls.rule(rule);
        }
    }
    if problems.is_empty() {
        Ok(outlines)
    } else {
        problems.sort();
        problems.dedup();
        Err(problems)
    }
}

/// The package of each module, in their order; or every problem of all of them.
#[cfg(feature = "bundle")]
pub(crate) fn packages(modules: &[Module]) -> Result<Vec<Vec<String>>, Vec<Problem>> {
    let mut packages = Vec::new();
    let mut problems = Vec::new();
    for module in modules {
        match parse(module) {
            Ok(tree) => packages.push(path(&tree.package.refr)),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(packages)
    } else {
        Err(problems)
    }
}

fn parse(module: &Module) -> Result<Tree, Problem> {
    let read = || {
        // How large a file may be is checked where it is read; a long reason makes a long line.
        let source = Source::from_contents_with_limits(
            module.name.clone(),
            module.text.clone(),
            NonZeroUsize::MAX,
            NonZeroUsize::MAX,
        )?;
        let mut parser = Parser::new(&source)?;
        parser.set_max_col(NonZeroU32::MAX);
        parser.enable_rego_v1()?;
        parser.parse()
    };
    read().map_err(|error| problem(module, &error.to_string()))
}

/// The interpreter's message is a drawing of several lines: `--> file:line:column`, the line, a caret, `error: …`.
fn problem(module: &Module, drawing: &str) -> Problem {
    let place = drawing
        .lines()
        .find_map(|line| line.strip_prefix("--> "))
        .and_then(|place| place.strip_prefix(module.name.as_str()))
        .map(|place| place.trim_start_matches(':'))
        .and_then(|place| {
            let (line, column) = place.split_once(':')?;
            Some((line.parse().ok()?, column.trim().parse().ok()?))
        });
    let message = drawing
        .lines()
        .find_map(|line| line.strip_prefix("error: "))
        .unwrap_or_else(|| {
            drawing
                .lines()
                .find(|line| !line.trim().is_empty())
                .unwrap_or("cannot be read")
        });
    let (line, column) = place.unwrap_or((0, 0));
    Problem {
        module: module.name.clone(),
        line,
        column,
        message: message.trim().to_owned(),
    }
}

fn outline(tree: &Tree) -> Outline {
    let package = path(&tree.package.refr);
    let rules = tree
        .policy
        .iter()
        .map(|rule| {
            let mut full = package.clone();
            full.extend(path(head(rule)));
            full
        })
        .collect();
    Outline { package, rules }
}

fn head(rule: &Rule) -> &Ref<Expr> {
    match rule {
        Rule::Default { refr, .. } => refr,
        Rule::Spec { head, .. } => match head {
            RuleHead::Compr { refr, .. }
            | RuleHead::Set { refr, .. }
            | RuleHead::Func { refr, .. } => refr,
        },
    }
}

/// The constant components a reference starts with.
fn path(reference: &Expr) -> Vec<String> {
    let mut components = Vec::new();
    collect(reference, &mut components);
    components
}

/// Whether all of `reference` is constant.
fn collect(reference: &Expr, components: &mut Vec<String>) -> bool {
    match reference {
        Expr::Var { span, .. } => {
            components.push(span.text().to_owned());
            true
        }
        Expr::RefDot { refr, field, .. } => {
            let constant = collect(refr, components);
            if constant {
                components.push(field.0.text().to_owned());
            }
            constant
        }
        Expr::RefBrack { refr, index, .. } => {
            if !collect(refr, components) {
                return false;
            }
            match index.as_ref() {
                Expr::String { value, .. } | Expr::RawString { value, .. } => {
                    match value.as_string() {
                        Ok(text) => {
                            components.push(text.to_string());
                            true
                        }
                        Err(_) => false,
                    }
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// What each imported name stands for, as in `("utils", "data.acme.utils")`.
fn imports(tree: &Tree) -> Vec<(String, String)> {
    tree.imports
        .iter()
        .filter_map(|import| {
            let target = path(&import.refr);
            let name = import
                .r#as
                .as_ref()
                .map(|name| name.text().to_owned())
                .or_else(|| target.last().cloned())?;
            Some((name, target.join(".")))
        })
        .collect()
}

/// Walks a module and notes each call that must not or cannot be made.
struct Calls<'a> {
    module: &'a Module,
    package: String,
    imports: Vec<(String, String)>,
    /// Every rule of the policy, without `data.`; `None` where not all of it could be read.
    known: Option<&'a BTreeSet<String>>,
    problems: &'a mut Vec<Problem>,
}

impl Calls<'_> {
    fn rule(&mut self, rule: &Rule) {
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
            column: span.col,
            message,
        });
    }
}
