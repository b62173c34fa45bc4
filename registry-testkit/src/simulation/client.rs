use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, OnceLock};

use bytes::BytesMut;
use futures::TryStreamExt as _;
use indexmap::IndexMap;
use registry_core::auth::{AuthError, Caller, Principal};
use registry_core::domain::packument::Revision;
use registry_core::domain::publication::Publication;
use registry_core::domain::{DistTag, Integrity, PackageName, Version};
use registry_core::error::PackageError;
use registry_core::limits::Limits;
use registry_core::upstream::PackumentForm;
use registry_core::{Error, Registry};
use serde_json::Value;

use crate::tarball::Tarball;

use super::operation::{CONTENTS, Operation, PACKAGES, Task, VERSIONS};
use super::outcome::{Outcome, PackageState, Seen, VersionState};

const BASE: &str = "http://registry.example";

/// Does what a user wants on one replica.
pub(super) async fn perform(registry: &Registry, operation: Operation) -> Outcome {
    let caller = Caller::from(Principal::user(operation.person));
    match attempt(registry, &caller, operation).await {
        Ok(outcome) => outcome,
        Err(error) => outcome_of(&error, &operation.task),
    }
}

async fn attempt(registry: &Registry, caller: &Caller, operation: Operation) -> Result<Outcome, Error> {
    let name = &PackageName::parse(operation.package)?;
    let changed = |revision: Revision| Outcome::Changed(Some(revision));
    Ok(match operation.task {
        Task::Publish { version, content, tag } => {
            let publication = publication(operation.package, version, content, DistTag::parse(tag)?);
            changed(registry.publish(caller, publication).await?.revision)
        }
        Task::SetTag { tag, version } => {
            registry.set_dist_tag(caller, name, DistTag::parse(tag)?, Version::parse(version)?).await?;
            Outcome::Changed(None)
        }
        Task::RemoveTag { tag } => {
            registry.remove_dist_tag(caller, name, tag).await?;
            Outcome::Changed(None)
        }
        Task::Deprecate { version, message } => {
            let messages = IndexMap::from([(Version::parse(version)?, message.to_owned())]);
            changed(registry.deprecate(caller, name, messages, None).await?)
        }
        Task::Unpublish { version } => {
            let versions = vec![Version::parse(version)?];
            changed(registry.unpublish_versions(caller, name, versions, None, None).await?)
        }
        Task::UnpublishPackage => changed(registry.unpublish_package(caller, name, None).await?),
        Task::AddOwner { person } => changed(registry.add_owner(caller, name, person).await?),
        Task::RemoveOwner { person } => changed(registry.remove_owner(caller, name, person).await?),
        Task::ReadFull => read_package(registry, caller, name, PackumentForm::Full).await?,
        Task::ReadAbbreviated => read_package(registry, caller, name, PackumentForm::Abbreviated).await?,
        Task::ReadVersion { version: selector } | Task::ReadTag { tag: selector } => {
            let manifest = json(&registry.manifest(caller, name, selector, &Arc::from(BASE)).await?)?;
            let version = manifest["version"].as_str().map(str::to_owned);
            Outcome::Saw(Seen::Version { version, state: Some(VersionState::of(&manifest)) })
        }
        Task::ReadTarball { version } => {
            let found = registry.find_tarball(caller, name, &Version::parse(version)?).await?;
            let stream = registry.open_tarball(&found, None).await?.stream;
            let bytes = stream.try_collect::<BytesMut>().await?;
            Outcome::Saw(Seen::Tarball(Some(Integrity::of(&bytes).to_string())))
        }
    })
}

async fn read_package(
    registry: &Registry,
    caller: &Caller,
    name: &PackageName,
    form: PackumentForm,
) -> Result<Outcome, Error> {
    let packument = registry.packument(caller, name, form, &Arc::from(BASE)).await?;
    Ok(Outcome::Saw(Seen::Package(Some(PackageState::of(&json(&packument.identity)?)))))
}

fn json(bytes: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::Damaged(Box::new(error)))
}

fn outcome_of(error: &Error, task: &Task) -> Outcome {
    let is_absent = matches!(
        error,
        Error::Package(
            PackageError::NotFound(_)
                | PackageError::Unpublished { .. }
                | PackageError::VersionNotFound { .. }
        )
    );
    match (error, task) {
        (Error::Shared(error), _) => outcome_of(error, task),
        (
            Error::Store(_) | Error::Storage(_) | Error::Busy | Error::Auth(AuthError::Unavailable { .. }),
            _,
        ) => Outcome::Unknown(error.to_string()),
        (Error::Damaged(source) | Error::Internal(source), _) => {
            Outcome::Broken(format!("{error}: {source}"))
        }
        (_, Task::ReadFull | Task::ReadAbbreviated) if is_absent => Outcome::Saw(Seen::Package(None)),
        (_, Task::ReadVersion { .. } | Task::ReadTag { .. }) if is_absent => {
            Outcome::Saw(Seen::Version { version: None, state: None })
        }
        (_, Task::ReadTarball { .. }) if is_absent => Outcome::Saw(Seen::Tarball(None)),
        _ => {
            let is_taken = matches!(
                error,
                Error::Package(PackageError::VersionTaken { .. } | PackageError::VersionStaged { .. })
            );
            Outcome::Refused { is_taken, reason: error.to_string() }
        }
    }
}

/// The integrity of one of the tarballs of a version.
pub(super) fn integrity(package: &'static str, version: &'static str, content: usize) -> String {
    made()[&(package, version, content)].integrity.to_string()
}

fn publication(package: &'static str, version: &'static str, content: usize, tag: DistTag) -> Publication {
    let mut publication = made()[&(package, version, content)].clone();
    publication.tag = tag;
    publication
}

type Made = HashMap<(&'static str, &'static str, usize), Publication>;

/// Packing and checking tarballs takes longer than the rest of a simulation, so it is done once.
fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut made = HashMap::new();
        for package in PACKAGES {
            for version in VERSIONS {
                for content in 0..CONTENTS {
                    let tarball = Tarball::new(package, version)
                        .file("index.js", format!("module.exports = {content};").as_bytes())
                        .pack();
                    let checked =
                        Publication::from_tarball(tarball.into(), DistTag::latest(), &Limits::default());
                    made.insert((package, version, content), checked.unwrap_or_else(cannot_pack));
                }
            }
        }
        made
    })
}

fn cannot_pack(error: impl Display) -> Publication {
    panic!("a tarball of the simulation is refused: {error}")
}
