use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::OpenIdError;
use super::fetch::Fetch;
use super::jwt::{Unverified, issuer_of};
use super::keys::{KeySet, Keys};
use crate::auth::{AuthError, TokenIssuer, Verified};
use crate::clock::Clock;
use crate::vocabulary::BoxError;

/// An issuer to trust, and how long its documents are cached.
///
/// [`IssuerSettings::new`] sets the defaults; every field may then be changed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct IssuerSettings {
    /// The `iss` of its tokens, byte for byte. Its `/.well-known/openid-configuration` is below it.
    pub url: String,
    /// How long its keys are cached before they are fetched again. Default 1 hour.
    pub keys: Duration,
    /// How much longer they are used while it is down. Default 24 hours.
    pub stale: Duration,
    /// The shortest time between two fetches of keys, also for an unknown key. Default 30 seconds.
    pub pause: Duration,
    /// The largest difference between its clock and ours. Default 30 seconds.
    pub clock_skew: Duration,
    /// Timeout for opening a connection. Default 5 seconds.
    pub connect_timeout: Duration,
    /// Timeout for one answer. Default 10 seconds.
    pub request_timeout: Duration,
    /// Certificates to trust besides the system's own, each a PEM with one or more.
    pub extra_root_certificates: Vec<Bytes>,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are followed. Default true.
    pub proxy_from_environment: bool,
}

impl IssuerSettings {
    /// Returns the defaults for the issuer with this URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            keys: Duration::from_hours(1),
            stale: Duration::from_hours(24),
            pause: Duration::from_secs(30),
            clock_skew: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
            extra_root_certificates: Vec::new(),
            proxy_from_environment: true,
        }
    }
}

/// An issuer of OpenID Connect, found by its discovery document. It is contacted on first use.
///
/// Keys are cached in memory. An unknown key is fetched at once, but no more often than [`IssuerSettings::pause`]
/// allows, so that forged tokens cause few requests. Concurrent callers share one fetch.
pub struct Issuer {
    settings: IssuerSettings,
    discovery: Url,
    pub(super) fetch: Fetch,
    pub(super) clock: Arc<dyn Clock>,
    known: Mutex<Option<Arc<Known>>>,
    /// Held during a fetch. The time of the last fetch, successful or not.
    asking: tokio::sync::Mutex<Option<DateTime<Utc>>>,
}

/// The cached documents of an issuer.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) about: About,
    keys: Keys,
    at: DateTime<Utc>,
}

/// The used part of its discovery document.
#[derive(Debug, Deserialize)]
pub(super) struct About {
    issuer: String,
    jwks_uri: Url,
    pub(super) authorization_endpoint: Option<Url>,
    pub(super) token_endpoint: Option<Url>,
    #[serde(default)]
    pub(super) token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

impl Issuer {
    /// Checks the settings without contacting the issuer. The process must have installed a default `rustls` crypto
    /// provider.
    pub fn new(settings: IssuerSettings, clock: Arc<dyn Clock>) -> Result<Self, OpenIdError> {
        Ok(Self::prepare(settings)?(clock))
    }

    /// Checks the settings as [`Self::new`] does, and returns what makes the issuer.
    pub(super) fn prepare(
        settings: IssuerSettings,
    ) -> Result<impl FnOnce(Arc<dyn Clock>) -> Self + Send + Sync, OpenIdError> {
        let discovery = discovery_of(&settings.url)?;
        let fetch = Fetch::new(&settings)?;
        Ok(|clock| Self {
            discovery,
            fetch,
            settings,
            clock,
            known: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        })
    }

    /// Returns the host, with the port if the URL has one.
    pub fn host(&self) -> String {
        let host = self.discovery.host_str().unwrap_or_default();
        self.discovery.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Returns fresh documents of the issuer, fetched again if the key `key_id` is unknown.
    pub(super) async fn known(&self, key_id: Option<&str>) -> Result<Arc<Known>, AuthError> {
        if let Some(known) = self.kept().filter(|known| self.is_fresh(known) && known.keys.have(key_id)) {
            return Ok(known);
        }
        let mut asked = self.asking.lock().await;
        // The previous holder of the lock may have fetched what this caller needs.
        let kept = self.kept();
        if let Some(known) = kept.as_ref().filter(|known| self.is_fresh(known) && known.keys.have(key_id)) {
            return Ok(Arc::clone(known));
        }
        let now = self.clock.now();
        if asked.is_some_and(|at| within(now - at, self.settings.pause)) {
            return kept
                .filter(|known| self.is_usable(known))
                .ok_or_else(|| self.unavailable("it failed a moment ago, and is not asked again so soon"));
        }
        *asked = Some(now);
        match self.ask(now).await {
            Ok(known) => {
                let known = Arc::new(known);
                *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&known));
                Ok(known)
            }
            Err(error) => match kept.filter(|known| self.is_usable(known)) {
                Some(known) => {
                    tracing::warn!(issuer = %self, %error, "an issuer is unreachable; its cached keys stay in use");
                    Ok(known)
                }
                None => Err(self.unavailable(error)),
            },
        }
    }

    async fn ask(&self, now: DateTime<Utc>) -> Result<Known, BoxError> {
        let about: About = self.fetch.get(&self.discovery).await?;
        if about.issuer != self.settings.url {
            return Err(
                "its discovery document is of another issuer: write its URL as the document spells it".into(),
            );
        }
        let endpoints =
            [Some(&about.jwks_uri), about.authorization_endpoint.as_ref(), about.token_endpoint.as_ref()];
        if endpoints.into_iter().flatten().any(|url| !self.is_as_safe(url)) {
            return Err("its discovery document leads to addresses without TLS".into());
        }
        let keys: KeySet = self.fetch.get(&about.jwks_uri).await?;
        Ok(Known { about, keys: Keys::of(keys), at: now })
    }

    /// Returns whether a URL is at least as secure as the issuer's: an issuer with TLS cannot redirect to one
    /// without.
    fn is_as_safe(&self, url: &Url) -> bool {
        url.scheme() == "https" || (url.scheme() == "http" && self.discovery.scheme() == "http")
    }

    fn kept(&self) -> Option<Arc<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_fresh(&self, known: &Known) -> bool {
        within(self.clock.now() - known.at, self.settings.keys)
    }

    fn is_usable(&self, known: &Known) -> bool {
        within(self.clock.now() - known.at, self.settings.keys + self.settings.stale)
    }

    pub(super) fn unavailable(&self, source: impl Into<BoxError>) -> AuthError {
        AuthError::Unavailable { provider: self.to_string(), source: source.into() }
    }
}

#[async_trait]
impl TokenIssuer for Issuer {
    fn url(&self) -> &str {
        &self.settings.url
    }

    async fn verify(&self, token: &SecretString, audiences: &[String]) -> Result<Verified, AuthError> {
        let token = token.expose_secret();
        if issuer_of(token).as_deref() != Some(self.url()) {
            return Ok(Verified::NotMine);
        }
        let unverified = match Unverified::parse(token) {
            Ok(unverified) => unverified,
            Err(refusal) => return Ok(Verified::Refused(refusal)),
        };
        let known = self.known(unverified.key_id.as_deref()).await?;
        let skew = TimeDelta::from_std(self.settings.clock_skew).unwrap_or_default();
        let checked = known
            .keys
            .verify(&unverified)
            .and_then(|()| super::claims::check(unverified, audiences, self.clock.now(), skew));
        Ok(checked.map_or_else(Verified::Refused, Verified::Token))
    }
}

/// Returns whether an age is less than a time. A negative age, from a clock that was set back, is not.
fn within(age: TimeDelta, time: Duration) -> bool {
    age >= TimeDelta::zero() && age < TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX)
}

fn discovery_of(issuer: &str) -> Result<Url, OpenIdError> {
    let refused = |reason| Err(OpenIdError::Url { reason });
    let Ok(mut url) = Url::parse(issuer) else { return refused("is no URL: write it with https://") };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return refused("must begin with https:// or http:// and a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("holds a user name or password: leave them out");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refused("has a ? or a #, which no issuer's has");
    }
    url.set_path(&format!("{}/.well-known/openid-configuration", url.path().trim_end_matches('/')));
    Ok(url)
}

impl fmt::Display for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the issuer {}", self.settings.url)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Issuer").field("settings", &self.settings).finish_non_exhaustive()
    }
}
