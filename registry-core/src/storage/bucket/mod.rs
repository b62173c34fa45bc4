//! Opens cloud buckets by URL and options.

#[cfg(feature = "aws")]
mod amazon;
mod client;
mod error;
mod options;
#[cfg(feature = "aws")]
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;

use url::Url;

use super::{BlobPath, BlobPrefix, ObjectStoreBlobs};
use client::Times;
pub use error::BucketError;
use options::Options;
#[cfg(feature = "aws")]
pub use versions::{BucketVersions, BucketVersionsError};

/// The three builders have the same methods and no trait in common.
macro_rules! open {
    ($builder:ident, $settings:expr, $times:expr, $name:expr) => {{
        let mut builder = $builder::new()
            .with_client_options(client::client_options())
            .with_retry($times.retries())
            .with_url($name.as_str());
        for (key, value) in $settings {
            builder = builder.with_config(key, value);
        }
        let store = Arc::new(builder.build()?);
        let signer = Arc::clone(&store);
        ObjectStoreBlobs::new(store, $name).with_signer(signer)
    }};
}

/// Opens the bucket that `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix` names.
///
/// Credentials, region and endpoint come from the usual environment variables (`AWS_…`, `GOOGLE_…`, `AZURE_…`) or from
/// the machine's identity, and `options` take precedence. An unknown option is an error; the names are those of the
/// `object_store` crate, such as `aws_region`, and these:
///
/// - `connect_timeout` (`5 s`): how long a connection attempt may take.
/// - `read_timeout` (`30 s`): how long the store may pause, before an answer or within one.
/// - `timeout` (none): how long a request may take including its whole answer, which bounds the duration of a download.
/// - `retry_timeout` (`10 s`): how long after its start a failed request is retried. `0 s` disables retries.
/// - `aws_server_side_encryption` (`AES256`): how S3 encrypts objects: `AES256`, `aws:kms`, also with
///   `aws_sse_kms_key_id`, `aws:kms:dsse`, or `none` to request nothing, for stores that do not support it.
///
/// The calling process must have installed a default `rustls` crypto provider.
pub fn open_bucket(url: &Url, options: &BTreeMap<String, String>) -> Result<ObjectStoreBlobs, BucketError> {
    open_in(url, options, &environment())
}

/// Returns the encryption that [`open_bucket`] requests from the store for each object, such as `AES256`; `None` if it
/// requests none. Google Cloud Storage and Azure encrypt every object without a request.
pub fn bucket_encryption(
    url: &Url,
    options: &BTreeMap<String, String>,
) -> Result<Option<String>, BucketError> {
    match url.scheme() {
        #[cfg(feature = "aws")]
        "s3" => amazon::encryption(&Options { scheme: "s3", given: options, environment: &environment() }),
        _ => {
            // Only S3 has such an option.
            let _ = options;
            Ok(None)
        }
    }
}

fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Like [`open_bucket`], in this environment.
fn open_in(
    url: &Url,
    options: &BTreeMap<String, String>,
    environment: &[(String, String)],
) -> Result<ObjectStoreBlobs, BucketError> {
    let name = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
    if url.host_str().unwrap_or_default().is_empty() {
        return Err(BucketError::NoBucket(url.to_string()));
    }
    let options = Options { scheme: url.scheme(), given: options, environment };
    let blobs = match url.scheme() {
        #[cfg(feature = "aws")]
        "s3" => {
            use object_store::aws::AmazonS3Builder;
            let times = Times::of(&options, "aws_")?;
            open!(AmazonS3Builder, amazon::settings(&options)?, times, name)
        }
        #[cfg(feature = "gcp")]
        "gs" => {
            use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
            let times = Times::of(&options, "google_")?;
            let settings = options.settings::<GoogleConfigKey>("google_", |_, _| false)?;
            open!(GoogleCloudStorageBuilder, settings, times, name).with_ordered_listing()
        }
        #[cfg(feature = "azure")]
        "az" => {
            use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
            let times = Times::of(&options, "azure_")?;
            let settings = options.settings::<AzureConfigKey>("azure_", |_, _| false)?;
            open!(MicrosoftAzureBuilder, settings, times, name)
        }
        scheme => {
            let feature = match scheme {
                "gs" => "gcp",
                "az" => "azure",
                _ => "aws",
            };
            return Err(BucketError::NotInThisBuild { scheme: scheme.to_owned(), feature });
        }
    };
    let prefix = url.path().trim_matches('/');
    if prefix.is_empty() {
        return Ok(blobs);
    }
    Ok(blobs.with_prefix(BlobPrefix::folder(BlobPath::parse(prefix)?)))
}
