//! What stands around every page of somebody who is signed in.

use crate::app::Shared;
use crate::page::Failure;
use crate::sign_in::Notice;
use crate::visitor::Visitor;

/// The frame of a page.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Which of the pages it is.
    pub(crate) at: &'static str,
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) read_only: bool,
    pub(crate) csrf: String,
    /// How many requests wait for a person.
    pub(crate) pending: u64,
    /// Whether the page keeps itself up to date.
    pub(crate) live: bool,
    pub(crate) notice: Option<Notice>,
}

impl Frame {
    pub(crate) async fn new(
        app: &Shared,
        visitor: &Visitor,
        at: &'static str,
    ) -> Result<Self, Failure> {
        let reviewer = visitor.identity.reviewer();
        Ok(Self {
            at,
            name: visitor.identity.name.clone(),
            role: visitor.identity.role.clone(),
            read_only: visitor.identity.read_only,
            csrf: visitor.form_token(app),
            pending: app.ledger.approvals().count_pending(&reviewer).await?,
            live: true,
            notice: if visitor.refreshes {
                None
            } else {
                app.sessions.told(&visitor.cookie)
            },
        })
    }
}
