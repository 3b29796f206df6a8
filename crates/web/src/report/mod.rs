//! A picture of what happened, as one HTML file that needs nothing else.

mod chart;
mod event;
mod figures;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kitelogik_ledger::{AuditRecord, Timestamp};
use ring::digest;

use self::chart::Chart;
use self::event::Event;
use self::figures::{Figures, Quantiles, Row, quantiles};
use crate::chain::ChainState;
use crate::moment::Moment;
use crate::shown::Text;

/// How many events are listed one by one; of more it is said how many there are.
const LISTED: usize = 1000;

const STYLE: &str = include_str!("../../assets/report.css");

/// Collects the events of a session or a period, and writes the report.
#[derive(Debug)]
pub struct Report {
    subject: String,
    figures: Figures,
    listed: Vec<Line>,
    chain: ChainState,
    /// Whether there were more decisions than were added.
    cut: bool,
}

/// One event in the list.
#[derive(Debug)]
struct Line {
    at: Moment,
    verdict: String,
    tool: String,
    session: String,
    reason: Text,
    fault: Option<String>,
    outcome: &'static str,
    id: String,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    subject: &'a str,
    style: &'static str,
    policy: String,
    made: Moment,
    period: Option<(Moment, Moment)>,
    total: u64,
    verdicts: Vec<(&'static str, &'static str, u64)>,
    tools: Vec<Row>,
    tiers: Vec<Row>,
    denials: Vec<(String, u64)>,
    faults: Vec<(String, u64)>,
    outcomes: Vec<(String, u64)>,
    approvals: Vec<(String, u64)>,
    timeline: Chart,
    times: Chart,
    decided: Option<Quantiles>,
    waited: Option<Quantiles>,
    chain: &'a ChainState,
    listed: &'a [Line],
    left_out: u64,
    cut: bool,
}

/// The report could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the report cannot be written: {0}")]
pub struct ReportError(#[from] askama::Error);

impl Report {
    /// Begins a report about `subject`, as in `session s1`. The state of the chain is shown with it: the figures are
    /// worth what the chain is.
    pub fn new(subject: impl Into<String>, chain: ChainState) -> Self {
        Self {
            subject: subject.into(),
            figures: Figures::default(),
            listed: Vec::new(),
            chain,
            cut: false,
        }
    }

    /// Says that there were more decisions, which were not added.
    pub fn cut(&mut self) {
        self.cut = true;
    }

    /// Adds a decision. Give them in the order of time, the oldest first.
    pub fn add(&mut self, record: &AuditRecord) {
        self.count(&Event::of(record));
    }

    fn count(&mut self, event: &Event) {
        self.figures.add(event);
        if self.listed.len() < LISTED {
            self.listed.push(Line {
                at: event.at.into(),
                verdict: event.verdict.clone(),
                tool: event.tool.clone(),
                session: event.session.clone(),
                reason: Text::cut_at(300, &event.reason),
                fault: event.fail_closed.clone(),
                outcome: event.outcome,
                id: event.id.clone(),
            });
        }
    }

    /// The report: HTML with its styles and charts within, no script, and a policy that lets it load nothing.
    ///
    /// # Errors
    ///
    /// The text cannot be written.
    pub fn html(&self) -> Result<String, ReportError> {
        let figures = &self.figures;
        let moments = || figures.moments.iter().map(|(at, _)| *at);
        let moment = |millis| Moment(Timestamp::from_millis(millis));
        let listed = u64::try_from(self.listed.len()).unwrap_or(u64::MAX);
        let page = Page {
            subject: &self.subject,
            style: STYLE,
            policy: content_security_policy(),
            made: Moment::now(),
            period: moments()
                .min()
                .zip(moments().max())
                .map(|(first, last)| (moment(first), moment(last))),
            total: figures.total,
            verdicts: event::VERDICTS
                .iter()
                .zip(figures.verdicts)
                .map(|((class, label), count)| (*class, *label, count))
                .collect(),
            tools: figures.tools(),
            tiers: figures.tiers(),
            denials: figures.denials(),
            faults: figures.faults(),
            outcomes: figures.outcomes(),
            approvals: figures.approvals(),
            timeline: chart::timeline(&figures.moments),
            times: chart::times(&figures.decided),
            decided: quantiles(&figures.decided),
            waited: quantiles(&figures.waited),
            chain: &self.chain,
            listed: &self.listed,
            left_out: figures.total.saturating_sub(listed),
            cut: self.cut,
        };
        Ok(page.render()?)
    }
}

/// What the report may do: be styled by its own sheet, and nothing else.
pub(crate) fn content_security_policy() -> String {
    let digest = digest::digest(&digest::SHA256, STYLE.as_bytes());
    let digest = STANDARD.encode(digest);
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
}

fn share(count: &u64, total: &u64) -> f64 {
    *count as f64 * 100.0 / (*total).max(1) as f64
}

/// How wide the bar of `count` is where the largest has `largest`.
fn widest(list: &[(String, u64)]) -> u64 {
    list.iter().map(|(_, count)| *count).max().unwrap_or(0)
}

fn duration(duration: &std::time::Duration) -> String {
    chart::short(duration.as_micros() as f64)
}
