//! Several judgements of one call: the strongest holds.

use kitelogik_core::{EngineError, FailClosed, PolicyDecision, RiskTier, Verdict};
use proptest::prelude::*;
use serde_json::json;

const ENTRY: &str = "data.kitelogik.main";
const VERDICTS: [Verdict; 4] = [
    Verdict::Deny,
    Verdict::Refuse,
    Verdict::RequireApproval,
    Verdict::Allow,
];

fn decision(verdict: Verdict, tier: RiskTier, reason: &str, rule: &str) -> PolicyDecision {
    let mut document = json!({"risk_tier": tier.as_str(), "rules": [rule]});
    match verdict {
        Verdict::Deny => document["deny"] = json!([reason]),
        Verdict::RequireApproval => document["hitl_reason"] = json!([reason]),
        Verdict::Allow => document["allow"] = json!(true),
        Verdict::Refuse => {}
    }
    PolicyDecision::from_result(&document, ENTRY).unwrap()
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(VERDICTS.to_vec())
}

fn tier() -> impl Strategy<Value = RiskTier> {
    prop::sample::select(vec![
        RiskTier::Informational,
        RiskTier::Operational,
        RiskTier::TransactionalLow,
        RiskTier::TransactionalHigh,
        RiskTier::Destructive,
        RiskTier::SecurityCritical,
    ])
}

proptest! {
    #[test]
    fn the_strongest_verdict_and_the_highest_tier_hold_in_either_order(
        first in (verdict(), tier()),
        second in (verdict(), tier()),
    ) {
        let one = decision(first.0, first.1, "one", "first");
        let two = decision(second.0, second.1, "two", "second");
        let position = |verdict| VERDICTS.iter().position(|known| *known == verdict);
        let strongest = VERDICTS[position(first.0).min(position(second.0)).unwrap()];
        for joined in [one.clone().strongest(two.clone()), two.strongest(one)] {
            prop_assert_eq!(joined.verdict, strongest);
            prop_assert_eq!(joined.risk_tier, first.1.max(second.1));
            prop_assert!(joined.rules.contains("first") && joined.rules.contains("second"));
            prop_assert_eq!(
                joined.allowed(),
                first.0 == Verdict::Allow && second.0 == Verdict::Allow
            );
        }
    }
}

#[test]
fn equally_strong_judgements_give_both_reasons_once() {
    let joined = decision(Verdict::Deny, RiskTier::Operational, "one", "a").strongest(decision(
        Verdict::Deny,
        RiskTier::Operational,
        "two",
        "b",
    ));
    assert_eq!(joined.reason, "one; two");
    let again = joined.strongest(decision(Verdict::Deny, RiskTier::Operational, "two", "b"));
    assert_eq!(again.reason, "one; two");
}

#[test]
fn a_fault_outranks_whatever_allows_and_keeps_its_code() {
    let fault = PolicyDecision::fail_closed(&EngineError::new(FailClosed::EngineTimeout, "500 ms"));
    for verdict in [Verdict::Allow, Verdict::Refuse, Verdict::RequireApproval] {
        let other = decision(verdict, RiskTier::Informational, "fine", "a");
        for joined in [
            fault.clone().strongest(other.clone()),
            other.strongest(fault.clone()),
        ] {
            assert!(joined.denied());
            assert_eq!(joined.fail_closed, Some(FailClosed::EngineTimeout));
            assert_eq!(joined.risk_tier, RiskTier::SecurityCritical);
            assert_eq!(joined.reason, FailClosed::EngineTimeout.public_reason());
        }
    }
}
