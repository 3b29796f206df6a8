//! A few seconds of load.

use std::time::Duration;

use kitelogik_bench::soak::{Outages, Swaps};
use kitelogik_opa_process::opa_or_skip;

#[test]
fn while_policies_are_swapped_every_decision_is_by_one_version_and_as_that_decides() {
    let swaps = Swaps {
        time: Duration::from_secs(3),
        rate: 500,
        every: Duration::from_millis(750),
    };
    let report = swaps.run().unwrap();
    println!("{report}");
    report.hold().unwrap();
}

#[test]
fn while_opa_is_killed_stopped_and_restarted_every_question_is_answered_right_or_denied() {
    let Some(opa) = opa_or_skip!() else { return };
    let outages = Outages {
        phase: Duration::from_millis(1_000),
        rate: 100,
        probe_interval: Duration::from_millis(250),
    };
    let report = outages.run(&opa).unwrap();
    println!("{report}");
    report.hold().unwrap();
}
