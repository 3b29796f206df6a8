mod comparison;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use kitelogik_core::{
    BoxFuture, EngineError, GovernanceEvent, Masking, PolicyDecision, PolicyEngine, PolicyInput,
    Verdict,
};
use serde::Serialize;
use tokio::runtime::Builder;

use self::comparison::{Question, Worker, count};

/// A candidate policy beside the one in force: what would it have decided otherwise?
///
/// It answers with the active engine's decision, and with nothing else. Each question is then put to
/// the candidate on a thread of its own, and where the verdict differs, that is a [`Flip`]: kept for
/// [`flips`](Self::flips), logged, and told to [`on_flip`](ShadowBuilder::on_flip). Questions that
/// come faster than the candidate answers are dropped and counted, so that memory is bounded and no
/// decision waits.
///
/// ```
/// # use kitelogik_core::{BoxFuture, EngineError, FailClosed, PolicyDecision, PolicyEngine, PolicyInput};
/// use kitelogik_opa::{PolicyGate, Shadow};
/// # struct Engine;
/// # impl PolicyEngine for Engine {
/// #     fn decide<'a>(&'a self, _: &'a PolicyInput<'a>) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
/// #         Box::pin(async { Err(EngineError::new(FailClosed::InternalError, "")) })
/// #     }
/// # }
/// # let (active, candidate) = (Engine, Engine);
///
/// let shadow = Shadow::builder(active, candidate).build()?;
/// let gate = PolicyGate::new(shadow.clone());
/// // … after a day of traffic:
/// for flip in shadow.flips() {
///     println!("{}: {} would be {}", flip.event.action(), flip.old.verdict, flip.new.verdict);
/// }
/// # Ok::<(), kitelogik_opa::ShadowError>(())
/// ```
#[derive(Clone)]
pub struct Shadow {
    shared: Arc<Shared>,
    questions: SyncSender<Question>,
}

struct Shared {
    active: Box<dyn PolicyEngine>,
    max_queued_bytes: usize,
    queued_bytes: AtomicUsize,
    observed: Mutex<Observed>,
}

#[derive(Default)]
struct Observed {
    /// Each with about how much it takes.
    flips: VecDeque<(Arc<Flip>, usize)>,
    flips_bytes: usize,
    counts: ShadowCounts,
}

/// Whoever asks chooses how large a flip is, so their number alone bounds nothing.
const MAX_FLIPS_BYTES: usize = 16 * 1024 * 1024;

/// A question that the candidate decides otherwise than the policy in force.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Flip {
    /// What was asked, masked.
    pub event: GovernanceEvent,
    /// The session that asked.
    pub session_id: String,
    /// What the policy in force decided.
    pub old: Side,
    /// What the candidate would have decided.
    pub new: Side,
}

/// One of the two decisions of a [`Flip`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Side {
    /// The verdict.
    pub verdict: Verdict,
    /// Its reason, masked.
    pub reason: String,
    /// The rule that decided.
    pub rule_matched: Option<String>,
    /// The id of the decision.
    pub decision_id: String,
    /// The revision of the policy.
    pub revision: Option<Arc<str>>,
}

/// What a [`Shadow`] has seen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ShadowCounts {
    /// Questions that both decided.
    pub compared: u64,
    /// Those among them whose verdict differs.
    pub flips: u64,
    /// Flips that are no longer kept, because later ones took their place.
    pub forgotten: u64,
    /// Questions that were not put to the candidate, because too many were waiting.
    pub dropped: u64,
    /// Questions that the policy in force could not decide, by its code.
    pub active_failed: BTreeMap<&'static str, u64>,
    /// Questions that the candidate could not decide, by its code.
    pub candidate_failed: BTreeMap<&'static str, u64>,
}

/// The candidate's thread could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the thread of the shadow policy could not be started: {0}")]
pub struct ShadowError(#[from] std::io::Error);

/// What a [`Shadow`] is made of.
#[must_use]
pub struct ShadowBuilder {
    active: Box<dyn PolicyEngine>,
    candidate: Box<dyn PolicyEngine>,
    max_queued: usize,
    max_queued_bytes: usize,
    max_flips: usize,
    masking: Masking,
    on_flip: Option<OnFlip>,
}

type OnFlip = Box<dyn Fn(&Flip) + Send>;

impl Shadow {
    /// Begins with the policy in force and the candidate.
    pub fn builder(
        active: impl PolicyEngine + 'static,
        candidate: impl PolicyEngine + 'static,
    ) -> ShadowBuilder {
        ShadowBuilder {
            active: Box::new(active),
            candidate: Box::new(candidate),
            max_queued: 1024,
            max_queued_bytes: 16 * 1024 * 1024,
            max_flips: 1000,
            masking: Masking::none(),
            on_flip: None,
        }
    }

    /// The latest flips, oldest first.
    pub fn flips(&self) -> Vec<Arc<Flip>> {
        let observed = self.shared.observed();
        let flips = observed.flips.iter().map(|(flip, _)| Arc::clone(flip));
        flips.collect()
    }

    /// What was seen so far.
    pub fn counts(&self) -> ShadowCounts {
        self.shared.observed().counts.clone()
    }

    /// Leaves a question for the candidate, where there is room for it.
    fn leave(&self, input: &PolicyInput<'_>, decision: &PolicyDecision) {
        let question = Question::new(input, decision);
        let shared = &self.shared;
        let bytes = question.bytes;
        let queued = shared.queued_bytes.fetch_add(bytes, Ordering::SeqCst);
        let fits = queued.saturating_add(bytes) <= shared.max_queued_bytes;
        if !fits || self.questions.try_send(question).is_err() {
            shared.queued_bytes.fetch_sub(bytes, Ordering::SeqCst);
            let dropped = &mut shared.observed().counts.dropped;
            *dropped = dropped.saturating_add(1);
        }
    }
}

impl Shared {
    fn observed(&self) -> std::sync::MutexGuard<'_, Observed> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observed {
    /// Keeps a flip, in place of older ones where there are too many.
    fn keep(&mut self, flip: Arc<Flip>, bytes: usize, most: usize) {
        self.flips.push_back((flip, bytes));
        self.flips_bytes = self.flips_bytes.saturating_add(bytes);
        while (self.flips.len() > most || self.flips_bytes > MAX_FLIPS_BYTES)
            && let Some((_, bytes)) = self.flips.pop_front()
        {
            self.flips_bytes = self.flips_bytes.saturating_sub(bytes);
            self.counts.forgotten = self.counts.forgotten.saturating_add(1);
        }
    }
}

impl ShadowBuilder {
    /// How many questions may wait for the candidate. Default: 1,024. What comes on top is dropped.
    pub fn max_queued(mut self, questions: usize) -> Self {
        self.max_queued = questions;
        self
    }

    /// How large the questions that wait may be together, as the text of what they ask and of the reasons in bytes.
    /// Default: 16 MiB. What comes on top is dropped.
    pub fn max_queued_bytes(mut self, bytes: usize) -> Self {
        self.max_queued_bytes = bytes;
        self
    }

    /// How many flips are kept: the latest, and no more than have 16 MiB of text together. Default: 1,000.
    pub fn max_flips(mut self, flips: usize) -> Self {
        self.max_flips = flips;
        self
    }

    /// What must not show in flips. Default: tokens.
    pub fn masking(mut self, masking: Masking) -> Self {
        self.masking = masking;
        self
    }

    /// Is told of each flip, on the candidate's thread.
    pub fn on_flip(mut self, tell: impl Fn(&Flip) + Send + 'static) -> Self {
        self.on_flip = Some(Box::new(tell));
        self
    }

    /// Starts the candidate's thread, which ends when the last clone is dropped.
    ///
    /// # Errors
    ///
    /// The thread, or the runtime on it, cannot be started.
    pub fn build(self) -> Result<Shadow, ShadowError> {
        let (questions, waiting) = sync_channel(self.max_queued);
        let shared = Arc::new(Shared {
            active: self.active,
            max_queued_bytes: self.max_queued_bytes,
            queued_bytes: AtomicUsize::new(0),
            observed: Mutex::default(),
        });
        let worker = Worker {
            runtime: Builder::new_current_thread().enable_all().build()?,
            candidate: self.candidate,
            shared: Arc::clone(&shared),
            max_flips: self.max_flips,
            masking: self.masking,
            on_flip: self.on_flip,
        };
        std::thread::Builder::new()
            .name("kitelogik-shadow".to_owned())
            .spawn(move || worker.work(&waiting))?;
        Ok(Shadow { shared, questions })
    }
}

impl PolicyEngine for Shadow {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        Box::pin(async move {
            let answer = self.shared.active.decide(input).await;
            match &answer {
                Ok(decision) => match decision.fail_closed {
                    None => self.leave(input, decision),
                    Some(code) => count(&mut self.shared.observed().counts.active_failed, code),
                },
                Err(error) => {
                    count(
                        &mut self.shared.observed().counts.active_failed,
                        error.code(),
                    );
                }
            }
            answer
        })
    }

    /// The revision of the policy in force.
    fn revision(&self) -> Option<Arc<str>> {
        self.shared.active.revision()
    }

    /// Whether the policy in force can decide.
    fn health(&self) -> BoxFuture<'_, Result<(), EngineError>> {
        self.shared.active.health()
    }
}

impl fmt::Debug for Shadow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shadow")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
