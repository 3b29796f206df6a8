//! Patterns as OPA's engine (RE2) reads them, for an engine that would read some otherwise.

use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{
    AssertionKind, Ast, ClassPerl, ClassPerlKind, ClassSetBinaryOp, ClassSetItem, Flag,
    FlagsItemKind, GroupKind, HexLiteralKind, Literal, LiteralKind, RepetitionKind,
    RepetitionRange, Span, Visitor, visit,
};

/// How often RE2 repeats at most.
const MAX_REPEAT: u32 = 1000;

/// Rewrites `pattern` so that it matches what OPA's engine would match.
///
/// `\d`, `\w`, `\s` and `\b` are ASCII there and Unicode here: `^\d+$` would allow more. What only
/// the engine here understands (set operations, nested classes, flags other than `imsU`, word
/// starts and ends) means something else in OPA, or is an error: it is refused.
pub(super) fn rewrite(pattern: &str) -> Result<String, String> {
    let ast = Parser::new()
        .parse(pattern)
        .map_err(|error| error.kind().to_string())?;
    let mut edits = visit(&ast, Edits::default())?;
    edits.sort_by_key(|edit| edit.start);
    let mut rewritten = String::with_capacity(pattern.len() + 16 * edits.len());
    let mut from = 0;
    for edit in edits {
        rewritten.push_str(pattern.get(from..edit.start).unwrap_or_default());
        rewritten.push_str(edit.text);
        from = edit.end;
    }
    rewritten.push_str(pattern.get(from..).unwrap_or_default());
    Ok(rewritten)
}

struct Edit {
    start: usize,
    end: usize,
    text: &'static str,
}

#[derive(Default)]
struct Edits {
    edits: Vec<Edit>,
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

    fn literal(literal: &Literal) -> Result<(), String> {
        match literal.kind {
            LiteralKind::HexFixed(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong)
            | LiteralKind::HexBrace(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong) => {
                refused(r"`\u`; write `\x{…}`")
            }
            _ => Ok(()),
        }
    }

    fn flags(items: &[regex_syntax::ast::FlagsItem]) -> Result<(), String> {
        for item in items {
            match item.kind {
                FlagsItemKind::Negation
                | FlagsItemKind::Flag(
                    Flag::CaseInsensitive
                    | Flag::MultiLine
                    | Flag::DotMatchesNewLine
                    | Flag::SwapGreed,
                ) => {}
                FlagsItemKind::Flag(Flag::Unicode | Flag::CRLF | Flag::IgnoreWhitespace) => {
                    return refused("flags other than `i`, `m`, `s` and `U`");
                }
            }
        }
        Ok(())
    }
}

fn refused(what: &str) -> Result<(), String> {
    Err(format!("OPA's engine does not read {what} that way"))
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
            Ast::Literal(literal) => Self::literal(literal)?,
            Ast::Flags(flags) => Self::flags(&flags.flags.items)?,
            Ast::Group(group) => {
                if let GroupKind::NonCapturing(flags) = &group.kind {
                    Self::flags(&flags.items)?;
                }
            }
            Ast::Assertion(assertion) => match assertion.kind {
                AssertionKind::WordBoundary => self.replace(&assertion.span, r"(?-u:\b)"),
                AssertionKind::NotWordBoundary => self.replace(&assertion.span, r"(?-u:\B)"),
                AssertionKind::StartLine
                | AssertionKind::EndLine
                | AssertionKind::StartText
                | AssertionKind::EndText => {}
                _ => return refused("word starts and ends"),
            },
            Ast::Repetition(repetition) => {
                if matches!(*repetition.ast, Ast::Repetition(_)) {
                    return refused("an operator upon an operator");
                }
                let most = match &repetition.op.kind {
                    RepetitionKind::Range(
                        RepetitionRange::Exactly(most)
                        | RepetitionRange::AtLeast(most)
                        | RepetitionRange::Bounded(_, most),
                    ) => *most,
                    _ => 0,
                };
                if most > MAX_REPEAT {
                    return refused("more than 1000 repetitions");
                }
            }
            Ast::Empty(_)
            | Ast::Dot(_)
            | Ast::ClassUnicode(_)
            | Ast::ClassBracketed(_)
            | Ast::Alternation(_)
            | Ast::Concat(_) => {}
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), String> {
        match item {
            ClassSetItem::Perl(class) => self.class(class),
            ClassSetItem::Literal(literal) => Self::literal(literal)?,
            ClassSetItem::Range(range) => {
                Self::literal(&range.start)?;
                Self::literal(&range.end)?;
            }
            ClassSetItem::Bracketed(_) => return refused("a class within a class"),
            ClassSetItem::Empty(_)
            | ClassSetItem::Ascii(_)
            | ClassSetItem::Unicode(_)
            | ClassSetItem::Union(_) => {}
        }
        Ok(())
    }

    fn visit_class_set_binary_op_pre(&mut self, _: &ClassSetBinaryOp) -> Result<(), String> {
        refused("`&&`, `--` and `~~` in a class")
    }
}
