//! Rules that people write in YAML, compiled to Rego.
//!
//! A rules file says which calls may happen, in words that need no Rego. [`compile`] turns it into a module of
//! `package kitelogik.userpolicy`, which the built-in bundle, the embedded engine and an OPA server read alike;
//! [`Policy::from_yaml`](crate::Policy::from_yaml) and [`Policy::load`](crate::Policy::load) take rules directly.
//!
//! ```
//! use kitelogik_policy::rules::{Source, compile};
//!
//! let compiled = compile(&[Source::new(
//!     "policies/refunds.yaml",
//!     r#"
//! version: 1
//! otherwise: hitl                       # what a tool call becomes whose action no rule names
//! rules:
//!   - name: allow_small_refunds
//!     when:
//!       action: approve_refund
//!       role: [support_agent, manager]  # one of these
//!       scope: process_refunds          # of several, all
//!       args:
//!         amount: {gte: 0, lte: 50}
//!         customer.country: {not_in: [IR, KP]}
//!     then: allow
//!     risk_tier: TRANSACTIONAL_LOW
//!
//!   - name: block_large_refunds
//!     when:
//!       action: approve_refund
//!       args: {amount: {gt: 500}}
//!     then: deny
//!     reason: Refunds over 500 go through the finance team
//! "#,
//! )])?;
//!
//! let (name, rego) = &compiled.modules[0];
//! assert_eq!(name, "policies/refunds.yaml.rego");
//! assert!(rego.contains("not yaml_refunds_at_most(object.get(input, [\"args\", \"amount\"], null), 500)"));
//! assert_eq!(compiled.rules[1].line, 16);
//! # Ok::<(), kitelogik_policy::rules::RulesErrors>(())
//! ```
//!
//! # A file
//!
//! | key | says |
//! |---|---|
//! | `version` | `1` |
//! | `rules` | the rules, at least one |
//! | `otherwise` | `refuse` (the default), `hitl` or `deny`: what a tool call becomes whose action no rule names. The strictest of several files counts, and an action named in one file is named in all. An action under `not` is not named; a rule in Rego names nothing |
//!
//! A rule has a `name`, unique within its file; `when`, its conditions; and `then`: `allow`, `deny` (the default) or
//! `hitl`. The strongest rule that fires decides: `deny`, `hitl`, `allow`. `reason` is what a person and a model read;
//! without one it is the name, and for an `allow` it is a comment. Of the rules that fire, the highest `risk_tier`
//! counts, and the names come back in the decision.
//!
//! # Conditions
//!
//! All keys of a `when` must hold.
//!
//! | key | holds where |
//! |---|---|
//! | `action`, `role`, `tenant` | it is this, or one of these |
//! | `scope` | the session has this one, or all of these |
//! | `event` | it is this kind of event, or one of these: `tool_call`, `agent.spawn`, `agent.delegate`, `agent.plan`, `agent.budget` |
//! | `resource` | the path or URL matches this glob, or one of these |
//! | `args` | every operator of every field holds; `customer.id` is a field within a field, and `a\.b` one with a dot in its name |
//! | `any`, `all` | one of a list of conditions holds, or all of them do |
//! | `not` | one condition does not hold |
//!
//! # What cannot be judged never helps the call
//!
//! A condition is true, false or *unknown*. An `allow` fires only where its conditions are true; a `deny` or `hitl` also
//! where they are unknown. `all` is false if one part is, else unknown if one is; `any` is true if one part is, else
//! unknown if one is; `not` unknown is unknown.
//!
//! | operator | the value has to be | missing or null | the same under `not` |
//! |---|---|---|---|
//! | `eq` | of the constant's type | false | unknown |
//! | `in` | of the type of one of the constants | false | unknown |
//! | `contains` | text (for a text), or an array (for a member) | false | unknown |
//! | `starts_with` `ends_with` `matches` | text | false | unknown |
//! | `ne` `not_in` `not_contains` | as for `eq`, `in`, `contains` | unknown | unknown |
//! | `gt` `gte` `lt` `lte` | of the limit's type: a number, or text, which sorts letter by letter | unknown | unknown |
//! | `exists` | anything: there, and not null | false (`exists: false`: true) | the opposite |
//! | `type` | anything: `string`, `number`, `boolean`, `array`, `object` | false | true |
//! | `role` `tenant` `scope` | text, and for `scope` a list | false | unknown |
//! | `resource` | a normal path | false | unknown |
//!
//! A value of any other type is unknown, under `not` too. `exists` and `type` are never unknown, so `{type: string,
//! not_contains: x}` says "only where there is one". Where something on the way to `a.b` is neither missing nor null and
//! no object either, `a.b` is unknown to every operator, and not there to `exists` and `type`. An array is judged member
//! by member: it has the member where one is equal, has not where all are of its type and other, and is unknown
//! otherwise. The action and the kind of an event are always there.
//!
//! # Globs
//!
//! A glob speaks of the whole path, in its case. `*` stands for any characters but a slash (alone between slashes, for
//! at least one), `?` for one, and `**`, alone between slashes, for any number of parts: `/srv/**` is everything below
//! `/srv` but not `/srv`; `/a/**/z` is also `/a/z`. Brackets and braces mean nothing and are refused. Of a URL, scheme
//! and host are written out; in the host `*` stands for letters, digits, dots and hyphens only.
//!
//! A path that is not *normal* is unknown to every glob, for it may lead elsewhere than it says: with `..`, with `.` as a
//! part, with `//` other than the one of a URL, with `%`, backslashes, control or invisible characters, or `file:`.
//!
//! # Patterns
//!
//! `matches` searches: `^` and `$` around a pattern make it speak of the whole text, and an `allow` without them is a
//! warning. `\d`, `\w`, `\s`, `\b` are of ASCII. What engines do not read alike is an error: look-around,
//! backreferences, `\p`, class operators, `\u`, flags other than `imsU`, more than 1000 repetitions.
//!
//! # YAML
//!
//! What YAML readers disagree on is an error, told with its place: `yes`, `no`, `on`, `off`, `010`, `0x10`, `1_000`,
//! `12:30`, dates, tags, merge keys, duplicate keys. Numbers are decimal and within 2^53. Aliases are read, up to
//! 100,000 values in all; a file nests up to 64 levels. [`json_schema`] describes the format for editors.
//!
//! Files of the Python package compile unchanged; `package` is ignored with a warning.
//!
//! # The Rego
//!
//! What a rule says is a member of `yaml_fired`, where its conditions hold; the contract's own rules take their answers
//! from there. Names that start with `yaml_` belong to compiled rules: functions are named after their file, and helper
//! rules after a digest of what they say, so files of different names that were compiled one by one can be loaded together.
mod argument;
mod condition;
mod function;
mod glob;
mod json_schema;
mod line;
mod origin;
pub(crate) mod pattern;
mod reader;
mod rego;
pub(crate) mod report;
pub(crate) mod rule;
pub(crate) mod scalar;
mod spelling;
pub(crate) mod text;
mod truth;
pub(crate) mod yaml;

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::error::{Lines, Problem};

use self::report::Report;
use self::rule::{Condition, Operator, RuleSet};

pub use self::json_schema::json_schema;
pub use self::origin::{ArgumentTest, ConditionOrigin, RuleOrigin};
pub use self::rule::Then;
pub(crate) use self::yaml::is_rules;

/// What the names of all rules start with that YAML becomes besides the contract's own.
pub(crate) const PREFIX: &str = "yaml_";

/// How much of a file's name goes into the names of its functions.
const MAX_STEM: usize = 40;

/// The text of one rules file, and the name it goes by in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// A file called `name` (its path, as it was given) that holds `text`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// The name it goes by in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The YAML text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What rules became.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Compiled {
    /// One Rego module for each file, in their order: the file's name with `.rego` after it, and the text.
    pub modules: Vec<(String, String)>,
    /// What is ignored or probably not meant.
    pub warnings: Vec<Problem>,
    /// Every rule, in the order of the files and of the rules in them.
    pub rules: Vec<RuleOrigin>,
    /// What the names of each module's functions start with.
    pub(crate) prefixes: Vec<String>,
}

/// Everything that is wrong in all files, in their order: never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesErrors(Vec<Problem>);

impl RulesErrors {
    /// Each error, with its file, line and column.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }

    /// The errors themselves.
    pub fn into_problems(self) -> Vec<Problem> {
        self.0
    }
}

impl fmt::Display for RulesErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Lines(&self.0).fmt(formatter)
    }
}

impl std::error::Error for RulesErrors {}

/// Compiles rules files to Rego, one module for each.
///
/// The same file always becomes the same text, whatever files are compiled with it, so modules may be compiled and
/// deployed one by one; only files of one name in several folders are told apart by a number. Time is linear in the number of rules.
///
/// # Errors
///
/// [`RulesErrors`] holds all errors of all files; then nothing is compiled.
pub fn compile(sources: &[Source]) -> Result<Compiled, RulesErrors> {
    let mut compiled = Compiled::default();
    let mut errors = Vec::new();
    let mut first: HashMap<String, String> = HashMap::new();
    let mut prefixes = HashSet::new();
    for source in sources {
        let mut report = Report::new(&source.name);
        let Some(set) = read(source, &mut report) else {
            errors.append(&mut report.errors);
            continue;
        };
        for rule in &set.rules {
            if let Some(file) = first.get(&rule.name) {
                report.warning(
                    rule.place,
                    format!(
                        "a rule of the name {} is also in {file}: a decision will not tell which of them fired",
                        text::shown(&rule.name)
                    ),
                );
            }
            compiled.rules.push(RuleOrigin::of(rule, &source.name));
        }
        for rule in &set.rules {
            first
                .entry(rule.name.clone())
                .or_insert_with(|| source.name.clone());
            if rule.then == Then::Allow {
                warn_of_unanchored(&rule.when, &mut report);
            }
        }
        let file = source.name.rsplit(['/', '\\']).next().unwrap_or_default();
        let prefix = prefix(file, &mut prefixes);
        compiled.modules.push((
            format!("{}.rego", source.name),
            rego::module(&set, file, &prefix),
        ));
        compiled.prefixes.push(prefix);
        report.warnings.sort();
        compiled.warnings.append(&mut report.warnings);
    }
    if errors.is_empty() {
        Ok(compiled)
    } else {
        Err(RulesErrors(errors))
    }
}

/// `yaml_refunds_` for `refunds.yaml`; with a number where that is taken.
fn prefix(file: &str, taken: &mut HashSet<String>) -> String {
    let stem = file
        .strip_suffix(".yaml")
        .or_else(|| file.strip_suffix(".yml"))
        .unwrap_or(file);
    let plain: String = stem
        .chars()
        .take(MAX_STEM)
        .map(|letter| match letter {
            letter if letter.is_ascii_alphanumeric() => letter.to_ascii_lowercase(),
            _ => '_',
        })
        .collect();
    let mut prefix = format!("{PREFIX}{plain}_");
    let mut count = 1;
    while !taken.insert(prefix.clone()) {
        count += 1;
        prefix = format!("{PREFIX}{plain}_{count}_");
    }
    prefix
}

/// Whether `module` came from [`compile`].
pub(crate) fn is_compiled(module: &str) -> bool {
    module.starts_with(rego::HEADER)
}

/// What is in `source`, where nothing is wrong in it.
pub(crate) fn parsed(source: &Source) -> Option<RuleSet> {
    read(source, &mut Report::new(&source.name))
}

fn read(source: &Source, report: &mut Report) -> Option<RuleSet> {
    let set = yaml::parse(&source.text, report).map(|document| reader::read(document, report));
    report.errors.sort();
    report.errors.dedup();
    set.filter(|_| report.errors.is_empty())
}

/// An `allow` that finds its pattern anywhere allows whatever stands around it.
fn warn_of_unanchored(condition: &Condition, report: &mut Report) {
    match condition {
        Condition::All(conditions) | Condition::Any(conditions) => {
            for condition in conditions {
                warn_of_unanchored(condition, report);
            }
        }
        Condition::Test(test) => {
            if let Operator::Matches {
                unanchored: Some(place),
                ..
            } = &test.operator
            {
                report.warning(
                    *place,
                    "an `allow` whose pattern is found anywhere in the text allows whatever stands around it: write `^` before it and `$` after it"
                        .to_owned(),
                );
            }
        }
        Condition::Not(_) | Condition::Action(..) | Condition::Event(..) => {}
    }
}
