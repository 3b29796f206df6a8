//! What an event of one key can reach from the entry point.

use super::IndexKey;
use super::layout::{Layout, Rules, Written};
use super::mentions::Mentions;
use crate::program::node::{Group, GroupId, Kind, PackageId};
use crate::program::paths::Leads;

/// What stands of each module, by the positions of its rules.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) modules: Vec<Vec<Option<Stands>>>,
    /// How many of the rules that are reached the index rules out.
    pub(super) ruled_out: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// The rule as it is.
    AsWritten,
    /// A rule of this name that never holds.
    Silent { name: String, kind: Kind },
}

/// None where an event of `key` may reach what looks at rules under another one.
pub(super) fn reached(
    layout: &Layout,
    lengths: impl Iterator<Item = usize>,
    groups: &[Group],
    key: &IndexKey,
) -> Option<Reached> {
    let mut reach = Reach {
        layout,
        groups,
        key,
        modules: lengths.map(|length| vec![None; length]).collect(),
        states: vec![State::default(); groups.len()],
        whole: vec![false; layout.packages.len()],
        ruled_out: 0,
        open: Vec::new(),
        elsewhere: false,
    };
    match layout.entry {
        Leads::Rules(group, _) => reach.open.push(Visit::Group(group)),
        Leads::Package(package) => reach.open.push(Visit::Package(package)),
        Leads::Data => return None,
    }
    while let Some(visit) = reach.open.pop() {
        match visit {
            Visit::Group(group) => reach.group(group),
            Visit::Package(package) => reach.package(package),
        }
    }
    if reach.elsewhere {
        return None;
    }
    reach.keep_names();
    reach.keep_packages();
    Some(Reached {
        modules: reach.modules,
        ruled_out: reach.ruled_out,
    })
}

#[derive(Clone, Copy)]
enum Visit {
    /// Rules that are asked for by their name.
    Group(GroupId),
    Package(PackageId),
}

#[derive(Clone, Copy, Default)]
struct State {
    /// Whether what they say may be asked for.
    live: bool,
    /// Whether something names them that stands.
    named: bool,
    /// Whether one of them stands.
    stands: bool,
}

struct Reach<'a> {
    layout: &'a Layout,
    groups: &'a [Group],
    key: &'a IndexKey,
    modules: Vec<Vec<Option<Stands>>>,
    states: Vec<State>,
    /// Packages that are asked for as a whole.
    whole: Vec<bool>,
    ruled_out: usize,
    open: Vec<Visit>,
    elsewhere: bool,
}

impl<'a> Reach<'a> {
    fn group(&mut self, id: GroupId) {
        self.name(id);
        self.live(id);
    }

    fn package(&mut self, id: PackageId) {
        match self.whole.get_mut(id) {
            Some(whole) if !*whole => *whole = true,
            _ => return,
        }
        let layout = self.layout;
        let Some(below) = layout.packages.get(id) else {
            return;
        };
        for &package in &below.packages {
            self.open.push(Visit::Package(package));
        }
        for &id in &below.groups {
            let plain = layout.groups.get(id).is_some_and(|rules| rules.plain);
            let kind = self.groups.get(id).map(|group| group.kind);
            match (plain, kind) {
                // It is no document.
                (true, Some(Kind::Function(_))) => {}
                (true, _) => self.live(id),
                // Its name alone makes the objects that it lies in.
                (false, _) => self.group(id),
            }
        }
    }

    fn name(&mut self, id: GroupId) {
        if let Some(state) = self.states.get_mut(id) {
            state.named = true;
        }
        // What kind of rules these are, only they say.
        if matches!(self.groups.get(id), Some(group) if matches!(group.kind, Kind::Refer(_))) {
            self.live(id);
        }
    }

    fn live(&mut self, id: GroupId) {
        match self.states.get_mut(id) {
            Some(state) if !state.live => state.live = true,
            _ => return,
        }
        let layout = self.layout;
        let (Some(rules), Some(group)) = (layout.groups.get(id), self.groups.get(id)) else {
            return;
        };
        for rule in &rules.defaults {
            self.stand(id, rule);
            rule.mentions
                .iter()
                .for_each(|mentions| self.asks(mentions));
        }
        let known = !matches!(group.kind, Kind::Refer(_));
        let admitted = group.index.admitted(self.key);
        for (number, rule) in rules.rules.iter().enumerate() {
            if known && !admitted.contains(&number) {
                self.ruled_out += 1;
                continue;
            }
            self.stand(id, rule);
            for (body, mentions) in rule.mentions.iter().enumerate() {
                if known && !group.index.admits_body(number, body, self.key) {
                    // Whatever these say, it does not hold.
                    mentions.groups.iter().for_each(|&group| self.name(group));
                } else {
                    self.asks(mentions);
                }
            }
        }
    }

    fn asks(&mut self, mentions: &Mentions) {
        self.elsewhere |= mentions.elsewhere;
        let groups = mentions.groups.iter().map(|&group| Visit::Group(group));
        let packages = mentions.packages.iter().map(|&id| Visit::Package(id));
        self.open.extend(groups.chain(packages));
    }

    fn stand(&mut self, id: GroupId, rule: &Written) {
        self.put(id, rule, Stands::AsWritten);
    }

    fn put(&mut self, id: GroupId, rule: &Written, stands: Stands) {
        let module = self.modules.get_mut(rule.module);
        if let Some(place) = module.and_then(|module| module.get_mut(rule.position)) {
            *place = Some(stands);
        }
        if let Some(state) = self.states.get_mut(id) {
            state.stands = true;
        }
    }

    /// Puts a rule that never holds where the last one of a name would go whose name, or empty set or object, is asked for.
    fn keep_names(&mut self) {
        for id in 0..self.states.len() {
            let Some(State {
                live,
                named,
                stands,
            }) = self.states.get(id).copied()
            else {
                continue;
            };
            let gathers = matches!(
                self.groups.get(id),
                Some(group) if matches!(group.kind, Kind::Set | Kind::Object)
            );
            if !stands && (named || live && gathers) {
                self.silence(id);
            }
        }
    }

    fn silence(&mut self, id: GroupId) {
        let layout = self.layout;
        if let (Some(rules), Some(group)) = (layout.groups.get(id), self.groups.get(id))
            && let Some(rule) = first(rules)
        {
            let stands = Stands::Silent {
                name: rules.name.clone(),
                kind: group.kind,
            };
            self.put(id, rule, stands);
        }
    }

    /// A package that is asked for as a whole is an object as long as it has rules, whatever they say.
    fn keep_packages(&mut self) {
        let layout = self.layout;
        let mut empty = self.whole.clone();
        for (package, rules) in layout.modules.iter().zip(&self.modules) {
            if let Some(empty) = empty.get_mut(*package)
                && rules.iter().any(Option::is_some)
            {
                *empty = false;
            }
        }
        for (id, rules) in layout.groups.iter().enumerate() {
            let package = first(rules).and_then(|rule| layout.modules.get(rule.module));
            if let Some(empty) = package.and_then(|package| empty.get_mut(*package))
                && std::mem::take(empty)
            {
                self.silence(id);
            }
        }
    }
}

fn first(rules: &Rules) -> Option<&Written> {
    rules.rules.first().or(rules.defaults.first())
}
