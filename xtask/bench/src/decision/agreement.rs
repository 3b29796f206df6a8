//! Whether all that is timed does the same work.

use anyhow::{Result, ensure};
use kitelogik_core::Verdict;

use super::System;

/// Checks that each system gives each call the verdict that the rules come to.
pub(super) fn check(systems: &mut [Box<dyn System>], wanted: &[Verdict]) -> Result<()> {
    for system in systems {
        let verdicts = system.verdicts()?;
        ensure!(
            verdicts == wanted,
            "{} decides otherwise: {verdicts:?} where {wanted:?} is right",
            system.name()
        );
    }
    Ok(())
}
