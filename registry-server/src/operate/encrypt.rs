//! `encrypt`: writes every object again under the configured encryption.

use std::fmt::Write as _;

use futures::{StreamExt as _, TryStreamExt as _};
use indicatif::HumanBytes;
use registry_core::bulk::{BulkMode, RewriteOutcome};
use registry_core::clock::{Clock as _, SystemClock};
use registry_core::settings::{StorageUrl, storage_encryption};
use registry_core::storage::BlobPrefix;
use serde::Serialize;

use crate::audit::parse_moment;
use crate::command_line::{EncryptStorage, Overrides};

use super::bulk::{Tally, count, mode, open, run};
use super::session::load;

#[derive(Serialize)]
struct Totals {
    encryption: String,
    rewritten: u64,
    bytes: u64,
    #[serde(rename = "changed-meanwhile")]
    changed_meanwhile: u64,
    gone: u64,
    #[serde(rename = "dry-run")]
    is_dry_run: bool,
}

#[derive(Serialize)]
struct NothingToDo<'a> {
    rewritten: u64,
    reason: &'a str,
}

#[derive(Serialize)]
struct Changed<'a> {
    path: &'a str,
    outcome: &'static str,
}

/// Rewrites all objects, unless the storage has no encryption to request.
pub(crate) fn encrypt(overrides: &Overrides, request: &EncryptStorage) -> anyhow::Result<()> {
    let settings = load(overrides)?;
    let now = SystemClock.now();
    let before = request.before.as_deref().map(|text| parse_moment(text, now)).transpose()?;
    let storage = &settings.registry.storage;
    let Some(encryption) = storage_encryption(storage)? else {
        return run(&settings, async {
            if let StorageUrl::Folder(_) = storage.url {
                // Refuses a folder without a registry.
                drop(open(storage, BulkMode::DryRun).await?);
            }
            let reason = nothing_to_do(&storage.url);
            Tally::begin("encrypting", None).finish(NothingToDo { rewritten: 0, reason: &reason }, &reason)
        });
    };
    let mode = mode(request.dry_run);
    run(&settings, async {
        let registry = open(storage, mode).await?;
        let listed = registry.store().list(&BlobPrefix::ROOT);
        let total = listed.try_fold(0, |objects, _| async move { Ok(objects + 1) }).await?;
        let mut tally = Tally::begin("encrypting", Some(total));
        let (rewritten, bytes, changed_meanwhile, gone) = (0, 0, 0, 0);
        let is_dry_run = request.dry_run;
        let mut totals = Totals { encryption, rewritten, bytes, changed_meanwhile, gone, is_dry_run };
        let mut objects = registry.rewrite_objects(before, mode);
        while let Some(object) = objects.next().await {
            let Some(object) = tally.step(object)? else { continue };
            match object.outcome {
                RewriteOutcome::Gone => totals.gone += 1,
                RewriteOutcome::ChangedMeanwhile => {
                    totals.changed_meanwhile += 1;
                    let path = object.path.as_str();
                    let text = format!("{path} was changed meanwhile, and not overwritten");
                    tally.show(&Changed { path, outcome: "changed-meanwhile" }, &text)?;
                }
                _ => {
                    totals.rewritten += 1;
                    totals.bytes += object.bytes;
                }
            }
        }
        let text = totals.text();
        tally.finish(totals, &text)
    })
}

fn nothing_to_do(storage: &StorageUrl) -> String {
    match storage {
        StorageUrl::Bucket(url) if url.scheme() == "s3" => format!(
            "nothing to do: aws_server_side_encryption is none, so no encryption is requested from {storage}"
        ),
        StorageUrl::Bucket(_) => format!("nothing to do: {storage} encrypts every object by itself"),
        _ => format!("nothing to do: {storage} has no encryption of its own; encrypt the disk that it is on"),
    }
}

impl Totals {
    fn text(&self) -> String {
        let verb = if self.is_dry_run { "would be written again" } else { "written again and read back" };
        let (objects, bytes) = (count(self.rewritten, "object"), HumanBytes(self.bytes));
        let mut text = format!("{objects} ({bytes}) {verb} with {}", self.encryption);
        if self.changed_meanwhile > 0 {
            let _ =
                write!(text, "; {} written by another process, with its settings", self.changed_meanwhile);
        }
        text
    }
}
