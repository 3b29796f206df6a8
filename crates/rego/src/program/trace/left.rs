//! Rules that are left to the interpreter: what that says of them.

use std::collections::BTreeSet;

use regorus::Value;

use super::super::evaluate::{Evaluation, Memo, Stop};
use super::super::node::{Definition, GroupId, Head, Node, ReasonId, Step};
use super::super::origin::WrittenRule;
use super::super::value::Val;
use super::outcome::{Failed, Outcome};
use super::{Tracer, walk};

/// What is left to it where no statement alone is.
pub(super) const UNSURE: &str =
    "rules that stand too deep within each other, or a comparison that depends on the data";

impl<'a> Tracer<'a> {
    /// Asks the interpreter what the rules say that the last rule led to and the program leaves to it; whether something is
    /// known of them that was not.
    pub(super) fn settle(&mut self) -> bool {
        let mut groups = BTreeSet::new();
        for node in &self.reached {
            rules_in(node, &mut groups);
        }
        let mut settled = false;
        for group in groups {
            if self.settled.contains_key(&group) {
                continue;
            }
            self.begin_anew();
            let stop = self.evaluation.rules(group).map_err(|stop| *stop);
            if let Err(Stop::Refer(_) | Stop::Unsure) = stop {
                let origin = self.program.origins.get(group);
                let value = origin.and_then(|origin| self.inquiry.value(&origin.path));
                settled |= value.is_some();
                self.settled.insert(group, value);
            }
        }
        // What was looked at here was asked for by nobody.
        self.begin_anew();
        settled
    }

    /// Begins an evaluation with what the interpreter said.
    pub(super) fn begin_anew(&mut self) {
        self.evaluation = Evaluation::new(self.program, self.input, self.limits.time);
        for (group, value) in &self.settled {
            let value = match value {
                None => continue,
                Some(Value::Undefined) => None,
                Some(value) => Some(Val::Owned(value.clone())),
            };
            self.evaluation.rules.insert(*group, Memo::Done(value));
        }
    }

    /// Gives the next rule the time that an answer has, and what is known already. Asking the interpreter takes time, too.
    pub(super) fn go_on(&mut self) {
        let known = std::mem::take(&mut self.evaluation.rules);
        self.begin_anew();
        self.evaluation.rules.extend(known);
    }

    /// Gets ready to ask about `rules`, together.
    pub(super) fn prepare(&mut self, rules: impl Iterator<Item = &'a WrittenRule>) {
        let sources = self.sources;
        let numbers = rules.filter_map(|rule| {
            let number = sources.rule(&rule.file, rule.start)?.number;
            Some((&*rule.file, number))
        });
        self.inquiry.prepare(numbers);
    }

    /// What is left to the interpreter.
    pub(super) fn left(&self, reason: ReasonId) -> String {
        let left = self.program.left.get(reason);
        left.map(|left| left.what.clone()).unwrap_or_default()
    }

    /// What the interpreter says that `rule` came to.
    pub(super) fn interpreted(
        &mut self,
        rule: &WrittenRule,
        at: Option<Failed>,
        left: &str,
    ) -> Outcome {
        let sources = self.sources;
        let number = sources.rule(&rule.file, rule.start).map(|rule| rule.number);
        let outcome = number.and_then(|number| self.inquiry.rule(&rule.file, number));
        let (Some(number), Some(outcome)) = (number, outcome) else {
            return Outcome::Interpreted {
                at,
                what: left.to_owned(),
            };
        };
        if let Some((_, module)) = sources.module(&rule.file) {
            self.find_named(&module.named(number, &outcome));
        }
        outcome
    }

    /// Adds the rules that references of these paths lead to.
    fn find_named(&mut self, paths: &[Vec<String>]) {
        for (group, origin) in self.program.origins.iter().enumerate() {
            let own: Vec<&str> = origin.path.split('.').skip(1).collect();
            if paths.iter().any(|path| {
                path.len() >= own.len() && own.iter().zip(path).all(|(own, part)| own == part)
            }) {
                self.add(group);
            }
        }
    }
}

/// Whether a rule has something that is left.
pub(super) fn has_left(definition: &Definition) -> bool {
    definition.bodies.iter().any(|body| {
        let mut steps = body.steps.iter();
        matches!(body.head, Head::Refer(_)) || steps.any(|step| matches!(step, Step::Refer(_)))
    })
}

/// The rules that `node` asks for.
fn rules_in(node: &Node, groups: &mut BTreeSet<GroupId>) {
    if let Node::Rules(group) = node {
        groups.insert(*group);
    }
    walk::children(node)
        .into_iter()
        .for_each(|child| rules_in(child, groups));
}

/// Whether the first condition of a rule says that it is for another action, tool or type of event.
pub(super) fn is_of_another_event(outcome: &Outcome) -> bool {
    const TELLING: [&str; 3] = ["action", "tool_name", "event_type"];
    let Outcome::Failed(conditions) = outcome else {
        return false;
    };
    conditions.iter().all(|condition| {
        let paths = condition.met.iter().map(|met| met.at.as_deref());
        let telling = |path: Option<&[String]>| matches!(path, Some([only]) if TELLING.contains(&only.as_str()));
        condition.statement == Some(0) && !condition.met.is_empty() && paths.clone().all(telling)
    })
}
