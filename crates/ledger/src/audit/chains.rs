//! The chain of this process, and what is written to it batch by batch.

use std::collections::HashMap;

use crate::{LedgerError, Timestamp};

use super::batch::{Batch, Open, completion, gap};
use super::queue::{Command, Decision, Queue, Waiting};
use super::writer::{Backend, Identity};
use super::{Chain, Content, Draft, EntryKind};

/// This process's chain, and the decisions in it that are open.
pub(super) struct Chains {
    identity: Identity,
    chain: Option<Chain>,
    open: HashMap<u64, Open>,
    unsettled: Option<Unsettled>,
}

/// A transaction of which nobody knows whether it is in the store.
struct Unsettled {
    before: Option<Chain>,
    after: Chain,
    batch: Batch,
}

impl Chains {
    pub(super) fn new(identity: Identity) -> Self {
        Self {
            identity,
            chain: None,
            open: HashMap::new(),
            unsettled: None,
        }
    }

    pub(super) fn chain_mut(&mut self) -> Option<&mut Chain> {
        self.chain.as_mut()
    }

    pub(super) fn is_unsettled(&self) -> bool {
        self.unsettled.is_some()
    }

    /// Finds out whether the transaction is in the store whose end nobody saw.
    pub(super) fn settle(
        &mut self,
        backend: &mut dyn Backend,
        next: &mut Batch,
        queue: &Queue,
    ) -> Result<(), LedgerError> {
        let Some(unsettled) = self.unsettled.take() else {
            return Ok(());
        };
        let head = match backend.head(unsettled.after.writer) {
            Ok(head) => head,
            Err(error) => {
                self.unsettled = Some(unsettled);
                return Err(error);
            }
        };
        let Unsettled {
            before,
            after,
            mut batch,
        } = unsettled;
        if head == after {
            self.chain = Some(after);
            self.written(&mut batch, queue);
        } else {
            self.chain = before;
            let error = LedgerError::store("writing records", "the store was lost on the way");
            let refused = batch.sort_out(&error, queue);
            for told in refused.waiting {
                let _ = told.send(Err(refused.problem.clone()));
            }
            next.commands.splice(..0, refused.back);
        }
        Ok(())
    }

    /// Writes `batch` in one transaction, and gives the number of entries.
    pub(super) fn write(
        &mut self,
        backend: &mut dyn Backend,
        batch: &mut Batch,
        queue: &Queue,
    ) -> Result<u64, LedgerError> {
        let before = self.chain;
        let filled = backend
            .begin()
            .and_then(|()| self.fill(backend, batch, queue))
            .and_then(|after| backend.send().map(|()| after));
        let after = match filled {
            Ok(after) => after,
            Err(error) => {
                backend.rollback();
                batch.opened.clear();
                batch.closed.clear();
                return Err(error);
            }
        };
        if let Err(error) = backend.commit() {
            backend.rollback();
            match backend.head(after.writer) {
                // The answer was lost, the transaction was not.
                Ok(head) if head == after => {}
                Ok(_) => {
                    batch.opened.clear();
                    batch.closed.clear();
                    return Err(error);
                }
                Err(_) => {
                    self.leave_unsettled(before, after, batch, &error);
                    return Err(error);
                }
            }
        }
        self.chain = Some(after);
        self.written(batch, queue);
        Ok(after
            .count
            .saturating_sub(before.map_or(0, |chain| chain.count)))
    }

    /// Puts all of the batch into the transaction; gives the end of the chain.
    fn fill(
        &mut self,
        backend: &mut dyn Backend,
        batch: &mut Batch,
        queue: &Queue,
    ) -> Result<Chain, LedgerError> {
        let mut chain = match self.chain {
            Some(chain) => chain,
            None => {
                let mut chain = Chain::new(backend.register(&self.identity)?);
                let start = Draft::new(&self.identity.start());
                backend.insert(&chain.append(&start))?;
                chain
            }
        };
        if let Some(loss) = &batch.loss {
            backend.insert(&chain.append(&gap(loss)))?;
        }
        let mut kept = Vec::with_capacity(batch.commands.len());
        let mut commands = std::mem::take(&mut batch.commands).into_iter();
        let mut result = Ok(());
        let mut abandoned = 0_u64;
        for command in commands.by_ref() {
            match command {
                Command::Decision(decision) if decision.waiting.is_over() => {
                    abandoned = abandoned.saturating_add(1);
                    continue;
                }
                #[cfg(feature = "sqlite")]
                Command::Job(job) => {
                    batch.finish.push(backend.run(job, &mut chain));
                    continue;
                }
                command => {
                    result = self.put(backend, &mut chain, &command, batch);
                    kept.push(command);
                }
            }
            if result.is_err() {
                break;
            }
        }
        kept.extend(commands);
        batch.commands = kept;
        queue.lose(abandoned, "the gate had given up waiting");
        result.map(|()| chain)
    }

    /// Puts one command into the transaction.
    fn put(
        &self,
        backend: &mut dyn Backend,
        chain: &mut Chain,
        command: &Command,
        batch: &mut Batch,
    ) -> Result<(), LedgerError> {
        match command {
            Command::Decision(decision) => {
                backend.insert(&chain.append(&decision.draft))?;
                if let Some(ticket) = decision.ticket {
                    let open = Open {
                        sequence: chain.count,
                        decision_id: decision.draft.columns.decision_id.clone(),
                    };
                    batch.opened.insert(ticket, open);
                }
            }
            Command::Outcome {
                ticket,
                outcome,
                at,
            } => {
                // Of a decision that was not written there is nothing to complete.
                let open = self.open.get(ticket).or_else(|| batch.opened.get(ticket));
                if let Some(open) = open {
                    let draft = Draft::new(&completion(open, *outcome, *at));
                    backend.insert(&chain.append(&draft))?;
                    batch.closed.push(*ticket);
                }
            }
            Command::Entry(draft) => backend.insert(&chain.append(draft))?,
            Command::Flush(_) => {}
            #[cfg(feature = "sqlite")]
            Command::Job(_) => {}
        }
        Ok(())
    }

    /// All of the batch is on disk.
    fn written(&mut self, batch: &mut Batch, queue: &Queue) {
        batch.loss = None;
        self.open.extend(batch.opened.drain());
        for ticket in batch.closed.drain(..) {
            self.open.remove(&ticket);
        }
        for finish in batch.finish.drain(..) {
            finish(Ok(()));
        }
        for command in batch.commands.drain(..) {
            match command {
                Command::Decision(Decision {
                    ticket, waiting, ..
                }) => {
                    let heard = match waiting {
                        Waiting::Nobody => true,
                        Waiting::Gate(gate) => gate.send(Ok(())).is_ok(),
                        Waiting::GaveUp => false,
                    };
                    if !heard {
                        self.unacknowledged(ticket, queue);
                    }
                }
                Command::Flush(waiting) => {
                    let _ = waiting.send(Ok(()));
                }
                #[cfg(feature = "sqlite")]
                Command::Job(_) => {}
                Command::Outcome { .. } | Command::Entry(_) => {}
            }
        }
    }

    /// The gate gave up waiting for a record that is written: the record must say so, or it would
    /// look like a call that crashed.
    fn unacknowledged(&mut self, ticket: Option<u64>, queue: &Queue) {
        let Some(open) = ticket.and_then(|ticket| self.open.remove(&ticket)) else {
            return;
        };
        let mut content = Content::new(EntryKind::Outcome, Timestamp::now());
        content.refers = Some(open.sequence);
        content.decision_id = open.decision_id;
        content.unacknowledged = true;
        let _ = queue.push(Command::Entry(Draft::new(&content)));
    }

    /// Who waits is told that it is not written, though it may be; the rest is kept until that is
    /// known.
    fn leave_unsettled(
        &mut self,
        before: Option<Chain>,
        after: Chain,
        batch: &mut Batch,
        error: &LedgerError,
    ) {
        let problem = error.to_string();
        for finish in batch.finish.drain(..) {
            finish(Err(problem.clone()));
        }
        for command in &mut batch.commands {
            if let Command::Decision(decision) = command
                && matches!(decision.waiting, Waiting::Gate(_))
                && let Waiting::Gate(gate) =
                    std::mem::replace(&mut decision.waiting, Waiting::GaveUp)
            {
                let _ = gate.send(Err(problem.clone()));
            }
        }
        let held = std::mem::replace(batch, Batch::new(Vec::new(), None));
        self.unsettled = Some(Unsettled {
            before,
            after,
            batch: held,
        });
    }
}
