//! Modules to a program.

use std::sync::Arc;

use regorus::Value;
use regorus::unstable::{Module, Ref, Rule, RuleHead};

use super::advance::look_in_advance;
use super::lower::{Left, Lower, Names, Uses};
use super::native::Builtins;
use super::node::{GroupId, Node, Package, Place, Within};
use super::paths::{Below, Leads, Paths};
use super::scope::Scope;
use super::{Interpreted, Program, index, paths};
use crate::Making;

/// Compiles `modules` and `data` to answer for `entry_point`, as in `data.kitelogik.main`.
pub(super) fn compile(
    modules: &[Ref<Module>],
    data: Value,
    entry_point: &str,
) -> anyhow::Result<Program> {
    let builtins = Builtins::new()?;
    let paths = Paths::of(modules);
    let names: Vec<Names<'_>> = modules.iter().map(|module| Names::of(module)).collect();
    let mut lower = Lower {
        paths: &paths,
        data: &data,
        builtins: &builtins,
        modules: &names,
        module: 0,
        scope: Scope::default(),
        uses: Uses::default(),
        left: Vec::new(),
        imports_followed: 0,
        marks: Vec::new(),
        written: Vec::new(),
    };
    let mut groups = Vec::with_capacity(paths.groups.len());
    let mut uses = Vec::with_capacity(paths.groups.len());
    let mut origins = Vec::with_capacity(paths.groups.len());
    for written in &paths.groups {
        lower.uses = Uses::default();
        groups.push(lower.group(written));
        origins.push(lower.origin(written));
        uses.push(std::mem::take(&mut lower.uses));
    }
    let packages = lower.packages();
    let entry: Vec<Arc<str>> = entry_point.split('.').skip(1).map(Arc::from).collect();
    let entry = lower.entry(&entry);
    let left = std::mem::take(&mut lower.left)
        .into_iter()
        .map(|left| Interpreted {
            what: left.what,
            module: left.place.file.to_string(),
            line: left.place.line,
        })
        .collect();
    index::build(&mut groups);
    let mut program = Program {
        groups,
        origins,
        packages,
        entry,
        left,
        empty_set: Value::new_set(),
        making: Making::default(),
        reducible: None,
    };
    look_in_advance(&mut program, &uses);
    Ok(program)
}

impl Lower<'_> {
    /// The function of this path, and how many arguments it takes.
    pub(super) fn function(&self, path: &[Arc<str>]) -> Option<(GroupId, usize)> {
        let names = self.names()?;
        let (first, rest) = path.split_first()?;
        let absolute: Option<Vec<Arc<str>>> = if &**first == "data" {
            Some(rest.to_vec())
        } else {
            let imported = names
                .imports
                .get(&**first)
                .and_then(|import| paths::constant_path(import))
                .filter(|import| import.first().is_some_and(|root| &**root == "data"));
            imported.map(|import| {
                import
                    .into_iter()
                    .skip(1)
                    .chain(rest.iter().cloned())
                    .collect()
            })
        };
        let own = || {
            names
                .package
                .iter()
                .cloned()
                .chain(path.iter().cloned())
                .collect()
        };
        [absolute, Some(own())]
            .into_iter()
            .flatten()
            .find_map(|path: Vec<Arc<str>>| match self.paths.follow(&path) {
                Leads::Rules(group, parts) if parts == path.len() => {
                    let count = self.count_of(group)?;
                    Some((group, count))
                }
                _ => None,
            })
    }

    fn count_of(&self, group: GroupId) -> Option<usize> {
        let written = self.paths.groups.get(group)?;
        written.rules.iter().find_map(|(_, rule)| match &***rule {
            Rule::Spec {
                head: RuleHead::Func { args, .. },
                ..
            }
            | Rule::Default { args, .. }
                if !args.is_empty() =>
            {
                Some(args.len())
            }
            _ => None,
        })
    }

    fn packages(&mut self) -> Vec<Package> {
        let mut packages = Vec::new();
        let mut data: Vec<Option<&Value>> = vec![Some(self.data)];
        let all: Vec<_> = self.paths.places().collect();
        for (number, (group, below)) in all.into_iter().enumerate() {
            let here = data.get(number).copied().flatten();
            let mut package = Package {
                data: here.cloned(),
                ..Package::default()
            };
            for Below { name, id, group } in &below {
                let key = Value::String(Arc::clone(name));
                if data.len() <= *id {
                    data.resize(*id + 1, None);
                }
                if let (Some(here), Some(place)) = (here, data.get_mut(*id)) {
                    *place = Some(&here[&key]).filter(|value| **value != Value::Undefined);
                }
                match group {
                    Some(group) => package.rules.push((key, *group)),
                    None => package.packages.push((key, *id)),
                }
            }
            let open = self.paths.open.iter().find(|(place, _)| *place == number);
            let odd = match (open, group) {
                (Some((_, rule)), _) => Some(("a rule whose path is not constant", rule.span())),
                (None, Some(group)) if !below.is_empty() => self
                    .paths
                    .groups
                    .get(group)
                    .and_then(|written| written.rules.first())
                    .map(|(_, rule)| ("a rule with others below it", rule.span())),
                _ => None,
            };
            if let Some((what, span)) = odd {
                let place = Place {
                    file: Arc::from(span.source.get_path().as_str()),
                    line: span.line,
                    column: span.col,
                };
                package.refer = Some(self.refer(Left {
                    what: what.to_owned(),
                    place,
                }));
            }
            packages.push(package);
        }
        packages
    }

    fn entry(&mut self, path: &[Arc<str>]) -> Node {
        let data = self.data_at(path);
        match self.paths.follow(path) {
            Leads::Rules(group, parts) => {
                path.iter()
                    .skip(parts)
                    .fold(Node::Rules(group), |of, key| Node::Item {
                        of: Box::new(of),
                        key: Box::new(Node::Known(Value::String(Arc::clone(key)))),
                        within: Within::Data,
                    })
            }
            Leads::Package(package) => Node::Package(package),
            Leads::Data if data == Value::Undefined => Node::Undefined,
            Leads::Data => Node::Known(data),
        }
    }
}
