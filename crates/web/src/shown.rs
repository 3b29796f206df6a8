//! Text of others in a page: escaped, nothing hidden, and what is cut marked as cut.

use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};
use kitelogik_core::text::{visible, visible_lines};
use serde_json::Value;

/// How every value of a template is written: with its hidden characters written out, then escaped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown;

impl Escaper for Shown {
    fn write_escaped_str<W: Write>(&self, dest: W, string: &str) -> fmt::Result {
        Html.write_escaped_str(dest, &visible(string))
    }
}

/// Text that may have been cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) shown: String,
    /// How many characters are left out; 0 where the text is whole.
    pub(crate) cut: usize,
}

impl Text {
    /// At most `limit` characters of `text`.
    pub(crate) fn cut_at(limit: usize, text: &str) -> Self {
        match text.char_indices().nth(limit) {
            None => Self {
                shown: text.to_owned(),
                cut: 0,
            },
            Some((end, _)) => Self {
                shown: text.get(..end).unwrap_or_default().to_owned(),
                cut: text.chars().count().saturating_sub(limit),
            },
        }
    }

    /// As HTML in which line breaks stay, for `<pre>`.
    pub(crate) fn lines(&self) -> String {
        let mut html = String::with_capacity(self.shown.len());
        // Writing to a string does not fail.
        let _ = Html.write_escaped_str(&mut html, &visible_lines(&self.shown));
        html
    }
}

/// One argument of a call, as a person reads it.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    pub(crate) name: Text,
    pub(crate) value: Text,
    /// `string`, `number`, `json` or `lines`: a text of digits does not look like a number.
    pub(crate) kind: &'static str,
}

/// How many arguments are shown of one call; of more, it is said how many there are.
const MAX_ARGUMENTS: usize = 200;

/// JSON of so many characters stands on one line.
const ONE_LINE: usize = 60;

/// The arguments of a call, each value cut at `limit` characters, and how many are left out.
pub(crate) fn arguments(value: &Value, limit: usize) -> (Vec<Argument>, usize) {
    let Value::Object(members) = value else {
        return (vec![argument("", value, limit)], 0);
    };
    let shown = members
        .iter()
        .take(MAX_ARGUMENTS)
        .map(|(name, value)| argument(name, value, limit))
        .collect();
    (shown, members.len().saturating_sub(MAX_ARGUMENTS))
}

fn argument(name: &str, value: &Value, limit: usize) -> Argument {
    let (text, kind) = match value {
        Value::String(text) if text.contains('\n') => (text.clone(), "lines"),
        Value::String(text) => (text.clone(), "string"),
        Value::Object(_) | Value::Array(_) => match value.to_string() {
            short if short.chars().count() <= ONE_LINE => (short, "number"),
            _ => (
                serde_json::to_string_pretty(value).unwrap_or_default(),
                "json",
            ),
        },
        plain => (plain.to_string(), "number"),
    };
    Argument {
        name: Text::cut_at(80, name),
        value: Text::cut_at(limit, &text),
        kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters_and_says_how_much_is_missing() {
        let cut = Text::cut_at(3, "äöüß€");
        assert_eq!((cut.shown.as_str(), cut.cut), ("äöü", 2));
        assert_eq!(Text::cut_at(5, "äöüß€").cut, 0);
    }

    #[test]
    fn nothing_in_a_preformatted_text_hides_or_is_markup() {
        let text = Text::cut_at(99, "<b>\n\u{202e}x");
        assert_eq!(text.lines(), "&#60;b&#62;\n\\u{202e}x");
    }
}
