//! Projects to begin from: a starter policy, and an agent that uses it.

use kitelogik_policy::{Starter, starters};

/// The one that is taken where none is named.
pub(crate) const DEFAULT: &str = "financial-refunds";

/// What goes with a starter policy of the same name.
struct Agent {
    name: &'static str,
    main: &'static str,
    events: &'static str,
    /// More files, as they are called in the project.
    more: &'static [(&'static str, &'static str)],
}

macro_rules! agent {
    ($name:literal) => {
        agent!($name, [])
    };
    ($name:literal, [$(($path:literal, $file:literal)),*]) => {
        Agent {
            name: $name,
            main: include_str!(concat!("../templates/", $name, "/main.rs")),
            events: include_str!(concat!("../templates/", $name, "/events.jsonl")),
            more: &[$(($path, include_str!(concat!("../templates/", $name, "/", $file)))),*],
        }
    };
}

static AGENTS: [Agent; 7] = [
    agent!("code-execution"),
    agent!(
        "financial-refunds",
        [("policies/decisions_test.yaml", "decisions_test.yaml")]
    ),
    agent!("healthcare-phi"),
    agent!("pii"),
    agent!("rate-and-cost-caps"),
    agent!("read-only"),
    agent!("tool-allowlist"),
];

const CARGO: &str = include_str!("../templates/Cargo.toml.template");
const README: &str = include_str!("../templates/README.md.template");
const GITIGNORE: &str = "/target\n";

/// A policy, its tests and an agent that uses it.
#[derive(Clone, Copy)]
pub(crate) struct Template {
    starter: &'static Starter,
    agent: &'static Agent,
}

impl Template {
    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        starters().iter().filter_map(|starter| {
            let agent = AGENTS.iter().find(|agent| agent.name == starter.name)?;
            Some(Self { starter, agent })
        })
    }

    /// What `--template` calls it.
    pub(crate) fn name(&self) -> &'static str {
        self.starter.name
    }

    /// What it does, in one line.
    pub(crate) fn description(&self) -> &'static str {
        self.starter.description
    }

    /// The files of a project: their paths with slashes, and their texts. `kitelogik` is what stands behind the
    /// dependency's name in `Cargo.toml`.
    pub(crate) fn files(&self, kitelogik: &str) -> Vec<(String, String)> {
        let package = format!("{}-agent", self.name());
        let mut files = vec![
            (
                "Cargo.toml".to_owned(),
                CARGO
                    .replace("{{name}}", &package)
                    .replace("{{kitelogik}}", kitelogik),
            ),
            (".gitignore".to_owned(), GITIGNORE.to_owned()),
            (
                "README.md".to_owned(),
                README
                    .replace("{{name}}", &package)
                    .replace("{{description}}", self.description()),
            ),
            ("events.jsonl".to_owned(), self.agent.events.to_owned()),
        ];
        let rules = self.starter.files.iter();
        let rules = rules.filter(|(name, _)| name.ends_with(".rego"));
        files.extend(rules.map(|(name, text)| (format!("policies/{name}"), (*text).to_owned())));
        let more = self.agent.more.iter();
        files.extend(more.map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
        files.push(("src/main.rs".to_owned(), self.agent.main.to_owned()));
        files
    }
}
