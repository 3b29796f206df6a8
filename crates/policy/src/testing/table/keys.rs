//! The keys of a table, each read strictly.

use crate::rules::report::Report;
use crate::rules::text::{advice, shown};
use crate::rules::yaml::{Entry, Node, Value};

pub(super) fn entries<'a>(node: &'a Node, what: &str, report: &mut Report) -> Option<&'a [Entry]> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        _ => {
            expected(report, node, what, "a mapping");
            None
        }
    }
}

pub(super) fn get<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Node> {
    let entry = entries.iter().find(|entry| entry.key == key);
    entry.map(|entry| &entry.value)
}

pub(super) fn refuse_others(entries: &[Entry], known: &[&str], report: &mut Report) {
    for entry in entries {
        if !known.contains(&entry.key.as_str()) {
            let advice = advice(&entry.key, known);
            report.error(
                entry.place,
                format!("unknown key {}{advice}", shown(&entry.key)),
            );
        }
    }
}

pub(super) fn is_one(node: &Node) -> bool {
    matches!(&node.value, Value::Number(number) if number.value.as_i64() == Some(1))
}

pub(super) fn text(node: &Node, what: &str, report: &mut Report) -> Option<String> {
    match &node.value {
        Value::Text(text) if !text.trim().is_empty() => Some(text.clone()),
        _ => {
            expected(report, node, what, "text");
            None
        }
    }
}

/// One text, or a list of them; none where there is no such key.
pub(super) fn texts(node: Option<&Node>, what: &str, report: &mut Report) -> Option<Vec<String>> {
    match node {
        None => Some(Vec::new()),
        Some(Node {
            value: Value::List(items),
            ..
        }) if !items.is_empty() => items.iter().map(|item| text(item, what, report)).collect(),
        Some(node) => text(node, what, report).map(|text| vec![text]),
    }
}

pub(super) fn expected(report: &mut Report, node: &Node, what: &str, takes: &str) {
    if !matches!(node.value, Value::Faulty) {
        report.error(
            node.place,
            format!("{what} takes {takes}, and this is {}", node.value.kind()),
        );
    }
}
