use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use crate::randomness::{Randomness, SystemRandomness};
use crate::vocabulary::Credential;

/// How an [`HttpUpstream`](super::HttpUpstream) reaches the other registry, and how much it puts up with.
///
/// [`HttpUpstreamSettings::new`] fills in what fits a registry on the internet; every field may then be changed.
/// `Debug` shows no secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct HttpUpstreamSettings {
    /// The base URL, with `http` or `https`, and with a path where the registry has one. Without credentials.
    pub url: Url,
    /// What the upstream is called in logs and errors. By default the URL's host, port and path.
    pub name: String,
    /// What the upstream is shown, at the scheme, host and port of `url` and nowhere else. By default nothing.
    pub credential: Option<Credential>,
    /// Hosts that packuments and redirects of the upstream may send this registry to whatever their addresses are, as
    /// `host` or `host:port`; without a port, those of `http` and `https` are meant. Any other host is asked at public
    /// addresses only, and what it sends reaches no client before its digest is right. None is shown the credential.
    /// By default none.
    pub tarball_hosts: Vec<String>,
    /// The longest that opening a connection may take, TLS included. Default 3 seconds.
    pub connect_timeout: Duration,
    /// The longest that the upstream may take to begin an answer once it is connected. What is posted may take until
    /// `request_timeout`. Default 5 seconds.
    pub first_byte_timeout: Duration,
    /// The longest that a whole answer may take, with retries and the pauses between them; of a tarball, until its
    /// first byte. Default 30 seconds.
    pub request_timeout: Duration,
    /// The longest that a tarball's stream may pause. Default 20 seconds.
    pub stall_timeout: Duration,
    /// The most bytes of a packument when decoded. Default 128 MiB.
    pub packument_bytes: usize,
    /// The most bytes of any other document when decoded. Default 8 MiB.
    pub small_answer_bytes: usize,
    /// How often a read is tried again after a broken connection or a status 408, 429 or 5xx. Default 2.
    pub retries: u32,
    /// The longest `Retry-After` that is waited for; after a longer one the error comes at once. Default 5 seconds.
    pub longest_retry_after: Duration,
    /// After how many failures in a row the upstream is left alone for a while. 0 is never. Default 8.
    pub failures_until_pause: u32,
    /// How long it is left alone; then one request tries whether it is back. Default 10 seconds.
    pub pause: Duration,
    /// How many redirects in a row are followed. Default 5.
    pub redirects: u32,
    /// Certificates to trust besides the system's own, each of them PEM with one or more.
    pub extra_root_certificates: Vec<Bytes>,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are followed. Default true.
    pub proxy_from_environment: bool,
    /// Spreads retries, so that many servers do not come back at the same moment.
    pub randomness: Arc<dyn Randomness>,
}

impl HttpUpstreamSettings {
    /// The defaults, for the registry at `url`.
    pub fn new(url: Url) -> Self {
        Self {
            name: name_of(&url),
            url,
            credential: None,
            tarball_hosts: Vec::new(),
            connect_timeout: Duration::from_secs(3),
            first_byte_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(20),
            packument_bytes: 128 << 20,
            small_answer_bytes: 8 << 20,
            retries: 2,
            longest_retry_after: Duration::from_secs(5),
            failures_until_pause: 8,
            pause: Duration::from_secs(10),
            redirects: 5,
            extra_root_certificates: Vec::new(),
            proxy_from_environment: true,
            randomness: Arc::new(SystemRandomness),
        }
    }
}

impl fmt::Debug for HttpUpstreamSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpUpstreamSettings")
            .field("name", &self.name)
            .field("scheme", &self.url.scheme())
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

/// Host, port and path: no scheme, which says little, and no credentials or query, which may be secret.
fn name_of(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}{}", url.host_str().unwrap_or_default(), url.path().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_host_port_and_path() {
        let name = |url: &str| HttpUpstreamSettings::new(Url::parse(url).unwrap()).name;
        assert_eq!(name("https://registry.example/"), "registry.example");
        assert_eq!(name("http://registry.example:4873/npm/all/"), "registry.example:4873/npm/all");
        assert_eq!(name("https://ana:pass@registry.example/?token=pass"), "registry.example");
    }

    #[test]
    fn debug_shows_no_secret() {
        let url = Url::parse("https://ana:hidden@registry.example/?token=hidden").unwrap();
        let mut settings = HttpUpstreamSettings::new(url);
        settings.credential = Some(Credential::Bearer("hidden".into()));
        let shown = format!("{settings:?}");
        assert!(shown.contains("registry.example") && !shown.contains("hidden"), "{shown}");
    }
}
