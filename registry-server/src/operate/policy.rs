//! `policy`: blocks versions, directly in the storage, and says which are served.

use std::path::Path;

use anyhow::Context as _;
use chrono::{DateTime, NaiveDate, Utc};
use registry_core::Registry;
use registry_core::clock::{Clock as _, SystemClock};
use registry_core::packages::{PolicySimulation, SimulatedRefusal};
use registry_core::policy::{
    BlockRequest, BlockedVersions, ExplainedVersion, RecallCause, package_and_versions,
};
use registry_core::settings::PolicyTables;
use serde_json::json;

use super::session::{self, Access};
use crate::accounts::timestamp;
use crate::audit::parse_moment;
use crate::command_line::{BlockVersions, Overrides, PolicyAction};
use crate::explain::AccessDenied;
use crate::report::Report;
use crate::run::print;

/// Runs an action, and prints its result.
pub(crate) fn policy(overrides: &Overrides, action: &PolicyAction) -> anyhow::Result<()> {
    match action {
        PolicyAction::Block(request) => {
            let request = block_request(request, SystemClock.now())?;
            session::run(overrides, Access::Writes, async |registry| {
                let blocked = registry.block_versions(None, request.clone()).await?;
                print(&format!("blocked {}\n", line(&blocked)))
            })
        }
        PolicyAction::Unblock { versions } => {
            let (name, versions) = package_and_versions(versions)?;
            session::run(overrides, Access::Writes, async |registry| {
                let lifted = registry.unblock_versions(None, &name, versions).await?;
                print(&format!("no longer blocked: {}@{}\n", lifted.package, lifted.versions))
            })
        }
        PolicyAction::List { json } => session::run(overrides, Access::Reads, async |registry| {
            let blocked = registry.blocked_versions(None).await?;
            print(&Report::list(&blocked, |blocked| line(blocked) + "\n", |blocked| *blocked)?.render(*json))
        }),
        PolicyAction::Explain { versions, json } => {
            // A packument of an upstream is cached.
            session::run(overrides, Access::Writes, async |registry| explain(registry, versions, *json).await)
        }
        PolicyAction::Simulate { since, policy, json } => {
            simulate(overrides, since, policy.as_deref(), *json)
        }
    }
}

fn simulate(overrides: &Overrides, since: &str, policy: Option<&Path>, json: bool) -> anyhow::Result<()> {
    let since = parse_moment(since, SystemClock.now())?.date_naive();
    let mut settings = session::load(overrides)?;
    crate::run::complete_upstreams(&mut settings);
    let tables = policy.map(PolicyTables::read).transpose()?;
    let tables = tables.as_ref().unwrap_or(&settings.registry.policy);
    if tables.is_empty() {
        anyhow::bail!(
            "there is no rule to try: write [[policy]] tables, or name a file of them with --policy"
        );
    }
    let rules = tables.compile(&settings.registry.upstreams)?;
    // A packument of an upstream is cached.
    session::run_with(settings, Access::Writes, async |registry| {
        let simulation = registry.simulate_policy(&rules, since).await?;
        let line = |refusal: &&SimulatedRefusal| {
            let SimulatedRefusal { package, version, downloads, refusal, .. } = refusal;
            let (rule, reason) = (&refusal.rule, refusal.reason.escape_debug());
            format!("{package}@{version} {downloads} downloads refused by {rule}: it {reason}\n")
        };
        let refusals = Report::list(&simulation.refusals, line, |refusal| *refusal)?;
        print(&refusals.render(json))?;
        let PolicySimulation { downloads, refused, unknown, refusals, .. } = &simulation;
        let versions = refusals.len();
        let total = json!({
            "since": since, "downloads": downloads, "refused": refused, "unknown": unknown, "versions": versions,
        });
        let text = format!(
            "since {since}: {refused} of {downloads} downloads would have been refused, of {versions} versions; {unknown} cannot \
             be judged\n"
        );
        print(&Report::new(text, &total)?.render(json))
    })
}

async fn explain(registry: &Registry, versions: &str, json: bool) -> anyhow::Result<()> {
    let (name, version) = package_and_versions(versions)?;
    let explained = registry.explain_versions(None, &name, version).await?;
    let report = Report::list(&explained, |version| explained_line(version) + "\n", |version| *version)?;
    print(&report.render(json))?;
    if explained.iter().all(|version| version.allowed) { Ok(()) } else { Err(AccessDenied.into()) }
}

fn block_request(request: &BlockVersions, now: DateTime<Utc>) -> anyhow::Result<BlockRequest> {
    let (name, versions) = package_and_versions(&request.versions)?;
    let mut block = BlockRequest::new(name, &request.reason);
    block.versions = versions.map(str::to_owned);
    block.until = request.until.as_deref().map(|until| end(until, now)).transpose()?;
    Ok(block)
}

/// Reads a time, or how long from now.
fn end(text: &str, now: DateTime<Utc>) -> anyhow::Result<DateTime<Utc>> {
    let moment = parse_moment(text, now)?;
    let is_time = text.parse::<DateTime<Utc>>().is_ok() || text.parse::<NaiveDate>().is_ok();
    // The log reads the same text as how long ago.
    if is_time {
        Ok(moment)
    } else {
        now.checked_add_signed(now - moment).context("the time is too far away")
    }
}

/// `NAME@RANGE recalled since TIME until TIME by USER: REASON`
pub(super) fn line(blocked: &BlockedVersions) -> String {
    let until = blocked.until.map(|until| format!(" until {}", timestamp(until))).unwrap_or_default();
    let by = blocked.by.as_ref().map(|by| format!(" by {}", by.escape_debug())).unwrap_or_default();
    let (package, versions, since) = (&blocked.package, &blocked.versions, timestamp(blocked.since));
    let recalled = match &blocked.recalled {
        None => "",
        Some(RecallCause::Withdrawal(_)) => " recalled, since an upstream withdrew it,",
        Some(RecallCause::Advisory(_)) => " recalled, for an advisory,",
        Some(_) => " recalled",
    };
    format!("{package}@{versions}{recalled} since {since}{until}{by}: {}", blocked.reason.escape_debug())
}

fn explained_line(explained: &ExplainedVersion) -> String {
    let version = explained.version.escape_debug();
    match &explained.refusal {
        Some(refusal) => format!("{version} refused: it {}", refusal.explanation()),
        None if explained.allowed_by.is_empty() => format!("{version} served: no rule concerns it"),
        None => format!("{version} served: {}", explained.allowed_by.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_block_is_a_time_or_a_span_from_now() {
        let now: DateTime<Utc> = "2026-01-09T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z"),
            ("2026-02-01", "2026-02-01T00:00:00Z"),
            ("7d", "2026-01-16T12:00:00Z"),
            ("30m", "2026-01-09T12:30:00Z"),
        ] {
            assert_eq!(end(text, now).unwrap(), expected.parse::<DateTime<Utc>>().unwrap(), "{text}");
        }
        assert!(end("soon", now).is_err());
    }
}
