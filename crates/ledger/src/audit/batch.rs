//! One transaction's worth of commands.

use std::collections::HashMap;

use kitelogik_core::Outcome;
use tokio::sync::oneshot;

use crate::{LedgerError, Timestamp};

use super::queue::{Command, Decision, Finish, Loss, Queue, Waiting};
use super::{Content, Draft, EntryKind};

/// Commands, and what became of them so far.
pub(super) struct Batch {
    pub(super) commands: Vec<Command>,
    pub(super) loss: Option<Loss>,
    /// Of jobs that ran: whom to tell.
    pub(super) finish: Vec<Finish>,
    /// The decisions of this batch that wait for their outcome.
    pub(super) opened: HashMap<u64, Open>,
    /// The outcomes of this batch.
    pub(super) closed: Vec<u64>,
}

/// A decision whose outcome is not written.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) sequence: u64,
    pub(super) decision_id: Option<String>,
}

impl Batch {
    pub(super) fn new(commands: Vec<Command>, loss: Option<Loss>) -> Self {
        Self {
            commands,
            loss,
            finish: Vec::new(),
            opened: HashMap::new(),
            closed: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.loss.is_none()
    }

    /// Nothing of it was written: who waits is told, and what nobody waits for goes back.
    pub(super) fn refuse(&mut self, error: &LedgerError, queue: &Queue) {
        let refused = self.sort_out(error, queue);
        // Whoever is told finds everything in its place.
        queue.put_back(refused.back);
        for finish in self.finish.drain(..) {
            finish(Err(refused.problem.clone()));
        }
        for told in refused.waiting {
            let _ = told.send(Err(refused.problem.clone()));
        }
    }

    pub(super) fn sort_out(&mut self, error: &LedgerError, queue: &Queue) -> Refused {
        let mut refused = Refused {
            problem: error.to_string(),
            back: Vec::new(),
            waiting: Vec::new(),
        };
        if let Some(loss) = self.loss.take() {
            queue.put_back_loss(loss);
        }
        let mut lost = 0_u64;
        for command in self.commands.drain(..) {
            match command {
                Command::Decision(Decision {
                    waiting: Waiting::Gate(gate),
                    ..
                }) => {
                    lost = lost.saturating_add(1);
                    refused.waiting.push(gate);
                }
                Command::Decision(Decision {
                    waiting: Waiting::GaveUp,
                    ..
                }) => lost = lost.saturating_add(1),
                Command::Flush(flush) => refused.waiting.push(flush),
                #[cfg(feature = "sqlite")]
                Command::Job(_) => {}
                kept @ (Command::Decision(_) | Command::Outcome { .. } | Command::Entry(_)) => {
                    refused.back.push(kept);
                }
            }
        }
        queue.lose(lost, &refused.problem);
        refused
    }
}

/// What becomes of a batch that was not written.
pub(super) struct Refused {
    pub(super) problem: String,
    /// What nobody waits for: it is tried again.
    pub(super) back: Vec<Command>,
    pub(super) waiting: Vec<oneshot::Sender<Result<(), String>>>,
}

pub(super) fn gap(loss: &Loss) -> Draft {
    let mut content = Content::new(EntryKind::Gap, Timestamp::now());
    content.count = Some(loss.count);
    content.from = Some(loss.from);
    content.to = Some(loss.to);
    content.detail = Some(loss.problem.clone());
    Draft::new(&content)
}

pub(super) fn completion(open: &Open, outcome: Outcome, at: Timestamp) -> Content {
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
