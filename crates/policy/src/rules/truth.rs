//! Conditions as Rego, in three values.
//!
//! A condition is true, false or unknown. A rule needs only one question answered: an `allow` whether the condition is
//! [`Certain`](Question::Certain)ly true, a `deny` or `hitl` whether it is [`Possible`](Question::Possible), true or
//! unknown. Each question of a condition becomes questions of its parts, and `not` turns one into the other, as Kleene's
//! logic has it. What comes out are plain Rego expressions, without a third value anywhere.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::function::Function;
use super::rule::{Condition, Constant, Operator, Test};
use super::text::rego;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Is it true?
    Certain,
    /// Is it true or unknown?
    Possible,
}

impl Question {
    fn opposite(self) -> Self {
        match self {
            Self::Certain => Self::Possible,
            Self::Possible => Self::Certain,
        }
    }
}

/// An expression of a rule's body, perhaps after a `not`.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    negated: bool,
    text: String,
}

impl Line {
    fn yes(text: String) -> Self {
        Self {
            negated: false,
            text,
        }
    }

    fn no(text: String) -> Self {
        Self {
            negated: true,
            text,
        }
    }

    fn flipped(mut self) -> Self {
        self.negated = !self.negated;
        self
    }
}

/// What the conditions of one file need besides the rules themselves.
#[derive(Default)]
pub(crate) struct Bodies {
    /// The helper rules not taken yet.
    helpers: String,
    names: HashSet<String>,
    functions: BTreeSet<Function>,
}

impl Bodies {
    /// The lines of a body that answers `question` about `condition`.
    pub(crate) fn lines(&mut self, condition: &Condition, question: Question) -> Vec<Line> {
        self.all(condition, question, false)
    }

    /// The helper rules that came up since the last call, in Rego, each followed by an empty line.
    pub(crate) fn take_helpers(&mut self) -> String {
        std::mem::take(&mut self.helpers)
    }

    /// Every function that came up, and what they call.
    pub(crate) fn functions(&self) -> BTreeSet<Function> {
        let needed = self
            .functions
            .iter()
            .filter_map(|function| function.needs());
        self.functions.iter().copied().chain(needed).collect()
    }

    /// Lines that must all hold. Under a `not`, nothing at all counts as unknown.
    fn all(&mut self, condition: &Condition, question: Question, under_not: bool) -> Vec<Line> {
        match condition {
            Condition::All(conditions) => conditions
                .iter()
                .flat_map(|condition| self.all(condition, question, under_not))
                .collect(),
            Condition::Any(conditions) => {
                let bodies: Vec<Vec<Line>> = conditions
                    .iter()
                    .map(|condition| self.all(condition, question, under_not))
                    .collect();
                vec![Line::yes(self.helper("any", &bodies))]
            }
            Condition::Not(condition) => {
                let mut lines = self.all(condition, question.opposite(), true);
                match (lines.len(), lines.pop()) {
                    (1, Some(line)) => vec![line.flipped()],
                    (_, last) => {
                        lines.extend(last);
                        vec![Line::no(self.helper("all", &[lines]))]
                    }
                }
            }
            Condition::Action(actions) => vec![Line::yes(one_of("input.action", actions))],
            Condition::Event(events) => {
                let event = if events.iter().any(|event| event == "tool_call") {
                    // Older callers leave it out of tool calls.
                    r#"object.get(input, "event_type", "tool_call")"#
                } else {
                    "input.event_type"
                };
                vec![Line::yes(one_of(event, events))]
            }
            Condition::Test(test) => self.test(test, question, under_not),
        }
    }

    fn test(&mut self, test: &Test, question: Question, under_not: bool) -> Vec<Line> {
        let subject = reference(&test.subject);
        let (certain, refuted, plain) = match judgement(&test.operator, &subject) {
            Judgement::Always(line) => return vec![line],
            Judgement::Match { certain, refuted } => (certain, refuted, true),
            Judgement::Strict { certain, refuted } => (certain, refuted, false),
        };
        match question {
            Question::Certain => vec![Line::yes(self.expression(certain, &subject))],
            Question::Possible => {
                let mut lines = Vec::new();
                if plain && !under_not {
                    lines.append(&mut self.present(&test.subject));
                }
                lines.push(Line::no(self.expression(refuted, &subject)));
                lines
            }
        }
    }

    fn expression(&mut self, expression: Expression, subject: &str) -> String {
        match expression {
            Expression::Plain(text) => text,
            Expression::Call(function, argument) => self.call(function, subject, &argument),
        }
    }

    /// That something is there, or that what lies in between is no object and hides whether there is.
    fn present(&mut self, subject: &[String]) -> Vec<Line> {
        let nested = subject.first().is_some_and(|root| root == "args") && subject.len() > 2;
        if !nested {
            return vec![Line::yes(format!("{} != null", reference(subject)))];
        }
        (1..subject.len())
            .filter_map(|length| {
                let (parent, rest) = subject.split_at_checked(length)?;
                let key = rego(rest.first()?);
                Some(Line::no(self.call(
                    Function::Without,
                    &reference(parent),
                    &key,
                )))
            })
            .collect()
    }

    fn call(&mut self, function: Function, subject: &str, argument: &str) -> String {
        self.functions.insert(function);
        format!("{}({subject}, {argument})", function.name())
    }

    /// A rule that holds where one of `bodies` does, named after what is in it: two files may both have it, and two
    /// different ones never share a name.
    fn helper(&mut self, kind: &str, bodies: &[Vec<Line>]) -> String {
        let mut digest = Sha256::new();
        let mut texts = Vec::new();
        for body in bodies {
            let text = body_text(body);
            digest.update(text.as_bytes());
            digest.update([0]);
            texts.push(text);
        }
        let mut name = format!("yaml_{kind}_");
        for byte in digest.finalize().iter().take(8) {
            // Writing to a string cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        if self.names.insert(name.clone()) {
            for text in texts {
                let _ = write!(self.helpers, "{name} if {{\n{text}}}\n\n");
            }
        }
        name
    }
}

enum Expression {
    Plain(String),
    /// The function, of the subject and this.
    Call(Function, String),
}

/// What tells that a test is true, and what that it is false; where neither holds, it is unknown.
enum Judgement {
    /// True or false of anything, and of nothing.
    Always(Line),
    /// Of nothing it is false, unless under a `not`.
    Match {
        certain: Expression,
        refuted: Expression,
    },
    /// Of nothing it is unknown.
    Strict {
        certain: Expression,
        refuted: Expression,
    },
}

fn judgement(operator: &Operator, subject: &str) -> Judgement {
    use Expression::{Call, Plain};
    let matched = |certain, refuted| Judgement::Match { certain, refuted };
    let strict = |certain, refuted| Judgement::Strict { certain, refuted };
    let calls = |certain: Function, refuted: Function, argument: String| Judgement::Match {
        certain: Call(certain, argument.clone()),
        refuted: Call(refuted, argument),
    };
    match operator {
        Operator::Exists(true) => Judgement::Always(Line::yes(format!("{subject} != null"))),
        Operator::Exists(false) => Judgement::Always(Line::no(format!("{subject} != null"))),
        Operator::Type(types) => Judgement::Always(Line::yes(match types.as_slice() {
            [only] => format!("is_{only}({subject})"),
            types => {
                let types: Vec<String> = types.iter().map(|name| rego(name)).collect();
                format!("type_name({subject}) in {{{}}}", types.join(", "))
            }
        })),
        Operator::Equal(constant) => {
            let constant = value(constant);
            matched(
                Plain(format!("{subject} == {constant}")),
                Call(Function::Other, constant),
            )
        }
        Operator::Other(constant) => {
            let constant = value(constant);
            let same = Plain(format!("{subject} == {constant}"));
            strict(Call(Function::Other, constant), same)
        }
        Operator::In(constants) => {
            let list = values(constants);
            matched(
                Plain(format!("{subject} in {list}")),
                Call(Function::Outside, list),
            )
        }
        Operator::NotIn(constants) => {
            let list = values(constants);
            let among = Plain(format!("{subject} in {list}"));
            strict(Call(Function::Outside, list), among)
        }
        Operator::Scope(scope) => {
            let scope = rego(scope);
            matched(
                Plain(format!("{scope} in {subject}")),
                Call(Function::Lacks, scope),
            )
        }
        Operator::Limit(limit, constant) => {
            let constant = value(constant);
            let beyond = Call(Function::from(limit.opposite()), constant.clone());
            strict(Call(Function::from(*limit), constant), beyond)
        }
        Operator::Contains(part) => calls(Function::Holds, Function::Lacks, value(part)),
        Operator::NotContains(part) => {
            let part = value(part);
            strict(
                Call(Function::Lacks, part.clone()),
                Call(Function::Holds, part),
            )
        }
        Operator::StartsWith(text) => {
            calls(Function::StartsWith, Function::StartsOtherwise, rego(text))
        }
        Operator::EndsWith(text) => calls(Function::EndsWith, Function::EndsOtherwise, rego(text)),
        Operator::Matches { regex, .. } => {
            calls(Function::Matches, Function::MatchesNot, rego(regex))
        }
        Operator::Path(regex) => calls(Function::Path, Function::OtherPath, rego(regex)),
    }
}

/// The lines as the inside of a body.
pub(crate) fn body_text(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let not = if line.negated { "not " } else { "" };
        let _ = writeln!(text, "\t{not}{}", line.text);
    }
    text
}

fn one_of(subject: &str, names: &[String]) -> String {
    match names {
        [only] => format!("{subject} == {}", rego(only)),
        names => {
            let names: Vec<String> = names.iter().map(|name| rego(name)).collect();
            format!("{subject} in {{{}}}", names.join(", "))
        }
    }
}

fn value(constant: &Constant) -> String {
    match constant {
        Constant::Bool(boolean) => boolean.to_string(),
        Constant::Number(number) => number.value.to_string(),
        Constant::Text(text) => rego(text),
    }
}

fn values(constants: &[Constant]) -> String {
    let values: Vec<String> = constants.iter().map(value).collect();
    format!("{{{}}}", values.join(", "))
}

/// `input.args.amount`, with brackets where a name is no plain word.
fn reference(subject: &[String]) -> String {
    let mut text = String::from("input");
    for key in subject {
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

fn is_word(key: &str) -> bool {
    const KEYWORDS: [&str; 14] = [
        "as", "contains", "data", "default", "else", "every", "false", "if", "import", "in",
        "input", "not", "null", "package",
    ];
    const MORE: [&str; 4] = ["set", "some", "true", "with"];
    key.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && key
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !KEYWORDS.contains(&key)
        && !MORE.contains(&key)
}
