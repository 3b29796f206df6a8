//! The texts of what is masked, and a text without them.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use serde_json::Value;

/// A shorter text of a masked part, in bytes, is found in too much that has nothing to do with it.
const MIN_TEXT: usize = 3;
/// What an engine may tell an error after, and drop what stands before it.
const FRAME: &str = "error: ";
/// Texts longer than this are not looked through: 8 KiB.
pub(super) const MAX_TOLD: usize = 8 * 1024;
/// How many texts are looked for,
const MAX_TEXTS: usize = 8 * 1024;
/// and how many bytes they may have together: 128 KiB.
const MAX_BYTES: usize = 128 * 1024;

/// The texts, numbers and keys that are masked somewhere, each as an error may quote it: as it is and without the white space
/// around it, as JSON and as Rust write it, on one line, and in its lines and what stands around `error: ` in it.
///
/// What is shorter than three bytes is not held. More than 8192 texts or 128 KiB are not held either: then every text is
/// masked whole by [`Masking::without`](super::Masking::without).
#[derive(Clone, Debug, Default)]
pub struct HiddenTexts {
    texts: BTreeSet<String>,
    bytes: usize,
    /// There were more.
    full: bool,
    /// Finds them; none where it cannot be made.
    finder: OnceLock<Option<AhoCorasick>>,
}

impl HiddenTexts {
    /// Adds what `whole` has and `masked`, which is made of it, has not.
    pub fn add_differences(&mut self, whole: &Value, masked: &Value) {
        match (whole, masked) {
            (whole, masked) if whole == masked => {}
            (Value::Object(whole), Value::Object(masked)) => {
                for (key, value) in whole {
                    match masked.get(key) {
                        Some(masked) => self.add_differences(value, masked),
                        None => {
                            self.add_text(key);
                            self.add(value);
                        }
                    }
                }
            }
            (Value::Array(whole), Value::Array(masked)) if whole.len() == masked.len() => {
                for (value, masked) in whole.iter().zip(masked) {
                    self.add_differences(value, masked);
                }
            }
            (whole, _) => self.add(whole),
        }
    }

    /// Adds every text, number and key in `value`.
    pub fn add(&mut self, value: &Value) {
        if self.full {
            return;
        }
        match value {
            Value::String(text) => self.add_text(text),
            Value::Number(number) => self.keep(&number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(fields) => {
                for (key, field) in fields {
                    self.add_text(key);
                    self.add(field);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Adds those of `other`.
    pub fn extend(&mut self, other: Self) {
        self.full |= other.full;
        other.texts.iter().for_each(|text| self.keep(text));
    }

    /// Takes those away that `open` holds: they may show.
    pub fn remove(&mut self, open: &Self) {
        self.finder = OnceLock::new();
        self.texts.retain(|text| !open.texts.contains(text));
        self.bytes = self.texts.iter().map(String::len).sum();
    }

    /// Whether nothing is hidden.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && !self.full
    }

    /// Where they stand in `text`, one over another, too; none where that cannot be told.
    pub(super) fn places(&self, text: &str) -> Option<Vec<Range<usize>>> {
        if self.full {
            return None;
        }
        let finder = self.finder.get_or_init(|| {
            let made = AhoCorasick::builder()
                // It is made for a text or two.
                .kind(Some(AhoCorasickKind::NoncontiguousNFA))
                .build(&self.texts);
            made.ok()
        });
        let found = finder.as_ref()?.find_overlapping_iter(text);
        Some(found.map(|found| found.range()).collect())
    }

    fn add_text(&mut self, text: &str) {
        self.add_pieces(text);
        if text.contains(['\n', '\r']) {
            let lines = text.split(['\n', '\r']);
            lines.for_each(|line| self.add_pieces(line));
        }
    }

    fn add_pieces(&mut self, text: &str) {
        self.add_forms(text);
        if text.contains(FRAME) {
            let pieces = text.split(FRAME);
            pieces.for_each(|piece| self.add_forms(piece));
        }
    }

    fn add_forms(&mut self, text: &str) {
        if self.full {
            return;
        }
        let (json, rust) = (Value::from(text).to_string(), format!("{text:?}"));
        let line = text.replace(char::is_control, " ");
        for form in [text, unquoted(&json), unquoted(&rust), &line] {
            self.keep(form);
            self.keep(form.trim());
        }
    }

    fn keep(&mut self, text: &str) {
        // What is longer than what is looked through does not stand there.
        let may_be_found = (MIN_TEXT..=MAX_TOLD).contains(&text.len());
        if self.full || !may_be_found || self.texts.contains(text) {
            return;
        }
        self.finder = OnceLock::new();
        self.bytes = self.bytes.saturating_add(text.len());
        self.texts.insert(text.to_owned());
        if self.texts.len() > MAX_TEXTS || self.bytes > MAX_BYTES {
            self.full = true;
            self.texts.clear();
        }
    }
}

fn unquoted(text: &str) -> &str {
    let text = text.strip_prefix('"').unwrap_or(text);
    text.strip_suffix('"').unwrap_or(text)
}
