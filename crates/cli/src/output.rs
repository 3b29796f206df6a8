//! What is printed, and how.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};
use anstyle::Style;
use kitelogik_core::text::{is_hidden, visible, visible_lines};
use serde::Serialize;

use crate::answer::{Failure, Outcome};
use crate::arguments::{Color, Display};

/// The colours.
pub(crate) mod style {
    use anstyle::{AnsiColor, Style};

    pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
    pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
    pub(crate) const YES: Style = AnsiColor::Green.on_default().bold();
    pub(crate) const NO: Style = AnsiColor::Red.on_default().bold();
    pub(crate) const MAYBE: Style = AnsiColor::Yellow.on_default().bold();
    pub(crate) const TEXT: Style = AnsiColor::Cyan.on_default();
    pub(crate) const DIM: Style = Style::new().dimmed();
    pub(crate) const PLAIN: Style = Style::new().bold();
}

/// Standard output, and what the user asked of it.
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    colour: bool,
    stream: BufWriter<StdoutLock<'static>>,
    terminal: bool,
}

impl Output {
    pub(crate) fn new(display: &Display) -> Self {
        match display.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        }
        .write_global();
        let stdout = io::stdout();
        Self {
            json: display.json,
            quiet: display.quiet,
            colour: AutoStream::choice(&stdout) != ColorChoice::Never,
            terminal: stdout.is_terminal(),
            stream: BufWriter::new(stdout.lock()),
        }
    }

    /// Whether JSON is wanted.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// `text` in this style, where there is colour.
    pub(crate) fn paint(&self, style: Style, text: impl fmt::Display) -> String {
        if self.colour {
            format!("{style}{text}{style:#}")
        } else {
            text.to_string()
        }
    }

    /// Prints one line of the program's own words; text of others goes through [`visible`] first.
    pub(crate) fn line(&mut self, line: impl fmt::Display) -> Outcome<()> {
        writeln!(self.stream, "{line}").map_err(|error| Failure::of_output(&error))
    }

    /// Prints `value` as JSON on one line.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Outcome<()> {
        let text = json_text(value)?;
        self.line(text)
    }

    /// Prints a document byte for byte where a program reads it, and with everything visible where a person does.
    pub(crate) fn document(&mut self, text: &str) -> Outcome<()> {
        let printed = if self.terminal {
            self.stream.write_all(visible_lines(text).as_bytes())
        } else {
            self.stream.write_all(text.as_bytes())
        };
        printed.map_err(|error| Failure::of_output(&error))
    }

    /// Writes out what is gathered.
    pub(crate) fn flush(&mut self) -> Outcome<()> {
        self.stream
            .flush()
            .map_err(|error| Failure::of_output(&error))
    }

    /// Warns on standard error.
    pub(crate) fn warn(&self, warning: impl fmt::Display) {
        if !self.quiet {
            let warning = warning.to_string();
            let warning = visible_lines(&warning);
            anstream::eprintln!("{}warning:{:#} {warning}", style::WARNING, style::WARNING);
        }
    }

    /// Counts on standard error, where a person watches.
    pub(crate) fn progress(&self, what: &'static str) -> Progress {
        Progress {
            what,
            shown: io::stderr().is_terminal() && !self.quiet && !self.terminal,
            count: 0,
            last: Instant::now(),
            printed: false,
        }
    }
}

/// Text of others, on one line.
pub(crate) fn shown(text: &str) -> String {
    visible(text).into_owned()
}

/// Standard output for documents of JSON, to be written to while an [`Output`] is there: hidden characters are escaped.
pub(crate) struct JsonStream(io::Stdout);

impl JsonStream {
    pub(crate) fn new() -> Self {
        Self(io::stdout())
    }
}

impl Write for JsonStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match str::from_utf8(bytes) {
            // Outside of strings JSON has line feeds, and nothing else that hides.
            Ok(text)
                if text
                    .chars()
                    .any(|character| character != '\n' && is_hidden(character)) =>
            {
                let escaped: Vec<String> = text.split('\n').map(escaped).collect();
                self.0.write_all(escaped.join("\n").as_bytes())?;
            }
            _ => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// JSON in which hidden characters are escaped: it says the same, and shows it.
fn json_text(value: &impl Serialize) -> Outcome<String> {
    let text = serde_json::to_string(value)
        .map_err(|error| Failure::new(format_args!("cannot write JSON: {error}")))?;
    if text.chars().any(is_hidden) {
        Ok(escaped(&text))
    } else {
        Ok(text)
    }
}

/// One line of JSON. Outside of strings it has no such characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hidden(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// A count that goes up, a few times a second.
pub(crate) struct Progress {
    what: &'static str,
    shown: bool,
    count: u64,
    last: Instant,
    printed: bool,
}

impl Progress {
    const PAUSE: Duration = Duration::from_millis(200);

    /// One more.
    pub(crate) fn step(&mut self) {
        self.at(self.count + 1);
    }

    /// So many.
    pub(crate) fn at(&mut self, count: u64) {
        self.count = count;
        if self.shown && self.last.elapsed() > Self::PAUSE {
            anstream::eprint!("\r{} {}", self.count, self.what);
            self.last = Instant::now();
            self.printed = true;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.printed {
            anstream::eprint!("\r{:40}\r", "");
        }
    }
}
