//! Built-ins over objects and sets that the interpreter makes otherwise than OPA, or in more than linear time.

use anyhow::{Result, bail};
use regorus::Value;
use regorus::unstable::BUILTINS;

use super::builtins::{call, work};
use super::registry::Registry;

pub(super) fn register(registry: &mut impl Registry) -> Result<()> {
    registry.add("object.subset", 2, |values: Vec<Value>| {
        match values.as_slice() {
            [above, below] => {
                work(in_arrays(above), in_arrays(below))?;
                subset(above, below).map(Value::from)
            }
            _ => bail!("`object.subset` expects two operands"),
        }
    })?;
    for name in ["json.filter", "json.remove"] {
        let Some(builtin) = BUILTINS.get(name).copied() else {
            bail!("there is no built-in `{name}` to replace");
        };
        registry.add(name, 2, move |values: Vec<Value>| {
            if let [object, paths] = values.as_slice() {
                check_paths(object, paths)?;
            }
            call(builtin, &values)
        })?;
    }
    Ok(())
}

/// How many values lie in arrays: two such are compared each with each.
fn in_arrays(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len() + items.iter().map(in_arrays).sum::<usize>(),
        Value::Object(fields) => fields.iter().map(|(_, value)| in_arrays(value)).sum(),
        _ => 0,
    }
}

fn subset(above: &Value, below: &Value) -> Result<bool> {
    match (above, below) {
        (Value::Array(above), Value::Set(below)) => {
            // OPA counts what it finds, however often.
            let mut missing = below.len();
            for item in above.iter() {
                missing -= usize::from(below.contains(item));
                if missing == 0 {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => match within(above, below) {
            Some(subset) => Ok(subset),
            None => bail!("both operands must be objects, sets or arrays, or an array and a set"),
        },
    }
}

/// `None` where the two are of no types that can be one within the other.
fn within(above: &Value, below: &Value) -> Option<bool> {
    match (above, below) {
        (Value::Object(above), Value::Object(below)) => Some(below.iter().all(|(key, below)| {
            above
                .get(key)
                .is_some_and(|above| above == below || within(above, below).unwrap_or_default())
        })),
        (Value::Set(above), Value::Set(below)) => {
            Some(below.iter().all(|item| above.contains(item)))
        }
        (Value::Array(above), Value::Array(below)) => Some(
            below.is_empty()
                || above
                    .as_slice()
                    .windows(below.len())
                    .any(|window| window == below.as_slice()),
        ),
        _ => None,
    }
}

/// Refuses paths that OPA reads otherwise: into what is no object, one within another, empty, or escaped.
fn check_paths(object: &Value, paths: &Value) -> Result<()> {
    let paths: Vec<&Value> = match paths {
        Value::Array(paths) => paths.iter().collect(),
        Value::Set(paths) => paths.iter().collect(),
        _ => return Ok(()),
    };
    let mut keys: Vec<Vec<Value>> = Vec::with_capacity(paths.len());
    for path in paths {
        let path: Vec<Value> = match path {
            Value::String(path)
                if path.is_empty() || path.contains('~') || path.starts_with('/') =>
            {
                bail!("write `{path}` as an array of keys");
            }
            Value::String(path) => path.split('/').map(Value::from).collect(),
            Value::Array(path) => path.iter().cloned().collect(),
            _ => bail!("a path must be a string or an array of keys"),
        };
        let mut at = Some(object);
        for key in &path {
            at = match at {
                Some(Value::Object(fields)) => fields.get(key),
                None => None,
                Some(_) => bail!("a path leads into what is no object"),
            };
        }
        if path.is_empty() {
            bail!("a path is empty");
        }
        keys.push(path);
    }
    keys.sort();
    let nested = keys
        .iter()
        .zip(keys.iter().skip(1))
        .any(|(path, next)| path != next && next.starts_with(path));
    if nested {
        bail!("one path lies within another");
    }
    Ok(())
}
