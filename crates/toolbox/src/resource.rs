//! The paths and URLs that a call touches, taken from its arguments.

use kitelogik_opa::MAX_RESOURCES;
use serde_json::{Map, Value};

use crate::error::{ArgumentProblem, preview};

/// What the arguments with these (dotted) names hold: a string each, or a list of strings. A
/// missing or null argument names no resource.
pub(crate) fn named<S: AsRef<str>>(
    names: &[S],
    args: &Map<String, Value>,
) -> Result<Vec<String>, ArgumentProblem> {
    let mut resources = Vec::new();
    for name in names {
        let name = name.as_ref();
        let problem = |came: &Value| {
            ArgumentProblem::new(
                format!("$.{name}"),
                "a path or URL: a string, or a list of strings",
                preview(came),
            )
        };
        match at(args, name) {
            None | Some(Value::Null) => {}
            Some(Value::String(resource)) => resources.push(resource.clone()),
            Some(Value::Array(items)) => {
                if items.len() > MAX_RESOURCES {
                    return Err(ArgumentProblem {
                        path: format!("$.{name}"),
                        expected: format!("at most {MAX_RESOURCES} paths or URLs"),
                        came: format!("{} of them", items.len()),
                    });
                }
                for item in items {
                    let resource = item.as_str().ok_or_else(|| problem(item))?;
                    resources.push(resource.to_owned());
                }
            }
            Some(other) => return Err(problem(other)),
        }
    }
    Ok(resources)
}

pub(crate) fn at<'a>(args: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut names = path.split('.');
    let first = args.get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}
