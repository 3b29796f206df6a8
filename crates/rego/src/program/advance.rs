//! Rules that need no input: looked at once, when the program is made.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kitelogik_core::{BudgetUsage, GovernanceEvent, PolicyInput, SessionContext, ToolCallInput};

use super::Program;
use super::evaluate::Evaluation;
use super::lower::Uses;
use super::node::{GroupId, Kind};
use super::value::Val;

/// How long it may take to look at all of them; those that are left are looked at when they are asked for.
const TIME_IN_ADVANCE: Duration = Duration::from_millis(500);

/// Gives groups that need no input their value.
pub(super) fn look_in_advance(program: &mut Program, uses: &[Uses]) {
    let event = GovernanceEvent::ToolCall(ToolCallInput::default());
    let context = SessionContext::default();
    let input = PolicyInput::new(&event, &context, BudgetUsage::default());
    let free = free_of_input(uses);
    let begun = Instant::now();
    for id in free {
        let Some(time) = TIME_IN_ADVANCE.checked_sub(begun.elapsed()) else {
            return;
        };
        let value = match program.groups.get(id).map(|group| group.kind) {
            Some(Kind::Complete | Kind::Set | Kind::Object) => {
                let mut evaluation = Evaluation::new(program, &input, time);
                match evaluation.rules(id) {
                    // It keeps its digits where it is asked for.
                    Ok(Some(Val::Exact(_))) => continue,
                    Ok(value) => value.map(|value| value.to_value()),
                    // It stops again where it is asked for.
                    Err(_) => continue,
                }
            }
            _ => continue,
        };
        if let Some(group) = program.groups.get_mut(id) {
            group.known = Some(value);
        }
    }
}

/// The groups that need no input, nor anything that does.
fn free_of_input(uses: &[Uses]) -> Vec<GroupId> {
    let mut bound: BTreeSet<GroupId> = uses
        .iter()
        .enumerate()
        .filter(|(_, uses)| uses.input || !uses.packages.is_empty())
        .map(|(id, _)| id)
        .collect();
    let mut users: Vec<Vec<GroupId>> = vec![Vec::new(); uses.len()];
    for (id, uses) in uses.iter().enumerate() {
        for used in &uses.groups {
            if let Some(users) = users.get_mut(*used) {
                users.push(id);
            }
        }
    }
    let mut open: Vec<GroupId> = bound.iter().copied().collect();
    while let Some(id) = open.pop() {
        for user in users.get(id).into_iter().flatten() {
            if bound.insert(*user) {
                open.push(*user);
            }
        }
    }
    (0..uses.len()).filter(|id| !bound.contains(id)).collect()
}
