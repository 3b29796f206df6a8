//! The part of a policy that events of one kind can reach, for the interpreter.
//!
//! What a program leaves to the interpreter would cost as much as the whole policy is large: the interpreter has no index and
//! looks at each rule. So it gets a policy of its own for each [`IndexKey`]: the rules that the program's index does not rule
//! out for that key and that the entry point reaches, as they are written, each in its line.
//!
//! # Why it gives the same answers
//!
//! Take one key, and an event that has it.
//!
//! *A rule that is left out says nothing in the whole policy, either.* The index rules a rule out where a statement that must
//! hold in each of its bodies does not: an equality with the action, the tool or the type, or rules that only test these.
//! The event has one key from its beginning to its end, since nothing that is reached looks at rules under another one: a
//! `with` on anything but a field of `input` that the index does not look at leaves the reduction undone, and so does a rule
//! that asks for the package it stands in, for all of `data`, or for what cannot be followed.
//!
//! *What stands finds what it asks for.* From the entry point on, each name in what stands is followed to everything that it
//! may mean, by whatever package or import; a package that is asked for as a whole, or by a name that is computed, is reached
//! with all that lies below it. So what a rule asks for is either reached or is nowhere, and by induction it has the same value
//! in both. A body that the index rules out, of a rule with others that it does not, stands but never holds: what it alone
//! asks for may say anything, and is there by name only.
//!
//! *What is undefined stays undefined, and what is empty stays empty.* `default` stands wherever its rules are asked for. Where
//! the last rule of a name would go, a rule of that name that never holds takes its place: the name is known, a set or an object
//! is empty. The same keeps a package an object that has lost all its rules.
//!
//! *Errors.* An error in a rule that stands is met as before. One in a rule that is left out is not: the whole policy may meet it
//! in a statement before the one that does not hold, and then has no answer. OPA has one: it rules the rule out by its own
//! index, or meets the failing statement first, as the program's index takes care of: wherever it stands in a body, only an
//! equality with a text that is written there counts, as in OPA; one with a text in data (`input.action == data.config.action`),
//! which OPA's index does not know, counts where no statement before it can be an error. So an answer where the whole policy has
//! an error is OPA's answer, and the same that the program gives to an event that it decides. An error in a rule that nothing asks
//! for is not met by OPA, either. The whole policy may meet it, where the interpreter evaluates all of a package that only a part
//! of is asked for.
//!
//! Whatever is not as it was expected ends in no reduction: the whole policy decides.

mod key;
mod layout;
mod mentions;
mod reach;
mod text;

use std::sync::OnceLock;

use kitelogik_core::PolicyInput;
use regorus::Value;
use regorus::unstable::{Module, Ref};

pub use self::key::IndexKey;
pub(super) use self::key::Texts;

use self::layout::Layout;
use super::Program;
use crate::Interpreter;

/// What reductions are made of.
#[derive(Debug)]
pub(super) struct Reducible {
    /// The modules as the interpreter has them.
    modules: Vec<Ref<Module>>,
    data: Value,
    entry_point: String,
    texts: Texts,
    /// Made when it is first needed; none where the policy has no reductions.
    layout: OnceLock<Option<Layout>>,
}

impl Program {
    /// The same program, which knows what the interpreter has.
    pub(crate) fn reducing(
        mut self,
        modules: Vec<Ref<Module>>,
        data: Value,
        entry_point: &str,
    ) -> Self {
        let mut texts = Texts::default();
        for group in &self.groups {
            group.index.texts(&mut texts);
        }
        self.reducible = Some(Reducible {
            modules,
            data,
            entry_point: entry_point.to_owned(),
            texts,
            layout: OnceLock::new(),
        });
        self
    }

    /// What the index sees of `input`.
    pub fn key(&self, input: &PolicyInput<'_>) -> IndexKey {
        let reducible = self.reducible.as_ref();
        reducible
            .map(|reducible| reducible.texts.key(input))
            .unwrap_or_default()
    }

    /// An interpreter with only those rules that events of `key` can reach: for them, it answers as the one does that the
    /// program was made by. It takes some milliseconds to make, more in a large policy: not while a call waits.
    ///
    /// None where fewer than `least` rules that would be looked at are left out, and where it is not proven that the answers are
    /// the same: where such an event may reach a `with` on its action, tool or type, on all of `input` or on `data`, or a name
    /// that is computed right below `data` or in its rule's own package.
    pub fn reduced(&self, key: &IndexKey, least: usize) -> Option<Interpreter> {
        let reducible = self.reducible.as_ref()?;
        let (modules, groups) = (&reducible.modules, self.groups.as_slice());
        let layout = reducible
            .layout
            .get_or_init(|| Layout::of(modules, groups, &reducible.entry_point))
            .as_ref()?;
        let lengths = modules.iter().map(|module| module.policy.len());
        let reached = reach::reached(layout, lengths, groups, key)?;
        if reached.ruled_out < least {
            return None;
        }
        let mut standing = Vec::new();
        let mut texts = Vec::new();
        for (module, rules) in modules.iter().zip(&reached.modules) {
            if let Some(text) = text::of(module, rules) {
                let name = module.package.refr.span().source.get_path().to_owned();
                texts.push((name, text));
                standing.push((module, rules));
            }
        }
        let data = reducible.data.clone();
        let reduced = Interpreter::reduced(texts, data, &reducible.entry_point).ok()?;
        let read = reduced.modules();
        let as_expected = read.len() == standing.len()
            && read
                .iter()
                .zip(standing)
                .all(|(read, (module, rules))| text::is_reduced(read, module, rules));
        as_expected.then(|| reduced.making(self.making))
    }
}
