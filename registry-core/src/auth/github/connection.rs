use http::HeaderName;
use http::header::ACCEPT;
use octocrab::Octocrab;
use secrecy::ExposeSecret as _;
use url::Url;

use super::{GithubApp, GithubError, GithubSettings};
use crate::outbound::{NoClient, Outbound};

/// The version of the API. GitHub supports it for years after the next one.
const API_VERSION: &str = "2022-11-28";

/// The clients for GitHub's endpoints.
pub(super) struct Connections {
    /// The API, without credentials.
    pub(super) api: Octocrab,
    /// The API, with the app's credentials.
    pub(super) app: Option<Octocrab>,
    /// The sign-in endpoints, with JSON answers.
    pub(super) web: Octocrab,
}

/// Creates the clients without opening a connection.
pub(super) fn connections(settings: &GithubSettings) -> Result<Connections, GithubError> {
    check_url("URL", &settings.url)?;
    check_url("URL of the API", &settings.api_url)?;
    if let Some(app) = &settings.app {
        check_app(app)?;
    }
    let client = client(settings)?;
    let to = |url: &Url, accept: &str| {
        Octocrab::builder()
            .add_header(ACCEPT, accept.to_owned())
            .add_header(HeaderName::from_static("x-github-api-version"), API_VERSION.to_owned())
            .base_uri(url.as_str().trim_end_matches('/'))
    };
    let api = || to(&settings.api_url, "application/vnd.github+json");
    let made = |error: octocrab::Error| GithubError::Client(error.into());
    let signed_in = |app: &GithubApp| {
        let secret = app.client_secret.expose_secret().to_owned();
        api()?.basic_auth(app.client_id.clone(), secret).build_with_reqwest(client.clone())
    };
    Ok(Connections {
        api: api().and_then(|api| api.build_with_reqwest(client.clone())).map_err(made)?,
        app: settings.app.as_ref().map(signed_in).transpose().map_err(made)?,
        web: to(&settings.url, "application/json")
            .and_then(|web| web.build_with_reqwest(client.clone()))
            .map_err(made)?,
    })
}

fn check_url(which: &'static str, url: &Url) -> Result<(), GithubError> {
    let refused = |reason| Err(GithubError::Url { which, reason });
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return refused("must begin with https:// or http:// and a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("holds a user name or password: leave them out");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refused("has a ? or a #: remove it and what follows, because paths are appended");
    }
    Ok(())
}

/// The client id becomes part of a path.
fn check_app(app: &GithubApp) -> Result<(), GithubError> {
    let is_word = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    if !is_word(&app.client_id) || app.client_id.starts_with('.') {
        return Err(GithubError::App { which: "client id" });
    }
    if !is_word(app.client_secret.expose_secret()) {
        return Err(GithubError::App { which: "client secret" });
    }
    Ok(())
}

fn client(settings: &GithubSettings) -> Result<reqwest::Client, GithubError> {
    let outbound = Outbound {
        extra_root_certificates: &settings.extra_root_certificates,
        connect_timeout: settings.connect_timeout,
        proxy_from_environment: settings.proxy_from_environment,
    };
    outbound.client(|builder| builder).map_err(|reason| match reason {
        NoClient::TlsProvider => GithubError::NoTlsProvider,
        NoClient::Certificates(source) => GithubError::Certificates(source),
        NoClient::Client(source) => GithubError::Client(source),
    })
}
