use std::path::{Path, PathBuf};

use registry_core::domain::publication::Publication;
use serde_json::json;

use crate::command_line::PublishFiles;

/// A signal ended the command before all files were published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{told}")]
pub struct Interrupted {
    code: u8,
    told: String,
}

impl Interrupted {
    pub(super) fn by(code: u8) -> Self {
        Self { code, told: "interrupted".to_owned() }
    }

    /// Returns the exit code, as if the signal had killed the process: 130 for an interrupt.
    pub fn exit_code(&self) -> u8 {
        self.code
    }
}

/// A file that was published, or passed the checks of a dry run.
pub(super) struct Done {
    pub(super) file: PathBuf,
    pub(super) id: String,
    pub(super) tag: String,
    pub(super) size: u64,
    json: serde_json::Value,
}

impl Done {
    pub(super) fn of(publication: &Publication, file: &Path) -> Self {
        let (contents, size) = (publication.contents(), publication.tarball.len() as u64);
        let id = format!("{}@{}", publication.name, publication.version);
        let json = json!({
            "id": id,
            "name": publication.name,
            "version": publication.version,
            "size": size,
            "unpackedSize": contents.unpacked_size,
            "shasum": publication.shasum(),
            "integrity": publication.integrity.to_string(),
            "filename": file.file_name().map(|name| name.to_string_lossy()),
            "entryCount": contents.file_count,
            "tag": publication.tag.to_string(),
        });
        Self { file: file.to_owned(), id, tag: publication.tag.to_string(), size, json }
    }

    /// Returns the line for stdout.
    pub(super) fn line(&self, json: bool) -> anyhow::Result<String> {
        Ok(if json {
            format!("{}\n", serde_json::to_string(&self.json)?)
        } else {
            format!("+ {}\n", self.id)
        })
    }
}

/// Returns the message of an incomplete command: the error, the published files, and the files not tried.
pub(super) fn stopped(
    error: &anyhow::Error,
    at: &Path,
    request: &PublishFiles,
    done: &[Done],
) -> anyhow::Error {
    let what = if request.dry_run { "cannot be published" } else { "was not published" };
    let interrupted = error.downcast_ref::<Interrupted>().map(|interrupted| interrupted.code);
    // A text for users repeats its causes; an internal one omits them.
    let why = match error.downcast_ref::<registry_core::Error>() {
        Some(known) if !known.is_internal() => known.to_string(),
        _ => format!("{error:#}"),
    };
    let mut told = format!("{} {what}: {}", at.display(), why.trim_end_matches('.'));
    if !done.is_empty() && !request.dry_run {
        let ids: Vec<&str> = done.iter().map(|done| done.id.as_str()).collect();
        told = format!("{told}; published before it: {}", ids.join(", "));
    }
    let untried = request.files.get(done.len() + 1..).unwrap_or_default();
    if !untried.is_empty() {
        let untried: Vec<String> = untried.iter().map(|file| file.display().to_string()).collect();
        told = format!("{told}; not tried: {}", untried.join(", "));
    }
    match interrupted {
        Some(code) => anyhow::Error::new(Interrupted { code, told }),
        None => anyhow::Error::msg(told),
    }
}
