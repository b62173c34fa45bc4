use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::Sha256;
use url::Url;

use crate::changes::{ChangeSink, DeliveredChange};
use crate::clock::Clock;
use crate::events::EventError;
use crate::vocabulary::{BoxError, PackagePattern};

use super::message::message;
use super::post::{EventHead, SinkError, client, in_order_per_package, post};

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
/// The prefix of a secret in the Standard Webhooks format.
const SECRET_PREFIX: &str = "whsec_";
/// The sizes of a secret in bytes that the specification allows.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The settings of a [`Webhook`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WebhookSettings {
    /// Where changes are posted to.
    pub url: Url,
    /// What they are signed with.
    pub secret: WebhookSecret,
    /// The packages that it is for; empty for all, and for organizations too.
    pub packages: Vec<PackagePattern>,
    /// The kinds of events that it is for, such as `published`; empty for all.
    pub kinds: Vec<String>,
}

impl WebhookSettings {
    /// Settings for all changes.
    pub fn new(url: Url, secret: WebhookSecret) -> Self {
        Self { url, secret, packages: Vec::new(), kinds: Vec::new() }
    }
}

/// The key that a webhook is signed with.
#[derive(Debug, Clone)]
pub struct WebhookSecret(SecretSlice<u8>);

/// The text is not a secret of the Standard Webhooks format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a webhook's secret is `whsec_` and 24 to 64 bytes in base64: make one with `openssl rand -base64 32`"
)]
pub struct WebhookSecretError;

impl FromStr for WebhookSecret {
    type Err = WebhookSecretError;

    /// Parses `whsec_` and base64, or the base64 alone.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let encoded = text.strip_prefix(SECRET_PREFIX).unwrap_or(text);
        let key = STANDARD.decode(encoded).map_err(|_| WebhookSecretError)?;
        if SECRET_BYTES.contains(&key.len()) { Ok(Self(key.into())) } else { Err(WebhookSecretError) }
    }
}

impl WebhookSecret {
    /// Returns the value of `webhook-signature` for a message.
    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Result<String, BoxError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret())?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

/// Posts each change to a URL, signed as the [Standard Webhooks](https://www.standardwebhooks.com) specification says.
///
/// The body is `{"type": "package.published", "timestamp": …, "data": …}`, where `type` is the kind of the event after
/// `package.` or `organization.`, and `data` the [event](crate::events::Event) with its number in the change feed as
/// `seq`. `webhook-id` is the id of the event: the same for each attempt. Redirects are not followed.
#[derive(Debug)]
pub struct Webhook {
    settings: WebhookSettings,
    client: Client,
    clock: Arc<dyn Clock>,
}

impl Webhook {
    /// Creates the sink. The process must have installed a default `rustls` crypto provider.
    pub fn new(settings: WebhookSettings, clock: Arc<dyn Clock>) -> Result<Self, SinkError> {
        Ok(Self { settings, client: client()?, clock })
    }

    fn is_for(&self, head: &EventHead) -> bool {
        let WebhookSettings { packages, kinds, .. } = &self.settings;
        let is_its_package = || {
            let name = head.package.as_deref();
            name.is_some_and(|name| packages.iter().any(|pattern| pattern.matches(name)))
        };
        (kinds.is_empty() || kinds.contains(&head.kind)) && (packages.is_empty() || is_its_package())
    }

    async fn send(&self, change: &DeliveredChange, head: EventHead) -> Result<(), BoxError> {
        if !self.is_for(&head) {
            return Ok(());
        }
        let body = message(change, &head)?;
        let timestamp = self.clock.now().timestamp();
        let signature = self.settings.secret.sign(&change.id, timestamp, body.as_bytes())?;
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (ID, HeaderValue::from_str(&change.id)?),
            (TIMESTAMP, HeaderValue::from(timestamp)),
            (SIGNATURE, HeaderValue::from_str(&signature)?),
        ]);
        post(&self.client, &self.settings.url, headers, body.into()).await
    }
}

#[async_trait]
impl ChangeSink for Webhook {
    async fn deliver(&self, changes: &[DeliveredChange]) -> Result<(), EventError> {
        let sent = in_order_per_package(changes, |change, head| self.send(change, head)).await;
        sent.map_err(|source| EventError { sink: self.to_string(), source })
    }
}

impl fmt::Display for Webhook {
    /// The URL may contain a secret, so only its host is shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the webhook at {}", self.settings.url.host_str().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_specification_says() {
        // The example of the specification.
        let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signature =
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_short_secret_is_none() {
        for text in ["", "whsec_", "whsec_c2hvcnQ=", "not base64"] {
            assert!(text.parse::<WebhookSecret>().is_err(), "{text}");
        }
    }
}
