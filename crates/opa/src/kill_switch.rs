use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use kitelogik_core::{AuditSink, GateChange, GovernanceEvent, PolicyDecision, SessionContext};

use crate::telemetry;

/// Stops everything, one session or one tool at once, over every policy and approval.
///
/// A stopped call is denied with the rule `kill_switch` and the reason that was given, before the
/// policy is asked; a call that waits for a person is denied when the person has decided, and a call
/// that was allowed a moment before does not get its permit. A body that has begun runs on. What was
/// stopped stays stopped until it is resumed by call, whatever policies are loaded meanwhile.
///
/// Clones are the same switch: give one to several gates with
/// [`PolicyGateBuilder::kill_switch`](crate::PolicyGateBuilder::kill_switch). It lives in memory: a
/// process that starts anew starts unstopped.
///
/// ```
/// # use kitelogik_core::{BoxFuture, EngineError, FailClosed, PolicyDecision, PolicyEngine, PolicyInput};
/// use kitelogik_opa::{PolicyGate, Stop};
/// # struct Engine;
/// # impl PolicyEngine for Engine {
/// #     fn decide<'a>(&'a self, _: &'a PolicyInput<'a>) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
/// #         Box::pin(async { Err(EngineError::new(FailClosed::InternalError, "")) })
/// #     }
/// # }
///
/// let gate = PolicyGate::new(Engine);
/// gate.kill_switch().stop(Stop::Tool("approve_refund".into()), "refunds are being exploited");
/// // … and when that is over:
/// gate.kill_switch().resume(&Stop::Tool("approve_refund".into()));
/// ```
#[derive(Clone, Default)]
pub struct KillSwitch {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Whether anything is stopped: what most calls look at.
    any: AtomicBool,
    stops: RwLock<BTreeMap<Stop, String>>,
    sinks: Mutex<Vec<Weak<dyn AuditSink>>>,
}

/// What a [`KillSwitch`] stops.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stop {
    /// Every call and every other event.
    Everything,
    /// What this session asks, and what sessions ask that were delegated from it directly: a context names its parent and
    /// nobody further up.
    Session(String),
    /// Calls of this tool, by its name or by its action.
    Tool(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => formatter.write_str("everything"),
            Self::Session(id) => write!(formatter, "session {id}"),
            Self::Tool(name) => write!(formatter, "tool {name}"),
        }
    }
}

impl KillSwitch {
    /// A switch that stops nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops `what` at once. The model reads `reason`; stopped again, the later reason holds.
    pub fn stop(&self, what: Stop, reason: impl Into<String>) {
        let reason = reason.into();
        let name = what.to_string();
        {
            let mut stops = self
                .shared
                .stops
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            stops.insert(what, reason.clone());
            self.shared.any.store(true, Ordering::SeqCst);
            telemetry::stops(stops.len());
        }
        telemetry::say(|| tracing::warn!(what = name, reason, "kill switch: stopped"));
        self.report(&GateChange::Stopped {
            what: &name,
            reason: &reason,
        });
    }

    /// Lets calls through again that `what` stopped. Says whether it was stopped.
    pub fn resume(&self, what: &Stop) -> bool {
        {
            let mut stops = self
                .shared
                .stops
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            if stops.remove(what).is_none() {
                return false;
            }
            self.shared.any.store(!stops.is_empty(), Ordering::SeqCst);
            telemetry::stops(stops.len());
        }
        let name = what.to_string();
        telemetry::say(|| tracing::warn!(what = name, "kill switch: resumed"));
        self.report(&GateChange::Resumed { what: &name });
        true
    }

    /// What is stopped at this moment, each with its reason.
    pub fn stopped(&self) -> BTreeMap<Stop, String> {
        let stops = self
            .shared
            .stops
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        stops.clone()
    }

    /// The denial of `event` where it is stopped.
    pub(crate) fn denial(
        &self,
        event: &GovernanceEvent,
        context: &SessionContext,
    ) -> Option<PolicyDecision> {
        if !self.shared.any.load(Ordering::SeqCst) {
            return None;
        }
        let stops = self
            .shared
            .stops
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let (_, reason) = stops
            .iter()
            .find(|(stop, _)| applies(stop, event, context))?;
        Some(PolicyDecision::stopped(reason.as_str()))
    }

    /// Tells `sink` of each change from now on.
    pub(crate) fn report_to(&self, sink: &Arc<dyn AuditSink>) {
        let mut sinks = self
            .shared
            .sinks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Gates may come and go while the switch stays.
        sinks.retain(|sink| sink.strong_count() > 0);
        sinks.push(Arc::downgrade(sink));
    }

    fn report(&self, change: &GateChange<'_>) {
        let sinks: Vec<Arc<dyn AuditSink>> = {
            let mut sinks = self
                .shared
                .sinks
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            sinks.retain(|sink| sink.strong_count() > 0);
            sinks.iter().filter_map(Weak::upgrade).collect()
        };
        for sink in sinks {
            // It is stopped already: whoever stops it, and the other sinks, must not lose by one that panics.
            let record = AssertUnwindSafe(|| sink.record_change(change));
            if catch_unwind(record).is_err() {
                telemetry::say(|| {
                    tracing::error!(?change, "change of the kill switch not recorded")
                });
            }
        }
    }
}

impl fmt::Debug for KillSwitch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KillSwitch")
            .field("stopped", &self.stopped())
            .finish()
    }
}

fn applies(stop: &Stop, event: &GovernanceEvent, context: &SessionContext) -> bool {
    match stop {
        Stop::Everything => true,
        Stop::Session(id) => *id == context.session_id || *id == context.parent_session_id,
        Stop::Tool(name) => match event {
            GovernanceEvent::ToolCall(call) => *name == call.tool_name || *name == call.action,
            GovernanceEvent::AgentPlan(plan) => plan.steps.iter().any(|step| *name == step.action),
            GovernanceEvent::AgentSpawn(_)
            | GovernanceEvent::AgentDelegate(_)
            | GovernanceEvent::AgentBudget(_) => false,
        },
    }
}
