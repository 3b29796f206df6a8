//! Following the chain.

use futures_util::StreamExt as _;
use kitelogik_core::{AuditSink, Outcome};
use kitelogik_ledger::{EntryKind, Position};

use super::world::{allowed, record};
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
}
