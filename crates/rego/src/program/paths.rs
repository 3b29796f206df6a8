//! All rules of all modules by their paths, and what `data` has beside them.

use std::collections::BTreeMap;
use std::sync::Arc;

use regorus::Value;
use regorus::unstable::{Expr, Module, Ref, Rule, RuleHead};

use super::node::{GroupId, PackageId};

/// A place under `data`.
#[derive(Debug, Default)]
struct Place {
    below: BTreeMap<Arc<str>, PackageId>,
    group: Option<GroupId>,
}

/// The rules of one path, as they are written.
#[derive(Debug)]
pub(super) struct Written<'m> {
    /// Without `data`.
    pub(super) path: Vec<Arc<str>>,
    /// Each with the number of its module.
    pub(super) rules: Vec<(usize, &'m Ref<Rule>)>,
}

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// To rules, after so many of its parts.
    Rules(GroupId, usize),
    /// To a package or folder, with its last part.
    Package(PackageId),
    /// To data alone.
    Data,
}

#[derive(Debug, Default)]
pub(super) struct Paths<'m> {
    places: Vec<Place>,
    pub(super) groups: Vec<Written<'m>>,
    /// Rules whose path is not constant, by the place above them.
    pub(super) open: Vec<(PackageId, &'m Ref<Rule>)>,
}

impl<'m> Paths<'m> {
    pub(super) fn of(modules: &'m [Ref<Module>]) -> Self {
        let mut paths = Self {
            places: vec![Place::default()],
            ..Self::default()
        };
        for (number, module) in modules.iter().enumerate() {
            let Some(package) = constant_path(&module.package.refr) else {
                continue;
            };
            paths.place(&package);
            for rule in &module.policy {
                match constant_path(declared(rule)) {
                    Some(below) => {
                        let path: Vec<Arc<str>> = package.iter().cloned().chain(below).collect();
                        paths.add(path, number, rule);
                    }
                    None => {
                        let place = paths.place(&package);
                        paths.open.push((place, rule));
                    }
                }
            }
        }
        paths
    }

    fn add(&mut self, path: Vec<Arc<str>>, module: usize, rule: &'m Ref<Rule>) {
        let id = self.place(&path);
        let new = self.groups.len();
        let Some(place) = self.places.get_mut(id) else {
            return;
        };
        let group = *place.group.get_or_insert(new);
        if group == new {
            self.groups.push(Written {
                path,
                rules: Vec::new(),
            });
        }
        if let Some(group) = self.groups.get_mut(group) {
            group.rules.push((module, rule));
        }
    }

    fn place(&mut self, path: &[Arc<str>]) -> PackageId {
        let mut id = 0;
        for part in path {
            let new = self.places.len();
            let Some(place) = self.places.get_mut(id) else {
                return id;
            };
            id = *place.below.entry(Arc::clone(part)).or_insert(new);
            if id == new {
                self.places.push(Place::default());
            }
        }
        id
    }

    /// Follows `path`, which is written without `data`.
    pub(super) fn follow(&self, path: &[Arc<str>]) -> Leads {
        let mut id = 0;
        for (number, part) in path.iter().enumerate() {
            let below = self.places.get(id).and_then(|place| place.below.get(part));
            let Some(below) = below else {
                return Leads::Data;
            };
            id = *below;
            if let Some(group) = self.places.get(id).and_then(|place| place.group) {
                return Leads::Rules(group, number + 1);
            }
        }
        Leads::Package(id)
    }

    /// Each place with what lies right below it.
    pub(super) fn places(&self) -> impl Iterator<Item = (Option<GroupId>, Vec<Below<'_>>)> {
        self.places.iter().map(|place| {
            let below = place.below.iter().map(|(name, id)| Below {
                name,
                id: *id,
                group: self.places.get(*id).and_then(|place| place.group),
            });
            (place.group, below.collect())
        })
    }
}

/// What lies right below a place.
pub(super) struct Below<'p> {
    pub(super) name: &'p Arc<str>,
    pub(super) id: PackageId,
    /// Its rules, where it is no package.
    pub(super) group: Option<GroupId>,
}

/// What `rule` declares, without the key of a partial object.
pub(super) fn declared(rule: &Rule) -> &Expr {
    match rule {
        Rule::Default { refr, .. } => refr,
        Rule::Spec { head, .. } => match head {
            RuleHead::Compr { refr, .. } => match &**refr {
                Expr::RefBrack { refr, .. } => refr,
                other => other,
            },
            RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. } => refr,
        },
    }
}

/// The parts of a reference that consists of names and constant texts.
pub(super) fn constant_path(reference: &Expr) -> Option<Vec<Arc<str>>> {
    let mut parts = Vec::new();
    let mut rest = reference;
    loop {
        match rest {
            Expr::Var { span, .. } => {
                parts.push(Arc::from(span.text()));
                parts.reverse();
                return Some(parts);
            }
            Expr::RefDot { refr, field, .. } => {
                parts.push(Arc::from(field.0.text()));
                rest = refr;
            }
            Expr::RefBrack { refr, index, .. } => match &**index {
                Expr::String {
                    value: Value::String(text),
                    ..
                } => {
                    parts.push(Arc::clone(text));
                    rest = refr;
                }
                _ => return None,
            },
            _ => return None,
        }
    }
}
