use super::Verifying;
use crate::audit::VerifyOptions;
use crate::audit::check::Problem;

impl Verifying<'_> {
    /// Whether each key that is trusted is the ledger's, and each change of it genuine: then every key
    /// has the word of the one before and after it.
    pub(super) fn trusted_keys(&mut self, options: &VerifyOptions) {
        if let Some(number) = self.keys.broken() {
            self.problem(Problem::of(format!(
                "change {number} of the key is not genuine, and all after it"
            )));
        }
        for key in &options.public_keys {
            if !self.keys.include(key) {
                self.problem(Problem::of(format!(
                    "the record is signed by another key than `{key}`, which has signed nothing in this ledger"
                )));
            }
        }
    }

    /// Whether entries tell of the changes that there are, and of no others.
    pub(super) fn changes_of_key(&mut self) {
        let mut problems = Vec::new();
        let cut = self.cut.as_ref().map_or(0, |cut| cut.number);
        for change in self.keys.changes() {
            match self.key_changes.remove(&change.number) {
                Some(digest) if digest == Some(change.digest()) => {}
                // The entry about it was removed in order.
                None if cut > change.checkpoint => {}
                _ => problems.push(format!(
                    "no record tells of change {} of the key as it is",
                    change.number
                )),
            }
        }
        for number in self.key_changes.keys() {
            problems.push(format!("change {number} of the key is missing"));
        }
        for problem in problems {
            self.problem(Problem::of(problem));
        }
    }
}
