//! The events that are asked about.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use kitelogik_core::EventDocument;
use kitelogik_core::json;
use serde_json::{Map, Value};

use crate::answer::{Failure, Outcome};

/// One document, or one line of a file of them, is not larger.
const MAX_DOCUMENT_BYTES: u64 = 16 * 1024 * 1024;

/// Whether `path` stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// An event, from a file or from flags.
#[derive(Args, Debug)]
#[command(next_help_heading = "Event")]
pub(crate) struct EventArguments {
    /// A file with one event as a JSON document, or with one a line (JSON Lines); `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// The kind of event: `tool_call` (default), `agent.spawn`, `agent.delegate`, `agent.plan`, `agent.budget`
    #[arg(long, value_name = "TYPE", conflicts_with = "input")]
    event: Option<String>,
    /// The policy's name for what is wanted
    #[arg(long, conflicts_with = "input")]
    action: Option<String>,
    /// The tool's name, where it differs from the action
    #[arg(long, value_name = "NAME", conflicts_with = "input")]
    tool: Option<String>,
    /// One argument: JSON where the value is JSON (`amount=42`, `'id="42"'`), text otherwise; may be repeated
    #[arg(long = "arg", value_name = "NAME=VALUE", conflicts_with = "input")]
    arg: Vec<String>,
    /// The arguments as a JSON object
    #[arg(long, value_name = "JSON", conflicts_with = "input")]
    args: Option<String>,
    /// The path or URL that the tool will touch
    #[arg(long, value_name = "PATH", conflicts_with = "input")]
    resource: Option<String>,
    /// How sensitive the data is: `public`, `internal`, `confidential`, `restricted`
    #[arg(long, value_name = "CLASS", conflicts_with = "input")]
    classification: Option<String>,
    /// What the other agent shall be able to do; may be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "input")]
    capability: Vec<String>,
    /// The agent that work is handed to
    #[arg(long, value_name = "AGENT", conflicts_with = "input")]
    target: Option<String>,
    /// A step of a plan: an action, or `{"action": …, "args": …}`; may be repeated
    #[arg(long, value_name = "STEP", conflicts_with = "input")]
    step: Vec<String>,
    #[command(flatten)]
    session: SessionArguments,
}

/// Who asks.
#[derive(Args, Debug)]
#[command(next_help_heading = "Session")]
struct SessionArguments {
    /// The role
    #[arg(long, conflicts_with = "input")]
    role: Option<String>,
    /// A scope; may be repeated
    #[arg(long, conflicts_with = "input")]
    scope: Vec<String>,
    /// The tenant
    #[arg(long, conflicts_with = "input")]
    tenant: Option<String>,
    /// The person or service it acts for
    #[arg(long, value_name = "WHO", conflicts_with = "input")]
    principal: Option<String>,
    /// The session's id
    #[arg(long, value_name = "ID", conflicts_with = "input")]
    session: Option<String>,
    /// Code runs in a sandbox that was verified
    #[arg(long, conflicts_with = "input")]
    sandbox_verified: bool,
    /// How many sessions stand above it
    #[arg(long, value_name = "N", conflicts_with = "input")]
    depth: Option<u32>,
    /// Any other key of the context, as in `budget_total_tokens=1000`; may be repeated
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "input")]
    context: Vec<String>,
}

impl EventArguments {
    /// Whether the events come from a file or standard input, and not from flags.
    pub(crate) fn source(&self) -> Option<&Path> {
        self.input.as_deref()
    }

    /// The event that the flags describe.
    pub(crate) fn described(&self) -> Outcome<EventDocument> {
        let mut event = Map::new();
        let mut text = |key: &str, value: &Option<String>| {
            if let Some(value) = value {
                event.insert(key.to_owned(), Value::from(value.as_str()));
            }
        };
        text("event_type", &self.event);
        text("action", &self.action);
        text("tool_name", &self.tool);
        text("resource_path", &self.resource);
        text("data_classification", &self.classification);
        text("delegation_target", &self.target);
        if event.is_empty() {
            return Err(Failure::new(
                "there is no event: give one with `-i FILE`, or at least `--action NAME` or `--event TYPE`",
            ));
        }
        let mut args = match &self.args {
            None => Map::new(),
            Some(text) => match json::parse(text, json::DEFAULT_MAX_DEPTH) {
                Ok(Value::Object(args)) => args,
                Ok(_) => return Err(Failure::new("`--args` must be a JSON object")),
                Err(error) => return Err(Failure::new(format_args!("`--args`: {error}"))),
            },
        };
        for pair in &self.arg {
            insert(&mut args, "--arg", pair)?;
        }
        if !args.is_empty() {
            event.insert("args".to_owned(), Value::Object(args));
        }
        if !self.capability.is_empty() {
            event.insert(
                "requested_capabilities".to_owned(),
                Value::from(self.capability.clone()),
            );
        }
        if !self.step.is_empty() {
            let steps: Outcome<Vec<Value>> = self.step.iter().map(|step| read_step(step)).collect();
            event.insert("steps".to_owned(), Value::Array(steps?));
        }
        event.insert("context".to_owned(), Value::Object(self.session.context()?));
        EventDocument::from_value(Value::Object(event)).map_err(Failure::new)
    }
}

impl SessionArguments {
    fn context(&self) -> Outcome<Map<String, Value>> {
        let mut context = Map::new();
        let mut insert_value = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                context.insert(key.to_owned(), value);
            }
        };
        insert_value("user_role", self.role.clone().map(Value::from));
        insert_value("tenant_id", self.tenant.clone().map(Value::from));
        insert_value("principal", self.principal.clone().map(Value::from));
        insert_value("session_id", self.session.clone().map(Value::from));
        insert_value("delegation_depth", self.depth.map(Value::from));
        insert_value(
            "sandbox_verified",
            self.sandbox_verified.then(|| true.into()),
        );
        insert_value(
            "session_scopes",
            (!self.scope.is_empty()).then(|| self.scope.clone().into()),
        );
        for pair in &self.context {
            insert(&mut context, "--context", pair)?;
        }
        Ok(context)
    }
}

/// Adds `NAME=VALUE` to `map`; twice the same name would leave open which of them is meant.
fn insert(map: &mut Map<String, Value>, flag: &str, pair: &str) -> Outcome<()> {
    let Some((name, value)) = pair.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        return Err(Failure::new(format_args!(
            "`{flag} {pair}`: write `{flag} NAME=VALUE`"
        )));
    };
    if map.contains_key(name) {
        return Err(Failure::new(format_args!(
            "`{flag}`: `{name}` is given twice"
        )));
    }
    map.insert(name.to_owned(), json_or_text(flag, value)?);
    Ok(())
}

pub(crate) fn json_or_text(flag: &str, value: &str) -> Outcome<Value> {
    match json::parse(value, json::DEFAULT_MAX_DEPTH) {
        Ok(value) => Ok(value),
        // What begins as an object, a list or a quoted text is meant as JSON: half of one is a slip.
        Err(error) if value.trim_start().starts_with(['{', '[', '"']) => Err(Failure::new(
            format_args!("`{flag}`: `{value}` is not JSON: {error}"),
        )),
        Err(_) => Ok(Value::from(value)),
    }
}

fn read_step(step: &str) -> Outcome<Value> {
    if step.trim_start().starts_with('{') {
        return json_or_text("--step", step);
    }
    Ok(serde_json::json!({ "action": step }))
}

/// Events from a file or standard input, one by one, in order.
pub(crate) struct Events {
    name: String,
    reader: Box<dyn BufRead>,
    line: u64,
    waiting: Vec<Outcome<EventDocument>>,
    /// Whether the rest is one event a line.
    lines: bool,
    ended: bool,
}

impl Events {
    /// Opens `path`; `-` is standard input.
    pub(crate) fn open(path: &Path) -> Outcome<Self> {
        let (name, reader): (String, Box<dyn BufRead>) = if path.as_os_str() == "-" {
            (
                "standard input".to_owned(),
                Box::new(BufReader::new(io::stdin())),
            )
        } else {
            let name = path.display().to_string();
            let file = File::open(path)
                .map_err(|error| Failure::new(format_args!("cannot read `{name}`: {error}")))?;
            (name, Box::new(BufReader::new(file)))
        };
        let mut events = Self {
            name,
            reader,
            line: 0,
            waiting: Vec::new(),
            lines: false,
            ended: false,
        };
        events.start()?;
        Ok(events)
    }

    /// Whether there is one event, and no more to come. Waits for the second line.
    pub(crate) fn is_single(&mut self) -> bool {
        if self.lines && self.waiting.len() == 1 && !self.ended {
            match self.next_line() {
                Some(next) => self.waiting.insert(0, next),
                None => self.ended = true,
            }
        }
        self.ended && self.waiting.len() <= 1
    }

    /// Reads the first event: of a file with one a line if the first line is a whole JSON value, and otherwise of a
    /// file that holds one.
    fn start(&mut self) -> Outcome<()> {
        let Some(first) = self.read_line()? else {
            return Err(Failure::new(format_args!(
                "{}: there is no event",
                self.name
            )));
        };
        if serde_json::from_str::<serde::de::IgnoredAny>(&first).is_ok() {
            self.lines = true;
            let first = self.parse(&first, true);
            self.waiting.push(first);
            return Ok(());
        }
        let mut text = first;
        let mut rest = String::new();
        (&mut self.reader)
            .take(MAX_DOCUMENT_BYTES)
            .read_to_string(&mut rest)
            .map_err(|error| self.unreadable(&error))?;
        text.push_str(&rest);
        if rest.len() as u64 >= MAX_DOCUMENT_BYTES {
            return Err(self.too_large());
        }
        let only = self.parse(&text, false);
        self.waiting.push(only);
        self.ended = true;
        Ok(())
    }

    fn next_line(&mut self) -> Option<Outcome<EventDocument>> {
        match self.read_line() {
            Ok(None) => None,
            Ok(Some(line)) => Some(self.parse(&line, true)),
            Err(failure) => Some(Err(failure)),
        }
    }

    /// The next line that is not blank.
    fn read_line(&mut self) -> Outcome<Option<String>> {
        loop {
            let mut line = String::new();
            let read = (&mut self.reader)
                .take(MAX_DOCUMENT_BYTES)
                .read_line(&mut line)
                .map_err(|error| self.unreadable(&error))?;
            if read == 0 {
                return Ok(None);
            }
            if read as u64 >= MAX_DOCUMENT_BYTES {
                return Err(self.too_large());
            }
            self.line += 1;
            let text = if self.line == 1 {
                line.strip_prefix('\u{feff}').unwrap_or(&line)
            } else {
                &line
            };
            if !text.trim().is_empty() {
                return Ok(Some(text.to_owned()));
            }
        }
    }

    fn parse(&self, text: &str, line: bool) -> Outcome<EventDocument> {
        EventDocument::parse(text).map_err(|error| {
            if line && self.line > 1 {
                Failure::new(format_args!("{}, line {}: {error}", self.name, self.line))
            } else {
                Failure::new(format_args!("{}: {error}", self.name))
            }
        })
    }

    fn unreadable(&self, error: &io::Error) -> Failure {
        if error.kind() == io::ErrorKind::InvalidData {
            return Failure::new(format_args!("{} is not UTF-8", self.name));
        }
        Failure::new(format_args!("cannot read {}: {error}", self.name))
    }

    fn too_large(&self) -> Failure {
        Failure::new(format_args!(
            "{}: an event is larger than {} MiB",
            self.name,
            MAX_DOCUMENT_BYTES / (1024 * 1024)
        ))
    }
}

impl Iterator for Events {
    type Item = Outcome<EventDocument>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(event) = self.waiting.pop() {
            return Some(event);
        }
        if self.ended {
            return None;
        }
        self.next_line()
    }
}
