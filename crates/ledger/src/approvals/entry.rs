use crate::audit::{Content, EntryKind};
use crate::key::Digest;
use crate::time::Timestamp;

use super::ApprovalView;

/// What happened to a request, as the audit chain keeps it. Masked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    step: Step,
    request: String,
    session: Option<String>,
    principal: Option<String>,
    tenant: Option<String>,
    tool: Option<String>,
    action: Option<String>,
    digest: Option<Digest>,
    expires_at: Option<Timestamp>,
    by: Option<String>,
    note: Option<String>,
    why: Option<String>,
}

/// What can happen to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Requested,
    /// By a person; `why` says if more are needed.
    Approved,
    Denied,
    Edited,
    Expired,
    Used,
    /// Somebody tried what may not be. `why` says what.
    Refused,
}

impl Step {
    /// Whether a request is over with the step of this name.
    pub(crate) fn is_end(name: &str) -> bool {
        [Self::Denied, Self::Edited, Self::Expired, Self::Used]
            .into_iter()
            .any(|end| end.as_str() == name)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Edited => "edited",
            Self::Expired => "expired",
            Self::Used => "used",
            Self::Refused => "refused",
        }
    }
}

impl Entry {
    pub(crate) fn of(view: &ApprovalView, step: Step) -> Self {
        Self {
            step,
            request: view.id.clone(),
            session: Some(view.session.clone()),
            principal: view.principal.clone(),
            tenant: view.tenant.clone(),
            tool: Some(view.tool.clone()),
            action: Some(view.action.clone()),
            digest: Some(view.digest),
            expires_at: Some(view.expires_at),
            by: None,
            note: None,
            why: None,
        }
    }

    /// An attempt on a request that is not there, or that cannot be trusted.
    pub(crate) fn refused(request: &str, session: Option<&str>, why: &str) -> Self {
        Self {
            step: Step::Refused,
            request: request.to_owned(),
            session: session.map(str::to_owned),
            principal: None,
            tenant: None,
            tool: None,
            action: None,
            digest: None,
            expires_at: None,
            by: None,
            note: None,
            why: Some(why.to_owned()),
        }
    }

    pub(crate) fn by(mut self, name: &str) -> Self {
        self.by = Some(name.to_owned());
        self
    }

    pub(crate) fn note(mut self, note: &str) -> Self {
        self.note = (!note.is_empty()).then(|| note.to_owned());
        self
    }

    pub(crate) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// As it goes to the chain.
    pub(crate) fn content(self, now: Timestamp) -> Content {
        let mut content = Content::new(EntryKind::Approval, now);
        content.request = Some(self.request);
        content.transition = Some(self.step.as_str().to_owned());
        content.session = self.session;
        content.principal = self.principal;
        content.tenant = self.tenant;
        content.tool = self.tool;
        content.action = self.action;
        content.request_digest = self.digest;
        content.expires_at = self.expires_at;
        content.by = self.by;
        content.note = self.note;
        content.reason = self.why;
        content
    }
}
