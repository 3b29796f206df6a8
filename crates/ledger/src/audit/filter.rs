use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use kitelogik_core::{RiskTier, Verdict};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::store::statements::{DECISIONS, Param};
use crate::{LedgerError, Timestamp};

use super::AuditRecord;
use super::content::rule_name;

/// How many records one page holds at most: 10,000.
pub const MAX_PAGE: usize = 10_000;

/// Which records, in which order.
///
/// By session and by time the ledger has an index; everything else is looked for among the records
/// of that session or time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AuditFilter {
    /// Of this session.
    pub session: Option<String>,
    /// Of this tool.
    pub tool: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// With this verdict.
    pub verdict: Option<Verdict>,
    /// With this risk tier.
    pub tier: Option<RiskTier>,
    /// Of sessions that act for this principal.
    pub principal: Option<String>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Of one of these tenants: what somebody may see. Default: all, also records without a tenant.
    pub tenants: Option<BTreeSet<String>>,
    /// That this rule decided, or where it was among those that fired.
    pub rule: Option<String>,
    /// Asked at this moment or later.
    pub from: Option<Timestamp>,
    /// Asked before this moment.
    pub to: Option<Timestamp>,
    /// Only where nobody could know.
    pub fail_closed: bool,
    /// How many at once. Default: 100; at most [`MAX_PAGE`].
    pub limit: Option<usize>,
    /// Which come first. Default: the newest.
    pub order: Order,
    /// Go on behind this place, as [`AuditPage::next`] gave it.
    pub after: Option<Cursor>,
}

/// Which records come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The newest.
    #[default]
    NewestFirst,
    /// The oldest.
    OldestFirst,
}

/// Some of the records that were asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AuditPage {
    /// The records, in order.
    pub records: Vec<AuditRecord>,
    /// Where to go on; none where there are no more.
    pub next: Option<Cursor>,
}

/// A place in a list of records. A text without meaning for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    at: i64,
    writer: i64,
    sequence: i64,
}

/// A text that is no place in a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no place in a list of records")]
pub struct CursorError(String);

impl Cursor {
    pub(super) fn of(record: &AuditRecord) -> Self {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Self {
            at: record.at.millis(),
            writer: signed(record.writer),
            sequence: signed(record.sequence),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.at, self.writer, self.sequence)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let mut numbers = text.splitn(3, '.').map(|number| number.parse().ok());
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(Some(at)), Some(Some(writer)), Some(Some(sequence))) => Ok(Self {
                at,
                writer,
                sequence,
            }),
            _ => Err(CursorError(text.to_owned())),
        }
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl AuditFilter {
    /// All records.
    pub fn all() -> Self {
        Self::default()
    }

    /// Those of one session.
    pub fn session(id: impl Into<String>) -> Self {
        Self {
            session: Some(id.into()),
            ..Self::default()
        }
    }

    pub(super) fn page_size(&self) -> usize {
        self.limit.unwrap_or(100).clamp(1, MAX_PAGE)
    }

    /// The statement for one page, and one record more that tells whether there is another.
    pub(super) fn statement(&self) -> (String, Vec<Param>) {
        let mut sql = DECISIONS.to_owned();
        let mut params = Vec::new();
        let mut add = |condition: &str, values: &[Param]| {
            let mut condition = condition.to_owned();
            for value in values {
                params.push(value.clone());
                condition = condition.replacen('?', &format!("${}", params.len()), 1);
            }
            sql.push_str(" AND ");
            sql.push_str(&condition);
        };
        let texts = [
            ("e.session = ?", self.session.as_deref()),
            ("e.tool = ?", self.tool.as_deref()),
            ("e.action = ?", self.action.as_deref()),
            ("e.verdict = ?", self.verdict.map(Verdict::as_str)),
            ("e.tier = ?", self.tier.map(RiskTier::as_str)),
            ("e.principal = ?", self.principal.as_deref()),
            ("e.tenant = ?", self.tenant.as_deref()),
        ];
        for (condition, text) in texts {
            if let Some(text) = text {
                add(condition, &[Param::Text(text.to_owned())]);
            }
        }
        if let Some(tenants) = &self.tenants {
            let places = vec!["?"; tenants.len()].join(", ");
            let tenants: Vec<Param> = tenants.iter().cloned().map(Param::Text).collect();
            match tenants.as_slice() {
                [] => add("1 = 0", &[]),
                tenants => add(&format!("e.tenant IN ({places})"), tenants),
            }
        }
        if let Some(rule) = &self.rule {
            let pattern = like(&rule_name(rule));
            add("e.rules LIKE ? ESCAPE '\\'", &[Param::Text(pattern)]);
        }
        if let Some(from) = self.from {
            add("e.at >= ?", &[Param::Number(from.millis())]);
        }
        if let Some(to) = self.to {
            add("e.at < ?", &[Param::Number(to.millis())]);
        }
        if self.fail_closed {
            add("e.fail_closed IS NOT NULL", &[]);
        }
        let (compare, direction) = match self.order {
            Order::NewestFirst => ('<', "DESC"),
            Order::OldestFirst => ('>', "ASC"),
        };
        if let Some(after) = self.after {
            let place = [after.at, after.writer, after.sequence].map(Param::Number);
            add(
                &format!("(e.at, e.writer, e.sequence) {compare} (?, ?, ?)"),
                &place,
            );
        }
        let limit = self.page_size().saturating_add(1);
        sql.push_str(&format!(
            " ORDER BY e.at {direction}, e.writer {direction}, e.sequence {direction} LIMIT {limit}"
        ));
        (sql, params)
    }
}

/// The pattern that finds `text` anywhere.
fn like(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    format!("%{escaped}%")
}

impl AuditPage {
    /// The page of what was found for `filter`, one record more included.
    pub(super) fn new(
        mut records: Vec<AuditRecord>,
        filter: &AuditFilter,
    ) -> Result<Self, LedgerError> {
        // A forged second outcome would show a decision twice.
        records.dedup_by(|one, other| (one.writer, one.sequence) == (other.writer, other.sequence));
        let size = filter.page_size();
        let more = records.len() > size;
        records.truncate(size);
        let next = if more {
            records.last().map(Cursor::of)
        } else {
            None
        };
        Ok(Self { records, next })
    }
}
