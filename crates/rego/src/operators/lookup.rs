//! Conditions that are nothing but a look into data by what is computed, as in `data.levels[input.args.level]`.
//!
//! The keys of data are texts. By a number, OPA finds its text where it looks for it, and does not where its index has asked
//! already. Which of both, is not known here: it is an error.

use anyhow::{Result, bail};
use regorus::Value;
use regorus::unstable::{Expr, Import, Module};

use crate::registry::Registry;
use crate::tree;

/// Hands on what an object is asked for, unless that is a number that it has as a text.
pub(super) const ASKED: &str = "kitelogik_asked";

/// What such a condition fails with.
pub(crate) const NUMBERED: &str =
    "data has this number as a text, which OPA may find or not: look the text up";

pub(super) fn register(registry: &mut impl Registry) -> Result<()> {
    registry.add(ASKED, 2, |values: Vec<Value>| match values.as_slice() {
        [object, key] if object[key] == Value::Undefined && has_text_of(object, key) => {
            bail!(NUMBERED)
        }
        [_, key] => Ok(key.clone()),
        _ => bail!("an object and a key are expected"),
    })
}

/// Whether an object has the text of a number, in one of the spellings that JSON, OPA or the interpreter give it.
pub(crate) fn has_text_of(object: &Value, number: &Value) -> bool {
    matches!(object, Value::Object(_))
        && spellings(number)
            .into_iter()
            .any(|text| object[&Value::from(text)] != Value::Undefined)
}

/// No texts for what is no number.
fn spellings(value: &Value) -> Vec<String> {
    let Value::Number(number) = value else {
        return Vec::new();
    };
    let decimal = number.format_decimal();
    let mut texts = vec![value.to_string()];
    if !decimal.contains('.') {
        texts.push(format!("{decimal}.0"));
    }
    if let Ok(float) = decimal.parse::<f64>() {
        let short = format!("{float:e}");
        // In what OPA computes, an exponent has a sign and two digits.
        texts.extend(short.split_once('e').map(
            |(digits, exponent)| match exponent.strip_prefix('-') {
                Some(exponent) => format!("{digits}e-{exponent:0>2}"),
                None => format!("{digits}e+{exponent:0>2}"),
            },
        ));
        texts.push(short);
        texts.extend(serde_json::Number::from_f64(float).map(|json| json.to_string()));
        if float == 0.0 {
            texts.extend(["0", "-0", "0.0", "-0.0"].map(str::to_owned));
        }
    }
    texts.push(decimal);
    texts
}

/// What such a condition looks into, and by what; none where it is another, or looks by what is no number.
pub(super) fn parts<'e>(module: &Module, condition: &'e Expr) -> Option<(&'e Expr, &'e Expr)> {
    let Expr::RefBrack { refr, index, .. } = condition else {
        return None;
    };
    let is_other = match &**index {
        Expr::Var { span, .. } => span.text() == "_",
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. }
        | Expr::Array { .. }
        | Expr::Object { .. }
        | Expr::Set { .. } => true,
        _ => false,
    };
    (is_in_data(module, refr) && !is_other).then_some((&**refr, &**index))
}

/// Whether a reference leads into data, and may be written twice.
fn is_in_data(module: &Module, reference: &Expr) -> bool {
    is_plain(reference) && root(reference).is_some_and(|root| is_data(root, &module.imports))
}

/// Whether it may be written twice: it searches for nothing by `_`, and computes nothing.
fn is_plain(expression: &Expr) -> bool {
    match expression {
        Expr::Var { span, .. } => span.text() != "_",
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. } => true,
        Expr::RefDot { refr, .. } => is_plain(refr),
        Expr::RefBrack { refr, index, .. } => is_plain(refr) && is_plain(index),
        _ => false,
    }
}

fn is_data(root: &str, imports: &[Import]) -> bool {
    let leads = |import: &Import| {
        tree::alias(import) == Some(root) && self::root(&import.refr) == Some("data")
    };
    root == "data" || imports.iter().any(leads)
}

/// The name that a reference begins with.
fn root(reference: &Expr) -> Option<&str> {
    match reference {
        Expr::Var { span, .. } => Some(span.text()),
        Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => root(refr),
        _ => None,
    }
}
