//! One transaction's worth of commands, and the chain that they go to.

use std::collections::HashMap;

use kitelogik_core::Outcome;

use crate::{LedgerError, Timestamp};

use super::queue::{Command, Decision, Finish, Loss, Queue, Waiting};
use super::writer::{Backend, Identity};
use super::{Chain, Content, Draft, EntryKind};

/// Commands, and what became of them so far.
pub(super) struct Batch {
    commands: Vec<Command>,
    loss: Option<Loss>,
    /// Of jobs that ran: whom to tell.
    finish: Vec<Finish>,
    /// The decisions of this batch that wait for their outcome.
    opened: Vec<(u64, Open)>,
    /// The outcomes of this batch.
    closed: Vec<u64>,
}

/// A decision whose outcome is not written.
#[derive(Clone, Debug)]
struct Open {
    sequence: u64,
    decision_id: Option<String>,
}

impl Batch {
    pub(super) fn new(commands: Vec<Command>, loss: Option<Loss>) -> Self {
        Self {
            commands,
            loss,
            finish: Vec::new(),
            opened: Vec::new(),
            closed: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.loss.is_none()
    }

    /// Nothing of it was written: who waits is told, and what nobody waits for goes back.
    pub(super) fn refuse(&mut self, error: &LedgerError, queue: &Queue) {
        let problem = error.to_string();
        if let Some(loss) = self.loss.take() {
            queue.put_back_loss(loss);
        }
        for finish in self.finish.drain(..) {
            finish(Err(problem.clone()));
        }
        let mut lost = 0_u64;
        let mut back = Vec::new();
        for command in self.commands.drain(..) {
            match command {
                Command::Decision(Decision {
                    waiting: Waiting::Gate(gate),
                    ..
                }) => {
                    lost = lost.saturating_add(1);
                    let _ = gate.send(Err(problem.clone()));
                }
                Command::Decision(Decision {
                    waiting: Waiting::GaveUp,
                    ..
                }) => lost = lost.saturating_add(1),
                Command::Flush(waiting) => {
                    let _ = waiting.send(Err(problem.clone()));
                }
                #[cfg(feature = "sqlite")]
                Command::Job(_) => {}
                kept @ (Command::Decision(_) | Command::Outcome { .. } | Command::Entry(_)) => {
                    back.push(kept);
                }
            }
        }
        queue.lose(lost, &problem);
        queue.put_back(back);
    }
}

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
            batch.refuse(&error, queue);
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
            .and_then(|()| self.fill(backend, batch, queue));
        let after = match filled {
            Ok(after) => after,
            Err(error) => {
                backend.rollback();
                batch.opened.clear();
                batch.closed.clear();
                return Err(error);
            }
        };
        let committed = match backend.commit() {
            Ok(()) => true,
            Err(error) => {
                backend.rollback();
                match backend.head(after.writer) {
                    Ok(head) if head == after => true,
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
        };
        debug_assert!(committed);
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
        let mut abandoned = 0_u64;
        let mut commands = std::mem::take(&mut batch.commands);
        let mut kept = Vec::with_capacity(commands.len());
        let mut result = Ok(());
        for command in commands.drain(..) {
            if result.is_err() {
                kept.push(command);
                continue;
            }
            match command {
                Command::Decision(decision) if decision.waiting.is_over() => {
                    abandoned = abandoned.saturating_add(1);
                }
                Command::Decision(decision) => {
                    result = backend.insert(&chain.append(&decision.draft));
                    if let Some(ticket) = decision.ticket {
                        let open = Open {
                            sequence: chain.count,
                            decision_id: decision.draft.columns.decision_id.clone(),
                        };
                        batch.opened.push((ticket, open));
                    }
                    kept.push(Command::Decision(decision));
                }
                Command::Outcome {
                    ticket,
                    outcome,
                    at,
                } => {
                    let opened = &batch.opened;
                    let open = self.open.get(&ticket).or_else(|| {
                        let found = opened.iter().find(|(opened, _)| *opened == ticket);
                        found.map(|(_, open)| open)
                    });
                    // Of a decision that was not written there is nothing to complete.
                    if let Some(open) = open {
                        let draft = Draft::new(&completion(open, outcome, at));
                        result = backend.insert(&chain.append(&draft));
                        batch.closed.push(ticket);
                        kept.push(Command::Outcome {
                            ticket,
                            outcome,
                            at,
                        });
                    }
                }
                Command::Entry(draft) => {
                    result = backend.insert(&chain.append(&draft));
                    kept.push(Command::Entry(draft));
                }
                #[cfg(feature = "sqlite")]
                Command::Job(job) => batch.finish.push(backend.run(job, &mut chain)),
                Command::Flush(waiting) => kept.push(Command::Flush(waiting)),
            }
        }
        batch.commands = kept;
        queue.lose(abandoned, "the gate had given up waiting");
        result.map(|()| chain)
    }

    /// All of the batch is on disk.
    fn written(&mut self, batch: &mut Batch, queue: &Queue) {
        batch.loss = None;
        self.open.extend(batch.opened.drain(..));
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

fn gap(loss: &Loss) -> Draft {
    let mut content = Content::new(EntryKind::Gap, Timestamp::now());
    content.count = Some(loss.count);
    content.from = Some(loss.from);
    content.to = Some(loss.to);
    content.detail = Some(loss.problem.clone());
    Draft::new(&content)
}

fn completion(open: &Open, outcome: Outcome, at: Timestamp) -> Content {
    let mut content = Content::new(EntryKind::Outcome, at);
    content.refers = Some(open.sequence);
    content.decision_id.clone_from(&open.decision_id);
    content.outcome = Some(outcome_name(outcome).to_owned());
    content
}

/// An outcome's name on the wire.
pub(crate) const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ran => "ran",
        Outcome::Failed => "failed",
        Outcome::Panicked => "panicked",
        Outcome::Cancelled => "cancelled",
        Outcome::NeverRan => "never_ran",
    }
}
