use crate::LedgerError;
use crate::store::statements::{DECISIONS, ENTRIES, Param};

use super::filter::{AuditFilter, AuditPage};
use super::{AuditEntry, AuditLog, AuditRecord};

impl AuditLog {
    /// The records of `filter`: one page of them, each with its outcome.
    ///
    /// # Errors
    ///
    /// The store could not be read, or a record does not read as one: then `verify` says more.
    pub async fn query(&self, filter: &AuditFilter) -> Result<AuditPage, LedgerError> {
        let (sql, params) = filter.statement();
        let found = self.shared.store.fetch(sql, params).await?;
        let records: Result<Vec<_>, _> = found.iter().map(AuditRecord::read).collect();
        AuditPage::new(records?, filter)
    }

    /// The record of one decision.
    ///
    /// # Errors
    ///
    /// As for [`query`](Self::query).
    pub async fn get(&self, decision_id: &str) -> Result<Option<AuditRecord>, LedgerError> {
        let sql = format!(
            "{DECISIONS} AND e.decision_id = $1 ORDER BY e.at, e.writer, e.sequence LIMIT 1"
        );
        let params = vec![Param::Text(decision_id.to_owned())];
        let found = self.shared.store.fetch(sql, params).await?;
        found.first().map(AuditRecord::read).transpose()
    }

    /// The entries about one approval request, in the order of time; at most 1,000.
    ///
    /// # Errors
    ///
    /// As for [`query`](Self::query).
    pub async fn of_request(&self, request: &str) -> Result<Vec<AuditEntry>, LedgerError> {
        let sql = format!(
            "{ENTRIES} e.request = $1 AND e.request IS NOT NULL ORDER BY e.at, e.writer, e.sequence LIMIT 1000"
        );
        let params = vec![Param::Text(request.to_owned())];
        self.entries(sql, params).await
    }

    pub(super) async fn entries(
        &self,
        sql: String,
        params: Vec<Param>,
    ) -> Result<Vec<AuditEntry>, LedgerError> {
        let found = self.shared.store.fetch(sql, params).await?;
        found.iter().map(|found| found.entry.read()).collect()
    }
}
