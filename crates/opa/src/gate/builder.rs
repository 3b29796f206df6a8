use std::sync::Arc;
use std::time::Duration;

use kitelogik_core::{Approver, AuditSink, Masking, PolicyEngine};

use super::{PolicyGate, Shared};
use crate::KillSwitch;
use crate::audit::{Audit, AuditFailure};

/// What a gate is made of.
#[must_use]
pub struct PolicyGateBuilder {
    shared: Shared,
}

impl PolicyGateBuilder {
    pub(super) fn new(engine: Box<dyn PolicyEngine>) -> Self {
        Self {
            shared: Shared {
                engine,
                decision_timeout: Duration::from_secs(5),
                approver: None,
                approval_timeout: Duration::from_secs(300),
                audit: None,
                kill_switch: KillSwitch::default(),
                traced_arguments: None,
                logged: Masking::of_everything(),
            },
        }
    }

    /// How long an engine may take for one decision. Default: 5 s.
    ///
    /// A backstop: engines have shorter limits of their own. When it passes, the decision is a
    /// denial with [`FailClosed::EngineTimeout`](kitelogik_core::FailClosed::EngineTimeout). An engine that never yields is not interrupted.
    pub fn decision_timeout(mut self, timeout: Duration) -> Self {
        self.shared.decision_timeout = timeout;
        self
    }

    /// Who is asked about calls that a person must approve. Default: nobody; they do not run.
    pub fn approver(mut self, approver: impl Approver + 'static) -> Self {
        self.shared.approver = Some(Arc::new(approver));
        self
    }

    /// How long the approver may take for one call. Default: 300 s.
    ///
    /// When it passes, the call is denied with [`FailClosed::InternalError`](kitelogik_core::FailClosed::InternalError).
    pub fn approval_timeout(mut self, timeout: Duration) -> Self {
        self.shared.approval_timeout = timeout;
        self
    }

    /// Where decisions and outcomes are recorded, and what happens when one cannot be.
    /// Default: nowhere.
    ///
    /// A record that is not written within 5 s counts as one that cannot be.
    pub fn audit(mut self, sink: impl AuditSink + 'static, on_failure: AuditFailure) -> Self {
        self.shared.audit = Some(Audit::new(Arc::new(sink), on_failure));
        self
    }

    /// The switch that stops calls, for one that several gates share. Default: the gate's own.
    pub fn kill_switch(mut self, switch: KillSwitch) -> Self {
        self.shared.kill_switch = switch;
        self
    }

    /// Adds the arguments of calls, masked, to the spans of their decisions, as
    /// `gen_ai.tool.call.arguments`. Default: spans carry no argument.
    ///
    /// The log follows the same rules where the detail of a fault names what stands in the event, at the path `detail`. Default:
    /// it names no argument, be it by its key, and no resource, and is masked whole where it or the arguments are too large for
    /// that (see [`Masking::without`]); the decision's own `detail` is not masked.
    pub fn traced_arguments(mut self, masking: Masking) -> Self {
        self.shared.logged = masking.clone();
        self.shared.traced_arguments = Some(masking);
        self
    }

    /// The gate.
    pub fn build(self) -> PolicyGate {
        if let Some(audit) = &self.shared.audit {
            self.shared.kill_switch.report_to(&audit.sink);
        }
        PolicyGate {
            shared: Arc::new(self.shared),
        }
    }
}
