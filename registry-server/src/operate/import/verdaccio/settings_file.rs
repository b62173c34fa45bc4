use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process;

use anyhow::Context as _;

use super::settings::Converted;

/// What became of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// They are in the file now.
    New,
    /// A file is there already, and stays.
    Kept,
}

/// Writes the settings and the files that they name. Nothing is overwritten, and a file appears with all of its content.
pub(super) fn write(file: &Path, converted: &Converted) -> anyhow::Result<Written> {
    if fs::symlink_metadata(file).is_ok() {
        return Ok(Written::Kept);
    }
    for side_file in &converted.side_files {
        let path = &side_file.path;
        create(path, &side_file.content, Readers::Owner)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    // Last, because it names the others.
    let created = create(file, converted.toml.as_bytes(), Readers::All);
    let created = created.with_context(|| {
        format!(
            "cannot write {}: name a file in a folder where you may write, with --settings-out",
            file.display()
        )
    })?;
    Ok(if created { Written::New } else { Written::Kept })
}

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readers {
    All,
    Owner,
}

/// Returns whether there was no such file.
fn create(path: &Path, content: &[u8], readers: Readers) -> io::Result<bool> {
    let unfinished = unfinished(path);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let written = options.open(&unfinished).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    // A link is made only where nothing is.
    let linked = written.and_then(|()| match fs::hard_link(&unfinished, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        linked => linked.map(|()| true),
    });
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => linked.and(Err(error)),
        _ => linked,
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", process::id()))
}
