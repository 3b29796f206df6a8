//! The kill switch.

use std::sync::{Arc, Mutex};

use kitelogik_core::{
    AuditError, AuditSink, BoxFuture, DecisionRecord, GateChange, Outcome, RecordId,
    SessionContext, Use, Verdict,
};
use kitelogik_opa::{AuditFailure, KillSwitch, PolicyGate, Stop};

use crate::approval::{Changing, Granting, reviewed_for};
use crate::gate::{Memory, Scripted, call, denial, session};

#[tokio::test]
async fn the_kill_switch_stops_everything_a_session_or_a_tool_until_it_is_resumed() {
    let gate = PolicyGate::new(Scripted::default());
    let switch = gate.kill_switch();
    let allowed = async |session_id: &str, action: &str| {
        let session = gate.session(SessionContext::new(session_id));
        session.authorize(call(action)).await.is_ok()
    };
    for (stop, stopped, running) in [
        (Stop::Everything, vec![("s1", "a"), ("s2", "b")], vec![]),
        (
            Stop::Session("s1".into()),
            vec![("s1", "a")],
            vec![("s2", "a")],
        ),
        // By the tool's name, and by its action.
        (
            Stop::Tool("tool".into()),
            vec![("s1", "a"), ("s2", "b")],
            vec![],
        ),
        (Stop::Tool("a".into()), vec![("s1", "a")], vec![("s1", "b")]),
    ] {
        switch.stop(stop.clone(), "an incident");
        assert_eq!(switch.stopped().get(&stop).unwrap(), "an incident");
        for (session, action) in stopped {
            assert!(!allowed(session, action).await, "{stop} {session} {action}");
        }
        for (session, action) in running {
            assert!(allowed(session, action).await, "{stop} {session} {action}");
        }
        assert!(switch.resume(&stop));
        assert!(!switch.resume(&stop));
        assert!(allowed("s1", "a").await, "{stop}");
    }
    switch.stop(Stop::Everything, "an incident");
    let decision = denial(&gate, "allow").await;
    assert_eq!(decision.verdict, Verdict::Deny);
    assert_eq!(decision.fail_closed, None);
    assert_eq!(decision.reason, "an incident");
    assert_eq!(decision.rule_matched.as_deref(), Some("kill_switch"));
    assert!(session(&gate).budget().await.is_err());
}

#[tokio::test]
async fn a_stopped_session_stops_those_that_were_delegated_from_it() {
    let gate = PolicyGate::new(Scripted::default());
    gate.kill_switch()
        .stop(Stop::Session("parent".into()), "an incident");
    let parent = SessionContext::new("parent");
    let child = gate.session(SessionContext::new("child").delegated_from(&parent));
    assert!(child.authorize(call("allow")).await.is_err());
}

#[tokio::test]
async fn the_kill_switch_stands_over_an_approval_that_is_under_way() {
    let switch = KillSwitch::new();
    let thrown = switch.clone();
    let approver = Granting::new(&[Use::Taken], move || {
        thrown.stop(Stop::Everything, "an incident");
    });
    let gate = PolicyGate::builder(Changing::new(reviewed_for("large")))
        .approver(approver)
        .kill_switch(switch)
        .build();
    let decision = denial(&gate, "act").await;
    assert_eq!(decision.rule_matched.as_deref(), Some("kill_switch"));
    assert_eq!(decision.approval, None);
}

/// Throws the switch while a record is written, and keeps what it hears of that.
struct Throwing {
    memory: Memory,
    switch: KillSwitch,
    changes: Arc<Mutex<Vec<String>>>,
}

impl AuditSink for Throwing {
    fn record_decision<'a>(
        &'a self,
        record: &'a DecisionRecord<'a>,
    ) -> BoxFuture<'a, Result<RecordId, AuditError>> {
        self.switch.stop(Stop::Everything, "an incident");
        self.memory.record_decision(record)
    }

    fn record_outcome(&self, record: RecordId, outcome: Outcome) {
        self.memory.record_outcome(record, outcome);
    }

    fn record_change(&self, change: &GateChange<'_>) {
        self.changes.lock().unwrap().push(format!("{change:?}"));
    }
}

#[tokio::test]
async fn what_is_stopped_while_its_record_is_written_does_not_run_and_changes_are_recorded() {
    let (memory, switch, changes) = (Memory::default(), KillSwitch::new(), Arc::default());
    let gate = PolicyGate::builder(Scripted::default())
        .audit(
            Throwing {
                memory: memory.clone(),
                switch: switch.clone(),
                changes: Arc::clone(&changes),
            },
            AuditFailure::Deny,
        )
        .kill_switch(switch.clone())
        .build();
    let decision = denial(&gate, "allow").await;
    assert_eq!(decision.rule_matched.as_deref(), Some("kill_switch"));
    assert_eq!(
        memory.outcomes(),
        [
            (Verdict::Allow, Some(Outcome::NeverRan)),
            (Verdict::Deny, Some(Outcome::NeverRan))
        ]
    );
    switch.resume(&Stop::Everything);
    let changes = changes.lock().unwrap();
    assert_eq!(changes.len(), 3, "{changes:?}");
    assert!(changes[2].contains("Resumed"), "{changes:?}");
}

/// Hears of changes, and may panic then.
struct Listening {
    heard: Arc<Mutex<Vec<String>>>,
    panics: bool,
}

impl AuditSink for Listening {
    fn record_decision<'a>(
        &'a self,
        _: &'a DecisionRecord<'a>,
    ) -> BoxFuture<'a, Result<RecordId, AuditError>> {
        Box::pin(async { Ok(RecordId(0)) })
    }

    fn record_outcome(&self, _: RecordId, _: Outcome) {}

    fn record_change(&self, change: &GateChange<'_>) {
        assert!(!self.panics, "the sink panics");
        self.heard.lock().unwrap().push(format!("{change:?}"));
    }
}

#[tokio::test]
async fn a_sink_that_panics_keeps_neither_the_switch_nor_the_others_from_hearing() {
    let (switch, heard) = (KillSwitch::new(), Arc::default());
    let gates: Vec<PolicyGate> = [true, false]
        .map(|panics| Listening {
            heard: Arc::clone(&heard),
            panics,
        })
        .into_iter()
        .map(|sink| {
            PolicyGate::builder(Scripted::default())
                .audit(sink, AuditFailure::Deny)
                .kill_switch(switch.clone())
                .build()
        })
        .collect();
    switch.stop(Stop::Everything, "an incident");
    assert!(switch.resume(&Stop::Everything));
    assert_eq!(heard.lock().unwrap().len(), 2);
    drop(gates);
}
