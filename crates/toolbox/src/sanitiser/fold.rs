//! What one character counts as when text is compared with a rule.

use std::sync::LazyLock;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

use super::look_alikes::LOOK_ALIKES;

/// Stands in the folded copy where an earlier run left its `[REDACTED: …]`. Control characters are dropped from
/// text, so nothing else can put it there, and rules are compiled so that they never match it.
pub(super) const BARRIER: char = '\u{1}';

/// Gives `emit` what `c` counts as: nothing (invisible, combining or control), a space, a line feed, or letters in
/// lower case without accents, look-alikes replaced by the ASCII letter they resemble.
///
/// Rules are folded by this same function, so a Russian rule finds Russian text although `с` becomes `c` in both.
pub(super) fn fold(c: char, mut emit: impl FnMut(char)) {
    if c.is_ascii() {
        return match c {
            '\n' | '\r' | '\u{b}' | '\u{c}' => emit('\n'),
            '\t' => emit(' '),
            _ if c.is_ascii_control() => {}
            _ => emit(c.to_ascii_lowercase()),
        };
    }
    match usize::try_from(u32::from(c))
        .ok()
        .and_then(|at| FOLDED.get(at))
    {
        Some(&Folded::One(one)) => emit(one),
        Some(Folded::Nothing) => {}
        Some(Folded::Long) => fold_slowly(c, emit),
        None if is_ideograph(c) => emit(c),
        None => fold_slowly(c, emit),
    }
}

/// Whether `c` leaves nothing in the folded copy.
pub(super) fn is_dropped(c: char) -> bool {
    let mut dropped = true;
    fold(c, |_| dropped = false);
    dropped
}

/// The ASCII character that a tag character (U+E0000 block) mirrors, or that a supplementary variation selector
/// stands for when bytes are smuggled in a run of them.
pub(super) fn hidden_ascii(c: char) -> Option<char> {
    let code = u32::from(c);
    let ascii = match code {
        0xE0020..=0xE007E => code - 0xE0000,
        // Selector 17 (U+E0100) is byte 16: only printable bytes spell anything.
        0xE0110..=0xE016E => code - 0xE0100 + 16,
        _ => return None,
    };
    char::from_u32(ascii)
}

/// Whether letters of this script stand in words with spaces between: the rest of a word goes with its match.
pub(super) fn joins_words(c: char) -> bool {
    c.is_alphanumeric()
        && !matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3000..=0xD7FF | 0xF900..=0xFAFF | 0xFF66..=0xFFDC | 0x20000..)
}

/// Characters up to here are looked up in a table: alphabets, punctuation, kana. 100 KB, filled at first use.
const TABLE_LEN: u32 = 0x3200;

enum Folded {
    Nothing,
    One(char),
    Long,
}

static FOLDED: LazyLock<Vec<Folded>> = LazyLock::new(|| {
    (0..TABLE_LEN)
        .map(|code| {
            let mut folded = Folded::Nothing;
            if let Some(c) = char::from_u32(code) {
                fold_slowly(c, |one| {
                    folded = match folded {
                        Folded::Nothing => Folded::One(one),
                        _ => Folded::Long,
                    }
                });
            }
            folded
        })
        .collect()
});

/// The look-alikes by character, sorted.
static SORTED: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let mut all: Vec<_> = LOOK_ALIKES
        .iter()
        .flat_map(|&(ascii, looks)| looks.chars().map(move |c| (c, ascii)))
        .collect();
    all.sort_unstable();
    all
});

fn fold_slowly(c: char, mut emit: impl FnMut(char)) {
    if is_invisible(c) || c.is_control() && !c.is_whitespace() {
        return;
    }
    match c {
        // Line and paragraph separators break lines as a line feed does.
        '\u{85}' | '\u{2028}' | '\u{2029}' => return emit('\n'),
        // An empty braille cell is drawn as a gap.
        '\u{2800}' => return emit(' '),
        _ if c.is_whitespace() => return emit(' '),
        _ => {}
    }
    if let Some(ascii) = look_alike(c) {
        return emit(ascii);
    }
    decompose_compatible(c, |part| {
        if is_combining_mark(part) || is_invisible(part) {
            return;
        }
        match look_alike(part) {
            Some(ascii) => emit(ascii),
            None => {
                for lower in part
                    .to_lowercase()
                    .filter(|&lower| !is_combining_mark(lower))
                {
                    emit(look_alike(lower).unwrap_or(lower));
                }
            }
        }
    });
}

fn look_alike(c: char) -> Option<char> {
    let at = SORTED.binary_search_by_key(&c, |&(look, _)| look).ok()?;
    SORTED.get(at).map(|&(_, ascii)| ascii)
}

/// Ideographs decompose to themselves; the compatibility ones, which do not, lie elsewhere.
fn is_ideograph(c: char) -> bool {
    matches!(u32::from(c), 0x3400..=0x9FFF | 0x20000..=0x2F7FF)
}

/// Default-ignorable characters and others that are drawn as nothing: zero-width, joiners, bidirectional controls,
/// soft hyphen, variation selectors, fillers, tags.
fn is_invisible(c: char) -> bool {
    matches!(
        u32::from(c),
        0xAD | 0x34F
            | 0x61C
            | 0x115F
            | 0x1160
            | 0x17B4
            | 0x17B5
            | 0x180B..=0x180F
            | 0x200B..=0x200F
            | 0x202A..=0x202E
            | 0x2060..=0x206F
            | 0x3164
            | 0xFE00..=0xFE0F
            | 0xFEFF
            | 0xFFA0
            | 0xFFF0..=0xFFFB
            | 0x1BCA0..=0x1BCA3
            | 0x1D173..=0x1D17A
            | 0xE0000..=0xE0FFF
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        let mut out = String::new();
        text.chars().for_each(|c| fold(c, |part| out.push(part)));
        out
    }

    #[test]
    fn every_way_to_write_a_word_folds_to_the_word() {
        for text in [
            "ignore",
            "IGNORE",
            "ig\u{200b}no\u{ad}re",
            "ｉｇｎｏｒｅ",
            "𝐢𝐠𝐧𝐨𝐫𝐞",
            "𝕚𝕘𝕟𝕠𝕣𝕖",
            "𝓘𝓖𝓝𝓞𝓡𝓔",
            "іgnоrе",
            "ιgηοrε",
            "ígñörê",
            "i\u{301}g\u{336}n\u{489}o\u{35c}r\u{20dd}e\u{901}",
            "ⓘⓖⓝⓞⓡⓔ",
            "🅘🅖🅝🅞🅡🅔",
            "🄸🄶🄽🄾🅁🄴",
            "ɪɢɴᴏʀᴇ",
            "🇮🇬🇳🇴🇷🇪",
            "Ꭵɡɴօгҽ",
        ] {
            assert_eq!(folded(text), "ignore", "{text}");
        }
    }

    #[test]
    fn no_look_alike_stands_twice_or_is_ascii() {
        for pair in SORTED.windows(2) {
            assert!(matches!(pair, [(a, _), (b, _)] if a < b), "{pair:?}");
        }
        assert!(
            SORTED
                .iter()
                .all(|(look, ascii)| !look.is_ascii() && ascii.is_ascii())
        );
    }

    #[test]
    fn folding_twice_changes_nothing_more() {
        for c in (0x20..0x0010_FFFF).filter_map(char::from_u32) {
            let once = folded(&c.to_string());
            assert_eq!(folded(&once), once, "{c:?} {:x}", u32::from(c));
        }
    }
}
