//! What is in force, what waits, and what is known of the source.
//!
//! Decisions read one pointer and, where a limit is set, one number: both change as a whole, so that there is no order
//! of steps between threads which could be wrong, and nothing that a model checker of such orders could look for.
//! Everything else is behind one lock that no decision takes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwap;
use tokio::sync::broadcast;

use super::freshness::Freshness;
use super::order::{self, Superseded};
use super::reading::{BundleFacts, Reading};
use super::settings::Settings;
use super::version::Version;
use super::{
    PolicyChange, ReloadError, ReloadEvent, ReloadEvents, ReloadOutcome, ReloadStatus, event,
};

pub(super) struct State {
    pub(super) current: ArcSwap<Version>,
    pub(super) freshness: Freshness,
    pub(super) settings: Arc<Settings>,
    held: Mutex<Held>,
    events: broadcast::Sender<ReloadEvent>,
}

/// What only reloads and whoever asks for the status look at.
struct Held {
    since: SystemTime,
    previous: Option<Arc<Version>>,
    waiting: Option<Arc<Version>>,
    /// Contents that are not taken because somebody rolled back from them.
    kept_out: Vec<String>,
    superseded: Superseded,
    /// What the source held when it was last read, and when that was.
    source: (String, Instant),
    refreshed: SystemTime,
    attempted: SystemTime,
    problem: Option<Problem>,
    told_stale: bool,
}

struct Problem {
    error: ReloadError,
    /// What the source held, where it could be read.
    content: Option<String>,
}

/// What is known of what the source holds.
pub(super) enum Standing {
    /// It is in force.
    InForce,
    /// Somebody rolled back from it.
    KeptOut,
    /// It waits for a confirmation.
    Waiting(PolicyChange),
    /// It was refused.
    Refused(ReloadError),
    New,
}

impl State {
    pub(super) fn new(first: Version, settings: Arc<Settings>, read: Instant) -> Self {
        let now = SystemTime::now();
        let source = (first.content.clone(), read);
        Self {
            current: ArcSwap::from_pointee(first),
            freshness: Freshness::new(settings.max_stale, read),
            settings,
            held: Mutex::new(Held {
                since: now,
                previous: None,
                waiting: None,
                kept_out: Vec::new(),
                superseded: Superseded::default(),
                source,
                refreshed: now,
                attempted: now,
                problem: None,
                told_stale: false,
            }),
            events: broadcast::Sender::new(event::KEPT),
        }
    }

    /// What `reading`, made at the time `read`, is to the version in force. Notes that the source was read.
    pub(super) fn standing(&self, reading: &Reading, read: Instant) -> Standing {
        let mut held = self.held();
        held.attempted = SystemTime::now();
        held.source = (reading.content.clone(), read);
        let current = self.current.load();
        if current.content == reading.content {
            held.kept_out.clear();
            held.waiting = None;
            if current.places != reading.places {
                return Standing::New;
            }
            return Standing::InForce;
        }
        if held.kept_out.contains(&reading.content) {
            return Standing::KeptOut;
        }
        match (&held.waiting, &held.problem) {
            (Some(waiting), _) if waiting.content == reading.content => {
                Standing::Waiting(waiting.change_from(&current))
            }
            (_, Some(problem)) if problem.content.as_ref() == Some(&reading.content) => {
                Standing::Refused(problem.error.clone())
            }
            _ => Standing::New,
        }
    }

    /// Whether `reading` may come after the version in force.
    pub(super) fn check_order(&self, reading: &Reading) -> Result<(), ReloadError> {
        let next = (reading.bundle.as_ref(), reading.content.as_str());
        self.may_follow(&self.held(), &self.current.load(), next)
    }

    fn may_follow(
        &self,
        held: &Held,
        current: &Version,
        next: (Option<&BundleFacts>, &str),
    ) -> Result<(), ReloadError> {
        if current.content == next.1 {
            return Ok(());
        }
        let (superseded, settings) = (&held.superseded, &self.settings);
        order::check_next(next, current.bundle.as_ref(), superseded, settings)
    }

    /// What the source held at the time `read` is in force, or somebody decided against it.
    pub(super) fn refreshed(&self, read: Instant) {
        let mut held = self.held();
        let recovered = self.note_refreshed(&mut held, read);
        drop(held);
        self.tell(recovered);
    }

    /// What the source holds was refused, or it could not be read: then without `content`.
    pub(super) fn refused(&self, error: ReloadError, content: Option<String>) {
        let mut held = self.held();
        held.attempted = SystemTime::now();
        // The source holds something else than what waits; what was rolled back from can still be taken back.
        let kept_out = held.kept_out.clone();
        if content.is_some() {
            let _ = held
                .waiting
                .take_if(|version| !kept_out.contains(&version.content));
        }
        let news = held
            .problem
            .as_ref()
            .is_none_or(|known| known.error != error || known.content != content);
        held.problem = Some(Problem {
            error: error.clone(),
            content,
        });
        drop(held);
        self.tell(news.then_some(ReloadEvent::Refused(error)));
    }

    /// Puts a new version in force, or has it wait; unless somebody decided otherwise while it was made ready, by a
    /// roll-back or a confirmation.
    pub(super) fn offer(
        &self,
        version: Version,
        read: Instant,
    ) -> Result<ReloadOutcome, ReloadError> {
        let version = Arc::new(version);
        let mut held = self.held();
        let current = self.current.load_full();
        if held.kept_out.contains(&version.content) {
            drop(held);
            self.refreshed(read);
            return Ok(ReloadOutcome::KeptOut);
        }
        let next = (version.bundle.as_ref(), version.content.as_str());
        self.may_follow(&held, &current, next)?;
        if version.revision == current.revision {
            // Other tests, another place, another name for the same rules.
            let known = version.content == current.content;
            held.kept_out.clear();
            held.waiting = None;
            self.current.store(version);
            if !known && current.bundle.is_some() {
                held.superseded.add(current.content.clone());
            }
            let recovered = self.note_refreshed(&mut held, read);
            drop(held);
            self.tell(recovered);
            return Ok(ReloadOutcome::Unchanged);
        }
        let change = version.change_from(&current);
        if self.settings.confirm_removals && change.rules.guards_gone().next().is_some() {
            held.waiting = Some(version);
            held.problem = None;
            drop(held);
            self.tell(Some(ReloadEvent::Waiting(change.clone())));
            return Ok(ReloadOutcome::Waiting(change));
        }
        self.replace(&mut held, current, version);
        let _ = self.note_refreshed(&mut held, read);
        drop(held);
        self.tell(Some(ReloadEvent::Reloaded(change.clone())));
        Ok(ReloadOutcome::Reloaded(change))
    }

    pub(super) fn confirm(&self, revision: &str) -> Result<PolicyChange, ReloadError> {
        let mut held = self.held();
        let waiting = held
            .waiting
            .take_if(|version| &*version.revision == revision);
        let Some(version) = waiting else {
            return Err(ReloadError::NotWaiting(revision.to_owned()));
        };
        let current = self.current.load_full();
        let change = version.change_from(&current);
        // Whoever rolled back and confirms takes it back: that is no replay.
        held.kept_out.clear();
        let (content, read) = held.source.clone();
        let is_of_source = content == version.content;
        self.replace(&mut held, current, version);
        if is_of_source {
            let _ = self.note_refreshed(&mut held, read);
        }
        drop(held);
        self.tell(Some(ReloadEvent::Reloaded(change.clone())));
        Ok(change)
    }

    pub(super) fn roll_back(&self) -> Result<PolicyChange, ReloadError> {
        let mut held = self.held();
        let Some(version) = held.previous.take() else {
            return Err(ReloadError::NothingBefore);
        };
        let current = self.current.load_full();
        let change = version.change_from(&current);
        held.superseded.forget(&version.content);
        held.kept_out = vec![current.content.clone(), held.source.0.clone()];
        held.kept_out.retain(|content| *content != version.content);
        held.since = SystemTime::now();
        held.waiting = Some(current);
        self.current.store(version);
        drop(held);
        self.tell(Some(ReloadEvent::RolledBack(change.clone())));
        Ok(change)
    }

    /// Tells of staleness, once.
    pub(super) fn tell_if_stale(&self) {
        let Some(max_stale) = self.freshness.max_stale() else {
            return;
        };
        let mut held = self.held();
        let news = self.freshness.is_stale() && !std::mem::replace(&mut held.told_stale, true);
        drop(held);
        self.tell(news.then_some(ReloadEvent::Stale { max_stale }));
    }

    /// When there will be staleness to tell of.
    pub(super) fn stale_at(&self) -> Option<Instant> {
        let ends = self.freshness.ends()?;
        (!self.held().told_stale).then_some(ends)
    }

    pub(super) fn events(&self) -> ReloadEvents {
        ReloadEvents::new(self.events.subscribe())
    }

    pub(super) fn status(&self, watching: bool) -> ReloadStatus {
        let held = self.held();
        let current = self.current.load();
        ReloadStatus {
            revision: Arc::clone(&current.revision),
            bundle_revision: current.bundle_revision(),
            sequence: current.bundle.as_ref().and_then(|bundle| bundle.sequence),
            since: held.since,
            refreshed: held.refreshed,
            attempted: held.attempted,
            problem: held.problem.as_ref().map(|problem| problem.error.clone()),
            waiting: held
                .waiting
                .as_ref()
                .map(|version| version.change_from(&current)),
            rolled_back: !held.kept_out.is_empty(),
            stale: self.freshness.is_stale(),
            watching,
        }
    }

    fn replace(&self, held: &mut Held, current: Arc<Version>, next: Arc<Version>) {
        for content in std::mem::take(&mut held.kept_out) {
            held.superseded.add(content);
        }
        if current.bundle.is_some() {
            held.superseded.add(current.content.clone());
        }
        held.previous = Some(current);
        held.waiting = None;
        held.since = SystemTime::now();
        self.current.store(next);
    }

    /// The event that is due if something was wrong before.
    fn note_refreshed(&self, held: &mut Held, read: Instant) -> Option<ReloadEvent> {
        self.freshness.note(read);
        held.refreshed = SystemTime::now();
        let wrong = held.problem.take().is_some() | std::mem::take(&mut held.told_stale);
        wrong.then(|| ReloadEvent::Recovered {
            revision: Arc::clone(&self.current.load().revision),
        })
    }

    fn tell(&self, event: Option<ReloadEvent>) {
        let Some(event) = event else { return };
        event.log();
        if let Some(tell) = &self.settings.on_event
            && catch_unwind(AssertUnwindSafe(|| tell(&event))).is_err()
        {
            tracing::error!("the function that is told of reloads panicked");
        }
        // Nobody need listen.
        let _ = self.events.send(event);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Each change of it is a few assignments; a panic between them would be a bug, and is no reason to stop.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
