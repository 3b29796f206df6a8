//! Rules as their authors wrote them.

use std::collections::HashMap;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Module, Query, Rule, RuleBody};

use super::inquiry::{self, Packages};
use super::outcome::Outcome;
use crate::results::{self, Operands};
use crate::{CompileError, fault, interpreter, spelling, tree};

/// The texts of the modules that a program was made of, and what the interpreter was asked about them.
#[derive(Debug, Default)]
pub struct Sources {
    /// By module, and by where the rule begins in the text that the program reads.
    files: HashMap<Box<str>, HashMap<u32, SourceRule>>,
    pub(super) modules: Vec<SourceModule>,
    pub(super) packages: Packages,
    pub(super) functions: Operands,
}

/// A module as it was written, and as it is read before negations and heads are rewritten: statement by statement the same.
#[derive(Debug)]
pub(super) struct SourceModule {
    written: Module,
    read: Module,
}

#[derive(Debug)]
pub(super) struct SourceRule {
    /// Among all rules of the module.
    pub(super) number: usize,
    pub(super) line: u32,
    /// For each body, the statement that each of the program's statements came from.
    pub(super) bodies: Vec<Vec<Statement>>,
}

#[derive(Clone, Debug)]
pub(super) struct Statement {
    /// Among those of the body; none where it is what the rule says.
    pub(super) number: Option<usize>,
    pub(super) text: String,
    pub(super) line: u32,
}

impl Sources {
    /// Reads `modules`, each a name and its text, as they were given to the interpreter.
    ///
    /// # Errors
    ///
    /// [`CompileError::Compile`]: a module is no Rego.
    pub fn read<'a>(
        modules: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, CompileError> {
        let read = || -> anyhow::Result<Self> {
            let written = modules
                .into_iter()
                .map(|(name, text)| tree::parse(name, text))
                .collect::<anyhow::Result<Vec<_>>>()?;
            let mut sources = Self {
                functions: Operands::of(&written)?,
                ..Self::default()
            };
            for written in written {
                let name = written.package.span.source.get_path().clone();
                let read = tree::parse(&name, &results::rewrite(&written, &sources.functions))?;
                let module = SourceModule { written, read };
                sources
                    .files
                    .insert(name.into(), module.rules(&sources.functions)?);
                sources.modules.push(module);
            }
            Ok(sources)
        };
        read().map_err(|error| CompileError::Compile(fault::one_line(&error)))
    }

    /// The module of this name, and its number.
    pub(super) fn module(&self, name: &str) -> Option<(usize, &SourceModule)> {
        let mut modules = self.modules.iter().enumerate();
        modules.find(|(_, module)| module.name() == name)
    }

    pub(super) fn rule(&self, file: &str, start: u32) -> Option<&SourceRule> {
        self.files.get(file)?.get(&start)
    }
}

impl SourceModule {
    pub(super) fn name(&self) -> &str {
        self.written.package.span.source.get_path()
    }

    pub(super) fn written(&self) -> &Module {
        &self.written
    }

    pub(super) fn read(&self) -> &Module {
        &self.read
    }

    /// The path of its package, without `data`.
    pub(super) fn package(&self) -> Vec<String> {
        tree::components(&self.read.package.refr).0
    }

    /// Its package and its imports, up to its first rule.
    pub(super) fn header(&self) -> Option<&str> {
        let first = self.read.policy.first()?.span().start as usize;
        self.read.package.span.source.contents().get(..first)
    }

    /// The text from statement number `first` to statement number `last` of a body, on one line, and its line.
    pub(super) fn statements(
        &self,
        rule: usize,
        body: usize,
        first: usize,
        last: usize,
    ) -> (String, u32) {
        let text = self.text();
        let statement = |number: usize| self.body(rule, body)?.query.stmts.get(number);
        let (Some(first), Some(last)) = (statement(first), statement(last)) else {
            return (String::new(), self.line(rule, body));
        };
        let (start, end) = (
            spelling::statement(text, first).0,
            spelling::statement(text, last).1,
        );
        let text = spelling::one_line(text.get(start..end).unwrap_or_default());
        (text, first.span.line)
    }

    /// The line of a body, or of a rule without one.
    pub(super) fn line(&self, rule: usize, body: usize) -> u32 {
        match (self.body(rule, body), self.written.policy.get(rule)) {
            (Some(body), _) => body.span.line,
            (None, Some(rule)) => rule.span().line,
            (None, None) => 1,
        }
    }

    /// The paths under `data` that a rule names in what was looked at for `outcome`.
    pub(super) fn named(&self, rule: usize, outcome: &Outcome) -> Vec<Vec<String>> {
        let mut paths = Vec::new();
        let mut number = 0;
        while let Some(body) = self.body(rule, number) {
            let last = match outcome {
                Outcome::Failed(conditions) => conditions.get(number).and_then(|one| one.statement),
                _ => None,
            };
            for statement in body
                .query
                .stmts
                .iter()
                .take(last.map_or(usize::MAX, |last| last + 1))
            {
                inquiry::named(&self.written, statement, &mut paths);
            }
            number += 1;
        }
        paths
    }

    fn body(&self, rule: usize, body: usize) -> Option<&RuleBody> {
        match &**self.written.policy.get(rule)? {
            Rule::Spec { bodies, .. } => bodies.get(body),
            Rule::Default { .. } => None,
        }
    }

    fn text(&self) -> &str {
        self.written.package.span.source.contents()
    }

    fn rules(&self, functions: &Operands) -> anyhow::Result<HashMap<u32, SourceRule>> {
        let text = self.text();
        let read = self.read.package.span.source.contents();
        let read = tree::parse(
            self.name(),
            &interpreter::as_opa_negates(self.name(), read, functions)?,
        )?;
        let rules = self.written.policy.iter().zip(&read.policy).enumerate();
        let rules = rules.map(|(number, (written, read))| {
            let rule = SourceRule {
                number,
                line: written.span().line,
                bodies: match (&**written, &**read) {
                    (Rule::Spec { bodies, .. }, Rule::Spec { bodies: read, .. }) => bodies
                        .iter()
                        .zip(read)
                        .map(|(body, read)| statements(text, body, read))
                        .collect(),
                    _ => Vec::new(),
                },
            };
            (read.span().start, rule)
        });
        Ok(rules.collect())
    }
}

/// The statement of `written` that each one of `read` came from.
fn statements(text: &str, written: &RuleBody, read: &RuleBody) -> Vec<Statement> {
    let own = |number: usize| statement(text, &written.query, number);
    let mut number = 0;
    let mut statements = Vec::with_capacity(read.query.stmts.len());
    for statement in &read.query.stmts {
        match added(statement) {
            Some(Added::Operand) => statements.push(own(number)),
            Some(Added::Output) => statements.push(Statement {
                number: None,
                text: "the value of the rule".to_owned(),
                line: written.span.line,
            }),
            None => {
                statements.push(own(number));
                number += 1;
            }
        }
    }
    statements
}

fn statement(text: &str, query: &Query, number: usize) -> Statement {
    let Some(statement) = query.stmts.get(number) else {
        return Statement {
            number: Some(number),
            text: String::new(),
            line: query.span.line,
        };
    };
    let (start, end) = spelling::statement(text, statement);
    Statement {
        number: Some(number),
        text: spelling::one_line(text.get(start..end).unwrap_or_default()),
        line: statement.span.line,
    }
}

/// What a statement is there for that no author wrote.
enum Added {
    /// It has what is negated after it.
    Operand,
    /// It has what the rule says.
    Output,
}

fn added(statement: &LiteralStmt) -> Option<Added> {
    let Literal::Expr { expr, .. } = &statement.literal else {
        return None;
    };
    let Expr::AssignExpr {
        op: AssignOp::ColEq,
        lhs,
        ..
    } = &**expr
    else {
        return None;
    };
    let name = lhs.span().text();
    if name.starts_with("kitelogik_operand_") {
        Some(Added::Operand)
    } else if name.starts_with("kitelogik_output_") {
        Some(Added::Output)
    } else {
        None
    }
}
