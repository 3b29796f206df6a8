use std::time::Duration;

use kitelogik_core::Arguments;

use super::{Changes, time_is_up};
use crate::Timestamp;
use crate::approvals::entry::{Entry, Step};
use crate::approvals::row::{Forged, Row};
use crate::approvals::{
    ApprovalError, ApprovalState, ApprovalView, Reviewer, ReviewerAnswer, ReviewerDecision,
};
use crate::key::Digest;

/// What a person says to a request.
#[derive(Clone, Debug)]
pub(crate) struct Decide {
    pub(crate) id: String,
    pub(crate) reviewer: Reviewer,
    pub(crate) wanted: Wanted,
    /// Masked, and cut to its limit.
    pub(crate) note: String,
    pub(crate) denial_sticks: Duration,
    pub(crate) expiry: Duration,
    /// Why the reviewer may not, where the policy for reviewers says so.
    pub(crate) forbidden: Option<String>,
}

/// What they want.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    Approve,
    Deny,
    Edit {
        arguments: Arguments,
        /// The digest of the call with them.
        digest: Digest,
        /// The id of the request that holds them.
        new_id: String,
    },
}

impl Wanted {
    pub(crate) fn answer(&self) -> ReviewerAnswer {
        match self {
            Self::Approve => ReviewerAnswer::Approve,
            Self::Deny => ReviewerAnswer::Deny,
            Self::Edit { .. } => ReviewerAnswer::Edit,
        }
    }
}

/// What becomes of the request `row`. `other` is the open request for the call that an edit makes.
pub(crate) fn decide(
    decide: &Decide,
    row: Result<Option<Row>, Forged>,
    other: Result<Option<Row>, Forged>,
    now: Timestamp,
) -> (Changes, Result<ApprovalView, ApprovalError>) {
    let mut changes = Changes::default();
    let id = decide.id.clone();
    let name = decide.reviewer.name.as_str();
    let (row, other) = match (row, other) {
        (Ok(row), Ok(other)) => (row, other),
        (Err(forged), _) | (_, Err(forged)) => {
            changes.refuse_forged(&forged, None, Some(name));
            return (changes, Err(forged.into()));
        }
    };
    let Some(row) = row else {
        let entry = Entry::refused(&id, None, "decision on a request that is not there");
        changes.entries.push(entry.by(name));
        return (changes, Err(ApprovalError::NotFound { id }));
    };
    if let Err((why, error)) = permitted(decide, &row, now) {
        changes.refuse(&row.view, Some(name), why);
        if row.view.state.is_open() && row.view.expires_at <= now {
            let why = time_is_up(&row);
            changes.expire(row, why);
        }
        return (changes, Err(error));
    }
    let decided = match &decide.wanted {
        Wanted::Approve => approve(&mut changes, decide, row, now),
        Wanted::Deny => deny(&mut changes, decide, row, now),
        Wanted::Edit {
            arguments,
            digest,
            new_id,
        } => {
            if let Some(other) = other {
                changes.expire(other, "a reviewer's edit of another call took its place");
            }
            let edited = edited(decide, &row, arguments, *digest, new_id, now);
            edit(&mut changes, decide, row, edited, now)
        }
    };
    (changes, Ok(decided))
}

fn permitted(decide: &Decide, row: &Row, now: Timestamp) -> Result<(), (String, ApprovalError)> {
    let id = decide.id.clone();
    let answer = decide.wanted.answer();
    let view = &row.view;
    if !decide.reviewer.tenants.include(view.tenant.as_deref()) {
        let why = format!("{answer} by a reviewer who does not see this tenant");
        return Err((why, ApprovalError::NotFound { id }));
    }
    let state = row.state_at(now);
    if state != ApprovalState::Pending {
        let why = format!("{answer} of a request that is {state}");
        return Err((why, ApprovalError::NotPending { id, state }));
    }
    if view
        .principal
        .as_deref()
        .is_some_and(|principal| decide.reviewer.is(principal))
    {
        let why = format!("{answer} of their own call");
        return Err((why, ApprovalError::OwnCall { id }));
    }
    if let Some(reason) = &decide.forbidden {
        let why = format!("{answer} that the policy for reviewers refuses");
        let reason = reason.clone();
        return Err((why, ApprovalError::NotAllowed { id, reason }));
    }
    let again = || {
        view.decisions
            .iter()
            .any(|decision| decide.reviewer.is(&decision.by))
    };
    if answer == ReviewerAnswer::Approve && again() {
        let why = "approve by a person who did already".to_owned();
        return Err((why, ApprovalError::AlreadyApproved { id }));
    }
    if let Wanted::Edit { digest, .. } = &decide.wanted
        && *digest == view.digest
    {
        let problem = "they are the arguments it has; approve it";
        let why = "edit that changes nothing".to_owned();
        return Err((why, ApprovalError::Edit { id, problem }));
    }
    Ok(())
}

fn approve(changes: &mut Changes, decide: &Decide, mut row: Row, now: Timestamp) -> ApprovalView {
    say(&mut row.view, decide, now);
    let view = &mut row.view;
    view.approvals_had = view.approvals_had.saturating_add(1);
    let (had, needed) = (view.approvals_had, view.approvals_needed);
    if had >= needed {
        view.state = ApprovalState::Approved;
        view.decided_at = Some(now);
    }
    let mut entry = entry(view, Step::Approved, decide);
    if needed > 1 {
        entry = entry.why(format!("{had} of {needed} approvals"));
    }
    let view = view.clone();
    changes.change(row, ApprovalState::Pending, entry);
    view
}

fn deny(changes: &mut Changes, decide: &Decide, mut row: Row, now: Timestamp) -> ApprovalView {
    close(&mut row.view, decide, now);
    let entry = entry(&row.view, Step::Denied, decide);
    let view = row.view.clone();
    changes.change(row, ApprovalState::Pending, entry);
    view
}

/// Denies the call as it was asked for, and puts the edited one beside it. The new one is of the
/// same session and for the same rules and reasons: were the policy to ask for others, it would not
/// count.
fn edit(
    changes: &mut Changes,
    decide: &Decide,
    mut row: Row,
    edited: Row,
    now: Timestamp,
) -> ApprovalView {
    close(&mut row.view, decide, now);
    row.view.edited_to = Some(edited.view.id.clone());
    let ended = entry(&row.view, Step::Edited, decide).why(format!("see {}", edited.id()));
    let (had, needed) = (edited.view.approvals_had, edited.view.approvals_needed);
    let begun = entry(&edited.view, Step::Approved, decide).why(format!(
        "{had} of {needed} approvals, by the edit of {}",
        row.id()
    ));
    let view = row.view.clone();
    changes.change(row, ApprovalState::Pending, ended);
    changes.add(edited, begun);
    view
}

fn edited(
    decide: &Decide,
    row: &Row,
    arguments: &Arguments,
    digest: Digest,
    new_id: &str,
    now: Timestamp,
) -> Row {
    let mut edited = row.clone();
    let view = &mut edited.view;
    view.edited_from = Some(std::mem::replace(&mut view.id, new_id.to_owned()));
    view.digest = digest;
    view.arguments = arguments.object().clone();
    view.created_at = now;
    view.expires_at = now.after(decide.expiry);
    view.decisions.clear();
    say(view, decide, now);
    view.approvals_had = 1;
    if view.approvals_needed <= 1 {
        view.state = ApprovalState::Approved;
        view.decided_at = Some(now);
    }
    edited
}

fn close(view: &mut ApprovalView, decide: &Decide, now: Timestamp) {
    say(view, decide, now);
    view.state = ApprovalState::Denied;
    view.decided_at = Some(now);
    view.denied_until = Some(now.after(decide.denial_sticks));
}

fn say(view: &mut ApprovalView, decide: &Decide, now: Timestamp) {
    view.decisions.push(ReviewerDecision {
        by: decide.reviewer.name.clone(),
        answer: decide.wanted.answer(),
        at: now,
        note: decide.note.clone(),
    });
}

fn entry(view: &ApprovalView, kind: Step, decide: &Decide) -> Entry {
    Entry::of(view, kind)
        .by(&decide.reviewer.name)
        .note(&decide.note)
}
