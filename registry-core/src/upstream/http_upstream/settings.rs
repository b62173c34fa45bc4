use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use crate::randomness::{Randomness, SystemRandomness};
use crate::vocabulary::Credential;

/// How an [`HttpUpstream`](super::HttpUpstream) reaches the other registry, and its limits.
///
/// [`HttpUpstreamSettings::new`] sets defaults for a registry on the internet; every field may then be changed. `Debug`
/// shows no secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct HttpUpstreamSettings {
    /// The base URL, with `http` or `https`, and with the registry's path if it has one. Without credentials.
    pub url: Url,
    /// The upstream's name in logs and errors. By default the URL's host, port and path.
    pub name: String,
    /// The credential, sent to the scheme, host and port of `url` only. By default none.
    pub credential: Option<Credential>,
    /// Hosts that packuments and redirects of the upstream may lead to at any address, as `host` or `host:port`;
    /// without a port, the default ports of `http` and `https` apply. Other hosts are used at public addresses only,
    /// and their bytes reach no client before the digest is verified. None receives the credential. By default none.
    pub tarball_hosts: Vec<String>,
    /// The longest time to open a connection, including TLS. Default 3 seconds.
    pub connect_timeout: Duration,
    /// The longest time until an answer begins, once connected. A POST may take until `request_timeout`. Default 5
    /// seconds.
    pub first_byte_timeout: Duration,
    /// The longest time for a whole answer, including retries and the pauses between them; for a tarball, until its
    /// first byte. Default 30 seconds.
    pub request_timeout: Duration,
    /// The longest pause within a tarball's stream. Default 20 seconds.
    pub stall_timeout: Duration,
    /// The fewest bytes of a tarball that must come per second of waiting, on average, once `stall_timeout` is used up: an
    /// upstream that trickles would hold its reader otherwise. 0 sets no limit. Default 0.
    pub least_tarball_rate: u32,
    /// The most bytes of a packument when decoded. Default 128 MiB.
    pub packument_bytes: usize,
    /// The most bytes of any other document when decoded. Default 8 MiB.
    pub small_answer_bytes: usize,
    /// How often a read is retried after a broken connection or a status 408, 429 or 5xx. Default 2.
    pub retries: u32,
    /// The longest `Retry-After` that is honored; a longer one fails at once. Default 5 seconds.
    pub longest_retry_after: Duration,
    /// The number of failures in a row after which the upstream is asked for `/-/ping`, and requests pause if that fails too:
    /// a client may choose names on which a healthy upstream fails. 0 disables pauses. Default 8.
    pub failures_until_pause: u32,
    /// The length of the pause; then one request finds out whether the upstream has recovered. Default 10 seconds.
    pub pause: Duration,
    /// The most redirects in a row that are followed. Default 5.
    pub redirects: u32,
    /// Certificates to trust besides the system's own, each a PEM with one or more.
    pub extra_root_certificates: Vec<Bytes>,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are followed. Default true.
    pub proxy_from_environment: bool,
    /// Randomizes retries, so that many servers do not retry at the same moment.
    pub randomness: Arc<dyn Randomness>,
}

impl HttpUpstreamSettings {
    /// Returns the defaults for the registry at `url`.
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
            least_tarball_rate: 0,
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

/// Returns host, port and path: no scheme, which adds little, and no credentials or query, which may be secret.
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
