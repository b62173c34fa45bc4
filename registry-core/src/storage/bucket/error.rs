use crate::storage::BlobPathError;

/// Why a bucket cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BucketError {
    /// The scheme is not supported by this build.
    #[error("this build has no support for {scheme}:// storage; build it with the feature `{feature}`")]
    NotInThisBuild {
        /// The scheme.
        scheme: String,
        /// The Cargo feature that adds it, or `aws`, `gcp` or `azure` for an unknown scheme.
        feature: &'static str,
    },
    /// The URL has no bucket.
    #[error("`{0}` names no bucket; write s3://bucket/prefix")]
    NoBucket(String),
    /// The prefix is not a valid path.
    #[error("the prefix of the storage URL cannot be used: {0}")]
    Prefix(#[from] BlobPathError),
    /// The cloud's client does not know the option.
    #[error(
        "`{name}` is not an option of {scheme}:// storage; {}",
        nearest.map_or_else(|| "see the options of the storage in the guide to the configuration".to_owned(),
            |nearest| format!("did you mean `{nearest}`?"))
    )]
    Option {
        /// The option's name as given.
        name: String,
        /// The scheme of the storage.
        scheme: String,
        /// The known option with the most similar name.
        nearest: Option<&'static str>,
    },
    /// The value is not a duration, or is too long.
    #[error(
        "`{value}` cannot be {name}; write a number and a unit, such as `10 s` or `500 ms`, of at most {most}"
    )]
    Time {
        /// The option.
        name: String,
        /// The option's name as given.
        value: String,
        /// The longest permitted duration.
        most: &'static str,
    },
    /// S3 does not support the encryption.
    #[error(
        "`{0}` is not an encryption of S3; set aws_server_side_encryption to AES256 (the default), aws:kms, \
         aws:kms:dsse, sse-c, or none"
    )]
    Encryption(String),
    /// The options give a KMS key with an encryption that uses none.
    #[error(
        "`{0}` encrypts without a key of KMS; take aws_sse_kms_key_id away, or set aws_server_side_encryption to aws:kms"
    )]
    KeyIsNotUsed(String),
    /// The client of HTTP could not be built.
    #[error("the client of the bucket cannot be built")]
    Client(#[source] reqwest::Error),
    /// The cloud's client rejected its settings.
    #[error("the storage's settings cannot be used")]
    Settings(#[from] object_store::Error),
}
