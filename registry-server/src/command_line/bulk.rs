//! The flags of operations on a whole storage.

use clap::Args;
use registry_core::bulk::TarballBase;
use registry_core::settings::StorageUrl;

/// `domain`
#[derive(Debug, Args)]
pub struct MoveTarballUrls {
    /// Where codebox-npm answers now, such as <https://npm.example.com/registry> [default: move nothing]
    #[arg(long, value_name = "URL", value_parser = tarball_base)]
    pub host: Option<TarballBase>,
    /// Say what would be moved, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

fn tarball_base(text: &str) -> Result<TarballBase, String> {
    text.parse().map_err(|error: registry_core::bulk::TarballBaseError| error.to_string())
}

/// `encrypt`
#[derive(Debug, Args)]
pub struct EncryptStorage {
    /// Only objects last written before this time: 2026-01-02T03:04:05Z, 2026-01-02 (UTC), or how long ago: 30m, 24h, 7d.
    /// With the time at which a run began that was stopped, the next one does the rest
    #[arg(long, value_name = "TIME")]
    pub before: Option<String>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `copy`
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, Args)]
pub struct CopyStorage {
    /// The storage to copy, such as `file:./registry-data`
    pub from: StorageUrl,
    /// An empty storage, or an earlier copy, such as `s3://backups/registry`
    pub to: StorageUrl,
    /// Read only objects that were last written since this time, and those that the copy lacks: 2026-01-02T03:04:05Z,
    /// 2026-01-02 (UTC), or how long ago: 30m, 24h, 7d [default: read all documents]
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Overwrite a finished copy that a server wrote to since
    #[arg(long)]
    pub even_if_used: bool,
    /// Delete packages from the copy that the source has no trace of, because you freed their names there
    #[arg(long)]
    pub delete_packages: bool,
    /// Finish the copy without the tarballs that are damaged at the source. The command fails nevertheless, and names them
    #[arg(long)]
    pub leave_out_damaged: bool,
    /// Say what would be copied and deleted, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `index`
#[derive(Debug, Args)]
pub struct IndexPackages {
    /// Say what would be sent, and send and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `remove-storage`
#[derive(Debug, Args)]
pub struct RemoveStorage {
    /// The name of the storage, instead of an answer to the question: that of the folder without its path, or that of the
    /// bucket with its prefix
    #[arg(long, value_name = "NAME")]
    pub yes: Option<String>,
    /// Delete a storage that was written within the last 10 minutes
    #[arg(long)]
    pub even_if_used: bool,
    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    pub dry_run: bool,
}
