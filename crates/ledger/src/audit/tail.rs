use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream;

use crate::store::number;
use crate::store::statements::{ENTRIES, Param};
use crate::{LedgerError, Tenants};

use super::{AuditEntry, AuditLog, Chain};

/// How often other processes' entries are looked for.
const INTERVAL: Duration = Duration::from_millis(250);

/// How many entries of one chain are read at once.
const CHUNK: i64 = 500;

/// How far somebody has followed each chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Position(BTreeMap<u64, u64>);

impl Position {
    /// Before everything.
    pub fn beginning() -> Self {
        Self::default()
    }

    /// Behind this entry, too.
    pub fn pass(&mut self, entry: &AuditEntry) {
        self.0.insert(entry.writer, entry.sequence);
    }
}

/// Entries as they are written.
pub type AuditTail = Pin<Box<dyn Stream<Item = Result<AuditEntry, LedgerError>> + Send>>;

impl AuditLog {
    /// Where all chains end at this moment.
    ///
    /// # Errors
    ///
    /// The store could not be read.
    pub async fn position(&self) -> Result<Position, LedgerError> {
        let heads = self.shared.store.heads().await?;
        Ok(Position(
            heads.iter().map(|head| (head.writer, head.count)).collect(),
        ))
    }

    /// Brings `position` to where all chains end at this moment, and tells whether something was written in between that
    /// these tenants may know of: a decision of theirs, or the outcome of one. For [`Tenants::All`] that is any entry.
    ///
    /// # Errors
    ///
    /// The store could not be read; `position` is as it was.
    pub async fn catch_up(
        &self,
        position: &mut Position,
        tenants: &Tenants,
    ) -> Result<bool, LedgerError> {
        let now = self.position().await?;
        let found = match tenants {
            Tenants::All => now != *position,
            Tenants::Only(tenants) => self.is_between(position, &now, tenants).await?,
        };
        *position = now;
        Ok(found)
    }

    /// Whether one of these tenants' decisions, or an outcome of one, lies in between.
    async fn is_between(
        &self,
        from: &Position,
        to: &Position,
        tenants: &BTreeSet<String>,
    ) -> Result<bool, LedgerError> {
        if tenants.is_empty() {
            return Ok(false);
        }
        let places: Vec<String> = (4..).take(tenants.len()).map(|n| format!("${n}")).collect();
        let places = places.join(", ");
        let sql = format!(
            "{ENTRIES} e.writer = $1 AND e.sequence > $2 AND e.sequence <= $3 AND (
               (e.kind = 2 AND e.tenant IN ({places})) OR (e.kind = 3 AND EXISTS (
                 SELECT 1 FROM audit_entry d WHERE d.writer = e.writer AND d.sequence = e.refers
                   AND d.kind = 2 AND d.tenant IN ({places})))) LIMIT 1"
        );
        for (writer, last) in &to.0 {
            let seen = from.0.get(writer).copied().unwrap_or(0);
            if seen >= *last {
                continue;
            }
            let mut params = vec![number(*writer), number(seen), number(*last)];
            params.extend(tenants.iter().cloned().map(Param::Text));
            if !self
                .shared
                .store
                .fetch(sql.clone(), params)
                .await?
                .is_empty()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// All entries behind `position`, and then each as it is written: by this process at once, by
    /// others within 250 ms. Entries of one chain come in their order.
    ///
    /// It ends with the first error.
    pub fn tail(&self, position: Position) -> AuditTail {
        let following = Following {
            log: self.clone(),
            position,
            ready: VecDeque::new(),
            failed: false,
        };
        Box::pin(stream::unfold(following, Following::next))
    }

    async fn behind(&self, position: &Position) -> Result<Vec<AuditEntry>, LedgerError> {
        let mut found = Vec::new();
        for Chain { writer, count, .. } in self.shared.store.heads().await? {
            let seen = position.0.get(&writer).copied().unwrap_or(0);
            if seen >= count {
                continue;
            }
            let sql =
                format!("{ENTRIES} e.writer = $1 AND e.sequence > $2 ORDER BY e.sequence LIMIT $3");
            let params = vec![number(writer), number(seen), Param::Number(CHUNK)];
            found.extend(self.entries(sql, params).await?);
        }
        found.sort_by_key(|entry| entry.content.at);
        restore_order(&mut found);
        Ok(found)
    }
}

/// Within each chain, by place: the places in the list stay as time has them.
fn restore_order(entries: &mut Vec<AuditEntry>) {
    let mut chains: BTreeMap<u64, VecDeque<AuditEntry>> = BTreeMap::new();
    let writers: Vec<u64> = entries.iter().map(|entry| entry.writer).collect();
    for entry in entries.drain(..) {
        chains.entry(entry.writer).or_default().push_back(entry);
    }
    for chain in chains.values_mut() {
        chain.make_contiguous().sort_by_key(|entry| entry.sequence);
    }
    entries.extend(
        writers
            .iter()
            .filter_map(|writer| chains.get_mut(writer)?.pop_front()),
    );
}

struct Following {
    log: AuditLog,
    position: Position,
    ready: VecDeque<AuditEntry>,
    failed: bool,
}

impl Following {
    async fn next(mut self) -> Option<(Result<AuditEntry, LedgerError>, Self)> {
        if self.failed {
            return None;
        }
        let mut changes = self.log.queue().ok().map(|queue| queue.changes());
        loop {
            if let Some(entry) = self.ready.pop_front() {
                self.position.pass(&entry);
                return Some((Ok(entry), self));
            }
            match self.log.behind(&self.position).await {
                Ok(found) if found.is_empty() => {
                    let change = async {
                        match &mut changes {
                            Some(changes) => changes.changed().await.is_ok(),
                            None => std::future::pending().await,
                        }
                    };
                    let _ = tokio::time::timeout(INTERVAL, change).await;
                }
                Ok(found) => self.ready.extend(found),
                Err(error) => {
                    self.failed = true;
                    return Some((Err(error), self));
                }
            }
        }
    }
}
