//! How much work arguments make, beyond saying whether they fit their schema.
//!
//! A choice whose forms lead back to the choice makes a decoder of untagged forms try each form at
//! each level, and whoever explains what does not fit goes through each: the work doubles with
//! every level, and a hundred bytes take hours. (The validator itself remembers what it has looked
//! at.) Here the work is counted without being done: what looks at one value in the same way is
//! counted once, however often it does.

use std::collections::HashMap;
use std::ptr;

use serde_json::{Map, Value};

use crate::normal::{array, resolve};

/// How many looks of a schema at a value decoding may take, besides [`MAX_LOOKS_PER_VALUE`].
pub(crate) const MAX_LOOKS: u64 = 100_000;

/// How many looks each value of the arguments may add to that: a long list is no deep choice.
const MAX_LOOKS_PER_VALUE: u64 = 16;

/// How many references and compositions within one another are followed at one value.
const MAX_NESTING: usize = 64;

/// Whether a schema refers to anything, so that there is something to count.
pub(crate) fn refers(schema: &Value) -> bool {
    match schema {
        Value::Array(items) => items.iter().any(refers),
        Value::Object(object) => object.iter().any(|(keyword, value)| {
            matches!(keyword.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef") || refers(value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Who looks at a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Who decodes it: of forms that a tag tells apart, only at the tagged one.
    Decode,
    /// Who says why it does not fit: at every form.
    Explain,
}

/// Whether what `look` makes of `value` stays within `looks`, and [`MAX_LOOKS_PER_VALUE`] for each
/// value in it. Where that cannot be known, because a reference leads out of `schema`, it does not.
pub(crate) fn is_within(value: &Value, schema: &Value, look: Look, looks: u64) -> bool {
    let values = u64::try_from(values(value)).unwrap_or(u64::MAX);
    let left = looks.saturating_add(values.saturating_mul(MAX_LOOKS_PER_VALUE));
    let mut count = Count {
        root: schema,
        look,
        left,
        steps: left.saturating_mul(8),
    };
    count.value(value, &[(schema, 1)]).is_some()
}

fn values(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(values).sum::<usize>(),
        Value::Object(object) => object.values().map(values).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// A schema, and how often it looks at a value.
type Looking<'a> = (&'a Value, u64);

struct Count<'a> {
    root: &'a Value,
    look: Look,
    /// Looks that are left.
    left: u64,
    /// Steps of the counting itself that are left.
    steps: u64,
}

/// `None` where there is more than is left.
type Within = Option<()>;

impl<'a> Count<'a> {
    fn value(&mut self, value: &Value, schemas: &[Looking<'a>]) -> Within {
        let mut open = Vec::with_capacity(schemas.len());
        for &(schema, times) in schemas {
            self.open(value, schema, times, &mut Vec::new(), &mut open)?;
        }
        match value {
            Value::Array(items) => {
                for (position, item) in items.iter().enumerate() {
                    self.child(item, &open, |schema, found| {
                        of_item(schema, position, found)
                    })?;
                }
            }
            Value::Object(object) => {
                for (name, value) in object {
                    self.child(value, &open, |schema, found| of_member(schema, name, found))?;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        Some(())
    }

    fn child(
        &mut self,
        value: &Value,
        open: &[Looking<'a>],
        of_child: impl Fn(&'a Map<String, Value>, &mut Vec<&'a Value>),
    ) -> Within {
        let mut looking: Vec<Looking<'a>> = Vec::new();
        let mut known = HashMap::new();
        let mut found = Vec::new();
        for &(schema, times) in open {
            self.steps = self.steps.checked_sub(1)?;
            if let Value::Object(schema) = schema {
                of_child(schema, &mut found);
            }
            for schema in found.drain(..) {
                let position = *known.entry(ptr::from_ref(schema)).or_insert(looking.len());
                match looking.get_mut(position) {
                    Some((_, already)) => *already = already.saturating_add(times),
                    None => looking.push((schema, times)),
                }
            }
        }
        self.value(value, &looking)
    }

    /// Everything that looks at the same value when `schema` does.
    fn open(
        &mut self,
        value: &Value,
        schema: &'a Value,
        times: u64,
        within: &mut Vec<&'a Value>,
        open: &mut Vec<Looking<'a>>,
    ) -> Within {
        if within.iter().any(|outer| ptr::eq(*outer, schema)) {
            return Some(()); // A validator stops there, too.
        }
        if within.len() == MAX_NESTING {
            return None;
        }
        self.left = self.left.checked_sub(times)?;
        open.push((schema, times));
        let Value::Object(object) = schema else {
            return Some(());
        };
        let elsewhere = object.get("$id").is_some_and(Value::is_string)
            && !ptr::eq(schema, self.root)
            || object.contains_key("$dynamicRef")
            || object.contains_key("$recursiveRef");
        if elsewhere {
            return None;
        }
        within.push(schema);
        for part in self.parts(value, object) {
            self.open(value, part, times, within, open)?;
        }
        if object.contains_key("$ref") {
            let target = resolve(schema, self.root)?;
            self.open(value, target, times, within, open)?;
        }
        within.pop();
        Some(())
    }

    fn parts(&self, value: &Value, schema: &'a Map<String, Value>) -> Vec<&'a Value> {
        let mut parts: Vec<&Value> = array(schema.get("allOf")).collect();
        for keyword in ["anyOf", "oneOf"] {
            let forms: Vec<&Value> = array(schema.get(keyword)).collect();
            match self.tag(&forms) {
                Some(tag) => parts.extend(forms.into_iter().filter(|form| {
                    let meant = constant(form, tag, self.root);
                    meant.is_none() || meant == value.get(tag)
                })),
                None => parts.extend(forms),
            }
        }
        parts.extend(
            ["not", "if", "then", "else"]
                .iter()
                .filter_map(|keyword| schema.get(*keyword)),
        );
        let dependent = schema.get("dependentSchemas").and_then(Value::as_object);
        parts.extend(dependent.into_iter().flat_map(Map::values));
        parts
    }

    /// The property whose constant tells the forms of a choice apart: every form that is an object
    /// has one, as the schema of a tagged enum does.
    fn tag(&self, forms: &[&'a Value]) -> Option<&'a str> {
        if self.look == Look::Explain {
            return None;
        }
        let properties = |form: &'a Value| {
            let properties = followed(form, self.root).get("properties");
            properties.and_then(Value::as_object)
        };
        let objects: Vec<&Value> = forms
            .iter()
            .copied()
            .filter(|form| properties(form).is_some())
            .collect();
        let mut names = properties(objects.first()?)?.keys();
        let tag = names.find(|name| {
            let mut objects = objects.iter();
            objects.all(|form| constant(form, name, self.root).is_some())
        });
        tag.map(String::as_str)
    }
}

/// The text that `form` fixes its property `name` to, where it requires it.
fn constant<'a>(form: &'a Value, name: &str, root: &'a Value) -> Option<&'a Value> {
    let form = followed(form, root);
    let constant = form.get("properties")?.get(name)?.get("const")?;
    let required = array(form.get("required")).any(|required| required == name);
    (required && constant.is_string()).then_some(constant)
}

/// The schema that a bare reference leads to.
fn followed<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    resolve(schema, root).unwrap_or(schema)
}

fn of_item<'a>(schema: &'a Map<String, Value>, position: usize, found: &mut Vec<&'a Value>) {
    let first = schema
        .get("prefixItems")
        .and_then(|first| first.get(position));
    found.extend(first.or_else(|| schema.get("items")));
    found.extend(schema.get("contains"));
    found.extend(schema.get("unevaluatedItems"));
}

fn of_member<'a>(schema: &'a Map<String, Value>, name: &str, found: &mut Vec<&'a Value>) {
    let declared = schema.get("properties").and_then(|all| all.get(name));
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    found.extend(declared);
    found.extend(patterns.into_iter().flat_map(Map::values));
    if declared.is_none() {
        found.extend(schema.get("additionalProperties"));
        found.extend(schema.get("unevaluatedProperties"));
    }
}
