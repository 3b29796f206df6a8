//! Numbers as OPA computes with them.
//!
//! OPA keeps numbers as decimal texts. Integers are computed exactly; everything else in binary fractions of 64 bits,
//! whose result is the shortest decimal text that stands for it. The interpreter's numbers have 53 bits: a [`Decimal`]
//! keeps what they cannot hold.

mod binary;

use std::cmp::Ordering;

use anyhow::{Result, anyhow, bail};
use num_bigint::{BigInt, Sign};
use regorus::Value;
use regorus::unstable::ArithOp;

use self::binary::Binary;

/// How far from the point a digit may stand.
const MAX_EXPONENT: i64 = 100_000;

/// A decimal number: `digits` times ten to the power of `exponent`. The last digit is not 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    digits: BigInt,
    exponent: i64,
}

impl Decimal {
    fn new(digits: BigInt, exponent: i64) -> Self {
        if digits.sign() == Sign::NoSign {
            return Self {
                digits,
                exponent: 0,
            };
        }
        let text = digits.to_string();
        let bare = text.trim_end_matches('0');
        let zeros = i64::try_from(text.len() - bare.len()).unwrap_or_default();
        Self {
            digits: bare.parse().unwrap_or(digits),
            exponent: exponent + zeros,
        }
    }

    /// A number as it is written; none for what is no number.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        let Value::Number(number) = value else {
            return None;
        };
        if let Some(integer) = number.as_big() {
            return Some(Self::new((*integer).clone(), 0));
        }
        let written = format!("{:e}", number.as_f64().filter(|float| float.is_finite())?);
        let (digits, exponent) = written.split_once('e')?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let exponent: i64 = exponent.parse().ok()?;
        Some(Self::new(
            format!("{whole}{fraction}").parse().ok()?,
            exponent - i64::try_from(fraction.len()).ok()?,
        ))
    }

    /// The number as a value holds it. One that does not hold it is on the same side of the nearest one that does: what is
    /// over a limit stays over it.
    pub(crate) fn to_value(&self) -> Result<Value> {
        if let Some(integer) = self.integer() {
            return Value::from_numeric_string(&integer.to_string());
        }
        let near = self.near();
        if !near.is_finite() {
            bail!("numeric overflow");
        }
        let order = Self::of(&Value::from(near)).map(|held| self.order(&held));
        let float = match order {
            Some(Ordering::Less) => near.next_down(),
            Some(Ordering::Greater) => near.next_up(),
            _ => near,
        };
        Ok(Value::from(float))
    }

    /// Whether a value holds it with all its digits.
    pub(crate) fn fits(&self) -> bool {
        self.exponent >= 0 || Self::of(&Value::from(self.near())).is_some_and(|near| near == *self)
    }

    /// The nearest number of 53 bits.
    fn near(&self) -> f64 {
        let written = format!("{}e{}", self.digits, self.exponent);
        written.parse().unwrap_or(f64::NAN)
    }

    fn integer(&self) -> Option<BigInt> {
        let zeros = u32::try_from(self.exponent).ok()?;
        Some(&self.digits * BigInt::from(10).pow(zeros))
    }

    fn is_zero(&self) -> bool {
        self.digits.sign() == Sign::NoSign
    }

    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let place = self.exponent.min(other.exponent);
        let at = |number: &Self| {
            let zeros = u32::try_from(number.exponent - place).unwrap_or(u32::MAX);
            &number.digits * BigInt::from(10).pow(zeros)
        };
        at(self).cmp(&at(other))
    }

    /// What OPA makes of two numbers.
    ///
    /// # Errors
    ///
    /// A division by zero, the remainder of a fraction, a number that is too large or too small.
    pub(crate) fn compute(operation: &ArithOp, left: &Self, right: &Self) -> Result<Self> {
        let integers = match operation {
            ArithOp::Div => None,
            _ => left.integer().zip(right.integer()),
        };
        let made = match (operation, integers) {
            (ArithOp::Add, Some((left, right))) => Self::new(left + right, 0),
            (ArithOp::Sub, Some((left, right))) => Self::new(left - right, 0),
            (ArithOp::Mul, Some((left, right))) => Self::new(left * right, 0),
            (ArithOp::Mod, Some(_)) if right.is_zero() => bail!("modulo by zero"),
            (ArithOp::Mod, Some((left, right))) => Self::new(left % right, 0),
            (ArithOp::Mod, None) => bail!("modulo on floating-point number"),
            (ArithOp::Div, _) if right.is_zero() => bail!("divide by zero"),
            (operation, _) => {
                let (left, right) = (left.binary(), right.binary());
                let made = match operation {
                    ArithOp::Add => left.plus(&right),
                    ArithOp::Sub => left.plus(&right.negated()),
                    ArithOp::Mul => left.times(&right),
                    _ => left.over(&right).ok_or_else(|| anyhow!("divide by zero"))?,
                };
                let (digits, exponent) = made.shortest();
                Self::new(digits, exponent)
            }
        };
        if made.exponent.abs() > MAX_EXPONENT {
            bail!("numeric overflow");
        }
        Ok(made)
    }

    fn binary(&self) -> Binary {
        let power = u32::try_from(self.exponent.unsigned_abs()).unwrap_or(u32::MAX);
        let power = BigInt::from(10).pow(power);
        if self.exponent < 0 {
            Binary::quotient(&self.digits, &power)
        } else {
            Binary::quotient(&(&self.digits * power), &BigInt::from(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(written: &str) -> Decimal {
        let (whole, fraction) = written.split_once('.').unwrap_or((written, ""));
        let exponent = -i64::try_from(fraction.len()).unwrap_or_default();
        let digits = format!("{whole}{fraction}").parse().unwrap_or_default();
        Decimal::new(digits, exponent)
    }

    fn computed(left: &str, operation: ArithOp, right: &str) -> Decimal {
        Decimal::compute(&operation, &decimal(left), &decimal(right)).unwrap_or(decimal("0"))
    }

    #[test]
    fn a_sum_or_product_of_decimal_fractions_is_what_opa_makes_of_it() {
        assert_eq!(computed("100", ArithOp::Mul, "1.1"), decimal("110"));
        assert_eq!(computed("3", ArithOp::Mul, "0.1"), decimal("0.3"));
        assert_eq!(computed("0.1", ArithOp::Add, "0.2"), decimal("0.3"));
        assert_eq!(
            computed("1", ArithOp::Div, "3"),
            decimal("0.33333333333333333334")
        );
    }

    #[test]
    fn what_no_value_holds_stays_on_its_side_of_a_limit() {
        let above = decimal("110.00000000000000000694");
        assert!(!above.fits());
        assert_eq!(above.order(&decimal("110")), Ordering::Greater);
        let held = above.to_value().ok().and_then(|value| Decimal::of(&value));
        assert_eq!(held, Some(decimal("110.00000000000001")));
    }
}
