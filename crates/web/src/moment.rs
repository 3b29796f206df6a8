//! Times as people read and write them: UTC, to the second.

use std::fmt;
use std::time::Duration;

use kitelogik_ledger::{Timestamp, TimestampError};

/// A point in time in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl Moment {
    pub(crate) fn now() -> Self {
        Self(Timestamp::now())
    }

    pub(crate) fn millis(&self) -> i64 {
        self.0.millis()
    }

    /// Without its zone, as in `2026-11-24 09:27:31`: where a heading says that all are UTC.
    pub(crate) fn bare(&self) -> String {
        let text = self.0.to_string();
        text.split('.').next().unwrap_or_default().replace('T', " ")
    }

    /// As in `2026-11-24T09:27:31.250Z`, for `datetime` attributes.
    pub(crate) fn rfc3339(&self) -> String {
        self.0.to_string()
    }
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

/// As in `2026-11-24 09:27:31 UTC`.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} UTC", self.bare())
    }
}

/// Reads what a person writes, and what a browser's field for dates and times holds: also without seconds, without a
/// zone (which is then UTC), and in the form that pages show.
///
/// # Errors
///
/// The text is no time.
pub fn read_time(text: &str) -> Result<Timestamp, TimestampError> {
    let text = text.trim();
    let bare = text.trim_end_matches(" UTC");
    match bare.len() {
        16 => format!("{bare}:00Z").parse(),
        19 => format!("{bare}Z").parse(),
        _ => bare.parse(),
    }
    .map_err(|_| TimestampError {
        text: text.to_owned(),
    })
}

/// A span of time in one or two units, as in `4 min 12 s`.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) if seconds == 0 => format!("{} ms", span.as_millis()),
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_shows_is_read_back() {
        let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        assert_eq!(Moment(noon).to_string(), "2026-11-24 12:00:00 UTC");
        for text in [
            "2026-11-24 12:00:00 UTC",
            "2026-11-24T12:00",
            "2026-11-24T12:00:00",
            "2026-11-24T13:00:00+01:00",
        ] {
            assert_eq!(read_time(text), Ok(noon), "{text}");
        }
        assert!(read_time("yesterday").is_err());
    }

    #[test]
    fn spans_have_two_units_at_most() {
        assert_eq!(span(Duration::from_millis(250)), "250 ms");
        assert_eq!(span(Duration::from_secs(252)), "4 min 12 s");
        assert_eq!(span(Duration::from_secs(90_000)), "1 d 1 h");
    }
}
