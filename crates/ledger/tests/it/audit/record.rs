//! What is written, and how it reads.

use kitelogik_core::{
    Approval, AuditSink, DecisionRecord, GateChange, Masking, Outcome, RiskTier, Verdict,
};
use kitelogik_ledger::{AuditFilter, EntryKind, ExportFormat, Order};
use serde_json::json;

use super::world::{allowed, call, context, decision, denied, names, object, record};
use crate::stores::on_both_stores;

on_both_stores! {
    async fn a_decision_reads_as_it_was_made_with_its_outcome(store: TestStore) {
        let ledger = store.open().await;
        let log = ledger.audit();
        let event = call("approve_refund", json!({"amount": 42, "customer_id": "c1"}));
        let context = context("s1").token("secret-token");
        let made = allowed();
        let resources = ["accounts/c1".to_owned()];
        let mut told = DecisionRecord::new(&event, &context, &made);
        told.resources = &resources;
        told.tool_schema = Some("{}");
        let id = log.record_decision(&told).await.unwrap();

        let running = log.get(&made.decision_id).await.unwrap().unwrap();
        assert_eq!(running.outcome, None);
        assert!(running.is_open, "crashed or running");

        log.record_outcome(id, Outcome::Ran);
        log.flush().await.unwrap();
        let record = log.get(&made.decision_id).await.unwrap().unwrap();
        assert_eq!(record.outcome, Some(Outcome::Ran));
        assert!(record.ended_at.is_some() && !record.is_open);
        assert_eq!(record.verdict, Verdict::Allow);
        assert_eq!(record.tier, RiskTier::Operational);
        assert_eq!(record.rules, names(&["small_refunds"]));
        assert_eq!(record.session, "s1");
        assert_eq!(record.principal.as_deref(), Some("ann@example.com"));
        assert_eq!(record.role.as_deref(), Some("support_agent"));
        assert_eq!(record.tenant.as_deref(), Some("acme"));
        assert_eq!(record.tool, "approve_refund");
        assert_eq!(record.arguments, json!({"amount": 42, "customer_id": "c1"}));
        assert_eq!(record.resources, resources);
        let shown = serde_json::to_string(&record).unwrap();
        assert!(!shown.contains("secret-token"), "{shown}");
        ledger.close().await.unwrap();
    }

    async fn a_denied_call_never_ran_and_needs_no_outcome(store: TestStore) {
        let ledger = store.open().await;
        let log = ledger.audit();
        let made = denied("too much");
        let id = record(&log, "s1", &made).await;
        log.record_outcome(id, Outcome::NeverRan);
        log.flush().await.unwrap();
        let record = log.get(&made.decision_id).await.unwrap().unwrap();
        assert_eq!(record.outcome, Some(Outcome::NeverRan));
        assert!(!record.is_open);
        let verified = log.verify(&Default::default(), |_| ()).await.unwrap();
        assert_eq!(verified.records, 2, "the start and the decision");
    }

    async fn what_masking_names_is_written_nowhere_and_equal_arguments_stay_equal(store: TestStore) {
        let masking = Masking::builder()
            .path("args.card").unwrap()
            .path("resource").unwrap()
            .pattern("hunter2").unwrap()
            .build();
        let ledger = store.builder().masking(masking).open().await.unwrap();
        let log = ledger.audit();
        let event = call("pay", json!({"card": "4111-1111", "note": "pw hunter2"}));
        let mut made = decision(&json!({"requires_hitl": true, "hitl_reason": ["hunter2 is high"]}));
        made.detail = Some("engine said hunter2".to_owned());
        made.reason = r#"a reviewer asks for other arguments: {"card":"4222-2222"}"#.to_owned();
        made.approval = Some(Approval::Edited {
            request: "apr_1".to_owned(),
            approver: "bob".to_owned(),
            arguments: object(json!({"card": "4222-2222"})),
        });
        let context = context("s1").token("tok-1");
        let resources = ["vault/hunter3".to_owned()];
        let mut told = DecisionRecord::new(&event, &context, &made);
        told.resources = &resources;
        log.record_decision(&told).await.unwrap();
        let again = allowed();
        log.record_decision(&DecisionRecord::new(&event, &context, &again)).await.unwrap();
        log.record_change(&GateChange::Stopped { what: "tool pay", reason: "hunter2 leaked" });
        log.flush().await.unwrap();

        let mut lines = Vec::new();
        log.export(ExportFormat::Chain, &AuditFilter::all(), &mut lines).await.unwrap();
        let text = String::from_utf8(lines).unwrap();
        for secret in ["4111-1111", "4222-2222", "hunter2", "hunter3", "tok-1"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(text.contains("[masked]"));
        let one = log.get(&made.decision_id).await.unwrap().unwrap();
        let other = log.get(&again.decision_id).await.unwrap().unwrap();
        assert_eq!(one.arguments_digest, other.arguments_digest);
        assert_eq!(one.arguments["card"], "[masked]");
        ledger.close().await.unwrap();
        if let Some(path) = store.address.strip_prefix("sqlite:") {
            let bytes = std::fs::read(path).unwrap();
            assert!(!bytes.windows(7).any(|window| window == b"hunter2"));
        }
    }

    async fn records_are_found_by_what_they_say_page_by_page(store: TestStore) {
        let ledger = store.open().await;
        let log = ledger.audit();
        for number in 0..25 {
            record(&log, &format!("s{}", number % 2), &allowed()).await;
        }
        let no = denied("too much");
        record(&log, "s2", &no).await;

        let mut filter = AuditFilter::session("s1");
        filter.limit = Some(5);
        filter.order = Order::OldestFirst;
        let mut seen = Vec::new();
        loop {
            let page = log.query(&filter).await.unwrap();
            seen.extend(page.records);
            let Some(next) = page.next else { break };
            filter.after = Some(next.to_string().parse().unwrap());
        }
        assert_eq!(seen.len(), 12);
        assert!(seen.is_sorted_by_key(|record| (record.at, record.sequence)));
        assert!(seen.iter().all(|record| record.session == "s1"));

        let find = async |change: &dyn Fn(&mut AuditFilter)| {
            let mut filter = AuditFilter::all();
            change(&mut filter);
            log.query(&filter).await.unwrap().records.len()
        };
        assert_eq!(find(&|filter| filter.verdict = Some(Verdict::Deny)).await, 1);
        assert_eq!(find(&|filter| filter.rule = Some("block_large_refund".into())).await, 1);
        assert_eq!(find(&|filter| filter.rule = Some("block_large_refun".into())).await, 0);
        assert_eq!(find(&|filter| filter.rule = Some("block%".into())).await, 0);
        assert_eq!(find(&|filter| filter.tool = Some("approve_refund".into())).await, 26);
        assert_eq!(find(&|filter| filter.tenant = Some("other".into())).await, 0);
        assert_eq!(find(&|filter| filter.fail_closed = true).await, 0);
        let newest = log.query(&AuditFilter::all()).await.unwrap().records;
        assert_eq!(newest[0].decision_id, no.decision_id);
    }

    async fn a_change_of_the_gate_is_an_entry(store: TestStore) {
        let ledger = store.open().await;
        let log = ledger.audit();
        log.record_change(&GateChange::Stopped { what: "everything", reason: "an incident" });
        log.record_change(&GateChange::Resumed { what: "everything" });
        log.record_change(&GateChange::Policy { before: Some("r1"), after: Some("r2") });
        log.flush().await.unwrap();
        let mut lines = Vec::new();
        log.export(ExportFormat::Chain, &AuditFilter::all(), &mut lines).await.unwrap();
        let kinds: Vec<(EntryKind, Option<String>)> = String::from_utf8(lines)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<kitelogik_ledger::AuditEntry>(line).unwrap())
            .map(|entry| (entry.content.kind, entry.content.change))
            .collect();
        assert_eq!(kinds[1], (EntryKind::Change, Some("stopped".to_owned())));
        assert_eq!(kinds[2].1.as_deref(), Some("resumed"));
        assert_eq!(kinds[3].1.as_deref(), Some("policy"));
    }
}
