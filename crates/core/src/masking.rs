mod hidden;
mod path;
mod told;

use std::borrow::Cow;
use std::collections::HashMap;

use regex::Regex;
use serde_json::{Map, Number, Value};

use crate::{GovernanceEvent, SessionContext};

use self::path::Step;

pub use self::hidden::HiddenTexts;

/// What stands where something was masked.
pub const MASKED: &str = "[masked]";

/// Rules for what must not be written down: in records, approvals, explanations and spans.
///
/// A rule is a path of the event (`args.card_number`, `args.items.*.token`, `args.**.password`,
/// `args["card.number"]`, `resource`) or a regular expression over texts. What a path leads to is masked whole, whatever
/// lies below it; what an expression finds in a text is masked and the rest stays. Both replace it
/// with [`MASKED`], so that neither length nor kind shows.
///
/// The token of a session and of its parent are never written down, whatever the rules.
///
/// A rule for an argument is not one for what repeats it: the `resource` that a call touches is named in its arguments as
/// well, and a policy may put an argument into its `reason`. Give paths for these, too, or a pattern.
///
/// ```
/// use kitelogik_core::Masking;
/// use serde_json::json;
///
/// let masking = Masking::builder()
///     .path("args.card.number")?
///     .pattern(r"\b[\w.]+@[\w.]+\b")?
///     .build();
/// let args = json!({"card": {"number": 4111}, "note": "for ann@example.com, by card"});
/// assert_eq!(
///     masking.value("args", &args),
///     json!({"card": {"number": "[masked]"}, "note": "for [masked], by card"})
/// );
/// # Ok::<(), kitelogik_core::MaskingError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Masking {
    paths: Vec<Vec<Step>>,
    patterns: Vec<Regex>,
}

/// Collects the rules of a [`Masking`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct MaskingBuilder {
    masking: Masking,
}

/// Why a rule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MaskingError {
    /// A path that leads nowhere.
    #[error(
        "`{path}` is no path to mask; write one as in `args.card.number`, `args.**.token` or `args[\"card.number\"]`"
    )]
    Path {
        /// The path as it was given.
        path: String,
    },
    /// An expression that does not compile or is too large (100 KiB compiled).
    #[error("`{pattern}` is no regular expression to mask by: {problem}")]
    Pattern {
        /// The expression as it was given.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl MaskingBuilder {
    /// Masks what `path` leads to, of the event's `args`, `resource`, `reason` and `error`.
    ///
    /// Names are separated by dots; `*` is any one key or element of a list, `**` any number of
    /// levels. A name with dots, brackets, quotes or white space around it, or one that is `*`, stands in brackets as a JSON
    /// text, without a dot before it: `args["card.number"]`, `args.items.*["*"]`, `args["a\"b"].c`.
    /// A path into `args` holds for the arguments of a plan's steps, too.
    ///
    /// # Errors
    ///
    /// The path is empty, one of its names without brackets is, or what stands in brackets is no JSON text.
    pub fn path(mut self, path: &str) -> Result<Self, MaskingError> {
        let steps = path::parse(path).ok_or_else(|| MaskingError::Path {
            path: path.to_owned(),
        })?;
        self.masking.paths.push(steps);
        Ok(self)
    }

    /// Masks what `pattern` finds in arguments, resources, reasons and errors: in every text, in object keys and in the
    /// digits of numbers.
    ///
    /// # Errors
    ///
    /// The expression does not compile, or is too large.
    pub fn pattern(mut self, pattern: &str) -> Result<Self, MaskingError> {
        let compiled = regex::RegexBuilder::new(pattern)
            .size_limit(100 * 1024)
            .build();
        let compiled = compiled.map_err(|error| MaskingError::Pattern {
            pattern: pattern.to_owned(),
            problem: error.to_string(),
        })?;
        self.masking.patterns.push(compiled);
        Ok(self)
    }

    /// The rules.
    #[must_use]
    pub fn build(self) -> Masking {
        self.masking
    }
}

impl Masking {
    /// No rules: nothing but tokens is masked.
    pub fn none() -> Self {
        Self::default()
    }

    /// Every argument and the resource: what of an event its caller chose.
    pub fn of_everything() -> Self {
        let paths = ["args", "resource"].map(|name| vec![Step::Name(name.to_owned())]);
        Self {
            paths: paths.into(),
            patterns: Vec::new(),
        }
    }

    /// Begins with no rules.
    pub fn builder() -> MaskingBuilder {
        MaskingBuilder::default()
    }

    /// Whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.patterns.is_empty()
    }

    /// A text that lies at `path` of the event, as in `resource` or `reason`; written as rules write it, without `*`. At what
    /// is no path, everything is masked.
    #[must_use]
    pub fn text<'a>(&self, path: &str, text: &'a str) -> Cow<'a, str> {
        match self.at(path) {
            Some(at) if !at.is_masked() => self.patterns_in(text),
            _ => Cow::Borrowed(MASKED),
        }
    }

    /// A value that lies at `path` of the event, as in `args`; see [`text`](Self::text).
    #[must_use]
    pub fn value(&self, path: &str, value: &Value) -> Value {
        match self.at(path) {
            Some(at) => self.masked(&at, value),
            None => Value::String(MASKED.to_owned()),
        }
    }

    /// A value that lies at `path` of the event, name by name: for names that come from the event itself.
    #[must_use]
    pub fn value_at(&self, path: &[String], value: &Value) -> Value {
        self.masked(&self.below(path.iter().map(String::as_str)), value)
    }

    /// `event` as it may be written down: its arguments, its steps' arguments and its resource.
    #[must_use]
    pub fn event(&self, event: &GovernanceEvent) -> GovernanceEvent {
        let mut event = event.clone();
        if self.is_empty() {
            return event;
        }
        match &mut event {
            GovernanceEvent::ToolCall(call) => {
                call.args = self.object("args", call.args.object()).into();
                if let Some(resource) = &mut call.resource_path {
                    *resource = self.text("resource", resource).into_owned();
                }
            }
            GovernanceEvent::AgentPlan(plan) => {
                for step in &mut plan.steps {
                    step.args = self.object("args", &step.args);
                }
            }
            GovernanceEvent::AgentSpawn(_)
            | GovernanceEvent::AgentDelegate(_)
            | GovernanceEvent::AgentBudget(_) => {}
        }
        event
    }

    /// `context` as it may be written down: without tokens.
    #[must_use]
    pub fn context(&self, context: &SessionContext) -> SessionContext {
        let mut context = context.clone();
        for token in [&mut context.token_id, &mut context.parent_token_id] {
            if !token.is_empty() {
                MASKED.clone_into(token);
            }
        }
        context
    }

    fn at(&self, path: &str) -> Option<At<'_>> {
        let steps = path::parse(path)?;
        Some(self.below(steps.iter().map(|step| match step {
            Step::Name(name) => name.as_str(),
            Step::Any => "*",
            Step::Deep => "**",
        })))
    }

    fn below<'a>(&self, names: impl Iterator<Item = &'a str>) -> At<'_> {
        names.fold(At::root(self), |at, name| at.below(name))
    }

    /// An object that is masked whole is one member that says so.
    fn object(&self, path: &str, object: &Map<String, Value>) -> Map<String, Value> {
        match self.value(path, &Value::Object(object.clone())) {
            Value::Object(masked) => masked,
            whole => Map::from_iter([(MASKED.to_owned(), whole)]),
        }
    }

    fn masked(&self, at: &At<'_>, value: &Value) -> Value {
        if at.is_masked() {
            return Value::String(MASKED.to_owned());
        }
        match value {
            Value::Object(object) => Value::Object(self.members(at, object)),
            Value::Array(elements) => Value::Array(
                elements
                    .iter()
                    .enumerate()
                    .map(|(index, element)| self.masked(&at.below(&index.to_string()), element))
                    .collect(),
            ),
            Value::String(text) => Value::String(self.patterns_in(text).into_owned()),
            Value::Number(number) => self.digits(number),
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    fn members(&self, at: &At<'_>, object: &Map<String, Value>) -> Map<String, Value> {
        let mut members = Map::new();
        // How many look the same: whoever chooses the keys may make all of them do so.
        let mut alike: HashMap<String, usize> = HashMap::new();
        for (key, value) in object {
            let shown = self.patterns_in(key);
            let mut name = shown.to_string();
            // Two keys that look the same now are still two members.
            while members.contains_key(&name) {
                let count = alike.entry(shown.to_string()).or_insert(1);
                *count = count.saturating_add(1);
                name = format!("{shown} ({count})");
            }
            members.insert(name, self.masked(&at.below(key), value));
        }
        members
    }

    fn digits(&self, number: &Number) -> Value {
        let text = number.to_string();
        if self.patterns.iter().any(|pattern| pattern.is_match(&text)) {
            Value::String(MASKED.to_owned())
        } else {
            Value::Number(number.clone())
        }
    }

    fn patterns_in<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for pattern in &self.patterns {
            if let Cow::Owned(masked) = pattern.replace_all(&text, regex::NoExpand(MASKED)) {
                text = Cow::Owned(masked);
            }
        }
        text
    }
}

/// Where one is in the event: what is left of each path that leads here.
struct At<'a> {
    left: Vec<&'a [Step]>,
}

impl<'a> At<'a> {
    fn root(masking: &'a Masking) -> Self {
        Self {
            left: masking.paths.iter().map(Vec::as_slice).collect(),
        }
    }

    fn below(&self, key: &str) -> Self {
        let mut left = Vec::new();
        for steps in &self.left {
            advance(steps, key, &mut left);
        }
        // Several `**` in one path lead to one place in many ways.
        left.sort_unstable_by_key(|steps| (steps.as_ptr(), steps.len()));
        left.dedup_by_key(|steps| (steps.as_ptr(), steps.len()));
        Self { left }
    }

    fn is_masked(&self) -> bool {
        self.left
            .iter()
            .any(|steps| steps.iter().all(|step| *step == Step::Deep))
    }
}

fn advance<'a>(steps: &'a [Step], key: &str, left: &mut Vec<&'a [Step]>) {
    match steps.split_first() {
        Some((Step::Deep, rest)) => {
            left.push(steps);
            advance(rest, key, left);
        }
        Some((Step::Any, rest)) => left.push(rest),
        Some((Step::Name(name), rest)) if name == key => left.push(rest),
        Some((Step::Name(_), _)) => {}
        // Below what is masked everything is.
        None => left.push(steps),
    }
}
