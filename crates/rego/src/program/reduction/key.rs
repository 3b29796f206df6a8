//! What tells events apart for the index.

use std::collections::HashSet;
use std::sync::Arc;

use kitelogik_core::{GovernanceEvent, PolicyInput};

/// What the index of a policy sees of an event: its action, tool and type, where the policy asks for that text anywhere.
///
/// Events with one key are alike to the index. All whose texts no rule asks for have one key together, so that a policy has as
/// many keys as its own texts make, whatever callers name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct IndexKey {
    pub(in crate::program) action: Option<Arc<str>>,
    pub(in crate::program) tool: Option<Arc<str>>,
    pub(in crate::program) event: Option<Arc<str>>,
}

/// All texts that a policy asks for.
#[derive(Debug, Default)]
pub(in crate::program) struct Texts {
    pub(in crate::program) actions: HashSet<Arc<str>>,
    pub(in crate::program) tools: HashSet<Arc<str>>,
    pub(in crate::program) events: HashSet<Arc<str>>,
}

impl Texts {
    pub(super) fn key(&self, input: &PolicyInput<'_>) -> IndexKey {
        let event = input.event();
        IndexKey {
            action: self.actions.get(event.action()).cloned(),
            tool: match event {
                GovernanceEvent::ToolCall(call) => self.tools.get(&*call.tool_name).cloned(),
                _ => None,
            },
            event: self.events.get(event.event_type()).cloned(),
        }
    }
}
