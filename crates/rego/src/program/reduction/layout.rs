//! Where the rules of a policy stand, and what they mention.

use std::collections::HashMap;
use std::sync::Arc;

use regorus::unstable::{Module, Ref, Rule};

use super::mentions::{self, Mentions};
use crate::program::node::{Group, GroupId, Kind, PackageId};
use crate::program::paths::{Leads, Paths, constant_path, declared};

/// The rules of all modules by their paths.
#[derive(Debug)]
pub(super) struct Layout {
    /// The package of each module.
    pub(super) modules: Vec<PackageId>,
    pub(super) groups: Vec<Rules>,
    pub(super) packages: Vec<Below>,
    pub(super) entry: Leads,
}

/// The rules of one path, in the order of the program's.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) rules: Vec<Written>,
    pub(super) defaults: Vec<Written>,
    /// Its name within its package, as in `limits.amount`.
    pub(super) name: String,
    /// Whether that is one word: nothing comes to be beside it.
    pub(super) plain: bool,
}

/// One rule.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) module: usize,
    /// Among all rules of the module.
    pub(super) position: usize,
    /// Body by body.
    pub(super) mentions: Vec<Mentions>,
}

/// What lies right below a place.
#[derive(Debug, Default)]
pub(super) struct Below {
    pub(super) groups: Vec<GroupId>,
    pub(super) packages: Vec<PackageId>,
}

impl Layout {
    /// None where paths are not what they are to the program of the same modules, whose rules are `groups`.
    pub(super) fn of(modules: &[Ref<Module>], groups: &[Group], entry: &str) -> Option<Self> {
        let paths = Paths::of(modules);
        if !paths.open.is_empty() || paths.groups.len() != groups.len() {
            return None;
        }
        let positions: Vec<HashMap<u32, usize>> = modules
            .iter()
            .map(|module| {
                let rules = module.policy.iter().enumerate();
                rules
                    .map(|(position, rule)| (rule.span().start, position))
                    .collect()
            })
            .collect();
        let mut laid = Vec::with_capacity(groups.len());
        for (written, group) in paths.groups.iter().zip(groups) {
            let (mut rules, mut defaults) = (Vec::new(), Vec::new());
            let mut lengths = Vec::new();
            for (number, rule) in &written.rules {
                let module = modules.get(*number)?;
                lengths.push(written.path.len() - constant_path(&module.package.refr)?.len());
                let all = Written {
                    module: *number,
                    position: *positions.get(*number)?.get(&rule.span().start)?,
                    mentions: mentions::of(rule, module, &paths),
                };
                match &***rule {
                    Rule::Default { .. } => defaults.push(all),
                    Rule::Spec { .. } => rules.push(all),
                }
            }
            if !matches!(group.kind, Kind::Refer(_)) && group.definitions.len() != rules.len() {
                return None;
            }
            let first = written.rules.first()?.1;
            laid.push(Rules {
                rules,
                defaults,
                name: declared(first).span().text().to_owned(),
                plain: lengths.iter().all(|length| *length == 1),
            });
        }
        let mut packages = Vec::new();
        for (group, below) in paths.places() {
            // A rule with others below it.
            if group.is_some() && !below.is_empty() {
                return None;
            }
            let mut place = Below::default();
            for below in below {
                match below.group {
                    Some(group) => place.groups.push(group),
                    None => place.packages.push(below.id),
                }
            }
            packages.push(place);
        }
        let package =
            |module: &Ref<Module>| match paths.follow(&constant_path(&module.package.refr)?) {
                Leads::Package(package) => Some(package),
                Leads::Rules(..) | Leads::Data => None,
            };
        let entry: Vec<_> = entry.split('.').skip(1).map(Arc::from).collect();
        Some(Self {
            modules: modules.iter().map(package).collect::<Option<_>>()?,
            entry: paths.follow(&entry),
            groups: laid,
            packages,
        })
    }
}
