use std::fmt;
use std::sync::Arc;

use kitelogik_core::SessionContext;
use kitelogik_opa::{Permit, PermitError, Permitted, Running};

use crate::GovernedFunction;

/// What the body of the governed function `F` runs on: the judged arguments of a permit that was
/// granted for it.
///
/// Bound to the function by its type: a permit for one tool, opened as the arguments of another,
/// does not run that other.
#[must_use = "dropped, the call is recorded as cancelled"]
pub struct Opened<F: GovernedFunction> {
    permitted: Permitted<F::Args>,
}

impl<F: GovernedFunction> Opened<F> {
    pub(crate) fn open(permit: Permit, action: &str) -> Result<Self, PermitError> {
        let permitted = permit.open(F::NAME, action)?;
        Ok(Self { permitted })
    }

    /// The judged arguments, the session that calls, and what to tell when the body has ended.
    pub fn into_parts(self) -> (F::Args, Arc<SessionContext>, Running) {
        self.permitted.into_parts()
    }
}

impl<F: GovernedFunction> fmt::Debug for Opened<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Opened")
            .field("tool", &F::NAME)
            .finish_non_exhaustive()
    }
}
