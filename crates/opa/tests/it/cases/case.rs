//! One case of OPA's own, and how the engine is asked for it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use yaml_serde::Value as Yaml;

/// The package of the rule that stands for a query which is no reference alone.
const PACKAGE: &str = "kitelogik_case";

/// A case as OPA writes it; what OPA's own runner needs beside it has no meaning here.
#[derive(Deserialize)]
struct Written {
    note: String,
    query: String,
    #[serde(default)]
    modules: Vec<String>,
    #[serde(default)]
    data: Yaml,
    input: Option<Yaml>,
    input_term: Option<String>,
    want_result: Option<Vec<Yaml>>,
    want_error_code: Option<String>,
    want_error: Option<String>,
    #[serde(default)]
    sort_bindings: bool,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    cases: Vec<Written>,
}

pub(super) struct Case {
    /// With the version of Rego that it is written in, as OPA's own runner names it: `v1/negation/…`.
    pub(super) note: String,
    /// The rows of variables; none where OPA has an error.
    pub(super) want: Option<Vec<Map<String, Value>>>,
    pub(super) question: Question,
    sort: bool,
}

/// What the engine is asked.
pub(super) struct Question {
    pub(super) modules: Vec<(String, String)>,
    pub(super) data: Value,
    pub(super) entry_point: String,
    pub(super) input: Option<Value>,
    /// The variable that the entry point is the value of; the entry point has all rows where there is none.
    variable: Option<String>,
}

/// All cases below `folder`.
pub(super) fn all(folder: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for version in ["v0", "v1"] {
        let mut files = Vec::new();
        find(&folder.join(version), &mut files);
        files.sort();
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let read: File = yaml_serde::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            cases.extend(read.cases.into_iter().map(|case| Case::of(version, case)));
        }
    }
    cases
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            files.push(path);
        }
    }
}

impl Case {
    fn of(version: &str, written: Written) -> Self {
        let fails = written.want_error.is_some() || written.want_error_code.is_some();
        let rows = written.want_result.as_ref();
        let rows: Vec<Map<String, Value>> = rows
            .into_iter()
            .flatten()
            .map(|row| json(row).as_object().unwrap().clone())
            .map(|mut row| {
                // Variables that OPA's compiler makes.
                row.retain(|name, _| !name.starts_with("__localq"));
                row
            })
            .collect();
        let mut case = Self {
            note: format!("{version}/{}", written.note),
            question: Question::of(&written, &rows),
            want: (!fails).then_some(rows),
            sort: written.sort_bindings,
        };
        for row in case.want.iter_mut().flatten() {
            sort(case.sort, row);
        }
        case
    }

    /// Whether `rows` are those that OPA has, in any order.
    pub(super) fn is_met_by(&self, mut rows: Vec<Map<String, Value>>) -> bool {
        rows.iter_mut().for_each(|row| sort(self.sort, row));
        let equal = |one: &Map<String, Value>, other: &Map<String, Value>| {
            equal(&Value::Object(one.clone()), &Value::Object(other.clone()))
        };
        let within = |some: &[Map<String, Value>], all: &[Map<String, Value>]| {
            some.iter()
                .all(|one| all.iter().any(|other| equal(one, other)))
        };
        let want = self.want.as_deref().unwrap_or_default();
        within(want, &rows) && within(&rows, want)
    }
}

fn sort(sort: bool, row: &mut Map<String, Value>) {
    if sort {
        for value in row.values_mut() {
            if let Value::Array(items) = value {
                items.sort_by_key(Value::to_string);
            }
        }
    }
}

impl Question {
    fn of(written: &Written, rows: &[Map<String, Value>]) -> Self {
        let modules = written.modules.iter().enumerate();
        let mut modules: Vec<(String, String)> = modules
            .map(|(number, text)| (format!("test-{number}.rego"), text.clone()))
            .collect();
        let query = written.query.trim();
        let reference = query.split_once(" = ").filter(|(path, variable)| {
            let name = |part: &str| {
                !part.is_empty()
                    && part
                        .chars()
                        .all(|letter| letter.is_alphanumeric() || letter == '_')
            };
            let mut parts = path.split('.');
            parts.next() == Some("data")
                && path.contains('.')
                && parts.all(name)
                && name(variable)
                && variable.starts_with(char::is_alphabetic)
                && *variable != "input"
        });
        let input = written.input.as_ref().map(json);
        // A text that is JSON is the input; another one, with sets, can only be put there by a rule.
        let (input, term) = match &written.input_term {
            None => (input, None),
            Some(term) => match serde_json::from_str(term) {
                Ok(value) => (Some(value), None),
                Err(_) => (input, Some(term)),
            },
        };
        let (entry_point, variable) = match (reference, term) {
            (Some((path, variable)), None) => (path.to_owned(), Some(variable.to_owned())),
            _ => {
                let names = rows.first().into_iter().flat_map(Map::keys);
                let row: Vec<String> = names.map(|name| format!("\"{name}\": {name}")).collect();
                let with = term
                    .map(|term| format!(" with input as {term}"))
                    .unwrap_or_default();
                let text = format!(
                    "package {PACKAGE}\n\nrows contains {{{}}} if {{\n\t{query}{with}\n}}\n",
                    row.join(", ")
                );
                modules.push(("query.rego".to_owned(), text));
                (format!("data.{PACKAGE}.rows"), None)
            }
        };
        let data = match json(&written.data) {
            Value::Null => json!({}),
            data => data,
        };
        Self {
            modules,
            data,
            entry_point,
            input,
            variable,
        }
    }

    /// The rows that the entry point's value is.
    pub(super) fn rows(&self, value: Option<Value>) -> Vec<Map<String, Value>> {
        match (&self.variable, value) {
            (_, None) => Vec::new(),
            (Some(variable), Some(value)) => vec![Map::from_iter([(variable.clone(), value)])],
            (None, Some(rows)) => {
                let rows = rows.as_array().unwrap().iter();
                rows.map(|row| row.as_object().unwrap().clone()).collect()
            }
        }
    }

    /// The same question of an event: what was the input is an argument of a call.
    pub(super) fn of_event(&self) -> (Vec<(String, String)>, Map<String, Value>) {
        let (name, args) = match &self.input {
            None => ("input.args.input", Map::new()),
            Some(Value::Object(fields)) => ("input.args", fields.clone()),
            Some(other) => (
                "input.args.input",
                Map::from_iter([("input".to_owned(), other.clone())]),
            ),
        };
        let modules = self.modules.iter();
        let modules = modules.map(|(file, text)| (file.clone(), renamed(text, name)));
        (modules.collect(), args)
    }
}

/// `text` with `name` for `input`, outside of texts and comments.
fn renamed(text: &str, name: &str) -> String {
    let mut renamed = String::new();
    let mut rest = text;
    let mut before = None;
    while let Some(letter) = rest.chars().next() {
        let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
        let length = match letter {
            '"' => quoted(rest),
            '`' => rest
                .get(1..)
                .unwrap_or_default()
                .find('`')
                .map_or(rest.len(), |end| end + 2),
            '#' => rest.find('\n').unwrap_or(rest.len()),
            letter if is_name(letter) => rest.find(|letter| !is_name(letter)).unwrap_or(rest.len()),
            letter => letter.len_utf8(),
        };
        let (part, after) = rest.split_at(length);
        let is_input = part == "input" && before != Some('.') && !after.starts_with(':');
        renamed.push_str(if is_input { name } else { part });
        before = part.chars().last();
        rest = after;
    }
    renamed
}

/// The length of the text in quotes at the beginning.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return at + 1,
            _ => escaped = false,
        }
    }
    text.len()
}

/// YAML as JSON: keys that are no texts become such, as in OPA.
fn json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Sequence(items) => Value::Array(items.iter().map(json).collect()),
        Yaml::Mapping(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let key = match json(key) {
                    Value::String(key) => key,
                    other => other.to_string(),
                };
                (key, json(value))
            });
            Value::Object(entries.collect())
        }
        scalar => serde_json::to_value(scalar).unwrap(),
    }
}

fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, one)| other.get(key).is_some_and(|other| equal(one, other)))
        }
        _ => one == other,
    }
}
