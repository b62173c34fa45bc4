use std::str::FromStr;

use serde::Deserialize;
use url::Url;

/// The URL under which clients reach the registry: `http` or `https`, with a host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// Returns the URL.
    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = |why: &str| {
            format!("`{text}` cannot be the public URL: {why}; write one such as https://npm.example.com")
        };
        let url = Url::parse(text).map_err(|error| refused(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused("it begins with neither http:// nor https://"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refused("it has a query or a fragment"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("it has a user name or a password"));
        }
        Ok(Self(url))
    }
}

/// A path below which the routes answer as well as at the root, such as `/registry`; empty for none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PathPrefix(String);

impl PathPrefix {
    /// Returns the prefix, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PathPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = text.strip_suffix('/').unwrap_or(text);
        let plain = |character: char| character.is_ascii_alphanumeric() || "-_.~".contains(character);
        let sound = path.strip_prefix('/').is_some_and(|segments| {
            segments
                .split('/')
                .all(|segment| !matches!(segment, "" | "." | ".." | "-") && segment.chars().all(plain))
        });
        if path.is_empty() || sound {
            return Ok(Self(path.to_owned()));
        }
        Err(format!(
            "`{text}` cannot be the path prefix; write one such as /registry, of letters, digits and -_.~"
        ))
    }
}

/// A path prefix of another registry, such as `/repository/npm`. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LegacyPrefix(PathPrefix);

impl LegacyPrefix {
    /// Returns the prefix, without a trailing slash.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for LegacyPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<PathPrefix>() {
            Ok(prefix) if !prefix.as_str().is_empty() => Ok(Self(prefix)),
            _ => Err(format!(
                "`{text}` cannot be a legacy prefix; write one such as /api/npm/npm-local, of letters, digits and -_.~"
            )),
        }
    }
}

/// Implements `Deserialize` through `FromStr`.
macro_rules! from_string {
    ($($type:ty),*) => {$(
        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
    )*};
}
from_string!(PublicUrl, PathPrefix, LegacyPrefix);
