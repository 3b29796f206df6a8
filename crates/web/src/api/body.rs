//! What programs send.

use kitelogik_core::json;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Reads a body of JSON strictly: of two equal keys, the one that a person read might not be the one that counts.
pub(crate) fn read<T: DeserializeOwned>(body: &str) -> Result<T, Problem> {
    let text = if body.trim().is_empty() { "{}" } else { body };
    let value = json::parse(text, json::DEFAULT_MAX_DEPTH)
        .map_err(|error| Problem::Invalid(format!("the body is no JSON: {error}")))?;
    serde_json::from_value(value).map_err(|error| Problem::Invalid(error.to_string()))
}
