//! Another registry over HTTP or HTTPS.
//!
//! ```
//! use registry_core::auth::Credential;
//! use registry_core::upstream::{HttpUpstream, HttpUpstreamSettings};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Once, when the process starts.
//! let _ = rustls::crypto::ring::default_provider().install_default();
//!
//! let mut settings = HttpUpstreamSettings::new("https://registry.example/npm/".parse()?);
//! settings.credential = Some(Credential::Bearer("npm_secret".into()));
//! let upstream = HttpUpstream::new(settings)?;
//! assert_eq!(upstream.to_string(), "registry.example/npm");
//! assert!(!format!("{upstream:?}").contains("npm_secret"));
//! # Ok(())
//! # }
//! ```

mod answer;
mod attempts;
mod breaker;
mod connection;
mod document;
mod error;
mod failure;
mod hosts;
mod pieces;
mod probe;
mod question;
mod settings;
mod tarball;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Client;
use url::Url;

use self::answer::Answer;
use self::breaker::Breaker;
use self::hosts::AllowedHost;
use self::question::Question;
use crate::domain::{PackageName, Version};
use crate::outbound::Proxies;
use crate::traces::TraceContext;
use crate::upstream::{
    PackumentForm, Upstream, UpstreamError, UpstreamPackument, UpstreamTarball, Validators,
};

pub use error::HttpUpstreamError;
pub use settings::HttpUpstreamSettings;

/// The media type of the abbreviated form.
const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// The upper bound of every timeout, regardless of the settings.
const LONGEST: Duration = Duration::from_hours(24);

/// A client for a registry over HTTP or HTTPS, configured by [`HttpUpstreamSettings`].
///
/// Uses the environment's proxies, and HTTP/2 where the registry offers it. Connections are pooled and shared, so
/// create one instance per registry and reuse it.
pub struct HttpUpstream {
    settings: HttpUpstreamSettings,
    /// For the upstream's own host and the allowed ones.
    client: Client,
    /// For all other hosts. Created on first use, since few upstreams name any.
    public_client: OnceLock<Client>,
    allowed: Vec<AllowedHost>,
    proxies: Proxies,
    authorization: Option<HeaderValue>,
    /// Identifies requests of this registry.
    via: OnceLock<HeaderValue>,
    breaker: Arc<Breaker>,
    traces: OnceLock<Arc<dyn TraceContext>>,
}

impl HttpUpstream {
    /// Validates the settings; opens no connection yet. The process must have installed a default `rustls` crypto
    /// provider, even for a registry without TLS, since it may redirect to one with it.
    pub fn new(mut settings: HttpUpstreamSettings) -> Result<Self, HttpUpstreamError> {
        connection::check_url(&settings.url)
            .map_err(|reason| HttpUpstreamError::Url { upstream: settings.name.clone(), reason })?;
        settings.request_timeout = settings.request_timeout.min(LONGEST);
        Ok(Self {
            client: connection::client(&settings)?,
            public_client: OnceLock::new(),
            allowed: connection::allowed_hosts(&settings)?,
            proxies: connection::proxies(&settings),
            authorization: connection::authorization(&settings)?,
            via: OnceLock::new(),
            traces: OnceLock::new(),
            breaker: Breaker::new(settings.failures_until_pause, settings.pause.min(LONGEST)),
            settings,
        })
    }

    /// Returns the URL of a path of npm's protocol, below the registry's own path.
    fn endpoint(&self, path: &str) -> Url {
        let mut url = self.settings.url.clone();
        url.set_path(&format!("{}{path}", self.settings.url.path().trim_end_matches('/')));
        url
    }

    /// Returns the client for hosts that are neither the upstream's own nor allowed.
    fn public_client(&self) -> Result<&Client, HttpUpstreamError> {
        if let Some(client) = self.public_client.get() {
            return Ok(client);
        }
        let client = connection::public_client(&self.settings, &self.proxies)?;
        Ok(self.public_client.get_or_init(|| client))
    }

    /// Requests a document that some registries lack.
    async fn extra(&self, question: &Question) -> Result<Option<Bytes>, UpstreamError> {
        self.extra_within(question, self.settings.small_answer_bytes).await
    }

    async fn extra_within(&self, question: &Question, limit: usize) -> Result<Option<Bytes>, UpstreamError> {
        self.attempt(question, || async move {
            match self.ask_for_extra(question).await? {
                Answer::Found(response) => self.document(response, limit, None).await.map(Some),
                Answer::Missing | Answer::Unchanged => Ok(None),
            }
        })
        .await
    }
}

impl fmt::Debug for HttpUpstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HttpUpstream").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl fmt::Display for HttpUpstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.settings.name)
    }
}

#[async_trait]
impl Upstream for HttpUpstream {
    fn asked_by(&self, registry: &str) {
        // A name that is not valid in a header is not sent.
        if let Ok(via) = HeaderValue::from_str(&format!("1.1 {registry}")) {
            let _ = self.via.set(via);
        }
    }

    fn traced_by(&self, context: &Arc<dyn TraceContext>) {
        let _ = self.traces.set(Arc::clone(context));
    }

    fn is_paused(&self) -> bool {
        self.breaker.is_paused()
    }

    async fn packument(
        &self,
        name: &PackageName,
        form: PackumentForm,
        known: &Validators,
    ) -> Result<UpstreamPackument, UpstreamError> {
        let url = self.endpoint(&format!("/{}", one_segment(name)));
        let question = &Question::document(url).of_packument(form, known);
        self.attempt(question, || async move {
            let response = match self.ask(question).await? {
                Answer::Found(response) => response,
                Answer::Unchanged => return Ok(UpstreamPackument::Unchanged),
                Answer::Missing => return Ok(UpstreamPackument::Missing),
            };
            let (form, validators) = (form_of(response.headers()), validators(response.headers()));
            let bytes = self.document(response, self.settings.packument_bytes, Some(name)).await?;
            Ok(UpstreamPackument::Found { bytes, form, validators })
        })
        .await
    }

    async fn tarball(&self, url: &str) -> Result<Option<UpstreamTarball>, UpstreamError> {
        // Some registries write it as a path relative to their own.
        let url = Some(url).filter(|url| !url.is_empty()).and_then(|url| self.endpoint("/").join(url).ok());
        let url = url.and_then(question::fetchable);
        let url = url.ok_or_else(|| self.unusable("the URL of a tarball that is no http or https URL"))?;
        let question = &Question::tarball(url);
        self.attempt(question, || async move {
            let reply = self.send(question).await?;
            let Some(host) = reply.elsewhere else {
                return Ok(match self.read_status(question, reply.response)? {
                    Answer::Found(response) => Some(self.passing_on(response, None)),
                    Answer::Missing | Answer::Unchanged => None,
                });
            };
            match self.read_status(question, reply.response) {
                Ok(Answer::Found(response)) => Ok(Some(self.passing_on(response, Some(host)))),
                Ok(Answer::Missing | Answer::Unchanged) => {
                    Err(self.elsewhere(&host, "it does not have it").into())
                }
                Err(failed) => Err(self.failed_elsewhere(&host, failed)),
            }
        })
        .await
    }

    async fn search(&self, query: &str) -> Result<Option<Bytes>, UpstreamError> {
        let mut url = self.endpoint("/-/v1/search");
        url.set_query(Some(query));
        self.extra(&Question::document(url)).await
    }

    async fn all_packages(&self) -> Result<Option<Bytes>, UpstreamError> {
        let question = Question::document(self.endpoint("/-/all"));
        self.extra_within(&question, self.settings.packument_bytes).await
    }

    async fn whoami(&self) -> Result<Option<Bytes>, UpstreamError> {
        self.extra(&Question::document(self.endpoint("/-/whoami"))).await
    }

    async fn advisories(&self, packages: Bytes) -> Result<Option<Bytes>, UpstreamError> {
        let url = self.endpoint("/-/npm/v1/security/advisories/bulk");
        self.extra(&Question::document(url).posting(packages)).await
    }

    async fn keys(&self) -> Result<Option<Bytes>, UpstreamError> {
        self.extra(&Question::document(self.endpoint("/-/npm/v1/keys"))).await
    }

    async fn attestations(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<Option<Bytes>, UpstreamError> {
        // Some servers read an unescaped + as a space.
        let version = version.as_str().replace('+', "%2B");
        let url = self.endpoint(&format!("/-/npm/v1/attestations/{}@{version}", one_segment(name)));
        self.extra(&Question::document(url)).await
    }
}

/// Returns the name as npm writes it into paths. No other character in a name needs an escape.
fn one_segment(name: &PackageName) -> String {
    name.as_str().replace('/', "%2f")
}

fn form_of(headers: &HeaderMap) -> PackumentForm {
    match document::media_type(headers) {
        Some(sent) if sent.eq_ignore_ascii_case(ABBREVIATED) => PackumentForm::Abbreviated,
        _ => PackumentForm::Full,
    }
}

fn validators(headers: &HeaderMap) -> Validators {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::to_owned);
    Validators { etag: text(ETAG), last_modified: text(LAST_MODIFIED) }
}
