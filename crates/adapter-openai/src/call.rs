use serde_json::Value;

/// A call as a model asked for it, in whichever API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestedCall {
    /// What the answer must name.
    pub(crate) id: String,
    pub(crate) name: String,
    /// The text of the arguments, or why there is nothing to judge.
    pub(crate) arguments: Result<String, Unusable>,
}

/// Why a call is not even put to the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// The answer ended before the arguments were complete, or before it was known that they are.
    Cut,
    /// A call of a custom tool: free text instead of arguments, which no policy can judge.
    Custom,
    /// Not what the API says a call is.
    Malformed(&'static str),
}

impl RequestedCall {
    /// A call that cannot be answered, because it has no id, is none.
    pub(crate) fn new(id: String, name: String, arguments: Result<String, Unusable>) -> Self {
        let arguments = if id.is_empty() {
            arguments.and(Err(Unusable::Malformed("it has no id")))
        } else {
            arguments
        };
        Self {
            id,
            name,
            arguments,
        }
    }

    /// The same call, of an answer that was cut off.
    pub(crate) fn cut(self) -> Self {
        Self {
            arguments: self.arguments.and(Err(Unusable::Cut)),
            ..self
        }
    }
}

/// Arguments in raw JSON: the text of an object, as OpenAI sends it, or the object itself, as some
/// who speak its API do.
pub(crate) fn arguments(value: Option<&Value>) -> Result<String, Unusable> {
    match value {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(object @ Value::Object(_)) => Ok(object.to_string()),
        _ => Err(Unusable::Malformed("it has no `arguments`")),
    }
}

/// A string in raw JSON, or nothing.
pub(crate) fn text(value: &Value, name: &str) -> String {
    value
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
