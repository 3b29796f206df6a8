//! Text that others wrote, shown so that nothing in it can hide, break the line or turn it around.
//!
//! ```
//! use kitelogik_core::text::visible;
//!
//! assert_eq!(visible("read\u{1b}[2J"), "read\\u{1b}[2J");
//! assert_eq!(visible("user\u{202e}nimda"), "user\\u{202e}nimda");
//! assert_eq!(visible("Счёт № 7"), "Счёт № 7");
//! ```

use std::borrow::Cow;
use std::fmt::Write;

const CUT: &str = "… [cut from ";

/// `text` with its hidden characters written out, as in `\u{1b}`; borrowed where there are none.
///
/// Line breaks and tabs are written out as `\n`, `\r` and `\t`, so that the text stays on its line.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        push(&mut shown, character);
    }
    Cow::Owned(shown)
}

/// [`visible`] for text of several lines: line feeds and tabs stay.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    let stays = |character| matches!(character, '\n' | '\t');
    if !text
        .chars()
        .any(|character| is_hidden(character) && !stays(character))
    {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if stays(character) {
            shown.push(character);
        } else {
            push(&mut shown, character);
        }
    }
    Cow::Owned(shown)
}

/// `text`, or its first `max` bytes and how long it was, as in `abc… [cut from 12 bytes]`.
///
/// What is to be masked is masked first: a part of it is not found. What was cut before that is masked whole.
pub fn cut(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    let kept = text.get(..text.floor_char_boundary(max));
    let kept = kept.unwrap_or_default();
    Cow::Owned(format!("{kept}{CUT}{} bytes]", text.len()))
}

/// Whether a part of `text` is one that [`cut`] made, or says so.
pub(crate) fn is_cut(text: &str) -> bool {
    text.contains(CUT)
}

fn push(shown: &mut String, character: char) {
    match character {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        hidden if is_hidden(hidden) => {
            let _ = write!(shown, "{}", hidden.escape_unicode());
        }
        plain => shown.push(plain),
    }
}

/// Whether a terminal, or whoever reads one, would not see this character for what it is: control characters (those of
/// ANSI sequences among them), bidirectional controls, and characters without a shape.
///
/// U+FE0F, which asks for the coloured form of an emoji, is not counted as one.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0e}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}
