//! What pages show of requests and records.

use kitelogik_core::{MASKED, RiskTier};
use kitelogik_ledger::{ApprovalState, ApprovalView, ReviewerAnswer};
use serde_json::Value;

use crate::moment::{Moment, span};
use crate::shown::{Argument, Text, arguments};
use crate::visitor::form_urlencoded;

/// How many characters of one value a list shows.
pub(crate) const SHORT: usize = 300;

/// How many characters of one value the page of one request shows: all that a call can have, 256 KiB.
pub(crate) const WHOLE: usize = 256 * 1024;

/// A risk tier.
#[derive(Clone, Debug)]
pub(crate) struct Tier {
    pub(crate) label: String,
    /// 0 is the least harm, 5 the most.
    pub(crate) rank: u8,
}

impl Tier {
    pub(crate) fn of(tier: RiskTier) -> Self {
        let words = tier.as_str().replace('_', " ").to_lowercase();
        let rank = match tier {
            RiskTier::Informational => 0,
            RiskTier::Operational => 1,
            RiskTier::TransactionalLow => 2,
            RiskTier::TransactionalHigh => 3,
            RiskTier::Destructive => 4,
            RiskTier::SecurityCritical => 5,
        };
        Self { label: words, rank }
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) session: String,
    pub(crate) principal: Option<String>,
    pub(crate) role: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) tenant: Option<String>,
}

/// What one reviewer said.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) at: Moment,
    pub(crate) who: String,
    pub(crate) kind: &'static str,
    pub(crate) label: &'static str,
    pub(crate) note: Option<Text>,
}

/// A request for approval.
#[derive(Clone, Debug)]
pub(crate) struct RequestView {
    pub(crate) id: String,
    /// Changes whenever there is something else to show.
    pub(crate) version: String,
    pub(crate) state: &'static str,
    pub(crate) state_label: &'static str,
    /// Whether it waits for a person.
    pub(crate) open: bool,
    pub(crate) tool: String,
    pub(crate) action: String,
    pub(crate) tier: Tier,
    pub(crate) reasons: Vec<Text>,
    pub(crate) rules: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) arguments: Vec<Argument>,
    /// How many arguments are not shown.
    pub(crate) left_out: usize,
    /// The arguments as JSON, as HTML.
    pub(crate) json: String,
    /// Whether something in the arguments is masked.
    pub(crate) masked: bool,
    pub(crate) who: Who,
    pub(crate) created: Moment,
    pub(crate) expires: Moment,
    pub(crate) used: Option<Moment>,
    pub(crate) seconds_left: u64,
    pub(crate) left: String,
    pub(crate) needed: u32,
    pub(crate) had: u32,
    pub(crate) decisions: Vec<Said>,
    pub(crate) ended_because: Option<String>,
    pub(crate) edited_to: Option<String>,
    pub(crate) edited_from: Option<String>,
    pub(crate) digest: String,
    /// The page to go back to after a decision.
    pub(crate) from: String,
    /// What else the session did.
    pub(crate) audit: String,
}

impl RequestView {
    /// As one of many; a decision leads back to `from`.
    pub(crate) fn short(request: ApprovalView, from: &str) -> Self {
        Self::new(request, SHORT, from)
    }

    /// By itself.
    pub(crate) fn whole(request: ApprovalView) -> Self {
        let from = format!("/approvals/{}", request.id);
        Self::new(request, WHOLE, &from)
    }

    fn new(request: ApprovalView, limit: usize, from: &str) -> Self {
        let now = Moment::now();
        let expires = Moment(request.expires_at);
        let left = now.0.until(expires.0);
        let value = Value::Object(request.arguments);
        let (shown, left_out) = arguments(&value, limit);
        let json = serde_json::to_string_pretty(&value).unwrap_or_default();
        let decisions = request.decisions.into_iter().map(|said| {
            let (kind, label) = answer(said.answer);
            Said {
                at: said.at.into(),
                who: said.by,
                kind,
                label,
                note: (!said.note.is_empty()).then(|| Text::cut_at(limit, &said.note)),
            }
        });
        Self {
            version: format!(
                "{}-{}-{}",
                request.state,
                request.approvals_had,
                request.expires_at.millis()
            ),
            state: request.state.as_str(),
            state_label: state_label(request.state, request.edited_to.is_some()),
            open: request.state == ApprovalState::Pending,
            tool: request.tool,
            action: request.action,
            tier: Tier::of(request.risk_tier),
            // The reasons of a decision are joined so.
            reasons: request
                .reason
                .split("; ")
                .map(|reason| Text::cut_at(limit.max(1000), reason))
                .collect(),
            rules: request.rules,
            resources: request.resources,
            arguments: shown,
            left_out,
            masked: json.contains(MASKED),
            json: Text::cut_at(usize::MAX, &json).lines(),
            audit: format!("/audit?session={}", form_urlencoded(&request.session)),
            who: Who {
                session: request.session,
                principal: request.principal,
                role: request.role,
                scopes: request.scopes,
                tenant: request.tenant,
            },
            created: request.created_at.into(),
            expires,
            used: request.used_at.map(Moment),
            seconds_left: left.as_secs(),
            left: span(left),
            needed: request.approvals_needed,
            had: request.approvals_had,
            decisions: decisions.collect(),
            ended_because: request.ended_because,
            edited_to: request.edited_to,
            edited_from: request.edited_from,
            digest: request.digest.to_string(),
            from: from.to_owned(),
            id: request.id,
        }
    }
}

fn state_label(state: ApprovalState, edited: bool) -> &'static str {
    match state {
        _ if edited => "other arguments asked for",
        ApprovalState::Pending => "pending",
        ApprovalState::Approved => "approved, not used yet",
        ApprovalState::Denied => "denied",
        ApprovalState::Expired => "expired",
        ApprovalState::Used => "approved and used",
    }
}

fn answer(answer: ReviewerAnswer) -> (&'static str, &'static str) {
    match answer {
        ReviewerAnswer::Approve => ("approved", "approved"),
        ReviewerAnswer::Deny => ("denied", "denied"),
        ReviewerAnswer::Edit => ("edited", "other arguments asked for"),
    }
}
