//! `stats`: what the storage holds.

use std::fmt::Write as _;

use indicatif::BinaryBytes;
use registry_core::care::StorageStats;

use super::progress::Progress;
use super::session::{self, Access};
use crate::command_line::Overrides;

/// Counts, and prints the counts.
pub(crate) fn stats(overrides: &Overrides) -> anyhow::Result<()> {
    session::run(overrides, Access::Reads, async |registry| {
        let progress = Progress::begin("listing the storage", None);
        let stats = registry.storage_stats().await?;
        Ok(progress.finish(&stats, &to_text(&stats))?)
    })
}

fn to_text(stats: &StorageStats) -> String {
    let accounts = format!(
        "{} local, {} of GitHub, {} of OpenID Connect",
        stats.local_accounts, stats.github_accounts, stats.openid_accounts
    );
    let upstream = format!("{} in {} files", BinaryBytes(stats.upstream_bytes), stats.upstream_blobs);
    let lines = [
        ("packages", stats.packages.to_string()),
        ("versions", stats.versions.to_string()),
        ("hosted", BinaryBytes(stats.hosted_bytes).to_string()),
        ("staged", format!("{} in {} versions", BinaryBytes(stats.staged_bytes), stats.staged_versions)),
        ("upstream cache", upstream),
        ("everything else", BinaryBytes(stats.other_bytes).to_string()),
        ("accounts", accounts),
        ("tokens", stats.tokens.to_string()),
        ("organizations", stats.organizations.to_string()),
    ];
    let mut text = String::new();
    for (what, count) in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{what:<16} {count}");
    }
    if let Some(downloads) = &stats.downloads {
        let _ = writeln!(text, "{:<16} {} in the last 30 days", "downloads", downloads.last_30_days);
        let _ = writeln!(text, "{:<16} {} versions", "never used", downloads.never_used);
    }
    text.push_str("largest packages");
    for size in &stats.largest {
        let bytes = BinaryBytes(size.bytes).to_string();
        let _ = write!(text, "\n  {bytes:>12}  {} ({} versions)", size.name, size.versions);
    }
    if let Some(downloads) = &stats.downloads {
        text.push_str("\nmost used packages, by downloads in the last 30 days");
        for used in &downloads.most_used {
            let _ = write!(text, "\n  {:>12}  {}", used.downloads, used.name);
        }
    }
    text
}
