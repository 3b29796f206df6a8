//! What `with` replaces documents by.
//!
//! The interpreter evaluates that when it has begun to replace them, and takes the rules that it asks for there for known,
//! without their values: in `allowed with input.role as data.roles.default`, `data.roles.default` would be undefined for `allowed`.
//! So what OPA does when it compiles is done to the text before it is parsed: `role := data.roles.default; allowed with input.role
//! as role`.

use regorus::unstable::{Expr, Literal, LiteralStmt, Module, Query, Rule, RuleHead};

use crate::negation::inside;
use crate::results::Operands;
use crate::spelling::{self, Edit};
use crate::tree;

/// The text of `module` with names for what documents are replaced by. One of the `functions` that takes the place of another
/// stays where it is.
pub(super) fn rewrite(module: &Module, functions: &Operands) -> String {
    let text = module.package.span.source.contents();
    let mut rewriter = Rewriter {
        module,
        text,
        functions,
        edits: Vec::new(),
        values: 0,
    };
    for rule in &module.policy {
        rewriter.rule(rule);
    }
    spelling::edited(text, 0..text.len(), rewriter.edits)
}

struct Rewriter<'a> {
    module: &'a Module,
    text: &'a str,
    functions: &'a Operands,
    edits: Vec<Edit>,
    values: usize,
}

impl Rewriter<'_> {
    fn rule(&mut self, rule: &Rule) {
        let (head, bodies) = match rule {
            Rule::Spec { head, bodies, .. } => (head, bodies),
            Rule::Default { value, .. } => return self.expression(value),
        };
        match head {
            RuleHead::Compr { refr, assign, .. } | RuleHead::Func { refr, assign, .. } => {
                self.expression(refr);
                if let Some(assign) = assign {
                    self.expression(&assign.value);
                }
            }
            RuleHead::Set { key, .. } => {
                if let Some(key) = key {
                    self.expression(key);
                }
            }
        }
        for body in bodies {
            if let Some(assign) = &body.assign {
                self.expression(&assign.value);
            }
            // One statement alone may stand without braces; several may not.
            let first = body.query.stmts.first();
            let bare = first.is_some_and(|first| first.span.start == body.query.span.start);
            self.query(&body.query, bare);
        }
    }

    fn query(&mut self, query: &Query, bare: bool) {
        for statement in &query.stmts {
            let (start, end) = spelling::statement(self.text, statement);
            let named = self.named(statement);
            let (open, close) = match (named.is_empty(), bare) {
                (false, true) => ("{ ", " }"),
                _ => ("", ""),
            };
            self.insert(start, format!("{open}{named}"));
            match &statement.literal {
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expression(expr),
                Literal::SomeIn { collection, .. } => self.expression(collection),
                Literal::Every { domain, query, .. } => {
                    self.expression(domain);
                    self.query(query, false);
                }
                Literal::SomeVars { .. } => {}
            }
            self.insert(end, close.to_owned());
        }
    }

    /// The statements that give names to what `statement` replaces documents by; there, the names stand instead.
    fn named(&mut self, statement: &LiteralStmt) -> String {
        let mut named = String::new();
        for modifier in &statement.with_mods {
            let value = &*modifier.r#as;
            if is_constant(value)
                || self.replaces_function(&modifier.refr) && self.is_function(value)
            {
                continue;
            }
            let outer = std::mem::take(&mut self.edits);
            self.expression(value);
            let inner = std::mem::replace(&mut self.edits, outer);
            let (start, end) = spelling::range(self.text, value);
            let text = spelling::edited(self.text, start..end, inner);
            self.values += 1;
            let name = format!("kitelogik_operand_with_{}", self.values);
            // What comes after it stays in its line; the end of a line ends a comment and a statement of a comprehension, and
            // may be part of a raw string.
            let lines = if text.contains(['#', '`', '|']) {
                named.push_str(&format!("{name} := {text}; "));
                String::new()
            } else {
                named.push_str(&format!("{name} := {}; ", text.replace(['\r', '\n'], " ")));
                "\n".repeat(text.matches('\n').count())
            };
            self.edits.push(Edit {
                start,
                end,
                text: name + &lines,
            });
        }
        named
    }

    fn is_function(&self, named: &Expr) -> bool {
        self.functions.count(self.module, named).is_some()
    }

    /// Whether `target` is no document: there may be functions that are not known here.
    fn replaces_function(&self, target: &Expr) -> bool {
        let root = |reference: &Expr| tree::components(reference).0.into_iter().next();
        let named = root(target);
        let mut imports = self.module.imports.iter();
        let import = imports.find(|import| tree::alias(import) == named.as_deref());
        let named = import.map_or(named, |import| root(&import.refr));
        !matches!(named.as_deref(), Some("input" | "data")) || self.is_function(target)
    }

    fn insert(&mut self, at: usize, text: String) {
        if !text.is_empty() {
            self.edits.push(Edit::insertion(at, text));
        }
    }

    /// Finds the comprehensions in an expression: there are statements in them.
    fn expression(&mut self, expression: &Expr) {
        let (parts, query) = inside(expression);
        for part in parts {
            self.expression(part);
        }
        if let Some(query) = query {
            self.query(query, false);
        }
    }
}

/// Whether it is there without any rule.
fn is_constant(value: &Expr) -> bool {
    match value {
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. } => true,
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            items.iter().all(|item| is_constant(item))
        }
        Expr::Object { fields, .. } => fields
            .iter()
            .all(|(_, key, value)| is_constant(key) && is_constant(value)),
        _ => false,
    }
}
