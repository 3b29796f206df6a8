//! Decision tables: read with the place of every mistake, and compared with decisions.

mod keys;

use std::collections::HashMap;

use kitelogik_core::{EventDocument, PolicyDecision, RiskTier, Verdict};
use serde_json::{Map, Value as Json};

use crate::error::Problem;
use crate::rules::report::Report;
use crate::rules::text::{advice, shown};
use crate::rules::yaml::{self, Entry, Node, Place, Value};

use self::keys::{entries, expected, get, is_one, refuse_others, text, texts};

const KEYS: [&str; 3] = ["version", "input", "tests"];
const TEST_KEYS: [&str; 6] = ["name", "input", "verdict", "reason", "rule", "risk_tier"];
/// What a verdict is called; rules in YAML say `hitl`.
pub(super) const VERDICTS: [(&str, Verdict); 5] = [
    ("allow", Verdict::Allow),
    ("deny", Verdict::Deny),
    ("require_approval", Verdict::RequireApproval),
    ("hitl", Verdict::RequireApproval),
    ("refuse", Verdict::Refuse),
];

/// The tests of one file.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) file: String,
    pub(super) rows: Vec<Row>,
}

/// One test: an event, and what the policy shall say about it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) line: u32,
    pub(super) document: EventDocument,
    pub(super) wanted: Wanted,
}

/// What a decision shall be.
#[derive(Debug)]
pub(super) struct Wanted {
    verdict: Verdict,
    reasons: Vec<String>,
    rules: Vec<String>,
    risk_tier: Option<RiskTier>,
}

/// The table in `text`; `None` where it is faulty, with everything that is wrong in `problems`.
pub(super) fn read(file: &str, text: &str, problems: &mut Vec<Problem>) -> Option<Table> {
    let mut report = Report::new(file);
    let rows = if text.trim().is_empty() {
        report.error(
            Place { line: 1, column: 1 },
            "there is nothing here: a decision table has `version: 1` and `tests`".to_owned(),
        );
        Vec::new()
    } else {
        yaml::parse(text, &mut report)
            .map(|document| rows(&document, &mut report))
            .unwrap_or_default()
    };
    let faulty = !report.errors.is_empty();
    report.errors.sort();
    problems.append(&mut report.errors);
    (!faulty).then(|| Table {
        file: file.to_owned(),
        rows,
    })
}

fn rows(document: &Node, report: &mut Report) -> Vec<Row> {
    let Some(entries) = entries(document, "a decision table", report) else {
        return Vec::new();
    };
    refuse_others(entries, &KEYS, report);
    match get(entries, "version") {
        Some(version) if !is_one(version) => report.error(
            version.place,
            "the version of this format is `1`".to_owned(),
        ),
        _ => {}
    }
    let shared = get(entries, "input");
    if let Some(shared) = shared
        && !matches!(shared.value, Value::Map(_) | Value::Faulty)
    {
        expected(report, shared, "`input`", "a mapping, as an event is");
    }
    let Some(tests) = get(entries, "tests") else {
        report.error(
            document.place,
            "a decision table has `tests`, a list of them".to_owned(),
        );
        return Vec::new();
    };
    let Value::List(tests) = &tests.value else {
        expected(report, tests, "`tests`", "a list");
        return Vec::new();
    };
    if tests.is_empty() {
        report.error(
            document.place,
            "`tests` is empty: write at least one".to_owned(),
        );
    }
    let mut names = HashMap::new();
    tests
        .iter()
        .filter_map(|test| row(test, shared, &mut names, report))
        .collect()
}

fn row(
    test: &Node,
    shared: Option<&Node>,
    names: &mut HashMap<String, u32>,
    report: &mut Report,
) -> Option<Row> {
    let entries = entries(test, "a test", report)?;
    refuse_others(entries, &TEST_KEYS, report);
    let name = match get(entries, "name") {
        Some(name) => text(name, "`name`", report),
        None => {
            report.error(test.place, "a test has a `name`".to_owned());
            None
        }
    };
    if let Some(name) = &name
        && let Some(first) = names.insert(name.clone(), test.place.line)
    {
        report.error(
            test.place,
            format!("a test named {} is in line {first} already", shown(name)),
        );
    }
    let wanted = wanted(test, entries, report);
    let document = event(test, shared, get(entries, "input"), report);
    Some(Row {
        name: name?,
        line: test.place.line,
        document: document?,
        wanted: wanted?,
    })
}

fn wanted(test: &Node, entries: &[Entry], report: &mut Report) -> Option<Wanted> {
    let verdict = match get(entries, "verdict") {
        Some(verdict) => {
            let names: Vec<&str> = VERDICTS.iter().map(|(name, _)| *name).collect();
            text(verdict, "`verdict`", report).and_then(|word| {
                let known = VERDICTS.iter().find(|(name, _)| *name == word);
                if known.is_none() {
                    let advice = advice(&word, &names);
                    report.error(
                        verdict.place,
                        format!("unknown verdict {}{advice}", shown(&word)),
                    );
                }
                known.map(|(_, verdict)| *verdict)
            })
        }
        None => {
            report.error(test.place, "a test has a `verdict`".to_owned());
            None
        }
    };
    let reasons = texts(get(entries, "reason"), "`reason`", report);
    let rules = texts(get(entries, "rule"), "`rule`", report);
    let tiers: Vec<&str> = RiskTier::ALL.iter().map(|tier| tier.as_str()).collect();
    let risk_tier = match get(entries, "risk_tier") {
        None => Some(None),
        Some(tier) => text(tier, "`risk_tier`", report).and_then(|word| {
            let known = word.parse().ok();
            if known.is_none() {
                let advice = advice(&word, &tiers);
                report.error(
                    tier.place,
                    format!("unknown risk tier {}{advice}", shown(&word)),
                );
            }
            known.map(Some)
        }),
    };
    Some(Wanted {
        verdict: verdict?,
        reasons: reasons?,
        rules: rules?,
        risk_tier: risk_tier?,
    })
}

fn event(
    test: &Node,
    shared: Option<&Node>,
    own: Option<&Node>,
    report: &mut Report,
) -> Option<EventDocument> {
    let mut input = match shared {
        Some(shared) => json(shared),
        None => Json::Object(Map::new()),
    };
    if let Some(own) = own {
        if !matches!(own.value, Value::Map(_)) {
            expected(report, own, "`input`", "a mapping, as an event is");
            return None;
        }
        overlay(&mut input, json(own));
    }
    if shared.is_none() && own.is_none() {
        report.error(
            test.place,
            "a test has an `input`: the event that is judged".to_owned(),
        );
        return None;
    }
    match EventDocument::from_value(input) {
        Ok(document) => Some(document),
        Err(error) => {
            for problem in error.problems() {
                let place = [own, shared]
                    .into_iter()
                    .flatten()
                    .find_map(|input| place_of(problem, input))
                    .or_else(|| own.map(|own| own.place))
                    .unwrap_or(test.place);
                report.error(place, format!("in the input: {problem}"));
            }
            None
        }
    }
}

/// Where the key stands that `problem` names first.
fn place_of(problem: &str, input: &Node) -> Option<Place> {
    let named = problem.split('`').nth(1)?;
    let key = named.rsplit('.').next()?;
    find(input, key)
}

fn find(node: &Node, key: &str) -> Option<Place> {
    match &node.value {
        Value::Map(entries) => entries.iter().find_map(|entry| {
            if entry.key == key {
                Some(entry.place)
            } else {
                find(&entry.value, key)
            }
        }),
        Value::List(items) => items.iter().find_map(|item| find(item, key)),
        _ => None,
    }
}

/// Puts `over` upon `under`, mappings key by key.
fn overlay(under: &mut Json, over: Json) {
    match (under, over) {
        (Json::Object(under), Json::Object(over)) => {
            for (key, value) in over {
                match under.get_mut(&key) {
                    Some(known) => overlay(known, value),
                    None => {
                        under.insert(key, value);
                    }
                }
            }
        }
        (under, over) => *under = over,
    }
}

fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null | Value::Faulty => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) => Json::Number(number.value.clone()),
        Value::Text(text) => Json::String(text.clone()),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.clone(), json(&entry.value)))
            .collect::<Map<String, Json>>()
            .into(),
    }
}

impl Wanted {
    /// In what `decision` is not as wanted; nothing where it is.
    pub(super) fn differences(&self, decision: &PolicyDecision) -> Vec<String> {
        let mut differences = Vec::new();
        if decision.verdict != self.verdict {
            differences.push(format!(
                "the verdict is `{}`, not `{}`: {}",
                name(decision.verdict),
                name(self.verdict),
                decision.reason
            ));
        }
        for reason in &self.reasons {
            let has = format!("; {}; ", decision.reason).contains(&format!("; {reason}; "));
            if !has {
                differences.push(format!(
                    "the reason is `{}`, not `{reason}`",
                    decision.reason
                ));
            }
        }
        for rule in &self.rules {
            let matched = decision.rule_matched.as_ref() == Some(rule);
            if !matched && !decision.rules.contains(rule) {
                let fired: Vec<String> = decision
                    .rules
                    .iter()
                    .map(|rule| format!("`{rule}`"))
                    .collect();
                differences.push(if fired.is_empty() {
                    format!("the rule `{rule}` did not fire, and no other rule did")
                } else {
                    format!("the rule `{rule}` did not fire, but {}", fired.join(", "))
                });
            }
        }
        if let Some(tier) = self.risk_tier
            && tier != decision.risk_tier
        {
            differences.push(format!(
                "the risk tier is `{}`, not `{tier}`",
                decision.risk_tier
            ));
        }
        differences
    }
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::Deny => "deny",
        Verdict::RequireApproval => "require_approval",
        Verdict::Refuse => "refuse",
    }
}
