//! How nodes that are made of others get their values.

use std::collections::{BTreeMap, BTreeSet};

use regorus::Value;
use regorus::unstable::{BinOp, BoolOp, sets};

use super::evaluate::{Evaluated, Evaluation, Stop, error, fault, gather};
use super::node::{Arithmetic, BuiltinCall, Comprehension, Makes, Node, SetOperation, Within};
use super::operation::{compare, has_text_of, is_member, is_numbered, put};
use super::solve::Flow;
use super::value::{Val, defined};
use crate::allowance::counted;
use crate::decimal::Decimal;
use crate::operators;

impl<'a> Evaluation<'a> {
    /// The value of a node that has others in it; none where it is undefined.
    pub(super) fn compound(&mut self, node: &'a Node) -> Evaluated<Option<Val<'a>>> {
        Ok(match node {
            Node::Item { of, key, within } => {
                let (Some(of), Some(key)) = (self.value(of)?, self.value(key)?) else {
                    return Ok(None);
                };
                let item = of.get(&key);
                if item.is_none() && is_numbered(&of, &key) {
                    match within {
                        Within::Value => {}
                        Within::Data => return Err(Box::new(Stop::Unsure)),
                        Within::DataOrRuledOut(place) if has_text_of(&of, &key) => {
                            return error(place, operators::NUMBERED);
                        }
                        Within::DataOrRuledOut(_) => {}
                    }
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
            Node::Compare(operation, left, right, _) => self.comparison(operation, left, right)?,
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

    pub(super) fn comparison(
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
                .and_then(counted)
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
        made.and_then(counted).map_or_else(
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
        let made = match node.builtin.direct(arguments) {
            Ok(Some(value)) => return Ok(Some(value)),
            Ok(None) => node.builtin.call(arguments),
            Err(error) => Err(error),
        };
        made.map_or_else(
            |error| fault(&node.place, &error),
            |value| Ok(defined(value)),
        )
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
}
