//! `advisories`: loads and lists security advisories, directly in the storage.

mod archive;
mod json;
mod source;

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use registry_core::advisories::{AdvisoryDatabase, AdvisoryStatus, ListedAdvisory};
use registry_core::packages::{AdvisoryRecall, AdvisoryRecalls};

use super::bulk::count;
use super::session::{self, Access};
use crate::accounts::timestamp;
use crate::command_line::{AdvisoriesAction, Overrides};
use crate::report::Report;
use crate::run::print;

/// The largest file of one advisory in bytes.
const LARGEST: u64 = 16 << 20;

/// Runs an action, and prints its result.
pub(crate) fn advisories(overrides: &Overrides, action: &AdvisoriesAction) -> anyhow::Result<()> {
    match action {
        AdvisoriesAction::Update { source, begin_anew } => update(overrides, source, *begin_anew),
        AdvisoriesAction::Status { json } => session::run(overrides, Access::Reads, async |registry| {
            let status = registry.advisory_status().await?.context(
                "there are no advisories in this storage: load some with registry-server advisories update",
            )?;
            print(&Report::new(status_text(&status), &status)?.render(*json))
        }),
        AdvisoriesAction::List { package, all, json } => {
            session::run(overrides, Access::Reads, async |registry| {
                let listed = registry.list_advisories(package.as_ref(), *all).await?;
                print(&Report::list(&listed, |listed| line(listed) + "\n", |listed| *listed)?.render(*json))
            })
        }
        AdvisoriesAction::Add { file } => {
            let osv = read_file(file)?;
            session::run(overrides, Access::Writes, async |registry| {
                let added = registry.add_advisory(&osv).await?;
                let packages: Vec<_> = added.packages.iter().map(ToString::to_string).collect();
                print(&format!("added {} for {}\n", added.id.escape_debug(), packages.join(", ")))?;
                tell_recalls(&added.recalls)
            })
        }
        AdvisoriesAction::Remove { id } => session::run(overrides, Access::Writes, async |registry| {
            registry.remove_advisory(id).await?;
            print(&format!("removed {id}\n"))
        }),
    }
}

fn update(overrides: &Overrides, source: &str, begin_anew: bool) -> anyhow::Result<()> {
    // Nothing is opened before all is read, so that nothing is left of what cannot be read.
    let dump = source::read(source)?;
    session::run(overrides, Access::Writes, async |registry| {
        let update = registry.update_advisories(dump, &source::shown(source), begin_anew).await?;
        print(&format!("loaded {}\n", database_text(&update.database)))?;
        tell_recalls(&update.recalls)
    })
}

/// Fails if versions are left that should have been recalled.
fn tell_recalls(recalls: &AdvisoryRecalls) -> anyhow::Result<()> {
    let line = |recall: &AdvisoryRecall| {
        format!("{}@{} for {}", recall.package, recall.version, recall.advisory.escape_debug())
    };
    let lines: Vec<_> =
        recalls.recalled.iter().map(|recall| format!("recalled {}\n", line(recall))).collect();
    print(&lines.concat())?;
    let left: Vec<_> = recalls.not_recalled.iter().map(line).collect();
    anyhow::ensure!(
        left.is_empty(),
        "the advisories are in force, but the list of blocked versions has no room to recall {}: remove entries, block ranges, or \
         let a table of [[policy]] refuse what advisories name",
        left.join(", ")
    );
    Ok(())
}

fn read_file(file: &Path) -> anyhow::Result<Vec<u8>> {
    let opened = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let mut bytes = Vec::new();
    let read = opened.take(LARGEST + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("cannot read {}", file.display()))?;
    anyhow::ensure!(bytes.len() as u64 <= LARGEST, "{} is larger than {} MiB", file.display(), LARGEST >> 20);
    Ok(bytes)
}

fn database_text(database: &AdvisoryDatabase) -> String {
    let counts = database.counts;
    let noun = if counts.advisories == 1 { "advisory" } else { "advisories" };
    let mut text = format!("{} {noun} for {}", counts.advisories, count(database.packages, "package"));
    let left_out =
        [(counts.withdrawn, "withdrawn"), (counts.impossible_names, "for names that no registry serves")];
    let left_out: Vec<_> = left_out
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| format!("{count} {why}"))
        .collect();
    if !left_out.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(text, ", without {}", left_out.join(" and "));
    }
    if let Some(newest) = &database.newest {
        let _ = write!(text, "; the newest is of {}", newest.escape_debug());
    }
    text
}

fn status_text(status: &AdvisoryStatus) -> String {
    let database = match &status.database {
        None => "no database is loaded".to_owned(),
        Some(database) => {
            let (loaded, source) = (timestamp(database.updated), database.source.escape_debug());
            format!("{}\nloaded {loaded} from {source}", database_text(database))
        }
    };
    let own = if status.own.is_empty() { "none".to_owned() } else { status.own.join(", ") };
    format!("{database}\nadded here: {own}\n")
}

/// `NAME ID (SEVERITY) VERSIONS: TITLE`
fn line(listed: &ListedAdvisory) -> String {
    let ListedAdvisory { package, id, severity, malware, versions, title, .. } = listed;
    let kind = if *malware { "malware".to_owned() } else { severity.to_string() };
    format!("{package} {} ({kind}) {}: {}", id.escape_debug(), versions.escape_debug(), title.escape_debug())
}
