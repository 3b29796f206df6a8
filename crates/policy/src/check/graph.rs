//! Which rules refer to which: what a decision asks for, and what depends on itself.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use regorus::unstable::{Expr, Rule, RuleHead};

use super::finding::{Code, Finding};
use super::tree::{Part, Unit, full_path, locals, place, walk};
use crate::rules::text::nearest;

/// Where rules of users live.
const USER: [&str; 2] = ["kitelogik", "userpolicy"];
/// What is asked of the user's package.
const USER_RULES: [&str; 7] = [
    "allow",
    "deny",
    "hitl",
    "deny_reason",
    "hitl_reason",
    "risk_tiers",
    "rules",
];
/// What is read of the document of a whole bundle's `main`.
const MAIN_RULES: [&str; 9] = [
    "allow",
    "deny",
    "deny_reason",
    "requires_hitl",
    "hitl_reason",
    "risk_tier",
    "risk_tiers",
    "rule_matched",
    "rules",
];
/// Names that people write instead, and which of the above they mean.
const SLIPS: [(&str, &str); 13] = [
    ("allowed", "allow"),
    ("permit", "allow"),
    ("denied", "deny"),
    ("block", "deny"),
    ("reason", "deny_reason"),
    ("reasons", "deny_reason"),
    ("require_hitl", "hitl"),
    ("requires_hitl", "hitl"),
    ("requires_approval", "hitl"),
    ("require_approval", "hitl"),
    ("review", "hitl"),
    ("risk", "risk_tiers"),
    ("tier", "risk_tiers"),
];

type Path = Vec<String>;

/// A rule name, with all the rules of it.
#[derive(Default)]
struct Node {
    /// What they refer to; and where, for the first of each.
    refers: BTreeSet<Path>,
    /// Where it is declared: unit, line, column.
    places: Vec<(usize, u32, u32)>,
    function: bool,
}

pub(super) struct Graph<'a> {
    units: &'a [Unit],
    nodes: BTreeMap<Path, Node>,
}

/// What a rule's answer does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Effect {
    pub(super) allows: bool,
    /// It denies, or asks for review.
    pub(super) restricts: bool,
}

impl<'a> Graph<'a> {
    pub(super) fn new(units: &'a [Unit]) -> Self {
        let mut nodes: BTreeMap<Path, Node> = BTreeMap::new();
        for (index, unit) in units.iter().enumerate() {
            for rule in &unit.tree.policy {
                let node = nodes.entry(full_path(unit, rule)).or_default();
                if let Rule::Spec { head, .. } = &**rule {
                    let (line, column) = place(crate::syntax::head(rule));
                    node.places.push((index, line, column));
                    node.function |= matches!(head, RuleHead::Func { .. });
                }
                let locals = locals(rule);
                walk(rule, &mut |part| {
                    if let Part::Expr(expression) = part {
                        let reference = match expression {
                            Expr::Call { fcn, .. } => fcn,
                            other => other,
                        };
                        if matches!(
                            reference,
                            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. }
                        ) && let Some(target) = unit.target(reference, &locals)
                        {
                            node.refers.insert(target);
                        }
                    }
                });
            }
        }
        Self { units, nodes }
    }

    /// The names of rules that a reference to `path` means: its own, those above it, those below it.
    fn meant(&self, path: &[String]) -> Vec<&Path> {
        let above = (1..path.len()).filter_map(|length| {
            let above = path.get(..length)?;
            self.nodes.get_key_value(above).map(|(name, _)| name)
        });
        let below = self
            .nodes
            .range(path.to_vec()..)
            .map(|(name, _)| name)
            .take_while(|name| name.starts_with(path));
        above.chain(below).collect()
    }

    /// The names that the answer at `entry_point` depends on.
    fn reached(&self, entry_point: &[String]) -> HashSet<&Path> {
        let mut reached: HashSet<&Path> = HashSet::new();
        let mut open: Vec<&Path> = self.meant(entry_point);
        while let Some(name) = open.pop() {
            if !reached.insert(name) {
                continue;
            }
            for target in self.nodes.get(name).iter().flat_map(|node| &node.refers) {
                open.extend(self.meant(target));
            }
        }
        reached
    }

    /// Rules that no decision asks for.
    pub(super) fn unreachable(&self, entry_point: &str, findings: &mut Vec<Finding>) {
        let entry_point: Path = entry_point
            .strip_prefix("data.")
            .unwrap_or_default()
            .split('.')
            .map(str::to_owned)
            .collect();
        let reached = self.reached(&entry_point);
        for (index, unit) in self.units.iter().enumerate() {
            if unit.builtin || unit.compiled {
                continue;
            }
            let own: Vec<(&Path, &Node)> = self
                .nodes
                .iter()
                .filter(|(_, node)| node.places.iter().any(|(place, ..)| *place == index))
                .collect();
            let silent: Vec<&(&Path, &Node)> = own
                .iter()
                .filter(|(name, _)| !reached.contains(name))
                .collect();
            let main = unit.package == ["kitelogik", "main"];
            if !own.is_empty() && silent.len() == own.len() {
                findings.push(unasked_package(unit));
                continue;
            }
            for (name, node) in own.iter() {
                let asked = reached.contains(name);
                if asked && !main {
                    continue;
                }
                let local = name.get(unit.package.len()..).unwrap_or_default().join(".");
                let known: &[&str] = if main { &MAIN_RULES } else { &USER_RULES };
                let slip = (!node.function && (main || is_user(unit)))
                    .then(|| slip(&local, known))
                    .flatten();
                let place = node.places.iter().find(|(place, ..)| *place == index);
                let Some((_, line, column)) = place else {
                    continue;
                };
                let at =
                    |code, message: String| Finding::at(code, &unit.name, *line, *column, message);
                match slip {
                    // A helper of `main` that something else there refers to is what it is meant to be.
                    Some(meant) if !(main && self.is_referred_to(name)) => findings.push(
                        at(Code::Slip, format!("nothing asks for `{local}`"))
                            .fix(format!("did you mean `{meant}`?")),
                    ),
                    _ if !asked => findings.push(
                        at(
                            Code::Unreachable,
                            format!("no decision asks for `data.{}`", name.join(".")),
                        )
                        .fix(if is_user(unit) {
                            format!(
                                "remove it, or use it in one of {}",
                                crate::rules::text::listed(&USER_RULES)
                            )
                        } else {
                            "remove it, or refer to it".to_owned()
                        }),
                    ),
                    _ => {}
                }
            }
        }
    }

    fn is_referred_to(&self, name: &Path) -> bool {
        self.nodes
            .iter()
            .any(|(other, node)| other != name && node.refers.contains(name))
    }

    /// Rules that depend on themselves: OPA does not load them, and here their evaluation is an error.
    pub(super) fn recursion(&self, findings: &mut Vec<Finding>) {
        let edges: BTreeMap<&Path, Vec<&Path>> = self
            .nodes
            .iter()
            .map(|(name, node)| {
                let targets = node.refers.iter().flat_map(|target| self.meant(target));
                (name, targets.collect())
            })
            .collect();
        let mut done: HashSet<&Path> = HashSet::new();
        for name in self.nodes.keys() {
            if done.contains(name) {
                continue;
            }
            let mut reached: HashSet<&Path> = HashSet::new();
            let mut open: Vec<&Path> = edges.get(name).into_iter().flatten().copied().collect();
            let mut circle = false;
            while let Some(next) = open.pop() {
                if next == name {
                    circle = true;
                    break;
                }
                if !done.contains(next) && reached.insert(next) {
                    open.extend(edges.get(next).into_iter().flatten());
                }
            }
            // What was reached without a circle through `name` may still have one of its own.
            done.insert(name);
            if !circle {
                continue;
            }
            let place = self.nodes.get(name).and_then(|node| node.places.first());
            if let Some((unit, line, column)) = place
                && let Some(unit) = self.units.get(*unit)
            {
                findings.push(
                    Finding::at(
                        Code::Recursion,
                        &unit.name,
                        *line,
                        *column,
                        format!("`data.{}` depends on itself", name.join(".")),
                    )
                    .fix("write it without referring back, as a comprehension or over `walk`"),
                );
            }
        }
    }

    /// What the rules called `name` do: by their own name, or as a part of rules in their package.
    pub(super) fn effect(&self, unit: &Unit, name: &Path) -> Effect {
        let mut effect = Effect::default();
        let mut seen: HashSet<&Path> = HashSet::new();
        let mut open = vec![name];
        while let Some(name) = open.pop() {
            let local = name.get(unit.package.len()).map(String::as_str);
            match local {
                Some("allow") => effect.allows = true,
                Some("deny" | "hitl" | "requires_hitl" | "deny_reason" | "hitl_reason") => {
                    effect.restricts = true;
                }
                _ => {
                    for (user, node) in &self.nodes {
                        if user.starts_with(&unit.package)
                            && node.refers.contains(name)
                            && seen.insert(user)
                        {
                            open.push(user);
                        }
                    }
                }
            }
        }
        effect
    }
}

fn is_user(unit: &Unit) -> bool {
    unit.package == USER
}

fn unasked_package(unit: &Unit) -> Finding {
    let (line, column) = place(&unit.tree.package.refr);
    let package = unit.package.join(".");
    Finding::at(
        Code::Unreachable,
        &unit.name,
        line,
        column,
        format!("no decision asks for anything in `package {package}`"),
    )
    .fix(format!(
        "rules belong into `package {}`; refer to this one from there, or remove it",
        USER.join(".")
    ))
}

/// Which of `known` is meant by `name`, if it is none of them but much like one.
fn slip(name: &str, known: &[&'static str]) -> Option<String> {
    if known.contains(&name) {
        return None;
    }
    let listed = SLIPS
        .iter()
        .find(|(slip, _)| *slip == name)
        .map(|(_, meant)| match (*meant, known.contains(meant)) {
            ("hitl", false) => "requires_hitl",
            (meant, _) => meant,
        });
    // `hitl` is one of the user's rules, and in `main` a slip.
    let hitl = (name == "hitl").then_some("requires_hitl");
    listed
        .or(hitl)
        .or_else(|| nearest(name, known.iter().copied()))
        .map(str::to_owned)
}
