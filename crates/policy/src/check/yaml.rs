//! Rules in YAML: conditions that contradict each other, and whether they fit the tools.

use serde_json::Value;

use super::fact::{Fact, Inclusive};
use super::finding::{Code, Finding};
use super::fit::{Spoken, missing, unknown, wrong};
use super::tools::{Lookup, Tool, Tools};
use crate::rules::rule::{Condition, Constant, Limit, Operator, Rule, RuleSet, Test, Then};
use crate::rules::yaml::Place;

/// What is said of one value of the input.
struct Said<'a> {
    subject: Vec<&'a str>,
    fact: Fact,
    place: Place,
}

pub(super) fn check(
    file: &str,
    set: &RuleSet,
    tools: Option<&Tools>,
    spoken: &mut Spoken,
    findings: &mut Vec<Finding>,
) {
    for rule in &set.rules {
        let mut visit = Visit {
            file,
            rule,
            tools,
            findings,
        };
        visit.all(&[&rule.when], &[]);
        let mut named = false;
        rule.when.actions(&mut |action| {
            named = true;
            spoken.actions.insert(action.to_owned());
        });
        spoken.all |= !named && rule.then == Then::Allow;
    }
}

struct Visit<'a, 'f> {
    file: &'a str,
    rule: &'a Rule,
    tools: Option<&'a Tools>,
    findings: &'f mut Vec<Finding>,
}

impl<'a> Visit<'a, '_> {
    /// Conditions that must all hold, in a rule that speaks of `left` (of any tool, where that is nobody).
    fn all(&mut self, conditions: &[&'a Condition], left: &[&'a Tool]) {
        let mut flat: Vec<&Condition> = Vec::new();
        flatten(conditions, &mut flat);
        let mut said: Vec<Said<'a>> = Vec::new();
        for condition in &flat {
            if let Some(later) = facts(condition, self.rule.place) {
                let contradicts = said.iter().find(|earlier| {
                    earlier.subject == later.subject && earlier.fact.excludes(&later.fact)
                });
                if let Some(earlier) = contradicts {
                    let place = if later.place == earlier.place {
                        String::new()
                    } else {
                        format!(" with the condition in line {}", earlier.place.line)
                    };
                    self.report(
                        Code::NeverTrue,
                        later.place,
                        format!(
                            "no value of `{}` can be like this together{place}: the rule `{}` is never true",
                            later.subject.join("."),
                            self.rule.name
                        ),
                        None,
                    );
                }
                said.push(later);
            }
        }
        let narrowed = self.narrowed(&flat, left);
        for condition in flat {
            match condition {
                Condition::All(_) => {}
                Condition::Any(conditions) => {
                    for condition in conditions {
                        self.all(&[condition], &narrowed);
                    }
                }
                Condition::Not(inner) => self.all(&[&**inner], &narrowed),
                Condition::Action(actions, _) => self.actions(actions),
                Condition::Event(..) => {}
                Condition::Test(test) => self.test(test, &narrowed),
            }
        }
    }

    fn narrowed(&self, conditions: &[&'a Condition], left: &[&'a Tool]) -> Vec<&'a Tool> {
        let named = conditions.iter().find_map(|condition| match condition {
            Condition::Action(actions, _) => Some(actions.iter().map(String::as_str).collect()),
            _ => None,
        });
        match (named, self.tools) {
            (Some(actions), Some(tools)) => {
                let actions: Vec<&str> = actions;
                tools.of_actions(&actions)
            }
            _ => left.to_vec(),
        }
    }

    fn actions(&mut self, actions: &[String]) {
        let Some(tools) = self.tools else { return };
        for action in actions {
            if let Some(message) = unknown(action, true, tools) {
                self.report(Code::UnknownAction, self.rule.place, message, None);
            }
        }
    }

    fn test(&mut self, test: &Test, left: &[&Tool]) {
        let Some(tools) = self.tools else { return };
        let Some((args, path)) = test.subject.split_first() else {
            return;
        };
        if args != "args" || path.is_empty() {
            return;
        }
        let name = path.join(".");
        if let Some(message) = missing(path, left, tools) {
            self.report(Code::UnknownArgument, test.place, message, None);
            return;
        }
        let why = fact(&test.operator).and_then(|fact| wrong(path, &fact, left));
        if let Some(why) = why {
            self.report(
                Code::WrongType,
                test.place,
                format!("the argument `{name}` is never like this: {why}"),
                None,
            );
        }
        self.optional(test, path, &name, left);
    }

    /// A `deny` or `hitl` on what may be left out: either it fires for that, or it is got past so.
    fn optional(&mut self, test: &Test, path: &[String], name: &str, left: &[&Tool]) {
        let presence = matches!(test.operator, Operator::Exists(_) | Operator::Type(_));
        if self.rule.then == Then::Allow || presence {
            return;
        }
        let Some(tool) = left.iter().find(
            |tool| matches!(tool.argument(path), Lookup::Found(argument) if !argument.required),
        ) else {
            return;
        };
        let fires = matches!(
            test.operator,
            Operator::Limit(..)
                | Operator::Other(_)
                | Operator::NotIn(_)
                | Operator::NotContains(_)
        );
        let (what, fix) = if fires {
            (
                "the rule fires for such a call, for its condition cannot be judged",
                "if that is not meant, add `exists: true`; otherwise make the argument required",
            )
        } else {
            (
                "such a call gets past this condition",
                "add a rule for calls without it (`exists: false`), or make the argument required",
            )
        };
        self.report(
            Code::OptionalArgument,
            test.place,
            format!("the tool `{}` does not require `{name}`: {what}", tool.name),
            Some(fix),
        );
    }

    fn report(&mut self, code: Code, place: Place, message: String, fix: Option<&str>) {
        let finding = Finding::at(code, self.file, place.line, place.column, message);
        self.findings.push(match fix {
            Some(fix) => finding.fix(fix),
            None => finding,
        });
    }
}

fn flatten<'a>(conditions: &[&'a Condition], flat: &mut Vec<&'a Condition>) {
    for condition in conditions {
        match condition {
            Condition::All(inner) => {
                let inner: Vec<&Condition> = inner.iter().collect();
                flatten(&inner, flat);
            }
            other => flat.push(other),
        }
    }
}

fn facts(condition: &Condition, place: Place) -> Option<Said<'_>> {
    let texts = |names: &[String]| names.iter().map(|name| Value::from(name.clone())).collect();
    match condition {
        Condition::Action(names, _) => Some(Said {
            subject: vec!["action"],
            fact: Fact::OneOf(texts(names)),
            place,
        }),
        Condition::Event(names, _) => Some(Said {
            subject: vec!["event_type"],
            fact: Fact::OneOf(texts(names)),
            place,
        }),
        Condition::Test(test) => Some(Said {
            subject: test.subject.iter().map(String::as_str).collect(),
            fact: fact(&test.operator)?,
            place: test.place,
        }),
        _ => None,
    }
}

fn fact(operator: &Operator) -> Option<Fact> {
    let values = |constants: &[Constant]| constants.iter().map(value).collect();
    Some(match operator {
        Operator::Equal(constant) => Fact::OneOf(vec![value(constant)]),
        Operator::In(constants) => Fact::OneOf(values(constants)),
        Operator::Other(constant) => Fact::NoneOf(vec![value(constant)]),
        Operator::NotIn(constants) => Fact::NoneOf(values(constants)),
        Operator::Limit(limit, constant) => match limit {
            Limit::Above => Fact::Above(value(constant), Inclusive::No),
            Limit::AtLeast => Fact::Above(value(constant), Inclusive::Yes),
            Limit::Below => Fact::Below(value(constant), Inclusive::No),
            Limit::AtMost => Fact::Below(value(constant), Inclusive::Yes),
        },
        Operator::Type(types) => Fact::Type(types.clone()),
        _ => return None,
    })
}

fn value(constant: &Constant) -> Value {
    match constant {
        Constant::Bool(value) => Value::Bool(*value),
        Constant::Number(number) => Value::Number(number.value.clone()),
        Constant::Text(text) => Value::String(text.clone()),
    }
}
