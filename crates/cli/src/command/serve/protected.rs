//! Files with secrets in them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::answer::{Failure, Outcome};

/// The text of a file of less than `limit` bytes that no others can read, nor the group write.
pub(super) fn read(path: &Path, limit: u64) -> Outcome<String> {
    let failed = |problem: &dyn std::fmt::Display| {
        Failure::new(format_args!("cannot read `{}`: {problem}", path.display()))
    };
    let file = File::open(path).map_err(|error| failed(&error))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        let metadata = file.metadata().map_err(|error| failed(&error))?;
        // The group may read it: so secrets are mounted into containers.
        if metadata.permissions().mode() & 0o027 != 0 {
            return Err(Failure::new(format_args!(
                "`{}` is open to others: `chmod 600` it",
                path.display()
            )));
        }
    }
    let mut text = String::new();
    let read = file
        .take(limit)
        .read_to_string(&mut text)
        .map_err(|error| failed(&error))?;
    if read as u64 == limit {
        return Err(failed(&format_args!("it has {limit} bytes or more")));
    }
    Ok(text)
}
