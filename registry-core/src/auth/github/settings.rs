use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use secrecy::SecretString;
use url::Url;

/// Which GitHub is asked, what for, and how long its answers are believed.
///
/// [`GithubSettings::new`] fills in what fits; every field may then be changed. `Debug` shows no secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct GithubSettings {
    /// Where people sign in, such as `https://github.com` or the address of a GitHub Enterprise Server.
    pub url: Url,
    /// Where programs ask. Default: `https://api.github.com` for github.com, else `/api/v3` below `url`.
    pub api_url: Url,
    /// The OAuth app that stands for this registry. Without one there is no sign-in in the browser, and personal
    /// tokens alone are taken. Default: none.
    pub app: Option<GithubApp>,
    /// Who is in none of these organizations gets nothing, whoever they are. Capitals do not count. Default: none,
    /// which lets in whoever has an account at GitHub.
    pub restricted_organizations: Vec<String>,
    /// The logins of those who are in the group [`ADMINS`](super::ADMINS). Capitals do not count. Default: nobody.
    pub admins: Vec<String>,
    /// For how long an answer about a token is believed. Default 60 seconds.
    pub cache: Duration,
    /// For how much longer it is believed while GitHub cannot be asked. Default 1 hour.
    pub stale: Duration,
    /// For how long tokens that the registry itself made stay good after GitHub last vouched for their holder. So long
    /// somebody who left an organization may keep access through one. Default 24 hours.
    pub membership: Duration,
    /// The longest that opening a connection may take. Default 5 seconds.
    pub connect_timeout: Duration,
    /// The longest that one answer may take. Default 10 seconds.
    pub request_timeout: Duration,
    /// Certificates to trust besides the system's own, each of them PEM with one or more.
    pub extra_root_certificates: Vec<Bytes>,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are followed. Default true.
    pub proxy_from_environment: bool,
}

/// An OAuth app, as it is registered at GitHub.
#[derive(Debug, Clone)]
pub struct GithubApp {
    /// Its client id.
    pub client_id: String,
    /// One of its client secrets.
    pub client_secret: SecretString,
}

impl GithubSettings {
    /// The defaults, for the GitHub at `url`.
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

/// Where the API of the GitHub at `url` is.
fn api_of(url: &Url) -> Url {
    let mut api = url.clone();
    if url.host_str().is_some_and(|host| matches!(host, "github.com" | "www.github.com")) {
        // A name that is a host makes a host of another name.
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
    fn the_api_is_where_each_github_has_it() {
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
