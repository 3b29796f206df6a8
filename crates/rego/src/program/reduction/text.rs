//! A module with only some of its rules.

use std::fmt::Write;

use regorus::unstable::Module;

use super::reach::Stands;
use crate::program::node::Kind;
use crate::program::paths::declared;

/// The text of `module` with what stands of its rules, each in its line; none where none stands, or where it cannot be told
/// where they begin.
pub(super) fn of(module: &Module, rules: &[Option<Stands>]) -> Option<String> {
    if !module.policy.is_empty() && rules.iter().all(Option::is_none) {
        return None;
    }
    let text = module.package.span.source.contents();
    let mut starts: Vec<usize> = module
        .policy
        .iter()
        .map(|rule| rule.span().start as usize)
        .collect();
    starts.push(text.len());
    let mut reduced = text.get(..*starts.first()?)?.to_owned();
    for (range, stands) in starts.windows(2).zip(rules) {
        let &[start, end] = range else {
            return None;
        };
        let written = text.get(start..end)?;
        match stands {
            Some(Stands::AsWritten) => {
                reduced.push_str(written);
                continue;
            }
            Some(Stands::Silent { name, kind }) => reduced.push_str(&silent(name, *kind)),
            None => {}
        }
        reduced.push(' ');
        reduced.extend(written.chars().filter(|letter| *letter == '\n'));
    }
    Some(reduced)
}

/// A rule that never holds.
fn silent(name: &str, kind: Kind) -> String {
    match kind {
        Kind::Complete | Kind::Refer(_) => format!("{name} := 0 if false"),
        Kind::Set => format!("{name} contains 0 if false"),
        Kind::Object => format!("{name}[0] := 0 if false"),
        Kind::Function(count) => {
            let mut arguments = String::new();
            for number in 0..count {
                // Writing to a text does not fail.
                let _ = write!(arguments, "{}x{number}", if number > 0 { ", " } else { "" });
            }
            format!("{name}({arguments}) := 0 if false")
        }
    }
}

/// Whether `read` has just what should stand of `module`, word for word.
pub(super) fn is_reduced(read: &Module, module: &Module, rules: &[Option<Stands>]) -> bool {
    let standing: Vec<_> = module
        .policy
        .iter()
        .zip(rules)
        .filter_map(|(rule, stands)| Some((rule, stands.as_ref()?)))
        .collect();
    read.policy.len() == standing.len()
        && read
            .policy
            .iter()
            .zip(standing)
            .all(|(read, (rule, stands))| {
                read.span().line == rule.span().line
                    && match stands {
                        Stands::AsWritten => read.span().text() == rule.span().text(),
                        Stands::Silent { name, .. } => declared(read).span().text() == name,
                    }
            })
}
