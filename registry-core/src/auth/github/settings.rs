use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use secrecy::SecretString;
use url::Url;

/// Which GitHub to use, with which app and for which organizations, and how long its answers are cached.
///
/// [`GithubSettings::new`] sets the defaults; every field may then be changed. `Debug` shows no secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct GithubSettings {
    /// The base URL for sign-in, such as `https://github.com` or the URL of a GitHub Enterprise Server.
    pub url: Url,
    /// The base URL of the API. Default: `https://api.github.com` for github.com, else `/api/v3` below `url`.
    pub api_url: Url,
    /// The OAuth app of this registry. Without one there is no browser sign-in, and only personal tokens are
    /// accepted. Default: none.
    pub app: Option<GithubApp>,
    /// Only members of these organizations are let in, ignoring case. Default: none, which lets in every account of
    /// GitHub.
    pub restricted_organizations: Vec<String>,
    /// The logins in the group [`ADMINS`](super::ADMINS), ignoring case. Default: none.
    pub admins: Vec<String>,
    /// How long an answer about a token is cached. Default 60 seconds.
    pub cache: Duration,
    /// How much longer it is used while GitHub is unreachable. Default 1 hour.
    pub stale: Duration,
    /// How long tokens of the registry stay valid after GitHub last vouched for their holder. An account that left an
    /// organization keeps access that long. Default 24 hours.
    pub membership: Duration,
    /// Timeout for opening a connection. Default 5 seconds.
    pub connect_timeout: Duration,
    /// Timeout for one answer. Default 10 seconds.
    pub request_timeout: Duration,
    /// Certificates to trust besides the system's own, each a PEM with one or more.
    pub extra_root_certificates: Vec<Bytes>,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are followed. Default true.
    pub proxy_from_environment: bool,
}

/// An OAuth app, as registered at GitHub.
#[derive(Debug, Clone)]
pub struct GithubApp {
    /// Its client id.
    pub client_id: String,
    /// One of its client secrets.
    pub client_secret: SecretString,
}

impl GithubSettings {
    /// Returns the defaults for the GitHub at `url`.
    pub fn new(url: Url) -> Self {
        Self {
            api_url: api_of(&url),
            url,
            app: None,
            restricted_organizations: Vec::new(),
            admins: Vec::new(),
            cache: Duration::from_mins(1),
            stale: Duration::from_hours(1),
            membership: Duration::from_hours(24),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
            extra_root_certificates: Vec::new(),
            proxy_from_environment: true,
        }
    }
}

impl fmt::Debug for GithubSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("GithubSettings")
            .field("host", &self.url.host_str())
            .field("app", &self.app)
            .field("restricted_organizations", &self.restricted_organizations)
            .field("admins", &self.admins)
            .finish_non_exhaustive()
    }
}

/// Returns the base URL of the API for the GitHub at `url`.
fn api_of(url: &Url) -> Url {
    let mut api = url.clone();
    if url.host_str().is_some_and(|host| matches!(host, "github.com" | "www.github.com")) {
        // Replacing a host name by another cannot fail.
        let _ = api.set_host(Some("api.github.com"));
    } else {
        api.set_path(&format!("{}/api/v3", url.path().trim_end_matches('/')));
    }
    api
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_url_depends_on_the_host() {
        for (url, api) in [
            ("https://github.com", "https://api.github.com/"),
            ("https://www.github.com/", "https://api.github.com/"),
            ("https://github.example", "https://github.example/api/v3"),
            ("http://github.example:8080/code/", "http://github.example:8080/code/api/v3"),
        ] {
            assert_eq!(GithubSettings::new(Url::parse(url).unwrap()).api_url.as_str(), api);
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut settings = GithubSettings::new(Url::parse("https://ana:hidden@github.example").unwrap());
        settings.app = Some(GithubApp { client_id: "Ov23".into(), client_secret: "hidden".into() });
        let shown = format!("{settings:?}");
        assert!(shown.contains("Ov23") && !shown.contains("hidden"), "{shown}");
    }
}
