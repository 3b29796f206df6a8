//! Random expressions.

use super::super::words::{CALLS, COLLECTIONS, ONE, REFERENCES, SCALARS, TWO};
use super::Writer;

impl Writer<'_> {
    pub(super) fn scalar(&mut self) -> &'static str {
        self.random.pick(&SCALARS)
    }

    pub(super) fn comparison(&mut self, depth: usize) -> String {
        let operator = self.random.pick(&["==", "!=", "<", "<=", ">", ">="]);
        let inner = depth.saturating_sub(1);
        let (one, other) = (self.term(inner), self.term(inner));
        format!("{one} {operator} {other}")
    }

    pub(super) fn membership(&mut self) -> String {
        let (member, collection) = (self.simple(), self.collection(1));
        if self.random.chance(20) {
            let key = self.simple();
            format!("({key}, {member} in {collection})")
        } else {
            format!("({member} in {collection})")
        }
    }

    pub(super) fn simple(&mut self) -> String {
        match self.random.below(3) {
            0 if self.untyped => {
                let number = self.random.below(SCALARS.len());
                format!("data.table.scalars.n{number}")
            }
            0 => self.scalar().to_owned(),
            1 if !self.bound.is_empty() => {
                let name = self.random.below(self.bound.len());
                self.bound[name].clone()
            }
            _ => self.random.pick(&REFERENCES).to_owned(),
        }
    }

    pub(super) fn collection(&mut self, depth: usize) -> String {
        match self.random.below(8) {
            0..=1 if self.untyped && self.random.chance(80) => {
                let number = self.random.below(COLLECTIONS.len());
                format!("data.table.collections.n{number}")
            }
            0..=1 => self.random.pick(&COLLECTIONS).to_owned(),
            2 => "input.args.list".to_owned(),
            3 => "input.args.object".to_owned(),
            4 => self
                .random
                .pick(&[
                    "data.table.names",
                    "lib.texts",
                    "data.lib.named",
                    "data.table.nested",
                ])
                .to_owned(),
            5 => "input.context.session_scopes".to_owned(),
            6 if depth > 0 => self.comprehension(depth),
            _ => self.simple(),
        }
    }

    pub(super) fn comprehension(&mut self, depth: usize) -> String {
        let before = self.bound.clone();
        let collection = self.collection(0);
        let name = self.fresh();
        let condition = match self.random.below(10) {
            0..=4 => format!("; {}", self.comparison(depth)),
            5..=6 => format!("; {}", self.about(&name)),
            _ => String::new(),
        };
        let term = if self.random.chance(60) {
            name.clone()
        } else {
            self.term(0)
        };
        self.bound = before;
        match self.random.below(3) {
            0 => format!("[{term} | some {name} in {collection}{condition}]"),
            1 => format!("{{{term} | some {name} in {collection}{condition}}}"),
            _ => format!("{{{name}: {term} | some {name} in {collection}{condition}}}"),
        }
    }

    pub(super) fn term(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.simple();
        }
        match self.random.below(14) {
            0..=4 => self.simple(),
            5 if self.random.chance(50) => {
                let call = self.random.pick(&CALLS);
                let argument = self.term(depth - 1);
                call.replace("{}", &argument)
            }
            5 => {
                let name = self.random.pick(&ONE);
                let argument = self.term(depth - 1);
                format!("{name}({argument})")
            }
            6 => {
                let (one, other) = (self.term(depth - 1), self.term(depth - 1));
                match self.random.pick(&TWO) {
                    "union_of" => format!("({{{one}}} | {{{other}}})"),
                    "regex.match" => {
                        let pattern = self.random.pick(&["^a", "[ab]+$", "\\\\d", "(a)(b)?"]);
                        format!("regex.match(\"{pattern}\", {other})")
                    }
                    "sprintf" => format!("sprintf(\"%v-%v\", [{one}, {other}])"),
                    "concat" => format!("concat(\",\", [{one}, {other}])"),
                    name => format!("{name}({one}, {other})"),
                }
            }
            7 => {
                let (key, default) = (self.simple(), self.simple());
                let object = self.random.pick(&[
                    "input",
                    "input.args",
                    "input.args.object",
                    "input.context",
                    "data.table",
                    "{}",
                ]);
                if self.random.chance(50) {
                    format!("object.get({object}, {key}, {default})")
                } else {
                    let path = self.random.pick(&[
                        "[\"args\", \"x\"]",
                        "[\"object\", \"a\"]",
                        "[]",
                        "\"action\"",
                        "\"event_type\"",
                    ]);
                    format!("object.get({object}, {path}, {default})")
                }
            }
            8 => {
                let operator = self.random.pick(&["+", "-", "*", "/", "%"]);
                let (one, other) = (self.term(depth - 1), self.term(depth - 1));
                format!("({one} {operator} {other})")
            }
            9 => {
                let (one, other) = (self.term(depth - 1), self.term(depth - 1));
                match self.random.below(3) {
                    0 => format!("[{one}, {other}]"),
                    1 => format!("{{{one}, {other}}}"),
                    _ => format!("{{\"a\": {one}, \"b\": {other}}}"),
                }
            }
            10 => self.comprehension(depth - 1),
            11 if !self.rules.is_empty() && !self.untyped => {
                let rule = self.random.below(self.rules.len());
                self.rules[rule].clone()
            }
            12 => {
                let key = self.simple();
                let of = self.random.pick(&[
                    "input.args",
                    "input.args.object",
                    "data.table.nested",
                    "data.lib.named",
                    "input.args.list",
                    "input.context",
                ]);
                format!("{of}[{key}]")
            }
            _ => {
                let operator = self.random.pick(&["==", "<"]);
                let (one, other) = (self.simple(), self.simple());
                format!("({one} {operator} {other})")
            }
        }
    }
}
