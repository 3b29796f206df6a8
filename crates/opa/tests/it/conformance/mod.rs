//! The tables of `conformance/`: the same answer from every engine.

mod case;
#[cfg(feature = "rest")]
mod opa;
#[cfg(feature = "rest")]
mod patterns;

#[cfg(feature = "rest")]
pub(crate) use self::opa::Loaded;

use std::time::Duration;

use kitelogik_core::{PolicyDecision, PolicyEngine, PolicyInput};
use kitelogik_opa::{Embedded, EmbeddedBuilder, EmbeddedError};

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
