use kitelogik_core::json;

use super::digest::ApprovalKey;
use super::entry::Step;
use super::{ApprovalState, ApprovalView};
use crate::Timestamp;
use crate::key::Digest;
use crate::store::statements::Raw;

/// A request as the store keeps it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// The request; its state is the one that was written, not the one of this moment.
    pub(crate) view: ApprovalView,
    pub(crate) frame: Digest,
    pub(crate) basis: Digest,
}

/// A row as it lies in the table. What is looked for has a column of its own; the whole is in the
/// document, under the seal.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) digest: String,
    pub(crate) session: String,
    pub(crate) tenant: Option<String>,
    pub(crate) principal: Option<String>,
    pub(crate) tool: String,
    pub(crate) expires_at: i64,
    pub(crate) frame: String,
    pub(crate) basis: String,
    pub(crate) document: String,
    pub(crate) seal: String,
}

/// Whether an entry of the chain is the end of a request. What cannot be read is one: nothing runs by it.
pub(crate) fn is_end(entry: &Raw) -> bool {
    match entry.read() {
        Ok(entry) => entry
            .content
            .transition
            .as_deref()
            .is_some_and(Step::is_end),
        Err(_) => true,
    }
}

/// A row that does not carry the seal of the key, or says other things in its columns than under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forged {
    pub(crate) id: String,
}

impl Row {
    pub(crate) fn id(&self) -> &str {
        &self.view.id
    }

    /// Where it stands at `now`.
    pub(crate) fn state_at(&self, now: Timestamp) -> ApprovalState {
        if self.view.state.is_open() && self.view.expires_at <= now {
            ApprovalState::Expired
        } else {
            self.view.state
        }
    }

    /// As others may see it at `now`.
    pub(crate) fn view_at(mut self, now: Timestamp) -> ApprovalView {
        self.view.state = self.state_at(now);
        self.view
    }

    /// Writes it down, sealed.
    pub(crate) fn columns(&self, key: &ApprovalKey) -> Columns {
        let document = serde_json::to_value(&self.view)
            .map(|value| json::canonical(&value))
            .unwrap_or_default();
        let (frame, basis) = (self.frame.to_string(), self.basis.to_string());
        Columns {
            id: self.view.id.clone(),
            state: self.view.state.as_str().to_owned(),
            digest: self.view.digest.to_string(),
            session: self.view.session.clone(),
            tenant: self.view.tenant.clone(),
            principal: self.view.principal.clone(),
            tool: self.view.tool.clone(),
            expires_at: self.view.expires_at.millis(),
            seal: key.seal(&document, &frame, &basis).to_string(),
            frame,
            basis,
            document,
        }
    }

    /// Reads it back.
    ///
    /// # Errors
    ///
    /// It is not what was written with this key.
    pub(crate) fn read(columns: Columns, key: &ApprovalKey) -> Result<Self, Forged> {
        columns.sealed(key).ok_or_else(|| {
            tracing::error!(
                request = %kitelogik_core::text::visible(&columns.id),
                "a request for approval does not carry this ledger's seal"
            );
            Forged { id: columns.id }
        })
    }
}

impl Columns {
    fn sealed(&self, key: &ApprovalKey) -> Option<Row> {
        if !key.is_seal(&self.seal, &self.document, &self.frame, &self.basis) {
            return None;
        }
        let view: ApprovalView = serde_json::from_str(&self.document).ok()?;
        self.say(&view).then_some(Row {
            view,
            frame: self.frame.parse().ok()?,
            basis: self.basis.parse().ok()?,
        })
    }

    /// Whether the columns say what the document does.
    fn say(&self, view: &ApprovalView) -> bool {
        self.id == view.id
            && self.state == view.state.as_str()
            && self.digest == view.digest.to_string()
            && self.session == view.session
            && self.tenant == view.tenant
            && self.principal == view.principal
            && self.tool == view.tool
            && self.expires_at == view.expires_at.millis()
    }
}
