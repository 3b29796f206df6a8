//! Ids of decisions.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use uuid::{Builder, Uuid};

/// An id of its own, a UUID of version 7: ids of one process sort in the order of time, to a quarter of a microsecond.
///
/// Made without anything that threads share. The random bits are the system's, fetched for many ids at once.
pub(crate) fn identity() -> String {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    // The first twelve bits are the part of the millisecond that has passed, as RFC 9562 (6.2, method 3) has it.
    let [high, low] = fraction(now.subsec_nanos() % 1_000_000).to_be_bytes();
    let id = match random() {
        Some([a, b, c, d, e, f, g, h]) => {
            let bytes = [high, low, a, b, c, d, e, f, g, h];
            Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
        }
        None => Uuid::now_v7(),
    };
    let mut text = [0; 36];
    id.hyphenated().encode_lower(&mut text).to_owned()
}

/// So many nanoseconds of a millisecond, in 4,096th parts of it.
fn fraction(nanoseconds: u32) -> u16 {
    let parts = u64::from(nanoseconds) * 4_096 / 1_000_000;
    u16::try_from(parts).unwrap_or(0x0fff)
}

/// Random bytes that one id takes.
const TAKEN: usize = 8;
/// For so many ids bytes are fetched at once.
const FETCHED: usize = 64;

thread_local! {
    static POOL: RefCell<Vec<[u8; TAKEN]>> = const { RefCell::new(Vec::new()) };
}

/// None where the thread is about to end, or the system gives nothing.
fn random() -> Option<[u8; TAKEN]> {
    POOL.try_with(|pool| {
        let mut pool = pool.try_borrow_mut().ok()?;
        if pool.is_empty() {
            let mut bytes = [0; TAKEN * FETCHED];
            getrandom::fill(&mut bytes).ok()?;
            let (ids, _) = bytes.as_chunks::<TAKEN>();
            pool.extend_from_slice(ids);
        }
        pool.pop()
    })
    .ok()
    .flatten()
}
