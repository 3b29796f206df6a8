//! The table of requests: the same in both stores, and the same statements for both.

use super::{ApprovalFilter, ApprovalState, Tenants};
use crate::Timestamp;
use crate::store::statements::Param;

/// What a row is read by.
pub(crate) const READ: &str = "SELECT id, state, digest, session, tenant, principal, tool, \
     expires_at, frame, basis, document, seal FROM approvals";

/// The requests for one call: the open one, then the newest.
pub(crate) const OF_CALL: &str =
    "WHERE digest = $1 ORDER BY state IN ('pending', 'approved') DESC, id DESC LIMIT 8";

/// The open request for one call.
pub(crate) const OPEN_OF_CALL: &str = "WHERE digest = $1 AND state IN ('pending', 'approved')";

/// The request with an id.
pub(crate) const OF_ID: &str = "WHERE id = $1";

/// The open requests whose time is up, a hundred at a time.
pub(crate) const DUE: &str =
    "WHERE state IN ('pending', 'approved') AND expires_at <= $1 LIMIT 100";

/// The requests whose time is not over, whatever became of them.
pub(crate) const IN_TIME: &str = "WHERE expires_at > $1";

/// How many requests of a session and how many of a tenant wait.
pub(crate) const WAITING_OF_SESSION: &str = "SELECT count(*) FROM approvals \
     WHERE session = $1 AND state = 'pending' AND expires_at > $2";
pub(crate) const WAITING_OF_TENANT: &str = "SELECT count(*) FROM approvals \
     WHERE tenant = $1 AND state = 'pending' AND expires_at > $2";
pub(crate) const WAITING_OF_NO_TENANT: &str = "SELECT count(*) FROM approvals \
     WHERE tenant IS NULL AND state = 'pending' AND expires_at > $1";

/// The columns of a new row, but for its change.
pub(crate) const NEW: &str = "INSERT INTO approvals (id, state, digest, session, tenant, \
     principal, tool, expires_at, frame, basis, document, seal, change) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, ";

/// A row that was in a known state, but for its change; the condition follows.
pub(crate) const CHANGE: &str =
    "UPDATE approvals SET state = $1, document = $2, seal = $3, change = ";
pub(crate) const CHANGE_OF: &str = " WHERE id = $4 AND state = $5";

/// The steps of a request, as the chain has them. The decisions about it are no steps: of those an agent
/// makes as many as it likes.
pub(crate) const STEPS: &str = "SELECT writer, sequence, hash, body FROM audit_entry \
     WHERE request = $1 AND kind = 4";

/// Removes what was over at a moment. What is open never goes.
pub(crate) const REMOVE: &str = "DELETE FROM approvals \
     WHERE state NOT IN ('pending', 'approved') AND expires_at < $1";

/// Removes one that is over, to be written anew under another key's seal: what is over is never changed.
pub(crate) const REMOVE_ONE: &str = "DELETE FROM approvals WHERE id = $1";

/// Conditions and their values, as they are put together.
#[derive(Default)]
struct Conditions {
    text: String,
    values: Vec<Param>,
}

impl Conditions {
    /// `?` in `condition` stands for `value`.
    fn and(&mut self, condition: &str, value: Param) {
        self.values.push(value);
        let place = format!("${}", self.values.len());
        self.add(&condition.replace('?', &place));
    }

    fn add(&mut self, condition: &str) {
        self.text.push_str(if self.text.is_empty() {
            "WHERE "
        } else {
            " AND "
        });
        self.text.push_str(condition);
    }

    fn tenants(&mut self, tenants: &Tenants) {
        let Tenants::Only(tenants) = tenants else {
            return;
        };
        let mut places = Vec::new();
        for tenant in tenants {
            self.values.push(Param::Text(tenant.clone()));
            places.push(format!("${}", self.values.len()));
        }
        if places.is_empty() {
            self.add("1 = 0");
        } else {
            self.add(&format!("tenant IN ({})", places.join(", ")));
        }
    }

    fn states(&mut self, states: &[ApprovalState], now: Timestamp) {
        if states.is_empty() {
            return;
        }
        // A value that no condition names is refused by both stores.
        let by_time =
            |state: &ApprovalState| !matches!(state, ApprovalState::Denied | ApprovalState::Used);
        if states.iter().any(by_time) {
            self.values.push(Param::Number(now.millis()));
        }
        let now = format!("${}", self.values.len());
        let any: Vec<String> = states
            .iter()
            .map(|state| match state {
                ApprovalState::Pending | ApprovalState::Approved => {
                    format!("(state = '{state}' AND expires_at > {now})")
                }
                ApprovalState::Denied | ApprovalState::Used => format!("state = '{state}'"),
                ApprovalState::Expired => format!(
                    "(state = 'expired' OR (state IN ('pending', 'approved') AND expires_at <= {now}))"
                ),
            })
            .collect();
        self.add(&format!("({})", any.join(" OR ")));
    }
}

/// The statement that lists the requests of `filter` of these tenants.
pub(crate) fn list(
    filter: &ApprovalFilter,
    tenants: &Tenants,
    now: Timestamp,
) -> (String, Vec<Param>) {
    let mut conditions = Conditions::default();
    conditions.states(&filter.states, now);
    conditions.tenants(tenants);
    for (condition, text) in [
        ("session = ?", &filter.session),
        ("tool = ?", &filter.tool),
        ("principal = ?", &filter.principal),
        ("tenant = ?", &filter.tenant),
    ] {
        if let Some(text) = text {
            conditions.and(condition, Param::Text(text.clone()));
        }
    }
    let (after, order) = if filter.newest_first {
        ("id < ?", "DESC")
    } else {
        ("id > ?", "ASC")
    };
    if let Some(id) = &filter.after {
        conditions.and(after, Param::Text(id.clone()));
    }
    let limit = filter.limit.min(ApprovalFilter::MAX_LIMIT);
    let text = format!(
        "{READ} {} ORDER BY id {order} LIMIT {limit}",
        conditions.text
    );
    (text, conditions.values)
}

/// The statement that counts the requests of these tenants that wait.
pub(crate) fn count_pending(tenants: &Tenants, now: Timestamp) -> (String, Vec<Param>) {
    let mut conditions = Conditions::default();
    conditions.states(&[ApprovalState::Pending], now);
    conditions.tenants(tenants);
    let text = format!("SELECT count(*) FROM approvals {}", conditions.text);
    (text, conditions.values)
}
