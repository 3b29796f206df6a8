//! What is explained is what the version in force decides.

use std::fs;
use std::time::Duration;

use kitelogik_core::{FailClosed, GovernanceEvent, Masking, SessionContext, ToolCallInput};
use kitelogik_opa::{Explanation, PolicySource, ReloadEvent, Reloading};
use serde_json::Map;

use super::{Folder, allows, decide, next, quick};

fn explain(engine: &Reloading, action: &str) -> Explanation {
    let event = GovernanceEvent::ToolCall(ToolCallInput::new(action, Map::new()));
    engine
        .explain(&event, &SessionContext::new("s1"), &Masking::none())
        .unwrap()
}

#[tokio::test]
async fn the_version_in_force_explains_what_it_decides() {
    let folder = Folder::new(&allows("a"));
    let engine = folder.start().await;
    let before = explain(&engine, "a");
    assert!(before.decision.allowed());

    let mut events = engine.events();
    folder.write(
        "a.rego",
        format!(
            "{}\ndeny contains \"never a\" if input.action == \"a\"\n",
            allows("b")
        ),
    );
    assert!(matches!(next(&mut events).await, ReloadEvent::Reloaded(_)));
    let after = explain(&engine, "a");
    let decision = decide(&engine, "a").await;
    assert_eq!(after.decision.reason, "never a");
    assert_eq!(after.decision.reason, decision.reason);
    assert_eq!(after.decision.revision, decision.revision);
    assert_eq!(after.decision.revision, Some(engine.status().revision));
    assert_ne!(after.decision.revision, before.decision.revision);
    let deny = after.rules.iter().find(|rule| rule.line == 5).unwrap();
    assert_eq!(deny.result.to_string(), "fired: \"never a\"");

    engine.roll_back().unwrap();
    assert!(explain(&engine, "a").decision.allowed());
}

#[tokio::test]
async fn a_stale_policy_is_explained_as_the_denial_that_it_is() {
    let folder = Folder::new(&allows("a"));
    let max_stale = Duration::from_millis(1500);
    let builder = quick(PolicySource::directory(folder.path())).max_stale(max_stale);
    let engine = builder.start().await.unwrap();
    let mut events = engine.events();
    fs::rename(folder.path(), folder.beside("away")).unwrap();
    while next(&mut events).await != (ReloadEvent::Stale { max_stale }) {}
    let explanation = explain(&engine, "b");
    assert_eq!(
        explanation.decision.fail_closed,
        Some(FailClosed::PolicyStale)
    );
    assert!(explanation.suggestions.is_empty());
    assert!(!explanation.rules.is_empty());
}
