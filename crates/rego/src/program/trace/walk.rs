//! What nodes and steps are made of.

use super::super::node::{Head, Makes, Node, Pattern, Slot, Step};

/// The nodes right inside of `node`, those of the steps of a comprehension among them.
pub(in crate::program) fn children(node: &Node) -> Vec<&Node> {
    match node {
        Node::Known(_)
        | Node::Undefined
        | Node::Local(_)
        | Node::Input(..)
        | Node::Rules(_)
        | Node::Package(_)
        | Node::Now => Vec::new(),
        Node::Item { of, key, .. } => vec![of, key],
        Node::Array(items) | Node::Set(items) | Node::Call(_, items) => items.iter().collect(),
        Node::Object(entries) => entries
            .iter()
            .flat_map(|(key, value)| [key, value])
            .collect(),
        Node::Compare(_, left, right, _) => vec![left, right],
        Node::Arithmetic(node) => vec![&node.left, &node.right],
        Node::SetOperation(node) => vec![&node.left, &node.right],
        Node::In {
            key,
            value,
            collection,
        } => key
            .iter()
            .map(|key| &**key)
            .chain([&**value, &**collection])
            .collect(),
        Node::InTexts(value, _) => vec![value],
        Node::Builtin(call) => call.arguments.iter().collect(),
        Node::Comprehension(node) => {
            let mut inner: Vec<&Node> = node.steps.iter().flat_map(nodes).collect();
            match &node.makes {
                Makes::Array(term) | Makes::Set(term) => inner.push(term),
                Makes::Object(key, value) => inner.extend([key, value]),
            }
            inner
        }
    }
}

/// The nodes of `step`, those of steps within it among them.
pub(in crate::program) fn nodes(step: &Step) -> Vec<&Node> {
    match step {
        Step::Test(node) => vec![node],
        Step::Not(steps) => steps.iter().flat_map(nodes).collect(),
        Step::Match(pattern, node) => {
            let mut inner = vec![node];
            equal(pattern, &mut inner);
            inner
        }
        Step::Each(each) => {
            let mut inner = vec![&each.over];
            equal(&each.key, &mut inner);
            equal(&each.value, &mut inner);
            inner
        }
        Step::Every(every) => {
            let mut inner = vec![&every.over];
            inner.extend(every.steps.iter().flat_map(nodes));
            inner
        }
        Step::Refer(_) => Vec::new(),
    }
}

/// What a rule says.
pub(super) fn head(head: &Head) -> Vec<&Node> {
    match head {
        Head::Value(node) => vec![node],
        Head::Entry(key, value) => vec![key, value],
        Head::Refer(_) => Vec::new(),
    }
}

fn equal<'a>(pattern: &'a Pattern, inner: &mut Vec<&'a Node>) {
    match pattern {
        Pattern::Equal(node) => inner.push(node),
        Pattern::Array(patterns) => patterns.iter().for_each(|pattern| equal(pattern, inner)),
        Pattern::Any | Pattern::Bind(_) => {}
    }
}

/// How a variable gets its value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Binder<'a> {
    /// It is this.
    Is(&'a Node),
    /// It is a part of this.
    PartOf(&'a Node),
}

/// How the variable at `slot` gets its value in `steps`; each way, where there are several.
pub(super) fn binders(steps: &[Step], slot: Slot) -> Vec<Binder<'_>> {
    let mut found = Vec::new();
    steps
        .iter()
        .for_each(|step| binders_in(step, slot, &mut found));
    found
}

fn binders_in<'a>(step: &'a Step, slot: Slot, found: &mut Vec<Binder<'a>>) {
    match step {
        Step::Match(Pattern::Bind(bound), node) if *bound == slot => found.push(Binder::Is(node)),
        Step::Match(pattern, node) if binds(pattern, slot) => found.push(Binder::PartOf(node)),
        Step::Each(each) if binds(&each.key, slot) || binds(&each.value, slot) => {
            found.push(Binder::PartOf(&each.over));
        }
        Step::Every(every) if binds(&every.key, slot) || binds(&every.value, slot) => {
            found.push(Binder::PartOf(&every.over));
        }
        _ => {}
    }
    match step {
        Step::Not(steps) => steps.iter().for_each(|step| binders_in(step, slot, found)),
        Step::Every(every) => every
            .steps
            .iter()
            .for_each(|step| binders_in(step, slot, found)),
        _ => {}
    }
    for node in nodes(step) {
        binders_of(node, slot, found);
    }
}

fn binders_of<'a>(node: &'a Node, slot: Slot, found: &mut Vec<Binder<'a>>) {
    if let Node::Comprehension(comprehension) = node {
        for step in &comprehension.steps {
            binders_in(step, slot, found);
        }
    }
    for child in children(node) {
        binders_of(child, slot, found);
    }
}

fn binds(pattern: &Pattern, slot: Slot) -> bool {
    match pattern {
        Pattern::Bind(bound) => *bound == slot,
        Pattern::Array(patterns) => patterns.iter().any(|pattern| binds(pattern, slot)),
        Pattern::Any | Pattern::Equal(_) => false,
    }
}
