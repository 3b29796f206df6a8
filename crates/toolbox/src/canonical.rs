//! From a tool's own type to the JSON that is judged, and the proof that it comes back.

use kitelogik_core::json;
use kitelogik_core::{Arguments, json::DEFAULT_MAX_DEPTH};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::finite;

/// Writes `args` as the canonical JSON that the policy judges and the body decodes.
///
/// # Errors
///
/// `args` is not a JSON object; a number in it is one that JSON cannot hold; two fields share a
/// name; it nests too deeply; or it does not survive the round trip: decoded from that JSON and
/// written again, it would be other JSON.
pub(crate) fn canonical<A>(args: &A) -> Result<Arguments, NotCanonical>
where
    A: Serialize + DeserializeOwned,
{
    let arguments = write(args)?;
    let read_back: A = serde_json::from_str(arguments.text())
        .map_err(|error| NotCanonical(format!("it does not survive the round trip: {error}")))?;
    let written_again = write(&read_back)?;
    if same(arguments.object(), written_again.object()) {
        Ok(arguments)
    } else {
        Err(NotCanonical(
            "it does not survive the round trip: decoded and written again, it is other JSON"
                .to_owned(),
        ))
    }
}

/// Why arguments cannot be judged as JSON.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotCanonical(String);

fn write<A: Serialize>(args: &A) -> Result<Arguments, NotCanonical> {
    finite::check(args).map_err(|error| NotCanonical(error.to_string()))?;
    let text = serde_json::to_string(args).map_err(|error| NotCanonical(error.to_string()))?;
    // Read strictly: two flattened structs that share a field write it twice.
    match json::parse(&text, DEFAULT_MAX_DEPTH) {
        Ok(Value::Object(object)) => Ok(object.into()),
        Ok(_) => Err(NotCanonical("it is not a JSON object".to_owned())),
        Err(error) => Err(NotCanonical(error.to_string())),
    }
}

/// Whether two objects are the same, the order of arrays aside: a hash set comes back in another.
fn same(left: &serde_json::Map<String, Value>, right: &serde_json::Map<String, Value>) -> bool {
    left == right || sorted(left) == sorted(right)
}

fn sorted(object: &serde_json::Map<String, Value>) -> String {
    let mut value = Value::Object(object.clone());
    sort_arrays(&mut value);
    json::canonical(&value)
}

fn sort_arrays(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(sort_arrays);
            items.sort_by_cached_key(json::canonical);
        }
        Value::Object(object) => object.values_mut().for_each(sort_arrays),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
