//! The policies and calls that engines are compared on.

use kitelogik_bench::{Call, Rules, Times};
use kitelogik_opa::{Embedded, PolicyGate};
use kitelogik_policy::Policy;
use std::time::Duration;

#[tokio::test]
async fn the_rules_come_to_the_verdicts_that_are_expected_of_every_engine() {
    for count in [10, 100] {
        let rules = Rules::new(count);
        assert_eq!(rules.count(), count);
        let composed = Policy::builder().rego("rules.rego", rules.rego("kitelogik.userpolicy"));
        let alone = Policy::builder()
            .without_builtin_bundle()
            .rego("rules.rego", rules.rego("kitelogik.main"));
        for policy in [composed, alone] {
            let gate = PolicyGate::new(Embedded::new(policy.build().unwrap()).unwrap());
            for call in Call::all(&rules) {
                let decision = gate.evaluate(&call.event, &call.context).await;
                assert_eq!(decision.verdict, call.wanted, "{:?}", call.event);
            }
        }
    }
}

#[test]
fn percentiles_are_of_all_times() {
    let mut times = Times::default();
    for microseconds in (1..=100).rev() {
        times.add(Duration::from_micros(microseconds));
    }
    assert!((times.percentile(0.5) - 51.0).abs() < 0.01);
    assert!((times.percentile(0.99) - 99.0).abs() < 0.01);
    assert!((times.percentile(1.0) - 100.0).abs() < 0.01);
}
