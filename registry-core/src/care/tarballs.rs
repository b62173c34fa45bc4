//! Reads tarballs and computes their digests, in bounded memory.

use futures::TryStreamExt as _;

use crate::Error;
use crate::care::{Care, FindingKind};
use crate::concurrency::compute_elsewhere;
use crate::domain::packument::NamedTarball;
use crate::domain::{Integrity, PackageName, TarballDigests};
use crate::storage::{BlobError, BlobPath, Key};

/// How many bytes are read before they are hashed on another thread.
const BATCH: usize = 1 << 20;

/// The digests of stored bytes.
struct StoredDigests {
    integrity: Integrity,
    shasum: String,
    bytes: u64,
}

/// What is wrong with a tarball, and how many bytes were read.
#[derive(Default)]
pub(super) struct CheckedTarball {
    pub(super) findings: Vec<FindingKind>,
    pub(super) bytes: u64,
}

pub(super) fn path_of(name: &PackageName, tarball: &NamedTarball) -> Result<BlobPath, Error> {
    Ok(Key::tarball_at(name, &tarball.version, &tarball.location).path()?)
}

impl Care {
    /// Compares a tarball with the digests that its packument names.
    pub(super) async fn check_tarball(
        &self,
        path: &BlobPath,
        tarball: &NamedTarball,
    ) -> Result<CheckedTarball, Error> {
        let version = || tarball.version.to_string();
        let _turn = self.parts.reading_tarballs.acquire().await.map_err(Error::internal)?;
        let one = |finding| Ok(CheckedTarball { findings: vec![finding], bytes: 0 });
        let found = match self.digests_of(path).await? {
            Ok(Some(found)) => found,
            Ok(None) => {
                self.parts.store.confirm_absence().await?;
                return one(FindingKind::MissingTarball { version: version(), path: path.to_string() });
            }
            Err(error) => {
                let reason = chain(&error);
                let path = path.to_string();
                return one(FindingKind::UnreadableTarball { version: version(), path, reason });
            }
        };
        let damaged = |expected: String, found: String| FindingKind::DamagedTarball {
            version: version(),
            path: path.to_string(),
            expected,
            found,
        };
        let finding = match (&tarball.integrity, &tarball.shasum) {
            (Some(expected), _) if *expected != found.integrity => {
                Some(damaged(expected.to_string(), found.integrity.to_string()))
            }
            (Some(_), Some(expected)) if *expected != found.shasum => Some(FindingKind::WrongShasum {
                version: version(),
                expected: expected.clone(),
                found: found.shasum,
            }),
            (None, Some(expected)) if *expected != found.shasum => {
                Some(damaged(expected.clone(), found.shasum))
            }
            (None, None) => Some(FindingKind::NoDigest { version: version() }),
            _ => None,
        };
        Ok(CheckedTarball { findings: finding.into_iter().collect(), bytes: found.bytes })
    }

    /// Returns the digests of the stored bytes. The outer error is one of this process, the inner one of the store.
    async fn digests_of(&self, path: &BlobPath) -> Result<Result<Option<StoredDigests>, BlobError>, Error> {
        let mut stream = match self.parts.store.open(path, None).await {
            Ok(Some(blob)) => blob.stream,
            Ok(None) => return Ok(Ok(None)),
            Err(error) => return Ok(Err(error)),
        };
        let (mut digests, mut bytes) = (TarballDigests::default(), 0);
        let (mut batch, mut gathered) = (Vec::new(), 0);
        loop {
            let chunk = match stream.try_next().await {
                Ok(chunk) => chunk,
                Err(error) => return Ok(Err(error)),
            };
            let is_last = chunk.is_none();
            if let Some(chunk) = chunk {
                gathered += chunk.len();
                bytes += chunk.len() as u64;
                batch.push(chunk);
            }
            if gathered >= BATCH || is_last {
                let chunks = std::mem::take(&mut batch);
                gathered = 0;
                digests = compute_elsewhere(move || {
                    for chunk in &chunks {
                        digests.update(chunk);
                    }
                    digests
                })
                .await?;
            }
            if is_last {
                let (integrity, shasum) = digests.finish();
                return Ok(Ok(Some(StoredDigests { integrity, shasum, bytes })));
            }
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
