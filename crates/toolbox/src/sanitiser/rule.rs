//! Rules as people write them, and what can be wrong with them.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What to look for, and the name that its redactions carry.
///
/// A pattern is a [regular expression](https://docs.rs/regex/latest/regex/#syntax) that is compared with a folded
/// copy of the text, and folded in the same way itself: write it in any script, letter case and accents do not
/// count. What differs from a plain regular expression:
///
/// * A **space** matches what can stand between two words: up to four spaces, line breaks, commas, quotation marks,
///   asterisks and the like, or nothing at all (zero-width characters leave nothing).
/// * `…` (U+2026) matches up to 40 characters that do not end a sentence.
/// * `\b` and its like look at ASCII words, so that a foreign letter before `ignore` does not hide it. They are of
///   no use in other scripts, whose letters may have been folded to ASCII ones. `^` and `$` match at line breaks.
///
/// Where the pattern has a group, only what the first group holds is redacted, and the rest is context; write `(?:…)`
/// for groups that do not mean that.
///
/// Every match must contain a literal of at least three bytes (it is what makes scanning fast: the literals of all
/// rules are looked for at once, and a pattern is tried only around its own) and must be of limited length (no `*`
/// or `+`; write `{0,20}`).
///
/// ```
/// use kitelogik_toolbox::sanitiser::{Rule, Sanitiser};
///
/// let rules: Vec<Rule> = serde_json::from_str(
///     r#"[{"name": "payment-diversion", "patterns": {"en": ["\\bour bank details … (?:have )?changed\\b"]}}]"#,
/// )?;
/// let sanitiser = Sanitiser::builder().rules(rules).build()?;
/// assert_eq!(
///     sanitiser.text("Note: OUR BANK DETAILS have **changed**.").text,
///     "Note: [REDACTED: payment-diversion]**."
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub(super) name: String,
    /// By language, for the reader only: all are searched in every text.
    pub(super) patterns: BTreeMap<String, Vec<String>>,
    /// What it finds, for the reader.
    #[serde(default, rename = "finds")]
    _finds: String,
    #[serde(skip)]
    pub(super) is_shipped: bool,
}

impl Rule {
    /// A rule of some patterns. The name appears in the redacted text, which a model reads: say what was found, in
    /// 1 to 64 lower-case ASCII letters, digits and hyphens.
    pub fn new<P: Into<String>>(
        name: impl Into<String>,
        patterns: impl IntoIterator<Item = P>,
    ) -> Self {
        let patterns = patterns.into_iter().map(Into::into).collect();
        Self {
            name: name.into(),
            patterns: BTreeMap::from([("any".to_owned(), patterns)]),
            _finds: String::new(),
            is_shipped: false,
        }
    }

    /// The rules this crate ships, as [`Sanitiser::default`](super::Sanitiser) uses them.
    ///
    /// # Errors
    /// Never, in a released crate: a test reads them.
    pub fn shipped() -> Result<Vec<Self>, RuleError> {
        let mut rules: Vec<Self> =
            serde_json::from_str(include_str!("rules.json")).map_err(|error| {
                RuleError::Unreadable {
                    why: error.to_string(),
                }
            })?;
        for rule in &mut rules {
            rule.is_shipped = true;
        }
        Ok(rules)
    }

    /// What its redactions and findings are called.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Why a sanitiser could not be built from its rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The name would not read well in redacted text, or would end the redaction early.
    #[error("rule name `{name}` must be 1 to 64 lower-case letters, digits and hyphens")]
    Name {
        /// The name as given.
        name: String,
    },
    /// Two rules of one name.
    #[error("two rules are named `{name}`; leave the shipped one out with `without` to replace it")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A rule to leave out that is not there: a slip here must not leave a rule on unnoticed.
    #[error("no rule named `{name}` to leave out; there are: {known}")]
    Unknown {
        /// The name as given.
        name: String,
        /// All names, separated by commas.
        known: String,
    },
    /// Nothing to look for.
    #[error("rule `{rule}` has no patterns")]
    Empty {
        /// The rule's name.
        rule: String,
    },
    /// A pattern that is not a regular expression or breaks a rule of its own.
    #[error("rule `{rule}`, pattern `{pattern}`: {why}")]
    Pattern {
        /// The rule's name.
        rule: String,
        /// The pattern as given.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// The rules together cannot be searched for, or the shipped ones cannot be read.
    #[error("the rules cannot be used: {why}")]
    Unreadable {
        /// What is wrong.
        why: String,
    },
}

/// How long a rule's name may be, in bytes.
pub(super) const MAX_NAME_LEN: usize = 64;

/// Whether `name` may stand in a redaction.
pub(super) fn is_rule_name(name: &str) -> bool {
    (1..=MAX_NAME_LEN).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
