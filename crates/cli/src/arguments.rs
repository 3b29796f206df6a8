//! The command line.

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, ValueEnum};

use crate::command::Command;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// The version of the embedded engine, and of the OPA whose answers it is tested against.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nengine: regorus 0.14.1\nconformance: OPA 1.22.2"
);

const EXAMPLES: &str = "\
Exit codes:
  0  yes: allowed, nothing found, no difference
  1  no: not allowed, something found, a difference
  2  no answer: wrong usage, an error, a policy that could not be asked

Examples:
  kitelogik eval -p policies --action approve_refund --role support_agent --arg amount=42
  kitelogik eval -i events.jsonl --json
  kitelogik sanitize note.txt

`kitelogik help COMMAND` has examples of each.";

/// Write, test and ask the policies that decide what AI agents may do. Offline, without an OPA server
#[derive(Debug, Parser)]
#[command(
    name = "kitelogik",
    version,
    long_version = LONG_VERSION,
    after_help = EXAMPLES,
    styles = STYLES,
    max_term_width = 100,
    propagate_version = true
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) display: Display,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How answers are shown.
#[derive(Args, Debug)]
pub(crate) struct Display {
    /// Print JSON on standard output
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,
    /// Leave warnings and progress out; errors stay
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Colour: `auto` is on a terminal only, unless NO_COLOR is set
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub(crate) color: Color,
}

/// When there is colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}
