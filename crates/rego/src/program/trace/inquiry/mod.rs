//! What the interpreter comes to for the rules that are left to it, for people.
//!
//! It knows neither which rule fired nor where another stopped. So it is asked: by rules that say what the whole rule
//! says, and by others that hold where the beginnings of its bodies do. They are made of the text, so they hold whatever order
//! it evaluates statements in; and what they cannot tell is not claimed.

mod asking;
mod names;
mod question;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use regorus::Value;

pub(super) use self::names::named;

use self::asking::Asking;
use self::question::{OfBody, Says};
use super::MAX_VALUES;
use super::met::{Met, json};
use super::outcome::{Failed, Outcome};
use super::source::{SourceModule, Sources};
use crate::{Fault, Interpreter};

/// How often within one explanation the policy is compiled with more rules that ask; those that one path has are compiled
/// together.
const MAX_PREPARED: usize = 16;

/// The policy with the rules that were asked about, a package each.
#[derive(Debug, Default)]
pub(super) struct Packages(Mutex<BTreeMap<Vec<String>, Arc<Asking>>>);

/// Asks the interpreter about one input.
pub(super) struct Inquiry<'a> {
    interpreter: &'a Interpreter,
    sources: &'a Sources,
    input: Value,
    /// The same where everything masked is masked: what is made of it shows nothing that may not be shown.
    masked: Value,
    time: Duration,
    /// What it took to make rules that ask, which is done once.
    pub(super) prepared_in: Duration,
    prepared: usize,
    /// Whether something is not known because it took too long.
    pub(super) out_of_time: bool,
}

impl<'a> Inquiry<'a> {
    pub(super) fn new(
        interpreter: &'a Interpreter,
        sources: &'a Sources,
        input: Value,
        masked: Value,
        time: Duration,
    ) -> Self {
        Self {
            interpreter,
            sources,
            input,
            masked,
            time,
            prepared_in: Duration::ZERO,
            prepared: 0,
            out_of_time: false,
        }
    }

    /// What the rules of `path` say, undefined where they say nothing; none where that is not known.
    pub(super) fn value(&mut self, path: &str) -> Option<Value> {
        let parts = path.split('.');
        let plain = |part: &str| {
            part.bytes()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')
        };
        if !parts.clone().all(plain) {
            return None;
        }
        let engine = self.interpreter.prepared();
        let asked = self
            .interpreter
            .ask(engine, self.input.clone(), path, self.time);
        self.known(asked)?.ok()
    }

    /// What rule number `number` of the module `file` came to; none where that is not known.
    pub(super) fn rule(&mut self, file: &str, number: usize) -> Option<Outcome> {
        let sources = self.sources;
        let (position, module) = sources.module(file)?;
        let asking = self.asking(module, (position, number))?;
        let questions = asking.questions((position, number))?;
        if questions.bodies.is_empty() {
            return None;
        }
        let mut failed = Vec::new();
        for (body, questions) in questions.bodies.iter().enumerate() {
            let written = WrittenBody {
                module,
                rule: number,
                body,
            };
            match self.whole(&asking, questions)? {
                Ok(said) if !said.is_empty() => return Some(Outcome::Fired(said)),
                Ok(_) => failed.push(self.failed(&asking, questions, &written)),
                Err(fault) => {
                    let at = self.stopped(&asking, questions, &written);
                    return Some(Outcome::Stopped { at, fault });
                }
            }
        }
        Some(Outcome::Failed(failed))
    }

    /// Gets ready to be asked about these rules, each its module and its number in that.
    pub(super) fn prepare(&mut self, rules: impl Iterator<Item = (&'a str, usize)>) {
        let sources = self.sources;
        let mut packages: BTreeMap<Vec<String>, BTreeSet<(usize, usize)>> = BTreeMap::new();
        for (file, number) in rules {
            if let Some((position, module)) = sources.module(file) {
                let rules = packages.entry(module.package()).or_default();
                rules.insert((position, number));
            }
        }
        for (package, rules) in packages {
            self.with(&package, rules);
        }
    }

    /// The policy with rules that ask about `rule`.
    fn asking(&mut self, module: &SourceModule, rule: (usize, usize)) -> Option<Arc<Asking>> {
        self.with(&module.package(), BTreeSet::from([rule]))
    }

    fn with(
        &mut self,
        package: &[String],
        mut rules: BTreeSet<(usize, usize)>,
    ) -> Option<Arc<Asking>> {
        let packages = &self.sources.packages.0;
        let lock = || packages.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(package).cloned();
        rules.retain(|rule| {
            let known = known.as_ref().and_then(|known| known.questions(*rule));
            known.is_none()
        });
        if rules.is_empty() {
            return known;
        }
        if self.prepared >= MAX_PREPARED {
            self.out_of_time = true;
            return None;
        }
        self.prepared += 1;
        let begun = Instant::now();
        let made = Asking::with(
            known.as_deref(),
            self.interpreter,
            self.sources,
            package,
            &rules,
        );
        self.prepared_in += begun.elapsed();
        let made = Arc::new(made?);
        lock().insert(package.to_vec(), Arc::clone(&made));
        Some(made)
    }

    /// What is not known because of the time is not known.
    fn known<T>(&mut self, asked: Result<T, Fault>) -> Option<Result<T, Fault>> {
        if matches!(asked, Err(Fault::OutOfTime(_))) {
            self.out_of_time = true;
            return None;
        }
        Some(asked)
    }

    fn ask(&mut self, asking: &Asking, name: &str) -> Option<Result<Value, Fault>> {
        let path = asking.path(name)?;
        let input = self.input.clone();
        let asked = self
            .interpreter
            .ask(&asking.engine, input, &path, self.time);
        self.known(asked)
    }

    /// What is made of the masked input.
    fn ask_masked(&self, asking: &Asking, name: &str) -> Option<Value> {
        let path = asking.path(name)?;
        let input = self.masked.clone();
        self.interpreter
            .ask(&asking.engine, input, &path, self.time)
            .ok()
    }

    /// What a body says; empty where it does not hold.
    fn whole(&mut self, asking: &Asking, questions: &OfBody) -> Option<Result<Vec<Met>, Fault>> {
        let name = &questions.whole.name;
        let value = match self.ask(asking, name)? {
            Ok(value) => value,
            Err(fault) => return Some(Err(fault)),
        };
        let says = said(questions.says, &value);
        if says.is_empty() {
            return Some(Ok(Vec::new()));
        }
        let open = match questions.constant {
            true => says.clone(),
            false => self
                .ask_masked(asking, name)
                .map(|value| said(questions.says, &value))
                .unwrap_or_default(),
        };
        let met = says.iter().take(MAX_VALUES).map(|value| Met {
            expression: String::new(),
            value: json(value),
            at: None,
            made_of: made_of(open.contains(value)),
        });
        Some(Ok(met.collect()))
    }

    /// The first condition that does not hold.
    fn failed(&mut self, asking: &Asking, questions: &OfBody, written: &WrittenBody<'_>) -> Failed {
        let mut held = 0;
        for (position, condition) in questions.conditions.iter().enumerate() {
            let Some(holds) = &condition.holds else {
                continue;
            };
            match self.ask(asking, &holds.name) {
                Some(Ok(Value::Bool(true))) => held = position + 1,
                Some(Ok(Value::Undefined)) => {
                    let mut failed = written.condition(held, position);
                    if held == position {
                        failed.met = self.met(asking, questions, position);
                    }
                    return failed;
                }
                _ => {}
            }
        }
        // Its statements hold, those at least that can be told of; together with what it says they do not.
        written.value(held, questions.conditions.len())
    }

    /// The condition that cannot be evaluated.
    fn stopped(
        &mut self,
        asking: &Asking,
        questions: &OfBody,
        written: &WrittenBody<'_>,
    ) -> Option<Failed> {
        let mut held = 0;
        for (position, condition) in questions.conditions.iter().enumerate() {
            let Some(holds) = &condition.holds else {
                continue;
            };
            match self.ask(asking, &holds.name) {
                None => {}
                Some(Ok(Value::Bool(true))) => held = position + 1,
                // What comes after it was looked at before.
                Some(Ok(_)) => return None,
                Some(Err(_)) => return Some(written.condition(held, position)),
            }
        }
        None
    }

    fn met(&mut self, asking: &Asking, questions: &OfBody, position: usize) -> Vec<Met> {
        let Some(condition) = questions.conditions.get(position) else {
            return Vec::new();
        };
        let Some(ask) = &condition.met else {
            return Vec::new();
        };
        let Some(Ok(value)) = self.ask(asking, &ask.name) else {
            return Vec::new();
        };
        // One way to get there of several.
        let Some(first) = value.as_set().ok().and_then(|ways| ways.first()) else {
            return Vec::new();
        };
        let open = self.ask_masked(asking, &ask.name);
        let open = open.as_ref().and_then(|value| value.as_set().ok());
        let part_of = |way: &Value, number: usize| match way.as_array() {
            Ok(parts) => parts.get(number).cloned(),
            Err(_) => None,
        };
        let mut met = Vec::new();
        for (number, part) in condition.parts.iter().enumerate() {
            let Some(values) = part_of(first, number) else {
                continue;
            };
            let is_open = open.is_some_and(|ways| {
                ways.first().and_then(|way| part_of(way, number)).as_ref() == Some(&values)
            });
            let value = match values.as_array().map(|values| values.as_slice()) {
                Ok([]) => None,
                Ok([value]) => match json(value) {
                    Some(value) => Some(value),
                    // Too large to be shown.
                    None => continue,
                },
                _ => continue,
            };
            met.push(Met {
                expression: part.expression.clone(),
                value,
                at: part.at.clone(),
                made_of: made_of(is_open),
            });
        }
        met
    }
}

/// The values in what a rule says.
fn said(says: Says, value: &Value) -> Vec<Value> {
    match (says, value) {
        (_, Value::Undefined) => Vec::new(),
        (Says::Value, value) => vec![value.clone()],
        (Says::Members, value) => match value.as_set() {
            Ok(members) => members.iter().cloned().collect(),
            Err(_) => Vec::new(),
        },
        (Says::Entries, value) => match value.as_set() {
            Ok(entries) => entries
                .iter()
                .filter_map(|entry| entry.as_array().ok())
                .flat_map(|entry| entry.iter().cloned())
                .collect(),
            Err(_) => Vec::new(),
        },
    }
}

/// The parts of the input that a value is made of: none that is masked, or any.
fn made_of(open: bool) -> Vec<Vec<String>> {
    if open { Vec::new() } else { vec![Vec::new()] }
}

/// A body as its author wrote it.
struct WrittenBody<'a> {
    module: &'a SourceModule,
    rule: usize,
    body: usize,
}

impl WrittenBody<'_> {
    /// The statements from number `first` to number `last`, which do not hold together where those before do.
    fn condition(&self, first: usize, last: usize) -> Failed {
        let (text, line) = self.module.statements(self.rule, self.body, first, last);
        Failed {
            statement: (first == last).then_some(first),
            text,
            line,
            met: Vec::new(),
        }
    }

    /// What the rule would say, with the statements before it that nothing is known of.
    fn value(&self, first: usize, count: usize) -> Failed {
        const VALUE: &str = "the value of the rule";
        match count.checked_sub(1) {
            Some(last) if first < count => {
                let condition = self.condition(first, last);
                Failed {
                    statement: None,
                    text: format!("{} or {VALUE}", condition.text),
                    ..condition
                }
            }
            _ => Failed {
                statement: None,
                text: VALUE.to_owned(),
                line: self.module.line(self.rule, self.body),
                met: Vec::new(),
            },
        }
    }
}
