//! How an expression is spelled: spans leave the quotes of a string out.

use std::ops::Range;

use regorus::unstable::{Expr, Literal, LiteralStmt};

/// The text of `expression` within `text`, which it was parsed from. Parentheses around all of it are left out.
pub(crate) fn of<'a>(text: &'a str, expression: &Expr) -> &'a str {
    let (start, end) = range(text, expression);
    text.get(start..end).unwrap_or_default()
}

/// What a part of a text becomes.
pub(crate) struct Edit {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) text: String,
}

impl Edit {
    /// `text` is put in at `at`.
    pub(crate) fn insertion(at: usize, text: impl Into<String>) -> Self {
        Self {
            start: at,
            end: at,
            text: text.into(),
        }
    }
}

/// `range` of `text` with `edits`, none of which is within another. Of those that begin at one place, the shorter comes first, and
/// of those that end there as well, the first.
pub(crate) fn edited(text: &str, range: Range<usize>, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let mut edited = String::with_capacity(range.len());
    let mut from = range.start;
    for edit in edits {
        edited.push_str(text.get(from..edit.start).unwrap_or_default());
        edited.push_str(&edit.text);
        from = edit.end;
    }
    edited.push_str(text.get(from..range.end).unwrap_or_default());
    edited
}

/// `text` on one line, for people: comments left out, and cut after 400 characters.
pub(crate) fn one_line(text: &str) -> String {
    const MAX: usize = 400;
    let line = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .collect::<Vec<_>>()
        .join(" ");
    match line.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// Where `expression` begins and ends.
pub(crate) fn range(text: &str, expression: &Expr) -> (usize, usize) {
    let span = expression.span();
    let start = match expression {
        // The span of an object starts with its last field; only its line is that of the brace.
        Expr::Object { fields, .. } if fields.len() > 1 => fields
            .first()
            .and_then(|(_, key, _)| brace(text, span.line, range(text, key).0))
            .unwrap_or(span.start as usize),
        _ => start(text, span.start as usize, expression),
    };
    // The span of an empty set has what comes after it.
    if let Expr::Set { items, .. } = expression
        && items.is_empty()
        && let Some(length) = text.get(start..).and_then(|rest| rest.find(')'))
    {
        return (start, start + length + 1);
    }
    (start, end(text, span.end as usize, expression))
}

/// Where the brace in this line is that opens an object whose first key begins at `key`: white space, comments and parentheses
/// alone are between.
fn brace(text: &str, line: u32, key: usize) -> Option<usize> {
    let before: usize = text
        .split_inclusive('\n')
        .take((line as usize).checked_sub(1)?)
        .map(str::len)
        .sum();
    let written = text.get(before..key)?;
    let end = written.find('\n').unwrap_or(written.len());
    let mut braces = written.get(..end)?.match_indices('{');
    let (offset, _) = braces.find(|(offset, _)| {
        let between = written.get(offset + 1..).unwrap_or_default();
        let (comments, last) = between.rsplit_once('\n').unwrap_or(("", between));
        let mut comments = comments.lines().map(rest);
        rest(last).is_empty() && comments.all(|line| line.is_empty() || line.starts_with('#'))
    })?;
    Some(before + offset)
}

/// What is left of a line behind white space and parentheses.
fn rest(line: &str) -> &str {
    line.trim_start_matches(|letter: char| letter == '(' || letter.is_whitespace())
}

/// Where `statement` begins and ends.
pub(crate) fn statement(text: &str, statement: &LiteralStmt) -> (usize, usize) {
    let (first, last) = (statement.span.start as usize, statement.span.end as usize);
    let begin = match &statement.literal {
        Literal::Expr { expr, .. } => start(text, first, expr),
        _ => first,
    };
    let last_expression = match (statement.with_mods.last(), &statement.literal) {
        (Some(modifier), _) => &modifier.r#as,
        (None, Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. }) => expr,
        (None, Literal::SomeIn { collection, .. }) => collection,
        (None, Literal::SomeVars { .. } | Literal::Every { .. }) => return (begin, last),
    };
    (begin, end(text, last, last_expression))
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
