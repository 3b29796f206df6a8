//! Calls that name what takes their result as one more operand: `count(xs, n)` becomes `count(xs) = n` in the text, before it
//! is parsed. OPA reads both alike; the interpreter and programs know the latter alone.

use std::collections::BTreeMap;

use anyhow::Result;
use regorus::Value;
use regorus::unstable::{BUILTINS, Expr, Literal, Module, Query, Ref, Rule, RuleHead};

use crate::negation::inside;
use crate::registry::Registry;
use crate::spelling::{self, Edit};
use crate::{builtins, tree};

/// How many operands each function takes, by its name or by its path under `data`.
#[derive(Debug, Default)]
pub(crate) struct Operands(BTreeMap<String, usize>);

impl Operands {
    /// Those of all built-ins, and of the functions in `modules`.
    pub(crate) fn of<'m>(modules: impl IntoIterator<Item = &'m Module>) -> Result<Self> {
        let mut operands = Self(BTreeMap::new());
        for (name, builtin) in BUILTINS.iter() {
            operands
                .0
                .insert((*name).to_owned(), usize::from(builtin.1));
        }
        builtins::register(&mut operands)?;
        // It is no function: it finds one result after the other.
        operands.0.remove("walk");
        operands.0.remove("print");
        for module in modules {
            let package = tree::components(&module.package.refr).0;
            for rule in &module.policy {
                if let Rule::Spec {
                    head: RuleHead::Func { refr, args, .. },
                    ..
                } = &**rule
                {
                    let path = [package.clone(), tree::components(refr).0].concat();
                    operands.0.insert(tree::path(&path), args.len());
                }
            }
        }
        Ok(operands)
    }

    /// How many operands what a module names `function` takes; none where it names none.
    pub(crate) fn count(&self, module: &Module, function: &Expr) -> Option<usize> {
        let (path, open) = tree::components(function);
        if !open.is_empty() {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let mut imports = module.imports.iter();
        let import = imports.find(|import| tree::alias(import) == Some(first));
        let absolute = match import {
            Some(import) => [tree::components(&import.refr).0, rest.to_vec()].concat(),
            None => path.clone(),
        };
        let own = [tree::components(&module.package.refr).0, path.clone()].concat();
        let named = match absolute.split_first() {
            Some((root, below)) if root == "data" => self.0.get(&tree::path(below)),
            _ => None,
        };
        named
            .or_else(|| self.0.get(&tree::path(&own)))
            .or_else(|| self.0.get(&path.join(".")))
            .copied()
    }
}

impl Registry for Operands {
    fn add(
        &mut self,
        name: &str,
        arguments: u8,
        _: impl Fn(Vec<Value>) -> Result<Value> + Clone + Send + Sync + 'static,
    ) -> Result<()> {
        self.0.insert(name.to_owned(), usize::from(arguments));
        Ok(())
    }
}

/// The text of `module`, rewritten where a call names what takes its result.
pub(crate) fn rewrite(module: &Module, operands: &Operands) -> String {
    let text = module.package.span.source.contents();
    let mut rewriter = Rewriter {
        module,
        operands,
        text,
        edits: Vec::new(),
    };
    for rule in &module.policy {
        rewriter.rule(rule);
    }
    spelling::edited(text, 0..text.len(), rewriter.edits)
}

struct Rewriter<'a> {
    module: &'a Module,
    operands: &'a Operands,
    text: &'a str,
    edits: Vec<Edit>,
}

impl Rewriter<'_> {
    fn rule(&mut self, rule: &Rule) {
        let Rule::Spec { head, bodies, .. } = rule else {
            return;
        };
        match head {
            RuleHead::Compr { assign, .. } | RuleHead::Func { assign, .. } => {
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
            self.query(&body.query);
        }
    }

    fn query(&mut self, query: &Query) {
        for statement in &query.stmts {
            match &statement.literal {
                Literal::Expr { expr, .. } => match self.call(expr) {
                    Some(operands) => operands.iter().for_each(|part| self.expression(part)),
                    None => self.expression(expr),
                },
                Literal::NotExpr { expr, .. } => self.expression(expr),
                Literal::SomeIn { collection, .. } => self.expression(collection),
                Literal::Every { domain, query, .. } => {
                    self.expression(domain);
                    self.query(query);
                }
                Literal::SomeVars { .. } => {}
            }
        }
    }

    /// Finds the comprehensions in an expression: there are statements in them.
    fn expression(&mut self, expression: &Expr) {
        let (parts, query) = inside(expression);
        for part in parts {
            self.expression(part);
        }
        if let Some(query) = query {
            self.query(query);
        }
    }

    /// Rewrites a call with one operand more than its function takes; its other operands.
    fn call<'e>(&mut self, statement: &'e Expr) -> Option<&'e [Ref<Expr>]> {
        let Expr::Call { fcn, params, .. } = statement else {
            return None;
        };
        let (result, operands) = params.split_last()?;
        if self.operands.count(self.module, fcn) != Some(operands.len()) {
            return None;
        }
        let (from, to) = spelling::range(self.text, result);
        let (_, end) = spelling::range(self.text, statement);
        let start = operands
            .last()
            .map_or(from, |last| spelling::range(self.text, last).1);
        let written = self.text.get(from..to)?;
        let (between, after) = (self.text.get(start..from)?, self.text.get(to..end)?);
        // Lines stay where they are.
        let lines = "\n".repeat(between.matches('\n').count() + after.matches('\n').count());
        let closing = ")".repeat(between.matches(')').count() + 1);
        self.edits.push(Edit {
            start,
            end,
            text: format!("{closing} = {written}{lines}"),
        });
        Some(operands)
    }
}
