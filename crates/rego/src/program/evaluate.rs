//! One decision: what is known so far, and how nodes get their values.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::{Duration, Instant, SystemTime};

use kitelogik_core::PolicyInput;
use regorus::Value;
use regorus::unstable::{BinOp, BoolOp, sets};

use super::Program;
use super::node::{
    Arithmetic, BuiltinCall, Comprehension, GroupId, Makes, Node, PackageId, Place, ReasonId,
    SetOperation, Slot,
};
use super::operation::{compare, is_member, is_numbered, put};
use super::solve::Flow;
use super::value::{Val, defined};
use crate::decimal::Decimal;
use crate::{Fault, allowance, operators};

/// How deep expressions and rules may stand within each other.
const MAX_DEPTH: usize = 160;
/// A few steps of work between two looks at the clock.
const STEPS_PER_LOOK: u32 = 64;

/// Why a program comes to no answer.
#[derive(Debug)]
pub(super) enum Stop {
    /// The interpreter decides: why.
    Refer(ReasonId),
    /// The interpreter decides: rules stand too deep within each other or lead to themselves, or values meet that are
    /// not treated alike everywhere.
    Unsure,
    /// There is no answer.
    Fault(Fault),
}

pub(super) type Evaluated<T> = Result<T, Box<Stop>>;

pub(super) fn refer<T>(reason: ReasonId) -> Evaluated<T> {
    Err(Box::new(Stop::Refer(reason)))
}

pub(super) fn fault<T>(place: &Place, error: &anyhow::Error) -> Evaluated<T> {
    let placed = |what: String| format!("{}:{}:{}: {what}", place.file, place.line, place.column);
    let text = error.to_string();
    let what = text.rsplit("error: ").next().unwrap_or(&text).trim();
    let fault = match Fault::of(&anyhow::anyhow!("{what}")) {
        Fault::Limit(what) => Fault::Limit(placed(what)),
        Fault::Error(what) => Fault::Error(placed(what)),
        other => other,
    };
    Err(Box::new(Stop::Fault(fault)))
}

pub(super) fn error<T>(place: &Place, what: &str) -> Evaluated<T> {
    fault(place, &anyhow::anyhow!("{what}"))
}

/// Counts a member that a collection gets.
pub(super) fn gather(member: &Val<'_>, place: &Place) -> Evaluated<()> {
    let copied = match member {
        Val::Text(text) => text.len(),
        _ => 0,
    };
    allowance::gathered(copied).or_else(|error| fault(place, &error))
}

#[derive(Debug)]
pub(super) enum Memo<'a> {
    Running,
    Done(Option<Val<'a>>),
}

/// Numbers are spread well enough as they are.
#[derive(Default)]
pub(super) struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_usize(&mut self, number: usize) {
        self.0 = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

pub(super) struct Evaluation<'a> {
    pub(super) program: &'a Program,
    pub(super) input: &'a PolicyInput<'a>,
    /// The variables of all rules that are being looked at; those of the innermost begin at `base`.
    pub(super) slots: Vec<Option<Val<'a>>>,
    pub(super) base: usize,
    pub(super) rules: HashMap<GroupId, Memo<'a>, BuildHasherDefault<Plain>>,
    packages: HashMap<PackageId, Memo<'a>, BuildHasherDefault<Plain>>,
    depth: usize,
    steps: u32,
    begun: Instant,
    time: Duration,
    now: Option<Value>,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(program: &'a Program, input: &'a PolicyInput<'a>, time: Duration) -> Self {
        Self {
            program,
            input,
            slots: Vec::with_capacity(32),
            base: 0,
            rules: HashMap::with_capacity_and_hasher(64, BuildHasherDefault::default()),
            packages: HashMap::default(),
            depth: 0,
            steps: 0,
            begun: Instant::now(),
            time,
            now: None,
        }
    }

    /// Counts a step, and looks at the clock now and then.
    pub(super) fn tick(&mut self) -> Evaluated<()> {
        self.steps = self.steps.wrapping_add(1);
        if self.steps.is_multiple_of(STEPS_PER_LOOK) && self.begun.elapsed() > self.time {
            return Err(Box::new(Stop::Fault(Fault::OutOfTime(self.time))));
        }
        Ok(())
    }

    pub(super) fn deeper<T>(
        &mut self,
        then: impl FnOnce(&mut Self) -> Evaluated<T>,
    ) -> Evaluated<T> {
        if self.depth >= MAX_DEPTH {
            return Err(Box::new(Stop::Unsure));
        }
        self.depth += 1;
        let result = then(self);
        self.depth -= 1;
        result
    }

    pub(super) fn local(&self, slot: Slot) -> Option<Val<'a>> {
        self.slots.get(self.base + slot).cloned().flatten()
    }

    pub(super) fn set(&mut self, slot: Slot, value: Val<'a>) {
        if let Some(place) = self.slots.get_mut(self.base + slot) {
            *place = Some(value);
        }
    }

    /// The value of `node`; none where it is undefined.
    pub(super) fn value(&mut self, node: &'a Node) -> Evaluated<Option<Val<'a>>> {
        match node {
            Node::Known(value) => Ok(Some(Val::Known(value))),
            Node::Undefined => Ok(None),
            Node::Local(slot) => Ok(self.local(*slot)),
            Node::Input(field, keys) => {
                let mut value = field.read(self.input);
                for key in keys {
                    value = value.and_then(|value| value.get(&Val::Known(key)));
                }
                Ok(value)
            }
            Node::Now => Ok(Some(Val::Owned(self.now()))),
            Node::Rules(group) => self.rules(*group),
            Node::Compare(operation, left, right) if left.is_leaf() && right.is_leaf() => {
                self.comparison(operation, left, right)
            }
            other => self.deeper(|evaluation| {
                evaluation.tick()?;
                evaluation.compound(other)
            }),
        }
    }

    fn compound(&mut self, node: &'a Node) -> Evaluated<Option<Val<'a>>> {
        Ok(match node {
            Node::Item { of, key, of_data } => {
                let (Some(of), Some(key)) = (self.value(of)?, self.value(key)?) else {
                    return Ok(None);
                };
                let item = of.get(&key);
                if item.is_none() && *of_data && is_numbered(&of, &key) {
                    return Err(Box::new(Stop::Unsure));
                }
                item
            }
            Node::Array(items) => {
                let mut array = Vec::with_capacity(items.len());
                for item in items {
                    array.extend(self.value(item)?.map(|item| item.to_value()));
                }
                (array.len() == items.len()).then(|| Val::Owned(Value::from(array)))
            }
            Node::Set(items) => {
                let mut set = BTreeSet::new();
                let mut whole = true;
                for item in items {
                    match self.value(item)? {
                        Some(item) => {
                            set.insert(item.to_value());
                        }
                        None => whole = false,
                    }
                }
                whole.then(|| Val::Owned(Value::from(set)))
            }
            Node::Object(entries) => {
                let mut object = BTreeMap::new();
                let mut whole = true;
                for (key, value) in entries {
                    match (self.value(key)?, self.value(value)?) {
                        (Some(key), Some(value)) => {
                            object.insert(key.to_value(), value.to_value());
                        }
                        _ => whole = false,
                    }
                }
                whole.then(|| Val::Owned(Value::from(object)))
            }
            Node::Compare(operation, left, right) => self.comparison(operation, left, right)?,
            Node::Arithmetic(arithmetic) => self.arithmetic(arithmetic)?,
            Node::SetOperation(operation) => self.set_operation(operation)?,
            Node::In {
                key,
                value,
                collection,
            } => {
                let key = match key {
                    Some(key) => match self.value(key)? {
                        Some(key) => Some(key),
                        None => return Ok(None),
                    },
                    None => None,
                };
                let (Some(value), Some(collection)) = (self.value(value)?, self.value(collection)?)
                else {
                    return Ok(None);
                };
                Some(Val::bool(is_member(key.as_ref(), &value, &collection)))
            }
            Node::InTexts(value, texts) => self
                .value(value)?
                .map(|value| Val::bool(value.text().is_some_and(|text| texts.contains(text)))),
            Node::Call(group, arguments) => self.call(*group, arguments)?,
            Node::Builtin(call) => self.builtin(call)?,
            Node::Comprehension(comprehension) => Some(self.comprehension(comprehension)?),
            Node::Package(package) => Some(self.package(*package)?),
            Node::Known(_)
            | Node::Undefined
            | Node::Local(_)
            | Node::Input(..)
            | Node::Now
            | Node::Rules(_) => self.value(node)?,
        })
    }

    fn comparison(
        &mut self,
        operation: &BoolOp,
        left: &'a Node,
        right: &'a Node,
    ) -> Evaluated<Option<Val<'a>>> {
        if let (BoolOp::Eq, Node::Array(items), Node::Known(Value::Array(known))) =
            (operation, left, right)
            && items.len() == known.len()
        {
            return self.is_array_of(items, known.iter());
        }
        let (Some(left), Some(right)) = (self.value(left)?, self.value(right)?) else {
            return Ok(None);
        };
        Ok(Some(Val::bool(compare(operation, &left, &right))))
    }

    /// Whether an array of `items` is equal to one that is known, without making it.
    fn is_array_of(
        &mut self,
        items: &'a [Node],
        known: impl Iterator<Item = &'a Value>,
    ) -> Evaluated<Option<Val<'a>>> {
        let (mut whole, mut equal) = (true, true);
        for (item, known) in items.iter().zip(known) {
            match self.value(item)? {
                Some(item) => equal = equal && item.same(&Val::Known(known)),
                None => whole = false,
            }
        }
        Ok(whole.then(|| Val::bool(equal)))
    }

    fn arithmetic(&mut self, node: &'a Arithmetic) -> Evaluated<Option<Val<'a>>> {
        let (Some(left), Some(right)) = (self.value(&node.left)?, self.value(&node.right)?) else {
            return Ok(None);
        };
        if let (Val::Owned(_) | Val::Known(_), Val::Owned(_) | Val::Known(_)) = (&left, &right) {
            let made = left.with(|left| {
                right.with(|right| operators::of_integers(&node.operation, left, right))
            });
            if let Some(made) = made {
                return Ok(Some(Val::Owned(made)));
            }
        }
        let made = match (left.decimal(), right.decimal()) {
            (Some(left), Some(right)) => {
                Decimal::compute(&node.operation, &left, &right).and_then(Val::number)
            }
            _ => operators::of_sets(&node.operation, &left.to_value(), &right.to_value())
                .map(Val::Owned),
        };
        made.map_or_else(|error| fault(&node.place, &error), |value| Ok(Some(value)))
    }

    fn set_operation(&mut self, node: &'a SetOperation) -> Evaluated<Option<Val<'a>>> {
        let (Some(left), Some(right)) = (self.value(&node.left)?, self.value(&node.right)?) else {
            return Ok(None);
        };
        let [one, other] = &node.syntax;
        let (left, right) = (left.to_value(), right.to_value());
        let made = match node.operation {
            BinOp::Union => sets::union(one, other, left, right),
            BinOp::Intersection => sets::intersection(one, other, left, right),
        };
        made.map_or_else(
            |error| fault(&node.place, &error),
            |value| Ok(defined(value)),
        )
    }

    fn builtin(&mut self, node: &'a BuiltinCall) -> Evaluated<Option<Val<'a>>> {
        // Most take one or two: no memory is asked for where what they make is copied from nothing.
        let mut first: [Val<'a>; 3] = [const { Val::Owned(Value::Undefined) }; 3];
        let mut more = Vec::new();
        // All are looked at, whatever comes of the first.
        let mut whole = true;
        let count = node.arguments.len();
        if count > first.len() {
            more.resize(count, Val::Owned(Value::Undefined));
        }
        for (number, argument) in node.arguments.iter().enumerate() {
            let value = self.value(argument)?;
            let place = if count > first.len() {
                more.get_mut(number)
            } else {
                first.get_mut(number)
            };
            match (place, value) {
                (Some(place), Some(value)) => *place = value,
                _ => whole = false,
            }
        }
        if !whole {
            return Ok(None);
        }
        let arguments = if more.is_empty() {
            first.get(..count).unwrap_or_default()
        } else {
            &more
        };
        if let Some(value) = node.builtin.direct(arguments) {
            return Ok(Some(value));
        }
        match node.builtin.call(arguments) {
            Ok(value) => Ok(defined(value)),
            Err(error) => fault(&node.place, &error),
        }
    }

    fn comprehension(&mut self, node: &'a Comprehension) -> Evaluated<Val<'a>> {
        match &node.makes {
            Makes::Array(term) => {
                let mut array = Vec::new();
                self.solve(&node.steps, &mut |evaluation| {
                    if let Some(value) = evaluation.value(term)? {
                        gather(&value, &node.place)?;
                        array.push(value.to_value());
                    }
                    Ok(Flow::On)
                })?;
                Ok(Val::Owned(Value::from(array)))
            }
            Makes::Set(term) => {
                let mut set = BTreeSet::new();
                self.solve(&node.steps, &mut |evaluation| {
                    if let Some(value) = evaluation.value(term)? {
                        gather(&value, &node.place)?;
                        set.insert(value.to_value());
                    }
                    Ok(Flow::On)
                })?;
                Ok(Val::Owned(Value::from(set)))
            }
            Makes::Object(key, value) => {
                let mut object = BTreeMap::new();
                self.solve(&node.steps, &mut |evaluation| {
                    if let (Some(key), Some(value)) =
                        (evaluation.value(key)?, evaluation.value(value)?)
                    {
                        gather(&key, &node.place)?;
                        gather(&value, &node.place)?;
                        put(&mut object, &key, &value, &node.place)?;
                    }
                    Ok(Flow::On)
                })?;
                Ok(Val::Owned(Value::from(object)))
            }
        }
    }

    /// Nanoseconds since 1970, as the first question of this decision had it.
    fn now(&mut self) -> Value {
        let now = self.now.get_or_insert_with(|| {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            Value::from(since.unwrap_or_default().as_nanos())
        });
        now.clone()
    }

    pub(super) fn package_memo(&mut self, package: PackageId) -> Evaluated<Option<Val<'a>>> {
        match self.packages.get(&package) {
            Some(Memo::Done(value)) => Ok(value.clone()),
            Some(Memo::Running) => Err(Box::new(Stop::Unsure)),
            None => {
                self.packages.insert(package, Memo::Running);
                Ok(None)
            }
        }
    }

    pub(super) fn keep_package(&mut self, package: PackageId, value: Val<'a>) {
        self.packages.insert(package, Memo::Done(Some(value)));
    }
}
