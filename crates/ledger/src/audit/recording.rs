//! From what the gate tells to what is written: masked, digested, cut.

use kitelogik_core::{
    Approval, Arguments, DecisionRecord, GateChange, GovernanceEvent, Masking, PolicyDecision,
    SessionContext,
};
use serde_json::{Map, Value, json};

use crate::Timestamp;
use crate::key::{Digest, Key, sha256};

use super::{Content, EntryKind, JsonText};

/// How many bytes of a text are kept: 64 KiB. What is longer is cut, and says so.
pub const MAX_TEXT: usize = 64 * 1024;

/// How many bytes of arguments are kept, as canonical JSON: 1 MiB. In place of what is longer stands
/// its length; its digest is there all the same.
pub const MAX_ARGUMENTS: usize = 1024 * 1024;

/// Makes entries of what a gate tells.
#[derive(Clone, Copy)]
pub(crate) struct Recording<'a> {
    pub(crate) masking: &'a Masking,
    /// None for a sink without a ledger: then there are no digests.
    pub(crate) key: Option<&'a Key>,
}

impl Recording<'_> {
    pub(crate) fn decision(&self, record: &DecisionRecord<'_>) -> Content {
        let mut content = Content::new(EntryKind::Decision, record.asked_at.into());
        self.session(record.context, &mut content);
        self.event(record, &mut content);
        self.verdict(record, &mut content);
        let micros = u64::try_from(record.decided_in.as_micros()).unwrap_or(u64::MAX);
        content.decided_in_us = Some(micros);
        let is_call = matches!(record.event, GovernanceEvent::ToolCall(_));
        if is_call && !record.decision.permits() {
            content.outcome = Some("never_ran".to_owned());
        }
        content
    }

    pub(crate) fn change(&self, change: &GateChange<'_>) -> Content {
        let mut content = Content::new(EntryKind::Change, Timestamp::now());
        let name = match change {
            GateChange::Stopped { what, reason } => {
                content.what = Some(cut(what));
                content.reason = Some(self.text("reason", reason));
                "stopped"
            }
            GateChange::Resumed { what } => {
                content.what = Some(cut(what));
                "resumed"
            }
            GateChange::Policy { before, after } => {
                content.before = before.map(cut);
                content.after = after.map(cut);
                "policy"
            }
            _ => "other",
        };
        content.change = Some(name.to_owned());
        content
    }

    fn session(&self, context: &SessionContext, content: &mut Content) {
        let token = |token: &str| -> Option<Digest> {
            let key = self.key.filter(|_| !token.is_empty())?;
            Some(key.digest("token", &[token.as_bytes()]))
        };
        let named = |text: &str| (!text.is_empty()).then(|| cut(text));
        content.session = Some(cut(&context.session_id));
        content.principal = context.principal.as_deref().map(cut);
        content.role = named(&context.user_role);
        content.scopes = context
            .session_scopes
            .iter()
            .map(|scope| cut(scope))
            .collect();
        content.tenant = context.tenant_id.as_deref().map(cut);
        content.parent = named(&context.parent_session_id);
        content.depth = context.delegation_depth.map(u64::from);
        content.sandbox = context.sandbox_verified;
        content.token = token(&context.token_id);
        content.parent_token = token(&context.parent_token_id);
        content.budget = budget(context);
    }

    fn event(&self, record: &DecisionRecord<'_>, content: &mut Content) {
        let event = record.event;
        content.event_type = Some(event.event_type().to_owned());
        content.tool = Some(cut(event.subject()));
        content.action = Some(cut(event.action()));
        content.classification = event.data_classification().map(|data| data.to_string());
        content.schema = record.tool_schema.map(|schema| sha256(schema.as_bytes()));
        content.resources = record
            .resources
            .iter()
            .map(|resource| self.text("resource", resource))
            .collect();
        if let GovernanceEvent::ToolCall(call) = event {
            content.resource = call
                .resource_path
                .as_deref()
                .map(|resource| self.text("resource", resource));
            let text = call.args.text();
            content.arguments_digest = self.arguments_digest(text);
            content.arguments = Some(if self.masking.is_empty() {
                limited(text.to_owned())
            } else {
                let args = self.masking.event(event);
                match args {
                    GovernanceEvent::ToolCall(call) => limited(call.args.text().to_owned()),
                    _ => limited("{}".to_owned()),
                }
            });
        } else {
            let asked = Arguments::from(wishes(event));
            content.arguments_digest = self.arguments_digest(asked.text());
            let shown = self
                .masking
                .value("event", &Value::Object(wishes(&self.masking.event(event))));
            content.arguments = Some(limited(JsonText::new(&shown).text().to_owned()));
        }
    }

    fn arguments_digest(&self, text: &str) -> Option<Digest> {
        self.key
            .map(|key| key.digest("arguments", &[text.as_bytes()]))
    }

    fn verdict(&self, record: &DecisionRecord<'_>, content: &mut Content) {
        let decision = record.decision;
        content.decision_id = Some(decision.decision_id.clone());
        content.verdict = Some(decision.verdict.as_str().to_owned());
        content.tier = Some(decision.risk_tier.as_str().to_owned());
        content.reason = Some(self.reason(decision));
        content.rule = decision
            .rule_matched
            .as_deref()
            .map(|rule| self.text("rule", rule));
        content.rules = decision
            .rules
            .iter()
            .map(|rule| self.text("rule", rule))
            .collect();
        content.revision = decision.revision.as_deref().map(cut);
        content.engine = decision.engine.as_deref().map(cut);
        content.engine_decision_id = decision.engine_decision_id.as_deref().map(cut);
        content.fallback = decision.fallback.map(|code| code.as_str().to_owned());
        content.fail_closed = decision.fail_closed.map(|code| code.as_str().to_owned());
        content.detail = decision
            .detail
            .as_deref()
            .map(|detail| self.detail(detail, record));
        content.trace = self.trace(decision);
        content.approval = decision
            .approval
            .as_ref()
            .map(|approval| self.approval(approval));
        content.request = decision
            .approval
            .as_ref()
            .map(|approval| cut(approval.request()));
    }

    /// What is known of a fault quotes arguments: those that were asked for, and those that a reviewer made of them.
    fn detail(&self, detail: &str, record: &DecisionRecord<'_>) -> String {
        let mut hidden = self.masking.hidden(record.event);
        if let Some(Approval::Edited { arguments, .. }) = &record.decision.approval {
            let arguments = Value::Object(arguments.clone());
            let masked = self.masking.value("args", &arguments);
            hidden.add_differences(&arguments, &masked);
        }
        cut(&self.masking.without("error", detail, &hidden))
    }

    /// Of a call that a reviewer edited, the reason tells the arguments: they are masked as such.
    fn reason(&self, decision: &PolicyDecision) -> String {
        match &decision.approval {
            Some(Approval::Edited { arguments, .. }) if !self.masking.is_empty() => {
                let plain = Arguments::from(arguments.clone());
                let masked = self
                    .masking
                    .value("args", &Value::Object(arguments.clone()));
                let masked = JsonText::new(&masked);
                let reason = decision.reason.replace(plain.text(), masked.text());
                self.text("reason", &reason)
            }
            _ => self.text("reason", &decision.reason),
        }
    }

    fn approval(&self, approval: &Approval) -> JsonText {
        let mut shown = approval.clone();
        if let Approval::Edited { arguments, .. } = &mut shown {
            let masked = self
                .masking
                .value("args", &Value::Object(arguments.clone()));
            *arguments = match masked {
                Value::Object(masked) => masked,
                whole => Map::from_iter([("arguments".to_owned(), whole)]),
            };
        }
        limited(JsonText::new(&serde_json::to_value(shown).unwrap_or_default()).into_text())
    }

    fn trace(&self, decision: &PolicyDecision) -> Option<JsonText> {
        if decision.trace.is_empty() {
            return None;
        }
        let mut trace = serde_json::to_value(&decision.trace).unwrap_or_default();
        if !self.masking.is_empty() {
            for layer in trace.as_array_mut().into_iter().flatten() {
                if let Some(Value::String(reason)) = layer.get_mut("reason") {
                    *reason = self.text("reason", reason);
                }
                if let Some(Value::String(rule)) = layer.get_mut("rule_matched") {
                    *rule = self.text("rule", rule);
                }
            }
        }
        Some(limited(JsonText::new(&trace).into_text()))
    }

    fn text(&self, path: &str, text: &str) -> String {
        cut(&self.masking.text(path, text))
    }
}

/// What an event that is no tool call asks for.
fn wishes(event: &GovernanceEvent) -> Map<String, Value> {
    let wishes = match event {
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
    match wishes {
        Value::Object(wishes) => wishes,
        _ => Map::new(),
    }
}

fn budget(context: &SessionContext) -> Option<JsonText> {
    let figures = [
        ("budget_total_tokens", context.budget_total_tokens),
        ("budget_used_tokens", context.budget_used_tokens),
        ("budget_total_api_calls", context.budget_total_api_calls),
        ("budget_used_api_calls", context.budget_used_api_calls),
        ("budget_total_cost_cents", context.budget_total_cost_cents),
        ("budget_used_cost_cents", context.budget_used_cost_cents),
    ];
    let known: Map<String, Value> = figures
        .into_iter()
        .filter_map(|(name, figure)| Some((name.to_owned(), figure?.into())))
        .collect();
    (!known.is_empty()).then(|| JsonText::new(&Value::Object(known)))
}

fn limited(text: String) -> JsonText {
    if text.len() <= MAX_ARGUMENTS {
        JsonText::from_text(text)
    } else {
        JsonText::new(&json!({"[cut]": format!("{} bytes", text.len())}))
    }
}

/// `text`, or its beginning and how long it was.
pub(crate) fn cut(text: &str) -> String {
    kitelogik_core::text::cut(text, MAX_TEXT).into_owned()
}
