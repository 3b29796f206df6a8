//! The interpreter with rules that ask about others of one package.
//!
//! A rule can lead to no document that its own package is a part of, or it would lead to itself. So rules that are added to
//! its package are seen by nothing that it depends on; those of other packages might be, and have an engine of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use regorus::Engine;

use super::super::source::{SourceModule, Sources};
use super::names;
use super::question::{Ask, Questions};
use crate::{Interpreter, heads, interpreter, operators, refusal, tree};

/// How often a policy is compiled to find out which of the rules that ask it does not take.
const MAX_COMPILED: usize = 64;

pub(in super::super) struct Asking {
    pub(super) engine: Engine,
    package: Vec<String>,
    rules: BTreeMap<(usize, usize), Questions>,
    /// The names of the rules that ask and that the interpreter takes.
    taken: BTreeSet<String>,
}

impl Asking {
    /// `known` with questions about more rules of the same package, each the number of its module and its own in it.
    pub(super) fn with(
        known: Option<&Self>,
        interpreter: &Interpreter,
        sources: &Sources,
        package: &[String],
        more: &BTreeSet<(usize, usize)>,
    ) -> Option<Self> {
        let mut positions = more.clone();
        positions.extend(known.iter().flat_map(|known| known.rules.keys()));
        let mut rules = BTreeMap::new();
        for position in positions {
            let module = sources.modules.get(position.0)?.read();
            let spec = module.policy.get(position.1)?;
            let names = names::known(
                module,
                package,
                sources.modules.iter().map(SourceModule::read),
            );
            let (file, number) = position;
            let name = format!("kitelogik_explained_{file}_{number}");
            rules.insert(position, Questions::of(module, spec, &name, &names));
        }
        let asks = rules.iter().flat_map(|(position, questions)| {
            let is_new = more.contains(position);
            let asks = questions.asks().map(|ask| (position.0, ask));
            asks.filter(move |(_, ask)| {
                is_new || known.is_some_and(|known| known.taken.contains(&ask.name))
            })
        });
        let asks: Vec<(usize, &Ask)> = asks.collect();
        let mut compiler = Compiler {
            interpreter,
            sources,
            compiled: 0,
        };
        let taken = compiler.taken(&asks);
        let engine = compiler.engine(&taken)?;
        let taken = taken.iter().map(|(_, ask)| ask.name.clone()).collect();
        Some(Self {
            engine,
            package: package.to_vec(),
            taken,
            rules,
        })
    }

    pub(super) fn questions(&self, rule: (usize, usize)) -> Option<&Questions> {
        self.rules.get(&rule)
    }

    /// The path of a rule that asks; none where the interpreter does not take it.
    pub(super) fn path(&self, name: &str) -> Option<String> {
        if !self.taken.contains(name) {
            return None;
        }
        let mut path = self.package.clone();
        path.push(name.to_owned());
        Some(tree::path(&path))
    }
}

impl fmt::Debug for Asking {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Asking")
            .field("package", &self.package)
            .field("rules", &self.rules.len())
            .finish_non_exhaustive()
    }
}

struct Compiler<'a> {
    interpreter: &'a Interpreter,
    sources: &'a Sources,
    compiled: usize,
}

impl Compiler<'_> {
    /// Those of `asks` that compile: the beginning of a body may use what is bound only after it.
    fn taken<'q>(&mut self, asks: &[(usize, &'q Ask)]) -> Vec<(usize, &'q Ask)> {
        if asks.is_empty() || self.compiled >= MAX_COMPILED {
            return Vec::new();
        }
        self.compiled += 1;
        if self.engine(asks).is_some() {
            return asks.to_vec();
        }
        if asks.len() == 1 {
            return Vec::new();
        }
        let (first, then) = asks.split_at(asks.len() / 2);
        let mut taken = self.taken(first);
        taken.extend(self.taken(then));
        taken
    }

    /// The policy with these rules; none where it does not compile.
    fn engine(&self, asks: &[(usize, &Ask)]) -> Option<Engine> {
        let mut engine = self.interpreter.prepared().clone();
        let policy = self.sources.modules.iter().map(SourceModule::written);
        let packages = operators::packages(policy.clone());
        let mut modules = Vec::new();
        for (file, asks) in by_place(asks) {
            let module = self.sources.modules.get(file)?;
            let text = text(module.header()?, &asks);
            modules.push(tree::parse(module.name(), &text).ok()?);
        }
        refusal::check(policy.chain(&modules)).ok()?;
        heads::check(&modules).ok()?;
        for module in modules {
            let source = &module.package.span.source;
            let (name, text) = (source.get_path(), source.contents());
            let text = interpreter::as_opa_negates(name, text, &self.sources.functions).ok()?;
            let called = interpreter::as_opa_computes(name, &text, &packages).ok()?;
            let text = called.unwrap_or(text);
            engine.add_policy(name.clone(), text).ok()?;
        }
        engine
            .compile_with_entrypoint(&interpreter::QUESTION.into())
            .ok()?;
        Some(engine)
    }
}

/// The rules of each module that is made of a file's: one for each that has a line, and one for all others.
fn by_place<'q>(asks: &[(usize, &'q Ask)]) -> Vec<(usize, Vec<&'q Ask>)> {
    let mut places: Vec<(usize, Vec<&Ask>)> = Vec::new();
    let mut others: BTreeMap<usize, Vec<&Ask>> = BTreeMap::new();
    for (file, ask) in asks {
        match ask.line {
            Some(_) => places.push((*file, vec![*ask])),
            None => others.entry(*file).or_default().push(ask),
        }
    }
    places.extend(others);
    places
}

/// A module with `asks`, the first in its line.
fn text(header: &str, asks: &[&Ask]) -> String {
    let mut text = header.trim_end().to_owned();
    let line = 1 + text.matches('\n').count();
    let wanted = asks.first().and_then(|ask| ask.line).unwrap_or_default();
    let lines = (wanted as usize).saturating_sub(line).max(1);
    text.extend(std::iter::repeat_n('\n', lines));
    for ask in asks {
        text.push_str(&ask.text);
        text.push('\n');
    }
    text
}
