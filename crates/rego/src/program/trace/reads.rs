//! Which parts of the input a value is made of.

use std::collections::BTreeSet;

use regorus::Value;

use super::super::Program;
use super::super::input::{Field, Part};
use super::super::node::{Definition, GroupId, Head, Kind, Node, PackageId, Slot};
use super::walk::{self, Binder};

/// Where something lies in the input, as in `["args", "amount"]`; empty is all of it.
pub(super) type Path = Vec<String>;

/// All fields of the input document, and of its context.
const FIELDS: [(Part, &str); 27] = [
    (Part::Whole, "event_type"),
    (Part::Whole, "action"),
    (Part::Whole, "tool_name"),
    (Part::Whole, "args"),
    (Part::Whole, "resource_path"),
    (Part::Whole, "data_classification"),
    (Part::Whole, "session_id"),
    (Part::Whole, "requested_capabilities"),
    (Part::Whole, "delegation_target"),
    (Part::Whole, "steps"),
    (Part::Whole, "context"),
    (Part::Context, "session_id"),
    (Part::Context, "principal"),
    (Part::Context, "user_role"),
    (Part::Context, "session_scopes"),
    (Part::Context, "sandbox_verified"),
    (Part::Context, "token_id"),
    (Part::Context, "delegation_depth"),
    (Part::Context, "parent_token_id"),
    (Part::Context, "parent_session_id"),
    (Part::Context, "tenant_id"),
    (Part::Context, "budget_total_tokens"),
    (Part::Context, "budget_used_tokens"),
    (Part::Context, "budget_total_api_calls"),
    (Part::Context, "budget_used_api_calls"),
    (Part::Context, "budget_total_cost_cents"),
    (Part::Context, "budget_used_cost_cents"),
];

/// Where `keys` below `field` lie.
pub(super) fn path_of(field: Field, keys: &[Value]) -> Path {
    let mut path = Vec::new();
    let named = FIELDS
        .iter()
        .find(|(part, name)| Field::named(*part, name) == Some(field));
    if let Some((part, name)) = named {
        if *part == Part::Context {
            path.push("context".to_owned());
        }
        path.push((*name).to_owned());
    }
    path.extend(keys.iter().map(key));
    path
}

fn key(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

/// The path that `object.get(input, …)` looks up, and other references into the input of constant keys.
pub(super) fn direct(node: &Node) -> Option<Path> {
    match node {
        Node::Input(field, keys) => Some(path_of(*field, keys)),
        Node::Item { of, key: index, .. } => {
            let mut path = direct(of)?;
            let Node::Known(index) = &**index else {
                return None;
            };
            path.push(key(index));
            Some(path)
        }
        Node::Builtin(call) if call.builtin.is_get() => {
            let [object, keys, _] = &*call.arguments else {
                return None;
            };
            let mut path = direct(object)?;
            match keys {
                Node::Known(Value::Array(keys)) => path.extend(keys.iter().map(key)),
                Node::Known(only) => path.push(key(only)),
                _ => return None,
            }
            Some(path)
        }
        _ => None,
    }
}

/// Gathers what values are made of; what only decides whether they are there does not count.
pub(super) struct Reads<'a> {
    program: &'a Program,
    groups: BTreeSet<GroupId>,
    slots: BTreeSet<(usize, Slot)>,
    pub(super) paths: BTreeSet<Path>,
}

/// A rule, and how many of its first variables are arguments: those are read where it is called.
#[derive(Clone, Copy)]
struct Place<'a> {
    definition: &'a Definition,
    arguments: usize,
}

impl<'a> Reads<'a> {
    pub(super) fn of(program: &'a Program, node: &'a Node, definition: &'a Definition) -> Self {
        let mut reads = Self {
            program,
            groups: BTreeSet::new(),
            slots: BTreeSet::new(),
            paths: BTreeSet::new(),
        };
        let place = Place {
            definition,
            arguments: 0,
        };
        reads.node(node, place);
        reads
    }

    fn node(&mut self, node: &'a Node, place: Place<'a>) {
        if let Some(path) = direct(node) {
            self.paths.insert(path);
            return;
        }
        match node {
            Node::Local(slot) => self.local(*slot, place),
            Node::Rules(group) => self.group(*group),
            Node::Package(package) => self.package(*package),
            Node::Call(group, _) => self.group(*group),
            _ => {}
        }
        for child in walk::children(node) {
            self.node(child, place);
        }
    }

    fn local(&mut self, slot: Slot, place: Place<'a>) {
        let definition = place.definition;
        let address = std::ptr::from_ref(definition) as usize;
        if !self.slots.insert((address, slot)) {
            return;
        }
        let bodies = definition.bodies.iter().map(|body| &*body.steps);
        let mut bound = false;
        for steps in [&*definition.arguments].into_iter().chain(bodies) {
            for binder in walk::binders(steps, slot) {
                let (Binder::Is(node) | Binder::PartOf(node)) = binder;
                self.node(node, place);
                bound = true;
            }
        }
        if !bound && slot >= place.arguments {
            // It gets its value in what is left to the interpreter, and may be anything.
            self.paths.insert(Path::new());
        }
    }

    fn group(&mut self, id: GroupId) {
        if !self.groups.insert(id) {
            return;
        }
        let Some(group) = self.program.groups.get(id) else {
            return;
        };
        if let Kind::Refer(_) = group.kind {
            // It may be anything.
            self.paths.insert(Path::new());
            return;
        }
        let arguments = match group.kind {
            Kind::Function(count) => count,
            _ => 0,
        };
        for definition in &group.definitions {
            let place = Place {
                definition,
                arguments,
            };
            for body in &definition.bodies {
                if let Head::Refer(_) = body.head {
                    self.paths.insert(Path::new());
                }
                for node in walk::head(&body.head) {
                    self.node(node, place);
                }
            }
        }
    }

    fn package(&mut self, id: PackageId) {
        let Some(package) = self.program.packages.get(id) else {
            return;
        };
        for (_, group) in &package.rules {
            self.group(*group);
        }
        for (_, below) in &package.packages {
            self.package(*below);
        }
    }
}
