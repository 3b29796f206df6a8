//! From a YAML document to rules, with every slip told where it is.

use std::collections::HashMap;

use kitelogik_core::RiskTier;

use super::condition;
use super::report::Report;
use super::rule::{Condition, Otherwise, Rule, RuleSet, Then};
use super::text::{advice, is_hidden, listed, shown};
use super::yaml::{Entry, Node, Place, Value};

const KEYS: [&str; 3] = ["version", "rules", "otherwise"];
const RULE_KEYS: [&str; 5] = ["name", "when", "then", "reason", "risk_tier"];
/// Longer names do not fit a line of a decision record.
const MAX_NAME: usize = 128;

/// Reads `document`. What it returns is whole only where `report` got no error.
pub(crate) fn read(document: Node, report: &mut Report) -> RuleSet {
    let mut set = RuleSet {
        rules: Vec::new(),
        otherwise: Otherwise::Refuse,
    };
    let top = document.place;
    let Value::Map(entries) = document.value else {
        expected(
            report,
            &document,
            "a rules file",
            "a mapping with `version: 1` and `rules`",
        );
        return set;
    };
    let mut version = false;
    let mut rules = false;
    for Entry { place, key, value } in entries {
        match key.as_str() {
            "version" => {
                version = true;
                read_version(&value, report);
            }
            "rules" => {
                rules = true;
                set.rules = read_rules(value, report);
            }
            "otherwise" => {
                let chosen = one_of(&value, "otherwise", &Otherwise::NAMES, report);
                set.otherwise = match chosen {
                    Some("hitl") => Otherwise::Hitl,
                    Some("deny") => Otherwise::Deny,
                    _ => Otherwise::Refuse,
                };
            }
            "package" => report.warning(
                place,
                "`package` is ignored: rules are always part of `kitelogik.userpolicy`".to_owned(),
            ),
            _ => report.error(
                place,
                format!("unknown key {}{}", shown(&key), advice(&key, &KEYS)),
            ),
        }
    }
    if !version {
        report.warning(
            top,
            "there is no `version`, so it is taken for 1: write `version: 1`".to_owned(),
        );
    }
    if !rules {
        report.error(top, "there are no `rules`".to_owned());
    }
    set
}

fn read_version(value: &Node, report: &mut Report) {
    match &value.value {
        Value::Number(number) if number.text == "1" => {}
        Value::Faulty => {}
        Value::Number(number) => report.error(
            value.place,
            format!(
                "version {} is unknown: this program reads `version: 1`",
                shown(&number.text)
            ),
        ),
        _ => expected(report, value, "`version`", "the number `1`"),
    }
}

fn read_rules(value: Node, report: &mut Report) -> Vec<Rule> {
    let place = value.place;
    let Value::List(items) = value.value else {
        expected(
            report,
            &value,
            "`rules`",
            "a list of rules, each starting with `- name:`",
        );
        return Vec::new();
    };
    if items.is_empty() {
        report.error(
            place,
            "`rules` is an empty list: write a rule, or remove the file".to_owned(),
        );
    }
    let mut names: HashMap<String, u32> = HashMap::with_capacity(items.len());
    let mut rules = Vec::with_capacity(items.len());
    for item in items {
        let Some((rule, place)) = read_rule(item, report) else {
            continue;
        };
        match names.get(&rule.name) {
            Some(line) => report.error(
                place,
                format!(
                    "the name {} is taken by the rule in line {line}: give this one its own",
                    shown(&rule.name)
                ),
            ),
            None => {
                names.insert(rule.name.clone(), rule.place.line);
                rules.push(rule);
            }
        }
    }
    rules
}

/// The rule, and where its name stands.
fn read_rule(item: Node, report: &mut Report) -> Option<(Rule, Place)> {
    let place = item.place;
    let Value::Map(entries) = item.value else {
        expected(
            report,
            &item,
            "a rule",
            "a mapping with `name`, `when` and `then`",
        );
        return None;
    };
    let mut name = None;
    let mut when = None;
    let mut then = Some(Then::Deny);
    let mut reason = None;
    let mut risk_tier = None;
    let mut seen = [false; 2];
    let [named, conditioned] = &mut seen;
    for Entry { place, key, value } in entries {
        match key.as_str() {
            "name" => {
                *named = true;
                name = read_name(&value, report).map(|name| (name, value.place));
            }
            "when" => {
                *conditioned = true;
                when = condition::read(value, "when", report);
            }
            "then" => {
                then = one_of(&value, "then", &Then::NAMES, report).map(|name| match name {
                    "allow" => Then::Allow,
                    "hitl" => Then::Hitl,
                    _ => Then::Deny,
                });
            }
            "reason" => match value.value {
                Value::Text(text) if text.trim().is_empty() => {}
                Value::Text(text) => reason = Some(text),
                _ => expected(report, &value, "`reason`", "text: put it into quotes"),
            },
            "risk_tier" => risk_tier = read_tier(&value, report),
            _ => report.error(
                place,
                format!(
                    "unknown key {} in a rule{}{}",
                    shown(&key),
                    advice(&key, &RULE_KEYS),
                    if super::rule::CONDITIONS.contains(&key.as_str()) {
                        "; conditions stand under `when`"
                    } else {
                        ""
                    }
                ),
            ),
        }
    }
    if !*named {
        report.error(place, "this rule has no `name`".to_owned());
    }
    if !*conditioned {
        report.error(
            place,
            "this rule has no `when`: a rule without conditions would speak of every call"
                .to_owned(),
        );
    }
    let (name, name_place) = name?;
    let rule = Rule {
        name,
        place,
        // A rule whose condition cannot be read is kept for its name; the error keeps it from being compiled.
        when: when.unwrap_or(Condition::All(Vec::new())),
        then: then.unwrap_or(Then::Deny),
        reason,
        risk_tier,
    };
    Some((rule, name_place))
}

fn read_name(value: &Node, report: &mut Report) -> Option<String> {
    let Value::Text(name) = &value.value else {
        expected(report, value, "`name`", "text, as in `block_large_refunds`");
        return None;
    };
    let problem = if name.trim().is_empty() {
        "is empty"
    } else if name.chars().count() > MAX_NAME {
        "is longer than 128 characters"
    } else if name.chars().any(is_hidden) {
        "holds a line break or a character that cannot be seen"
    } else {
        return Some(name.clone());
    };
    report.error(
        value.place,
        format!(
            "the name {} {problem}: write one such as `block_large_refunds`",
            shown(name)
        ),
    );
    None
}

fn read_tier(value: &Node, report: &mut Report) -> Option<RiskTier> {
    let names = RiskTier::ALL.map(RiskTier::as_str);
    one_of(value, "risk_tier", &names, report)?.parse().ok()
}

/// The one of `names` that `value` is.
pub(crate) fn one_of<'a>(
    value: &Node,
    key: &str,
    names: &[&'a str],
    report: &mut Report,
) -> Option<&'a str> {
    let Value::Text(text) = &value.value else {
        expected(
            report,
            value,
            &format!("`{key}`"),
            &format!("one of {}", listed(names)),
        );
        return None;
    };
    let found = names.iter().find(|name| *name == text).copied();
    if found.is_none() {
        report.error(
            value.place,
            format!(
                "unknown value {} of `{key}`{}",
                shown(text),
                advice(text, names)
            ),
        );
    }
    found
}

/// Reports that `value` is not what `what` takes, unless it was reported already.
pub(crate) fn expected(report: &mut Report, value: &Node, what: &str, takes: &str) {
    let got = match &value.value {
        Value::Faulty => return,
        Value::Number(number) => format!("the number `{}`", number.text),
        Value::Bool(boolean) => format!("the boolean `{boolean}`"),
        Value::Text(text) => format!("the text {}", shown(text)),
        other => other.kind().to_owned(),
    };
    report.error(
        value.place,
        format!("{what} takes {takes}, and this is {got}"),
    );
}
