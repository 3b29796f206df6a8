//! What a rule came to, as its author knows it.

use std::collections::HashMap;
use std::fmt;

use kitelogik_core::EngineError;
use kitelogik_policy::Policy;
use kitelogik_policy::rules::{RuleOrigin, Then};
use kitelogik_rego::{Failed, Met, RuleOutcome, TracedRule};
use serde::Serialize;
use serde_json::Value;

use super::masked::Masked;

/// What rules in YAML are compiled to, a member for each.
const FIRED: &str = "data.kitelogik.userpolicy.yaml_fired";

/// A rule that concerned an event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ExplainedRule {
    /// The name that its author gave it in YAML, or what it is a rule of, as in `data.kitelogik.userpolicy.deny`.
    pub name: String,
    /// The file, as it was given.
    pub file: String,
    /// The line it begins in, from 1.
    pub line: u32,
    /// What it says when it fires, in YAML: `allow`, `deny` or `hitl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<&'static str>,
    /// Whether it belongs to the built-in bundle.
    pub builtin: bool,
    /// What of it the program of the policy leaves to the interpreter, if anything of that was met: `with`, the name of a
    /// function, … What it came to is then what the interpreter says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreted: Option<String>,
    /// What it came to.
    #[serde(flatten)]
    pub result: RuleResult,
}

/// What a rule came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RuleResult {
    /// It fired.
    Fired {
        /// What it says, the first few of many values.
        says: Vec<Value>,
    },
    /// It did not.
    NotFired {
        /// The first condition that does not hold; one for each `else`.
        conditions: Vec<FailedCondition>,
    },
    /// It could not be evaluated: the decision is a denial.
    Stopped {
        /// The condition it stopped at.
        at: Option<FailedCondition>,
        /// Why.
        error: String,
    },
    /// The interpreter decides it, and what it came to is not known: there was not the time, or it could not be asked.
    Interpreted {
        /// The condition that the interpreter is needed for; all before it hold.
        at: Option<FailedCondition>,
        /// What it is needed for: `with`, the name of a function, …
        reason: String,
    },
}

/// A condition, and what it met.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FailedCondition {
    /// The condition, as its author wrote it, on one line.
    pub text: String,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The values that it met.
    pub met: Vec<MetValue>,
}

/// A part of a condition and its value, masked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MetValue {
    /// The part, as in `input.args.amount`, or `args.amount` in YAML.
    pub expression: String,
    /// Its value; none where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

impl ExplainedRule {
    /// Whether it fired.
    pub fn fired(&self) -> bool {
        matches!(self.result, RuleResult::Fired { .. })
    }
}

impl fmt::Display for ExplainedRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}:{})", self.name, self.file, self.line)
    }
}

impl fmt::Display for RuleResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fired { says } => match says.as_slice() {
                [] | [Value::Bool(true)] => formatter.write_str("fired"),
                says => {
                    let says: Vec<String> = says.iter().map(Value::to_string).collect();
                    write!(formatter, "fired: {}", says.join(", "))
                }
            },
            Self::NotFired { conditions } => {
                formatter.write_str("did not fire")?;
                for (number, condition) in conditions.iter().enumerate() {
                    let before = if number == 0 { ": " } else { "; else " };
                    write!(formatter, "{before}{condition}")?;
                }
                Ok(())
            }
            Self::Stopped { at: None, error } => write!(formatter, "stopped: {error}"),
            Self::Stopped {
                at: Some(at),
                error,
            } => write!(formatter, "stopped at {at}: {error}"),
            Self::Interpreted { at: None, reason } => {
                write!(formatter, "not known: left to the interpreter for {reason}")
            }
            Self::Interpreted {
                at: Some(at),
                reason,
            } => write!(
                formatter,
                "not known: left to the interpreter for {reason} at {at}"
            ),
        }
    }
}

impl fmt::Display for FailedCondition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: `{}`", self.file, self.line, self.text)?;
        for (number, met) in self.met.iter().enumerate() {
            let before = if number == 0 { " met " } else { ", " };
            write!(formatter, "{before}{met}")?;
        }
        Ok(())
    }
}

impl fmt::Display for MetValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(formatter, "{} = {value}", self.expression),
            None => write!(formatter, "{}, which is not there", self.expression),
        }
    }
}

/// The rules that were traced as their authors know them: the user's first.
pub(super) fn explained(
    policy: &Policy,
    traced: Vec<TracedRule>,
    masked: &Masked<'_>,
) -> Vec<ExplainedRule> {
    let origins = Origins::of(policy);
    let builtin = |file: &str| {
        let mut modules = policy.modules().iter();
        modules.any(|module| module.name() == file && module.is_builtin())
    };
    let mut rules: Vec<ExplainedRule> = traced
        .into_iter()
        .filter_map(|rule| {
            if let Some(file) = origins.yaml(&rule.file) {
                let origin = origins.of_rule(&rule);
                return of_yaml(&rule, file, origin, masked);
            }
            let view = View {
                file: &rule.file,
                origin: None,
                masked,
            };
            Some(ExplainedRule {
                result: view.result(&rule.outcome, rule.line),
                builtin: builtin(&rule.file),
                interpreted: rule.left,
                name: rule.path,
                line: rule.line,
                file: rule.file,
                then: None,
            })
        })
        .collect();
    rules.sort_by_key(|rule| rule.builtin);
    rules
}

/// A rule in YAML; none where there is no rule in YAML that it stands for.
fn of_yaml(
    rule: &TracedRule,
    file: &str,
    origin: Option<&RuleOrigin>,
    masked: &Masked<'_>,
) -> Option<ExplainedRule> {
    let view = View {
        file,
        origin,
        masked,
    };
    if let Some(origin) = origin {
        return Some(ExplainedRule {
            name: origin.name.clone(),
            file: file.to_owned(),
            line: origin.line,
            then: Some(origin.then.as_str()),
            builtin: false,
            interpreted: rule.left.clone(),
            result: view.result(&rule.outcome, origin.line),
        });
    }
    // What the file says of actions that no rule names; all else only hands on what rules say.
    let then = match rule.path.rsplit('.').next() {
        Some("deny") => Then::Deny,
        Some("hitl") => Then::Hitl,
        _ => return None,
    };
    match &rule.outcome {
        RuleOutcome::Fired(says) if says.iter().all(|met| met.made_of.is_empty()) => {}
        _ => return None,
    }
    let result = view.result(&rule.outcome, 1);
    let said = matches!(&result, RuleResult::Fired { says } if says.iter().any(is_unnamed));
    said.then(|| ExplainedRule {
        name: "otherwise".to_owned(),
        file: file.to_owned(),
        line: 1,
        then: Some(then.as_str()),
        builtin: false,
        interpreted: None,
        result,
    })
}

fn is_unnamed(said: &Value) -> bool {
    said == "no rule names this action"
}

/// The rules that were written in YAML.
struct Origins<'p> {
    /// By the name of the module that a file became: the file, its rules, and the numbers of their rules in Rego.
    files: HashMap<String, (&'p str, Vec<&'p RuleOrigin>)>,
}

impl<'p> Origins<'p> {
    fn of(policy: &'p Policy) -> Self {
        let mut files: HashMap<String, (&str, Vec<&RuleOrigin>)> = HashMap::new();
        for origin in policy.rules() {
            files
                .entry(format!("{}.rego", origin.file))
                .or_insert_with(|| (origin.file.as_str(), Vec::new()))
                .1
                .push(origin);
        }
        Self { files }
    }

    /// The file in YAML that a module came from.
    fn yaml(&self, module: &str) -> Option<&'p str> {
        self.files.get(module).map(|(file, _)| *file)
    }

    /// The rule in YAML that became this one: rules keep their order, and each is followed by its helpers.
    fn of_rule(&self, rule: &TracedRule) -> Option<&'p RuleOrigin> {
        if rule.path != FIRED {
            return None;
        }
        let (_, origins) = self.files.get(&rule.file)?;
        origins.get(rule.among_its_path).copied()
    }
}

/// How a rule's outcome is shown.
struct View<'v, 'm> {
    file: &'v str,
    origin: Option<&'v RuleOrigin>,
    masked: &'v Masked<'m>,
}

impl View<'_, '_> {
    fn result(&self, outcome: &RuleOutcome, line: u32) -> RuleResult {
        match outcome {
            RuleOutcome::Fired(says) => RuleResult::Fired {
                says: self.says(says),
            },
            RuleOutcome::Failed(conditions) => RuleResult::NotFired {
                conditions: conditions
                    .iter()
                    .map(|failed| self.condition(failed, line))
                    .collect(),
            },
            RuleOutcome::Stopped { at, fault } => {
                let error = EngineError::from(fault.clone());
                RuleResult::Stopped {
                    at: at.as_ref().map(|at| self.condition(at, line)),
                    error: self.masked.text("error", error.detail()),
                }
            }
            RuleOutcome::Interpreted { at, what } => RuleResult::Interpreted {
                at: at.as_ref().map(|at| self.condition(at, line)),
                reason: what.clone(),
            },
            _ => RuleResult::NotFired {
                conditions: Vec::new(),
            },
        }
    }

    fn says(&self, says: &[Met]) -> Vec<Value> {
        let values = says.iter().filter_map(|met| self.masked.met(met));
        match self.origin {
            None => values.collect(),
            Some(origin) if origin.then == Then::Allow => Vec::new(),
            Some(_) => values
                .filter_map(|mut said| Some(said.get_mut("reason")?.take()))
                .collect(),
        }
    }

    fn condition(&self, failed: &Failed, line: u32) -> FailedCondition {
        let written = self
            .origin
            .and_then(|origin| origin.conditions.get(failed.statement?));
        let (text, line) = match (self.origin, written) {
            (Some(_), Some(written)) => (written.text.clone(), written.line),
            (Some(_), None) => (String::new(), line),
            (None, _) => (failed.text.clone(), failed.line),
        };
        let mut met: Vec<MetValue> = Vec::new();
        for value in &failed.met {
            let shown = MetValue {
                expression: match (self.origin, &value.at) {
                    (Some(_), Some(at)) => in_yaml(at),
                    (Some(_), None) => continue,
                    (None, _) => value.expression.clone(),
                },
                value: self.masked.met(value),
            };
            if !met.contains(&shown) {
                met.push(shown);
            }
        }
        FailedCondition {
            text,
            file: self.file.to_owned(),
            line,
            met,
        }
    }
}

/// What rules in YAML call a part of the input.
pub(super) fn in_yaml(at: &[String]) -> String {
    let at: Vec<&str> = at.iter().map(String::as_str).collect();
    match at.as_slice() {
        ["context", "user_role"] => "role".to_owned(),
        ["context", "session_scopes"] => "scope".to_owned(),
        ["context", "tenant_id"] => "tenant".to_owned(),
        ["resource_path"] => "resource".to_owned(),
        ["event_type"] => "event".to_owned(),
        at => at.join("."),
    }
}
