//! What was measured, as lines of JSON or as a table.

use serde::Serialize;

use super::threads::Made;
use crate::Times;

/// One measurement.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Line {
    system: &'static str,
    /// None: the Python package's bundle, as it is.
    rules: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_mb: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threads: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processor_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
}

impl Line {
    pub(super) fn decisions(system: &'static str, rules: Option<usize>, times: &mut Times) -> Self {
        Self {
            system,
            rules,
            p50_us: Some(rounded(times.percentile(0.5), 100.0)),
            p99_us: Some(rounded(times.percentile(0.99), 100.0)),
            calls: Some(times.count()),
            ..Self::default()
        }
    }

    pub(super) fn load(
        system: &'static str,
        rules: usize,
        load_ms: f64,
        memory_bytes: Option<u64>,
    ) -> Self {
        let memory = memory_bytes.map(|bytes| bytes as f64 / (1024.0 * 1024.0));
        Self {
            system,
            rules: Some(rules),
            load_ms: Some(rounded(load_ms, 10.0)),
            memory_mb: memory.map(|memory| rounded(memory, 10.0)),
            ..Self::default()
        }
    }

    pub(super) fn threads(
        system: &'static str,
        rules: usize,
        threads: usize,
        made: &Made,
        ratio: Option<f64>,
    ) -> Self {
        Self {
            system,
            rules: Some(rules),
            threads: Some(threads),
            per_second: Some(made.per_second.round()),
            processor_us: Some(rounded(made.processor_us, 100.0)),
            ratio: ratio.map(|ratio| rounded(ratio, 100.0)),
            ..Self::default()
        }
    }
}

fn rounded(figure: f64, parts: f64) -> f64 {
    (figure * parts).round() / parts
}

/// Prints lines as they come, or a table when all are there.
pub(super) struct Report {
    json: bool,
    lines: Vec<Line>,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            lines: Vec::new(),
        }
    }

    pub(super) fn line(&mut self, line: Line) {
        if self.json
            && let Ok(text) = serde_json::to_string(&line)
        {
            println!("{text}");
        }
        self.lines.push(line);
    }

    /// Says what is missing, where it is not taken for a measurement.
    pub(super) fn note(&self, text: &str) {
        eprintln!("note: {text}");
    }

    pub(super) fn finish(&self) {
        if self.json {
            return;
        }
        println!("\n| system | rules | p50 (us) | p99 (us) | p50 against ours | calls timed |");
        println!("|---|---|---|---|---|---|");
        for line in &self.lines {
            if let (Some(p50), Some(p99), Some(calls)) = (line.p50_us, line.p99_us, line.calls) {
                println!(
                    "| {} | {} | {p50:.2} | {p99:.2} | {} | {calls} |",
                    line.system,
                    line.size(),
                    self.against_ours(line)
                );
            }
        }
        println!("\n| system | rules | load (ms) | memory (MiB) |\n|---|---|---|---|");
        for line in &self.lines {
            if let Some(load) = line.load_ms {
                let memory = line
                    .memory_mb
                    .map_or_else(String::new, |memory| format!("{memory:.1}"));
                println!(
                    "| {} | {} | {load:.1} | {memory} |",
                    line.system,
                    line.size()
                );
            }
        }
        println!(
            "\n| system | rules | threads | decisions a second | against one | processor's time for each (us) |\n|---|---|---|---|---|---|"
        );
        for line in &self.lines {
            if let (Some(threads), Some(figure)) = (line.threads, line.per_second) {
                let ratio = line
                    .ratio
                    .map_or_else(String::new, |ratio| format!("{ratio:.2}"));
                let processor = line.processor_us.unwrap_or_default();
                println!(
                    "| {} | {} | {threads} | {figure:.0} | {ratio} | {processor:.2} |",
                    line.system,
                    line.size()
                );
            }
        }
    }

    /// How many times as long as our gate with the built-in bundle.
    fn against_ours(&self, line: &Line) -> String {
        let ours = self.lines.iter().find(|ours| {
            ours.system == "kitelogik" && ours.rules == line.rules && ours.p50_us.is_some()
        });
        match (line.p50_us, ours.and_then(|ours| ours.p50_us)) {
            (Some(theirs), Some(ours)) if ours > 0.0 => format!("{:.1}", theirs / ours),
            _ => String::new(),
        }
    }
}

impl Line {
    fn size(&self) -> String {
        self.rules
            .map_or_else(|| "Python bundle".to_owned(), |rules| rules.to_string())
    }
}
