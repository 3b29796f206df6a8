//! All patterns at once over one folded copy, in time linear in its length.

use std::{collections::BTreeMap, ops::Range};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchError};

use super::{
    pattern::{Pattern, Uncompilable},
    rule::{Rule, RuleError},
};

/// The patterns of all rules, and one automaton over the literals that they need.
pub(super) struct Matcher {
    patterns: Vec<(usize, Pattern)>,
    literals: AhoCorasick,
    /// For each literal of the automaton, the patterns that need it.
    needed_by: Vec<Vec<usize>>,
}

impl Matcher {
    pub(super) fn new(rules: &[Rule]) -> Result<Self, RuleError> {
        let mut patterns = Vec::new();
        let mut needed_by: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (number, rule) in rules.iter().enumerate() {
            for pattern in rule.patterns.values().flatten() {
                let compiled = Pattern::new(pattern).map_err(|why| RuleError::Pattern {
                    rule: rule.name.clone(),
                    pattern: pattern.clone(),
                    why,
                })?;
                // Errors of added rules must show when the sanitiser is built; that the shipped ones compile is tested.
                if !rule.is_shipped && compiled.regex().is_err() {
                    return Err(RuleError::Pattern {
                        rule: rule.name.clone(),
                        pattern: pattern.clone(),
                        why: "too large to compile; make repetitions shorter".to_owned(),
                    });
                }
                for literal in &compiled.literals {
                    needed_by
                        .entry(literal.clone())
                        .or_default()
                        .push(patterns.len());
                }
                patterns.push((number, compiled));
            }
        }
        let literals = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(needed_by.keys())
            .map_err(|error| RuleError::Unreadable {
                why: error.to_string(),
            })?;
        Ok(Self {
            patterns,
            literals,
            needed_by: needed_by.into_values().collect(),
        })
    }

    /// Whether no rule can match, told from the text as it is. Only for text that folding changes in nothing but
    /// letter case and white space.
    pub(super) fn is_clear(&self, plain: &str) -> Result<bool, Unsearchable> {
        Ok(self.literals.try_find(plain)?.is_none())
    }

    /// Every match as the number of its rule and the bytes of the folded copy, in no particular order.
    pub(super) fn find(&self, folded: &str) -> Result<Vec<(usize, Range<usize>)>, Unsearchable> {
        let mut windows: Vec<Vec<Range<usize>>> = Vec::new();
        windows.resize_with(self.patterns.len(), Vec::new);
        for hit in self.literals.try_find_overlapping_iter(folded)? {
            for &at in self
                .needed_by
                .get(hit.pattern().as_usize())
                .into_iter()
                .flatten()
            {
                if let (Some((_, pattern)), Some(windows)) =
                    (self.patterns.get(at), windows.get_mut(at))
                {
                    add_window(windows, window(hit.range(), pattern.reach, folded.len()));
                }
            }
        }
        let mut found = Vec::new();
        for ((rule, pattern), windows) in self.patterns.iter().zip(windows) {
            for window in windows {
                // The end is cut and not the start, so that what precedes the window still counts for `\b` and `^`.
                let text = folded.as_bytes().get(..window.end).unwrap_or_default();
                let mut from = window.start;
                while let Some((whole, part)) = pattern.find_at(text, from)? {
                    found.push((*rule, part));
                    from = whole.end;
                }
            }
        }
        Ok(found)
    }
}

/// A text cannot be searched, and so must not be shown.
#[derive(Debug)]
pub(super) struct Unsearchable;

impl From<MatchError> for Unsearchable {
    fn from(_: MatchError) -> Self {
        Self
    }
}

impl From<Uncompilable> for Unsearchable {
    fn from(_: Uncompilable) -> Self {
        Self
    }
}

/// Where a match that contains the literal at `hit` can lie, and one character more, so that the cut end is never
/// what a match ends at.
fn window(hit: Range<usize>, reach: usize, len: usize) -> Range<usize> {
    hit.end.saturating_sub(reach)..(hit.start + reach + char::MAX_LEN_UTF8).min(len)
}

fn add_window(windows: &mut Vec<Range<usize>>, new: Range<usize>) {
    match windows.last_mut() {
        Some(last) if new.start <= last.end => {
            *last = last.start.min(new.start)..last.end.max(new.end)
        }
        _ => windows.push(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_pattern_compiles() {
        let matcher = Matcher::new(&Rule::shipped().unwrap()).unwrap();
        assert!(matcher.patterns.len() > 100);
        for (_, pattern) in &matcher.patterns {
            pattern.regex().unwrap();
        }
    }
}
