//! One decision: what is known so far, and what ends it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::{Duration, Instant, SystemTime};

use kitelogik_core::PolicyInput;
use regorus::Value;

use super::Program;
use super::node::{GroupId, Node, PackageId, Place, ReasonId, Slot};
use super::value::Val;
use crate::fault::unframed;
use crate::{Fault, allowance};

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
    let (_, what) = unframed(&text);
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
            Node::Compare(operation, left, right, _) if left.is_leaf() && right.is_leaf() => {
                self.comparison(operation, left, right)
            }
            other => self.deeper(|evaluation| {
                evaluation.tick()?;
                evaluation.compound(other)
            }),
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
