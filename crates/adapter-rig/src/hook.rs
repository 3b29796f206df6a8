use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kitelogik_core::Outcome;
use kitelogik_core::json::{self, DEFAULT_MAX_DEPTH};
use kitelogik_toolbox::{ForeignCall, ToolError};
use rig::agent::{
    AgentHook, DispatchAction, DispatchEvent, HookContext, OutcomeAction, OutcomeEvent,
    StepEventKind,
};
use rig::effect::{EffectId, EffectKind, Outcome as Answer};
use rig::error::{ErrorKind, ErrorReport};
use rig::tool::{ToolExecutionError, ToolResult};

use crate::judge::{Judged, Slot};
use crate::tools::Shared;

/// Governs every tool call that an agent dispatches, whoever registered the tool: those of an MCP
/// server, for example. Made by [`GovernedTools::hook`](crate::GovernedTools::hook).
///
/// A call is judged by its name and arguments, under the run's session. Let through, it runs on
/// exactly the judged arguments, its result is sanitised, and its outcome recorded. A tool of the
/// toolbox is judged once: here, as the toolbox would; the tool then uses what the hook got. A
/// foreign tool that was registered under the name of one of the toolbox is judged as that one,
/// and what it gives is withheld.
///
/// # What it cannot do
///
/// rig calls hooks where an agent's loop dispatches a tool, and nowhere else:
///
/// * A hook or tool that binds a tool's key ([`HookContext::bind`]) or executes a tool directly is
///   not seen. Tools of the toolbox, and tools that went through
///   [`GovernedTools::govern`](crate::GovernedTools::govern), judge themselves even then.
/// * A hook that was added later may change the arguments again. The call then runs on what was
///   not judged; its result is withheld and the fact logged as an error. Add this hook last.
/// * An agent without the hook is not governed by it; that goes for an agent that is a tool of
///   this one: its own foreign tools need a hook there.
/// * rig keeps the last of duplicate keys in a model's arguments before anyone sees them. What is
///   judged is what runs, all the same.
#[derive(Clone, Debug)]
pub struct GovernanceHook {
    shared: Arc<Shared>,
}

/// What the hook said of the calls of one run that have not ended. It lives in the run's
/// scratchpad, so that it ends with the run, however that ends.
#[derive(Clone, Default)]
struct Pending(Arc<Mutex<HashMap<(usize, EffectId), Said>>>);

enum Said {
    Run(Arc<Slot>),
    Refused(ToolExecutionError),
}

impl GovernanceHook {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    async fn judge(
        &self,
        event: &DispatchEvent<'_>,
        tool: &str,
        arguments: &str,
    ) -> Result<Arc<Slot>, ToolExecutionError> {
        let arguments = json::parse(arguments, DEFAULT_MAX_DEPTH).map_err(|error| {
            ToolExecutionError::invalid_args(format!(
                "Error: invalid arguments for `{tool}`: {error}"
            ))
        })?;
        let judged = async {
            let run = self.shared.run_session(tool, event.context)?;
            let judged = self.shared.judge(&run, tool, arguments).await?;
            let slot = Arc::new(Slot::new(Arc::clone(&self.shared), tool, judged));
            run.hand_over(&slot);
            Ok(slot)
        };
        let judged: Result<_, ToolError> = judged.await;
        judged.map_err(|error| self.shared.error(&error))
    }

    fn key(&self, id: EffectId) -> (usize, EffectId) {
        (Arc::as_ptr(&self.shared).addr(), id)
    }

    /// What becomes of the result of a call that this hook let through.
    fn settle(&self, slot: &Slot, event: &OutcomeEvent<'_>) -> OutcomeAction {
        let tool = event.tool_name().unwrap_or_default();
        let Some(judged) = slot.take() else {
            // The tool took it: it has recorded the outcome and sanitised the result itself.
            return OutcomeAction::Proceed;
        };
        if !was_dispatched(event) {
            if let Judged::Foreign(call) = judged {
                call.ended(Outcome::NeverRan);
            }
            return OutcomeAction::Proceed;
        }
        let same_arguments = event.tool_args().is_some_and(|args| slot.holds(args));
        let call = match judged {
            Judged::Foreign(call) if same_arguments => {
                call.ended(outcome_of(event));
                return self.sanitised(event);
            }
            Judged::Foreign(call) => Ok(*call),
            Judged::Own(call) => call.into_foreign(),
        };
        // What was judged did not run: something else did, under its name or on other arguments.
        let outcome = if same_arguments {
            outcome_of(event)
        } else {
            Outcome::NeverRan
        };
        call.map_or_else(|_| (), |call: ForeignCall| call.ended(outcome));
        let why = if same_arguments {
            "another tool is registered under its name"
        } else {
            "its arguments were changed after they were judged; add the governance hook last"
        };
        tracing::error!(tool, why, "a tool ran that was not governed as it ran");
        let text = format!("Error: the result of `{tool}` is withheld: {why}");
        OutcomeAction::replace(Ok(Answer::ToolResult {
            result: ToolResult::failed(ToolExecutionError::other(text)),
        }))
    }

    fn sanitised(&self, event: &OutcomeEvent<'_>) -> OutcomeAction {
        match event.outcome {
            Ok(Answer::ToolResult { result }) => {
                let output = self.shared.sanitised(result.output());
                OutcomeAction::rewrite_tool_output(event, output)
            }
            Ok(_) => OutcomeAction::Proceed,
            Err(report) => {
                let text = self.shared.sanitised(&report.message.clone().into());
                let mut report = report.clone();
                report.message = text.render();
                OutcomeAction::replace(Err(report))
            }
        }
    }
}

impl AgentHook for GovernanceHook {
    fn name(&self) -> Option<String> {
        Some("kitelogik".to_owned())
    }

    async fn on_dispatch(&self, context: &HookContext, event: DispatchEvent<'_>) -> DispatchAction {
        let EffectKind::ToolCall { name, args } = event.kind else {
            return DispatchAction::Proceed;
        };
        let (said, action) = match self.judge(&event, name, args).await {
            Ok(slot) => {
                let judged = EffectKind::ToolCall {
                    name: name.clone(),
                    args: slot.arguments().text().to_owned(),
                };
                (Said::Run(slot), DispatchAction::Patch(judged))
            }
            Err(error) => {
                let report = ErrorReport::new(ErrorKind::Denied, error.message());
                (Said::Refused(error), DispatchAction::Deny(report))
            }
        };
        Pending::of(context).lock().insert(self.key(event.id), said);
        action
    }

    async fn on_outcome(&self, context: &HookContext, event: OutcomeEvent<'_>) -> OutcomeAction {
        let said = Pending::of(context).lock().remove(&self.key(event.id));
        match said {
            None => OutcomeAction::Proceed,
            Some(Said::Run(slot)) => self.settle(&slot, &event),
            // To rig a call that a hook denied is a skipped one; this makes it a refusal, as it is
            // when the tool itself denies it.
            Some(Said::Refused(error)) => OutcomeAction::replace(Ok(Answer::ToolResult {
                result: ToolResult::failed(error),
            })),
        }
    }

    fn observes(&self, kind: StepEventKind) -> bool {
        kind == StepEventKind::ToolDispatch
    }
}

impl Pending {
    fn of(context: &HookContext) -> Self {
        // Parallel calls must not each make one: the last would win.
        static MAKING: Mutex<()> = Mutex::new(());
        let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        context.scratchpad().get().unwrap_or_else(|| {
            let pending = Self::default();
            context.scratchpad().insert(pending.clone());
            pending
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(usize, EffectId), Said>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the call reached a tool. It did not where a later hook or a layer denied it, or where
/// nothing serves it.
fn was_dispatched(event: &OutcomeEvent<'_>) -> bool {
    match event.outcome {
        Ok(Answer::ToolResult { result }) => !result.is_skipped(),
        Ok(_) => true,
        Err(report) => !matches!(
            report.kind,
            ErrorKind::Denied | ErrorKind::HandlerUnavailable
        ),
    }
}

fn outcome_of(event: &OutcomeEvent<'_>) -> Outcome {
    match event.outcome {
        Ok(Answer::ToolResult { result }) if result.is_success() => Outcome::Ran,
        _ => Outcome::Failed,
    }
}
