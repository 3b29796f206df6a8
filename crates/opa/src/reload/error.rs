use kitelogik_policy::PolicyError;
use kitelogik_policy::bundle::BundleError;

/// Why a version of a policy is not in force.
///
/// Texts name files and addresses: they are for logs and operators, not for a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The source cannot be read: it is gone, no server answers, or not with a bundle.
    #[error("the policy cannot be read: {0}")]
    Unreadable(String),
    /// There is no rule in it: an empty directory, or tests alone.
    #[error("the policy is empty: {0}")]
    Empty(String),
    /// It changed each time it was looked at.
    #[error("the policy does not come to rest: it was still changing after {0} s")]
    Unsettled(u64),
    /// It is no policy, or a bundle that is damaged, or not signed by the key.
    #[error("the policy does not load: {0}")]
    Load(String),
    /// Its check finds errors.
    #[error("the policy's check finds errors:\n{0}")]
    Check(String),
    /// Its own tests fail.
    #[error("the policy fails its own tests:\n{0}")]
    Test(String),
    /// It could not decide a call of nothing by nobody.
    #[error("the policy cannot decide: {0}")]
    Undecided(String),
    /// A bundle that comes before the one in force, or that cannot be said to come after it.
    #[error("the bundle is not newer than the one in force: {0}")]
    Older(String),
    /// A setting that cannot be used.
    #[error("{0}")]
    Setting(String),
    /// [`confirm`](super::Reloading::confirm) was called, and this revision does not wait.
    #[error("no version with the revision `{0}` waits for a confirmation")]
    NotWaiting(String),
    /// [`roll_back`](super::Reloading::roll_back) was called, and there is no version before this one.
    #[error("there is no version before the one in force")]
    NothingBefore,
    /// Nothing looks for new versions: the runtime it was started on is gone, or there was none.
    #[error("no reload runs: the runtime that it was started on is gone, or there is none")]
    Stopped,
    /// A panic while a version was prepared.
    #[error("preparing the policy panicked: {0}")]
    Panicked(String),
}

impl From<PolicyError> for ReloadError {
    fn from(error: PolicyError) -> Self {
        let text = error.to_string();
        match error {
            PolicyError::NoPolicy { place } => Self::Empty(format!("no rule in {place}")),
            PolicyError::Io { .. } => Self::Unreadable(text),
            PolicyError::Bundle(BundleError::Io { .. }) => Self::Unreadable(text),
            _ => Self::Load(text),
        }
    }
}

impl From<BundleError> for ReloadError {
    fn from(error: BundleError) -> Self {
        Self::from(PolicyError::Bundle(error))
    }
}
