//! Rules as their authors wrote them.

use std::collections::HashMap;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query, Rule, RuleBody};

use crate::{CompileError, fault, interpreter, spelling, tree};

/// The texts of the modules that a program was made of.
#[derive(Debug, Default)]
pub struct Sources {
    /// By module, and by where the rule begins in the text that the program reads.
    files: HashMap<Box<str>, HashMap<u32, SourceRule>>,
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
        let mut files = HashMap::new();
        for (name, text) in modules {
            let rules = rules(name, text)
                .map_err(|error| CompileError::Compile(fault::one_line(&error)))?;
            files.insert(name.into(), rules);
        }
        Ok(Self { files })
    }

    pub(super) fn rule(&self, file: &str, start: u32) -> Option<&SourceRule> {
        self.files.get(file)?.get(&start)
    }
}

fn rules(name: &str, text: &str) -> anyhow::Result<HashMap<u32, SourceRule>> {
    let written = tree::parse(name, text)?;
    let read = tree::parse(name, &interpreter::as_opa_negates(name, text)?)?;
    let rules = written.policy.iter().zip(&read.policy).enumerate();
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
