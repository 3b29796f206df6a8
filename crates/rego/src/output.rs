//! The value of a rule's head that may not be there, as OPA reads it.
//!
//! In `deny contains x.reason if some x in [{"reason": "a"}, {}]`, OPA leaves out the member that is not there.
//! Here it would take with it all that were found before, and a deny would be gone. So what OPA does when it compiles
//! is done to the text before it is parsed: the value becomes the last statement of the body,
//! `deny contains output if { some x in …; output := x.reason }`.

use regorus::unstable::{Expr, Literal, LiteralStmt, Module, Query, Rule, RuleBody, RuleHead};

use crate::spelling;

/// The text of `module`, rewritten where a head needs it.
pub(super) fn rewrite(module: &Module) -> String {
    let text = module.package.span.source.contents();
    let mut rewriter = Rewriter {
        text,
        edits: Vec::new(),
        outputs: 0,
    };
    for rule in &module.policy {
        if let Rule::Spec { head, bodies, .. } = &**rule {
            rewriter.rule(head, bodies);
        }
    }
    rewriter.rendered()
}

struct Edit {
    start: usize,
    end: usize,
    text: String,
}

struct Rewriter<'a> {
    text: &'a str,
    edits: Vec<Edit>,
    outputs: usize,
}

impl Rewriter<'_> {
    fn rule(&mut self, head: &RuleHead, bodies: &[RuleBody]) {
        if bodies.is_empty() || bodies.iter().any(|body| body.query.stmts.is_empty()) {
            // Without a body there is one value or none: nothing that was found before is lost.
            return;
        }
        let mut keys = Vec::new();
        let value = match head {
            RuleHead::Set { key, .. } => {
                keys.extend(key.as_deref());
                None
            }
            RuleHead::Compr { refr, assign, .. } => {
                indexes(refr, &mut keys);
                assign.as_ref().map(|assign| &*assign.value)
            }
            RuleHead::Func { assign, .. } => assign.as_ref().map(|assign| &*assign.value),
        };
        let keys: String = keys.into_iter().filter_map(|key| self.moved(key)).collect();
        let value = value
            .and_then(|value| self.moved(value))
            .unwrap_or_default();
        for body in bodies {
            let own = match &body.assign {
                Some(assign) if body.is_else => self.moved(&assign.value).unwrap_or_default(),
                _ if body.is_else => String::new(),
                _ => value.clone(),
            };
            self.append(&body.query, &format!("{keys}{own}"));
        }
    }

    /// Puts a variable where `value` stands, and gives the statement that says what it is.
    fn moved(&mut self, value: &Expr) -> Option<String> {
        if is_settled(value) {
            return None;
        }
        let (start, end) = spelling::range(self.text, value);
        self.outputs += 1;
        let name = format!("kitelogik_output_{}", self.outputs);
        let statement = format!("; {name} := {}", self.text.get(start..end)?);
        self.edits.push(Edit {
            start,
            end,
            text: name,
        });
        Some(statement)
    }

    /// Adds `statements` to the end of `query`.
    fn append(&mut self, query: &Query, statements: &str) {
        let (Some(first), Some(last)) = (query.stmts.first(), query.stmts.last()) else {
            return;
        };
        if statements.is_empty() {
            return;
        }
        let end = end(self.text, last);
        // One statement alone may stand without braces; several may not.
        let bare = first.span.start == query.span.start;
        if bare {
            let start = start(self.text, first);
            self.edits.push(Edit {
                start,
                end: start,
                text: "{ ".to_owned(),
            });
        }
        let closing = if bare { " }" } else { "" };
        self.edits.push(Edit {
            start: end,
            end,
            text: format!("{statements}{closing}"),
        });
    }

    fn rendered(mut self) -> String {
        self.edits.sort_by_key(|edit| edit.start);
        let mut rendered = String::with_capacity(self.text.len());
        let mut from = 0;
        for edit in &self.edits {
            rendered.push_str(self.text.get(from..edit.start).unwrap_or_default());
            rendered.push_str(&edit.text);
            from = edit.end;
        }
        rendered.push_str(self.text.get(from..).unwrap_or_default());
        rendered
    }
}

/// Whether a value is there for all that a body finds, or for none of it.
fn is_settled(value: &Expr) -> bool {
    match value {
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. }
        | Expr::Var { .. }
        | Expr::ArrayCompr { .. }
        | Expr::SetCompr { .. }
        | Expr::ObjectCompr { .. } => true,
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            items.iter().all(|item| is_settled(item))
        }
        Expr::Object { fields, .. } => fields
            .iter()
            .all(|(_, key, value)| is_settled(key) && is_settled(value)),
        Expr::RefDot { refr, .. } => is_document(refr),
        _ => false,
    }
}

/// Whether a reference leads into `input` or `data` by names alone.
fn is_document(reference: &Expr) -> bool {
    match reference {
        Expr::Var { span, .. } => matches!(span.text(), "input" | "data"),
        Expr::RefDot { refr, .. } => is_document(refr),
        _ => false,
    }
}

/// What stands in the brackets of a rule's name.
fn indexes<'a>(name: &'a Expr, found: &mut Vec<&'a Expr>) {
    match name {
        Expr::RefDot { refr, .. } => indexes(refr, found),
        Expr::RefBrack { refr, index, .. } => {
            indexes(refr, found);
            found.push(index);
        }
        _ => {}
    }
}

fn start(text: &str, statement: &LiteralStmt) -> usize {
    let start = statement.span.start as usize;
    match &statement.literal {
        Literal::Expr { expr, .. } => spelling::start(text, start, expr),
        _ => start,
    }
}

fn end(text: &str, statement: &LiteralStmt) -> usize {
    let end = statement.span.end as usize;
    if let Some(modifier) = statement.with_mods.last() {
        return spelling::end(text, end, &modifier.r#as);
    }
    match &statement.literal {
        Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => {
            spelling::end(text, end, expr)
        }
        Literal::SomeIn { collection, .. } => spelling::end(text, end, collection),
        Literal::SomeVars { .. } | Literal::Every { .. } => end,
    }
}
