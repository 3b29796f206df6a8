//! Rules in YAML: random rules over random events come out as the manual says, on the embedded engine and on OPA.

mod condition;
mod random;

use std::collections::BTreeSet;
use std::time::Duration;

use kitelogik_core::{
    AgentDelegate, AgentSpawn, BudgetUsage, GovernanceEvent, PolicyDecision, PolicyEngine,
    PolicyInput, RiskTier, SessionContext, ToolCallInput, Verdict,
};
use kitelogik_opa::Embedded;
use kitelogik_policy::Policy;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use self::condition::{Event, Truth};
use self::random::Rule;

/// Many rules at once, and few, so that every verdict comes about.
const POLICIES: [(usize, usize); 13] = [
    (90, 300),
    (4, 220),
    (4, 220),
    (4, 220),
    (4, 220),
    (3, 220),
    (3, 220),
    (3, 220),
    (2, 220),
    (2, 220),
    (2, 220),
    (1, 220),
    (1, 220),
];

struct Batch {
    rules: Vec<Rule>,
    otherwise: &'static str,
    events: Vec<Event>,
    policy: Policy,
}

/// The same on every run.
fn batches() -> Vec<Batch> {
    let mut runner = TestRunner::deterministic();
    let mut sample = |count| {
        random::rules(count)
            .new_tree(&mut runner)
            .unwrap()
            .current()
    };
    let rules: Vec<Vec<Rule>> = POLICIES.iter().map(|(count, _)| sample(*count)).collect();
    let otherwise = ["refuse", "hitl", "deny"].into_iter().cycle();
    rules
        .into_iter()
        .zip(POLICIES)
        .zip(otherwise)
        .map(|((rules, (_, events)), otherwise)| Batch {
            policy: policy(&rules, otherwise),
            otherwise,
            events: (0..events)
                .map(|_| random::event().new_tree(&mut runner).unwrap().current())
                .collect(),
            rules,
        })
        .collect()
}

/// Half of the rules in one file, half in another.
fn policy(rules: &[Rule], otherwise: &str) -> Policy {
    let named: Vec<Value> = rules
        .iter()
        .enumerate()
        .map(|(number, rule)| {
            let mut yaml =
                json!({"name": format!("r{number}"), "when": rule.when.yaml(), "then": rule.then});
            if let Some(reason) = &rule.reason {
                yaml["reason"] = json!(reason);
            }
            if let Some(tier) = rule.risk_tier {
                yaml["risk_tier"] = json!(tier);
            }
            yaml
        })
        .collect();
    let mut builder = Policy::builder();
    for (number, part) in named.chunks(rules.len().div_ceil(2)).enumerate() {
        let mut file = json!({"version": 1, "rules": part});
        if number == 0 {
            file["otherwise"] = json!(otherwise);
        }
        builder = builder.yaml(format!("{number}.yaml"), file.to_string());
    }
    builder.build().unwrap()
}

/// Verdict, reason, tier and rules.
type Answer = (Verdict, String, RiskTier, BTreeSet<String>);

fn wanted(batch: &Batch, event: &Event) -> Answer {
    let mut reasons: [BTreeSet<String>; 2] = Default::default();
    let mut fired = BTreeSet::new();
    let mut tiers = BTreeSet::new();
    // The built-in bundle allows these events within its limits, which these keep.
    let mut allowed = event.kind != "tool_call";
    for (number, rule) in batch.rules.iter().enumerate() {
        let truth = rule.when.judge(event, false);
        let fires = match rule.then {
            "allow" => truth == Truth::True,
            _ => truth != Truth::False,
        };
        if !fires {
            continue;
        }
        let name = format!("r{number}");
        let reason = rule.reason.clone().unwrap_or_else(|| name.clone());
        match rule.then {
            "allow" => allowed = true,
            "deny" => {
                reasons[0].insert(reason);
            }
            _ => {
                reasons[1].insert(reason);
            }
        }
        tiers.extend(rule.risk_tier.map(|tier| tier.parse::<RiskTier>().unwrap()));
        fired.insert(name);
    }
    let unnamed = event.kind == "tool_call"
        && !batch
            .rules
            .iter()
            .any(|rule| names(&rule.when, &event.action));
    match batch.otherwise {
        "deny" if unnamed => {
            reasons[0].insert("no rule names this action".to_owned());
        }
        "hitl" if unnamed => {
            reasons[1].insert("no rule names this action".to_owned());
        }
        _ => {}
    }
    let joined =
        |reasons: &BTreeSet<String>| reasons.iter().cloned().collect::<Vec<_>>().join("; ");
    let (verdict, reason) = if !reasons[0].is_empty() {
        (Verdict::Deny, joined(&reasons[0]))
    } else if !reasons[1].is_empty() {
        (Verdict::RequireApproval, joined(&reasons[1]))
    } else if allowed {
        (Verdict::Allow, "allowed by policy".to_owned())
    } else {
        (Verdict::Refuse, "no rule allows this call".to_owned())
    };
    (
        verdict,
        reason,
        tiers.last().copied().unwrap_or_default(),
        fired,
    )
}

fn names(condition: &condition::Condition, action: &String) -> bool {
    use condition::Condition::{Action, All, Any};
    match condition {
        All(conditions) | Any(conditions) => {
            conditions.iter().any(|condition| names(condition, action))
        }
        Action(actions) => actions.contains(action),
        _ => false,
    }
}

async fn decide(engine: &dyn PolicyEngine, event: &Event) -> PolicyDecision {
    let mut context = SessionContext::new("example_01")
        .role(event.role.as_str())
        .scopes(event.scopes.iter().map(String::as_str));
    if let Some(tenant) = &event.tenant {
        context = context.tenant(tenant.as_str());
    }
    let action = Some(event.action.clone());
    let event = match event.kind {
        "agent.spawn" => GovernanceEvent::AgentSpawn(AgentSpawn {
            action,
            ..AgentSpawn::default()
        }),
        "agent.delegate" => GovernanceEvent::AgentDelegate(AgentDelegate {
            action,
            ..AgentDelegate::default()
        }),
        _ => {
            let Value::Object(args) = event.args.clone() else {
                panic!("arguments are an object");
            };
            GovernanceEvent::ToolCall(ToolCallInput::new(event.action.as_str(), args))
        }
    };
    let input = PolicyInput::new(&event, &context, BudgetUsage::default());
    engine
        .decide(&input)
        .await
        .unwrap_or_else(|error| PolicyDecision::fail_closed(&error))
}

/// Asks `engine` about every event of the batch.
async fn check(engine: &dyn PolicyEngine, batch: &Batch, verdicts: &mut BTreeSet<String>) {
    for event in &batch.events {
        let decision = decide(engine, event).await;
        let texts = || {
            batch
                .policy
                .modules()
                .iter()
                .filter(|module| !module.is_builtin())
                .map(|module| module.text())
                .collect::<String>()
        };
        assert_eq!(
            decision.fail_closed,
            None,
            "{:?}\n{}",
            decision.detail,
            texts()
        );
        let got = (
            decision.verdict,
            decision.reason,
            decision.risk_tier,
            decision.rules.into_iter().collect(),
        );
        let wanted = wanted(batch, event);
        assert_eq!(
            got,
            wanted,
            "\naction {}, kind {}, role {}, scopes {:?}, tenant {:?}, args {}\n{}",
            event.action,
            event.kind,
            event.role,
            event.scopes,
            event.tenant,
            event.args,
            batch
                .policy
                .modules()
                .iter()
                .filter(|module| !module.is_builtin())
                .map(|module| module.text())
                .collect::<String>()
        );
        verdicts.insert(format!("{:?}", got.0));
    }
}

#[tokio::test]
async fn random_rules_come_out_as_the_manual_says_on_the_embedded_engine() {
    let mut verdicts = BTreeSet::new();
    for batch in batches() {
        let engine = Embedded::builder(batch.policy.clone())
            .evaluation_time(Duration::from_secs(10))
            .build()
            .unwrap();
        check(&engine, &batch, &mut verdicts).await;
    }
    assert_eq!(verdicts.len(), 4, "{verdicts:?}");
}

#[cfg(feature = "rest")]
#[tokio::test]
async fn random_rules_come_out_as_the_manual_says_on_opa() {
    let Some(opa) = kitelogik_opa_process::opa_or_skip!() else {
        return;
    };
    let mut server = crate::conformance::Loaded::new(opa.server().start().unwrap());
    let mut verdicts = BTreeSet::new();
    for batch in batches() {
        server.load(&batch.policy).await.unwrap();
        let client = kitelogik_opa::OpaClient::builder()
            .base_url(server.address())
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        check(&client, &batch, &mut verdicts).await;
    }
    assert_eq!(verdicts.len(), 4, "{verdicts:?}");
}

#[cfg(feature = "rest")]
#[test]
fn what_rules_become_passes_the_strict_check_of_opa() {
    let Some(opa) = kitelogik_opa_process::opa_or_skip!() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    let mut check = |modules: Vec<(String, String)>| {
        count += 1;
        let place = folder.path().join(format!("{count}"));
        std::fs::create_dir(&place).unwrap();
        for (number, (_, text)) in modules.iter().enumerate() {
            std::fs::write(place.join(format!("{number}.rego")), text).unwrap();
        }
        let output = std::process::Command::new(opa.path())
            .args(["check", "--strict"])
            .arg(&place)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let golden =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy/tests/golden/compiled");
    for entry in std::fs::read_dir(golden).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "rego") {
            check(vec![(
                String::new(),
                std::fs::read_to_string(path).unwrap(),
            )]);
        }
    }
    for batch in batches() {
        let modules: Vec<(String, String)> = batch
            .policy
            .modules()
            .iter()
            .map(|module| (module.name().to_owned(), module.text().to_owned()))
            .collect();
        // Alone, and with the bundle.
        for (name, text) in modules
            .iter()
            .filter(|(name, _)| name.ends_with(".yaml.rego"))
        {
            check(vec![(name.clone(), text.clone())]);
        }
        check(modules);
    }
}
