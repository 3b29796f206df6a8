//! From the YAML of `args` to tests.

use super::reader::expected;
use super::report::Report;
use super::rule::{Condition, Constant, Limit, OPERATORS, Operator, TYPES, Test};
use super::text::{advice, listed, shown};
use super::yaml::{Entry, Node, Place, Value};

/// Reads `args`: fields, each with its operators; all of them must hold.
pub(crate) fn read(node: Node, report: &mut Report) -> Option<Vec<Condition>> {
    let place = node.place;
    let Value::Map(fields) = node.value else {
        expected(
            report,
            &node,
            "`args`",
            "a mapping of fields, as in `amount: {lte: 100}`",
        );
        return None;
    };
    if fields.is_empty() {
        report.error(
            place,
            "`args` is empty: name a field, or remove the key".to_owned(),
        );
        return None;
    }
    let mut whole = true;
    let mut conditions = Vec::new();
    for field in fields {
        match read_field(field, report) {
            Some(tests) => conditions.extend(tests.into_iter().map(Condition::Test)),
            None => whole = false,
        }
    }
    whole.then_some(conditions)
}

fn read_field(field: Entry, report: &mut Report) -> Option<Vec<Test>> {
    let Entry { place, key, value } = field;
    let subject = subject(&key, place, report);
    let at = value.place;
    let Value::Map(operators) = value.value else {
        let takes = match &value.value {
            Value::Text(_) | Value::Number(_) | Value::Bool(_) => {
                "operators: to compare with this value, write `{eq: …}`"
            }
            Value::List(_) => "operators: for one of these values, write `{in: […]}`",
            _ => "operators, as in `{lte: 100}`",
        };
        expected(report, &value, &format!("the field {}", shown(&key)), takes);
        return None;
    };
    if operators.is_empty() {
        report.error(
            at,
            format!(
                "the field {} has no operator: write one, as in `exists: true`",
                shown(&key)
            ),
        );
        return None;
    }
    let count = operators.len();
    let operators: Vec<(Place, Operator)> = operators
        .into_iter()
        .filter_map(|entry| Some((entry.place, read_operator(entry, report)?)))
        .collect();
    let subject = subject.filter(|_| operators.len() == count)?;
    Some(
        operators
            .into_iter()
            .map(|(place, operator)| Test {
                subject: subject.clone(),
                operator,
                place,
            })
            .collect(),
    )
}

/// `customer.id` as a path under the input; a backslash makes a dot part of a name.
fn subject(field: &str, place: Place, report: &mut Report) -> Option<Vec<String>> {
    let mut path = vec!["args".to_owned()];
    let mut name = String::new();
    let mut letters = field.chars();
    let mut faulty = false;
    loop {
        match letters.next() {
            Some('\\') => match letters.next() {
                Some(escaped @ ('.' | '\\')) => name.push(escaped),
                _ => faulty = true,
            },
            Some('.') | None if name.is_empty() => {
                faulty = true;
                if letters.as_str().is_empty() {
                    break;
                }
            }
            Some('.') => path.push(std::mem::take(&mut name)),
            Some(letter) => name.push(letter),
            None => {
                path.push(name);
                break;
            }
        }
    }
    if faulty {
        report.error(
            place,
            format!(
                "the field {} cannot be read: names are joined by single dots, as in `customer.id`; a dot or backslash within a name follows a backslash",
                shown(field)
            ),
        );
        return None;
    }
    Some(path)
}

fn read_operator(entry: Entry, report: &mut Report) -> Option<Operator> {
    let Entry { place, key, value } = entry;
    let what = format!("`{key}`");
    Some(match key.as_str() {
        "eq" => Operator::Equal(constant(&value, &what, report)?),
        "ne" => Operator::Other(constant(&value, &what, report)?),
        "gt" => Operator::Limit(Limit::Above, limit(&value, &what, report)?),
        "gte" => Operator::Limit(Limit::AtLeast, limit(&value, &what, report)?),
        "lt" => Operator::Limit(Limit::Below, limit(&value, &what, report)?),
        "lte" => Operator::Limit(Limit::AtMost, limit(&value, &what, report)?),
        "in" => Operator::In(constants(&value, &what, report)?),
        "not_in" => Operator::NotIn(constants(&value, &what, report)?),
        "contains" => Operator::Contains(part(&value, &what, report)?),
        "not_contains" => Operator::NotContains(part(&value, &what, report)?),
        "starts_with" => Operator::StartsWith(text(&value, &what, report)?),
        "ends_with" => Operator::EndsWith(text(&value, &what, report)?),
        "matches" => {
            let text = text(&value, &what, report)?;
            match report.pattern(&text) {
                Ok(pattern) => Operator::Matches {
                    regex: pattern.regex,
                    unanchored: (!pattern.anchored).then_some(value.place),
                },
                Err(problem) => {
                    report.error(
                        value.place,
                        format!("the pattern {} cannot be used: {problem}", shown(&text)),
                    );
                    return None;
                }
            }
        }
        "exists" => match value.value {
            Value::Bool(exists) => Operator::Exists(exists),
            _ => {
                expected(report, &value, &what, "`true` or `false`");
                return None;
            }
        },
        "type" => Operator::Type(types(&value, report)?),
        _ => {
            let advice = match key.as_str() {
                "==" | "=" | "is" => "; did you mean `eq`?".to_owned(),
                "!=" | "neq" | "not" | "not_eq" => "; did you mean `ne`?".to_owned(),
                ">" | "min_exclusive" => "; did you mean `gt`?".to_owned(),
                ">=" | "min" => "; did you mean `gte`?".to_owned(),
                "<" => "; did you mean `lt`?".to_owned(),
                "<=" | "max" => "; did you mean `lte`?".to_owned(),
                "regex" | "pattern" => "; did you mean `matches`?".to_owned(),
                _ => advice(&key, &OPERATORS),
            };
            report.error(place, format!("unknown operator {}{advice}", shown(&key)));
            return None;
        }
    })
}

fn constant(value: &Node, what: &str, report: &mut Report) -> Option<Constant> {
    match &value.value {
        Value::Bool(boolean) => Some(Constant::Bool(*boolean)),
        Value::Number(number) => Some(Constant::Number(number.clone())),
        Value::Text(text) => Some(Constant::Text(text.clone())),
        other => {
            let takes = match other {
                Value::Null => {
                    "a value: to ask whether there is one, write `exists: true` or `exists: false`"
                }
                Value::List(_) => "one value: for one of several, write `in` or `any`",
                _ => "text, a number or a boolean",
            };
            expected(report, value, what, takes);
            None
        }
    }
}

fn limit(value: &Node, what: &str, report: &mut Report) -> Option<Constant> {
    if matches!(value.value, Value::Bool(_)) {
        expected(report, value, what, "a number, or a text that sorts");
        return None;
    }
    let limit = constant(value, what, report)?;
    if let Constant::Text(text) = &limit
        && text.trim().parse::<f64>().is_ok()
    {
        report.warning(
            value.place,
            format!(
                "{what} compares texts here, letter by letter, and judges no number: write {} without quotes to compare numbers",
                shown(text.trim())
            ),
        );
    }
    Some(limit)
}

/// One value or a list of them.
fn constants(value: &Node, what: &str, report: &mut Report) -> Option<Vec<Constant>> {
    let Value::List(items) = &value.value else {
        return Some(vec![constant(value, what, report)?]);
    };
    if items.is_empty() {
        report.error(
            value.place,
            format!("{what} has an empty list: write at least one value"),
        );
        return None;
    }
    let constants: Vec<Constant> = items
        .iter()
        .filter_map(|item| constant(item, what, report))
        .collect();
    (constants.len() == items.len()).then_some(constants)
}

fn part(value: &Node, what: &str, report: &mut Report) -> Option<Constant> {
    let part = constant(value, what, report)?;
    if part == Constant::Text(String::new()) {
        everything(value.place, what, report);
        return None;
    }
    Some(part)
}

fn text(value: &Node, what: &str, report: &mut Report) -> Option<String> {
    match &value.value {
        Value::Text(text) if text.is_empty() => {
            everything(value.place, what, report);
            None
        }
        Value::Text(text) => Some(text.clone()),
        Value::List(_) => {
            expected(
                report,
                value,
                what,
                "one text: for one of several, write `any`",
            );
            None
        }
        _ => {
            expected(report, value, what, "text: put it into quotes");
            None
        }
    }
}

fn everything(place: Place, what: &str, report: &mut Report) {
    report.error(
        place,
        format!("{what} has an empty text, which every text has in it: write `type: string`, or some text"),
    );
}

fn types(value: &Node, report: &mut Report) -> Option<Vec<&'static str>> {
    let one = std::slice::from_ref(value);
    let items = match &value.value {
        Value::List(items) if items.is_empty() => {
            report.error(
                value.place,
                "`type` has an empty list: name at least one type".to_owned(),
            );
            return None;
        }
        Value::List(items) => items.as_slice(),
        _ => one,
    };
    let types: Vec<&'static str> = items
        .iter()
        .filter_map(|item| type_name(item, report))
        .collect();
    (types.len() == items.len()).then_some(types)
}

fn type_name(value: &Node, report: &mut Report) -> Option<&'static str> {
    let Value::Text(name) = &value.value else {
        expected(
            report,
            value,
            "`type`",
            &format!("one of {}", listed(&TYPES)),
        );
        return None;
    };
    let found = TYPES.iter().find(|known| **known == name.as_str()).copied();
    if found.is_none() {
        let advice = match name.as_str() {
            "list" | "sequence" | "tuple" => "; did you mean `array`?".to_owned(),
            "int" | "integer" | "float" | "double" => "; did you mean `number`?".to_owned(),
            "bool" => "; did you mean `boolean`?".to_owned(),
            "text" | "str" => "; did you mean `string`?".to_owned(),
            "dict" | "map" | "mapping" => "; did you mean `object`?".to_owned(),
            "null" | "none" => "; write `exists: false`".to_owned(),
            other => advice(other, &TYPES),
        };
        report.error(value.place, format!("unknown type {}{advice}", shown(name)));
    }
    found
}
