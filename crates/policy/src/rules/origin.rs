//! Where rules were written, and what they speak of.

use serde_json::{Value, json};

use super::rule::{Condition, Constant, Limit, Operator, Rule, Test, Then};
use super::spelling::spelled;
use super::truth::{Bodies, Question};

/// Where a rule was written, and what it speaks of. A name may occur once in each file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RuleOrigin {
    /// The name, as a decision's `rules` hold it.
    pub name: String,
    /// The name of its [`Source`](super::Source).
    pub file: String,
    /// The line it starts in, from 1.
    pub line: u32,
    /// What it says when it fires.
    pub then: Then,
    /// The actions it asks for, outside of `not`; empty where it speaks of every action.
    pub actions: Vec<String>,
    /// Each operator on an argument, in the order they were written.
    pub arguments: Vec<ArgumentTest>,
    /// The condition that each statement of the rule in Rego came from, in their order.
    pub conditions: Vec<ConditionOrigin>,
}

/// A condition of a rule, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConditionOrigin {
    /// The condition on one line, as in `args: {amount: {lte: 50}}`.
    pub text: String,
    /// Its line, from 1.
    pub line: u32,
    /// Its column, from 1.
    pub column: u32,
}

/// One operator on one argument.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ArgumentTest {
    /// Where the argument lies, as in `["customer", "id"]`.
    pub path: Vec<String>,
    /// The operator, as in `lte`.
    pub operator: &'static str,
    /// What it compares with.
    pub constant: Value,
    /// Whether it stands under `not`.
    pub under_not: bool,
    /// The line of the operator, from 1.
    pub line: u32,
    /// Its column, from 1.
    pub column: u32,
}

impl RuleOrigin {
    pub(crate) fn of(rule: &Rule, file: &str) -> Self {
        let mut origin = Self {
            name: rule.name.clone(),
            file: file.to_owned(),
            line: rule.place.line,
            then: rule.then,
            actions: Vec::new(),
            arguments: Vec::new(),
            conditions: conditions(rule),
        };
        rule.when.actions(&mut |action| {
            if !origin.actions.iter().any(|known| known == action) {
                origin.actions.push(action.to_owned());
            }
        });
        collect(&rule.when, false, &mut origin.arguments);
        origin
            .arguments
            .sort_by_key(|test| (test.line, test.column));
        origin
    }
}

fn conditions(rule: &Rule) -> Vec<ConditionOrigin> {
    // Lines are told apart by what they call, whatever the file is called.
    Bodies::new("")
        .origins(&rule.when, Question::of(rule.then))
        .into_iter()
        .map(|condition| {
            let place = condition.place().unwrap_or(rule.place);
            ConditionOrigin {
                text: spelled(condition),
                line: place.line,
                column: place.column,
            }
        })
        .collect()
}

fn collect(condition: &Condition, under_not: bool, tests: &mut Vec<ArgumentTest>) {
    match condition {
        Condition::All(conditions) | Condition::Any(conditions) => {
            for condition in conditions {
                collect(condition, under_not, tests);
            }
        }
        Condition::Not(condition) => collect(condition, true, tests),
        Condition::Test(test) => tests.extend(argument(test, under_not)),
        Condition::Action(..) | Condition::Event(..) => {}
    }
}

fn argument(test: &Test, under_not: bool) -> Option<ArgumentTest> {
    let (root, path) = test.subject.split_first()?;
    if root != "args" {
        return None;
    }
    let (operator, constant) = operation(&test.operator)?;
    Some(ArgumentTest {
        path: path.to_vec(),
        operator,
        constant,
        under_not,
        line: test.place.line,
        column: test.place.column,
    })
}

/// The name of an operator on an argument, and what it compares with.
pub(super) fn operation(operator: &Operator) -> Option<(&'static str, Value)> {
    Some(match operator {
        Operator::Equal(value) => ("eq", json(value)),
        Operator::Other(value) => ("ne", json(value)),
        Operator::Limit(Limit::Above, value) => ("gt", json(value)),
        Operator::Limit(Limit::AtLeast, value) => ("gte", json(value)),
        Operator::Limit(Limit::Below, value) => ("lt", json(value)),
        Operator::Limit(Limit::AtMost, value) => ("lte", json(value)),
        Operator::In(values) => ("in", values.iter().map(json).collect()),
        Operator::NotIn(values) => ("not_in", values.iter().map(json).collect()),
        Operator::Contains(value) => ("contains", json(value)),
        Operator::NotContains(value) => ("not_contains", json(value)),
        Operator::StartsWith(text) => ("starts_with", json!(text)),
        Operator::EndsWith(text) => ("ends_with", json!(text)),
        Operator::Matches { regex, .. } => ("matches", json!(regex)),
        Operator::Exists(exists) => ("exists", json!(exists)),
        Operator::Type(types) => ("type", json!(types)),
        Operator::Path { .. } | Operator::Scope(_) => return None,
    })
}

fn json(constant: &Constant) -> Value {
    match constant {
        Constant::Bool(boolean) => json!(boolean),
        Constant::Number(number) => Value::Number(number.value.clone()),
        Constant::Text(text) => json!(text),
    }
}
