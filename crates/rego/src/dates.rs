//! `time.*` where the interpreter reads times otherwise than OPA, or reads what OPA refuses.

use anyhow::{Result, anyhow, bail};
use regorus::Value;
use regorus::unstable::BUILTINS;

use super::builtins::{call, text_operand};
use super::registry::Registry;

const NANOSECONDS: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * NANOSECONDS;

type Check = fn(&[Value]) -> Result<()>;

pub(super) fn register(registry: &mut impl Registry) -> Result<()> {
    let checks: [(&str, u8, Check); 3] = [
        ("time.parse_rfc3339_ns", 1, |values| {
            rfc3339(text_operand(values, 0)?)
        }),
        ("time.format", 1, |values| layout(values.first())),
        ("time.diff", 2, |values| {
            values.iter().try_for_each(utc_only)
        }),
    ];
    for (name, arguments, check) in checks {
        let Some(builtin) = BUILTINS.get(name).copied() else {
            bail!("there is no built-in `{name}` to replace");
        };
        registry.add(name, arguments, move |values: Vec<Value>| {
            check(&values)?;
            call(builtin, &values)
        })?;
    }
    let (Some(parse), Some(parse_rfc3339), Some(format)) = (
        BUILTINS.get("time.parse_ns").copied(),
        BUILTINS.get("time.parse_rfc3339_ns").copied(),
        BUILTINS.get("time.format").copied(),
    ) else {
        bail!("there is no built-in `time.parse_ns` to replace");
    };
    registry.add("time.parse_ns", 2, move |values: Vec<Value>| {
        let (layout, written) = (text_operand(&values, 0)?, text_operand(&values, 1)?);
        if matches!(layout, "RFC3339" | "2006-01-02T15:04:05Z07:00") {
            rfc3339(written)?;
            return call(parse_rfc3339, &[Value::from(written)]);
        }
        // Only what reads back as it was written was read to its end, and as OPA reads it.
        let parsed = call(parse, &values)?;
        let parts = vec![parsed.clone(), Value::from("UTC"), Value::from(layout)];
        if zone_by_name(layout) || call(format, &[Value::from(parts)])? != Value::from(written) {
            bail!("`{written}` is not written as `{layout}` in UTC; use `time.parse_rfc3339_ns`");
        }
        Ok(parsed)
    })?;
    registry.add("time.add_date", 4, |values: Vec<Value>| add_date(&values))
}

/// Names of zones are ambiguous; the interpreter writes offsets for them.
fn zone_by_name(layout: &str) -> bool {
    layout.contains("MST") || matches!(layout, "UnixDate" | "RFC822" | "RFC850" | "RFC1123")
}

fn rfc3339(written: &str) -> Result<()> {
    let problem = || anyhow!("`{written}` is no time as in `2024-01-31T23:59:59Z`");
    let shape = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text
                .bytes()
                .zip(shape.bytes())
                .all(|(byte, wanted)| match wanted {
                    b'0' => byte.is_ascii_digit(),
                    wanted => byte == wanted,
                })
    };
    let (time, mut rest) = written.split_at_checked(19).ok_or_else(problem)?;
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Err(problem());
        }
        rest = fraction.get(digits..).unwrap_or_default();
    }
    let zone = rest == "Z" || shape(rest, "+00:00") || shape(rest, "-00:00");
    if !shape(time, "0000-00-00T00:00:00") || !zone || time.ends_with("60") {
        return Err(problem());
    }
    Ok(())
}

fn layout(operand: Option<&Value>) -> Result<()> {
    let Some(Value::Array(parts)) = operand else {
        return Ok(());
    };
    match parts.get(2) {
        Some(Value::String(layout)) if layout.is_empty() || zone_by_name(layout) => {
            bail!("the layout `{layout}` is not supported; write the zone as `-07:00`")
        }
        _ => Ok(()),
    }
}

fn utc_only(time: &Value) -> Result<()> {
    match time {
        Value::Array(parts) => match parts.as_slice() {
            [_] => Ok(()),
            [_, Value::String(zone), ..] if matches!(&**zone, "" | "UTC") => Ok(()),
            _ => bail!("only times in UTC are supported"),
        },
        _ => Ok(()),
    }
}

/// Adds to the calendar as OPA does: the 31st of a month of 30 days is the first of the next.
fn add_date(values: &[Value]) -> Result<Value> {
    let (Some(time), Some(years), Some(months), Some(days)) =
        (values.first(), values.get(1), values.get(2), values.get(3))
    else {
        bail!("`time.add_date` expects four operands");
    };
    utc_only(time)?;
    let time = match time {
        Value::Array(parts) => parts.first().unwrap_or(&Value::Null),
        time => time,
    };
    let integer = |value: &Value| {
        let whole = value.as_number().is_ok_and(|number| number.is_integer());
        match value.as_i64() {
            Ok(integer) if whole => Ok(i128::from(integer)),
            _ => bail!("`{value}` is no integer of 64 bits"),
        }
    };
    let time = integer(time)?;
    let small = |value: &Value| match integer(value)? {
        count if count.abs() <= 1_000_000 => Ok(count),
        _ => bail!("`{value}` is too much to add"),
    };
    let (years, months, days) = (small(years)?, small(months)?, small(days)?);
    let (year, month, day) = civil(time.div_euclid(DAY));
    let month = month - 1 + months;
    let date = days_of(
        year + years + month.div_euclid(12),
        month.rem_euclid(12) + 1,
        1,
    );
    let sum = (date + day - 1 + days) * DAY + time.rem_euclid(DAY);
    match i64::try_from(sum) {
        Ok(sum) => Ok(Value::from(sum)),
        Err(_) => bail!("the time is out of range"),
    }
}

/// The days from 1970-01-01 to a date of the Gregorian calendar.
fn days_of(year: i128, month: i128, day: i128) -> i128 {
    // Years begin in March, so that a leap day is the last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date that is so many days after 1970-01-01.
fn civil(days: i128) -> (i128, i128, i128) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i128::from(month <= 2);
    (year, month, day)
}
