//! Which decisions are meant.

use std::time::Duration;

use clap::Args;
use kitelogik_core::{RiskTier, Verdict};
use kitelogik_ledger::{AuditFilter, Timestamp};
use kitelogik_web::read_time;

/// Which decisions: all conditions hold.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Filter")]
pub(crate) struct FilterArguments {
    /// Those of this session
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Those about this tool
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// Those about this action
    #[arg(long, value_name = "NAME")]
    action: Option<String>,
    /// Those with this verdict: `allow`, `deny`, `require_approval` or `refuse`
    #[arg(long, value_name = "VERDICT", value_parser = verdict)]
    verdict: Option<Verdict>,
    /// Those of this risk tier, as in `TRANSACTIONAL_HIGH`
    #[arg(long, value_name = "TIER")]
    tier: Option<RiskTier>,
    /// Those of sessions that act for this person or service
    #[arg(long, value_name = "WHO")]
    principal: Option<String>,
    /// Those of this tenant
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Those that this rule decided, or where it fired
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// From this moment on: `2026-11-24`, `2026-11-24T09:30Z`, or so long ago: `30m`, `2h`, `7d`
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) from: Option<Timestamp>,
    /// Before this moment
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) to: Option<Timestamp>,
    /// Only those where nobody could know: engine faults and the like
    #[arg(long)]
    faults: bool,
}

impl FilterArguments {
    /// As the ledger takes it.
    pub(crate) fn filter(&self) -> AuditFilter {
        let mut filter = AuditFilter::all();
        filter.session.clone_from(&self.session);
        filter.tool.clone_from(&self.tool);
        filter.action.clone_from(&self.action);
        filter.verdict = self.verdict;
        filter.tier = self.tier;
        filter.principal.clone_from(&self.principal);
        filter.tenant.clone_from(&self.tenant);
        filter.rule.clone_from(&self.rule);
        filter.from = self.from;
        filter.to = self.to;
        filter.fail_closed = self.faults;
        filter
    }
}

/// Reads a time, or how long ago it was.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    match ago(text) {
        Some(ago) => Ok(Timestamp::now().before(ago)),
        None => read_time(text).map_err(|error| {
            format!("{error}, or say how long ago it was, as in `30m`, `2h` or `7d`")
        }),
    }
}

fn ago(text: &str) -> Option<Duration> {
    let number = text.trim_end_matches(char::is_alphabetic);
    let seconds = match text.strip_prefix(number)? {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(seconds).map(Duration::from_secs)
}

fn verdict(text: &str) -> Result<Verdict, String> {
    [
        Verdict::Allow,
        Verdict::Deny,
        Verdict::RequireApproval,
        Verdict::Refuse,
    ]
    .into_iter()
    .find(|verdict| verdict.as_str() == text)
    .ok_or_else(|| "there are `allow`, `deny`, `require_approval` and `refuse`".to_owned())
}
