use crate::storage::BlobPathError;

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
        "`{name}` is not an option of {scheme}:// storage; {}",
        nearest.map_or_else(|| "see the options of the storage in the guide to the configuration".to_owned(),
            |nearest| format!("did you mean `{nearest}`?"))
    )]
    Option {
        /// What was written.
        name: String,
        /// The scheme of the storage.
        scheme: String,
        /// An option that is written almost so.
        nearest: Option<&'static str>,
    },
    /// A time that is none, or that nobody would wait for.
    #[error(
        "`{value}` cannot be {name}; write a number and a unit, such as `10 s` or `500 ms`, of at most {most}"
    )]
    Time {
        /// The option.
        name: String,
        /// What was written.
        value: String,
        /// The longest that it may be.
        most: &'static str,
    },
    /// An encryption that S3 does not know.
    #[error(
        "`{0}` is no encryption of S3; set aws_server_side_encryption to AES256 (which it is without), aws:kms, \
         aws:kms:dsse, sse-c, or none"
    )]
    Encryption(String),
    /// A key of KMS, and an encryption that uses none.
    #[error(
        "`{0}` encrypts without a key of KMS; take aws_sse_kms_key_id away, or set aws_server_side_encryption to aws:kms"
    )]
    KeyIsNotUsed(String),
    /// The cloud's client refused its settings.
    #[error("the storage's settings cannot be used")]
    Settings(#[from] object_store::Error),
}
