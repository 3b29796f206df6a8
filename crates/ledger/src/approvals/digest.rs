use std::sync::Arc;

use kitelogik_core::{ApprovalRequest, Arguments, GovernanceEvent, PolicyDecision};
use serde_json::{Map, Value, json};

use crate::key::{Digest, Key};

/// The key that binds requests to calls and seals them in the store.
///
/// Without it nobody can tell from a digest what was asked, make a request that counts, or change
/// one that is there.
#[derive(Clone, Debug)]
pub(crate) struct ApprovalKey(Arc<Key>);

/// Exactly one call: what a request for approval is bound to.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Everything but the arguments: with other arguments, an edited call has the same.
    pub(crate) frame: Digest,
    /// The call, whole.
    pub(crate) digest: Digest,
    /// The rules, the reasons and the risk tier for which the policy asks. The same call asked for others
    /// is asked anew.
    pub(crate) basis: Digest,
}

impl ApprovalKey {
    pub(crate) fn new(key: Arc<Key>) -> Self {
        Self(key)
    }

    pub(crate) fn key(&self) -> &Key {
        &self.0
    }

    /// The call that `request` is about.
    pub(crate) fn call(&self, request: &ApprovalRequest<'_>) -> Call {
        let frame = self.frame(request);
        let arguments = Arguments::from(arguments_of(request.event));
        Call {
            digest: self.digest(frame, arguments.text()),
            basis: self.basis(request.decision),
            frame,
        }
    }

    /// The call with these arguments within `frame`.
    pub(crate) fn digest(&self, frame: Digest, arguments: &str) -> Digest {
        let parts = [frame.bytes(), arguments.as_bytes()];
        self.0.digest("approval.call", &parts)
    }

    /// What holds a request in the store together.
    pub(crate) fn seal(&self, document: &str, frame: &str, basis: &str) -> Digest {
        let parts = [document.as_bytes(), frame.as_bytes(), basis.as_bytes()];
        self.0.digest("approval.request", &parts)
    }

    /// Whether `seal` is the one of these. Not the seals are compared but their digests, so that the
    /// time it takes tells nothing about the right one.
    pub(crate) fn is_seal(&self, seal: &str, document: &str, frame: &str, basis: &str) -> bool {
        let compared = |seal: &str| self.0.digest("approval.compare", &[seal.as_bytes()]);
        let right = self.seal(document, frame, basis).to_string();
        compared(&right) == compared(seal)
    }

    fn frame(&self, request: &ApprovalRequest<'_>) -> Digest {
        let ApprovalRequest { event, context, .. } = request;
        let mut fields = Fields::default();
        fields
            .text(event.event_type())
            .text(event.subject())
            .text(event.action())
            .option(request.tool_schema)
            .option(
                event
                    .data_classification()
                    .map(|class| class.to_string())
                    .as_deref(),
            )
            .list(&resources_of(request))
            .text(&context.session_id)
            .text(&context.parent_session_id)
            .option(
                context
                    .delegation_depth
                    .map(|depth| depth.to_string())
                    .as_deref(),
            )
            .option(context.principal.as_deref())
            .text(&context.user_role)
            .list(&scopes_of(&context.session_scopes))
            .text(if context.sandbox_verified { "1" } else { "0" })
            .option(context.tenant_id.as_deref());
        self.0.digest("approval.frame", &[&fields.bytes])
    }

    fn basis(&self, decision: &PolicyDecision) -> Digest {
        let rules: Vec<&str> = decision.rules.iter().map(String::as_str).collect();
        let mut fields = Fields::default();
        fields
            .list(&rules)
            .option(decision.rule_matched.as_deref())
            .text(&decision.reason)
            .text(decision.risk_tier.as_str());
        self.0.digest("approval.basis", &[&fields.bytes])
    }
}

/// What a call is given, or what else an event holds, as one object.
pub(crate) fn arguments_of(event: &GovernanceEvent) -> Map<String, Value> {
    let fields = match event {
        GovernanceEvent::ToolCall(call) => return call.args.object().clone(),
        GovernanceEvent::AgentSpawn(spawn) => {
            json!({"requested_capabilities": spawn.requested_capabilities})
        }
        GovernanceEvent::AgentDelegate(delegate) => json!({
            "delegation_target": delegate.delegation_target,
            "requested_capabilities": delegate.requested_capabilities,
        }),
        GovernanceEvent::AgentPlan(plan) => json!({"steps": plan.steps}),
        GovernanceEvent::AgentBudget(_) => json!({}),
    };
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// All resources that are asked for, sorted: those of the call, and the event's own.
pub(crate) fn resources_of<'a>(request: &ApprovalRequest<'a>) -> Vec<&'a str> {
    let mut resources: Vec<&str> = request.resources.iter().map(String::as_str).collect();
    if let GovernanceEvent::ToolCall(call) = request.event {
        resources.extend(call.resource_path.as_deref());
    }
    resources.sort_unstable();
    resources.dedup();
    resources
}

/// The scopes in their own order, for a session's list has none.
fn scopes_of(scopes: &[String]) -> Vec<&str> {
    let mut scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

/// Fields one after the other, each with its length before it: no two lists of fields make the same
/// bytes.
#[derive(Default)]
struct Fields {
    bytes: Vec<u8>,
}

impl Fields {
    fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len());
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    fn option(&mut self, text: Option<&str>) -> &mut Self {
        self.number(usize::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
        self
    }

    fn list(&mut self, texts: &[&str]) -> &mut Self {
        self.number(texts.len());
        for text in texts {
            self.text(text);
        }
        self
    }

    fn number(&mut self, number: usize) {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        self.bytes.extend_from_slice(&number.to_be_bytes());
    }
}
