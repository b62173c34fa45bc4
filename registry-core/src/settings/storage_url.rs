use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;
use url::Url;

/// The URL of the registry's store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
#[non_exhaustive]
pub enum StorageUrl {
    /// `file:DIR`: a folder, verbatim; a relative one is resolved against the working directory, or against the folder of
    /// the file that names it.
    Folder(PathBuf),
    /// `memory:`: everything is lost when the server stops.
    Memory,
    /// `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.
    Bucket(Url),
}

/// Why a text is not a storage URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageUrlError {
    /// The store needs another build of the server.
    #[error(
        "this build has no support for {scheme}:// storage; use file:DIR or memory:, \
         or build the server with `--features {feature}`"
    )]
    NotInThisBuild {
        /// The scheme, such as `s3`.
        scheme: String,
        /// The Cargo feature that adds it.
        feature: &'static str,
    },
    /// `s3://` without a bucket.
    #[error("`{0}` names no bucket; write s3://bucket/prefix")]
    NoBucket(String),
    /// `file:` without a folder.
    #[error("`{0}` names no folder; write file:DIR, such as file:./registry-data")]
    NoFolder(String),
    /// `file://host/…`, which would name a folder on another machine.
    #[error("`{0}` names a host; write file:DIR, such as file:./registry-data or file:/srv/registry")]
    HasHost(String),
    /// Anything else.
    #[error("`{0}` is not a storage URL; write file:DIR, such as file:./registry-data, or memory:")]
    Unknown(String),
}

impl Default for StorageUrl {
    fn default() -> Self {
        Self::Folder(PathBuf::from("./registry-data"))
    }
}

impl FromStr for StorageUrl {
    type Err = StorageUrlError;

    fn from_str(text: &str) -> Result<Self, StorageUrlError> {
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(StorageUrlError::Unknown(text.to_owned()));
        };
        match (scheme, rest) {
            ("memory", "" | "//") => Ok(Self::Memory),
            ("file", "" | "//") => Err(StorageUrlError::NoFolder(text.to_owned())),
            ("file", rest) => match rest.strip_prefix("//") {
                None => Ok(Self::Folder(rest.into())),
                Some(absolute) if absolute.starts_with('/') => Ok(Self::Folder(absolute.into())),
                Some(_) => Err(StorageUrlError::HasHost(text.to_owned())),
            },
            ("s3", _) => bucket(text, "aws", cfg!(feature = "aws")),
            ("gs", _) => bucket(text, "gcp", cfg!(feature = "gcp")),
            ("az", _) => bucket(text, "azure", cfg!(feature = "azure")),
            _ => Err(StorageUrlError::Unknown(text.to_owned())),
        }
    }
}

fn bucket(text: &str, feature: &'static str, is_in_this_build: bool) -> Result<StorageUrl, StorageUrlError> {
    let url = Url::parse(text).map_err(|_| StorageUrlError::Unknown(text.to_owned()))?;
    if !is_in_this_build {
        return Err(StorageUrlError::NotInThisBuild { scheme: url.scheme().to_owned(), feature });
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(StorageUrlError::NoBucket(text.to_owned()));
    }
    Ok(StorageUrl::Bucket(url))
}

impl TryFrom<String> for StorageUrl {
    type Error = StorageUrlError;

    fn try_from(text: String) -> Result<Self, StorageUrlError> {
        text.parse()
    }
}

impl fmt::Display for StorageUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(formatter, "file:{}", folder.display()),
            Self::Memory => formatter.write_str("memory:"),
            Self::Bucket(url) => url.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_other_builds_is_reported_with_its_feature() {
        let refused = bucket("gs://bucket/prefix", "gcp", false).unwrap_err().to_string();
        assert!(refused.starts_with("this build has no support for gs:// storage"), "{refused}");
        assert!(refused.ends_with("`--features gcp`"), "{refused}");
    }
}
