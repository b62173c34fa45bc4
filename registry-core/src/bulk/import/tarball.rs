use std::io::Read as _;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use futures::TryStreamExt as _;
use futures::stream::BoxStream;
use tokio::sync::SemaphorePermit;

use crate::Error;
use crate::bulk::BulkError;
use crate::concurrency::compute_elsewhere;
use crate::domain::packument::SourceVersion;
use crate::domain::publication::{ImportRefusal, ImportedVersion};
use crate::domain::{PackageName, Version};
use crate::upstream::{TarballEncoding, UpstreamError};

use super::package::{of_package, refused_version};
use super::{Importing, TARBALL_MEBIBYTES};

/// A version whose tarball is stored.
pub(super) struct Fetched {
    pub(super) version: ImportedVersion,
    /// The length of the tarball.
    pub(super) bytes: u64,
}

impl Importing {
    /// Stores the tarball of a version, once it is verified. One that an earlier import left is not fetched again, but
    /// written again, so that its age tells that it is needed.
    pub(super) async fn fetch_version(
        &self,
        name: &PackageName,
        version: &Version,
        told: &SourceVersion,
    ) -> Result<Fetched, BulkError> {
        let failed = || of_package(name);
        let _turn = self.tarballs.acquire().await.map_err(|error| failed()(Error::internal(error)))?;
        if let Some(integrity) = told.sha512() {
            let left = self.packages.open_left_tarball(name, version, &integrity).await.map_err(failed())?;
            if let Some(left) = left {
                let _room = self.room_for(name, left.length).await?;
                let tarball = collect(left.stream, left.length).await;
                let tarball = tarball.map_err(|error| failed()(error.into()))?;
                if let Ok(verified) = self.verify(name, version, told, &tarball).await? {
                    return self.store(name, verified, tarball).await;
                }
            }
        }
        let gone = || refused_version(name, version.as_str(), ImportRefusal::NoTarball);
        let unfetched = |source: UpstreamError| BulkError::SourceTarball {
            package: name.clone(),
            version: version.to_string(),
            source: source.into(),
        };
        let url = told.url.as_deref().ok_or_else(gone)?;
        let opened = self.source.tarball(url).await.map_err(unfetched)?.ok_or_else(gone)?;
        let most = self.packages.import_limits().upstream_tarball_bytes;
        let length = opened.length.unwrap_or(most).min(most);
        let _room = self.room_for(name, length).await?;
        let sent = collect(opened.stream, length).await.map_err(unfetched)?;
        let tarball = match self.verify(name, version, told, &sent).await? {
            Ok(verified) => return self.store(name, verified, sent).await,
            Err(ImportRefusal::Digest { .. }) if opened.encoding == TarballEncoding::Gzip => {
                inflate(&sent, most)
            }
            Err(refusal) => return Err(refused_version(name, version.as_str(), refusal)),
        };
        match self.verify(name, version, told, &tarball).await? {
            Ok(verified) => self.store(name, verified, tarball).await,
            Err(refusal) => Err(refused_version(name, version.as_str(), refusal)),
        }
    }

    /// Waits until a tarball of this length fits into memory beside the others.
    async fn room_for(&self, name: &PackageName, length: u64) -> Result<SemaphorePermit<'_>, BulkError> {
        let room = self.mebibytes.acquire_many(mebibytes(length)).await;
        room.map_err(|error| of_package(name)(Error::internal(error)))
    }

    async fn verify(
        &self,
        name: &PackageName,
        version: &Version,
        told: &SourceVersion,
        tarball: &Bytes,
    ) -> Result<Result<ImportedVersion, ImportRefusal>, BulkError> {
        let limits = self.packages.import_limits();
        let (of, version, told, tarball) = (name.clone(), version.clone(), told.clone(), tarball.clone());
        let verify = move || ImportedVersion::verify(&of, &version, &told, &tarball, &limits);
        let verified = compute_elsewhere(verify).await.map_err(|error| of_package(name)(error.into()))?;
        Ok(verified.and_then(|imported| self.packages.with_known_origins(imported)))
    }

    async fn store(
        &self,
        name: &PackageName,
        version: ImportedVersion,
        tarball: Bytes,
    ) -> Result<Fetched, BulkError> {
        let bytes = tarball.len() as u64;
        let stored = self.packages.store_imported(name, &version, tarball).await;
        stored.inspect_err(|_| self.note_failed_write()).map_err(of_package(name))?;
        Ok(Fetched { version, bytes })
    }
}

/// How many mebibytes a tarball of this length takes of [`TARBALL_MEBIBYTES`].
pub(in crate::bulk) fn mebibytes(length: u64) -> u32 {
    let mebibytes = u32::try_from(length.div_ceil(1 << 20)).unwrap_or(TARBALL_MEBIBYTES);
    mebibytes.clamp(1, TARBALL_MEBIBYTES)
}

/// Reads a tarball into memory. Of one that is longer than declared, or than the limit, more is not read, and it has
/// another digest.
pub(in crate::bulk) async fn collect<Failure>(
    mut stream: BoxStream<'_, Result<Bytes, Failure>>,
    most: u64,
) -> Result<Bytes, Failure> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = stream.try_next().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > most {
            break;
        }
    }
    Ok(bytes.freeze())
}

/// Decompresses bytes whose declared encoding was meant; returns what there is of them otherwise, which has another digest.
fn inflate(bytes: &[u8], most: u64) -> Bytes {
    let mut inflated = Vec::new();
    let _ = MultiGzDecoder::new(bytes).take(most).read_to_end(&mut inflated);
    inflated.into()
}
