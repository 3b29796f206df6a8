use std::sync::{Arc, Mutex, PoisonError, Weak};

use kitelogik_opa::Session;
use rig::tool::ToolContext;
use serde_json::Value;

use crate::judge::{Judged, Slot};
use crate::tools::Shared;

/// The session of one run, as it travels with rig's [`ToolContext`].
///
/// One agent serves many users: each run brings the session of its own. It reaches every tool of
/// the run, also those of an agent that is a tool of this one, and is never serialised.
///
/// ```
/// # use kitelogik_core::{BoxFuture, EngineError, PolicyDecision, PolicyEngine, PolicyInput};
/// use kitelogik_core::SessionContext;
/// use kitelogik_opa::PolicyGate;
/// use kitelogik_rig::RunSession;
/// # struct Nothing;
/// # impl PolicyEngine for Nothing {
/// #     fn decide<'a>(
/// #         &'a self,
/// #         _input: &'a PolicyInput<'a>,
/// #     ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
/// #         Box::pin(async { PolicyDecision::from_result(&serde_json::json!({}), "nothing") })
/// #     }
/// # }
///
/// # let gate = PolicyGate::new(Nothing);
/// let session = gate.session(SessionContext::new("user_17").role("support_agent"));
/// let context = RunSession::new(&session).into_context();
/// // agent.prompt("…").tool_context(context).await
/// # assert!(context.scope::<RunSession>().is_some());
/// ```
#[derive(Debug)]
pub struct RunSession {
    session: Session,
    /// What a hook has judged and a tool of this run is about to run. Only the hook's run keeps
    /// these alive: what was judged in a run cannot be used after it.
    judged: Mutex<Vec<Weak<Slot>>>,
}

impl RunSession {
    /// The run's calls are those of `session`.
    pub fn new(session: &Session) -> Self {
        Self {
            session: session.clone(),
            judged: Mutex::default(),
        }
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// A context with nothing else in it, for [`tool_context`](rig::AgentRunner::tool_context).
    pub fn into_context(self) -> ToolContext {
        self.attach_to(ToolContext::new())
    }

    /// `context`, with this session beside what it holds already.
    ///
    /// The first session attached to a context stays the one that holds: what runs inside a run
    /// cannot put itself under another's session.
    #[must_use]
    pub fn attach_to(self, context: ToolContext) -> ToolContext {
        context.with_scope(Arc::new(self))
    }

    pub(crate) fn hand_over(&self, slot: &Arc<Slot>) {
        let mut judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        judged.retain(|slot| slot.strong_count() > 0);
        judged.push(Arc::downgrade(slot));
    }

    /// What a hook of the same tools has let through for exactly this call, once.
    pub(crate) fn take(
        &self,
        tools: &Arc<Shared>,
        tool: &str,
        arguments: &Value,
    ) -> Option<Judged> {
        let judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        judged
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|slot| slot.is_for(tools, tool, arguments))
            .find_map(|slot| slot.take())
    }
}
