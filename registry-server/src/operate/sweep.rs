//! `sweep`: deletes what no request needs any more.

use futures::TryStreamExt as _;
use indicatif::BinaryBytes;
use registry_core::Registry;
use registry_core::care::{SweepOptions, SweptLeftovers};
use serde::Serialize;

use super::progress::Progress;
use super::session::{self, Access};
use crate::command_line::{Overrides, SweepRequest};

#[derive(Serialize)]
struct Orphan<'a> {
    package: &'a str,
    tarball: &'a str,
    bytes: u64,
    deleted: bool,
}

#[derive(Serialize)]
struct Swept<'a> {
    tarballs: u64,
    tarball_bytes: u64,
    #[serde(flatten)]
    leftovers: &'a SweptLeftovers,
    deleted: bool,
}

#[derive(Serialize)]
struct Summary<'a> {
    swept: Swept<'a>,
}

/// Sweeps, or says what would be swept.
pub(crate) fn sweep(overrides: &Overrides, request: &SweepRequest) -> anyhow::Result<()> {
    let access = if request.dry_run { Access::Reads } else { Access::Writes };
    session::run(overrides, access, async |registry| sweep_all(registry, request).await)
}

async fn sweep_all(registry: &Registry, request: &SweepRequest) -> anyhow::Result<()> {
    let mut options = SweepOptions::default();
    options.dry_run = request.dry_run;
    options.older_than = request.older_than;
    let deleted = !request.dry_run;
    let verb = if deleted { "deleted" } else { "would delete" };
    let names = registry.hosted_packages().await?;
    let progress = Progress::begin("sweeping packages", Some(names.len() as u64));
    let (mut tarballs, mut tarball_bytes) = (0, 0);
    let mut packages = registry.sweep_packages(names, options);
    while let Some(package) = packages.try_next().await? {
        for (path, bytes) in &package.tarballs {
            let record = Orphan { package: package.name.as_str(), tarball: path, bytes: *bytes, deleted };
            progress.show(&record, &format!("{verb} {path} ({})", BinaryBytes(*bytes)))?;
            tarballs += 1;
            tarball_bytes += bytes;
        }
        progress.step();
    }
    let leftovers = &registry.sweep_leftovers(options).await?;
    let SweptLeftovers {
        sessions, tokens, token_markers, used_id_tokens, staged, upstream_cache_bytes, ..
    } = leftovers;
    let counted = [
        (tarballs, "orphaned tarball"),
        (*sessions, "expired session"),
        (*tokens, "expired token"),
        (*token_markers, "entry of a token that is gone"),
        (*used_id_tokens, "record of an exchanged token"),
        (*staged, "leftover of a staged version"),
    ];
    let found = counted.into_iter().filter(|(number, _)| *number > 0);
    let mut found: Vec<_> = found.map(|(number, noun)| format!("{noun}: {number}")).collect();
    for (bytes, of) in [(tarball_bytes, "orphaned tarballs"), (*upstream_cache_bytes, "the upstream cache")] {
        if bytes > 0 {
            found.push(format!("{} of {of}", BinaryBytes(bytes)));
        }
    }
    let text = if found.is_empty() {
        "nothing to delete".to_owned()
    } else {
        format!("{verb} {}", found.join(", "))
    };
    progress.finish(&Summary { swept: Swept { tarballs, tarball_bytes, leftovers, deleted } }, &text)?;
    Ok(())
}
