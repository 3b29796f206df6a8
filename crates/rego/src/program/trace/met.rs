//! The values that a condition met.

use regorus::Value;
use serde_json::Value as Json;

use super::super::Program;
use super::super::evaluate::{Evaluated, Evaluation};
use super::super::node::{Body, Definition, GroupId, Node, Slot};
use super::reads::{Reads, direct};
use super::walk::{self, Binder};

/// How many values of one condition are shown.
const MAX_MET: usize = 8;
/// How far what has no name is followed.
const MAX_DEPTH: usize = 16;
/// What a value may take, as JSON; a larger one is not shown.
const MAX_BYTES: usize = 64 * 1024;

/// A part of a condition, and its value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Met {
    /// What it is, as in `input.args.amount`.
    pub expression: String,
    /// Its value; none where it is undefined.
    pub value: Option<Json>,
    /// Where it lies in the input, if it does; else it was computed.
    pub at: Option<Vec<String>>,
    /// The parts of the input that it is made of: what must be masked there must be masked in it.
    pub made_of: Vec<Vec<String>>,
}

/// One body of a rule, for people.
pub(super) struct Meeting<'a> {
    pub(super) program: &'a Program,
    /// What it is a rule of.
    pub(super) path: &'a str,
    pub(super) definition: &'a Definition,
    pub(super) body: &'a Body,
    pub(super) names: &'a [(Box<str>, Slot)],
}

impl<'a> Meeting<'a> {
    /// What `looked_at`, the nodes of a step or a head, meet where all before them holds.
    pub(super) fn of(&self, evaluation: &mut Evaluation<'a>, looked_at: &[&'a Node]) -> Vec<Met> {
        let mut nodes: Vec<(String, &'a Node)> = Vec::new();
        for node in looked_at {
            self.gather(node, &mut nodes, 0);
        }
        nodes.truncate(MAX_MET);
        nodes
            .into_iter()
            // What cannot be told is left out.
            .filter_map(|(expression, node)| self.met(evaluation, expression, node).ok())
            .flatten()
            .collect()
    }

    /// What a head says, if it says something.
    pub(super) fn said(
        &self,
        evaluation: &mut Evaluation<'a>,
        node: &'a Node,
    ) -> Evaluated<Option<Met>> {
        let met = self.met(evaluation, String::new(), node)?;
        Ok(met.filter(|met| met.value.is_some()))
    }

    fn met(
        &self,
        evaluation: &mut Evaluation<'a>,
        expression: String,
        node: &'a Node,
    ) -> Evaluated<Option<Met>> {
        let value = match evaluation.value(node)? {
            None => None,
            Some(value) => match value.with(json) {
                Some(json) => Some(json),
                None => return Ok(None),
            },
        };
        let reads = Reads::of(self.program, node, self.definition);
        Ok(Some(Met {
            expression,
            value,
            at: direct(node),
            made_of: reads.paths.into_iter().collect(),
        }))
    }

    /// The parts of `node` whose values are not to be seen in the text.
    fn gather(&self, node: &'a Node, nodes: &mut Vec<(String, &'a Node)>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        if let Some(text) = self.spelled(node) {
            if !nodes.iter().any(|(known, _)| *known == text) {
                nodes.push((text, node));
            }
            if let Node::Rules(group) = node {
                self.behind(*group, nodes);
            }
            return;
        }
        if let Node::Local(slot) = node {
            for binder in walk::binders(&self.body.steps, *slot) {
                let (Binder::Is(node) | Binder::PartOf(node)) = binder;
                self.gather(node, nodes, depth + 1);
            }
            return;
        }
        for child in walk::children(node) {
            self.gather(child, nodes, depth + 1);
        }
    }

    /// The parts of the input that the rules of `group` look at.
    fn behind(&self, group: GroupId, nodes: &mut Vec<(String, &'a Node)>) {
        let program: &'a Program = self.program;
        let definitions = program.groups.get(group).map(|group| &group.definitions);
        for definition in definitions.into_iter().flatten() {
            for body in &definition.bodies {
                for step in &body.steps {
                    for node in walk::nodes(step) {
                        inputs(node, nodes);
                    }
                }
            }
        }
    }

    /// The text of what has a name.
    fn spelled(&self, node: &Node) -> Option<String> {
        if let Some(path) = direct(node) {
            return Some(spelled_input(&path));
        }
        match node {
            Node::Local(slot) => {
                let mut names = self.names.iter();
                let (name, _) = names.find(|(_, known)| known == slot)?;
                (!name.starts_with("kitelogik_")).then(|| name.to_string())
            }
            Node::Rules(group) => {
                let path = &self.program.origins.get(*group)?.path;
                let package = self
                    .path
                    .rsplit_once('.')
                    .map_or("", |(package, _)| package);
                let own = path
                    .strip_prefix(package)
                    .and_then(|rest| rest.strip_prefix('.'))
                    .filter(|rest| !rest.contains('.'));
                Some(own.unwrap_or(path).to_owned())
            }
            Node::Item { of, key, .. } => {
                let mut text = self.spelled(of)?;
                match &**key {
                    Node::Known(Value::String(key)) => push_key(&mut text, key),
                    Node::Known(key) => {
                        text.push_str(&format!("[{}]", serde_json::to_string(key).ok()?));
                    }
                    key => text.push_str(&format!("[{}]", self.spelled(key)?)),
                }
                Some(text)
            }
            _ => None,
        }
    }
}

fn inputs<'a>(node: &'a Node, nodes: &mut Vec<(String, &'a Node)>) {
    match direct(node) {
        Some(path) => {
            let text = spelled_input(&path);
            // What the index knows already is in every rule.
            let plain = path.len() == 1 && path.first().is_some_and(|name| name == "action");
            if !plain && !nodes.iter().any(|(known, _)| *known == text) {
                nodes.push((text, node));
            }
        }
        None => walk::children(node)
            .into_iter()
            .for_each(|child| inputs(child, nodes)),
    }
}

fn spelled_input(path: &[String]) -> String {
    let mut text = "input".to_owned();
    path.iter().for_each(|key| push_key(&mut text, key));
    text
}

fn push_key(text: &mut String, key: &str) {
    let plain = key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && key
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if plain {
        text.push('.');
        text.push_str(key);
    } else if key.bytes().all(|byte| byte.is_ascii_digit()) && !key.is_empty() {
        text.push_str(&format!("[{key}]"));
    } else {
        text.push_str(&format!(
            "[{}]",
            serde_json::to_string(key).unwrap_or_default()
        ));
    }
}

pub(super) fn json(value: &Value) -> Option<Json> {
    crate::document::write(value, MAX_BYTES).ok()
}
