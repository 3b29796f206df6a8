//! Following the chain.

use futures_util::StreamExt as _;
use kitelogik_core::{AuditSink, DecisionRecord, Outcome, RecordId};
use kitelogik_ledger::{AuditLog, EntryKind, Position, Tenants};
use serde_json::json;

use super::world::{allowed, call, context, record};
use crate::stores::on_both_stores;

on_both_stores! {
    async fn every_entry_comes_once_and_in_order_from_this_and_other_processes(store: TestStore) {
        let ledger = store.open().await;
        let other = store.open().await;
        let log = ledger.audit();
        record(&log, "before", &allowed()).await;
        let mut tail = log.tail(log.position().await.unwrap());
        let id = record(&log, "mine", &allowed()).await;
        log.record_outcome(id, Outcome::Ran);
        let entry = tail.next().await.unwrap().unwrap();
        assert_eq!(entry.content.session.as_deref(), Some("mine"));
        let entry = tail.next().await.unwrap().unwrap();
        assert_eq!(entry.content.outcome.as_deref(), Some("ran"));

        record(&other.audit(), "theirs", &allowed()).await;
        let kinds = [tail.next().await, tail.next().await].map(|entry| entry.unwrap().unwrap());
        assert_eq!(kinds[0].content.kind, EntryKind::Start);
        assert_eq!(kinds[1].content.session.as_deref(), Some("theirs"));

        let all = log.tail(Position::beginning()).take(6).collect::<Vec<_>>().await;
        let mut places: Vec<_> = all
            .iter()
            .map(|entry| entry.as_ref().unwrap())
            .map(|entry| (entry.writer, entry.sequence))
            .collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), 6);
    }

    async fn who_may_see_some_tenants_is_told_of_news_about_those_alone(store: TestStore) {
        let ledger = store.open().await;
        let log = ledger.audit();
        let only = |tenants: &[&str]| Tenants::Only(tenants.iter().map(|name| (*name).to_owned()).collect());
        let (of_acme, of_nobody) = (only(&["globex", "acme"]), only(&[]));
        let mut places = [(); 3].map(|()| Position::beginning());
        let mut news = async || {
            let mut told = Vec::new();
            for (place, tenants) in places.iter_mut().zip([&Tenants::All, &of_acme, &of_nobody]) {
                told.push(log.catch_up(place, tenants).await.unwrap());
                assert_eq!(*place, log.position().await.unwrap());
            }
            told
        };
        news().await;
        let theirs = of_tenant(&log, "acme").await;
        assert_eq!(news().await, [true, true, false]);
        let others = of_tenant(&log, "initech").await;
        assert_eq!(news().await, [true, false, false]);
        log.record_outcome(others, Outcome::Ran);
        log.flush().await.unwrap();
        assert_eq!(news().await, [true, false, false]);
        log.record_outcome(theirs, Outcome::Ran);
        log.flush().await.unwrap();
        assert_eq!(news().await, [true, true, false]);
        assert_eq!(news().await, [false, false, false]);
    }
}

async fn of_tenant(log: &AuditLog, tenant: &str) -> RecordId {
    let (event, decision) = (call("approve_refund", json!({})), allowed());
    let context = context("s1").tenant(tenant);
    let record = DecisionRecord::new(&event, &context, &decision);
    log.record_decision(&record).await.unwrap()
}
