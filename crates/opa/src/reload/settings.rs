use std::fmt;
use std::time::Duration;

use kitelogik_policy::PolicyBuilder;
use kitelogik_policy::bundle::Verification;

use super::source::{Place, PolicySource};
use super::{ReloadError, ReloadEvent, Reloading, task};
use crate::EmbeddedBuilder;

/// Says what is followed and how; [`start`](Self::start) makes the [`Reloading`] engine.
#[must_use = "nothing is loaded before `start`"]
pub struct ReloadingBuilder {
    place: Place,
    settings: Settings,
    poll_interval: Option<Duration>,
}

type OnEvent = Box<dyn Fn(&ReloadEvent) + Send + Sync>;

pub(super) struct Settings {
    pub(super) verification: Verification,
    pub(super) compose: Box<dyn Fn(PolicyBuilder) -> PolicyBuilder + Send + Sync>,
    pub(super) engine: Box<dyn Fn(EmbeddedBuilder) -> EmbeddedBuilder + Send + Sync>,
    pub(super) on_event: Option<OnEvent>,
    pub(super) poll_interval: Duration,
    pub(super) quiet_for: Duration,
    pub(super) max_stale: Option<Duration>,
    pub(super) minimum_sequence: Option<u64>,
    pub(super) confirm_removals: bool,
    pub(super) allow_older: bool,
    pub(super) check: bool,
    pub(super) self_test: bool,
}

/// Sooner than this nothing is looked at again: it would be all that a processor does.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);
const LONGEST_INTERVAL: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const LONGEST_QUIET: Duration = Duration::from_secs(60 * 60);

impl ReloadingBuilder {
    pub(super) fn new(source: PolicySource) -> Self {
        Self {
            place: source.place,
            settings: Settings {
                verification: Verification::default(),
                compose: Box::new(|policy| policy),
                engine: Box::new(|engine| engine),
                on_event: None,
                poll_interval: Duration::ZERO,
                quiet_for: Duration::from_millis(250),
                max_stale: None,
                minimum_sequence: None,
                confirm_removals: false,
                allow_older: false,
                check: true,
                self_test: true,
            },
            poll_interval: None,
        }
    }

    /// How often the source is looked at, give or take a fifth, so that many processes do not ask a server at once.
    /// Default: 5 s for files, 60 s for a URL. From 10 ms to 30 days.
    ///
    /// Changes of files are noticed at once where the system tells of them; this is for where it does not: network
    /// file systems, links that lead through other directories.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = Some(interval);
        self
    }

    /// How long files must stay as they are before they are taken. Default: 250 ms. At most an hour.
    ///
    /// They are read, and read again after this time; both readings must be the same. What is copied file by file with
    /// longer pauses than this can be taken half-made: put it in place by renaming its directory, or a link to it.
    pub fn quiet_for(mut self, time: Duration) -> Self {
        self.settings.quiet_for = time.min(LONGEST_QUIET);
        self
    }

    /// How long the policy may be in force without being refreshed: without the source having been read with the
    /// outcome that what it holds is in force. Default: for ever.
    ///
    /// When it passes, every decision is a denial with [`PolicyStale`](kitelogik_core::FailClosed::PolicyStale), and
    /// so is [`health`](kitelogik_core::PolicyEngine::health). A version that was refused, or that waits, refreshes
    /// nothing; a roll-back does. At least twice the polling interval. The clock stands still while the machine sleeps.
    pub fn max_stale(mut self, time: Duration) -> Self {
        self.settings.max_stale = Some(time);
        self
    }

    /// Whether a version that drops rules which deny or ask for review waits for
    /// [`confirm`](Reloading::confirm). Default: no.
    ///
    /// It keeps slips away, not somebody who may write policies: a rule that is still there can be made to say nothing.
    pub fn confirm_removals(mut self, confirm: bool) -> Self {
        self.settings.confirm_removals = confirm;
        self
    }

    /// Whether a bundle is taken that comes before the one in force. Default: no.
    ///
    /// A bundle's place is its [`sequence`](kitelogik_policy::bundle::Bundle::sequence). Without one, a bundle is
    /// refused that was in force before, as far as the last 1,000 are remembered.
    pub fn allow_older(mut self, allow: bool) -> Self {
        self.settings.allow_older = allow;
        self
    }

    /// The least [`sequence`](kitelogik_policy::bundle::Bundle::sequence) a bundle must have, the first one included:
    /// a process that begins knows of no bundle that was in force before. Default: none is asked for.
    pub fn minimum_sequence(mut self, sequence: u64) -> Self {
        self.settings.minimum_sequence = Some(sequence);
        self
    }

    /// How the signatures of bundles are checked. Default: [`Verification::Unsigned`], which refuses a signed one.
    pub fn verification(mut self, verification: Verification) -> Self {
        self.settings.verification = verification;
        self
    }

    /// Whether a version must be free of what [`check`](kitelogik_policy::check) calls an error. Default: yes.
    pub fn check(mut self, check: bool) -> Self {
        self.settings.check = check;
        self
    }

    /// Whether a version must pass its own tests: those that lie in its directory, the Rego tests of a bundle.
    /// Default: yes. One without tests passes.
    pub fn self_test(mut self, test: bool) -> Self {
        self.settings.self_test = test;
        self
    }

    /// Sets what else a policy is made of, for example its entry point or a data file. Called each time the source is
    /// read; files that are named here are looked at every polling interval.
    pub fn compose(
        mut self,
        compose: impl Fn(PolicyBuilder) -> PolicyBuilder + Send + Sync + 'static,
    ) -> Self {
        self.settings.compose = Box::new(compose);
        self
    }

    /// Sets the limits of the engine that each version is compiled to.
    pub fn engine(
        mut self,
        limits: impl Fn(EmbeddedBuilder) -> EmbeddedBuilder + Send + Sync + 'static,
    ) -> Self {
        self.settings.engine = Box::new(limits);
        self
    }

    /// Is told of each event: of what the source brings one after the other, of a confirmation or a roll-back by whoever
    /// makes it, which may be at the same time. It may hold up reloads, never decisions; a panic in it is logged. A clone of
    /// the engine that it holds keeps the engine for ever.
    pub fn on_event(mut self, tell: impl Fn(&ReloadEvent) + Send + Sync + 'static) -> Self {
        self.settings.on_event = Some(Box::new(tell));
        self
    }

    /// Loads the first version, with all that is asked of any other, and begins to look for new ones on this runtime,
    /// which needs a timer. Takes at least [`quiet_for`](Self::quiet_for) where the source is files.
    ///
    /// # Errors
    ///
    /// There is no first version, and why; or a setting that cannot be used. Without a policy there is no engine.
    pub async fn start(mut self) -> Result<Reloading, ReloadError> {
        let default = match self.place.path() {
            Some(_) => Duration::from_secs(5),
            None => Duration::from_secs(60),
        };
        let interval = self.poll_interval.unwrap_or(default);
        self.settings.poll_interval = interval.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL);
        if let Some(limit) = self.settings.max_stale
            && limit < self.settings.poll_interval.saturating_mul(2)
        {
            return Err(ReloadError::Setting(format!(
                "the policy would be stale after {limit:?}, and is looked for every {:?}: give it at least twice the interval",
                self.settings.poll_interval
            )));
        }
        task::start(self.place, self.settings).await
    }
}

impl fmt::Debug for ReloadingBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReloadingBuilder")
            .field("place", &self.place)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("verification", &self.verification)
            .field("poll_interval", &self.poll_interval)
            .field("quiet_for", &self.quiet_for)
            .field("max_stale", &self.max_stale)
            .field("confirm_removals", &self.confirm_removals)
            .field("allow_older", &self.allow_older)
            .field("check", &self.check)
            .field("self_test", &self.self_test)
            .finish_non_exhaustive()
    }
}
