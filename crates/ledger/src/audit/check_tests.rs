//! Every way to tamper with a log of a thousand records, tried on all of them.

use kitelogik_core::Outcome;

use super::check::{ChainCheck, Stored};
use super::{Chain, Columns, Content, Draft, EntryKind};
use crate::Timestamp;
use crate::key::Digest;

const RECORDS: usize = 1_000;

/// A chain as it lies in the store: a start, decisions, outcomes and a stop.
fn log() -> Vec<Stored> {
    let mut chain = Chain::new(7);
    (0..RECORDS)
        .map(|number| {
            let draft = Draft::new(&content(number));
            let row = chain.append(&draft);
            Stored {
                writer: row.writer,
                sequence: row.sequence,
                hash: row.hash.bytes().to_vec(),
                body: row.body.clone(),
                columns: row.columns.clone(),
            }
        })
        .collect()
}

fn content(number: usize) -> Content {
    let at = Timestamp::from_millis(1_800_000_000_000 + number as i64);
    let kind = match number {
        0 => EntryKind::Start,
        _ if number + 1 == RECORDS => EntryKind::Stop,
        _ if number % 2 == 1 => EntryKind::Decision,
        _ => EntryKind::Outcome,
    };
    let mut content = Content::new(kind, at);
    match kind {
        EntryKind::Start => content.ledger = Some(Digest::default()),
        EntryKind::Decision => {
            content.decision_id = Some(format!("decision-{number}"));
            content.session = Some(format!("s{}", number % 5));
            content.tool = Some("approve_refund".to_owned());
            content.verdict = Some("allow".to_owned());
            content.tier = Some("OPERATIONAL".to_owned());
            content.rules = vec!["small".to_owned(), "refunds".to_owned()];
            content.reason = Some("allowed by the policy".to_owned());
        }
        EntryKind::Outcome => {
            content.refers = Some(number as u64);
            content.outcome = Some(super::batch::outcome_name(Outcome::Ran).to_owned());
        }
        _ => {}
    }
    content
}

/// The place of the first bad record, as the check names it; none where all is well.
fn first_bad<'a>(rows: impl IntoIterator<Item = &'a Stored>) -> Option<u64> {
    let mut check = start();
    rows.into_iter()
        .find_map(|row| check.next(row).err())
        .map(|problem| problem.sequence.unwrap())
}

fn start() -> ChainCheck {
    ChainCheck::new(Some(Digest::default()), Chain::new(7))
}

#[test]
fn a_log_that_nobody_touched_is_whole() {
    let log = log();
    assert_eq!(log.len(), RECORDS);
    assert_eq!(first_bad(&log), None);
}

#[test]
fn every_change_of_a_single_byte_is_found_in_its_record() {
    let log = log();
    let mut check = start();
    for row in &log {
        let before = check;
        let is_found = |forged: &Stored| {
            let mut check = before;
            let problem = check.next(forged).unwrap_err();
            assert_eq!(problem.sequence, Some(row.sequence), "{problem}");
        };
        for index in 0..row.body.len() {
            let mut forged = row.clone();
            forged.body[index] ^= 1 << (index % 8);
            is_found(&forged);
        }
        for index in 0..row.hash.len() {
            let mut forged = row.clone();
            forged.hash[index] ^= 0x80;
            is_found(&forged);
        }
        check.next(row).unwrap();
    }
}

#[test]
fn every_change_of_a_column_is_found_in_its_record() {
    let changes: [fn(&mut Columns); 15] = [
        |columns| columns.kind += 1,
        |columns| columns.at += 1,
        |columns| columns.decision_id = Some("other".into()),
        |columns| columns.session = Some("other".into()),
        |columns| columns.principal = Some("other".into()),
        |columns| columns.tenant = Some("other".into()),
        |columns| columns.tool = Some("other".into()),
        |columns| columns.action = Some("other".into()),
        |columns| columns.verdict = Some("other".into()),
        |columns| columns.tier = Some("other".into()),
        |columns| columns.rules = Some("other".into()),
        |columns| columns.fail_closed = Some("other".into()),
        |columns| columns.request = Some("other".into()),
        |columns| columns.refers = Some(-1),
        |columns| columns.outcome = Some("other".into()),
    ];
    let log = log();
    let mut check = start();
    for row in &log {
        for change in changes {
            let mut forged = row.clone();
            change(&mut forged.columns);
            let mut at = check;
            assert_eq!(at.next(&forged).unwrap_err().sequence, Some(row.sequence));
        }
        check.next(row).unwrap();
    }
}

#[test]
fn a_change_with_a_hash_made_to_fit_is_found_at_the_next_record() {
    let log = log();
    for index in 0..RECORDS - 1 {
        let mut forged = log[index].clone();
        let end = forged.body.len() - 1;
        forged.body[end] ^= 1;
        forged.hash = crate::key::sha256(&forged.body).bytes().to_vec();
        let rows = log[..index]
            .iter()
            .chain([&forged])
            .chain(&log[index + 1..]);
        let bad = first_bad(rows).unwrap();
        assert!(
            bad == forged.sequence || bad == forged.sequence + 1,
            "{bad}"
        );
    }
}

#[test]
fn every_record_that_is_removed_is_named() {
    let log = log();
    for index in 0..RECORDS - 1 {
        let rows = log[..index].iter().chain(&log[index + 1..]);
        assert_eq!(first_bad(rows), Some(log[index].sequence));
    }
}

#[test]
fn every_cut_tail_is_found_by_a_checkpoint_that_lists_its_end() {
    let log = log();
    for index in 0..RECORDS {
        let mut check = start();
        log[..index]
            .iter()
            .for_each(|row| drop(check.next(row).unwrap()));
        assert_ne!(check.at.count, RECORDS as u64);
        assert_eq!(check.at.count, index as u64);
    }
}

#[test]
fn every_two_neighbours_that_changed_places_are_found() {
    let log = log();
    for index in 0..RECORDS - 1 {
        let rows = [&log[index + 1], &log[index]];
        let swapped = || log[..index].iter().chain(rows).chain(&log[index + 2..]);
        assert_eq!(first_bad(swapped()), Some(log[index].sequence));
        // With their numbers made to fit as well.
        let (mut one, mut other) = (log[index + 1].clone(), log[index].clone());
        std::mem::swap(&mut one.sequence, &mut other.sequence);
        let rows = log[..index]
            .iter()
            .chain([&one, &other])
            .chain(&log[index + 2..]);
        assert_eq!(first_bad(rows), Some(log[index].sequence));
    }
}

#[test]
fn every_record_that_is_inserted_again_is_found() {
    let log = log();
    for index in 1..RECORDS {
        let again = log[index - 1].clone();
        let rows = log[..index].iter().chain([&again]).chain(&log[index..]);
        assert_eq!(first_bad(rows), Some(again.sequence));
    }
}
