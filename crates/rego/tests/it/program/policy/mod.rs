//! Random policies over everything that programs cover.

pub(super) mod side;
mod term;

use std::fmt::Write;

use serde_json::{Value, json};

use super::event::{ACTIONS, Random};
use super::words::{COLLECTIONS, LIBRARY, SCALARS};

pub(crate) struct Policy {
    pub(crate) modules: Vec<(String, String)>,
    pub(crate) data: Value,
}

struct Writer<'r> {
    random: &'r mut Random,
    names: usize,
    /// Whether constants lie in `data`, so that OPA's type checker knows nothing of them.
    untyped: bool,
    /// Variables that have a value here.
    bound: Vec<String>,
    /// Rules of the package that may be referred to: those written before.
    rules: Vec<String>,
}

pub(crate) fn policy(seed: u64) -> Policy {
    let mut random = Random::new(seed);
    let mut writer = Writer {
        random: &mut random,
        names: 0,
        untyped: !seed.is_multiple_of(4),
        bound: Vec::new(),
        rules: Vec::new(),
    };
    let mut text = String::from("package kitelogik.main\n\nimport data.lib\nimport data.table\n\n");
    let rules = 2 + writer.random.below(8);
    for number in 0..rules {
        writer.rule(number, &mut text);
    }
    Policy {
        modules: vec![
            ("main.rego".to_owned(), text),
            ("lib.rego".to_owned(), LIBRARY.to_owned()),
        ],
        data: json!({"table": {
            "number": 2, "names": ["a", "b", "pay"], "nested": {"a": {"a": 1}, "2": "two"},
            "scalars": by_number(&SCALARS), "collections": by_number(&COLLECTIONS),
        }}),
    }
}

/// Those that JSON has.
fn by_number(texts: &[&str]) -> Value {
    let values = texts.iter().enumerate().filter_map(|(number, text)| {
        let value: Value = serde_json::from_str(text).ok()?;
        Some((format!("n{number}"), value))
    });
    Value::Object(values.collect())
}

impl Writer<'_> {
    fn rule(&mut self, number: usize, text: &mut String) {
        let name = format!("rule_{number}");
        let definitions = 1 + self.random.below(3);
        match self.random.below(10) {
            0..=3 => {
                for _ in 0..definitions {
                    let (body, names) = self.body();
                    self.bound = names;
                    let member = self.term(1);
                    self.bound.clear();
                    writeln!(text, "{name} contains {member} if {{\n{body}}}\n").unwrap();
                }
            }
            4 => {
                for _ in 0..definitions {
                    let (body, names) = self.body();
                    self.bound = names;
                    let (key, value) = (self.simple(), self.term(1));
                    self.bound.clear();
                    writeln!(text, "{name}[{key}] := {value} if {{\n{body}}}\n").unwrap();
                }
            }
            5..=7 => {
                if self.random.chance(60) {
                    let value = self.scalar();
                    writeln!(text, "default {name} := {value}\n").unwrap();
                }
                let value = self.scalar();
                for _ in 0..definitions {
                    let (body, _) = self.body();
                    let value = if self.random.chance(80) {
                        value
                    } else {
                        self.scalar()
                    };
                    writeln!(text, "{name} := {value} if {{\n{body}}}\n").unwrap();
                }
            }
            8 => {
                for _ in 0..definitions {
                    let (body, _) = self.body();
                    writeln!(text, "{name} if {{\n{body}}}\n").unwrap();
                }
            }
            _ => {
                let (body, names) = self.body();
                self.bound = names;
                let value = self.term(1);
                self.bound.clear();
                write!(text, "{name} := {value} if {{\n{body}}}").unwrap();
                for _ in 0..=self.random.below(2) {
                    let (body, names) = self.body();
                    self.bound = names;
                    let value = self.term(1);
                    self.bound.clear();
                    write!(text, " else := {value} if {{\n{body}}}").unwrap();
                }
                text.push_str("\n\n");
            }
        }
        self.rules.push(name);
    }

    /// The statements of a body, and the variables that have a value at its end.
    fn body(&mut self) -> (String, Vec<String>) {
        let before = std::mem::take(&mut self.bound);
        let statements = self.statements(1 + before.len().min(1), 3);
        (statements, std::mem::replace(&mut self.bound, before))
    }

    fn statements(&mut self, at_least: usize, more: usize) -> String {
        let mut text = String::new();
        for _ in 0..at_least + self.random.below(more + 1) {
            let mut statement = self.statement(2);
            // After a line that ends with a name, it would be a call.
            if statement.starts_with(['(', '[', '{']) {
                statement.insert_str(0, "null != ");
            }
            writeln!(text, "\t{statement}").unwrap();
        }
        text
    }

    fn statement(&mut self, depth: usize) -> String {
        match self.random.below(23) {
            20 => {
                let value = self.term(depth);
                let name = self.fresh();
                if self.random.chance(50) {
                    format!("{name} = {value}")
                } else {
                    format!("null != 1\n\t{value} = {name}")
                }
            }
            21 if self.random.chance(30) => {
                let statement = self.comparison(1);
                let value = self.simple();
                format!("{statement} with input.args.x as {value}")
            }
            22 if self.random.chance(50) => {
                let over =
                    self.random
                        .pick(&["input.args", "data.table.nested", "input.args.object"]);
                let (path, value) = (self.fresh(), self.fresh());
                format!("walk({over}, [{path}, {value}])")
            }
            0..=2 => {
                let action = self.random.pick(&ACTIONS);
                match self.random.below(4) {
                    0 => format!("input.action == \"{action}\""),
                    1 => format!("input.action in {{\"pay\", \"{action}\"}}"),
                    2 => format!("\"{action}\" == input.tool_name"),
                    _ => self
                        .random
                        .pick(&[
                            "lib.acted",
                            "not data.lib.acted",
                            "data.lib.listed",
                            "input.event_type == \"tool_call\"",
                        ])
                        .to_owned(),
                }
            }
            3..=4 => {
                let value = self.term(depth);
                let name = self.fresh();
                format!("{name} := {value}")
            }
            5..=6 => {
                let collection = self.collection(depth);
                if self.random.chance(50) {
                    let name = self.fresh();
                    format!("some {name} in {collection}")
                } else {
                    let key = self.fresh();
                    let name = self.fresh();
                    format!("some {key}, {name} in {collection}")
                }
            }
            7 => {
                let over = self.random.pick(&[
                    "input.args.list",
                    "input.args.object",
                    "data.table.names",
                    "lib.texts",
                    "data.lib.named",
                    "input.context.session_scopes",
                ]);
                let key = self.fresh();
                let other = self.simple();
                format!("some {key}\n\t{over}[{key}] == {other}")
            }
            8 => {
                let over = self
                    .random
                    .pick(&["input.args.list", "lib.texts", "input.args.object"]);
                let other = self.simple();
                format!("{over}[_] == {other}")
            }
            9..=10 => {
                let statement = match self.random.below(3) {
                    0 => self.simple(),
                    1 => self.comparison(depth),
                    _ => self.membership(),
                };
                format!("not {statement}")
            }
            11 => {
                let collection = self.collection(depth);
                let before = self.bound.clone();
                let key = self.random.chance(25).then(|| self.fresh());
                let name = self.fresh();
                let about = self.about(&name);
                let more = match &key {
                    Some(key) => format!("; {}", self.about(key)),
                    None if self.random.chance(20) => format!("\n\t{}", self.statement(0)),
                    None => String::new(),
                };
                self.bound = before;
                let key = key.map(|key| format!("{key}, ")).unwrap_or_default();
                format!("every {key}{name} in {collection} {{ {about}{more} }}")
            }
            12 => {
                let one = self.simple();
                let other = self.term(1);
                format!("{one} = {other}")
            }
            13 => {
                let (one, other) = (self.fresh(), self.fresh());
                let value =
                    self.random
                        .pick(&["input.args.list", "[1, \"a\"]", "[input.args.x, 2]"]);
                format!("true; [{one}, {other}] := {value}")
            }
            14..=16 => self.comparison(depth),
            17 => self.membership(),
            18 if !self.rules.is_empty() => {
                let rule = self.random.below(self.rules.len());
                self.rules[rule].clone()
            }
            _ => self.term(depth),
        }
    }

    /// A condition on a variable that has a value.
    pub(super) fn about(&mut self, name: &str) -> String {
        let other = self.simple();
        match self.random.below(9) {
            0..=1 => format!("{name} != {}", self.comparison(1)),
            2 => format!("{name} = {other}"),
            3 => format!("{other} = {name}"),
            4 => format!("null != 1; [{name}, 1] = [{other}, 1]"),
            5 => format!("data.table.nested[{name}] != {other}"),
            6 => format!("input.args[{name}]"),
            7 => format!("walk(input.args, [_, {name}])"),
            _ => format!("{name} == {other}"),
        }
    }

    fn fresh(&mut self) -> String {
        self.names += 1;
        let name = format!("v{}", self.names);
        self.bound.push(name.clone());
        name
    }
}
