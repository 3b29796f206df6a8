//! The rules that decide, and how they differ between two versions of a policy.

use std::collections::BTreeMap;
use std::fmt;

use regorus::unstable::{AssignOp, Expr, Literal, Rule, RuleBody, RuleHead};

use crate::rules::{Then, is_compiled};
use crate::syntax::{head, parse, path};
use crate::{Module, Policy};

/// A rule that allows, denies or asks for review, in Rego or in YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecisionRule {
    /// What it says when it fires.
    pub kind: Then,
    /// The rule's name in YAML; in Rego the reason it gives, and where it gives none, its text, cut at 120 characters.
    pub name: String,
    /// The package it is in, as in `kitelogik.userpolicy`.
    pub package: String,
    /// The module it is written in; for YAML the name of what it was compiled to.
    pub file: String,
    /// Its line there, from 1.
    pub line: u32,
    /// By which it is told from others: the name, or all of the text of one without.
    identity: String,
    text: String,
}

/// Which rules came and went between two versions of a policy.
///
/// Rules are told apart by package, kind and name, wherever they are written. One that has no name - an `allow` in
/// Rego, a `deny` whose reason is computed - is another rule when its text is another. It shows what was taken out, not
/// what a rule is still worth: who changes a condition, or a function or data that it looks at, takes no rule out.
///
/// ```
/// use kitelogik_policy::{Policy, RuleChanges};
///
/// let policy = |text: &str| Policy::builder().rego("refunds.rego", format!("package kitelogik.userpolicy\n{text}")).build();
/// let old = policy(r#"deny contains "too much" if input.args.amount > 200"#)?;
/// let new = policy(r#"hitl contains "look at it" if input.args.amount > 100"#)?;
/// let changes = RuleChanges::between(&old, &new);
/// assert_eq!(changes.to_string(), "+hitl `look at it`, -deny `too much`");
/// assert_eq!(changes.guards_gone().count(), 1);
/// # Ok::<(), kitelogik_policy::PolicyError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleChanges {
    /// Those that only the new version has.
    pub came: Vec<DecisionRule>,
    /// Those that only the old version has.
    pub went: Vec<DecisionRule>,
    /// Those that both have, with another text, as the new version has them.
    pub changed: Vec<DecisionRule>,
}

impl Policy {
    /// All rules that allow, deny or ask for review, those of the built-in bundle among them.
    pub fn decision_rules(&self) -> Vec<DecisionRule> {
        self.modules().iter().flat_map(of_module).collect()
    }
}

impl RuleChanges {
    /// What `new` has other than `old`.
    pub fn between(old: &Policy, new: &Policy) -> Self {
        Self::of(&old.decision_rules(), &new.decision_rules())
    }

    /// What the rules `new` are other than the rules `old`.
    pub fn of(old: &[DecisionRule], new: &[DecisionRule]) -> Self {
        let mut known: BTreeMap<_, Vec<&DecisionRule>> = BTreeMap::new();
        for rule in old {
            known.entry(rule.key()).or_default().push(rule);
        }
        let mut changes = Self::default();
        let mut others = Vec::new();
        // Equal texts first, so that of several rules of one name the one that differs is told.
        for rule in new {
            let same = known.get_mut(&rule.key());
            let at = same
                .as_ref()
                .and_then(|rules| rules.iter().position(|known| known.text == rule.text));
            match (same, at) {
                (Some(rules), Some(at)) => drop(rules.swap_remove(at)),
                _ => others.push(rule),
            }
        }
        for rule in others {
            match known.get_mut(&rule.key()).and_then(Vec::pop) {
                Some(_) => changes.changed.push(rule.clone()),
                None => changes.came.push(rule.clone()),
            }
        }
        changes.went = known.into_values().flatten().cloned().collect();
        changes
    }

    /// Whether nothing came, went or changed.
    pub fn is_empty(&self) -> bool {
        self.came.is_empty() && self.went.is_empty() && self.changed.is_empty()
    }

    /// The rules that went and that denied or asked for review.
    pub fn guards_gone(&self) -> impl Iterator<Item = &DecisionRule> {
        self.went.iter().filter(|rule| rule.kind != Then::Allow)
    }
}

/// On one line: what came with `+`, what went with `-`, what changed with `~`.
impl fmt::Display for RuleChanges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (sign, rules) in [('+', &self.came), ('-', &self.went), ('~', &self.changed)] {
            for rule in rules {
                write!(formatter, "{separator}{sign}{rule}")?;
                separator = ", ";
            }
        }
        if separator.is_empty() {
            formatter.write_str("no rule came, went or changed")?;
        }
        Ok(())
    }
}

impl fmt::Display for DecisionRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = kitelogik_core::text::visible(&self.name);
        write!(formatter, "{} `{name}`", self.kind.as_str())
    }
}

impl DecisionRule {
    fn key(&self) -> (Then, &str, &str) {
        (self.kind, &self.package, &self.identity)
    }
}

fn of_module(module: &Module) -> Vec<DecisionRule> {
    let Ok(tree) = parse(module) else {
        return Vec::new();
    };
    let package = path(&tree.package.refr).join(".");
    let compiled = is_compiled(module.text());
    let rules = tree.policy.iter().filter_map(|rule| {
        let rule: &Rule = rule;
        let span = match rule {
            Rule::Spec { span, .. } | Rule::Default { span, .. } => span,
        };
        let mut text = span.text().split_whitespace().collect::<Vec<_>>().join(" ");
        // Spans leave out the quote of a string that ends them.
        let after = span.source.contents().get(span.end as usize..);
        text.extend(
            after
                .and_then(|rest| rest.chars().next())
                .filter(|next| "\"`".contains(*next)),
        );
        let (kind, name) = said(rule, compiled)?;
        let identity = name.clone().unwrap_or_else(|| text.clone());
        Some(DecisionRule {
            kind,
            name: name.unwrap_or_else(|| shortened(&text)),
            package: package.clone(),
            file: module.name().to_owned(),
            line: span.line,
            identity,
            text,
        })
    });
    rules.collect()
}

/// A rule without a name is shown by so many characters of its text.
const MAX_NAME: usize = 120;

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// What `rule` says where it fires, if it decides, and its name, if it has one.
fn said(rule: &Rule, compiled: bool) -> Option<(Then, Option<String>)> {
    let reference = path(head(rule));
    let mut components = reference.iter();
    let first = components.next()?;
    if compiled {
        if first == "yaml_fired" {
            return in_yaml(rule);
        }
        // How the fired rules become the answer is the same in every compiled module.
        return match (kind(first)?, reason(rule)) {
            (_, None) => None,
            (kind, name) => Some((kind, name)),
        };
    }
    let kind = kind(first)?;
    match rule {
        // What a silent rule comes to, mostly `false`: that says nothing.
        Rule::Default { value, .. } if is_false(value) => None,
        Rule::Default { .. } => Some((kind, None)),
        Rule::Spec {
            head: RuleHead::Func { .. },
            ..
        } => None,
        Rule::Spec { .. } => Some((kind, components.next().cloned().or_else(|| reason(rule)))),
    }
}

/// By the names that the user's package and a whole bundle's entry point have for them.
fn kind(name: &str) -> Option<Then> {
    match name {
        "allow" => Some(Then::Allow),
        "deny" => Some(Then::Deny),
        "hitl" | "requires_hitl" | "hitl_reason" => Some(Then::Hitl),
        _ => None,
    }
}

/// What the compiled form of a rule in YAML says of it.
fn in_yaml(rule: &Rule) -> Option<(Then, Option<String>)> {
    let Rule::Spec {
        head: RuleHead::Set { key: Some(key), .. },
        ..
    } = rule
    else {
        return None;
    };
    let Expr::Object { fields, .. } = key.as_ref() else {
        return None;
    };
    let field = |name: &str| {
        fields
            .iter()
            .find(|(_, key, _)| text(key).as_deref() == Some(name))
            .and_then(|(_, _, value)| text(value))
    };
    Some((kind(&field("then")?)?, field("name")))
}

/// The reason that a rule gives, where it is written down: as a constant, or as the format of one.
fn reason(rule: &Rule) -> Option<String> {
    let Rule::Spec {
        head: RuleHead::Set { key: Some(key), .. },
        bodies,
        ..
    } = rule
    else {
        return None;
    };
    if let Expr::Var { span, .. } = key.as_ref() {
        let variable = span.text();
        return bodies.iter().find_map(|body| assigned(body, variable));
    }
    constant_or_format(key)
}

/// What the body gives `variable`, as in `msg := "too much"`.
fn assigned(body: &RuleBody, variable: &str) -> Option<String> {
    body.query.stmts.iter().find_map(|statement| {
        let Literal::Expr { expr, .. } = &statement.literal else {
            return None;
        };
        match expr.as_ref() {
            Expr::AssignExpr {
                op: AssignOp::ColEq | AssignOp::Eq,
                lhs,
                rhs,
                ..
            } if matches!(lhs.as_ref(), Expr::Var { span, .. } if span.text() == variable) => {
                constant_or_format(rhs)
            }
            _ => None,
        }
    })
}

fn is_false(expression: &Expr) -> bool {
    match expression {
        Expr::Bool { value, .. } => value.as_bool().is_ok_and(|value| !value),
        _ => false,
    }
}

fn constant_or_format(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Call { fcn, params, .. } if path(fcn) == ["sprintf"] => text(params.first()?),
        other => text(other),
    }
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::String { value, .. } | Expr::RawString { value, .. } => {
            value.as_string().ok().map(|text| text.to_string())
        }
        _ => None,
    }
}
