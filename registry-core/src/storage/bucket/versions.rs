//! The old versions of objects that a bucket of S3 keeps, which the contract of stores does not show.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer as _};
use percent_encoding::percent_decode_str;
use reqwest::{Client, Response};
use serde::Deserialize;
use url::Url;

use super::options::Options;
use super::{BucketError, Times, amazon, client, environment};
use crate::vocabulary::BoxError;

/// How many versions are deleted at the same time.
const DELETIONS: usize = 32;
/// How long a signed request is valid, and how long it may take.
const REQUEST: Duration = Duration::from_secs(30);

/// Why old versions could not be listed or deleted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BucketVersionsError {
    /// The bucket could not be reached.
    #[error("the bucket did not answer the request for {of}")]
    Request {
        /// What was asked for.
        of: String,
        /// Why it failed.
        source: BoxError,
    },
    /// The bucket refused.
    #[error(
        "the bucket refused the request for {of} with status {status}{}: {answer}",
        if *status == 403 { " (are s3:ListBucketVersions and s3:DeleteObjectVersion allowed?)" } else { "" }
    )]
    Refused {
        /// What was asked for.
        of: String,
        /// The status of the answer.
        status: u16,
        /// The first 300 characters of the answer.
        answer: String,
    },
}

/// The versions that an S3 bucket keeps of its objects, the present ones and the marks of deleted objects included.
#[derive(Debug, Clone)]
pub struct BucketVersions {
    bucket: Arc<AmazonS3>,
    prefix: String,
    client: Client,
}

/// A page of the listing, as S3 answers it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default, rename = "Version")]
    versions: Vec<Version>,
    #[serde(default, rename = "DeleteMarker")]
    delete_markers: Vec<Version>,
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_version_id_marker: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    key: String,
    version_id: String,
}

/// A listing from the first key to the last, and where its next page begins.
#[derive(Debug, Default)]
struct Pass {
    key: Option<String>,
    version: Option<String>,
    has_deleted: bool,
    has_failed: bool,
}

impl BucketVersions {
    /// Returns the versions below `s3://bucket/prefix`, with the options of [`open_bucket`](super::open_bucket); `None` for
    /// a store of another kind. Needs the permissions `s3:ListBucketVersions` and `s3:DeleteObjectVersion`.
    pub fn open(url: &Url, options: &BTreeMap<String, String>) -> Result<Option<Self>, BucketError> {
        if url.scheme() != "s3" {
            return Ok(None);
        }
        let environment = environment();
        let options = Options { scheme: "s3", given: options, environment: &environment };
        let mut builder = AmazonS3Builder::new()
            .with_client_options(client::client_options())
            .with_retry(Times::of(&options, "aws_")?.retries())
            .with_url(format!("s3://{}", url.host_str().unwrap_or_default()));
        for (key, value) in amazon::settings(&options)? {
            builder = builder.with_config(key, value);
        }
        let prefix = url.path().trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let client = Client::builder().timeout(REQUEST).build().map_err(BucketError::Client)?;
        Ok(Some(Self { bucket: Arc::new(builder.build()?), prefix, client }))
    }

    /// Deletes every version of every object, and returns the key of each that is deleted. A failure of one version does
    /// not end the deletion; a failure of the listing does.
    pub fn remove_all(&self) -> BoxStream<'static, Result<String, BucketVersionsError>> {
        let versions = self.clone();
        let pages = stream::try_unfold(Some(Pass::default()), move |pass| {
            let versions = versions.clone();
            async move {
                let Some(pass) = pass else { return Ok(None) };
                let (deleted, next) = versions.remove_page(pass).await?;
                Ok(Some((stream::iter(deleted.into_iter().map(Ok)), next)))
            }
        });
        pages.try_flatten().map(|deleted| deleted.and_then(|deleted| deleted)).boxed()
    }

    /// Deletes the versions of a page, and returns where the next one begins. Stores disagree on what follows a version that
    /// is deleted already, so the listing begins anew until it is empty.
    async fn remove_page(
        &self,
        mut pass: Pass,
    ) -> Result<(Vec<Result<String, BucketVersionsError>>, Option<Pass>), BucketVersionsError> {
        let page = self.page(&pass).await?;
        let deletions =
            page.versions.into_iter().chain(page.delete_markers).map(|version| self.delete(version));
        let deleted: Vec<_> = stream::iter(deletions).buffer_unordered(DELETIONS).collect().await;
        pass.has_deleted |= !deleted.is_empty();
        pass.has_failed |= deleted.iter().any(Result::is_err);
        let next = if page.is_truncated {
            Some(Pass { key: page.next_key_marker, version: page.next_version_id_marker, ..pass })
        } else {
            (pass.has_deleted && !pass.has_failed).then(Pass::default)
        };
        Ok((deleted, next))
    }

    async fn page(&self, pass: &Pass) -> Result<Page, BucketVersionsError> {
        let of = "the list of versions";
        let mut query = vec![("versions", ""), ("encoding-type", "url"), ("prefix", self.prefix.as_str())];
        query.extend(pass.key.as_deref().map(|key| ("key-marker", key)));
        query.extend(pass.version.as_deref().map(|version| ("version-id-marker", version)));
        let answer = self.send(of, Method::GET, &Path::default(), &query).await?;
        let text = answer.text().await.map_err(|error| failed(of, error))?;
        let mut page: Page = quick_xml::de::from_str(&text).map_err(|error| failed(of, error))?;
        page.next_key_marker = page.next_key_marker.as_deref().map(decoded);
        Ok(page)
    }

    async fn delete(&self, version: Version) -> Result<String, BucketVersionsError> {
        let key = decoded(&version.key);
        let path = Path::parse(&key).map_err(|error| failed(&key, error))?;
        self.send(&key, Method::DELETE, &path, &[("versionId", &version.version_id)]).await?;
        Ok(key)
    }

    async fn send(
        &self,
        of: &str,
        method: Method,
        path: &Path,
        query: &[(&str, &str)],
    ) -> Result<Response, BucketVersionsError> {
        let options = SignedUrlOptions::new().with_query(query.iter().copied());
        let url = self.bucket.signed_url_opts(method.clone(), path, REQUEST, &options).await;
        let url = url.map_err(|error| failed(of, error))?;
        let answer = self.client.request(method, url).send().await;
        // The URL is a credential.
        let answer = answer.map_err(|error| failed(of, error.without_url()))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let answer = answer.text().await.unwrap_or_default().chars().take(300).collect();
        Err(BucketVersionsError::Refused { of: of.to_owned(), status: status.as_u16(), answer })
    }
}

fn failed(of: &str, source: impl Into<BoxError>) -> BucketVersionsError {
    BucketVersionsError::Request { of: of.to_owned(), source: source.into() }
}

/// Keys are listed percent-encoded, because XML cannot hold every character of a key.
fn decoded(key: &str) -> String {
    percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_marks_of_deleted_objects_come_in_any_order() {
        let page: Page = quick_xml::de::from_str(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
                <Name>packages</Name><IsTruncated>true</IsTruncated>
                <NextKeyMarker>b%2Bc</NextKeyMarker><NextVersionIdMarker>3</NextVersionIdMarker>
                <Version><Key>a+a</Key><VersionId>1</VersionId><IsLatest>false</IsLatest></Version>
                <DeleteMarker><Key>a+a</Key><VersionId>2</VersionId></DeleteMarker>
                <Version><Key>b%2Bc</Key><VersionId>3</VersionId></Version>
            </ListVersionsResult>"#,
        )
        .unwrap();
        let ids = |versions: &[Version]| -> Vec<String> {
            versions
                .iter()
                .map(|version| format!("{} {}", decoded(&version.key), version.version_id))
                .collect()
        };
        assert_eq!(ids(&page.versions), ["a a 1", "b+c 3"]);
        assert_eq!(ids(&page.delete_markers), ["a a 2"]);
        assert!(page.is_truncated);
    }

    #[test]
    fn an_empty_bucket_has_no_versions() {
        let page: Page = quick_xml::de::from_str(
            "<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>",
        )
        .unwrap();
        assert!(page.versions.is_empty() && page.delete_markers.is_empty() && !page.is_truncated);
    }
}
