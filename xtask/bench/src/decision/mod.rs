//! What a decision costs, beside other engines on the same policies and calls.

mod agreement;
mod gate;
mod load;
mod opa;
mod peer;
mod plain;
mod report;
mod threads;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use kitelogik_core::Verdict;
use kitelogik_opa_process as opa_process;
use kitelogik_policy::Policy;

pub use load::load;

use crate::{Call, Rules, Times};
use gate::Gate;
use report::{Line, Report};

/// What to measure.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// A JSON line for each measurement, instead of a table
    #[arg(long)]
    json: bool,
    /// Small policies and short rounds, to see that everything works
    #[arg(long)]
    quick: bool,
    /// Where the programs of the other engines are, `kitelogik-bench-agentmesh` and `kitelogik-bench-cedar`
    #[arg(long, value_name = "DIRECTORY")]
    peers: Option<PathBuf>,
    /// The policies of the Python package, unpacked
    #[arg(long, value_name = "DIRECTORY")]
    python_bundle: Option<PathBuf>,
}

/// Something that decides.
trait System {
    fn name(&self) -> &'static str;

    /// What it says of each call, in order.
    fn verdicts(&mut self) -> Result<Vec<Verdict>>;

    /// Decides each call in turn until `budget` has passed, and each at least once.
    fn time(&mut self, budget: Duration) -> Result<Times>;
}

/// Measures, and prints what came of it.
///
/// # Errors
///
/// When an engine fails, or gives another verdict than the rules come to: then nothing is worth timing.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut report = Report::new(arguments.json);
    let (sizes, rounds): (&[usize], _) = match arguments.quick {
        true => (&[10, 100], Rounds::new(2, 5)),
        false => (&[10, 100, 1_000, 10_000], Rounds::new(40, 25)),
    };
    let largest = sizes.last().copied().unwrap_or_default();
    // In processes of their own, each of which has loaded nothing before.
    load::measure(&mut report, largest)?;
    for &size in sizes {
        let rules = Rules::new(size);
        let calls = Call::all(&rules);
        let mut systems = systems(&rules, &calls, arguments, &mut report)?;
        let wanted: Vec<Verdict> = calls.iter().map(|call| call.wanted).collect();
        agreement::check(&mut systems, &wanted)?;
        rounds.measure(&mut systems, Some(size), &mut report)?;
    }
    if let Some(folder) = &arguments.python_bundle {
        python(folder, rounds, &mut report)?;
    } else {
        report.note("the Python package's bundle was not measured: no `--python-bundle`");
    }
    threads::measure(&mut report, arguments.quick)?;
    report.finish();
    Ok(())
}

/// The package in which a policy without the built-in bundle answers.
const ALONE: &str = "kitelogik.main";

fn systems(
    rules: &Rules,
    calls: &[Call],
    arguments: &Arguments,
    report: &mut Report,
) -> Result<Vec<Box<dyn System>>> {
    let mut systems: Vec<Box<dyn System>> = vec![
        Box::new(Gate::embedded("kitelogik", composed(rules)?, calls)?),
        Box::new(Gate::embedded(
            "kitelogik_rules_only",
            alone(rules)?,
            calls,
        )?),
        Box::new(Gate::patient(
            "kitelogik_interpreted",
            interpreted(rules)?,
            calls,
        )?),
        Box::new(plain::Regorus::new(&rules.rego(ALONE), calls)?),
    ];
    match opa_process::find() {
        Ok(opa) => {
            let server = opa
                .server()
                .module("main.rego", rules.rego(ALONE))
                .patience(Duration::from_secs(60))
                .start()?;
            let server = opa::Shared::new(server);
            systems.push(Box::new(opa::Opa::new(server.clone(), calls)?));
            systems.push(Box::new(Gate::rest(server, calls)?));
        }
        Err(error) => report.note(&format!("OPA was not measured: {error}")),
    }
    for (name, policy) in [
        ("cedar", rules.cedar()),
        ("agentmesh", rules.rego_without_reasons(ALONE)),
    ] {
        let Some(folder) = &arguments.peers else {
            report.note(&format!("{name} was not measured: no `--peers`"));
            continue;
        };
        let peer = peer::Peer::start(name, folder, &policy, calls)
            .with_context(|| format!("{name} with {} rules", rules.count()))?;
        report.line(peer.loaded(rules.count()));
        systems.push(Box::new(peer));
    }
    Ok(systems)
}

/// The rules composed with the built-in bundle, as users have it.
pub(crate) fn composed(rules: &Rules) -> Result<Policy> {
    let rego = rules.rego("kitelogik.userpolicy");
    Ok(Policy::builder().rego("rules.rego", rego).build()?)
}

/// The same with one more rule that says nothing, and that each call is left to the interpreter for.
fn interpreted(rules: &Rules) -> Result<Policy> {
    let rego = rules.rego("kitelogik.userpolicy");
    let more = "package kitelogik.userpolicy\n\ndeny contains \"a fortune\" if {\n\tinput.args.amount > 1000000000 \
                with input.args.note as \"\"\n}\n";
    let builder = Policy::builder().rego("rules.rego", rego);
    Ok(builder.rego("more.rego", more).build()?)
}

/// The rules alone, as the other engines get them.
pub(crate) fn alone(rules: &Rules) -> Result<Policy> {
    let builder = Policy::builder().without_builtin_bundle();
    Ok(builder.rego("main.rego", rules.rego(ALONE)).build()?)
}

fn python(folder: &std::path::Path, rounds: Rounds, report: &mut Report) -> Result<()> {
    let policy = Policy::load(folder)
        .with_context(|| format!("the Python package's policies in `{}`", folder.display()))?;
    let calls = Call::of_the_python_bundle();
    let wanted: Vec<Verdict> = calls.iter().map(|call| call.wanted).collect();
    let mut systems: Vec<Box<dyn System>> =
        vec![Box::new(Gate::embedded("kitelogik", policy, &calls)?)];
    if let Ok(opa) = opa_process::find() {
        let server = opa::Shared::new(opa.server().policy(folder).start()?);
        systems.push(Box::new(opa::Opa::new(server.clone(), &calls)?));
        systems.push(Box::new(Gate::rest(server, &calls)?));
    }
    agreement::check(&mut systems, &wanted)?;
    rounds.measure(&mut systems, None, report)
}

/// Rounds in which all systems take turns, so that what else the machine does falls on each alike.
#[derive(Clone, Copy)]
struct Rounds {
    count: usize,
    turn: Duration,
}

impl Rounds {
    fn new(count: usize, turn_ms: u64) -> Self {
        Self {
            count,
            turn: Duration::from_millis(turn_ms),
        }
    }

    fn measure(
        self,
        systems: &mut [Box<dyn System>],
        rules: Option<usize>,
        report: &mut Report,
    ) -> Result<()> {
        let mut times: Vec<(&'static str, Times)> = systems
            .iter()
            .map(|system| (system.name(), Times::default()))
            .collect();
        for _ in 0..self.count {
            for (system, (_, times)) in systems.iter_mut().zip(&mut times) {
                times.append(system.time(self.turn)?);
            }
            // What went before matters: the order changes from round to round.
            systems.rotate_left(1);
            times.rotate_left(1);
        }
        let turned = self.count % systems.len().max(1);
        times.rotate_right(turned);
        systems.rotate_right(turned);
        for (name, mut times) in times {
            report.line(Line::decisions(name, rules, &mut times));
        }
        Ok(())
    }
}
