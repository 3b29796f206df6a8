//! Paths as rules write them.

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Name(String),
    /// `*`: any one key or element.
    Any,
    /// `**`: any number of levels, none included.
    Deep,
}

/// The steps of `args.card.number` or `args["card.number"].*`; none where it is no path.
pub(super) fn parse(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = path;
    loop {
        let step;
        (step, rest) = match rest.strip_prefix('[') {
            Some(quoted) => quoted_name(quoted)?,
            None => bare(rest)?,
        };
        steps.push(step);
        match rest.strip_prefix('.') {
            // A name in brackets stands where the dot would.
            Some(after) if after.starts_with('[') => return None,
            Some(after) => rest = after,
            None if rest.is_empty() => return Some(steps),
            None if rest.starts_with('[') => {}
            None => return None,
        }
    }
}

/// A name as JSON text, after its opening bracket, and what comes after the closing one.
fn quoted_name(text: &str) -> Option<(Step, &str)> {
    let mut names = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let name = names.next()?.ok()?;
    let rest = text.get(names.byte_offset()..)?.trim_start();
    Some((Step::Name(name), rest.strip_prefix(']')?))
}

fn bare(text: &str) -> Option<(Step, &str)> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    let step = match name.trim() {
        "" => return None,
        "*" => Step::Any,
        "**" => Step::Deep,
        // It would look like a name in brackets, and never be one.
        name if name.contains([']', '"']) => return None,
        name => Step::Name(name.to_owned()),
    };
    Some((step, rest))
}
