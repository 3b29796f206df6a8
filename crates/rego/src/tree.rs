//! Modules as syntax trees.

use std::num::{NonZeroU32, NonZeroUsize};

use anyhow::Result;
use regorus::unstable::{Expr, Import, Module, Parser, Rule, RuleHead, Source};

/// Parses a module. How large a file may be is checked where it is read; a long reason makes a long line.
pub(crate) fn parse(name: &str, text: &str) -> Result<Module> {
    let source = Source::from_contents_with_limits(
        name.to_owned(),
        text.to_owned(),
        NonZeroUsize::MAX,
        NonZeroUsize::MAX,
    )?;
    let mut parser = Parser::new(&source)?;
    parser.set_max_col(NonZeroU32::MAX);
    parser.enable_rego_v1()?;
    parser.parse()
}

/// Whether `not` takes a body in `module`: with `import future.keywords.not`, or of all of them.
pub(crate) fn negates_bodies(module: &Module) -> bool {
    module.imports.iter().any(|import| {
        let path = components(&import.refr).0;
        match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["future", "keywords"] => true,
            ["future", "keywords", keyword] => keyword == "not",
            _ => false,
        }
    })
}

/// What an import is called.
pub(crate) fn alias(import: &Import) -> Option<&str> {
    match (&import.r#as, &*import.refr) {
        (Some(alias), _) => Some(alias.text()),
        (None, Expr::RefDot { field, .. }) => Some(field.0.text()),
        (None, Expr::RefBrack { index, .. }) => match &**index {
            Expr::String { span, .. } => Some(span.text()),
            _ => None,
        },
        (None, _) => None,
    }
}

/// The reference that `rule` declares.
pub(crate) fn reference(rule: &Rule) -> &Expr {
    match rule {
        Rule::Default { refr, .. } => refr,
        Rule::Spec { head, .. } => match head {
            RuleHead::Compr { refr, .. }
            | RuleHead::Set { refr, .. }
            | RuleHead::Func { refr, .. } => refr,
        },
    }
}

/// The constant components that `reference` starts with, and the indexes from the first one on that is none.
pub(crate) fn components(reference: &Expr) -> (Vec<String>, Vec<&Expr>) {
    match reference {
        Expr::Var { span, .. } => (vec![span.text().to_owned()], Vec::new()),
        Expr::RefDot { refr, field, .. } => {
            let (mut constant, rest) = components(refr);
            if rest.is_empty() {
                constant.push(field.0.text().to_owned());
            }
            (constant, rest)
        }
        Expr::RefBrack { refr, index, .. } => {
            let (mut constant, mut rest) = components(refr);
            match &**index {
                Expr::String { value, .. } | Expr::RawString { value, .. } if rest.is_empty() => {
                    if let Ok(text) = value.as_string() {
                        constant.push(text.to_string());
                    }
                }
                index => rest.push(index),
            }
            (constant, rest)
        }
        _ => (Vec::new(), Vec::new()),
    }
}

/// A path under `data` as Rego writes it.
pub(crate) fn path(components: &[String]) -> String {
    let mut path = "data".to_owned();
    for component in components {
        let plain = component
            .starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && component
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if plain {
            path.push('.');
            path.push_str(component);
        } else {
            let quoted = serde_json::to_string(component).unwrap_or_default();
            path.push_str(&format!("[{quoted}]"));
        }
    }
    path
}
