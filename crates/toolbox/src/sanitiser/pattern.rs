//! One pattern, made ready: folded as text is, its literals drawn out, its length known.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{LazyLock, OnceLock},
};

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::{
    ParserBuilder,
    hir::{Capture, Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition},
};

use super::fold::{BARRIER, fold};

/// A compiled pattern.
pub(super) struct Pattern {
    /// Runs on the folded copy, as bytes: a match begins and ends with whole characters all the same, because its
    /// classes and literals are made of such.
    regex: OnceLock<Option<Regex>>,
    source: String,
    /// Whether a group says what of the match to redact.
    has_group: bool,
    /// How many bytes a match can have at most.
    pub(super) reach: usize,
    /// Each match contains one of these.
    pub(super) literals: BTreeSet<String>,
}

impl Pattern {
    /// Reads what `Rule` describes. The error says what is wrong with the pattern.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let parsed = ParserBuilder::new()
            .multi_line(true)
            .build()
            .parse(pattern)
            .map_err(|error| {
                error
                    .to_string()
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .to_owned()
            })?;
        let folded = fold_hir(&parsed)?;
        let reach = folded
            .properties()
            .maximum_len()
            .filter(|&len| len <= MAX_REACH)
            .ok_or_else(|| format!("a match may be longer than {MAX_REACH} bytes; write `{{0,20}}` instead of `*` or `+`"))?;
        let literals = Literals::of(&folded)
            .required
            .filter(|literals| shortest(literals) >= MIN_LITERAL)
            .ok_or_else(|| format!("no literal of {MIN_LITERAL} bytes or more is part of every match; add a word that always occurs"))?;
        Ok(Self {
            has_group: folded.properties().explicit_captures_len() > 0,
            source: folded.to_string(),
            regex: OnceLock::new(),
            reach,
            literals,
        })
    }

    /// The expression, compiled when it is first needed: most patterns never are, and all take 50 ms together.
    pub(super) fn regex(&self) -> Result<&Regex, Uncompilable> {
        self.regex
            .get_or_init(|| RegexBuilder::new(&self.source).build().ok())
            .as_ref()
            .ok_or(Uncompilable)
    }

    /// The next match from `from` on: the whole of it, and the part to redact.
    pub(super) fn find_at(
        &self,
        text: &[u8],
        from: usize,
    ) -> Result<Option<WholeAndPart>, Uncompilable> {
        let regex = self.regex()?;
        if !self.has_group {
            return Ok(regex
                .find_at(text, from)
                .map(|whole| (whole.range(), whole.range())));
        }
        Ok(regex.captures_at(text, from).and_then(|captures| {
            let whole = captures.get(0)?.range();
            let part = captures
                .get(1)
                .filter(|group| !group.is_empty())
                .map(|group| group.range());
            Some((whole.clone(), part.unwrap_or(whole)))
        }))
    }
}

type WholeAndPart = (Range<usize>, Range<usize>);

/// The pattern is correct but takes too much memory to compile.
#[derive(Debug)]
pub(super) struct Uncompilable;

/// Longest match, in bytes of the folded copy.
const MAX_REACH: usize = 4096;
/// Shorter literals occur everywhere and would have patterns tried everywhere.
const MIN_LITERAL: usize = 3;
/// More than this many are not worth looking for one by one.
const MAX_LITERALS: usize = 128;
/// Classes of more characters break a literal.
const MAX_EXACT_CLASS: usize = 4;
/// Larger classes (`\w`, `[^<>]`) are meant as they stand and not folded letter by letter.
const MAX_FOLDED_CLASS: usize = 64;

/// What a space in a pattern matches.
static BETWEEN_WORDS: LazyLock<Result<Hir, String>> =
    LazyLock::new(|| built_in(r#"[ \n,;:_*"'`~>|/\\#()\-]{0,4}"#));
/// What `…` in a pattern matches.
static WITHIN_SENTENCE: LazyLock<Result<Hir, String>> =
    LazyLock::new(|| built_in(r"[^.!?]{0,40}?"));

fn fold_hir(hir: &Hir) -> Result<Hir, String> {
    Ok(match hir.kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => {
            fold_literal(std::str::from_utf8(&literal.0).map_err(|_| "not UTF-8")?)?
        }
        HirKind::Class(Class::Unicode(class)) => fold_class(class),
        HirKind::Class(Class::Bytes(class)) => {
            fold_class(&class.to_unicode_class().ok_or("not UTF-8")?)
        }
        HirKind::Look(look) => Hir::look(in_ascii(*look)),
        HirKind::Repetition(repetition) => {
            let sub = Box::new(fold_hir(&repetition.sub)?);
            Hir::repetition(Repetition {
                sub,
                ..repetition.clone()
            })
        }
        HirKind::Capture(capture) => {
            let sub = Box::new(fold_hir(&capture.sub)?);
            Hir::capture(Capture {
                sub,
                ..capture.clone()
            })
        }
        HirKind::Concat(subs) => Hir::concat(subs.iter().map(fold_hir).collect::<Result<_, _>>()?),
        HirKind::Alternation(subs) => {
            Hir::alternation(subs.iter().map(fold_hir).collect::<Result<_, _>>()?)
        }
    })
}

fn fold_literal(literal: &str) -> Result<Hir, String> {
    literal
        .chars()
        .map(|c| match c {
            ' ' => BETWEEN_WORDS.clone(),
            '…' => WITHIN_SENTENCE.clone(),
            _ => Ok(folded_char(c)),
        })
        .collect::<Result<_, _>>()
        .map(Hir::concat)
}

fn built_in(pattern: &str) -> Result<Hir, String> {
    match regex_syntax::parse(pattern)
        .map_err(|error| error.to_string())?
        .kind()
    {
        HirKind::Repetition(repetition) => match repetition.sub.kind() {
            HirKind::Class(Class::Unicode(class)) => Ok(Hir::repetition(Repetition {
                sub: Box::new(without_barrier(class)),
                ..repetition.clone()
            })),
            _ => Err("not a class".to_owned()),
        },
        _ => Err("not a repetition".to_owned()),
    }
}

/// What a letter of a pattern becomes; either of two where its capital resembles another letter (Greek `η` looks
/// like `n`, its capital like `H`).
fn folded_char(c: char) -> Hir {
    if c.is_ascii() {
        return Hir::literal(folded([c]).into_bytes());
    }
    let forms = BTreeSet::from([
        folded([c]),
        folded(c.to_lowercase()),
        folded(c.to_uppercase()),
    ]);
    any_of(forms)
}

fn folded(chars: impl IntoIterator<Item = char>) -> String {
    let mut text = String::new();
    chars
        .into_iter()
        .for_each(|c| fold(c, |part| text.push(part)));
    text
}

fn any_of(texts: BTreeSet<String>) -> Hir {
    Hir::alternation(
        texts
            .into_iter()
            .map(|text| Hir::literal(text.into_bytes()))
            .collect(),
    )
}

fn fold_class(class: &ClassUnicode) -> Hir {
    let chars = || {
        class
            .ranges()
            .iter()
            .flat_map(|range| range.start()..=range.end())
    };
    if chars().take(MAX_FOLDED_CLASS + 1).count() > MAX_FOLDED_CLASS {
        return without_barrier(class);
    }
    any_of(chars().map(|c| folded([c])).collect())
}

/// No match reaches across what an earlier run redacted: sanitising twice finds nothing more.
fn without_barrier(class: &ClassUnicode) -> Hir {
    let mut class = class.clone();
    class.difference(&ClassUnicode::new([ClassUnicodeRange::new(
        BARRIER, BARRIER,
    )]));
    Hir::class(Class::Unicode(class))
}

fn in_ascii(look: Look) -> Look {
    match look {
        Look::WordUnicode => Look::WordAscii,
        Look::WordUnicodeNegate => Look::WordAsciiNegate,
        Look::WordStartUnicode => Look::WordStartAscii,
        Look::WordEndUnicode => Look::WordEndAscii,
        Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
        Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
        other => other,
    }
}

/// What can be told of the literals in a match.
struct Literals {
    /// All that can match, if that is a few literals.
    exact: Option<BTreeSet<String>>,
    /// Every match contains at least one of these: the longest that can be told.
    required: Option<BTreeSet<String>>,
}

impl Literals {
    const UNKNOWN: Self = Self {
        exact: None,
        required: None,
    };

    fn of(hir: &Hir) -> Self {
        match hir.kind() {
            HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
                Ok(text) => Self::exactly(BTreeSet::from([text.to_owned()])),
                Err(_) => Self::UNKNOWN,
            },
            // An alternation of single characters has become a class.
            HirKind::Class(Class::Unicode(class)) => {
                let chars = || {
                    class
                        .ranges()
                        .iter()
                        .flat_map(|range| range.start()..=range.end())
                };
                if chars().take(MAX_EXACT_CLASS + 1).count() <= MAX_EXACT_CLASS {
                    Self::exactly(chars().map(String::from).collect())
                } else {
                    Self::UNKNOWN
                }
            }
            HirKind::Repetition(repetition) if repetition.min > 0 => Self {
                exact: None,
                ..Self::of(&repetition.sub)
            },
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Concat(subs) => Self::side_by_side(subs),
            HirKind::Alternation(subs) => {
                let (exact, required): (Vec<_>, Vec<_>) = subs
                    .iter()
                    .map(Self::of)
                    .map(|literals| (literals.exact, literals.required))
                    .unzip();
                Self {
                    exact: any(exact).filter(|exact| exact.len() <= MAX_LITERALS),
                    required: any(required),
                }
            }
            _ => Self::UNKNOWN,
        }
    }

    fn exactly(texts: BTreeSet<String>) -> Self {
        Self {
            exact: Some(texts.clone()),
            required: Some(texts),
        }
    }

    /// What stands side by side is longer, and so rarer, than each part: `<|` and `end` are `<|end`.
    fn side_by_side(subs: &[Hir]) -> Self {
        let mut best: Option<BTreeSet<String>> = None;
        let mut adjacent: Option<BTreeSet<String>> = None;
        let mut whole = true;
        for (at, sub) in subs.iter().enumerate() {
            let literals = Self::of(sub);
            let joined = adjacent
                .as_ref()
                .zip(literals.exact.as_ref())
                .and_then(|(left, right)| cross(left, right));
            whole &= at == 0 && literals.exact.is_some() || joined.is_some();
            let candidate = joined.clone().or(literals.required);
            adjacent = joined.or(literals.exact);
            if let Some(candidate) = candidate
                && best
                    .as_ref()
                    .is_none_or(|best| worth(&candidate) > worth(best))
            {
                best = Some(candidate);
            }
        }
        Self {
            exact: adjacent.filter(|_| whole),
            required: best,
        }
    }
}

/// The longer and the fewer, the rarer a hit.
fn worth(literals: &BTreeSet<String>) -> (usize, usize) {
    (shortest(literals), usize::MAX - literals.len())
}

fn any(each: Vec<Option<BTreeSet<String>>>) -> Option<BTreeSet<String>> {
    each.into_iter().try_fold(BTreeSet::new(), |mut all, one| {
        all.extend(one?);
        Some(all)
    })
}

fn cross(left: &BTreeSet<String>, right: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    let pairs = left
        .len()
        .checked_mul(right.len())
        .filter(|&pairs| pairs <= MAX_LITERALS)?;
    let mut joined = BTreeSet::new();
    joined.extend(
        left.iter()
            .flat_map(|l| right.iter().map(move |r| format!("{l}{r}"))),
    );
    (pairs > 0).then_some(joined)
}

fn shortest(literals: &BTreeSet<String>) -> usize {
    literals.iter().map(String::len).min().unwrap_or(0)
}
