use std::sync::Arc;

use http::{StatusCode, header};
use kitelogik_core::json::{self, DEFAULT_MAX_DEPTH};
use kitelogik_core::text::cut;
use kitelogik_core::{EngineError, FailClosed, PolicyDecision};
use serde_json::{Map, Value};

use super::connection::Answer;

/// Reads what OPA answered for `entry_point`.
pub(super) fn read(answer: &Answer, entry_point: &str) -> Result<PolicyDecision, EngineError> {
    if let Some(encoding) = answer.headers.get(header::CONTENT_ENCODING)
        && encoding != "identity"
    {
        return Err(foreign("the body is compressed, which was not asked for"));
    }
    if answer.status != StatusCode::OK {
        return Err(refusal(answer));
    }
    let document = object(answer)?;
    let decision_id = optional(&document, "decision_id", Value::as_str)?;
    let revision = optional(&document, "provenance", Value::as_object)?
        .map(revision)
        .transpose()?
        .flatten();
    let decision_id = decision_id.filter(|id| !id.is_empty());
    let Some(result) = document.get("result") else {
        let mut detail =
            format!("`{entry_point}` is undefined: no such package, or its bundle has not loaded");
        if let Some(id) = decision_id {
            detail = one_line(&format!("{detail}; OPA's decision id is {id}"));
        }
        return Err(EngineError::new(FailClosed::UndefinedDecision, detail));
    };
    let mut decision = PolicyDecision::from_result(result, entry_point)?;
    decision.engine = Some("opa".into());
    decision.engine_decision_id = decision_id.map(str::to_owned);
    decision.revision = revision.map(Arc::from);
    Ok(decision)
}

/// What an answer other than 200 means. OPA says 500 when a policy fails; everything else is not
/// about the policy.
fn refusal(answer: &Answer) -> EngineError {
    let status = answer.status.as_u16();
    let Ok(document) = object(answer) else {
        return foreign(format_args!("HTTP status {status} instead of 200"));
    };
    let text = |object: &Map<String, Value>, key| {
        let value = object.get(key).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let code = text(&document, "code");
    let errors = document
        .get("errors")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let named: Vec<(String, String)> = errors
        .iter()
        .filter_map(Value::as_object)
        .map(|error| (text(error, "code"), told(error, &text)))
        .collect();
    let first = |is: fn(&str) -> bool| named.iter().find(|(code, _)| is(code));
    if answer.status == StatusCode::INTERNAL_SERVER_ERROR && code == "internal_error" {
        if let Some((_, told)) = first(|code| code == "eval_cancel_error") {
            return EngineError::new(FailClosed::LimitExceeded, one_line(told));
        }
        if let Some((_, told)) =
            first(|code| code.starts_with("eval_") || code.starts_with("rego_"))
        {
            return EngineError::new(FailClosed::EvaluationError, one_line(told));
        }
    }
    let message = text(&document, "message");
    foreign(format_args!(
        "HTTP status {status} instead of 200: {code}: {message}"
    ))
}

/// One of OPA's errors, as in `main.rego:3:53: eval_builtin_error: to_number: invalid syntax`.
fn told(
    error: &Map<String, Value>,
    text: &impl Fn(&Map<String, Value>, &'static str) -> String,
) -> String {
    let place = error
        .get("location")
        .and_then(Value::as_object)
        .map(|location| {
            let number = |key| location.get(key).and_then(Value::as_u64).unwrap_or(0);
            let file = text(location, "file");
            format!("{file}:{}:{}: ", number("row"), number("col"))
        });
    format!(
        "{}{}: {}",
        place.unwrap_or_default(),
        text(error, "code"),
        text(error, "message")
    )
}

/// The bundle's revision, or each bundle's as `name=revision` where there are several.
fn revision(provenance: &Map<String, Value>) -> Result<Option<String>, EngineError> {
    let Some(bundles) = optional(provenance, "bundles", Value::as_object)? else {
        // OPA says it so where the one bundle has no name.
        let revision = optional(provenance, "revision", Value::as_str)?;
        return Ok(revision.filter(|text| !text.is_empty()).map(str::to_owned));
    };
    let mut revisions = Vec::new();
    for (name, bundle) in bundles {
        let bundle = bundle
            .as_object()
            .ok_or_else(|| wrong_type("provenance.bundles"))?;
        if let Some(revision) = optional(bundle, "revision", Value::as_str)?
            && !revision.is_empty()
        {
            revisions.push((name, revision));
        }
    }
    revisions.sort_unstable();
    Ok(match revisions.as_slice() {
        [] => None,
        [(_, revision)] if bundles.len() == 1 => Some((*revision).to_owned()),
        several => {
            let named: Vec<String> = several
                .iter()
                .map(|(name, revision)| format!("{name}={revision}"))
                .collect();
            Some(named.join(","))
        }
    })
}

fn object(answer: &Answer) -> Result<Map<String, Value>, EngineError> {
    let text =
        str::from_utf8(&answer.body).map_err(|_| foreign("the body is not text in UTF-8"))?;
    match json::parse(text, DEFAULT_MAX_DEPTH) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(foreign("the body is not a JSON object")),
        Err(error) => Err(foreign(format_args!("the body is not sound JSON: {error}"))),
    }
}

fn optional<'a, T: ?Sized>(
    object: &'a Map<String, Value>,
    key: &str,
    read: fn(&'a Value) -> Option<&'a T>,
) -> Result<Option<&'a T>, EngineError> {
    object
        .get(key)
        .map(|value| read(value).ok_or_else(|| wrong_type(key)))
        .transpose()
}

fn wrong_type(key: &str) -> EngineError {
    foreign(format_args!(
        "`{key}` in the body has another type than OPA's"
    ))
}

fn foreign(detail: impl ToString) -> EngineError {
    EngineError::new(FailClosed::EngineProtocol, one_line(&detail.to_string()))
}

/// The server's text for a log: one line, at most 500 bytes, and marked where there is more.
fn one_line(text: &str) -> String {
    const MAX: usize = 500;
    cut(text, MAX)
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}
