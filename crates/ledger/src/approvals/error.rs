use crate::LedgerError;

use super::ApprovalState;

/// Why a request was not decided.
///
/// What is refused of an existing request is recorded in the audit chain, with who tried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalError {
    /// There is no such request, or it is of a tenant that the reviewer does not see.
    #[error("no request `{id}` that you can see; `kitelogik approvals list` shows those there are")]
    NotFound {
        /// The id as it was given.
        id: String,
    },
    /// It was decided, used or is expired.
    #[error("request `{id}` is {state} and cannot be decided any more")]
    NotPending {
        /// The request.
        id: String,
        /// Where it stands.
        state: ApprovalState,
    },
    /// The reviewer has approved it already; another person is needed.
    #[error("you approved request `{id}` already; it needs another person")]
    AlreadyApproved {
        /// The request.
        id: String,
    },
    /// The reviewer is whom the session acts for.
    #[error("request `{id}` is of your own call; another person must decide it")]
    OwnCall {
        /// The request.
        id: String,
    },
    /// The policy for reviewers does not let this person decide it, or could not be asked.
    #[error("you may not decide request `{id}`: {reason}")]
    NotAllowed {
        /// The request.
        id: String,
        /// Why, in the policy's words.
        reason: String,
    },
    /// The reviewer has no name that tells who they are.
    #[error("a reviewer needs a name")]
    NoName,
    /// The arguments cannot stand in for those of the call.
    #[error("the arguments of request `{id}` cannot be edited so: {problem}")]
    Edit {
        /// The request.
        id: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The request in the store does not carry the seal of the ledger's key: it was changed past the
    /// ledger, or written with another key. It cannot be decided or used.
    #[error(
        "request `{id}` does not carry this ledger's seal: it was changed past the ledger, or another key made it"
    )]
    Forged {
        /// The request.
        id: String,
    },
    /// The store could not be asked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}
