//! From the YAML of a `when` to a condition.

use super::argument;
use super::glob;
use super::reader::{expected, one_of};
use super::report::Report;
use super::rule::{CONDITIONS, Condition, Constant, EVENTS, Operator, Test};
use super::text::{advice, shown};
use super::yaml::{Entry, Node, Place, Value};

/// Reads the condition under `key`; `None` where an error was reported.
pub(crate) fn read(node: Node, key: &str, report: &mut Report) -> Option<Condition> {
    let place = node.place;
    let Value::Map(entries) = node.value else {
        let takes = match (key, &node.value) {
            ("not", Value::List(_)) => {
                "one condition: write `not: {any: […]}` for none of them, or `not: {all: […]}`"
            }
            _ => "a mapping of conditions, as in `action: approve_refund`",
        };
        expected(report, &node, &format!("`{key}`"), takes);
        return None;
    };
    if entries.is_empty() {
        report.error(
            place,
            format!("`{key}` is empty, which would hold for every call: write a condition"),
        );
        return None;
    }
    let mut whole = true;
    let mut all = Vec::with_capacity(entries.len());
    for entry in entries {
        match part(entry, report) {
            Some(conditions) => all.extend(conditions),
            None => whole = false,
        }
    }
    // What engines can look up comes first.
    all.sort_by_key(|condition| match condition {
        Condition::Action(..) => 0,
        Condition::Event(..) => 1,
        _ => 2,
    });
    whole.then(|| single_or(all, Condition::All))
}

fn single_or(mut conditions: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match (conditions.len(), conditions.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            conditions.push(last);
            many(conditions)
        }
        (_, None) => many(conditions),
    }
}

/// The conditions that one key stands for; all of them must hold.
fn part(entry: Entry, report: &mut Report) -> Option<Vec<Condition>> {
    let Entry { place, key, value } = entry;
    let one = |condition| Some(vec![condition]);
    match key.as_str() {
        "action" => one(Condition::Action(texts(value, &key, report)?.0, place)),
        "event" => one(Condition::Event(events(value, report)?, place)),
        "role" => one(belongs(
            place,
            &["context", "user_role"],
            texts(value, &key, report)?.0,
        )),
        "tenant" => one(belongs(
            place,
            &["context", "tenant_id"],
            texts(value, &key, report)?.0,
        )),
        "scope" => {
            let scopes = texts(value, &key, report)?.0;
            let subject = ["context", "session_scopes"];
            let scope = |scope| test(place, &subject, Operator::Scope(scope));
            Some(scopes.into_iter().map(scope).collect())
        }
        "resource" => one(resource(value, report)?),
        "args" => argument::read(value, report),
        "any" => one(single_or(conditions(value, &key, report)?, Condition::Any)),
        "all" => one(single_or(conditions(value, &key, report)?, Condition::All)),
        "not" => one(Condition::Not(Box::new(read(value, "not", report)?))),
        _ => {
            let advice = match key.as_str() {
                "tool" | "tool_name" | "name" => "; did you mean `action`?".to_owned(),
                "path" | "resource_path" | "url" => "; did you mean `resource`?".to_owned(),
                "or" => "; did you mean `any`?".to_owned(),
                "and" => "; did you mean `all`?".to_owned(),
                "event_type" => "; did you mean `event`?".to_owned(),
                _ => advice(&key, &CONDITIONS),
            };
            report.error(place, format!("unknown condition {}{advice}", shown(&key)));
            None
        }
    }
}

fn test(place: Place, subject: &[&str], operator: Operator) -> Condition {
    Condition::Test(Test {
        subject: subject.iter().map(|key| (*key).to_owned()).collect(),
        operator,
        place,
    })
}

/// The value at `subject` is one of these.
fn belongs(place: Place, subject: &[&str], mut names: Vec<String>) -> Condition {
    let operator = match (names.len(), names.pop()) {
        (1, Some(only)) => Operator::Equal(Constant::Text(only)),
        (_, last) => {
            names.extend(last);
            Operator::In(names.into_iter().map(Constant::Text).collect())
        }
    };
    test(place, subject, operator)
}

/// One text or a list of them, and where each stands.
fn texts(value: Node, key: &str, report: &mut Report) -> Option<(Vec<String>, Vec<Place>)> {
    let what = format!("`{key}`");
    let place = value.place;
    match value.value {
        Value::Text(text) => Some((vec![text], vec![place])),
        Value::List(items) if items.is_empty() => {
            report.error(
                place,
                format!("`{key}` is an empty list: name at least one, or remove the key"),
            );
            None
        }
        Value::List(items) => {
            let count = items.len();
            let mut texts = Vec::with_capacity(count);
            let mut places = Vec::with_capacity(count);
            for item in items {
                match item.value {
                    Value::Text(text) => {
                        texts.push(text);
                        places.push(item.place);
                    }
                    _ => expected(report, &item, &what, "text in its list: put it into quotes"),
                }
            }
            (texts.len() == count).then_some((texts, places))
        }
        Value::Number(_) | Value::Bool(_) => {
            expected(report, &value, &what, "text: put it into quotes");
            None
        }
        _ => {
            expected(report, &value, &what, "text or a list of texts");
            None
        }
    }
}

fn events(value: Node, report: &mut Report) -> Option<Vec<String>> {
    let (names, places) = texts(value, "event", report)?;
    let mut known = true;
    for (name, place) in names.iter().zip(places) {
        let node = Node {
            place,
            value: Value::Text(name.clone()),
        };
        known &= one_of(&node, "event", &EVENTS, report).is_some();
    }
    known.then_some(names)
}

fn resource(value: Node, report: &mut Report) -> Option<Condition> {
    let place = value.place;
    let (globs, places) = texts(value, "resource", report)?;
    let mut regexes = Vec::with_capacity(globs.len());
    for (text, place) in globs.iter().zip(places) {
        match glob::regex(text) {
            Ok(regex) => regexes.push(regex),
            Err(problem) => report.error(
                place,
                format!("the glob {} cannot be used: {problem}", shown(text)),
            ),
        }
    }
    if regexes.len() < globs.len() {
        return None;
    }
    match glob::joined(&regexes) {
        Ok(regex) => Some(test(
            place,
            &["resource_path"],
            Operator::Path { regex, globs },
        )),
        Err(problem) => {
            report.error(
                place,
                format!("these globs cannot be used together: {problem}"),
            );
            None
        }
    }
}

fn conditions(value: Node, key: &str, report: &mut Report) -> Option<Vec<Condition>> {
    let place = value.place;
    let Value::List(items) = value.value else {
        expected(
            report,
            &value,
            &format!("`{key}`"),
            "a list of conditions, each after a `-`",
        );
        return None;
    };
    if items.is_empty() {
        report.error(
            place,
            format!("`{key}` is an empty list: write at least one condition"),
        );
        return None;
    }
    let count = items.len();
    let read: Vec<Condition> = items
        .into_iter()
        .filter_map(|item| read(item, key, report))
        .collect();
    (read.len() == count).then_some(read)
}
