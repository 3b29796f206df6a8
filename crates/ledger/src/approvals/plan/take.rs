use kitelogik_core::Use;

use super::{Changes, time_is_up};
use crate::Timestamp;
use crate::approvals::ApprovalState;
use crate::approvals::entry::{Entry, Step};
use crate::approvals::row::{Forged, Row};
use crate::audit::Cut;
use crate::key::Digest;

/// A call that wants to use a grant.
#[derive(Clone, Debug)]
pub(crate) struct Taking {
    /// The request that was granted.
    pub(crate) id: String,
    /// The call that wants to run.
    pub(crate) digest: Digest,
    /// The session that wants it, for the record of an attempt on another's.
    pub(crate) session: String,
}

/// What the audit chain says of the request: a row can be put back as it was before it was used, seal and all, but its
/// steps cannot be taken back.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    /// It is over.
    pub(crate) is_over: bool,
    /// What was removed, so that the chain does not say everything.
    pub(crate) cut: Option<Cut>,
}

impl Past {
    /// Why a request that the table has as approved does not count.
    fn against(&self, row: &Row, now: Timestamp) -> Option<&'static str> {
        let is_cut = |cut: &Cut| cut.may_have_removed(row.view.created_at);
        if self.is_over && row.view.state.is_open() {
            Some("use of a request that is over, and was put back as it had been before")
        } else if row.state_at(now) == ApprovalState::Approved
            && self.cut.as_ref().is_some_and(is_cut)
        {
            Some("use of a request of which the record may have been cut")
        } else {
            None
        }
    }
}

/// Whether the call may run, and what is written.
pub(crate) fn take(
    taking: &Taking,
    row: Result<Option<Row>, Forged>,
    past: &Past,
    now: Timestamp,
) -> (Changes, Result<Use, Forged>) {
    let mut changes = Changes::default();
    let row = match row {
        Ok(row) => row,
        Err(forged) => {
            changes.refuse_forged(&forged, Some(&taking.session), None);
            return (changes, Err(forged));
        }
    };
    let Some(mut row) = row else {
        let session = Some(taking.session.as_str());
        let why = "use of a request that is not there";
        let entry = Entry::refused(&taking.id, session, why);
        changes.entries.push(entry);
        return (changes, Ok(Use::Gone));
    };
    if let Some(why) = past.against(&row, now) {
        let id = row.view.id;
        changes.refuse_unproven(&id, &taking.session, why);
        return (changes, Err(Forged { id }));
    }
    if row.view.digest != taking.digest {
        let why = if row.view.session == taking.session {
            "use by another call".to_owned()
        } else {
            format!("use by another session: {}", taking.session)
        };
        changes.refuse(&row.view, None, why);
        return (changes, Ok(Use::Gone));
    }
    match row.state_at(now) {
        ApprovalState::Approved => {
            row.view.state = ApprovalState::Used;
            row.view.used_at = Some(now);
            let entry = Entry::of(&row.view, Step::Used);
            changes.change(row, ApprovalState::Approved, entry);
            (changes, Ok(Use::Taken))
        }
        state => {
            changes.refuse(&row.view, None, format!("use of a request that is {state}"));
            if row.view.state.is_open() && state == ApprovalState::Expired {
                let why = time_is_up(&row);
                changes.expire(row, why);
            }
            (changes, Ok(Use::Gone))
        }
    }
}
