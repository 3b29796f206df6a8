//! Interpreters of parts of the policy, for the calls that its program leaves to the interpreter.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::thread;

use kitelogik_core::PolicyInput;
use kitelogik_rego::{IndexKey, Interpreter};

use super::Shared;

/// How many are made for one policy, and for how many keys that is tried. They are never given up: whoever chooses the names of
/// actions makes no work without end.
const MOST: usize = 32;
const MOST_TRIED: usize = 1_024;
/// How many rules they may hold together; as many as the whole policy has, if that is more.
const MOST_RULES: usize = 8_000;
/// How many rules one must leave out. The interpreter looks at so many in about the time that it takes to begin.
const LEAST: usize = 32;

/// Those of each key; none where the whole policy decides.
type Made = HashMap<IndexKey, Option<Arc<Interpreter>>>;

/// What was made so far.
#[derive(Default)]
pub(super) struct Reductions {
    made: RwLock<Made>,
    /// Whether one is being made.
    making: AtomicBool,
}

impl Reductions {
    /// The interpreter for `input`, where it is there. Where it is not, it is begun to be made, on a thread of its own, and
    /// the whole policy decides until then.
    pub(super) fn of(shared: &Arc<Shared>, input: &PolicyInput<'_>) -> Option<Arc<Interpreter>> {
        let this = &shared.reductions;
        let key = shared.program.as_ref()?.key(input);
        if let Some(made) = this.made(&key) {
            return made;
        }
        if !this.has_room() {
            return None;
        }
        if !this.making.swap(true, Ordering::AcqRel) {
            let of = Arc::clone(shared);
            let thread = thread::Builder::new().name("kitelogik-reduction".to_owned());
            let begun = thread.spawn(move || {
                of.reductions.make(&of, key);
            });
            if begun.is_err() {
                this.making.store(false, Ordering::Release);
            }
        }
        None
    }

    /// What was made for `key`, if that was tried.
    pub(super) fn made(&self, key: &IndexKey) -> Option<Option<Arc<Interpreter>>> {
        self.read().get(key).cloned()
    }

    fn read(&self) -> RwLockReadGuard<'_, Made> {
        self.made.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_room(&self) -> bool {
        let made = self.read();
        made.len() < MOST_TRIED && made.values().flatten().count() < MOST
    }

    /// Only one thread at a time does this: what has room when it begins, has it when it ends.
    fn make(&self, shared: &Shared, key: IndexKey) {
        if self.has_room() && self.made(&key).is_none() {
            let reduced = catch_unwind(AssertUnwindSafe(|| {
                shared.program.as_ref()?.reduced(&key, LEAST)
            }));
            let held: usize = self
                .read()
                .values()
                .flatten()
                .map(|made| made.rules())
                .sum();
            let most = shared.interpreter.rules().max(MOST_RULES);
            let reduced = reduced
                .unwrap_or_default()
                .filter(|reduced| held + reduced.rules() <= most);
            self.made
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(key, reduced.map(Arc::new));
        }
        self.making.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::time::{Duration, Instant};

    use kitelogik_core::{BudgetUsage, GovernanceEvent, SessionContext, ToolCallInput};
    use kitelogik_policy::Policy;
    use serde_json::{Map, json};

    use super::*;
    use crate::Embedded;

    /// Rules of so many tools, each of which the interpreter has to decide.
    fn policy(tools: usize) -> Policy {
        let mut text = String::from(
            "package kitelogik.userpolicy\n\nallow if input.args.x == 1 with input.args.x as 1\n",
        );
        for tool in 0..tools {
            writeln!(
                text,
                "\ndeny contains \"tool_{tool}\" if {{\n\tinput.action == \"tool_{tool}\"\n\tinput.args.x > 1\n}}"
            )
            .unwrap();
        }
        Policy::builder().rego("user.rego", text).build().unwrap()
    }

    fn call(action: &str, x: u32) -> GovernanceEvent {
        let args: Map<_, _> = [("x".to_owned(), json!(x))].into_iter().collect();
        GovernanceEvent::ToolCall(ToolCallInput::new(action, args))
    }

    /// Asks about `event` until what is to be made for it is made.
    fn settled(engine: &Embedded, event: &GovernanceEvent) -> Option<Arc<Interpreter>> {
        let context = SessionContext::default();
        let input = PolicyInput::new(event, &context, BudgetUsage::default());
        let key = engine.shared.program.as_ref().unwrap().key(&input);
        let begun = Instant::now();
        loop {
            let _ = Reductions::of(&engine.shared, &input);
            if let Some(made) = engine.shared.reductions.made(&key) {
                return made;
            }
            assert!(begun.elapsed() < Duration::from_secs(60));
            thread::yield_now();
        }
    }

    fn decided(engine: &Embedded, event: &GovernanceEvent) -> String {
        let context = SessionContext::default();
        let input = PolicyInput::new(event, &context, BudgetUsage::default());
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().unwrap();
        let decision = runtime.block_on(engine.answer(&input)).unwrap();
        format!(
            "{:?} {} {:?}",
            decision.verdict, decision.reason, decision.rules
        )
    }

    #[test]
    fn a_call_that_is_left_to_the_interpreter_is_decided_by_the_rules_that_it_can_reach() {
        let engine = Embedded::new(policy(100)).unwrap();
        let whole = Embedded::builder(policy(100)).interpreted();
        let whole = whole.build().unwrap();
        for event in [call("tool_7", 1), call("tool_7", 2), call("unknown", 2)] {
            let before = decided(&engine, &event);
            assert!(settled(&engine, &event).is_some());
            assert_eq!(decided(&engine, &event), before);
            assert_eq!(decided(&whole, &event), before);
        }
        // The interpreter alone stays whole.
        assert!(whole.shared.reductions.read().is_empty());
    }

    #[test]
    fn what_leaves_out_too_little_is_not_made() {
        // The built-in bundle has some rules about agents' events as well.
        let engine = Embedded::new(policy(1)).unwrap();
        assert!(settled(&engine, &call("tool_0", 1)).is_none());
        assert!(settled(&engine, &call("unknown", 1)).is_none());
        let engine = Embedded::new(policy(LEAST + 1)).unwrap();
        assert!(settled(&engine, &call("tool_0", 1)).is_some());
    }

    #[test]
    fn however_many_actions_are_named_only_so_many_are_made() {
        let engine = Embedded::new(policy(2 * MOST)).unwrap();
        for number in 0..1_000 {
            let event = call(&format!("unknown_{number}"), 1);
            assert!(settled(&engine, &event).is_some());
        }
        assert_eq!(engine.shared.reductions.read().len(), 1);
        for tool in 1..MOST {
            settled(&engine, &call(&format!("tool_{tool}"), 1));
        }
        let context = SessionContext::default();
        for tool in MOST..2 * MOST {
            let event = call(&format!("tool_{tool}"), 1);
            let input = PolicyInput::new(&event, &context, BudgetUsage::default());
            assert!(Reductions::of(&engine.shared, &input).is_none());
        }
        assert_eq!(engine.shared.reductions.read().len(), MOST);
    }

    #[test]
    fn all_of_them_hold_no_more_rules_than_the_policy_or_a_few_thousand() {
        // Most of the rules stand for each action.
        let mut text = String::from(
            "package kitelogik.userpolicy\n\nallow if input.args.x == 1 with input.args.x as 1\n",
        );
        for number in 0..3_000 {
            writeln!(
                text,
                "\ndeny contains \"d\" if input.args.x == {}",
                number + 10
            )
            .unwrap();
        }
        for tool in 0..5 {
            for _ in 0..=LEAST {
                writeln!(text, "\ndeny contains \"t\" if {{\n\tinput.action == \"tool_{tool}\"\n\tinput.args.x > 1\n}}").unwrap();
            }
        }
        let policy = Policy::builder().rego("user.rego", text).build().unwrap();
        let engine = Embedded::new(policy).unwrap();
        let made = |tool: usize| settled(&engine, &call(&format!("tool_{tool}"), 1)).is_some();
        assert_eq!((0..5).filter(|tool| made(*tool)).count(), 2);
    }
}
