//! Folded copies of a text, and the way back from a place in the copy to the bytes of the original.

use std::ops::Range;

use super::{
    REDACTION_OPEN,
    fold::{BARRIER, fold, hidden_ascii},
    rule::{MAX_NAME_LEN, is_rule_name},
};

/// How a folded copy reads what a person does not see.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// As a person does: hidden characters are not there.
    Seen,
    /// Hidden characters that mirror ASCII, as that ASCII, in their place.
    Inline,
    /// Nothing but the hidden characters.
    Hidden,
    /// As drawn: what stands in a right-to-left override is read backwards.
    Drawn,
}

/// A folded copy of a text. White space counts as one space, or one line feed where it holds a line break.
pub(super) struct View<'t> {
    source: &'t str,
    pub(super) folded: String,
    pieces: Vec<Piece>,
}

/// A stretch of the copy that comes from one stretch of the source.
struct Piece {
    folded: usize,
    source: Range<usize>,
    /// Same length as in the source, byte for byte in place; otherwise it stands for the whole source stretch.
    in_step: bool,
}

impl<'t> View<'t> {
    /// Every copy worth searching: one for ordinary text, more where hidden characters or overrides occur.
    pub(super) fn all(source: &'t str) -> Vec<Self> {
        let mut views = vec![Self::read(source, Reading::Seen)];
        if !source.is_ascii() {
            if source.chars().any(|c| hidden_ascii(c).is_some()) {
                views.push(Self::read(source, Reading::Inline));
                views.push(Self::read(source, Reading::Hidden));
            }
            if source.contains(OVERRIDE) {
                views.push(Self::read(source, Reading::Drawn));
            }
        }
        views
    }

    /// The bytes of the source that `folded` stands for, with the invisible characters and marks among them.
    pub(super) fn source_span(&self, folded: Range<usize>) -> Range<usize> {
        let first = self
            .pieces
            .partition_point(|piece| piece.folded <= folded.start)
            .saturating_sub(1);
        let mut span: Option<Range<usize>> = None;
        for piece in self
            .pieces
            .iter()
            .skip(first)
            .take_while(|piece| piece.folded < folded.end)
        {
            let part = if piece.in_step {
                let from = folded.start.saturating_sub(piece.folded);
                let to = folded.end - piece.folded;
                piece.source.start + from..(piece.source.start + to).min(piece.source.end)
            } else {
                piece.source.clone()
            };
            span = Some(match span {
                None => part,
                Some(span) => span.start.min(part.start)..span.end.max(part.end),
            });
        }
        let span = span.unwrap_or(0..0);
        self.source.floor_char_boundary(span.start)..self.source.ceil_char_boundary(span.end)
    }

    fn read(source: &'t str, reading: Reading) -> Self {
        let mut view = Self {
            source,
            folded: String::with_capacity(source.len()),
            pieces: Vec::new(),
        };
        let mut held = Vec::new();
        let mut overridden = false;
        let mut rest = source;
        while let Some(c) = rest.chars().next() {
            let at = source.len() - rest.len();
            let len = match c {
                '[' => redaction_len(rest),
                _ => None,
            };
            let end = at + len.unwrap_or(c.len_utf8());
            rest = source.get(end..).unwrap_or_default();
            if reading == Reading::Drawn {
                if overridden
                    && matches!(
                        c,
                        '\u{202c}' | '\u{2069}' | '\n' | '\r' | '\u{2028}' | '\u{2029}'
                    )
                {
                    view.push_backwards(&mut held);
                    overridden = false;
                } else if c == OVERRIDE {
                    overridden = true;
                }
                if overridden {
                    held.push((at..end, len.is_some(), c));
                    continue;
                }
            }
            view.push(at..end, len.is_some(), c, reading);
        }
        view.push_backwards(&mut held);
        view
    }

    fn push_backwards(&mut self, held: &mut Vec<(Range<usize>, bool, char)>) {
        for (source, redacted, c) in held.drain(..).rev() {
            self.push(source, redacted, c, Reading::Drawn);
        }
    }

    fn push(&mut self, source: Range<usize>, redacted: bool, c: char, reading: Reading) {
        if redacted {
            return self.push_one(source, BARRIER);
        }
        match reading {
            Reading::Seen | Reading::Drawn => fold(c, |part| self.push_one(source.clone(), part)),
            Reading::Inline => match hidden_ascii(c) {
                Some(ascii) => fold(ascii, |part| self.push_one(source.clone(), part)),
                None => fold(c, |part| self.push_one(source.clone(), part)),
            },
            Reading::Hidden => {
                if let Some(ascii) = hidden_ascii(c) {
                    fold(ascii, |part| self.push_one(source.clone(), part));
                }
            }
        }
    }

    fn push_one(&mut self, source: Range<usize>, part: char) {
        if matches!(part, ' ' | '\n') && self.folded.ends_with([' ', '\n']) {
            return self.join_white_space(source, part);
        }
        let folded = self.folded.len();
        self.folded.push(part);
        let in_step = part.len_utf8() == source.len();
        if let Some(last) = self.pieces.last_mut()
            && (in_step && last.in_step && last.source.end == source.start)
        {
            last.source.end = source.end;
            return;
        }
        self.pieces.push(Piece {
            folded,
            source,
            in_step,
        });
    }

    /// A run of white space stands for all of its characters, and for a line break if one of them is.
    fn join_white_space(&mut self, source: Range<usize>, part: char) {
        if part == '\n' {
            self.folded.pop();
            self.folded.push('\n');
        }
        let at = self.folded.len() - 1;
        if let Some(last) = self.pieces.last_mut() {
            if last.folded == at {
                last.source = last.source.start.min(source.start)..last.source.end.max(source.end);
                last.in_step = false;
                return;
            }
            // The run's first character ended a longer piece: cut it off, so that the run is a piece of its own.
            last.source.end -= 1;
            let run = last.source.end.min(source.start)..source.end;
            self.pieces.push(Piece {
                folded: at,
                source: run,
                in_step: false,
            });
        }
    }
}

/// Right-to-left override: what follows is drawn backwards, whatever the script.
const OVERRIDE: char = '\u{202e}';

/// How many bytes at the start of `text` are a redaction this sanitiser wrote.
fn redaction_len(text: &str) -> Option<usize> {
    let rest = text.strip_prefix(REDACTION_OPEN)?;
    // No further than a name can reach: text full of openings must not be read over and over.
    let len = rest
        .bytes()
        .take(MAX_NAME_LEN + 1)
        .position(|byte| byte == b']')?;
    is_rule_name(rest.get(..len)?).then_some(REDACTION_OPEN.len() + len + 1)
}
