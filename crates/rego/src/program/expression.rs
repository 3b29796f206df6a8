//! Expressions to nodes.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use regorus::Value;
use regorus::unstable::{Expr, Ref, Span};

use super::input::{Field, Part};
use super::lower::{Lower, Lowered};
use super::node::{Arithmetic, BuiltinCall, Comprehension, Makes, Node, SetOperation, Step};
use super::paths::constant_path;
use super::scope;

impl Lower<'_> {
    /// What searches for a member becomes steps before it.
    pub(super) fn expression(&mut self, expression: &Expr, steps: &mut Vec<Step>) -> Lowered<Node> {
        Ok(match expression {
            Expr::String { value, .. }
            | Expr::RawString { value, .. }
            | Expr::Number { value, .. }
            | Expr::Bool { value, .. }
            | Expr::Null { value, .. } => Node::Known(value.clone()),
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                return self.reference(expression, steps);
            }
            Expr::Array { items, .. } => {
                let items = self.all(items, steps)?;
                match known(&items) {
                    Some(values) => Node::Known(Value::from(values)),
                    None => Node::Array(items.into()),
                }
            }
            Expr::Set { items, .. } => {
                let items = self.all(items, steps)?;
                match known(&items) {
                    Some(values) => {
                        Node::Known(Value::from(values.into_iter().collect::<BTreeSet<_>>()))
                    }
                    None => Node::Set(items.into()),
                }
            }
            Expr::Object { fields, .. } => {
                let mut entries = Vec::with_capacity(fields.len());
                for (_, key, value) in fields {
                    entries.push((self.expression(key, steps)?, self.expression(value, steps)?));
                }
                let values: Option<BTreeMap<Value, Value>> = entries
                    .iter()
                    .map(|entry| match entry {
                        (Node::Known(key), Node::Known(value)) => {
                            Some((key.clone(), value.clone()))
                        }
                        _ => None,
                    })
                    .collect();
                match values {
                    Some(values) => Node::Known(Value::from(values)),
                    None => Node::Object(entries.into()),
                }
            }
            Expr::BoolExpr { op, lhs, rhs, .. } => {
                let (left, right) = self.pair(lhs, rhs, steps)?;
                let literal = has_literal(lhs, rhs);
                Node::Compare(op.clone(), Box::new(left), Box::new(right), literal)
            }
            Expr::ArithExpr {
                op, lhs, rhs, span, ..
            } => Node::Arithmetic(Box::new(Arithmetic {
                operation: op.clone(),
                left: self.expression(lhs, steps)?,
                right: self.expression(rhs, steps)?,
                place: self.place(span),
            })),
            Expr::BinExpr {
                op, lhs, rhs, span, ..
            } => Node::SetOperation(Box::new(SetOperation {
                operation: op.clone(),
                left: self.expression(lhs, steps)?,
                right: self.expression(rhs, steps)?,
                syntax: [lhs.clone(), rhs.clone()],
                place: self.place(span),
            })),
            Expr::Membership {
                key,
                value,
                collection,
                ..
            } => {
                let key = match key {
                    Some(key) => Some(Box::new(self.expression(key, steps)?)),
                    None => None,
                };
                let value = Box::new(self.expression(value, steps)?);
                match (key, self.expression(collection, steps)?) {
                    (None, Node::Known(collection)) if texts(&collection).is_some() => {
                        Node::InTexts(value, texts(&collection).unwrap_or_default())
                    }
                    (key, collection) => Node::In {
                        key,
                        value,
                        collection: Box::new(collection),
                    },
                }
            }
            Expr::ArrayCompr {
                term, query, span, ..
            } => {
                let lowered = self.query(query, |lower| lower.term(term));
                let term = lowered.end.unwrap_or(Node::Undefined);
                self.comprehension(span, lowered.steps, Makes::Array(term))
            }
            Expr::SetCompr {
                term, query, span, ..
            } => {
                let lowered = self.query(query, |lower| lower.term(term));
                let term = lowered.end.unwrap_or(Node::Undefined);
                self.comprehension(span, lowered.steps, Makes::Set(term))
            }
            Expr::ObjectCompr {
                key,
                value,
                query,
                span,
                ..
            } => {
                let lowered = self.query(query, |lower| Ok((lower.term(key)?, lower.term(value)?)));
                let (key, value) = lowered.end.unwrap_or((Node::Undefined, Node::Undefined));
                self.comprehension(span, lowered.steps, Makes::Object(key, value))
            }
            Expr::UnaryExpr { expr, .. } => match &**expr {
                Expr::Number {
                    value: Value::Number(number),
                    span,
                    ..
                } if !span.text().starts_with('-') => match number.neg() {
                    Some(number) => Node::Known(Value::Number(number)),
                    None => return self.left("a negative number", span),
                },
                other => return self.left("`-` before what is no number", other.span()),
            },
            Expr::Call {
                fcn, params, span, ..
            } => return self.call(fcn, params, span, steps),
            Expr::AssignExpr { span, .. } => {
                return self.left("an assignment within an expression", span);
            }
        })
    }

    /// Two sides, of which one may search for what the other reads: `xs[x] == x`.
    pub(super) fn pair(
        &mut self,
        left: &Expr,
        right: &Expr,
        steps: &mut Vec<Step>,
    ) -> Lowered<(Node, Node)> {
        let mut needs = BTreeSet::new();
        scope::needs_of(left, &mut needs);
        if self.scope.has(&needs) {
            let left = self.expression(left, steps)?;
            Ok((left, self.expression(right, steps)?))
        } else {
            let right = self.expression(right, steps)?;
            Ok((self.expression(left, steps)?, right))
        }
    }

    /// An expression that may not search: its value belongs to one way through the query.
    pub(super) fn term(&mut self, expression: &Expr) -> Lowered<Node> {
        let mut steps = Vec::new();
        let node = self.expression(expression, &mut steps)?;
        if steps.is_empty() {
            Ok(node)
        } else {
            self.left(
                "a search in the head of a rule or comprehension",
                expression.span(),
            )
        }
    }

    fn comprehension(&self, span: &Span, steps: Box<[Step]>, makes: Makes) -> Node {
        Node::Comprehension(Box::new(Comprehension {
            makes,
            steps,
            place: self.place(span),
        }))
    }

    fn all(&mut self, items: &[Ref<Expr>], steps: &mut Vec<Step>) -> Lowered<Vec<Node>> {
        items
            .iter()
            .map(|item| self.expression(item, steps))
            .collect()
    }

    fn call(
        &mut self,
        function: &Expr,
        arguments: &[Ref<Expr>],
        span: &Span,
        steps: &mut Vec<Step>,
    ) -> Lowered<Node> {
        let Some(path) = constant_path(function) else {
            return self.left("a call of what is no name", span);
        };
        let name = path.join(".");
        if let Some((group, expected)) = self.function(&path) {
            if expected != arguments.len() {
                return self.left(
                    format!("a call of `{name}` with another number of arguments"),
                    span,
                );
            }
            self.uses.groups.insert(group);
            let arguments = self.all(arguments, steps)?;
            return Ok(Node::Call(group, arguments.into()));
        }
        if name == "time.now_ns" && arguments.is_empty() {
            // Another in each decision, as the input is.
            self.uses.input = true;
            return Ok(Node::Now);
        }
        // One look into `input` is one field, with what to take where it is not there.
        if name == "object.get"
            && let [object, key, _] = arguments
            && let Expr::Var { span, .. } = &**object
            && span.text() == "input"
            && self.scope.find("input").is_none()
            && let Expr::String {
                value: Value::String(key),
                ..
            } = &**key
            && let Some(field) = Field::named(Part::Whole, key)
            && field.is_always_there()
            && let Some(
                Expr::String { .. }
                | Expr::Null { .. }
                | Expr::Bool { .. }
                | Expr::Number { .. }
                | Expr::Object { .. },
            ) = arguments.get(2).map(|default| &**default)
        {
            let default = arguments
                .get(2)
                .map(|default| self.term(default))
                .transpose()?;
            if matches!(default, Some(Node::Known(_))) {
                self.uses.input = true;
                return Ok(Node::Input(field, Box::default()));
            }
        }
        let values = self.all(arguments, steps)?;
        let Some(builtin) = self.builtins.find(&name, &values) else {
            return self.left(format!("`{name}`"), span);
        };
        Ok(Node::Builtin(Box::new(BuiltinCall {
            builtin,
            arguments: values.into(),
            place: self.place(span),
        })))
    }

    /// What `walk` makes of `value`.
    pub(super) fn walk(
        &mut self,
        value: &Expr,
        span: &Span,
        steps: &mut Vec<Step>,
    ) -> Lowered<Node> {
        let value = self.expression(value, steps)?;
        let Some(builtin) = self.builtins.walk() else {
            return self.left("`walk`", span);
        };
        Ok(Node::Builtin(Box::new(BuiltinCall {
            builtin,
            arguments: Box::new([value]),
            place: self.place(span),
        })))
    }
}

fn known(nodes: &[Node]) -> Option<Vec<Value>> {
    nodes
        .iter()
        .map(|node| match node {
            Node::Known(value) => Some(value.clone()),
            _ => None,
        })
        .collect()
}

/// The members of a collection that holds only texts.
fn texts(collection: &Value) -> Option<HashSet<Box<str>>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(Box::from(&**text)),
        _ => None,
    };
    match collection {
        Value::Array(items) => items.iter().map(text).collect(),
        Value::Set(items) => items.iter().map(text).collect(),
        _ => None,
    }
}

/// Whether one of two sides is a text that is written there.
pub(super) fn has_literal(left: &Expr, right: &Expr) -> bool {
    [left, right]
        .iter()
        .any(|side| matches!(side, Expr::String { .. } | Expr::RawString { .. }))
}
