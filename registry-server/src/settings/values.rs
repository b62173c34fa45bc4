use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use clap::ValueEnum;
use ipnet::IpNet;
use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use url::Url;

/// The URL under which clients reach the registry: `http` or `https`, with a host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// The URL itself.
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

/// A path under which the routes answer as well as at the root, such as `/registry`; empty for none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PathPrefix(String);

impl PathPrefix {
    /// The prefix, without a slash at its end.
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
    /// The prefix, without a slash at its end.
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

/// Which log lines are written, as `tracing` spells it: `info`, or `warn,registry_server=debug`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LogFilter(String);

impl LogFilter {
    /// The filter, ready for use.
    pub fn to_filter(&self) -> EnvFilter {
        EnvFilter::new(&self.0)
    }

    /// Warnings and errors alone.
    pub(crate) fn warnings() -> Self {
        Self("warn".to_owned())
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = |why: &str| {
            format!(
                "`{text}` is not a log filter: {why}; write one such as info or warn,registry_server=debug"
            )
        };
        EnvFilter::try_new(text).map_err(|error| refused(&error.to_string()))?;
        // A word that is no level would be a part of a program, of which everything is logged, and of nothing else.
        let words = text.split(',').map(str::trim).filter(|word| !word.contains(['=', '[', ']', '{', '}']));
        match words.filter(|_| !text.contains('[')).find(|word| word.parse::<LevelFilter>().is_err()) {
            Some(word) => Err(refused(&format!(
                "`{word}` is no level, which are off, error, warn, info, debug and trace"
            ))),
            None => Ok(Self(text.to_owned())),
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people to read.
    #[default]
    Text,
    /// One JSON object in each line, for programs to parse.
    Json,
}

/// An address, or all addresses that begin alike: `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network(IpNet);

impl Network {
    /// The network itself.
    pub fn as_net(&self) -> IpNet {
        self.0
    }

    /// Whether it is a single address.
    pub fn is_one_address(&self) -> bool {
        self.0.prefix_len() == self.0.max_prefix_len()
    }

    /// Whether `address` is one of these.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<IpAddr>()
            .map(IpNet::from)
            .or_else(|_| text.parse::<IpNet>())
            .map(Self)
            .map_err(|_| format!("`{text}` is no network; write one such as 10.0.0.0/8 or 127.0.0.1"))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The name of a host, without scheme and port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HostName(String);

impl HostName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match url::Host::parse(text) {
            Ok(host) => Ok(Self(host.to_string())),
            Err(_) => {
                Err(format!("`{text}` is no host name; write one such as npm.example.com, without a port"))
            }
        }
    }
}

/// Lets serde read what `FromStr` reads.
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
from_string!(PublicUrl, PathPrefix, LegacyPrefix, LogFilter, Network, HostName);
