use std::path::PathBuf;

use clap::Subcommand;
use registry_core::domain::PackageName;

/// Actions on security advisories.
#[derive(Debug, Subcommand)]
pub enum AdvisoriesAction {
    /// Load the advisories of a database for npm packages, in place of those that were loaded before. Every server of the storage
    /// uses them within seconds. Advisories that were added here stay.
    Update {
        /// A zip archive, a folder or a JSON file of advisories in OSV's format, or the URL of an archive or a file.
        #[arg(value_name = "FILE|FOLDER|URL")]
        source: String,
        /// Begin anew where the stored advisories cannot be read or verified. Those that were added here are lost.
        #[arg(long = "begin-anew")]
        begin_anew: bool,
    },
    /// Say which advisories are loaded. Fails if there are none, or if they cannot be read or verified.
    Status {
        /// Print one JSON object.
        #[arg(long = "json")]
        json: bool,
    },
    /// List the advisories for a package; without one, those that were added here.
    List {
        /// The package.
        #[arg(value_name = "NAME")]
        package: Option<PackageName>,
        /// List all advisories of the database, too.
        #[arg(long = "all", conflicts_with = "package")]
        all: bool,
        /// Print each advisory as one line of JSON.
        #[arg(long = "json")]
        json: bool,
    },
    /// Add an advisory of your own in OSV's format, such as for a package that is hosted here. One of the same id is replaced.
    Add {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Remove an advisory that was added here.
    Remove {
        /// The id of the advisory.
        #[arg(value_name = "ID")]
        id: String,
    },
}
