//! Which rules of a path an event rules out before any of them is looked at.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use kitelogik_core::{GovernanceEvent, PolicyInput};
use regorus::Value;
use regorus::unstable::BoolOp;

use super::input::Field;
use super::node::{Body, Definition, Group, GroupId, Head, Kind, Node, Step};
use super::reduction::{IndexKey, Texts};
use super::trace::walk;

/// Rules by what they ask of the event's action, tool or type; those that ask nothing are always looked at.
#[derive(Debug, Default)]
pub(super) struct Index {
    always: Vec<usize>,
    by_action: Buckets,
    by_tool: Buckets,
    by_event: Buckets,
    /// What each body asks, of those rules with several where one asks anything.
    bodies: HashMap<usize, Box<[Condition]>>,
}

type Buckets = HashMap<Arc<str>, Vec<usize>>;

impl Index {
    /// That rules nothing out.
    pub(super) fn of_all(count: usize) -> Self {
        Self {
            always: (0..count).collect(),
            ..Self::default()
        }
    }

    /// The rules that `input` does not rule out.
    pub(super) fn candidates<'a>(
        &'a self,
        input: &PolicyInput<'_>,
    ) -> impl Iterator<Item = usize> + use<'a> {
        let event = input.event();
        let bucket = |buckets: &'a Buckets, key: &str| -> &'a [usize] {
            if buckets.is_empty() {
                return &[];
            }
            buckets.get(key).map_or(&[], Vec::as_slice)
        };
        let tool: &'a [usize] = match event {
            GovernanceEvent::ToolCall(call) => bucket(&self.by_tool, &call.tool_name),
            _ => &[],
        };
        self.always
            .iter()
            .chain(bucket(&self.by_action, event.action()))
            .chain(tool)
            .chain(bucket(&self.by_event, event.event_type()))
            .copied()
    }

    /// The rules that events of `key` do not rule out, as [`candidates`](Self::candidates) has it.
    pub(super) fn admitted(&self, key: &IndexKey) -> BTreeSet<usize> {
        let bucket = |buckets: &Buckets, text: &Option<Arc<str>>| -> Vec<usize> {
            let numbers = text.as_ref().and_then(|text| buckets.get(text));
            numbers.cloned().unwrap_or_default()
        };
        let mut admitted: BTreeSet<usize> = self.always.iter().copied().collect();
        admitted.extend(bucket(&self.by_action, &key.action));
        admitted.extend(bucket(&self.by_tool, &key.tool));
        admitted.extend(bucket(&self.by_event, &key.event));
        admitted
    }

    /// Whether a body of a rule may hold for events of `key`.
    pub(super) fn admits_body(&self, number: usize, body: usize, key: &IndexKey) -> bool {
        let conditions = self.bodies.get(&number);
        conditions
            .and_then(|conditions| conditions.get(body))
            .is_none_or(|condition| condition.admits(key))
    }

    /// Adds all texts that tell one event from another here.
    pub(super) fn texts(&self, texts: &mut Texts) {
        texts.actions.extend(self.by_action.keys().cloned());
        texts.tools.extend(self.by_tool.keys().cloned());
        texts.events.extend(self.by_event.keys().cloned());
        for condition in self.bodies.values().flatten() {
            let all = |allowed: &Allowed| allowed.iter().flatten().cloned().collect::<Vec<_>>();
            texts.actions.extend(all(&condition.action));
            texts.tools.extend(all(&condition.tool));
            texts.events.extend(all(&condition.event));
        }
    }
}

/// The texts that a field must be one of, where that is known.
type Allowed = Option<BTreeSet<Arc<str>>>;

/// What must be true of an event for a rule to hold.
#[derive(Clone, Debug, Default, PartialEq)]
struct Condition {
    action: Allowed,
    tool: Allowed,
    event: Allowed,
}

impl Condition {
    /// What must hold besides. Two conditions on one field are not cut down to what both allow: OPA looks at the rule
    /// where either does, and meets its errors.
    fn and(&mut self, other: Self) {
        let and = |one: &mut Allowed, other: Allowed| match (one.as_mut(), other) {
            (Some(one), Some(other)) => one.extend(other),
            (None, other) => *one = other,
            (Some(_), None) => {}
        };
        and(&mut self.action, other.action);
        and(&mut self.tool, other.tool);
        and(&mut self.event, other.event);
    }

    fn or(&mut self, other: Self) {
        let or = |one: &mut Allowed, other: Allowed| match (one.as_mut(), other) {
            (Some(one), Some(other)) => one.extend(other),
            _ => *one = None,
        };
        or(&mut self.action, other.action);
        or(&mut self.tool, other.tool);
        or(&mut self.event, other.event);
    }

    /// Narrows no field that `step` looks at.
    fn forget_what_is_in(&mut self, step: &Step) {
        let mut open = walk::nodes(step);
        while let Some(node) = open.pop() {
            match node {
                Node::Input(Field::Action, keys) if keys.is_empty() => self.action = None,
                Node::Input(Field::ToolName, keys) if keys.is_empty() => self.tool = None,
                Node::Input(Field::EventType, keys) if keys.is_empty() => self.event = None,
                _ => open.extend(walk::children(node)),
            }
        }
    }

    fn admits(&self, key: &IndexKey) -> bool {
        let admits = |allowed: &Allowed, text: &Option<Arc<str>>| {
            allowed
                .as_ref()
                .is_none_or(|allowed| text.as_ref().is_some_and(|text| allowed.contains(&**text)))
        };
        admits(&self.action, &key.action)
            && admits(&self.tool, &key.tool)
            && admits(&self.event, &key.event)
    }
}

/// Gives each group its index.
pub(super) fn build(groups: &mut [Group]) {
    let indexes: Vec<Index> = {
        let mut conditions = Conditions {
            groups,
            known: vec![None; groups.len()],
            sure: vec![None; groups.len()],
        };
        (0..groups.len()).map(|id| conditions.index(id)).collect()
    };
    for (group, index) in groups.iter_mut().zip(indexes) {
        group.index = index;
    }
}

/// Whether it is an equality with a text that is written there.
fn is_written(node: &Node) -> bool {
    matches!(node, Node::Compare(_, _, _, true))
}

fn is_written_step(step: &Step) -> bool {
    matches!(step, Step::Test(node) if is_written(node))
}

/// How many rules that only test the event a condition is followed through.
const MAX_DEPTH: usize = 8;

struct Conditions<'a> {
    groups: &'a [Group],
    known: Vec<Option<Condition>>,
    /// Groups that are tests and can be no error.
    sure: Vec<Option<bool>>,
}

impl Conditions<'_> {
    fn index(&mut self, id: GroupId) -> Index {
        let mut index = Index::default();
        let Some(group) = self.groups.get(id) else {
            return index;
        };
        for (number, definition) in group.definitions.iter().enumerate() {
            if definition.bodies.len() > 1 && !matches!(group.kind, Kind::Function(_)) {
                let bodies = definition.bodies.iter();
                let conditions: Box<[Condition]> = bodies.map(|body| self.body(body, 0)).collect();
                if conditions
                    .iter()
                    .any(|condition| *condition != Condition::default())
                {
                    index.bodies.insert(number, conditions);
                }
            }
            let condition = match group.kind {
                // Their arguments come before their bodies.
                Kind::Function(_) => Condition::default(),
                _ => self.definition(definition, 0),
            };
            let (buckets, allowed) = match condition {
                Condition {
                    action: Some(allowed),
                    ..
                } => (&mut index.by_action, allowed),
                Condition {
                    tool: Some(allowed),
                    ..
                } => (&mut index.by_tool, allowed),
                Condition {
                    event: Some(allowed),
                    ..
                } => (&mut index.by_event, allowed),
                _ => {
                    index.always.push(number);
                    continue;
                }
            };
            for text in allowed {
                buckets.entry(text).or_default().push(number);
            }
        }
        index
    }

    fn definition(&mut self, definition: &Definition, depth: usize) -> Condition {
        let mut bodies = definition.bodies.iter();
        let mut condition = bodies
            .next()
            .map(|body| self.body(body, depth))
            .unwrap_or_default();
        for body in bodies {
            condition.or(self.body(body, depth));
        }
        condition
    }

    /// OPA indexes equalities with what is written there wherever they stand in a body; other tests of the event, also
    /// equalities with what lies in data, count where nothing before them can be an error, which would be met there.
    ///
    /// Where another condition looks at the same field in a way of its own, OPA may look at the rule for that one: then such an
    /// equality does not count, either.
    fn body(&mut self, body: &Body, depth: usize) -> Condition {
        let mut condition = Condition::default();
        let mut sure = true;
        for step in &body.steps {
            if let Step::Test(node) = step
                && (sure || is_written(node))
            {
                let mut test = self.test(node, depth);
                if !sure {
                    let others = body.steps.iter().filter(|step| !is_written_step(step));
                    others.for_each(|other| test.forget_what_is_in(other));
                }
                condition.and(test);
            }
            sure = sure && self.is_sure(step, depth);
        }
        condition
    }

    fn test(&mut self, node: &Node, depth: usize) -> Condition {
        match node {
            Node::Compare(BoolOp::Eq, one, other, _) => match (&**one, &**other) {
                (Node::Input(field, keys), Node::Known(Value::String(text)))
                | (Node::Known(Value::String(text)), Node::Input(field, keys))
                    if keys.is_empty() =>
                {
                    one_of(*field, BTreeSet::from([Arc::clone(text)]))
                }
                _ => Condition::default(),
            },
            Node::InTexts(value, texts) => match &**value {
                Node::Input(field, keys) if keys.is_empty() => one_of(
                    *field,
                    texts.iter().map(|text| Arc::from(&**text)).collect(),
                ),
                _ => Condition::default(),
            },
            Node::Rules(id) if depth < MAX_DEPTH => self.holds(*id, depth + 1),
            _ => Condition::default(),
        }
    }

    /// Whether `step` can be no error.
    fn is_sure(&mut self, step: &Step, depth: usize) -> bool {
        match step {
            Step::Test(node) => self.is_sure_of(node, depth),
            Step::Not(steps) => steps.iter().all(|step| self.is_sure(step, depth)),
            Step::Match(..) | Step::Each(_) | Step::Every(_) | Step::Refer(_) => false,
        }
    }

    fn is_sure_of(&mut self, node: &Node, depth: usize) -> bool {
        match node {
            Node::Known(_) | Node::Undefined | Node::Local(_) | Node::Input(..) => true,
            Node::Compare(_, one, other, _) => {
                self.is_sure_of(one, depth) && self.is_sure_of(other, depth)
            }
            Node::InTexts(value, _) => self.is_sure_of(value, depth),
            Node::In {
                key,
                value,
                collection,
            } => {
                key.as_ref().is_none_or(|key| self.is_sure_of(key, depth))
                    && self.is_sure_of(value, depth)
                    && self.is_sure_of(collection, depth)
            }
            Node::Rules(id) => self.is_sure_group(*id, depth),
            _ => false,
        }
    }

    fn is_sure_group(&mut self, id: GroupId, depth: usize) -> bool {
        if let Some(known) = self.sure.get(id).copied().flatten() {
            return known;
        }
        // What leads back here is not sure.
        if let Some(known) = self.sure.get_mut(id) {
            *known = Some(false);
        }
        let groups = self.groups;
        let sure = depth < MAX_DEPTH
            && groups.get(id).is_some_and(|group| {
                is_test(group)
                    && group.definitions.iter().all(|definition| {
                        definition
                            .bodies
                            .iter()
                            .all(|body| body.steps.iter().all(|step| self.is_sure(step, depth + 1)))
                    })
            });
        if let Some(known) = self.sure.get_mut(id) {
            *known = Some(sure);
        }
        sure
    }

    /// What must be true for the rules of `id` to be true.
    fn holds(&mut self, id: GroupId, depth: usize) -> Condition {
        if let Some(known) = self.known.get(id).and_then(Clone::clone) {
            return known;
        }
        // Whatever leads back here while it is looked at narrows nothing.
        if let Some(known) = self.known.get_mut(id) {
            *known = Some(Condition::default());
        }
        let groups = self.groups;
        let sure = self.is_sure_group(id, depth);
        let condition = groups
            .get(id)
            .filter(|_| sure)
            .and_then(|group| {
                let mut definitions = group.definitions.iter();
                let mut condition = self.definition(definitions.next()?, depth);
                for definition in definitions {
                    condition.or(self.definition(definition, depth));
                }
                Some(condition)
            })
            .unwrap_or_default();
        if let Some(known) = self.known.get_mut(id) {
            *known = Some(condition.clone());
        }
        condition
    }
}

/// Whether the group is true where one of its bodies holds, and fails a statement otherwise.
fn is_test(group: &Group) -> bool {
    group.kind == Kind::Complete
        && group
            .default
            .as_ref()
            .is_none_or(|default| matches!(default.value, Node::Known(Value::Bool(false))))
        && group.definitions.iter().all(|definition| {
            definition
                .bodies
                .iter()
                .all(|body| matches!(&body.head, Head::Value(Node::Known(Value::Bool(true)))))
        })
}

fn one_of(field: Field, texts: BTreeSet<Arc<str>>) -> Condition {
    let mut condition = Condition::default();
    match field {
        Field::Action => condition.action = Some(texts),
        Field::ToolName => condition.tool = Some(texts),
        Field::EventType => condition.event = Some(texts),
        _ => {}
    }
    condition
}
