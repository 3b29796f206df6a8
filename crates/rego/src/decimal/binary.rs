//! Binary fractions of 64 bits, rounded to the nearest one, of two equally near ones to the even one.

use num_bigint::{BigInt, Sign};

/// How many bits there are.
const BITS: u64 = 64;

/// `mantissa` times two to the power of `exponent`; the mantissa has 64 bits, or is 0.
#[derive(Clone, Debug)]
pub(super) struct Binary {
    mantissa: BigInt,
    exponent: i64,
}

impl Binary {
    /// The one nearest to `numerator / denominator`, which is more than 0.
    pub(super) fn quotient(numerator: &BigInt, denominator: &BigInt) -> Self {
        let negative = numerator.sign() == Sign::Minus;
        let numerator = numerator.magnitude();
        let denominator = denominator.magnitude();
        let bits = |number: &num_bigint::BigUint| i64::try_from(number.bits()).unwrap_or(i64::MAX);
        if numerator.bits() == 0 || denominator.bits() == 0 {
            return Self {
                mantissa: BigInt::from(0),
                exponent: 0,
            };
        }
        // One bit or two more than there are, and whether anything is left.
        let shift =
            i64::try_from(BITS).unwrap_or_default() + 1 + bits(denominator) - bits(numerator);
        let distance = shift.unsigned_abs();
        let (above, below) = if shift < 0 {
            (numerator.clone(), denominator << distance)
        } else {
            (numerator << distance, denominator.clone())
        };
        let whole = &above / &below;
        let mut rest = &whole * &below != above;
        let more = whole.bits() - BITS;
        let cut = &whole >> more;
        let half = whole.bit(more - 1);
        rest |= more > 1 && whole.bit(0);
        let up = half && (rest || cut.bit(0));
        let mantissa = if up { cut + 1_u32 } else { cut };
        let exponent = i64::try_from(more).unwrap_or_default() - shift;
        let (mantissa, exponent) = if mantissa.bits() > BITS {
            (mantissa >> 1_u32, exponent + 1)
        } else {
            (mantissa, exponent)
        };
        let sign = if negative { Sign::Minus } else { Sign::Plus };
        Self {
            mantissa: BigInt::from_biguint(sign, mantissa),
            exponent,
        }
    }

    fn of(mantissa: BigInt, exponent: i64) -> Self {
        let rounded = Self::quotient(&mantissa, &BigInt::from(1));
        Self {
            exponent: rounded.exponent + exponent,
            ..rounded
        }
    }

    pub(super) fn negated(&self) -> Self {
        Self {
            mantissa: -&self.mantissa,
            exponent: self.exponent,
        }
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let place = self.exponent.min(other.exponent);
        let at = |number: &Self| &number.mantissa << (number.exponent - place).unsigned_abs();
        Self::of(at(self) + at(other), place)
    }

    pub(super) fn times(&self, other: &Self) -> Self {
        Self::of(
            &self.mantissa * &other.mantissa,
            self.exponent + other.exponent,
        )
    }

    /// None where `other` is 0.
    pub(super) fn over(&self, other: &Self) -> Option<Self> {
        if other.mantissa.sign() == Sign::NoSign {
            return None;
        }
        let numerator = match other.mantissa.sign() {
            Sign::Minus => -&self.mantissa,
            _ => self.mantissa.clone(),
        };
        let rounded = Self::quotient(&numerator, &other.mantissa);
        Some(Self {
            exponent: rounded.exponent + self.exponent - other.exponent,
            ..rounded
        })
    }

    /// The decimal number of the fewest digits that this one is the nearest to: its digits, and the power of ten that
    /// they are multiplied with.
    pub(super) fn shortest(&self) -> (BigInt, i64) {
        if self.mantissa.sign() == Sign::NoSign {
            return (BigInt::from(0), 0);
        }
        // Half a step below and above, as integers of one scale.
        let twice: BigInt = self.mantissa.magnitude().clone().into();
        let twice = twice << 1_u32;
        let exponent = self.exponent - 1;
        let (factor, scale) = if exponent < 0 {
            let power = u32::try_from(exponent.unsigned_abs()).unwrap_or(u32::MAX);
            (BigInt::from(5).pow(power), exponent)
        } else {
            (BigInt::from(1) << exponent.unsigned_abs(), 0)
        };
        let even = !self.mantissa.bit(0);
        let number = (&twice * &factor).to_string();
        let lower = ((&twice - 1_u32) * &factor).to_string();
        let upper = ((&twice + 1_u32) * &factor).to_string();
        let (digits, dropped) = fewest(&number, &lower, &upper, even);
        let negative = self.mantissa.sign() == Sign::Minus;
        let digits: BigInt = digits.parse().unwrap_or_default();
        (
            if negative { -digits } else { digits },
            scale + i64::try_from(dropped).unwrap_or_default(),
        )
    }
}

/// The first digits of `number` that lie between the others, rounded, and how many digits were left out.
fn fewest(number: &str, lower: &str, upper: &str, inclusive: bool) -> (String, usize) {
    let bare = |text: &str| -> Vec<u8> { text.trim_end_matches('0').bytes().collect() };
    let (digits, lower, upper) = (bare(number), bare(lower), bare(upper));
    for (place, digit) in digits.iter().copied().enumerate() {
        let low = lower.get(place).copied().unwrap_or(b'0');
        let high = upper.get(place).copied().unwrap_or(b'0');
        let down = low != digit || inclusive && place + 1 == lower.len();
        let up = digit != high && (inclusive || digit + 1 < high || place + 1 < upper.len());
        let kept = digits.get(..=place).unwrap_or_default();
        let dropped = number.len() - kept.len();
        let text = || String::from_utf8_lossy(kept).into_owned();
        match (down, up) {
            (true, true) if rounds_up(&digits, place + 1) => return (increased(&text()), dropped),
            (true, _) => return (text(), dropped),
            (false, true) => return (increased(&text()), dropped),
            (false, false) => {}
        }
    }
    (
        String::from_utf8_lossy(&digits).into_owned(),
        number.len() - digits.len(),
    )
}

fn rounds_up(digits: &[u8], place: usize) -> bool {
    let Some(digit) = digits.get(place) else {
        return false;
    };
    if *digit == b'5' && place + 1 == digits.len() {
        // Right between: to the even one.
        let before = place.checked_sub(1).and_then(|before| digits.get(before));
        return before.is_some_and(|before| before % 2 == 1);
    }
    *digit >= b'5'
}

fn increased(digits: &str) -> String {
    let number: BigInt = digits.parse().unwrap_or_default();
    (number + 1_u32).to_string()
}
