use std::borrow::Cow;
use std::time::{Instant, SystemTime};

use kitelogik_core::{
    ApprovalRequest, DecisionRecord, GovernanceEvent, PolicyDecision, SessionContext,
};

use crate::CallRequest;

/// What a session wants to know of its gate, from asking to recording.
pub(crate) struct Question<'a> {
    pub(crate) asked: Asked<'a>,
    context: &'a SessionContext,
    at: SystemTime,
    begun: Instant,
}

#[derive(Clone, Copy)]
pub(crate) enum Asked<'a> {
    Call(&'a CallRequest),
    Event(&'a GovernanceEvent),
}

impl<'a> Question<'a> {
    pub(crate) fn call(request: &'a CallRequest, context: &'a SessionContext) -> Self {
        Self::new(Asked::Call(request), context)
    }

    pub(crate) fn event(event: &'a GovernanceEvent, context: &'a SessionContext) -> Self {
        Self::new(Asked::Event(event), context)
    }

    fn new(asked: Asked<'a>, context: &'a SessionContext) -> Self {
        Self {
            asked,
            context,
            at: SystemTime::now(),
            begun: Instant::now(),
        }
    }

    /// What is asked; of a call, with its first resource.
    pub(crate) fn asked_event(&self) -> Cow<'a, GovernanceEvent> {
        match self.asked {
            Asked::Call(request) => {
                let resource = request.resources.first();
                Cow::Owned(request.event(resource.map(String::as_str)))
            }
            Asked::Event(event) => Cow::Borrowed(event),
        }
    }

    /// What a person is asked about `event`, which is this question's or, of a call, one of its
    /// resources'.
    pub(crate) fn request<'b>(
        &'b self,
        event: &'b GovernanceEvent,
        decision: &'b PolicyDecision,
    ) -> ApprovalRequest<'b> {
        ApprovalRequest::new(event, self.context, decision)
            .of_call(self.resources(), self.tool_schema())
    }

    /// What is recorded of `decision`.
    pub(crate) fn record<'b>(
        &'b self,
        event: &'b GovernanceEvent,
        decision: &'b PolicyDecision,
    ) -> DecisionRecord<'b> {
        let mut record = DecisionRecord::new(event, self.context, decision);
        record.resources = self.resources();
        record.tool_schema = self.tool_schema();
        record.asked_at = self.at;
        record.decided_in = self.begun.elapsed();
        record
    }

    pub(crate) fn session_id(&self) -> &'a str {
        &self.context.session_id
    }

    fn resources(&self) -> &'a [String] {
        match self.asked {
            Asked::Call(request) => &request.resources,
            Asked::Event(_) => &[],
        }
    }

    fn tool_schema(&self) -> Option<&'a str> {
        match self.asked {
            Asked::Call(request) => request.tool_schema.as_deref(),
            Asked::Event(_) => None,
        }
    }
}
