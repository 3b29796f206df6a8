//! A reminder of files that have grown too long.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::cargo::{output, root};

/// About as long as one idea gets.
const LINES: usize = 400;

/// Lists the Rust files of more than 400 lines. A reminder, not a limit.
///
/// # Errors
///
/// When git cannot list the files.
pub(crate) fn remind() -> Result<()> {
    let files = output(
        Command::new("git")
            .args([
                "ls-files",
                "--cached",
                "--others",
                "--exclude-standard",
                "*.rs",
            ])
            .current_dir(root()?)
            .stdin(Stdio::null()),
    )?;
    let mut long = Vec::new();
    for file in files.lines() {
        // Removed and not yet committed.
        let Ok(text) = fs::read_to_string(root()?.join(file)) else {
            continue;
        };
        let lines = text.lines().count();
        if lines > LINES {
            long.push((lines, file));
        }
    }
    long.sort_unstable_by(|one, other| other.cmp(one));
    for (lines, file) in &long {
        println!("{lines:>5} {file}");
    }
    println!(
        "{} files of more than {LINES} lines: is each about one thing?",
        long.len()
    );
    Ok(())
}
