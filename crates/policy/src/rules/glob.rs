//! Globs over paths and URLs, as regular expressions that every engine reads alike.

use super::pattern;
use super::text::is_hidden;

/// What a `*` stands for in the host of a URL: nothing that could end the host early.
const HOST: &str = "[0-9A-Za-z.-]";
const SEGMENT: &str = "[^/]";

/// `glob` as an expression, to be [`joined`] with others.
pub(crate) fn regex(glob: &str) -> Result<String, String> {
    let mut regex = String::new();
    one(&mut regex, glob)?;
    Ok(regex)
}

/// One anchored expression that matches what any of `regexes` does.
pub(crate) fn joined(regexes: &[String]) -> Result<String, String> {
    let regex = format!("^(?:{})$", regexes.join("|"));
    pattern::check_size(&regex)?;
    Ok(regex)
}

fn one(into: &mut String, glob: &str) -> Result<(), String> {
    if glob.is_empty() {
        return Err("it is empty".to_owned());
    }
    let rest = match scheme(glob) {
        None => glob,
        Some((scheme, rest)) => {
            pattern::literal(into, scheme);
            let (host, path) = match rest.find('/') {
                Some(at) => rest.split_at(at),
                None => (rest, ""),
            };
            if host.is_empty() || host.contains("**") {
                return Err("name the host, as in `https://api.example.com/**`".to_owned());
            }
            segment(into, host, HOST)?;
            path
        }
    };
    if rest.is_empty() {
        return Ok(());
    }
    let segments: Vec<&str> = rest.split('/').collect();
    let last = segments.len() - 1;
    for (index, text) in segments.iter().enumerate() {
        if text.is_empty() && index > 0 && index < last {
            return Err("no path with `//` is ever matched: write one slash".to_owned());
        }
        if *text == "." {
            return Err("no path with `.` as a part is ever matched: leave it out".to_owned());
        }
        match (*text, index == last) {
            ("**", true) => into.push_str("[^/]+(?:/[^/]+)*/?"),
            ("**", false) => {
                into.push_str("(?:[^/]+/)*");
                continue;
            }
            ("*", _) => into.push_str("[^/]+"),
            _ => segment(into, text, SEGMENT)?,
        }
        if index < last {
            into.push('/');
        }
    }
    Ok(())
}

/// `https://` and what follows it.
fn scheme(glob: &str) -> Option<(&str, &str)> {
    let at = glob.find("://")?;
    let (scheme, _) = glob.split_at(at);
    let plain = scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '.' | '-'));
    plain.then(|| glob.split_at(at + 3))
}

fn segment(into: &mut String, text: &str, any: &str) -> Result<(), String> {
    if text.contains("**") {
        return Err("`**` stands for whole parts of a path, between slashes: write `*`".to_owned());
    }
    if text.contains("..") {
        return Err("no path with `..` is ever matched: write where it leads".to_owned());
    }
    let mut plain = [0; 4];
    for letter in text.chars() {
        match letter {
            '*' => {
                into.push_str(any);
                into.push('*');
            }
            '?' => into.push_str(any),
            '[' | ']' | '{' | '}' => {
                return Err(format!(
                    "`{letter}` has no meaning here: a glob knows `*`, `**` and `?`; give several globs as a list"
                ));
            }
            '%' | '\\' => {
                return Err(format!(
                    "no path with `{letter}` is ever matched: write the path without it"
                ));
            }
            letter if is_hidden(letter) => {
                return Err(
                    "no path with control or invisible characters is ever matched".to_owned(),
                );
            }
            letter => pattern::literal(into, letter.encode_utf8(&mut plain)),
        }
    }
    Ok(())
}
