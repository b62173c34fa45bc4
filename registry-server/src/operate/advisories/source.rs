use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use registry_core::advisories::{AdvisoryDump, download};
use registry_core::settings::install_tls_provider;
use url::Url;

use super::super::session;
use super::{archive, json, read_file};

/// The largest file that is read or downloaded, in bytes.
const LARGEST_FILE: u64 = 4 << 30;
/// How a zip archive begins.
const ZIP: [u8; 4] = *b"PK\x03\x04";

/// Reads a zip archive, a folder, a JSON file, or what a URL leads to.
pub(super) fn read(source: &str) -> anyhow::Result<AdvisoryDump> {
    let mut dump = AdvisoryDump::new();
    let read = if let Some(url) = url(source) {
        fetch(&url).and_then(|mut file| read_opened(&mut file, &mut dump))
    } else if Path::new(source).is_dir() {
        read_folder(Path::new(source), &mut dump)
    } else {
        let opened = File::open(source).with_context(|| format!("cannot open {source}"));
        opened.and_then(|mut file| read_opened(&mut file, &mut dump))
    };
    read.with_context(|| {
        format!("{} holds no advisories that can be loaded; nothing was changed", shown(source))
    })?;
    anyhow::ensure!(
        dump.packages() > 0,
        "{} holds no advisory for a package of npm; nothing was changed",
        shown(source)
    );
    Ok(dump)
}

/// Returns the source without what may be secret.
pub(super) fn shown(source: &str) -> String {
    match url(source) {
        None => source.to_owned(),
        Some(mut url) => {
            url.set_query(None);
            // A URL without a host has no user either.
            let _ = (url.set_username(""), url.set_password(None));
            url.to_string()
        }
    }
}

fn url(source: &str) -> Option<Url> {
    Url::parse(source).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

fn fetch(url: &Url) -> anyhow::Result<File> {
    install_tls_provider();
    let mut file = tempfile::tempfile().context("cannot create a temporary file")?;
    session::runtime()?.block_on(async {
        let mut bytes = 0;
        download(url, |chunk| {
            bytes += chunk.len() as u64;
            if bytes > LARGEST_FILE {
                return Err(std::io::Error::other(format!("it is larger than {} GiB", LARGEST_FILE >> 30)));
            }
            file.write_all(chunk)
        })
        .await
    })?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

fn read_opened(file: &mut File, dump: &mut AdvisoryDump) -> anyhow::Result<()> {
    let length = file.metadata()?.len();
    anyhow::ensure!(length <= LARGEST_FILE, "it is larger than {} GiB", LARGEST_FILE >> 30);
    let mut begin = Vec::new();
    let _ = (&*file).take(ZIP.len() as u64).read_to_end(&mut begin)?;
    file.seek(SeekFrom::Start(0))?;
    if begin == ZIP { archive::read(file, length, dump) } else { json::read(file, dump) }
}

fn read_folder(folder: &Path, dump: &mut AdvisoryDump) -> anyhow::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            // Links are not followed, since they may lead in a circle.
            let (kind, path) = (entry.file_type()?, entry.path());
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && is_json(&path) {
                let file = read_file(&path)?;
                dump.add(&file).with_context(|| path.display().to_string())?;
            }
        }
    }
    Ok(())
}

pub(super) fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) && !is_hidden(path)
}

/// Archives of some systems hold files that begin with a dot beside the others.
fn is_hidden(path: &Path) -> bool {
    path.file_name().map(PathBuf::from).is_some_and(|name| name.to_string_lossy().starts_with('.'))
}
