//! References: where they begin, and what stands behind that.

use std::sync::Arc;

use regorus::Value;
use regorus::unstable::{Expr, Span};

use super::input::Field;
use super::lower::{Lower, Lowered};
use super::node::{Each, Node, Pattern, Step, Within};
use super::paths::Leads;

/// How many imports may lead to each other.
const MAX_IMPORTS: usize = 8;

impl Lower<'_> {
    pub(super) fn reference(&mut self, expression: &Expr, steps: &mut Vec<Step>) -> Lowered<Node> {
        let mut keys = Vec::new();
        let root = root(expression, &mut keys);
        keys.reverse();
        let Expr::Var { span, .. } = root else {
            let node = self.expression(root, steps)?;
            return self.items(node, &keys, false, steps);
        };
        self.named(span.text(), span, &keys, steps)
    }

    fn named(
        &mut self,
        name: &str,
        span: &Span,
        keys: &[Key<'_>],
        steps: &mut Vec<Step>,
    ) -> Lowered<Node> {
        if name == "_" {
            return self.left("`_` where a value is read", span);
        }
        if let Some(slot) = self.scope.find(name) {
            if !self.scope.is_bound(slot) {
                return self.left(format!("`{name}` has no value yet"), span);
            }
            return self.items(Node::Local(slot), keys, false, steps);
        }
        match name {
            "input" => return self.input(keys, steps),
            "data" => return self.data(Vec::new(), keys, span, steps),
            _ => {}
        }
        let Some(names) = self.names() else {
            return self.left(format!("`{name}` is not known"), span);
        };
        if self.has_rule(name) {
            let mut path = names.package.clone();
            path.push(Arc::from(name));
            return self.data(path, keys, span, steps);
        }
        let Some(import) = names.imports.get(name) else {
            return self.left(format!("`{name}` is not known"), span);
        };
        if self.imports_followed >= MAX_IMPORTS {
            return self.left("imports that lead to each other", span);
        }
        let mut path = Vec::new();
        let base = root(import, &mut path);
        path.reverse();
        path.extend_from_slice(keys);
        let Expr::Var { span: base, .. } = base else {
            return self.left("an import of what is no reference", span);
        };
        self.imports_followed += 1;
        let node = self.named(base.text(), base, &path, steps);
        self.imports_followed -= 1;
        node
    }

    /// Whether the module's package has a rule, or a package below it, of this name.
    fn has_rule(&self, name: &str) -> bool {
        let Some(names) = self.names() else {
            return false;
        };
        let mut path = names.package.clone();
        path.push(Arc::from(name));
        self.paths.follow(&path) != Leads::Data
    }

    /// Whether a name stands for something that is there without a declaration.
    pub(super) fn is_known(&self, name: &str) -> bool {
        matches!(name, "input" | "data")
            || self.scope.find(name).is_some()
            || self.has_rule(name)
            || self
                .names()
                .is_some_and(|names| names.imports.contains_key(name))
    }

    fn input(&mut self, keys: &[Key<'_>], steps: &mut Vec<Step>) -> Lowered<Node> {
        self.uses.input = true;
        let mut field = Field::Whole;
        let mut rest = keys;
        while let (Some(part), Some((Key::Known(key), after))) = (field.part(), rest.split_first())
        {
            let below = match key {
                Value::String(name) => Field::named(part, name),
                _ => None,
            };
            let Some(below) = below else {
                return Ok(Node::Undefined);
            };
            (field, rest) = (below, after);
        }
        let constant = rest
            .iter()
            .take_while(|key| matches!(key, Key::Known(_)))
            .count();
        let (constant, rest) = rest.split_at(constant);
        let below = constant
            .iter()
            .filter_map(|key| match key {
                Key::Known(value) => Some(value.clone()),
                Key::Computed(_) => None,
            })
            .collect();
        self.items(Node::Input(field, below), rest, false, steps)
    }

    /// `path` without `data`, and keys below it.
    fn data(
        &mut self,
        mut path: Vec<Arc<str>>,
        keys: &[Key<'_>],
        span: &Span,
        steps: &mut Vec<Step>,
    ) -> Lowered<Node> {
        let before = path.len();
        for key in keys {
            match key {
                Key::Known(Value::String(text)) => path.push(Arc::clone(text)),
                _ => break,
            }
        }
        match self.paths.follow(&path) {
            Leads::Rules(group, parts) if parts >= before => {
                self.uses.groups.insert(group);
                let rest = keys.get(parts - before..).unwrap_or_default();
                self.items(Node::Rules(group), rest, false, steps)
            }
            Leads::Rules(..) => self.left("a rule above the module's package", span),
            Leads::Package(package) => {
                if keys.len() > path.len() - before {
                    return self.left("a package looked up by a name that is computed", span);
                }
                self.uses.packages.insert(package);
                Ok(Node::Package(package))
            }
            Leads::Data => {
                let mut value = self.data;
                for part in &path {
                    value = &value[&Value::String(Arc::clone(part))];
                }
                let node = match value {
                    Value::Undefined => Node::Undefined,
                    value => Node::Known(value.clone()),
                };
                let rest = keys.get(path.len() - before..).unwrap_or_default();
                self.items(node, rest, true, steps)
            }
        }
    }

    fn items(
        &mut self,
        mut node: Node,
        keys: &[Key<'_>],
        of_data: bool,
        steps: &mut Vec<Step>,
    ) -> Lowered<Node> {
        for key in keys {
            let key = match key {
                Key::Known(value) => Node::Known(value.clone()),
                Key::Computed(index) => match self.search(index) {
                    Some(pattern) => {
                        let slot = self.scope.unnamed();
                        steps.push(Step::Each(Box::new(Each {
                            key: pattern,
                            value: Pattern::Bind(slot),
                            over: node,
                            strict: None,
                        })));
                        node = Node::Local(slot);
                        continue;
                    }
                    None => self.expression(index, steps)?,
                },
            };
            node = Node::Item {
                of: Box::new(node),
                key: Box::new(key),
                within: if of_data { Within::Data } else { Within::Value },
            };
        }
        Ok(node)
    }

    /// The pattern of an index that has no value yet: it searches.
    fn search(&mut self, index: &Expr) -> Option<Pattern> {
        let Expr::Var { span, .. } = index else {
            return None;
        };
        if span.text() == "_" {
            return Some(Pattern::Any);
        }
        let slot = self.scope.find(span.text())?;
        if self.scope.is_bound(slot) {
            return None;
        }
        self.scope.bind(slot);
        Some(Pattern::Bind(slot))
    }
}

/// A part of a reference after its root.
#[derive(Clone)]
enum Key<'e> {
    Known(Value),
    Computed(&'e Expr),
}

/// What a reference begins with; `keys` gets its other parts, the last first.
fn root<'e>(mut expression: &'e Expr, keys: &mut Vec<Key<'e>>) -> &'e Expr {
    loop {
        match expression {
            Expr::RefDot { refr, field, .. } => {
                keys.push(Key::Known(Value::from(field.0.text())));
                expression = refr;
            }
            Expr::RefBrack { refr, index, .. } => {
                keys.push(match &**index {
                    Expr::String { value, .. }
                    | Expr::RawString { value, .. }
                    | Expr::Number { value, .. }
                    | Expr::Bool { value, .. }
                    | Expr::Null { value, .. } => Key::Known(value.clone()),
                    other => Key::Computed(other),
                });
                expression = refr;
            }
            other => return other,
        }
    }
}
