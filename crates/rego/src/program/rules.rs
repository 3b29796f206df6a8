//! What the rules of one path, and all paths of a package, come to.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use regorus::Value;

use super::evaluate::{Evaluated, Evaluation, Memo, Stop, error, gather, refer};
use super::node::{Body, Definition, Group, GroupId, Head, Kind, Node, PackageId};
use super::operation::put;
use super::solve::Flow;
use super::value::Val;

impl<'a> Evaluation<'a> {
    /// What the rules of `id` say; looked at once.
    pub(super) fn rules(&mut self, id: GroupId) -> Evaluated<Option<Val<'a>>> {
        let program = self.program;
        let Some(group) = program.groups.get(id) else {
            return Ok(None);
        };
        if let Some(known) = &group.known {
            return Ok(known.as_ref().map(Val::Known));
        }
        match self.rules.entry(id) {
            Entry::Occupied(entry) => {
                return match entry.get() {
                    Memo::Done(value) => Ok(value.clone()),
                    Memo::Running => Err(Box::new(Stop::Unsure)),
                };
            }
            Entry::Vacant(entry) => {
                entry.insert(Memo::Running);
            }
        }
        let value = self.deeper(|evaluation| match group.kind {
            Kind::Complete => evaluation.complete(group),
            Kind::Set => evaluation.set_of(group),
            Kind::Object => evaluation.object_of(group),
            // Functions are no documents.
            Kind::Function(_) => Ok(None),
            Kind::Refer(reason) => refer(reason),
        })?;
        if let Some(memo) = self.rules.get_mut(&id) {
            *memo = Memo::Done(value.clone());
        }
        Ok(value)
    }

    fn complete(&mut self, group: &'a Group) -> Evaluated<Option<Val<'a>>> {
        let mut value = None;
        for number in group.index.candidates(self.input) {
            if let Some(definition) = group.definitions.get(number) {
                self.framed(definition.slots, |evaluation| {
                    evaluation.outputs(definition, &mut value, false)
                })?;
            }
        }
        match (value, &group.default) {
            (None, Some(default)) => {
                self.framed(default.slots, |evaluation| evaluation.value(&default.value))
            }
            (value, _) => Ok(value),
        }
    }

    /// Gives a rule so many variables of its own.
    fn framed<T>(
        &mut self,
        slots: usize,
        then: impl FnOnce(&mut Self) -> Evaluated<T>,
    ) -> Evaluated<T> {
        if slots == 0 {
            return then(self);
        }
        let (base, length) = (self.base, self.slots.len());
        self.base = length;
        self.slots.resize(length + slots, None);
        let result = then(self)?;
        self.slots.truncate(length);
        self.base = base;
        Ok(result)
    }

    /// What the first body that says something says; into `value`, which must not have another value before.
    fn outputs(
        &mut self,
        definition: &'a Definition,
        value: &mut Option<Val<'a>>,
        of_function: bool,
    ) -> Evaluated<()> {
        if !definition.arguments.is_empty() && !self.holds(&definition.arguments)? {
            return Ok(());
        }
        for body in &definition.bodies {
            let mut said = false;
            self.solve(&body.steps, &mut |evaluation| {
                let output = match &body.head {
                    Head::Value(node) => evaluation.value(node)?,
                    Head::Entry(..) => None,
                    Head::Refer(reason) => return refer(*reason),
                };
                if let Some(output) = output {
                    said = true;
                    match value {
                        Some(before) if !before.same(&output) => {
                            return error(
                                &definition.place,
                                if of_function {
                                    "functions must not produce multiple outputs for same inputs"
                                } else {
                                    "complete rules should not produce multiple outputs"
                                },
                            );
                        }
                        Some(_) => {}
                        None => *value = Some(output),
                    }
                }
                Ok(flow(body))
            })?;
            if said {
                break;
            }
        }
        Ok(())
    }

    fn set_of(&mut self, group: &'a Group) -> Evaluated<Option<Val<'a>>> {
        let mut set = BTreeSet::new();
        for number in group.index.candidates(self.input) {
            if let Some(definition) = group.definitions.get(number) {
                self.framed(definition.slots, |evaluation| {
                    for body in &definition.bodies {
                        evaluation.solve(&body.steps, &mut |evaluation| {
                            match &body.head {
                                Head::Value(node) => {
                                    if let Some(member) = evaluation.value(node)? {
                                        gather(&member, &definition.place)?;
                                        set.insert(member.to_value());
                                    }
                                }
                                Head::Entry(..) => {}
                                Head::Refer(reason) => return refer(*reason),
                            }
                            Ok(flow(body))
                        })?;
                    }
                    Ok(())
                })?;
            }
        }
        Ok(Some(if set.is_empty() {
            Val::Known(&self.program.empty_set)
        } else {
            Val::Owned(Value::from(set))
        }))
    }

    fn object_of(&mut self, group: &'a Group) -> Evaluated<Option<Val<'a>>> {
        let mut object = BTreeMap::new();
        for number in group.index.candidates(self.input) {
            if let Some(definition) = group.definitions.get(number) {
                self.framed(definition.slots, |evaluation| {
                    for body in &definition.bodies {
                        evaluation.solve(&body.steps, &mut |evaluation| {
                            match &body.head {
                                Head::Entry(key, value) => {
                                    if let (Some(key), Some(value)) =
                                        (evaluation.value(key)?, evaluation.value(value)?)
                                    {
                                        gather(&key, &definition.place)?;
                                        gather(&value, &definition.place)?;
                                        put(&mut object, &key, &value, &definition.place)?;
                                    }
                                }
                                Head::Value(_) => {}
                                Head::Refer(reason) => return refer(*reason),
                            }
                            Ok(flow(body))
                        })?;
                    }
                    Ok(())
                })?;
            }
        }
        Ok(Some(Val::Owned(Value::from(object))))
    }

    /// What a function says of `arguments`; they become the first variables of each of its rules.
    pub(super) fn call(
        &mut self,
        id: GroupId,
        arguments: &'a [Node],
    ) -> Evaluated<Option<Val<'a>>> {
        let program = self.program;
        let Some(group) = program.groups.get(id) else {
            return Ok(None);
        };
        if let Kind::Refer(reason) = group.kind {
            return refer(reason);
        }
        let top = self.slots.len();
        // All are looked at, whatever comes of the first.
        let mut whole = true;
        for argument in arguments {
            let value = self.value(argument)?;
            whole &= value.is_some();
            self.slots.push(value);
        }
        if !whole {
            self.slots.truncate(top);
            return Ok(None);
        }
        let base = std::mem::replace(&mut self.base, top);
        let mut value = None;
        for definition in &group.definitions {
            self.slots
                .resize(top + definition.slots.max(arguments.len()), None);
            self.outputs(definition, &mut value, true)?;
            self.slots.truncate(top + arguments.len());
        }
        self.slots.truncate(top);
        self.base = base;
        match (value, &group.default) {
            (None, Some(default)) => {
                self.framed(default.slots, |evaluation| evaluation.value(&default.value))
            }
            (value, _) => Ok(value),
        }
    }

    /// What each rule of a package says, by its name; those that are undefined are not there.
    pub(super) fn rules_of(&mut self, id: PackageId) -> Evaluated<Vec<(&'a Value, Value)>> {
        let program = self.program;
        let Some(package) = program.packages.get(id) else {
            return Ok(Vec::new());
        };
        // A rule that asks for the package it is in leads to itself.
        self.package_memo(id)?;
        let mut rules = Vec::with_capacity(package.rules.len());
        for (name, group) in &package.rules {
            if let Some(value) = self.rules(*group)? {
                rules.push((name, value.to_value()));
            }
        }
        Ok(rules)
    }

    /// All that a package and those below it have, with what `data` has there.
    pub(super) fn package(&mut self, id: PackageId) -> Evaluated<Val<'a>> {
        if let Some(value) = self.package_memo(id)? {
            return Ok(value);
        }
        let mut object = BTreeMap::new();
        let program = self.program;
        if let Some(package) = program.packages.get(id) {
            if let Some(reason) = package.refer {
                return refer(reason);
            }
            if let Some(Value::Object(data)) = &package.data {
                object.extend(data.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            for (name, below) in &package.packages {
                let value = self.deeper(|evaluation| evaluation.package(*below))?;
                object.insert(name.clone(), value.to_value());
            }
            for (name, group) in &package.rules {
                if let Some(value) = self.rules(*group)? {
                    object.insert(name.clone(), value.to_value());
                }
            }
        }
        let value = Val::Owned(Value::from(object));
        self.keep_package(id, value.clone());
        Ok(value)
    }
}

fn flow(body: &Body) -> Flow {
    if body.constant {
        Flow::Enough
    } else {
        Flow::On
    }
}
