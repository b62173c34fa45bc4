//! What the registry takes from a tarball, and what it refuses.

mod agreement;
mod bombs;
mod bundled;
mod commands;
mod contents;
mod manifests;
mod readers;

use registry_core::domain::tarball::{TarballContents, TarballError, inspect};
use registry_core::limits::Limits;

use crate::tarball_builder::TarballBuilder;

fn contents(tarball: TarballBuilder) -> TarballContents {
    inspect(&tarball.build(), &Limits::default()).unwrap()
}

fn refusal(tarball: TarballBuilder) -> TarballError {
    inspect(&tarball.build(), &Limits::default()).unwrap_err()
}
