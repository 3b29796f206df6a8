use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use clap::Args;
use kitelogik_ledger::{Checkpoint, PublicKey, Verification, VerifyOptions, verify_lines};

use super::text;
use crate::answer::{Answer, Failure, Outcome};
use crate::output::{Output, shown, style};
use crate::policy::read_file;
use crate::store::StoreArguments;

const EXAMPLES: &str = "\
Whoever can write the store could sign anew what they changed, with a key of their own: only the public key and a
checkpoint that were kept elsewhere prove that nothing was changed, removed or cut off.

Exit codes: 0 whole, 1 something was changed, removed, put in or cut off, 2 an error

Examples:
  kitelogik audit verify
  kitelogik audit verify --checkpoint checkpoint.json --json
  kitelogik audit verify --file chain.jsonl";

/// Prove that the record is whole, entry by entry, or name the first that is not
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Verify {
    #[command(flatten)]
    store: StoreArguments,
    /// A checkpoint that was kept elsewhere (`kitelogik audit checkpoint`); may be repeated
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// A key that is trusted to sign checkpoints, as 64 hexadecimal digits; may be repeated. Default: the one in the store.
    /// Where the key was changed, name the last one: it vouches for those before
    #[arg(long = "public-key", value_name = "HEX")]
    public_keys: Vec<PublicKey>,
    /// Look at an export of the chains (`kitelogik audit export --format chain`) instead of a store
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Verify {
    fn options(&self) -> Outcome<VerifyOptions> {
        let mut options = VerifyOptions::new();
        for key in &self.public_keys {
            options = options.public_key(*key);
        }
        for path in &self.checkpoints {
            let checkpoint: Checkpoint =
                serde_json::from_str(&read_file(path)?).map_err(|error| {
                    Failure::new(format_args!(
                        "`{}` is no checkpoint: {error}",
                        path.display()
                    ))
                })?;
            options = options.checkpoint(checkpoint);
        }
        Ok(options)
    }
}

/// The answer about a file, where one is named.
pub(super) fn of_file(arguments: &Verify, output: &mut Output) -> Option<Outcome> {
    let path = arguments.file.as_ref()?;
    let look = || -> Outcome<Verification> {
        let file = File::open(path).map_err(|error| {
            Failure::new(format_args!("cannot read `{}`: {error}", path.display()))
        })?;
        let found =
            verify_lines(BufReader::new(file), &arguments.options()?).map_err(Failure::new)?;
        if found.records == 0 {
            output.warn("it has no entry of a chain: `kitelogik audit export --format chain` writes a file that has");
        }
        Ok(found)
    };
    Some(look().and_then(|found| tell(&found, output)))
}

pub(super) async fn run(arguments: &Verify, output: &mut Output) -> Outcome {
    let options = arguments.options()?;
    let ledger = arguments.store.read().await?;
    let mut progress = output.progress("entries");
    let found = ledger
        .audit()
        .verify(&options, |count| progress.at(count))
        .await?;
    drop(progress);
    tell(&found, output)
}

fn tell(found: &Verification, output: &mut Output) -> Outcome {
    if output.is_json() {
        output.json(found)?;
        return Ok(Answer::yes_if(found.is_intact()));
    }
    for problem in &found.problems {
        let broken = output.paint(style::NO, "broken:");
        output.line(format_args!("{broken} {}", shown(&problem.to_string())))?;
    }
    let counted = format!(
        "{} in {}, {}, {} behind the last one",
        text::number(found.records, "entry"),
        text::number(found.writers, "chain"),
        text::number(found.checkpoints, "checkpoint"),
        text::number(found.unsealed, "entry")
    );
    if found.is_intact() {
        let intact = output.paint(style::YES, "intact:");
        output.line(format_args!("{intact} {counted}"))?;
    } else {
        output.line(format_args!("looked at {counted}"))?;
    }
    if let Some(number) = found.removed_up_to {
        output.line(format_args!(
            "old entries were removed up to checkpoint {number}"
        ))?;
    }
    Ok(Answer::yes_if(found.is_intact()))
}
