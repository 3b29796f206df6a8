mod keys;

use std::collections::BTreeMap;

use crate::store::number;
use crate::store::statements::{ENTRIES, Param, WriterRow};
use crate::{Digest, LedgerError};

use crate::audit::check::{ChainCheck, Problem, Stored};
use crate::audit::checkpoint::{Checkpoint, Head};
use crate::audit::verification::{MAX_PROBLEMS, Verification, VerifyOptions};
use crate::audit::{AuditEntry, AuditLog, Chain, Content, EntryKind, Keys};

/// How many entries are looked at at once: what bounds the memory that is needed.
const CHUNK: i64 = 2_000;

/// How often all is looked at anew because the ledger's key was changed meanwhile: 3 times.
const ATTEMPTS: u32 = 3;

impl AuditLog {
    /// Looks at every record: whether each is as it was written, none is missing between others, and
    /// all that a checkpoint lists is there.
    ///
    /// `progress` is told now and then how many entries were looked at. Where the ledger's key is changed meanwhile and
    /// something looks wrong for it, all is looked at anew, from the first. The memory that it takes does
    /// not depend on how many there are.
    ///
    /// # Errors
    ///
    /// The store could not be read. What is wrong with the records is no error but a
    /// [`Problem`] of the answer.
    pub async fn verify(
        &self,
        options: &VerifyOptions,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<Verification, LedgerError> {
        for _ in 0..ATTEMPTS {
            let keys = self.shared.store.keys().await?;
            let found = self
                .look_at_all(keys.clone(), options, &mut progress)
                .await?;
            // What the one key signs is no problem once it is the ledger's.
            if found.is_intact() || self.shared.store.keys().await? == keys {
                return Ok(found);
            }
        }
        let keys = self.shared.store.keys().await?;
        self.look_at_all(keys, options, &mut progress).await
    }

    async fn look_at_all(
        &self,
        keys: Keys,
        options: &VerifyOptions,
        progress: &mut (impl FnMut(u64) + Send),
    ) -> Result<Verification, LedgerError> {
        let mut verifying = Verifying {
            log: self,
            ledger: self.shared.store.id(),
            keys,
            key_changes: BTreeMap::new(),
            cut: None,
            ends: BTreeMap::new(),
            last_seal: None,
            found: Verification::default(),
        };
        verifying.trusted_keys(options);
        verifying.find_cut().await?;
        verifying.chains(progress).await?;
        verifying.changes_of_key();
        verifying.checkpoints(options).await?;
        Ok(verifying.found)
    }
}

struct Verifying<'a> {
    log: &'a AuditLog,
    ledger: Digest,
    keys: Keys,
    /// The changes of the key that entries tell of, by number.
    key_changes: BTreeMap<u64, Option<Digest>>,
    /// Up to which checkpoint old entries were removed.
    cut: Option<Checkpoint>,
    /// How far each chain goes.
    ends: BTreeMap<u64, u64>,
    /// The last checkpoint that an entry tells of.
    last_seal: Option<(u64, Digest)>,
    found: Verification,
}

impl Verifying<'_> {
    fn problem(&mut self, problem: Problem) {
        if self.found.problems.len() < MAX_PROBLEMS {
            self.found.problems.push(problem);
        }
    }

    /// What retention left: a checkpoint, and an entry by which the ledger's key says so.
    async fn find_cut(&mut self) -> Result<(), LedgerError> {
        let removals = self.log.shared.store.removals().await?;
        let Some(cut) = removals.cut(self.ledger, &self.keys) else {
            return Ok(());
        };
        match cut.doubt() {
            Some(doubt) => self.problem(Problem::of(doubt)),
            None => self.found.removed_up_to = Some(cut.number),
        }
        self.cut = cut.checkpoint;
        Ok(())
    }

    fn cut_at(&self, writer: u64) -> Option<&Head> {
        self.cut.as_ref().and_then(|cut| cut.head(writer))
    }

    async fn chains(&mut self, progress: &mut (impl FnMut(u64) + Send)) -> Result<(), LedgerError> {
        let store = &self.log.shared.store;
        for writer in store.strangers().await? {
            self.problem(Problem {
                writer: Some(writer),
                sequence: None,
                decision_id: None,
                what: "has records and is not registered".to_owned(),
            });
        }
        for row in store.writers().await? {
            self.found.writers = self.found.writers.saturating_add(1);
            if let Err(problem) = self.chain(&row, progress).await? {
                self.problem(problem);
            }
        }
        Ok(())
    }

    async fn chain(
        &mut self,
        row: &WriterRow,
        progress: &mut (impl FnMut(u64) + Send),
    ) -> Result<Result<(), Problem>, LedgerError> {
        let cut = self.cut_at(row.writer).copied();
        let from = cut.map_or(Chain::new(row.writer), |cut| Chain {
            writer: row.writer,
            count: cut.count,
            head: cut.head,
        });
        let store = &self.log.shared.store;
        if cut.is_some()
            && !store
                .chain(row.writer, 0, 1)
                .await?
                .iter()
                .all(|first| first.sequence > from.count)
        {
            return Ok(Err(Problem::at(
                row.writer,
                1,
                "and others up to a checkpoint were to be removed and are still there: remove them again",
            )));
        }
        let mut check = ChainCheck::new(Some(self.ledger), from);
        let mut rows = store.chain(row.writer, from.count, CHUNK).await?;
        while let Some(last) = rows.last().map(|last| last.sequence) {
            // Hashing takes long: it is done off the async threads, while the next rows are read.
            let work = tokio::task::spawn_blocking(move || check_rows(check, &rows));
            let (next, done) =
                futures_util::future::join(store.chain(row.writer, last, CHUNK), work).await;
            let done = done.map_err(|error| LedgerError::store("verifying", error))?;
            check = done.check;
            for content in &done.told {
                if content.kind == EntryKind::Start && !is_of(row, content) {
                    let what = "says another name or place than the writer has";
                    return Ok(Err(Problem::at(row.writer, 1, what)));
                }
                if let (EntryKind::KeyChange, Some(number)) = (content.kind, content.key_change) {
                    self.key_changes.insert(number, content.key_change_digest);
                }
                if let (EntryKind::Seal, Some(number), Some(digest)) =
                    (content.kind, content.checkpoint, content.checkpoint_digest)
                    && self.last_seal.is_none_or(|(last, _)| last < number)
                {
                    self.last_seal = Some((number, digest));
                }
            }
            self.found.records = self.found.records.saturating_add(done.whole);
            progress(self.found.records);
            if let Some(problem) = done.problem {
                self.ends.insert(row.writer, check.at.count);
                return Ok(Err(problem));
            }
            rows = next?;
        }
        self.ends.insert(row.writer, check.at.count);
        if check.at.count == 0 {
            return Ok(Err(Problem::at(
                row.writer,
                1,
                "is missing, and all after it",
            )));
        }
        Ok(Ok(()))
    }

    /// Those in the ledger, one after the other, then those that were kept elsewhere.
    async fn checkpoints(&mut self, options: &VerifyOptions) -> Result<(), LedgerError> {
        let store = &self.log.shared.store;
        let mut last: Option<Checkpoint> = None;
        loop {
            let after = last.as_ref().map_or(0, |last| last.number);
            // One at a time: a checkpoint lists every writer.
            let Some(next) = store.checkpoints(after, 1).await?.into_iter().next() else {
                break;
            };
            if next.number != after.saturating_add(1)
                || next.previous != last.as_ref().map(Checkpoint::digest).unwrap_or_default()
            {
                self.problem(Problem::of(format!(
                    "checkpoint {} is missing, or another than the one that was followed",
                    after.saturating_add(1)
                )));
            }
            if let Some(change) = self.keys.change_behind(next.number)
                && change.checkpoint_digest != next.digest()
            {
                self.problem(Problem::of(format!(
                    "checkpoint {} is another than when the key was changed",
                    next.number
                )));
            }
            for kept in options
                .checkpoints
                .iter()
                .filter(|kept| kept.number == next.number)
            {
                if kept.digest() != next.digest() {
                    self.problem(Problem::of(format!(
                        "checkpoint {} is another in the ledger than the one kept elsewhere",
                        next.number
                    )));
                }
            }
            self.checkpoint(&next, last.as_ref()).await?;
            last = Some(next);
        }
        let end = last.as_ref().map_or(0, |last| last.number);
        if let Some(change) = self.keys.changes().last()
            && change.checkpoint > end
        {
            self.problem(Problem::of(format!(
                "checkpoint {} is missing, behind which the key was changed",
                change.checkpoint
            )));
        }
        if let Some((number, digest)) = self.last_seal {
            let there = last.as_ref().is_some_and(|last| {
                last.number > number || (last.number == number && last.digest() == digest)
            });
            if !there {
                self.problem(Problem::of(format!(
                    "checkpoint {number} is missing, or another than the record of it says"
                )));
            }
        }
        for kept in &options.checkpoints {
            self.checkpoint(kept, None).await?;
        }
        let newest = options
            .checkpoints
            .iter()
            .chain(&last)
            .max_by_key(|one| one.number);
        let unsealed = self.ends.iter().map(|(writer, end)| {
            let sealed = newest
                .and_then(|newest| newest.head(*writer))
                .map_or(0, |head| head.count);
            end.saturating_sub(sealed)
        });
        self.found.unsealed = unsealed.sum();
        Ok(())
    }

    /// Whether all that `checkpoint` lists is there. What `before` lists alike was looked at then.
    async fn checkpoint(
        &mut self,
        checkpoint: &Checkpoint,
        before: Option<&Checkpoint>,
    ) -> Result<(), LedgerError> {
        self.found.checkpoints = self.found.checkpoints.saturating_add(1);
        if let Err(error) = checkpoint.verify(&self.keys.of_checkpoint(checkpoint.number)) {
            self.problem(Problem::of(error.to_string()));
            return Ok(());
        }
        if checkpoint.ledger != self.ledger {
            self.problem(Problem::of(format!(
                "checkpoint {} is of another ledger",
                checkpoint.number
            )));
            return Ok(());
        }
        for head in &checkpoint.writers {
            let was_looked_at = before.and_then(|before| before.head(head.writer)) == Some(head);
            if !was_looked_at && let Some(what) = self.differs(head).await? {
                let told = format!("{what}, as checkpoint {} has it", checkpoint.number);
                let known = self
                    .found
                    .problems
                    .iter()
                    .any(|problem| problem.writer == Some(head.writer));
                if !known {
                    let end = self.ends.get(&head.writer).copied().unwrap_or(0);
                    let first = head.count.min(end.saturating_add(1));
                    self.problem(Problem::at(head.writer, first, told));
                }
            }
        }
        Ok(())
    }

    /// What is wrong with the entry that `head` names.
    async fn differs(&self, head: &Head) -> Result<Option<String>, LedgerError> {
        if let Some(cut) = self.cut_at(head.writer)
            && head.count <= cut.count
        {
            let same = head.count < cut.count || head.head == cut.head;
            return Ok((!same).then(|| "was another".to_owned()));
        }
        let sql = format!("{ENTRIES} e.writer = $1 AND e.sequence = $2");
        let params: Vec<Param> = vec![number(head.writer), number(head.count)];
        let found = self.log.shared.store.fetch(sql, params).await?;
        Ok(match found.first() {
            None => Some(format!("is missing, and all up to record {}", head.count)),
            Some(found) if found.entry.hash == head.head.bytes() => None,
            Some(found) => {
                let shown = found.entry.read().ok().and_then(decision);
                Some(format!("was another{}", shown.unwrap_or_default()))
            }
        })
    }
}

/// What came of looking at some rows.
struct Checked {
    check: ChainCheck,
    /// How many were whole.
    whole: u64,
    /// The starts, seals and changes of the key among them.
    told: Vec<Content>,
    problem: Option<Problem>,
}

fn check_rows(mut check: ChainCheck, rows: &[Stored]) -> Checked {
    let (mut whole, mut told, mut problem) = (0_u64, Vec::new(), None);
    for row in rows {
        match check.next(row) {
            Ok(content) => told.extend(content),
            Err(found) => {
                problem = Some(found);
                break;
            }
        }
        whole = whole.saturating_add(1);
    }
    Checked {
        check,
        whole,
        told,
        problem,
    }
}

fn decision(entry: AuditEntry) -> Option<String> {
    entry
        .content
        .decision_id
        .map(|id| format!(" (decision {id})"))
}

/// Whether a chain's first entry says of its writer what the table says.
fn is_of(row: &WriterRow, start: &Content) -> bool {
    start.name.as_deref() == Some(&row.name)
        && start.host.as_deref() == Some(&row.host)
        && start.process == Some(row.process)
}
