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
use super::line::{Line, Shape, Subject, body, set};
use super::rule::{Condition, Constant, Operator, Test, Then};
use super::text::rego;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Is it true?
    Certain,
    /// Is it true or unknown?
    Possible,
}

impl Question {
    /// What a rule that says this needs to know.
    pub(crate) fn of(then: Then) -> Self {
        match then {
            Then::Allow => Self::Certain,
            Then::Deny | Then::Hitl => Self::Possible,
        }
    }

    fn opposite(self) -> Self {
        match self {
            Self::Certain => Self::Possible,
            Self::Possible => Self::Certain,
        }
    }
}

/// What the conditions of one file need besides the rules themselves.
pub(crate) struct Bodies<'p> {
    prefix: &'p str,
    /// The helper rules not taken yet.
    helpers: String,
    names: HashSet<String>,
    functions: BTreeSet<Function>,
}

impl<'p> Bodies<'p> {
    /// `prefix` is what the names of the file's functions start with.
    pub(crate) fn new(prefix: &'p str) -> Self {
        Self {
            prefix,
            helpers: String::new(),
            names: HashSet::new(),
            functions: BTreeSet::new(),
        }
    }

    /// The inside of a rule's body that answers `question` about `condition`.
    pub(crate) fn of(&mut self, condition: &Condition, question: Question) -> String {
        let lines = self.lines(condition, question, false);
        self.text(&lines)
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
    fn lines<'a>(
        &mut self,
        condition: &'a Condition,
        question: Question,
        under_not: bool,
    ) -> Vec<Line<'a>> {
        match condition {
            Condition::All(conditions) => conditions
                .iter()
                .flat_map(|condition| self.lines(condition, question, under_not))
                .collect(),
            Condition::Any(conditions) => {
                let bodies: Vec<String> = conditions
                    .iter()
                    .map(|condition| {
                        let lines = self.lines(condition, question, under_not);
                        self.text(&lines)
                    })
                    .collect();
                vec![Line::rule(self.helper("any", &bodies))]
            }
            Condition::Not(condition) => {
                let mut lines = self.lines(condition, question.opposite(), true);
                match (lines.len(), lines.pop()) {
                    (1, Some(line)) => vec![line.flipped()],
                    (_, last) => {
                        lines.extend(last);
                        let body = self.text(&lines);
                        vec![Line::rule(self.helper("all", &[body])).flipped()]
                    }
                }
            }
            Condition::Action(actions, _) => vec![Line::of(Subject::Action, one_of(actions))],
            Condition::Event(events, _) => vec![Line::of(Subject::Event, one_of(events))],
            Condition::Test(test) => lines_of(test, question, under_not),
        }
    }

    /// The condition that each line of the same body came from, in their order.
    pub(crate) fn origins<'c>(
        &mut self,
        condition: &'c Condition,
        question: Question,
    ) -> Vec<&'c Condition> {
        let mut parts = Vec::new();
        condition.parts(&mut parts);
        let mut texts = HashSet::new();
        let mut origins = Vec::new();
        for part in parts {
            for line in self.lines(part, question, false) {
                if texts.insert(line.text(self.prefix)) {
                    origins.push(part);
                }
            }
        }
        origins
    }

    fn text(&mut self, lines: &[Line<'_>]) -> String {
        self.functions
            .extend(lines.iter().filter_map(Line::function));
        body(lines, self.prefix)
    }

    /// A rule that holds where one of `bodies` does, named after what is in it: two files may both have it, and two
    /// different ones never share a name.
    fn helper(&mut self, kind: &str, bodies: &[String]) -> String {
        let mut digest = Sha256::new();
        for body in bodies {
            digest.update(body.as_bytes());
            digest.update([0]);
        }
        let mut name = format!("yaml_{kind}_");
        // Writing to a string cannot fail.
        for byte in digest.finalize().iter().take(8) {
            let _ = write!(name, "{byte:02x}");
        }
        if self.names.insert(name.clone()) {
            for body in bodies {
                let _ = write!(self.helpers, "{name} if {{\n{body}}}\n\n");
            }
        }
        name
    }
}

fn lines_of<'a>(test: &'a Test, question: Question, under_not: bool) -> Vec<Line<'a>> {
    let subject = Subject::At(&test.subject);
    let (certain, refuted, plain) = match judgement(&test.operator) {
        Judgement::Always(shape) => return vec![Line::of(subject, shape)],
        Judgement::Match { certain, refuted } => (certain, refuted, true),
        Judgement::Strict { certain, refuted } => (certain, refuted, false),
    };
    match question {
        Question::Certain => vec![Line::of(subject, certain)],
        Question::Possible => {
            let mut lines = Vec::new();
            if plain && !under_not {
                present(&mut lines, &test.subject);
            }
            lines.push(Line::of(subject, refuted).flipped());
            lines
        }
    }
}

/// That something is there, or that what lies in between is no object and hides whether there is.
fn present<'a>(lines: &mut Vec<Line<'a>>, subject: &'a [String]) {
    let nested = subject.first().is_some_and(|root| root == "args") && subject.len() > 2;
    if !nested {
        lines.push(Line::of(Subject::At(subject), Shape::Present));
        return;
    }
    for length in 1..subject.len() {
        if let Some((parent, [key, ..])) = subject.split_at_checked(length) {
            let without = Shape::Call(Function::Without, rego(key));
            lines.push(Line::of(Subject::At(parent), without).flipped());
        }
    }
}

/// What tells that a test is true, and what that it is false; where neither holds, it is unknown.
enum Judgement {
    /// True or false of anything, and of nothing.
    Always(Shape),
    /// Of nothing it is false, unless under a `not`.
    Match { certain: Shape, refuted: Shape },
    /// Of nothing it is unknown.
    Strict { certain: Shape, refuted: Shape },
}

fn judgement(operator: &Operator) -> Judgement {
    use Shape::{Call, Equal, Has, In};
    let matched = |certain, refuted| Judgement::Match { certain, refuted };
    let strict = |certain, refuted| Judgement::Strict { certain, refuted };
    let calls = |certain: Function, refuted: Function, argument: String| Judgement::Match {
        certain: Call(certain, argument.clone()),
        refuted: Call(refuted, argument),
    };
    match operator {
        Operator::Exists(true) => Judgement::Always(Shape::Present),
        Operator::Exists(false) => Judgement::Always(Shape::Absent),
        Operator::Type(types) => Judgement::Always(match types.as_slice() {
            [only] => Shape::Is(only),
            types => Shape::TypeIn(set(types.iter().map(|name| rego(name)))),
        }),
        Operator::Equal(constant) => {
            let constant = value(constant);
            matched(Equal(constant.clone()), Call(Function::Other, constant))
        }
        Operator::Other(constant) => {
            let constant = value(constant);
            strict(Call(Function::Other, constant.clone()), Equal(constant))
        }
        Operator::In(constants) => {
            let items = set(constants.iter().map(value));
            matched(In(items.clone()), Call(Function::Outside, items))
        }
        Operator::NotIn(constants) => {
            let items = set(constants.iter().map(value));
            strict(Call(Function::Outside, items.clone()), In(items))
        }
        Operator::Scope(scope) => {
            let scope = rego(scope);
            matched(Has(scope.clone()), Call(Function::Lacks, scope))
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
        Operator::Path { regex, .. } => calls(Function::Path, Function::OtherPath, rego(regex)),
    }
}

fn one_of(names: &[String]) -> Shape {
    match names {
        [only] => Shape::Equal(rego(only)),
        names => Shape::In(set(names.iter().map(|name| rego(name)))),
    }
}

fn value(constant: &Constant) -> String {
    match constant {
        Constant::Bool(boolean) => boolean.to_string(),
        Constant::Number(number) => number.value.to_string(),
        Constant::Text(text) => rego(text),
    }
}
