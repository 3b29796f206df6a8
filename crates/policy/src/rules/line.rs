//! One expression of a rule's body.

use std::fmt::Write;

use super::function::Function;
use super::text::rego;

/// A value of the input that a condition speaks of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    /// Where it lies, as in `["args", "customer", "id"]`.
    At(&'a [String]),
    /// The action.
    Action,
    /// The kind of event; older callers leave it out of tool calls.
    Event,
}

/// An expression, perhaps after a `not`.
///
/// A `not` before a call whose operand is not there is neither true nor false in OPA: the operand is looked up before
/// it negates. So what is negated gets its operand with a `null` in the place of nothing, and is always defined.
#[derive(Clone, Debug)]
pub(crate) struct Line<'a> {
    negated: bool,
    expression: Expression<'a>,
}

#[derive(Clone, Debug)]
enum Expression<'a> {
    /// A rule of this name.
    Rule(String),
    Of(Subject<'a>, Shape),
}

/// What is said of a subject.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// It is this value.
    Equal(String),
    /// It is in this set.
    In(String),
    /// It has this member.
    Has(String),
    /// It is there, and not null.
    Present,
    /// It is not there, or null.
    Absent,
    /// It is of this type.
    Is(&'static str),
    /// It is of one of the types in this set.
    TypeIn(String),
    /// The function is true of it and this.
    Call(Function, String),
}

impl<'a> Line<'a> {
    pub(crate) fn of(subject: Subject<'a>, shape: Shape) -> Self {
        Self {
            negated: false,
            expression: Expression::Of(subject, shape),
        }
    }

    pub(crate) fn rule(name: String) -> Self {
        Self {
            negated: false,
            expression: Expression::Rule(name),
        }
    }

    pub(crate) fn flipped(mut self) -> Self {
        self.negated = !self.negated;
        self
    }

    /// The function it calls.
    pub(crate) fn function(&self) -> Option<Function> {
        match &self.expression {
            Expression::Of(_, Shape::Call(function, _)) => Some(*function),
            _ => None,
        }
    }

    /// The expression in Rego; `prefix` is that of the file's functions.
    pub(crate) fn text(&self, prefix: &str) -> String {
        let (subject, shape) = match &self.expression {
            Expression::Rule(name) => return self.after_not(name),
            Expression::Of(subject, shape) => (subject, shape),
        };
        let defined = self.negated || matches!(shape, Shape::Absent);
        let value = match (subject, defined) {
            (Subject::At(path), false) => reference(path),
            (Subject::At(path), true) => lookup(path),
            (Subject::Action, false) => "input.action".to_owned(),
            (Subject::Action, true) => "object.get(input, \"action\", null)".to_owned(),
            (Subject::Event, false) if !shape.mentions("\"tool_call\"") => {
                "input.event_type".to_owned()
            }
            (Subject::Event, _) => "object.get(input, \"event_type\", \"tool_call\")".to_owned(),
        };
        self.after_not(&match shape {
            Shape::Equal(same) => format!("{value} == {same}"),
            Shape::In(set) => format!("{value} in {set}"),
            Shape::Has(member) => format!("{member} in {value}"),
            Shape::Present => format!("{value} != null"),
            Shape::Absent => format!("{value} == null"),
            Shape::Is(name) => format!("is_{name}({value})"),
            Shape::TypeIn(names) => format!("type_name({value}) in {names}"),
            Shape::Call(function, argument) => {
                format!("{prefix}{}({value}, {argument})", function.name())
            }
        })
    }

    fn after_not(&self, text: &str) -> String {
        if self.negated {
            format!("not {text}")
        } else {
            text.to_owned()
        }
    }
}

impl Shape {
    fn mentions(&self, constant: &str) -> bool {
        match self {
            Self::Equal(text) | Self::In(text) => text.contains(constant),
            _ => false,
        }
    }
}

/// The lines as the inside of a body, each once; `prefix` is that of the file's functions.
pub(crate) fn body(lines: &[Line<'_>], prefix: &str) -> String {
    let mut texts: Vec<String> = Vec::with_capacity(lines.len());
    for line in lines {
        let text = line.text(prefix);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    let mut body = String::new();
    for text in texts {
        // Writing to a string cannot fail.
        let _ = writeln!(body, "\t{text}");
    }
    body
}

/// `{"a", "b"}`
pub(crate) fn set(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("{{{}}}", items.join(", "))
}

/// `input.args.amount`, with brackets where a name is no plain word.
fn reference(path: &[String]) -> String {
    let mut text = String::from("input");
    for key in path {
        if is_word(key) {
            text.push('.');
            text.push_str(key);
        } else {
            text.push('[');
            text.push_str(&rego(key));
            text.push(']');
        }
    }
    text
}

/// The same, or null; null too where something on the way is no object.
fn lookup(path: &[String]) -> String {
    match path {
        [key] => format!("object.get(input, {}, null)", rego(key)),
        path => {
            let keys: Vec<String> = path.iter().map(|key| rego(key)).collect();
            format!("object.get(input, [{}], null)", keys.join(", "))
        }
    }
}

fn is_word(key: &str) -> bool {
    const KEYWORDS: [&str; 18] = [
        "as", "contains", "data", "default", "else", "every", "false", "if", "import", "in",
        "input", "not", "null", "package", "set", "some", "true", "with",
    ];
    key.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && key
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !KEYWORDS.contains(&key)
}
