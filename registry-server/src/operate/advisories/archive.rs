use std::fs::File;
use std::io::{BufReader, Read as _};

use anyhow::Context as _;
use registry_core::advisories::AdvisoryDump;
use zip::ZipArchive;

use super::LARGEST;
use super::source::is_json;

/// The most files in an archive.
const MOST_FILES: usize = 4_000_000;
/// How many bytes an archive of no size may inflate to.
const ROOM: u64 = 64 << 20;
/// How many times its size an archive may inflate to beyond that. Text becomes a tenth of its size.
const RATIO: u64 = 100;

/// Reads the advisories of a zip archive of `length` bytes. Nothing is unpacked to a folder.
pub(super) fn read(file: &File, length: u64, dump: &mut AdvisoryDump) -> anyhow::Result<()> {
    let mut archive =
        ZipArchive::new(BufReader::new(file)).context("it is no zip archive that can be read")?;
    anyhow::ensure!(archive.len() <= MOST_FILES, "it has more than {MOST_FILES} files");
    let most = ROOM + length.saturating_mul(RATIO);
    let mut inflated = 0_u64;
    let mut bytes = Vec::new();
    for place in 0..archive.len() {
        let entry = archive.by_index(place).context("it is no zip archive that can be read")?;
        let name = entry.name().escape_debug().to_string();
        // Nothing is written there; an archive with such a name was made to do harm.
        let path = entry.enclosed_name();
        let path = path.with_context(|| format!("it has a file with a path that leads out of it: {name}"))?;
        if entry.is_dir() || !is_json(&path) {
            continue;
        }
        let claimed = entry.size();
        anyhow::ensure!(
            claimed <= LARGEST,
            "{name} in it claims {claimed} bytes, more than {} MiB",
            LARGEST >> 20
        );
        bytes.clear();
        let read = entry.take(LARGEST + 1).read_to_end(&mut bytes);
        read.with_context(|| format!("{name} in it cannot be read"))?;
        inflated += bytes.len() as u64;
        anyhow::ensure!(bytes.len() as u64 <= LARGEST, "{name} in it is larger than {} MiB", LARGEST >> 20);
        anyhow::ensure!(inflated <= most, "it inflates to more than {RATIO} times its size");
        dump.add(&bytes).with_context(|| format!("{name} in it"))?;
    }
    Ok(())
}
