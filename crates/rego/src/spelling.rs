//! How an expression is spelled: spans leave the quotes of a string out.

use regorus::unstable::Expr;

/// The text of `expression` within `text`, which it was parsed from.
pub(crate) fn of<'a>(text: &'a str, expression: &Expr) -> &'a str {
    let span = expression.span();
    let start = start(text, span.start as usize, expression);
    let end = end(text, span.end as usize, expression);
    text.get(start..end).unwrap_or_default()
}

/// Where `expression` begins, whose span begins at `start`.
pub(crate) fn start(text: &str, start: usize, expression: &Expr) -> usize {
    let quote = start.saturating_sub(1);
    if is_quote(text.get(quote..start)) && begins_with_string(expression) {
        quote
    } else {
        start
    }
}

/// Where `expression` ends, whose span ends at `end`.
pub(crate) fn end(text: &str, end: usize, expression: &Expr) -> usize {
    if is_quote(text.get(end..end + 1)) && ends_with_string(expression) {
        end + 1
    } else {
        end
    }
}

fn is_quote(text: Option<&str>) -> bool {
    matches!(text, Some("\"" | "`"))
}

fn begins_with_string(expression: &Expr) -> bool {
    match expression {
        Expr::String { .. } | Expr::RawString { .. } => true,
        Expr::Membership { key: Some(key), .. } => begins_with_string(key),
        Expr::Membership { value, .. } => begins_with_string(value),
        Expr::BinExpr { lhs, .. } | Expr::BoolExpr { lhs, .. } | Expr::ArithExpr { lhs, .. } => {
            begins_with_string(lhs)
        }
        _ => false,
    }
}

fn ends_with_string(expression: &Expr) -> bool {
    match expression {
        Expr::String { .. } | Expr::RawString { .. } => true,
        Expr::Membership { collection, .. } => ends_with_string(collection),
        Expr::BinExpr { rhs, .. }
        | Expr::BoolExpr { rhs, .. }
        | Expr::ArithExpr { rhs, .. }
        | Expr::AssignExpr { rhs, .. } => ends_with_string(rhs),
        _ => false,
    }
}
