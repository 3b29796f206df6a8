use std::collections::VecDeque;

use super::ReloadError;
use super::reading::BundleFacts;
use super::settings::Settings;

/// The bundles that were in force before, by the digests of their content: none of them is taken again unasked.
#[derive(Default)]
pub(super) struct Superseded {
    contents: VecDeque<String>,
}

/// So many are remembered.
const REMEMBERED: usize = 1_000;

impl Superseded {
    pub(super) fn add(&mut self, content: String) {
        if self.contents.len() >= REMEMBERED {
            self.contents.pop_front();
        }
        self.contents.push_back(content);
    }

    pub(super) fn forget(&mut self, content: &str) {
        self.contents.retain(|known| known != content);
    }

    fn holds(&self, content: &str) -> bool {
        self.contents.iter().any(|known| known == content)
    }
}

/// Whether a bundle may be the first.
pub(super) fn check_first(
    bundle: Option<&BundleFacts>,
    settings: &Settings,
) -> Result<(), ReloadError> {
    let (Some(bundle), Some(minimum)) = (bundle, settings.minimum_sequence) else {
        return Ok(());
    };
    match bundle.sequence {
        Some(sequence) if sequence >= minimum => Ok(()),
        Some(sequence) => Err(ReloadError::Older(format!(
            "its sequence is {sequence}, and at least {minimum} is asked for"
        ))),
        None => Err(ReloadError::Older(format!(
            "it has no sequence, and at least {minimum} is asked for"
        ))),
    }
}

/// Whether the bundle with this content may come after the one in force.
pub(super) fn check_next(
    (bundle, content): (Option<&BundleFacts>, &str),
    in_force: Option<&BundleFacts>,
    superseded: &Superseded,
    settings: &Settings,
) -> Result<(), ReloadError> {
    check_first(bundle, settings)?;
    let Some(bundle) = bundle else { return Ok(()) };
    if settings.allow_older {
        return Ok(());
    }
    let refused = |why: String| Err(ReloadError::Older(why));
    let before = in_force.and_then(|bundle| bundle.sequence);
    match (bundle.sequence, before) {
        (Some(next), Some(before)) if next < before => {
            refused(format!("its sequence is {next}, after {before}"))
        }
        (Some(next), Some(before)) if next == before => refused(format!(
            "its sequence is {next}, as that of the one in force, which is another"
        )),
        (None, Some(before)) => refused(format!("it has no sequence, after {before}")),
        _ if superseded.holds(content) => {
            refused("it was in force before and was replaced since".to_owned())
        }
        _ => Ok(()),
    }
}
