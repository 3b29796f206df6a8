//! What each rule that concerned an event came to, and the first condition that did not hold.
//!
//! A program is not slower for it: nothing is noted while it decides. Its rules are looked at once more, each body as
//! far as it holds. About what it leaves to the interpreter, that is asked.

mod candidate;
mod inquiry;
mod left;
mod met;
mod outcome;
mod reads;
mod source;
pub(super) mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use kitelogik_core::PolicyInput;
use regorus::Value;

use super::evaluate::{Evaluation, Stop};
use super::node::{Body, Definition, GroupId, Head, Kind, Node, PackageId};
use super::origin::{Mark, Origin, WrittenRule};
use super::solve::Flow;
use super::{Limits, Program, limits};
use crate::Interpreter;
use crate::allowance::Allowance;

pub use self::candidate::{Candidate, Change};
pub use self::met::Met;
pub use self::outcome::{Failed, Outcome, Question, Trace, TracedRule};
pub use self::source::Sources;

use self::inquiry::Inquiry;
use self::met::Meeting;
use self::source::Statement;

/// How many values of one rule are shown.
const MAX_VALUES: usize = 8;
/// How often the time of one answer the trace of one may take.
const TIMES: u32 = 10;

impl Program {
    /// What each rule comes to that concerns an event; `sources` are the texts that the program was made of, and
    /// `interpreter` what it was made by.
    ///
    /// It may take ten times as long as an answer may, besides the time to make rules that ask the interpreter, which
    /// `sources` keeps: about as long as loading the policy.
    pub fn trace(
        &self,
        interpreter: &Interpreter,
        sources: &Sources,
        question: &Question<'_>,
    ) -> Trace {
        let incomplete = || Trace {
            incomplete: true,
            ..Trace::default()
        };
        let (input, limits) = (question.input, question.limits);
        if !limits::fits(input, &limits) {
            return incomplete();
        }
        let Ok(document) = crate::read(input, limits.input_bytes, limits.input_depth) else {
            return incomplete();
        };
        let masked = Value::from(question.masked.clone());
        let inquiry = Inquiry::new(interpreter, sources, document, masked, limits.time);
        let tracer = Tracer::new(self, question, sources, inquiry);
        let trace = AssertUnwindSafe(|| tracer.trace(question.also));
        catch_unwind(trace).unwrap_or_else(|_| incomplete())
    }
}

struct Tracer<'a> {
    program: &'a Program,
    input: &'a PolicyInput<'a>,
    limits: Limits,
    sources: &'a Sources,
    evaluation: Evaluation<'a>,
    inquiry: Inquiry<'a>,
    /// What the interpreter says of rules that the program does not know the value of; none where that is not known either.
    settled: BTreeMap<GroupId, Option<Value>>,
    /// What the rule at hand was looked at for.
    reached: Vec<&'a Node>,
    open: Vec<GroupId>,
    seen: BTreeSet<GroupId>,
    rules: BTreeMap<(String, u32, String), TracedRule>,
}

/// What came of one body.
enum Tried {
    Fired(Vec<Met>),
    Failed(Failed),
    Stopped(Option<Failed>, Stop),
}

impl<'a> Tracer<'a> {
    fn new(
        program: &'a Program,
        question: &Question<'a>,
        sources: &'a Sources,
        inquiry: Inquiry<'a>,
    ) -> Self {
        let (input, limits) = (question.input, question.limits);
        Self {
            program,
            input,
            limits,
            sources,
            evaluation: Evaluation::new(program, input, limits.time),
            inquiry,
            settled: BTreeMap::new(),
            reached: Vec::new(),
            open: Vec::new(),
            seen: BTreeSet::new(),
            rules: BTreeMap::new(),
        }
    }

    fn trace(mut self, also: &[&str]) -> Trace {
        let begun = Instant::now();
        let mut incomplete = false;
        for (id, origin) in self.program.origins.iter().enumerate() {
            if also.contains(&&*origin.path) {
                self.add(id);
            }
        }
        // Looked at first.
        self.find(&self.program.entry);
        while let Some(group) = self.open.pop() {
            let took = begun.elapsed().saturating_sub(self.inquiry.prepared_in);
            if took > self.limits.time.saturating_mul(TIMES) {
                incomplete = true;
                break;
            }
            self.group(group);
            let asked: Vec<GroupId> = self.evaluation.rules.keys().copied().collect();
            asked.into_iter().for_each(|group| self.add(group));
        }
        Trace {
            candidates: candidate::of(self.program, self.input, &self.seen),
            rules: self.rules.into_values().collect(),
            incomplete: incomplete || self.inquiry.out_of_time,
        }
    }

    fn add(&mut self, group: GroupId) {
        if self.seen.insert(group) {
            self.open.push(group);
        }
    }

    fn reach(&mut self, nodes: Vec<&'a Node>) {
        nodes.iter().for_each(|node| self.find(node));
        self.reached.extend(nodes);
    }

    /// Adds the rules that `node` asks for.
    fn find(&mut self, node: &'a Node) {
        match node {
            Node::Rules(group) => self.add(*group),
            Node::Package(package) => self.package(*package),
            other => walk::children(other)
                .into_iter()
                .for_each(|child| self.find(child)),
        }
    }

    fn package(&mut self, package: PackageId) {
        let Some(package) = self.program.packages.get(package) else {
            return;
        };
        for (_, group) in &package.rules {
            self.add(*group);
        }
        for (_, below) in &package.packages {
            self.package(*below);
        }
    }

    fn group(&mut self, id: GroupId) {
        let program = self.program;
        let (Some(group), Some(origin)) = (program.groups.get(id), program.origins.get(id)) else {
            return;
        };
        match group.kind {
            Kind::Function(_) => {}
            Kind::Refer(reason) => {
                self.prepare(origin.rules.iter());
                for rule in &origin.rules {
                    let left = self.left(reason);
                    let outcome = self.interpreted(rule, None, &left);
                    if !left::is_of_another_event(&outcome) {
                        self.put(origin, rule, outcome, Some(left));
                    }
                }
            }
            Kind::Complete | Kind::Set | Kind::Object => {
                let candidates = group.index.candidates(self.input);
                let left = |number: &usize| {
                    let definition = group.definitions.get(*number);
                    definition.is_some_and(left::has_left)
                };
                let rules = candidates.filter(left);
                self.prepare(rules.filter_map(|number| origin.rules.get(number)));
                for number in group.index.candidates(self.input) {
                    if let (Some(definition), Some(rule)) =
                        (group.definitions.get(number), origin.rules.get(number))
                    {
                        let (outcome, left) = self.definition(&origin.path, definition, rule);
                        if !is_constant(definition) {
                            self.put(origin, rule, outcome, left);
                        }
                    }
                }
            }
        }
    }

    fn put(&mut self, origin: &Origin, rule: &WrittenRule, outcome: Outcome, left: Option<String>) {
        let own = origin.rules.iter().filter(|other| other.file == rule.file);
        let among = own.take_while(|other| other.start != rule.start).count();
        let source = self.sources.rule(&rule.file, rule.start);
        let line = source.map_or(rule.line, |source| source.line);
        let traced = TracedRule {
            path: origin.path.to_string(),
            file: rule.file.to_string(),
            line,
            number: source.map_or(usize::MAX, |source| source.number),
            among_its_path: among,
            outcome,
            left,
        };
        let place = (traced.file.clone(), rule.start, traced.path.clone());
        self.rules.insert(place, traced);
    }

    /// What a rule comes to, and what of it is left to the interpreter.
    fn definition(
        &mut self,
        path: &'a str,
        definition: &'a Definition,
        rule: &'a WrittenRule,
    ) -> (Outcome, Option<String>) {
        loop {
            self.go_on();
            let (at, stop) = match self.compiled(path, definition, rule) {
                Ok(outcome) => return (outcome, None),
                Err(stopped) => stopped,
            };
            // What was under way is left behind.
            self.begin_anew();
            let left = match stop {
                Stop::Fault(fault) => return (Outcome::Stopped { at, fault }, None),
                Stop::Refer(reason) => self.left(reason),
                Stop::Unsure => left::UNSURE.to_owned(),
            };
            // It may only lead to others that are left to it.
            if self.settle() {
                continue;
            }
            return (self.interpreted(rule, at, &left), Some(left));
        }
    }

    fn compiled(
        &mut self,
        path: &'a str,
        definition: &'a Definition,
        rule: &'a WrittenRule,
    ) -> Result<Outcome, (Option<Failed>, Stop)> {
        self.reached.clear();
        let mut failed = Vec::new();
        for (number, body) in definition.bodies.iter().enumerate() {
            let meeting = Meeting {
                program: self.program,
                path,
                definition,
                body,
                names: &rule.names,
            };
            match self.body(&meeting, rule, number) {
                Tried::Fired(values) => return Ok(Outcome::Fired(values)),
                Tried::Failed(condition) => failed.push(condition),
                Tried::Stopped(at, stop) => return Err((at, stop)),
            }
        }
        Ok(Outcome::Failed(failed))
    }

    fn body(&mut self, meeting: &Meeting<'a>, rule: &WrittenRule, number: usize) -> Tried {
        let steps = &meeting.body.steps;
        self.evaluation.base = 0;
        self.evaluation.slots.clear();
        self.evaluation.slots.resize(meeting.definition.slots, None);
        for count in 1..=steps.len() {
            let (Some(first), Some(step)) = (steps.get(..count), steps.get(count - 1)) else {
                break;
            };
            self.reach(walk::nodes(step));
            let held = {
                let _allowance = Allowance::of(self.program.making);
                self.evaluation.holds(first)
            };
            match held {
                Ok(true) => {}
                Ok(false) => {
                    let mut condition = self.condition(rule, number, count - 1);
                    let before = steps.get(..count - 1).unwrap_or_default();
                    // What cannot be told is left out.
                    let _ = self.evaluation.solve(before, &mut |evaluation| {
                        condition.met = meeting.of(evaluation, &walk::nodes(step));
                        Ok(Flow::Enough)
                    });
                    return Tried::Failed(condition);
                }
                Err(stop) => {
                    let at = self.condition(rule, number, count - 1);
                    return Tried::Stopped(Some(at), *stop);
                }
            }
        }
        self.head(meeting, rule, number)
    }

    /// What a body says that holds.
    fn head(&mut self, meeting: &Meeting<'a>, rule: &WrittenRule, number: usize) -> Tried {
        let body: &'a Body = meeting.body;
        let nodes = match &body.head {
            Head::Value(node) => vec![node],
            Head::Entry(key, value) => vec![key, value],
            Head::Refer(reason) => return Tried::Stopped(None, Stop::Refer(*reason)),
        };
        self.reach(nodes.clone());
        let mut values = Vec::new();
        let allowance = Allowance::of(self.program.making);
        let solved = self.evaluation.solve(&body.steps, &mut |evaluation| {
            for node in &nodes {
                values.extend(meeting.said(evaluation, node)?);
            }
            Ok(if body.constant || values.len() >= MAX_VALUES {
                Flow::Enough
            } else {
                Flow::On
            })
        });
        drop(allowance);
        match solved {
            Ok(_) if values.is_empty() => {
                let mut condition = self.condition(rule, number, usize::MAX);
                condition.statement = None;
                // What cannot be told is left out.
                let _ = self.evaluation.solve(&body.steps, &mut |evaluation| {
                    condition.met = meeting.of(evaluation, &nodes);
                    Ok(Flow::Enough)
                });
                Tried::Failed(condition)
            }
            Ok(_) => Tried::Fired(values),
            Err(stop) => Tried::Stopped(None, *stop),
        }
    }

    /// The statement that step number `step` belongs to.
    fn condition(&self, rule: &WrittenRule, body: usize, step: usize) -> Failed {
        let marks = rule.bodies.get(body).map(|marks| &**marks);
        let statement = marks.and_then(|marks| Mark::statement_of(marks, step));
        let source = self.sources.rule(&rule.file, rule.start);
        let written: Option<&Statement> = source
            .and_then(|source| source.bodies.get(body))
            .and_then(|statements| statements.get(statement?));
        match written {
            Some(written) => Failed {
                statement: written.number,
                text: written.text.clone(),
                line: written.line,
                met: Vec::new(),
            },
            None => Failed {
                statement,
                line: rule.line,
                ..Failed::default()
            },
        }
    }
}

/// Whether a rule is a name for something that is always the same.
fn is_constant(definition: &Definition) -> bool {
    let conditions = definition.bodies.iter().any(|body| !body.steps.is_empty());
    let says_true = definition.bodies.iter().any(|body| {
        matches!(&body.head, Head::Value(Node::Known(Value::Bool(true))))
            || matches!(&body.head, Head::Refer(_))
    });
    !conditions && !says_true
}
