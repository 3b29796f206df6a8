//! Regular expressions that every engine reads alike.

use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::ast::{
    AssertionKind, Ast, ClassPerl, ClassPerlKind, ClassSetBinaryOp, ClassSetItem, Flag, FlagsItem,
    FlagsItemKind, GroupKind, HexLiteralKind, Literal, LiteralKind, RepetitionKind,
    RepetitionRange, Span, Visitor, visit,
};
use regex_syntax::hir::Look;

/// How often RE2, which OPA uses, repeats at most; repetitions within repetitions multiply.
const MAX_REPEAT: u32 = 1000;
/// How large a compiled expression may be; the embedded engine takes up to 100 KiB.
const MAX_COMPILED: usize = 90 * 1024;
/// What repeats nothing by number takes up to a kilobyte a character (`.` does), so this much is never too large.
const SMALL: usize = 80;

/// A regular expression as it is written into Rego.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) regex: String,
    /// Whether it speaks of the whole text, and not of any part of it.
    pub(crate) anchored: bool,
}

/// `pattern` with its classes written out in ASCII, or why engines would not agree on it.
pub(crate) fn read(pattern: &str) -> Result<Pattern, String> {
    let ast = ParserBuilder::new()
        .nest_limit(50)
        .build()
        .parse(pattern)
        .map_err(|error| match error.kind() {
            regex_syntax::ast::ErrorKind::UnsupportedLookAround => {
                "look-around is not read by every engine; say it with `any`, `all` and `not`"
                    .to_owned()
            }
            regex_syntax::ast::ErrorKind::UnsupportedBackreference => {
                "backreferences are not read by every engine".to_owned()
            }
            kind => kind.to_string(),
        })?;
    let mut edits = visit(&ast, Edits::default())?;
    edits.sort_by_key(|edit| edit.start);
    let mut regex = String::with_capacity(pattern.len() + 16 * edits.len());
    let mut from = 0;
    for edit in edits {
        regex.push_str(pattern.get(from..edit.start).unwrap_or_default());
        regex.push_str(edit.text);
        from = edit.end;
    }
    regex.push_str(pattern.get(from..).unwrap_or_default());
    check_size(&regex)?;
    let hir = regex_syntax::parse(&regex).map_err(|error| error.to_string().replace('\n', " "))?;
    let properties = hir.properties();
    let anchored = properties.look_set_prefix().contains(Look::Start)
        && properties.look_set_suffix().contains(Look::End);
    Ok(Pattern { regex, anchored })
}

/// Refuses what the embedded engine would not compile.
pub(crate) fn check_size(regex: &str) -> Result<(), String> {
    if regex.len() <= SMALL && !regex.contains('{') {
        return Ok(());
    }
    match regex::RegexBuilder::new(regex)
        .size_limit(MAX_COMPILED)
        .build()
    {
        Ok(_) => Ok(()),
        Err(regex::Error::CompiledTooBig(_)) => {
            Err("it is too large once compiled: repeat less, or use smaller classes".to_owned())
        }
        Err(error) => Err(error.to_string().replace('\n', " ")),
    }
}

/// `text` as an expression that matches it and nothing else.
pub(crate) fn literal(into: &mut String, text: &str) {
    into.push_str(&regex_syntax::escape(text));
}

struct Edit {
    start: usize,
    end: usize,
    text: &'static str,
}

#[derive(Default)]
struct Edits {
    edits: Vec<Edit>,
    /// The counts of the repetitions that are open, multiplied.
    repeated: Vec<u32>,
}

impl Edits {
    fn replace(&mut self, span: &Span, text: &'static str) {
        self.edits.push(Edit {
            start: span.start.offset,
            end: span.end.offset,
            text,
        });
    }

    fn class(&mut self, class: &ClassPerl) {
        let text = match (&class.kind, class.negated) {
            (ClassPerlKind::Digit, false) => "[0-9]",
            (ClassPerlKind::Digit, true) => "[^0-9]",
            (ClassPerlKind::Word, false) => "[0-9A-Za-z_]",
            (ClassPerlKind::Word, true) => "[^0-9A-Za-z_]",
            (ClassPerlKind::Space, false) => r"[\t\n\f\r ]",
            (ClassPerlKind::Space, true) => r"[^\t\n\f\r ]",
        };
        self.replace(&class.span, text);
    }

    /// Within brackets, where classes do not nest.
    fn member(&mut self, class: &ClassPerl) {
        let text = match (&class.kind, class.negated) {
            (ClassPerlKind::Digit, false) => "0-9",
            (ClassPerlKind::Digit, true) => r"\x00-/:-\x{10FFFF}",
            (ClassPerlKind::Word, false) => "0-9A-Za-z_",
            (ClassPerlKind::Word, true) => r"\x00-/:-@\[-\^`\{-\x{10FFFF}",
            (ClassPerlKind::Space, false) => r"\t\n\f\r ",
            (ClassPerlKind::Space, true) => r"\x00-\x08\x0B\x0E-\x1F!-\x{10FFFF}",
        };
        self.replace(&class.span, text);
    }
}

fn refused(what: &str, instead: &str) -> Result<(), String> {
    Err(format!("{what} not read alike by every engine; {instead}"))
}

fn literal_allowed(literal: &Literal) -> Result<(), String> {
    match literal.kind {
        LiteralKind::HexFixed(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong)
        | LiteralKind::HexBrace(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong) => {
            refused(r"`\u` is", r"write `\x{…}`")
        }
        _ => Ok(()),
    }
}

fn flags_allowed(items: &[FlagsItem]) -> Result<(), String> {
    for item in items {
        match item.kind {
            FlagsItemKind::Negation
            | FlagsItemKind::Flag(
                Flag::CaseInsensitive | Flag::MultiLine | Flag::DotMatchesNewLine | Flag::SwapGreed,
            ) => {}
            FlagsItemKind::Flag(Flag::Unicode | Flag::CRLF | Flag::IgnoreWhitespace) => {
                return refused(
                    "flags other than `i`, `m`, `s` and `U` are",
                    "leave them out",
                );
            }
        }
    }
    Ok(())
}

fn most(kind: &RepetitionKind) -> u32 {
    match kind {
        RepetitionKind::Range(
            RepetitionRange::Exactly(most)
            | RepetitionRange::AtLeast(most)
            | RepetitionRange::Bounded(_, most),
        ) => (*most).max(1),
        _ => 1,
    }
}

impl Visitor for Edits {
    type Output = Vec<Edit>;
    type Err = String;

    fn finish(self) -> Result<Vec<Edit>, String> {
        Ok(self.edits)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), String> {
        match ast {
            Ast::ClassPerl(class) => self.class(class),
            Ast::ClassUnicode(_) => {
                return refused(
                    r"`\p` is",
                    r"write the characters as a class, as in `[A-Za-z]`",
                );
            }
            Ast::Literal(literal) => literal_allowed(literal)?,
            Ast::Flags(flags) => flags_allowed(&flags.flags.items)?,
            Ast::Group(group) => {
                if let GroupKind::NonCapturing(flags) = &group.kind {
                    flags_allowed(&flags.items)?;
                }
            }
            Ast::Assertion(assertion) => match assertion.kind {
                AssertionKind::StartLine
                | AssertionKind::EndLine
                | AssertionKind::StartText
                | AssertionKind::EndText
                // Of ASCII words in OPA, and in the embedded engine, which makes them so.
                | AssertionKind::WordBoundary
                | AssertionKind::NotWordBoundary => {}
                _ => return refused("word starts and ends are", r"write `\b`"),
            },
            Ast::Repetition(repetition) => {
                if matches!(*repetition.ast, Ast::Repetition(_)) {
                    return refused(
                        "an operator upon an operator is",
                        "put the inner one into a group",
                    );
                }
                let outer = self.repeated.last().copied().unwrap_or(1);
                let count = outer.saturating_mul(most(&repetition.op.kind));
                if count > MAX_REPEAT {
                    return refused("more than 1000 repetitions are", "repeat less");
                }
                self.repeated.push(count);
            }
            Ast::Empty(_)
            | Ast::Dot(_)
            | Ast::ClassBracketed(_)
            | Ast::Alternation(_)
            | Ast::Concat(_) => {}
        }
        Ok(())
    }

    fn visit_post(&mut self, ast: &Ast) -> Result<(), String> {
        if matches!(ast, Ast::Repetition(_)) {
            self.repeated.pop();
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), String> {
        match item {
            ClassSetItem::Perl(class) => self.member(class),
            ClassSetItem::Literal(literal) => literal_allowed(literal)?,
            ClassSetItem::Range(range) => {
                literal_allowed(&range.start)?;
                literal_allowed(&range.end)?;
            }
            ClassSetItem::Unicode(_) => {
                return refused(r"`\p` is", "write the characters out");
            }
            ClassSetItem::Bracketed(_) => {
                return refused("a class within a class is", "write one class");
            }
            ClassSetItem::Empty(_) | ClassSetItem::Ascii(_) | ClassSetItem::Union(_) => {}
        }
        Ok(())
    }

    fn visit_class_set_binary_op_pre(&mut self, _: &ClassSetBinaryOp) -> Result<(), String> {
        refused(
            "`&&`, `--` and `~~` in a class are",
            "write the characters out",
        )
    }
}
