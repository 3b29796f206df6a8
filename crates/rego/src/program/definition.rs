//! Rules to definitions.

use std::sync::Arc;

use regorus::Value;
use regorus::unstable::{Expr, Ref, Rule, RuleBody, RuleHead};

use super::index;
use super::lower::{Lower, Lowered};
use super::node::{Body, Definition, Fallback, Group, Head, Kind, Node, Pattern, Step};
use super::origin::WrittenRule;
use super::paths::Written;

impl Lower<'_> {
    pub(super) fn group(&mut self, written: &Written<'_>) -> Group {
        let mut group = Group {
            kind: Kind::Complete,
            definitions: Box::default(),
            default: None,
            index: index::Index::default(),
            known: None,
        };
        match self.definitions(written, &mut group) {
            Ok(definitions) => group.definitions = definitions.into(),
            Err(left) => group.kind = Kind::Refer(self.refer(left)),
        }
        group
    }

    fn definitions(
        &mut self,
        written: &Written<'_>,
        group: &mut Group,
    ) -> Lowered<Vec<Definition>> {
        let mut kind = None;
        let mut definitions = Vec::new();
        let of_data = self.data_at(&written.path);
        if let (Some((_, rule)), true) = (written.rules.first(), of_data != Value::Undefined) {
            return self.left("a rule that the data has a value for", rule.span());
        }
        for (module, rule) in &written.rules {
            self.begin(*module);
            let (this, default) = self.kind(rule)?;
            match kind {
                None => kind = Some(this),
                Some(kind) if kind == this => {}
                Some(_) => return self.left("rules of different kinds", rule.span()),
            }
            match &***rule {
                Rule::Default { value, .. } => {
                    if group.default.is_some() || !default {
                        return self.left("a default here", rule.span());
                    }
                    let value = self.term(value)?;
                    let slots = self.scope.slots();
                    group.default = Some(Fallback { value, slots });
                }
                Rule::Spec { head, bodies, .. } => {
                    self.written.push(WrittenRule::default());
                    definitions.push(self.definition(head, bodies)?);
                    let names = self.scope.take_names();
                    if let Some(rule) = self.written.last_mut() {
                        rule.names = names;
                    }
                }
            }
        }
        group.kind = kind.unwrap_or(Kind::Complete);
        if !say_the_same(&definitions) {
            let bodies = definitions.iter_mut().flat_map(|rule| &mut rule.bodies);
            bodies.for_each(|body| body.constant = false);
        }
        Ok(definitions)
    }

    pub(super) fn data_at(&self, path: &[Arc<str>]) -> Value {
        path.iter()
            .fold(self.data, |data, part| {
                &data[&Value::String(Arc::clone(part))]
            })
            .clone()
    }

    /// What kind of rule this is, and whether it may have a default.
    fn kind(&self, rule: &Rule) -> Lowered<(Kind, bool)> {
        match rule {
            Rule::Default { refr, args, .. } => match (&**refr, args.len()) {
                (Expr::Var { .. } | Expr::RefDot { .. }, 0) => Ok((Kind::Complete, true)),
                (Expr::Var { .. } | Expr::RefDot { .. }, count) => {
                    Ok((Kind::Function(count), true))
                }
                (other, _) => self.left("a default of a part", other.span()),
            },
            Rule::Spec { head, .. } => match head {
                RuleHead::Compr { refr, .. } => Ok(match &**refr {
                    Expr::RefBrack { .. } => (Kind::Object, false),
                    _ => (Kind::Complete, true),
                }),
                RuleHead::Set { key: Some(_), .. } => Ok((Kind::Set, false)),
                RuleHead::Set { span, .. } => self.left("a set in the old style", span),
                RuleHead::Func { args, span, .. } => match args.len() {
                    0 => self.left("a function without arguments", span),
                    count => Ok((Kind::Function(count), true)),
                },
            },
        }
    }

    fn definition(&mut self, head: &RuleHead, bodies: &[RuleBody]) -> Lowered<Definition> {
        let place = self.place(match head {
            RuleHead::Compr { span, .. }
            | RuleHead::Set { span, .. }
            | RuleHead::Func { span, .. } => span,
        });
        let arguments = match head {
            RuleHead::Func { args, .. } => self.arguments(args)?,
            _ => Vec::new(),
        };
        if let Some(body) = bodies.iter().skip(1).find(|body| !body.is_else) {
            return self.left("a rule of several bodies", &body.span);
        }
        let partial = matches!(head, RuleHead::Set { .. })
            || matches!(head, RuleHead::Compr { refr, .. } if matches!(**refr, Expr::RefBrack { .. }));
        if partial && let Some(body) = bodies.get(1) {
            return self.left("`else` in a part", &body.span);
        }
        let lowered: Vec<Body> = if bodies.is_empty() {
            vec![self.body(head, None)]
        } else {
            bodies
                .iter()
                .enumerate()
                .map(|body| self.body(head, Some(body)))
                .collect()
        };
        Ok(Definition {
            arguments: arguments.into(),
            bodies: lowered.into(),
            slots: self.scope.slots(),
            place,
        })
    }

    /// The arguments' slots are the first ones; what an argument must fit besides, comes first in the body.
    fn arguments(&mut self, arguments: &[Ref<Expr>]) -> Lowered<Vec<Step>> {
        let mut patterns = Vec::new();
        for argument in arguments {
            match &**argument {
                Expr::Var { span, .. } if span.text() != "_" => {
                    match self.scope.declare(span.text()) {
                        Some(slot) => self.scope.bind(slot),
                        None => return self.left("two arguments of one name", span),
                    }
                }
                pattern => {
                    let slot = self.scope.unnamed();
                    patterns.push((slot, pattern));
                }
            }
        }
        let mut steps = Vec::new();
        for (slot, pattern) in patterns {
            self.declare_all(pattern);
            match self.pattern(pattern)? {
                Pattern::Any => {}
                pattern => steps.push(Step::Match(pattern, Node::Local(slot))),
            }
        }
        Ok(steps)
    }

    fn declare_all(&mut self, pattern: &Expr) {
        match pattern {
            Expr::Var { span, .. } if span.text() != "_" => {
                self.scope.declare(span.text());
            }
            Expr::Array { items, .. } => {
                for item in items {
                    self.declare_all(item);
                }
            }
            _ => {}
        }
    }

    fn body(&mut self, rule: &RuleHead, body: Option<(usize, &RuleBody)>) -> Body {
        let number = body.map_or(0, |(number, _)| number);
        let assigned = body.and_then(|(_, body)| body.assign.as_ref());
        let says = |lower: &mut Self| match rule {
            RuleHead::Set { key, .. } => match key {
                Some(key) => Ok(Head::Value(lower.term(key)?)),
                None => Ok(Head::Value(Node::Undefined)),
            },
            RuleHead::Compr { refr, assign, .. } => {
                let value = match (number, assign, assigned) {
                    (0, Some(assign), _) | (_, _, Some(assign)) => lower.term(&assign.value)?,
                    _ => Node::Known(Value::Bool(true)),
                };
                match &**refr {
                    Expr::RefBrack { index, .. } => Ok(Head::Entry(lower.term(index)?, value)),
                    _ => Ok(Head::Value(value)),
                }
            }
            RuleHead::Func { assign, .. } => Ok(Head::Value(match (number, assign, assigned) {
                (0, Some(assign), _) | (_, _, Some(assign)) => lower.term(&assign.value)?,
                _ => Node::Known(Value::Bool(true)),
            })),
        };
        let (steps, head) = match body {
            Some((_, body)) => {
                let lowered = self.query(&body.query, says);
                if let Some(rule) = self.written.last_mut() {
                    rule.bodies.push(lowered.marks);
                }
                said_at_once(lowered.steps, lowered.end.unwrap_or_else(Head::Refer))
            }
            None => {
                let head = says(self).unwrap_or_else(|left| Head::Refer(self.refer(left)));
                (Box::default(), head)
            }
        };
        // As OPA: a set or an object is looked at whole, and so is what is not written as a literal.
        let constant = match rule {
            RuleHead::Compr { refr, assign, .. } if !matches!(**refr, Expr::RefBrack { .. }) => {
                let said = if number == 0 {
                    assign.as_ref().or(assigned)
                } else {
                    assigned
                };
                said.is_none_or(|assign| is_literal(&assign.value))
            }
            _ => false,
        };
        Body {
            steps,
            head,
            constant,
        }
    }
}

/// A head that says what the last step names, says it without the name.
fn said_at_once(steps: Box<[Step]>, head: Head) -> (Box<[Step]>, Head) {
    let mut steps = steps.into_vec();
    match (steps.pop(), head) {
        (Some(Step::Match(Pattern::Bind(named), value)), Head::Value(Node::Local(said)))
            if named == said =>
        {
            (steps.into(), Head::Value(value))
        }
        (last, head) => {
            steps.extend(last);
            (steps.into(), head)
        }
    }
}

fn is_literal(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. }
    )
}

/// Whether all bodies of all rules say one and the same literal, so that one way through one of them is enough.
fn say_the_same(definitions: &[Definition]) -> bool {
    let mut values = definitions
        .iter()
        .flat_map(|definition| &definition.bodies)
        .map(|body| match &body.head {
            Head::Value(Node::Known(value)) if body.constant => Some(value),
            _ => None,
        });
    let first = values.next().flatten();
    first.is_some() && values.all(|value| value == first)
}
