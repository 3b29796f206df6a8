use ring::rand::{SecureRandom, SystemRandom};

use crate::Timestamp;

/// Crockford's digits, in lower case: none looks like another.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A new id, as in `apr_01kb2x7c3m4qv9nd2e`: the time, then 40 random bits, so that ids are in the
/// order of time.
///
/// None where the system has no random numbers to give.
pub(crate) fn new_id() -> Option<String> {
    let mut random = [0_u8; 5];
    SystemRandom::new().fill(&mut random).ok()?;
    let time = u64::try_from(Timestamp::now().millis()).unwrap_or(0);
    let random = random
        .iter()
        .fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    let mut id = "apr_".to_owned();
    push(&mut id, time, 10);
    push(&mut id, random, 8);
    Some(id)
}

fn push(id: &mut String, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = usize::try_from((number >> (5 * place)) & 31).unwrap_or(0);
        id.extend(DIGITS.get(digit).map(|digit| char::from(*digit)));
    }
}
