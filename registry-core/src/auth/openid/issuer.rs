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

/// Which issuer is believed, and for how long what it says of itself.
///
/// [`IssuerSettings::new`] fills in what fits; every field may then be changed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct IssuerSettings {
    /// What its tokens say in `iss`, byte for byte. Below it is `/.well-known/openid-configuration`.
    pub url: String,
    /// For how long its keys are believed before they are asked for again. Default 1 hour.
    pub keys: Duration,
    /// For how much longer while it is down. Default 24 hours.
    pub stale: Duration,
    /// The shortest time between two questions for keys, also for one that is not known. Default 30 seconds.
    pub pause: Duration,
    /// How far its clock may be from ours. Default 30 seconds.
    pub clock_skew: Duration,
    /// The longest that opening a connection may take. Default 5 seconds.
    pub connect_timeout: Duration,
    /// The longest that one answer may take. Default 10 seconds.
    pub request_timeout: Duration,
    /// Certificates to trust besides the system's own, each of them PEM with one or more.
    pub extra_root_certificates: Vec<Bytes>,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are followed. Default true.
    pub proxy_from_environment: bool,
}

impl IssuerSettings {
    /// The defaults, for the issuer that calls itself this.
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

/// An issuer of OpenID Connect, found by its discovery document. It is asked when it is needed, and not before.
///
/// Its keys are kept in memory. One that is not known is asked for at once, but no more often than
/// [`IssuerSettings::pause`] allows, so that forged tokens make no storm. Of many who wait for keys, one asks.
pub struct Issuer {
    settings: IssuerSettings,
    discovery: Url,
    pub(super) fetch: Fetch,
    pub(super) clock: Arc<dyn Clock>,
    known: Mutex<Option<Arc<Known>>>,
    /// Held by whoever asks. When it was asked last, whatever came of it.
    asking: tokio::sync::Mutex<Option<DateTime<Utc>>>,
}

/// What an issuer says of itself.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) about: About,
    keys: Keys,
    at: DateTime<Utc>,
}

/// Its discovery document, as far as it matters here.
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
    /// Checks the settings and asks nothing yet. The process must have installed a default `rustls` crypto provider.
    pub fn new(settings: IssuerSettings, clock: Arc<dyn Clock>) -> Result<Self, OpenIdError> {
        Ok(Self {
            discovery: discovery_of(&settings.url)?,
            fetch: Fetch::new(&settings)?,
            settings,
            clock,
            known: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        })
    }

    /// The host, and port where one is written.
    pub fn host(&self) -> String {
        let host = self.discovery.host_str().unwrap_or_default();
        self.discovery.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// What the issuer says of itself, young enough, and with the key of this name if it has one.
    pub(super) async fn known(&self, key_id: Option<&str>) -> Result<Arc<Known>, AuthError> {
        if let Some(known) = self.kept().filter(|known| self.is_fresh(known) && known.keys.have(key_id)) {
            return Ok(known);
        }
        let mut asked = self.asking.lock().await;
        // Whoever held the lock may have asked what this one was about to.
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
                    tracing::warn!(issuer = %self, %error, "an issuer cannot be asked; its last keys are believed on");
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

    /// Whoever is spoken to with TLS leads nobody astray to where there is none.
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

/// Whether an age is less than a time. One that lies ahead, because the clock was set back, is not.
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
