use std::time::Duration;

use kitelogik_core::{Approval, ApprovalRequest, GovernanceEvent, MASKED, Masking};
use serde_json::{Map, Value};

use super::{Changes, time_is_up};
use crate::Timestamp;
use crate::approvals::digest::{Call, arguments_of, resources_of};
use crate::approvals::entry::{Entry, Step};
use crate::approvals::row::{Forged, Row};
use crate::approvals::{ApprovalOptions, ApprovalState, ApprovalView};

/// A call that asks for approval: everything that is needed without the request itself.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) call: Call,
    /// What is written if it has to be put to people, under this id. Its times are set then.
    view: ApprovalView,
    expiry: Duration,
    pending_per_session: u64,
    pending_per_tenant: u64,
}

/// What there is of this call already, and how much else waits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// The requests for this very call, newest first.
    pub(crate) rows: Vec<Row>,
    /// The request that the newest denied one was edited to.
    pub(crate) edited: Option<Row>,
    pub(crate) pending_of_session: u64,
    pub(crate) pending_of_tenant: u64,
}

/// What the caller gets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Approval(Approval),
    /// It is put to nobody.
    TooMany(String),
    /// There is a request for this call that does not carry the ledger's seal.
    Forged(Forged),
}

impl Ask {
    pub(crate) fn new(
        call: Call,
        request: &ApprovalRequest<'_>,
        masking: &Masking,
        options: &ApprovalOptions,
    ) -> Self {
        Self {
            view: view_of(&call, request, masking, options.approvals_needed),
            call,
            expiry: options.expiry,
            pending_per_session: options.pending_per_session,
            pending_per_tenant: options.pending_per_tenant,
        }
    }

    /// The same, to be put to people under another id, if it has to be.
    pub(crate) fn under(&self, id: String) -> Self {
        let mut asked = self.clone();
        asked.view.id = id;
        asked
    }

    pub(crate) fn session(&self) -> &str {
        &self.view.session
    }

    pub(crate) fn tenant(&self) -> Option<&str> {
        self.view.tenant.as_deref()
    }

    fn row(&self, now: Timestamp) -> Row {
        let mut view = self.view.clone();
        view.created_at = now;
        view.expires_at = now.after(self.expiry);
        Row {
            view,
            frame: self.call.frame,
            basis: self.call.basis,
        }
    }
}

/// What a call that asks gets, and what is written for it.
pub(crate) fn ask(asked: &Ask, found: Result<Found, Forged>, now: Timestamp) -> (Changes, Answer) {
    let mut changes = Changes::default();
    let found = match found {
        Ok(found) => found,
        Err(forged) => {
            changes.refuse_forged(&forged, Some(asked.session()), None);
            return (changes, Answer::Forged(forged));
        }
    };
    let (open, over): (Vec<Row>, Vec<Row>) = found
        .rows
        .into_iter()
        .partition(|row| row.view.state.is_open());
    let mut ended = 0_u64;
    for row in open {
        if row.view.expires_at <= now {
            let why = time_is_up(&row);
            changes.expire(row, why);
        } else if row.basis != asked.call.basis {
            ended += u64::from(row.view.state == ApprovalState::Pending);
            changes.expire(row, "the policy asks for other reasons");
        } else {
            let answer = standing(&row, None, now);
            return (changes, answer);
        }
    }
    let denied = over
        .iter()
        .find(|row| row.view.denied_until.is_some_and(|until| until > now));
    if let Some(row) = denied {
        let answer = standing(row, found.edited.as_ref(), now);
        return (changes, answer);
    }
    let over_limit = |pending: u64, limit: u64| pending.saturating_sub(ended) >= limit;
    if over_limit(found.pending_of_session, asked.pending_per_session) {
        let waiting = found.pending_of_session;
        let why = format!(
            "as many calls of this session wait for a person as may ({waiting}), so nobody was asked; wait until they are decided"
        );
        return (changes, Answer::TooMany(why));
    }
    if over_limit(found.pending_of_tenant, asked.pending_per_tenant) {
        let why = "too many calls wait for a person already, so nobody was asked; try again later";
        return (changes, Answer::TooMany(why.to_owned()));
    }
    let row = asked.row(now);
    let answer = standing(&row, None, now);
    let entry = Entry::of(&row.view, Step::Requested);
    changes.add(row, entry);
    (changes, answer)
}

/// What a request means for its caller at `now`; `edited` is the request that it was edited to.
pub(crate) fn standing(row: &Row, edited: Option<&Row>, now: Timestamp) -> Answer {
    let view = &row.view;
    let request = view.id.clone();
    let approver = people(view);
    let wanted = edited.filter(|edited| {
        view.edited_to.as_deref() == Some(edited.id()) && edited.state_at(now).is_open()
    });
    let approval = match (row.state_at(now), wanted) {
        (ApprovalState::Pending, _) => Approval::Pending { request },
        (ApprovalState::Approved, _) => Approval::Granted { request, approver },
        (ApprovalState::Denied, Some(edited)) => Approval::Edited {
            request,
            approver,
            arguments: edited.view.arguments.clone(),
        },
        (ApprovalState::Denied, None) => Approval::Denied { request, approver },
        (ApprovalState::Expired | ApprovalState::Used, _) => Approval::Expired { request },
    };
    Answer::Approval(approval)
}

/// Who decided it so.
fn people(view: &ApprovalView) -> String {
    let mut names: Vec<&str> = view
        .decisions
        .iter()
        .map(|decision| decision.by.as_str())
        .collect();
    if view.state == ApprovalState::Denied {
        names.drain(..names.len().saturating_sub(1));
    }
    names.join(", ")
}

fn view_of(
    call: &Call,
    request: &ApprovalRequest<'_>,
    masking: &Masking,
    approvals_needed: u32,
) -> ApprovalView {
    let ApprovalRequest {
        event,
        context,
        decision,
        ..
    } = request;
    ApprovalView {
        id: String::new(),
        state: ApprovalState::Pending,
        event_type: event.event_type().to_owned(),
        tool: event.subject().to_owned(),
        action: event.action().to_owned(),
        arguments: masked_arguments(masking, event),
        resources: resources_of(request)
            .into_iter()
            .map(|resource| masking.text("resource", resource).into_owned())
            .collect(),
        session: context.session_id.clone(),
        parent_session: context.parent_session_id.clone(),
        principal: context.principal.clone(),
        role: context.user_role.clone(),
        scopes: context.session_scopes.clone(),
        tenant: context.tenant_id.clone(),
        risk_tier: decision.risk_tier,
        reason: masking.text("reason", &decision.reason).into_owned(),
        rules: decision
            .rules
            .iter()
            .map(|rule| masking.text("rule", rule).into_owned())
            .collect(),
        revision: decision.revision.as_deref().map(str::to_owned),
        decision_id: decision.decision_id.clone(),
        created_at: Timestamp::default(),
        expires_at: Timestamp::default(),
        decided_at: None,
        used_at: None,
        denied_until: None,
        approvals_needed,
        approvals_had: 0,
        decisions: Vec::new(),
        ended_because: None,
        edited_to: None,
        edited_from: None,
        digest: call.digest,
    }
}

/// The fields of events that are no calls are masked as arguments are, and as the record masks them.
fn masked_arguments(masking: &Masking, event: &GovernanceEvent) -> Map<String, Value> {
    let arguments = arguments_of(&masking.event(event));
    if matches!(event, GovernanceEvent::ToolCall(_)) {
        return arguments;
    }
    let arguments = masking.value("event", &Value::Object(arguments));
    match masking.value("args", &arguments) {
        Value::Object(masked) => masked,
        whole => Map::from_iter([(MASKED.to_owned(), whole)]),
    }
}
