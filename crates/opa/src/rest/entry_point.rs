use std::fmt::Write as _;

use super::OpaConfigError;

/// The document asked for, as Rego names it and as the REST API does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntryPoint {
    /// As in `data.kitelogik.main`.
    pub(super) name: String,
    /// As in `/v1/data/kitelogik/main`, percent-encoded.
    pub(super) path: String,
}

impl EntryPoint {
    /// Reads `data.a.b` or `data.a["b-c"]`: at least one step below `data`.
    pub(super) fn parse(name: &str) -> Result<Self, OpaConfigError> {
        let invalid = || OpaConfigError::EntryPoint {
            entry_point: name.to_owned(),
        };
        let mut rest = name.strip_prefix("data").ok_or_else(invalid)?;
        let mut path = String::from("/v1/data");
        while !rest.is_empty() {
            let (step, after) = step(rest).ok_or_else(invalid)?;
            path.push('/');
            encode(step, &mut path);
            rest = after;
        }
        if name == "data" {
            return Err(invalid());
        }
        Ok(Self {
            name: name.to_owned(),
            path,
        })
    }
}

/// The first step of `.a.b` or `["a"].b`, and what follows it.
fn step(rest: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = rest.strip_prefix("[\"") {
        let (step, after) = quoted.split_once("\"]")?;
        // Escapes are not read, so none may be meant; and a server that normalises paths would
        // make another document of the dots.
        let plain = !step.contains(['"', '\\']) && !step.chars().any(char::is_control);
        return (plain && !matches!(step, "" | "." | "..")).then_some((step, after));
    }
    let dotted = rest.strip_prefix('.')?;
    let end = dotted.find(['.', '[']).unwrap_or(dotted.len());
    let (step, after) = dotted.split_at_checked(end)?;
    let mut characters = step.chars();
    let starts = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    (starts && characters.all(|next| next.is_ascii_alphanumeric() || next == '_'))
        .then_some((step, after))
}

fn encode(step: &str, path: &mut String) {
    for byte in step.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            path.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
}
