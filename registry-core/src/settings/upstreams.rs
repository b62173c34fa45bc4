use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;
use url::Url;

/// `[upstreams.NAME]`: the registries that this one proxies, by their names in `origin`.
pub type Upstreams = BTreeMap<String, UpstreamSettings>;

/// The name of the upstream that `--upstream` sets.
pub const MAIN_UPSTREAM: &str = "npm";

/// `[upstreams.NAME]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSettings {
    /// The address of the client.
    pub url: UpstreamUrl,
    /// The environment variable with the token to send.
    pub token_env: Option<String>,
    /// The file with the token to send.
    pub token_file: Option<PathBuf>,
    /// PEM files with certificates to trust in addition to the system's.
    #[serde(default)]
    pub certificate_files: Vec<PathBuf>,
    /// Whether to request only full packuments and render the abbreviated form from them.
    #[serde(default)]
    pub full_documents: bool,
    /// Hosts, as `host` or `host:port`, that its packuments and redirects may lead to at any address.
    #[serde(default)]
    pub tarball_hosts: Vec<String>,
    /// The longest time to open a connection, in seconds.
    #[serde(default = "connect_seconds")]
    pub connect_seconds: u64,
    /// The longest time until an answer begins after that, in seconds.
    #[serde(default = "first_byte_seconds")]
    pub first_byte_seconds: u64,
}

fn connect_seconds() -> u64 {
    3
}

fn first_byte_seconds() -> u64 {
    5
}

impl UpstreamSettings {
    /// An upstream without a token.
    pub fn new(url: UpstreamUrl) -> Self {
        Self {
            url,
            token_env: None,
            token_file: None,
            certificate_files: Vec::new(),
            full_documents: false,
            tarball_hosts: Vec::new(),
            connect_seconds: connect_seconds(),
            first_byte_seconds: first_byte_seconds(),
        }
    }
}

/// The base URL of another registry: `http` or `https`, without credentials.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct UpstreamUrl(Url);

/// Why a text is not the URL of an upstream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the URL of a registry; write https://HOST/ or http://HOST/, and a token in token_env")]
pub struct UpstreamUrlError(String);

impl UpstreamUrl {
    /// The URL.
    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for UpstreamUrl {
    type Err = UpstreamUrlError;

    fn from_str(text: &str) -> Result<Self, UpstreamUrlError> {
        let refused = || UpstreamUrlError(text.split('@').next_back().unwrap_or_default().to_owned());
        let url = Url::parse(text).map_err(|_| refused())?;
        let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || !is_plain {
            return Err(refused());
        }
        Ok(Self(url))
    }
}

impl TryFrom<String> for UpstreamUrl {
    type Error = UpstreamUrlError;

    fn try_from(text: String) -> Result<Self, UpstreamUrlError> {
        text.parse()
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
