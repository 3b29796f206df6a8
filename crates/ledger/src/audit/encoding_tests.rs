use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use serde_json::json;

use super::content::{Content, EntryKind, JsonText};
use super::encoding::{EncodingError, Place, assemble, decode};
use crate::hex::Hex;
use crate::{AuditEntry, Timestamp};

fn text() -> impl Strategy<Value = Option<String>> {
    of(prop_oneof!["[a-c]{0,3}", any::<String>()])
}

prop_compose! {
    fn place()(writer: u64, sequence: u64, previous: [u8; 32]) -> Place {
        Place { writer, sequence, previous: Hex::new(previous) }
    }
}

prop_compose! {
    fn content()(
        kind in 0..EntryKind::ALL.len(),
        // What RFC 3339 can write.
        at in -62_000_000_000_000..250_000_000_000_000_i64,
        session in text(), tool in text(), reason in text(), decision_id in text(),
        scopes in vec("[a-b]{0,2}", 0..4), rules in vec(any::<String>(), 0..3),
        depth: Option<u64>, sandbox: bool, digest: Option<[u8; 32]>,
        note in text(), amount: Option<i32>,
    ) -> Content {
        let kind = EntryKind::ALL[kind];
        let mut content = Content::new(kind, Timestamp::from_millis(at));
        content.session = session;
        content.tool = tool;
        content.reason = reason;
        content.decision_id = decision_id;
        content.scopes = scopes;
        content.rules = rules;
        content.depth = depth;
        content.sandbox = sandbox;
        content.arguments_digest = digest.map(Hex::new);
        content.arguments = amount.map(|amount| JsonText::new(&json!({"amount": amount, "note": note})));
        content.note = note;
        content
    }
}

fn encoded(place: &Place, content: &Content) -> Vec<u8> {
    assemble(place, content.kind, content.at, &content.encode_fields())
}

proptest! {
    #[test]
    fn what_is_written_reads_back(place in place(), content in content()) {
        let bytes = encoded(&place, &content);
        prop_assert_eq!(decode(&bytes), Ok((place, content)));
    }

    #[test]
    fn different_entries_have_different_bytes(
        one in place(), other in place(), first in content(), second in content(),
    ) {
        let same = one == other && first == second;
        prop_assert_eq!(encoded(&one, &first) == encoded(&other, &second), same);
    }

    #[test]
    fn one_entry_has_one_text_of_bytes(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok((place, content)) = decode(&bytes) {
            prop_assert_eq!(encoded(&place, &content), bytes);
        }
    }

    #[test]
    fn bytes_that_were_changed_are_another_entry_or_none(
        place in place(), content in content(), at in any::<prop::sample::Index>(), bit in 0..8_u8,
    ) {
        let mut bytes = encoded(&place, &content);
        let index = at.index(bytes.len());
        bytes[index] ^= 1 << bit;
        prop_assert_ne!(decode(&bytes), Ok((place, content)));
    }

    #[test]
    fn an_entry_that_went_through_json_has_the_same_hash(place in place(), content in content()) {
        let entry = AuditEntry {
            writer: place.writer,
            sequence: place.sequence,
            previous: place.previous,
            hash: Hex::default(),
            content,
        };
        let text = serde_json::to_string(&entry).unwrap();
        let read: AuditEntry = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read.expected_hash(), entry.expected_hash());
    }
}

#[test]
fn the_encoding_is_the_documented_one() {
    let place = Place {
        writer: 3,
        sequence: 2,
        previous: Hex::new([0xab; 32]),
    };
    let mut content = Content::new(EntryKind::Outcome, Timestamp::from_millis(258));
    content.refers = Some(1);
    content.outcome = Some("ran".to_owned());
    let mut expected = vec![1, 3, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2];
    expected.extend([0xab; 32]);
    expected.extend([0, 0, 0, 0, 0, 0, 1, 2]);
    expected.extend([60, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1]);
    expected.extend([61, 0, 0, 0, 3, b'r', b'a', b'n']);
    assert_eq!(encoded(&place, &content), expected);

    let mut later = expected.clone();
    later[0] = 2;
    assert_eq!(decode(&later), Err(EncodingError::Version(2)));
    let unknown = [expected.as_slice(), &[200, 0, 0, 0, 0]].concat();
    assert_eq!(decode(&unknown), Err(EncodingError::Tag(200)));
    let twice = [expected.as_slice(), &expected[expected.len() - 8..]].concat();
    assert_eq!(decode(&twice), Err(EncodingError::Tag(61)));
}

proptest! {
    #[test]
    fn columns_are_those_of_the_entry_and_of_no_other(
        place in place(), content in content(), other in content(),
    ) {
        let bytes = encoded(&place, &content);
        let glance = super::encoding::Glance::of(&bytes).unwrap();
        let (own, others) = (super::Columns::of(&content), super::Columns::of(&other));
        prop_assert!(glance.is_found_by(&own));
        prop_assert_eq!(glance.is_found_by(&others), own == others);
    }
}
