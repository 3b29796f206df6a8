//! What rules compare the event with: what might be changed in it.

use std::collections::BTreeSet;

use kitelogik_core::PolicyInput;
use regorus::Value;
use regorus::unstable::BoolOp;
use serde_json::{Value as Json, json};

use super::super::Program;
use super::super::node::{Definition, GroupId, Kind, Node, Slot, Step};
use super::reads::{Path, direct};
use super::walk::{self, Binder};

/// More are not looked for.
const MAX_CANDIDATES: usize = 512;
/// How many rules and functions are followed within each other.
const MAX_DEPTH: usize = 8;

/// A change of one part of the event that a rule may ask for; whether it changes the answer is not known.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Candidate {
    /// Where, as in `["args", "amount"]`.
    pub at: Vec<String>,
    /// What.
    pub change: Change,
}

/// A change of one part of the event.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is this.
    Set(Json),
    /// The list has this as well.
    Add(Json),
    /// It is not there.
    Remove,
}

pub(super) fn of(
    program: &Program,
    input: &PolicyInput<'_>,
    groups: &BTreeSet<GroupId>,
) -> Vec<Candidate> {
    let mut gathering = Gathering {
        program,
        input,
        seen: BTreeSet::new(),
        found: Vec::new(),
    };
    for group in groups {
        gathering.rules(*group, 0);
    }
    gathering.found
}

struct Gathering<'a> {
    program: &'a Program,
    input: &'a PolicyInput<'a>,
    seen: BTreeSet<GroupId>,
    found: Vec<Candidate>,
}

/// A rule, and what its arguments are where it is called.
struct Place<'a> {
    definition: &'a Definition,
    arguments: &'a [Option<Target>],
    depth: usize,
}

/// A part of the input, or a member of it.
#[derive(Clone, Debug)]
struct Target {
    path: Path,
    member: bool,
}

impl<'a> Gathering<'a> {
    fn rules(&mut self, id: GroupId, depth: usize) {
        let program = self.program;
        let Some(group) = program.groups.get(id) else {
            return;
        };
        if depth > MAX_DEPTH || matches!(group.kind, Kind::Function(_)) || !self.seen.insert(id) {
            return;
        }
        for number in group.index.candidates(self.input) {
            if let Some(definition) = group.definitions.get(number) {
                self.definition(&Place {
                    definition,
                    arguments: &[],
                    depth,
                });
            }
        }
    }

    fn definition(&mut self, place: &Place<'_>) {
        let bodies = place.definition.bodies.iter();
        for steps in bodies.map(|body| &*body.steps) {
            for step in steps {
                self.step(step, place);
            }
        }
    }

    fn step(&mut self, step: &Step, place: &Place<'_>) {
        match step {
            Step::Test(node) => {
                if let Some(target) = target(node, place) {
                    self.found(&target, &[json!(true)]);
                }
            }
            Step::Not(steps) => {
                for step in steps {
                    if let Step::Test(node) = step
                        && let Some(target) = target(node, place)
                    {
                        self.found(&target, &[json!(false)]);
                    }
                    self.step(step, place);
                }
                return;
            }
            Step::Every(every) => every.steps.iter().for_each(|step| self.step(step, place)),
            Step::Match(..) | Step::Each(_) | Step::Refer(_) => {}
        }
        for node in walk::nodes(step) {
            self.node(node, place);
        }
    }

    fn node(&mut self, node: &Node, place: &Place<'_>) {
        match node {
            Node::Compare(operation, left, right, _) => {
                for (one, other) in [(left, right), (right, left)] {
                    if let (Some(target), Node::Known(constant)) = (target(one, place), &**other) {
                        let values = match operation {
                            BoolOp::Eq => around(constant, false),
                            // Nobody writes null but where it is asked for.
                            _ => given(around(constant, true)),
                        };
                        self.found(&target, &values);
                    }
                }
            }
            Node::In {
                value, collection, ..
            } => match (target(value, place), &**value, &**collection) {
                (Some(target), _, Node::Known(members)) => {
                    self.found(&target, &constants(members));
                }
                (_, Node::Known(member), _) => {
                    if let Some(mut target) = target(collection, place) {
                        target.member = true;
                        self.found(&target, &constants(member));
                    }
                }
                _ => {}
            },
            Node::InTexts(value, texts) => {
                if let Some(target) = target(value, place) {
                    let mut texts: Vec<Json> = texts.iter().map(|text| json!(text)).collect();
                    texts.sort_by_key(ToString::to_string);
                    self.found(&target, &texts);
                }
            }
            Node::Rules(group) => self.rules(*group, place.depth + 1),
            Node::Call(group, arguments) => {
                self.together(arguments, place);
                self.call(*group, arguments, place);
            }
            Node::Builtin(call) if direct(node).is_none() => {
                self.together(&call.arguments, place);
            }
            _ => {}
        }
        for child in walk::children(node) {
            self.node(child, place);
        }
    }

    /// Constants beside a part of the input in a call.
    fn together(&mut self, arguments: &[Node], place: &Place<'_>) {
        let values: Vec<Json> = arguments
            .iter()
            .filter_map(|argument| match argument {
                Node::Known(value @ (Value::Array(_) | Value::Set(_))) => Some(constants(value)),
                Node::Known(value) => Some(around(value, true)),
                _ => None,
            })
            .flatten()
            .collect();
        let values = given(values);
        for argument in arguments {
            if let Some(target) = target(argument, place) {
                self.found(&target, &values);
            }
        }
    }

    fn call(&mut self, group: GroupId, arguments: &[Node], place: &Place<'_>) {
        if place.depth >= MAX_DEPTH {
            return;
        }
        let program = self.program;
        let targets: Vec<Option<Target>> = arguments
            .iter()
            .map(|argument| target(argument, place))
            .collect();
        if targets.iter().all(Option::is_none) {
            return;
        }
        let Some(group) = program.groups.get(group) else {
            return;
        };
        for definition in &group.definitions {
            self.definition(&Place {
                definition,
                arguments: &targets,
                depth: place.depth + 1,
            });
        }
    }

    fn found(&mut self, target: &Target, values: &[Json]) {
        let at = &target.path;
        let path: Vec<&str> = at.iter().map(String::as_str).collect();
        let changes: Vec<Change> = match path.as_slice() {
            ["args", _, ..] | ["context", "user_role"] if !target.member => values
                .iter()
                .cloned()
                .map(Change::Set)
                .chain((path.first() == Some(&"args")).then_some(Change::Remove))
                .collect(),
            ["args", _, ..] | ["context", "session_scopes"] if target.member => {
                values.iter().cloned().map(Change::Add).collect()
            }
            _ => return,
        };
        for change in changes {
            let candidate = Candidate {
                at: at.clone(),
                change,
            };
            if self.found.len() < MAX_CANDIDATES && !self.found.contains(&candidate) {
                self.found.push(candidate);
            }
        }
    }
}

/// The part of the input that `node` is.
fn target(node: &Node, place: &Place<'_>) -> Option<Target> {
    if let Some(path) = direct(node) {
        return Some(Target {
            path,
            member: false,
        });
    }
    match node {
        Node::Local(slot) => local(*slot, place),
        Node::Item { of, key, .. } => {
            let mut target = target(of, place).filter(|target| !target.member)?;
            match &**key {
                Node::Known(Value::String(key)) => target.path.push(key.to_string()),
                _ => return None,
            }
            Some(target)
        }
        _ => None,
    }
}

fn local(slot: Slot, place: &Place<'_>) -> Option<Target> {
    if let Some(argument) = place.arguments.get(slot) {
        return argument.clone();
    }
    let mut steps = place.definition.bodies.iter().map(|body| &*body.steps);
    let binder = steps.find_map(|steps| walk::binders(steps, slot).into_iter().next())?;
    let (Binder::Is(node) | Binder::PartOf(node)) = binder;
    // A variable may be made of another, but not of itself.
    let mut target = match node {
        Node::Local(other) if *other < slot => local(*other, place)?,
        Node::Local(_) => return None,
        other => Target {
            path: direct(other)?,
            member: false,
        },
    };
    target.member |= matches!(binder, Binder::PartOf(_));
    Some(target)
}

fn constants(value: &Value) -> Vec<Json> {
    let one = |value: &Value| serde_json::to_value(value).ok();
    match value {
        Value::Array(items) => items.iter().filter_map(one).collect(),
        Value::Set(items) => items.iter().filter_map(one).collect(),
        value => one(value).into_iter().collect(),
    }
}

/// Those that are something.
fn given(mut values: Vec<Json>) -> Vec<Json> {
    values.retain(|value| !value.is_null());
    values
}

/// A constant, and what lies just beside it.
fn around(value: &Value, beside: bool) -> Vec<Json> {
    let Value::Number(number) = value else {
        return constants(value);
    };
    let mut values = constants(value);
    if beside {
        match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => {
                values.extend([number.saturating_sub(1), number.saturating_add(1)].map(Json::from));
            }
            (None, Some(number)) => {
                values.extend([number - 0.01, number + 0.01].map(Json::from));
            }
            (None, None) => {}
        }
    }
    values
}
