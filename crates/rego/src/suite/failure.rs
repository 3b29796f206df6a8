//! Where a test stopped, found out by asking for the beginnings of its body.

use std::time::Duration;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query, Rule};
use regorus::{Engine, Value};

use super::discovery::Found;
use super::{Outcome, Source, Suite};
use crate::{interpreter, operators, spelling, tree};

const MODULE: &str = "kitelogik_probe.rego";

/// The statement that a test did not get past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The name of the module.
    pub file: String,
    /// The line of the statement.
    pub line: u32,
    /// The statement, on one line.
    pub expression: String,
    /// What its sides are, as JSON or `undefined`: two of a comparison, one of anything else that has a value.
    pub values: Vec<String>,
}

/// Where the test `found` stopped; `None` where that cannot be told.
pub(super) fn explain(suite: &Suite, found: &Found, time: Duration) -> Option<Failure> {
    let probe = Probe::of(suite, found)?;
    let count = probe.query.stmts.len();
    let rules: Vec<String> = (1..=count)
        .map(|length| format!("{} if {{\n{}\n}}", name(length), probe.beginning(length)))
        .collect();
    let stopped = match probe.engine(&rules.join("\n\n")) {
        Some(mut engine) => (1..=count).find(|length| !probe.holds(&mut engine, *length, time))?,
        // A beginning that uses what is bound after it does not compile by itself.
        None => (1..=count).zip(&rules).find_map(|(length, rule)| {
            let mut engine = probe.engine(rule)?;
            (!probe.holds(&mut engine, length, time)).then_some(length)
        })?,
    };
    let statement = probe.query.stmts.get(stopped - 1)?;
    let (start, end) = spelling::statement(probe.text(), statement);
    Some(Failure {
        file: probe.source.name.clone(),
        line: statement.span.line,
        expression: spelling::one_line(probe.text().get(start..end).unwrap_or_default()),
        values: probe.values(stopped, statement, time),
    })
}

/// The cases of the test `found`, whose value is `value`: each key that its rule could have.
pub(super) fn cases(suite: &Suite, found: &Found, value: &Value, time: Duration) -> Outcome {
    let mut cases: Vec<(Vec<Value>, bool)> = Vec::new();
    for keys in wanted(suite, found, time).unwrap_or_default() {
        let passed = keys.iter().fold(value, |value, key| &value[key]) == &Value::Bool(true);
        if !cases.iter().any(|(known, _)| *known == keys) {
            cases.push((keys, passed));
        }
    }
    if cases.is_empty() {
        return Outcome::Fail(explain(suite, found, time));
    }
    Outcome::Cases(
        cases
            .into_iter()
            .map(|(keys, passed)| {
                let keys: Vec<String> = keys.iter().map(key).collect();
                (keys.join("/"), passed)
            })
            .collect(),
    )
}

/// The keys that the rule has where its body is taken only as far as they need it.
fn wanted(suite: &Suite, found: &Found, time: Duration) -> Option<Vec<Vec<Value>>> {
    let probe = Probe::of(suite, found)?;
    let (_, indexes) = tree::components(tree::reference(probe.rule));
    let keys: Vec<&str> = indexes
        .iter()
        .map(|index| spelling::of(probe.text(), index))
        .collect();
    (1..=probe.query.stmts.len()).find_map(|length| {
        let rule = format!(
            "kitelogik_cases contains [{}] if {{\n{}\n}}",
            keys.join(", "),
            probe.beginning(length)
        );
        let mut engine = probe.engine(&rule)?;
        let value = probe.ask(&mut engine, "kitelogik_cases", time).ok()?;
        let members = value.as_set().ok()?;
        members
            .iter()
            .map(|keys| {
                keys.as_array()
                    .ok()
                    .map(|keys| keys.iter().cloned().collect())
            })
            .collect()
    })
}

struct Probe<'a> {
    suite: &'a Suite,
    source: &'a Source,
    rule: &'a Rule,
    query: &'a Query,
}

impl<'a> Probe<'a> {
    fn of(suite: &'a Suite, found: &Found) -> Option<Self> {
        let source = suite.modules.get(found.module)?;
        let rule: &Rule = source.tree.policy.get(found.rule)?;
        let Rule::Spec { bodies, .. } = rule else {
            return None;
        };
        let [body] = bodies.as_slice() else {
            return None;
        };
        Some(Self {
            suite,
            source,
            rule,
            query: &body.query,
        })
    }

    fn text(&self) -> &'a str {
        &self.source.text
    }

    /// The first `length` statements.
    fn beginning(&self, length: usize) -> &'a str {
        let text = self.text();
        let start = self
            .query
            .stmts
            .first()
            .map_or(0, |first| spelling::statement(text, first).0);
        let end = length
            .checked_sub(1)
            .and_then(|last| self.query.stmts.get(last))
            .map_or(start, |last| spelling::statement(text, last).1);
        text.get(start..end).unwrap_or_default()
    }

    /// All modules, and one more of the test's package that has `rules`; `None` where they do not compile.
    fn engine(&self, rules: &str) -> Option<Engine> {
        let first = self.source.tree.policy.first()?;
        let header = match &**first {
            Rule::Spec { span, .. } | Rule::Default { span, .. } => span.start as usize,
        };
        let text = format!("{}\n{rules}\n", self.text().get(..header)?);
        let mut engine = self.suite.engine.clone();
        let text = interpreter::as_opa_negates(MODULE, &text, &self.suite.functions).ok()?;
        let packages = operators::packages(self.suite.modules.iter().map(|module| &module.tree));
        let called = interpreter::as_opa_computes(MODULE, &text, &packages).ok()?;
        let text = called.unwrap_or(text);
        engine.add_policy(MODULE.to_owned(), text).ok()?;
        engine
            .compile_with_entrypoint(&interpreter::QUESTION.into())
            .ok()?;
        Some(engine)
    }

    fn ask(&self, engine: &mut Engine, rule: &str, time: Duration) -> Result<Value, crate::Fault> {
        let mut path = tree::components(&self.source.tree.package.refr).0;
        path.push(rule.to_owned());
        engine.set_input(Value::new_object());
        interpreter::evaluate(engine, &tree::path(&path), time)
    }

    fn holds(&self, engine: &mut Engine, length: usize, time: Duration) -> bool {
        self.ask(engine, &name(length), time) == Ok(Value::Bool(true))
    }

    /// What the sides of statement number `position` are, where it has any.
    fn values(&self, position: usize, statement: &LiteralStmt, time: Duration) -> Vec<String> {
        let Literal::Expr { expr, .. } = &statement.literal else {
            return Vec::new();
        };
        let sides: Vec<&Expr> = match &**expr {
            Expr::BoolExpr { lhs, rhs, .. }
            | Expr::AssignExpr {
                lhs,
                rhs,
                op: AssignOp::Eq,
                ..
            } => vec![lhs, rhs],
            Expr::AssignExpr { rhs, .. } => vec![rhs],
            Expr::Membership {
                value, collection, ..
            } => vec![value, collection],
            Expr::RefDot { .. } | Expr::RefBrack { .. } | Expr::Call { .. } => vec![expr],
            _ => Vec::new(),
        };
        let modifiers = statement.with_mods.first().map_or("", |first| {
            let (_, end) = spelling::statement(self.text(), statement);
            let start = first.span.start as usize;
            self.text().get(start..end).unwrap_or_default()
        });
        let before = match position - 1 {
            0 => "true",
            length => self.beginning(length),
        };
        sides
            .iter()
            .map(|side| {
                let side = spelling::of(self.text(), side);
                let rule = format!(
                    "kitelogik_value := kitelogik_side if {{\n{before}\nkitelogik_side := {side} {modifiers}\n}}"
                );
                let mut engine = self.engine(&rule)?;
                let value = self.ask(&mut engine, "kitelogik_value", time).ok()?;
                Some(match value {
                    Value::Undefined => "undefined".to_owned(),
                    value => spelling::one_line(&serde_json::to_string(&value).unwrap_or_default()),
                })
            })
            .collect::<Option<_>>()
            .unwrap_or_default()
    }
}

fn name(length: usize) -> String {
    format!("kitelogik_probe_{length}")
}

fn key(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}
