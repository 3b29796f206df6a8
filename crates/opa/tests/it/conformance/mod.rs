//! The tables of `conformance/`: the same answer from every engine.

mod case;
#[cfg(feature = "rest")]
mod opa;
#[cfg(feature = "rest")]
mod patterns;

#[cfg(feature = "rest")]
pub(crate) use self::opa::Loaded;

use std::collections::HashMap;
use std::time::Duration;

use kitelogik_core::{EngineError, PolicyDecision, PolicyEngine, PolicyInput};
use kitelogik_opa::{Embedded, EmbeddedBuilder, EmbeddedError};
use kitelogik_rego::{Interpreter, MAX_DEPTH, read};

use self::case::Case;

/// Failing cases, told all at once.
#[derive(Default)]
struct Failures {
    lines: Vec<String>,
    cases: usize,
}

impl Failures {
    fn check(&mut self, engine: &str, case: &Case, got: Result<PolicyDecision, String>) {
        self.cases += 1;
        let unmet = match (got, &case.embedded) {
            (Ok(decision), Some(code)) if engine == "embedded" => {
                let code_of = decision.fail_closed.map_or("none", |code| code.as_str());
                (code_of != code).then(|| vec![format!("embedded: wanted {code}, got {code_of}")])
            }
            (Err(_), Some(code)) if engine == "embedded" && code == "not_loaded" => None,
            (Ok(decision), _) => Some(case.want.unmet(&decision)).filter(|unmet| !unmet.is_empty()),
            (Err(problem), _) => Some(vec![problem]),
        };
        for line in unmet.unwrap_or_default() {
            self.lines
                .push(format!("{} `{}` on {engine}: {line}", case.file, case.note));
        }
    }

    fn report(self) {
        assert!(self.cases > 0, "there are no cases");
        let count = self.lines.len();
        assert!(count == 0, "{count} unmet:\n{}", self.lines.join("\n"));
    }
}

async fn decide(engine: &dyn PolicyEngine, case: &Case) -> PolicyDecision {
    let input = PolicyInput::new(&case.event, &case.context, (&case.context).into());
    engine
        .decide(&input)
        .await
        .unwrap_or_else(|error| PolicyDecision::fail_closed(&error))
}

#[tokio::test]
async fn every_case_has_its_answer_on_the_embedded_engine() {
    every_case(EmbeddedBuilder::build).await;
}

#[tokio::test]
async fn every_case_has_its_answer_from_the_interpreter_alone() {
    every_case(|builder| builder.interpreted().build()).await;
}

#[test]
fn every_case_has_its_answer_from_the_rules_that_its_call_can_reach() {
    let mut failures = Failures::default();
    let mut reductions = 0;
    let cases = case::all();
    for cases in cases.chunk_by(Case::shares_policy) {
        let compiled = cases[0].policy().and_then(|policy| {
            let modules = policy.modules().iter();
            let modules = modules.map(|module| (module.name(), module.text()));
            let interpreter = Interpreter::compile(modules, policy.data(), policy.entry_point())
                .map_err(|error| error.to_string())?;
            let program = interpreter.program().map_err(|error| error.to_string())?;
            Ok((interpreter, program, policy.entry_point().to_owned()))
        });
        let mut made = HashMap::new();
        for case in cases {
            let got = compiled.as_ref().map_err(Clone::clone);
            let got = got.map(|(interpreter, program, entry_point)| {
                let input = PolicyInput::new(&case.event, &case.context, (&case.context).into());
                let reduced = made.entry(program.key(&input));
                let reduced = reduced.or_insert_with_key(|key| program.reduced(key, 0));
                reductions += usize::from(reduced.is_some());
                let interpreter = reduced.as_ref().unwrap_or(interpreter);
                read(&input, 1 << 20, MAX_DEPTH)
                    .and_then(|input| interpreter.run(&input, Duration::from_secs(10), 1 << 20))
                    .map_err(EngineError::from)
                    .and_then(|document| PolicyDecision::from_result(&document, entry_point))
                    .unwrap_or_else(|error| PolicyDecision::fail_closed(&error))
            });
            failures.check("embedded", case, got);
        }
    }
    assert!(
        reductions > cases.len() / 2,
        "{reductions} of {}",
        cases.len()
    );
    failures.report();
}

async fn every_case(build: fn(EmbeddedBuilder) -> Result<Embedded, EmbeddedError>) {
    let mut failures = Failures::default();
    let cases = case::all();
    for cases in cases.chunk_by(Case::shares_policy) {
        let engine = cases[0].policy().and_then(|policy| {
            // Cases are about answers; on a busy machine they may take their time.
            build(Embedded::builder(policy).evaluation_time(Duration::from_secs(10)))
                .map_err(|error| error.to_string())
        });
        for case in cases {
            let got = match &engine {
                Ok(engine) => Ok(decide(engine, case).await),
                Err(problem) => Err(problem.clone()),
            };
            failures.check("embedded", case, got);
        }
    }
    failures.report();
}
