use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::{ClientConfigKey, RetryConfig};
use url::Url;

use super::{BlobPath, BlobPathError, BlobPrefix, ObjectStoreBlobs};

/// How long one request to the cloud may take, in the spelling of its client.
const REQUEST_TIME: &str = "30 seconds";
/// How long it may take to connect.
const CONNECT_TIME: &str = "5 seconds";
/// How long failed requests are tried again: the client that waits for the answer tries again itself.
const RETRY_TIME: Duration = Duration::from_secs(10);

/// Why a bucket cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BucketError {
    /// A scheme that this build does not know.
    #[error("this build has no support for {scheme}:// storage; build it with the feature `{feature}`")]
    NotInThisBuild {
        /// The scheme.
        scheme: String,
        /// The Cargo feature that brings it, or `aws`, `gcp` or `azure` where there is none.
        feature: &'static str,
    },
    /// A URL without a bucket.
    #[error("`{0}` names no bucket; write s3://bucket/prefix")]
    NoBucket(String),
    /// A prefix that cannot be a path.
    #[error("the prefix of the storage URL cannot be used: {0}")]
    Prefix(#[from] BlobPathError),
    /// An option that the cloud's client does not know.
    #[error(
        "`{0}` is not an option of this storage; see the names in the `object_store` crate, such as aws_region"
    )]
    Option(String),
    /// The cloud's client refused its settings.
    #[error("the storage's settings cannot be used")]
    Settings(#[from] object_store::Error),
}

/// The three builders have the same methods and no trait in common.
#[cfg(any(feature = "aws", feature = "gcp", feature = "azure"))]
macro_rules! open {
    ($builder:ident, $key:ident, $name:expr, $options:expr) => {{
        let mut builder = $builder::from_env()
            .with_url($name.as_str())
            .with_retry(RetryConfig { retry_timeout: RETRY_TIME, ..RetryConfig::default() })
            .with_config($key::Client(ClientConfigKey::Timeout), REQUEST_TIME)
            .with_config($key::Client(ClientConfigKey::ConnectTimeout), CONNECT_TIME);
        for (key, value) in parsed::<$key>($options)? {
            builder = builder.with_config(key, value);
        }
        let store = Arc::new(builder.build()?);
        let signer = Arc::clone(&store);
        ObjectStoreBlobs::new(store, $name).with_signer(signer)
    }};
}

/// Opens the bucket that `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix` names.
///
/// Credentials, region and endpoint come from the usual environment variables (`AWS_…`, `GOOGLE_…`, `AZURE_…`) or
/// from where the machine runs, and `options` win over them. An unknown option is an error. A process that calls
/// this must have installed a default `rustls` crypto provider.
pub fn open_bucket(url: &Url, options: &BTreeMap<String, String>) -> Result<ObjectStoreBlobs, BucketError> {
    let name = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
    if url.host_str().unwrap_or_default().is_empty() {
        return Err(BucketError::NoBucket(url.to_string()));
    }
    let blobs = match url.scheme() {
        #[cfg(feature = "aws")]
        "s3" => {
            use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
            open!(AmazonS3Builder, AmazonS3ConfigKey, name, options)
        }
        #[cfg(feature = "gcp")]
        "gs" => {
            use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
            open!(GoogleCloudStorageBuilder, GoogleConfigKey, name, options).with_ordered_listing()
        }
        #[cfg(feature = "azure")]
        "az" => {
            use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
            open!(MicrosoftAzureBuilder, AzureConfigKey, name, options)
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

fn parsed<Key: FromStr>(options: &BTreeMap<String, String>) -> Result<Vec<(Key, String)>, BucketError> {
    let parse = |(key, value): (&String, &String)| {
        Ok((key.parse().map_err(|_| BucketError::Option(key.clone()))?, value.clone()))
    };
    options.iter().map(parse).collect()
}
