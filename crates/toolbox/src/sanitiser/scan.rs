//! From a text to its findings.

use std::ops::Range;

use super::{
    UNAVAILABLE,
    fold::{is_dropped, joins_words},
    matcher::{Matcher, Unsearchable},
    redaction,
    view::View,
};

/// `text` with `[REDACTED: rule]` in the place of each span; these are in order and do not overlap.
pub(super) fn redacted<'f>(
    text: &str,
    findings: impl Iterator<Item = (&'f str, &'f Range<usize>)>,
) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut from = 0;
    for (rule, span) in findings {
        clean.push_str(text.get(from..span.start).unwrap_or_default());
        clean.push_str(&redaction(rule));
        from = span.end;
    }
    clean.push_str(text.get(from..).unwrap_or_default());
    clean
}

/// The name of the rule of that number.
pub(super) fn name(names: &[String], rule: usize) -> &str {
    names.get(rule).map_or(UNAVAILABLE, String::as_str)
}

/// The number of a rule and the bytes of the text that it found.
type Found = (usize, Range<usize>);

/// How often a redacted text is looked at again. Once is enough but for rules that ask what stands beside a match.
const MAX_ROUNDS: usize = 4;

/// Findings in order, without overlaps, such that the redacted text holds none.
pub(super) fn find(
    matcher: &Matcher,
    names: &[String],
    text: &str,
) -> Result<Vec<Found>, Unsearchable> {
    let mut found = find_once(matcher, text)?;
    for _ in 1..MAX_ROUNDS {
        if found.is_empty() {
            break;
        }
        let clean = redacted(
            text,
            found.iter().map(|(rule, span)| (name(names, *rule), span)),
        );
        let more = find_once(matcher, &clean)?;
        if more.is_empty() {
            break;
        }
        found = with_more(names, found, more);
    }
    Ok(found)
}

/// Joins to `found` what was found `more` in the redacted text, as bytes of the original.
fn with_more(names: &[String], found: Vec<Found>, more: Vec<Found>) -> Vec<Found> {
    let mut joined = Vec::with_capacity(found.len() + more.len());
    let mut more = more.into_iter().peekable();
    // What has been passed so far, in bytes of the original and of the redacted text.
    let (mut original, mut clean) = (0, 0);
    for (rule, span) in found {
        let gap_end = clean + (span.start - original);
        while let Some((rule, new)) = more.next_if(|(_, new)| new.start < gap_end) {
            // No rule matches a redaction; should one reach into it, its part before counts.
            joined.push((
                rule,
                original + (new.start.max(clean) - clean)
                    ..original + (new.end.min(gap_end) - clean),
            ));
        }
        clean = gap_end + redaction(name(names, rule)).len();
        original = span.end;
        joined.push((rule, span));
        while more.next_if(|(_, new)| new.start < clean).is_some() {}
    }
    joined.extend(more.map(|(rule, new)| {
        (
            rule,
            original + (new.start - clean)..original + (new.end - clean),
        )
    }));
    joined
}

fn find_once(matcher: &Matcher, text: &str) -> Result<Vec<Found>, Unsearchable> {
    if is_plain(text) && matcher.is_clear(text)? {
        return Ok(Vec::new());
    }
    let mut found: Vec<Found> = Vec::new();
    for view in View::all(text) {
        found.extend(
            matcher
                .find(&view.folded)?
                .into_iter()
                .map(|(rule, folded)| (rule, view.source_span(folded))),
        );
    }
    found.sort_unstable_by_key(|(rule, span)| (span.start, usize::MAX - span.end, *rule));
    let mut joined: Vec<Found> = Vec::new();
    for (rule, span) in found {
        match joined.last_mut() {
            Some((_, last)) if span.start < last.end => {
                if span.end > last.end {
                    last.end = tail(text, span);
                }
            }
            _ => {
                let start = span.start;
                joined.push((rule, start..tail(text, span)));
            }
        }
    }
    Ok(joined)
}

/// Whether folding changes nothing but letter case and white space.
fn is_plain(text: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r');
    // Without an early exit within a chunk, the compiler makes vector instructions of it: four times as fast.
    text.as_bytes().chunks(256).all(|chunk| {
        chunk
            .iter()
            .fold(true, |plain, &byte| plain & is_plain(byte))
    })
}

/// The end of a span, moved over the marks, the invisible characters and the rest of the word that follow. What
/// would remain of a half redacted word means nothing, and could join its neighbours to something new.
fn tail(text: &str, span: Range<usize>) -> usize {
    let mut in_word = text
        .get(span.clone())
        .and_then(|span| span.chars().rev().find(|&c| !is_dropped(c)))
        .is_some_and(joins_words);
    let mut end = span.end;
    for c in text.get(span.end..).unwrap_or_default().chars() {
        if !is_dropped(c) {
            in_word &= joins_words(c);
            if !in_word {
                break;
            }
        }
        end += c.len_utf8();
    }
    end
}
