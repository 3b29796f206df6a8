//! Steps: what holds, and each way in which it does.

use super::evaluate::{Evaluated, Evaluation, error, refer};
use super::node::{Each, Every, Node, Pattern, Step};
use super::value::Val;
use regorus::Value;

/// Whether more ways are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    Enough,
}

/// What is done for each way in which steps hold.
pub(super) type Then<'t, 'a> = &'t mut dyn FnMut(&mut Evaluation<'a>) -> Evaluated<Flow>;

impl<'a> Evaluation<'a> {
    /// Calls `then` for each way in which all `steps` hold.
    pub(super) fn solve(&mut self, steps: &'a [Step], then: Then<'_, 'a>) -> Evaluated<Flow> {
        let mut rest = steps;
        while let Some((step, after)) = rest.split_first() {
            self.tick()?;
            let holds = match step {
                Step::Test(node) => self.value(node)?.is_some_and(|value| !value.is_false()),
                Step::Not(steps) => !self.holds(steps)?,
                Step::Match(pattern, node) => match self.value(node)? {
                    Some(value) => self.fits(pattern, value)?,
                    None => false,
                },
                Step::Every(every) => self.every(every)?,
                Step::Each(each) => {
                    return self.deeper(|evaluation| evaluation.each(each, after, then));
                }
                Step::Refer(reason) => return refer(*reason),
            };
            if !holds {
                return Ok(Flow::On);
            }
            rest = after;
        }
        then(self)
    }

    pub(super) fn holds(&mut self, steps: &'a [Step]) -> Evaluated<bool> {
        let flow = self.deeper(|evaluation| evaluation.solve(steps, &mut |_| Ok(Flow::Enough)))?;
        Ok(flow == Flow::Enough)
    }

    fn each(&mut self, each: &'a Each, after: &'a [Step], then: Then<'_, 'a>) -> Evaluated<Flow> {
        if let Node::Set(items) = &each.over
            && let Some(members) = self.set_of_few(items)?
        {
            for member in members {
                self.tick()?;
                if self.fits(&each.key, member.clone())?
                    && self.fits(&each.value, member)?
                    && self.solve(after, then)? == Flow::Enough
                {
                    return Ok(Flow::Enough);
                }
            }
            return Ok(Flow::On);
        }
        let Some(over) = self.value(&each.over)? else {
            return Ok(Flow::On);
        };
        let members = self.members(&over, &mut |evaluation, key, value| {
            if evaluation.fits_key(&each.key, key)? && evaluation.fits(&each.value, value)? {
                evaluation.solve(after, then)
            } else {
                Ok(Flow::On)
            }
        })?;
        match (members, &each.strict) {
            (Some(flow), _) => Ok(flow),
            (None, Some(place)) => error(
                place,
                &format!(
                    "`some … in` expects an array, set or object, not {}",
                    over.kind().name()
                ),
            ),
            (None, None) => Ok(Flow::On),
        }
    }

    /// The members of a set of texts and nothing else that has few `items`, in order, without making the set. None where it has
    /// others; no members where one of them is undefined.
    fn set_of_few(&mut self, items: &'a [Node]) -> Evaluated<Option<Vec<Val<'a>>>> {
        if items.len() > 4 || !items.iter().all(Node::is_cheap) {
            return Ok(None);
        }
        let mut members: Vec<Val<'a>> = Vec::with_capacity(items.len());
        let mut whole = true;
        for item in items {
            match self.value(item)? {
                Some(value) if value.text().is_none() => return Ok(None),
                Some(value) if members.iter().any(|member| member.same(&value)) => {}
                Some(value) => members.push(value),
                None => whole = false,
            }
        }
        if !whole {
            members.clear();
        }
        members.sort_by(|one, other| one.text().cmp(&other.text()));
        Ok(Some(members))
    }

    fn every(&mut self, every: &'a Every) -> Evaluated<bool> {
        let Some(over) = self.value(&every.over)? else {
            return Ok(false);
        };
        let members = self.members(&over, &mut |evaluation, key, value| {
            let holds = evaluation.fits_key(&every.key, key)?
                && evaluation.fits(&every.value, value)?
                && evaluation.holds(&every.steps)?;
            Ok(if holds { Flow::On } else { Flow::Enough })
        })?;
        Ok(members == Some(Flow::On))
    }

    /// Calls `then` for each key and value of `over`, in order; none where that has no members.
    fn members(
        &mut self,
        over: &Val<'a>,
        then: &mut dyn FnMut(&mut Self, Member<'a>, Val<'a>) -> Evaluated<Flow>,
    ) -> Evaluated<Option<Flow>> {
        let mut flow = Flow::On;
        macro_rules! go {
            ($members:expr) => {
                for (key, value) in $members {
                    self.tick()?;
                    flow = then(self, key, value)?;
                    if flow == Flow::Enough {
                        break;
                    }
                }
            };
        }
        match over {
            Val::Known(Value::Array(items)) => {
                go!(items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| (Member::Index(index), Val::Known(item))));
            }
            Val::Known(Value::Set(items)) => {
                go!(items
                    .iter()
                    .map(|item| (Member::Key(Val::Known(item)), Val::Known(item))));
            }
            Val::Known(Value::Object(items)) => {
                go!(items
                    .iter_sorted()
                    .map(|(key, item)| (Member::Key(Val::Known(key)), Val::Known(item))));
            }
            Val::Owned(Value::Array(items)) => {
                go!(items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| (Member::Index(index), Val::Owned(item.clone()))));
            }
            Val::Owned(Value::Set(items)) => {
                go!(items.iter().map(|item| (
                    Member::Key(Val::Owned(item.clone())),
                    Val::Owned(item.clone())
                )));
            }
            Val::Owned(Value::Object(items)) => {
                go!(items.iter_sorted().map(|(key, item)| (
                    Member::Key(Val::Owned(key.clone())),
                    Val::Owned(item.clone())
                )));
            }
            Val::List(items) => {
                go!(items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| (Member::Index(index), Val::json(item))));
            }
            Val::Texts(items) => {
                go!(items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| (Member::Index(index), Val::Text(item))));
            }
            Val::Map(map) => {
                let mut entries: Vec<_> = map.iter().collect();
                // Another crate may have switched the map to the order of insertion.
                entries.sort_by_key(|(key, _)| key.as_str());
                go!(entries
                    .into_iter()
                    .map(|(key, item)| (Member::Key(Val::Text(key)), Val::json(item))));
            }
            Val::Input(..) => {
                let whole = Val::Owned(over.to_value());
                return self.members(&whole, then);
            }
            Val::Text(_) | Val::Exact(_) | Val::Known(_) | Val::Owned(_) => return Ok(None),
        }
        Ok(Some(flow))
    }

    fn fits_key(&mut self, pattern: &'a Pattern, key: Member<'a>) -> Evaluated<bool> {
        match (pattern, key) {
            (Pattern::Any, _) => Ok(true),
            (pattern, Member::Key(key)) => self.fits(pattern, key),
            (pattern, Member::Index(index)) => self.fits(pattern, Val::Owned(Value::from(index))),
        }
    }

    /// Whether `value` fits `pattern`, whose variables get their values from it.
    pub(super) fn fits(&mut self, pattern: &'a Pattern, value: Val<'a>) -> Evaluated<bool> {
        match pattern {
            Pattern::Any => Ok(true),
            Pattern::Bind(slot) => {
                self.set(*slot, value);
                Ok(true)
            }
            Pattern::Equal(node) => Ok(self
                .value(node)?
                .is_some_and(|expected| expected.same(&value))),
            Pattern::Array(patterns) => {
                if value.kind() != super::value::Kind::Array || value.len() != Some(patterns.len())
                {
                    return Ok(false);
                }
                for (index, pattern) in patterns.iter().enumerate() {
                    let Some(item) = value.get(&Val::Owned(Value::from(index))) else {
                        return Ok(false);
                    };
                    if !self.fits(pattern, item)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}

/// What a member of a collection is found by.
enum Member<'a> {
    Index(usize),
    Key(Val<'a>),
}
