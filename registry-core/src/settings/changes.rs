use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

#[cfg(feature = "webhooks")]
use crate::changes::DeliverySettings;
use crate::changes::{ChangeFeedSettings, TopicArn};
use crate::events::EventKind;
use crate::vocabulary::PackagePattern;

use super::{Settings, SettingsError};

/// `[changes]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChangesSection {
    /// Whether the registry keeps a change feed.
    pub feed: bool,
    /// For how many days a change is kept in it.
    pub keep_days: NonZeroU32,
}

impl Default for ChangesSection {
    fn default() -> Self {
        Self { feed: true, keep_days: NonZeroU32::new(30).unwrap_or(NonZeroU32::MIN) }
    }
}

impl ChangesSection {
    /// Converts the section to the library's settings; `None` if there is no feed.
    pub fn to_settings(&self) -> Option<ChangeFeedSettings> {
        let keep = Duration::from_hours(u64::from(self.keep_days.get()) * 24);
        self.feed.then_some(ChangeFeedSettings { keep, ..ChangeFeedSettings::default() })
    }
}

/// Where changes are posted to: `http` or `https`, without credentials.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SinkUrl(Url);

/// Why a text is not a URL that changes can be posted to. Omits the text, which may contain a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the URL is not one that changes can be posted to: write https://HOST/PATH, without a password")]
pub struct SinkUrlError;

impl SinkUrl {
    /// The URL.
    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

impl TryFrom<String> for SinkUrl {
    type Error = SinkUrlError;

    fn try_from(text: String) -> Result<Self, SinkUrlError> {
        let url = Url::parse(&text).map_err(|_| SinkUrlError)?;
        let is_plain = url.username().is_empty() && url.password().is_none() && url.host_str().is_some();
        if is_plain && matches!(url.scheme(), "http" | "https") { Ok(Self(url)) } else { Err(SinkUrlError) }
    }
}

/// `[webhooks.NAME]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookTable {
    /// Where changes are posted to.
    pub url: SinkUrl,
    /// The variable with the secret that they are signed with.
    pub secret_env: Option<String>,
    /// The file with that secret.
    pub secret_file: Option<PathBuf>,
    /// The packages that it is for; empty for all.
    #[serde(default)]
    pub packages: Vec<PackagePattern>,
    /// The kinds of events that it is for; empty for all.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// After how many hours a change that is not accepted is given up; `None` for never.
    pub give_up_hours: Option<NonZeroU32>,
}

/// `[sns.NAME]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnsTable {
    /// The topic that changes are published to.
    pub topic_arn: TopicArn,
    /// Where SNS listens; `None` for the public endpoint of the topic's region.
    pub endpoint: Option<SinkUrl>,
    /// After how many hours a change that is not accepted is given up; `None` for never.
    pub give_up_hours: Option<NonZeroU32>,
}

/// `[hooks]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HooksTable {
    /// The variable with the key that the secrets of hooks are encrypted with.
    pub key_env: Option<String>,
    /// The file with that key.
    pub key_file: Option<PathBuf>,
    /// Whether an endpoint may be at an address of a private network or of this machine.
    #[serde(default)]
    pub allow_private_addresses: bool,
    /// The most hooks of an account; `None` for 100.
    pub per_account: Option<NonZeroU32>,
    /// After how many hours a change that is not accepted is given up; `None` for 24.
    pub give_up_hours: Option<NonZeroU32>,
}

/// `[codebox_log]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeboxLogTable {
    /// Where events are posted to.
    pub url: SinkUrl,
    /// `clientId` of the deployment.
    pub client_id: String,
    /// The variable with its `secret`.
    #[serde(default = "secret")]
    pub secret_env: String,
    /// Its `logTopic`.
    pub log_topic: Option<String>,
    /// After how many hours a change that is not accepted is given up; `None` for never.
    pub give_up_hours: Option<NonZeroU32>,
}

fn secret() -> String {
    "secret".to_owned()
}

/// Returns how changes are delivered to a sink that gives up after so many hours.
#[cfg(feature = "webhooks")]
pub(super) fn delivery(give_up_hours: Option<NonZeroU32>) -> DeliverySettings {
    let give_up_after = give_up_hours.map(|hours| Duration::from_hours(hours.get().into()));
    DeliverySettings { give_up_after, ..DeliverySettings::default() }
}

impl Settings {
    /// Turns the change feed and all its sinks off, for commands that only read: both write in the background.
    pub fn turn_changes_off(&mut self) {
        self.changes.feed = false;
        self.webhooks.clear();
        self.sns.clear();
        self.hooks = None;
        self.codebox_log = None;
    }
}

/// Checks what does not depend on files and variables.
pub(super) fn check(settings: &Settings) -> Result<(), SettingsError> {
    let Settings { changes, webhooks, sns, hooks, codebox_log, public_url, .. } = settings;
    let sinks = webhooks.keys().map(|name| format!("[webhooks.{name}]"));
    let sinks = sinks.chain(sns.keys().map(|name| format!("[sns.{name}]")));
    let sinks = sinks.chain(hooks.as_ref().map(|_| "[hooks]".to_owned()));
    let mut sinks = sinks.chain(codebox_log.as_ref().map(|_| "[codebox_log]".to_owned()));
    if let Some(sink) = sinks.next().filter(|_| !changes.feed) {
        return Err(SettingsError::new(format!(
            "{sink} needs the change feed, which [changes] turns off: remove `feed = false`, or the sink"
        )));
    }
    if let Some(HooksTable { key_env, key_file, .. }) = hooks {
        if key_env.is_some() == key_file.is_some() {
            return Err(SettingsError::new(
                "[hooks]: name the key that secrets are encrypted with, in either key_env or key_file; make one with \
                 `openssl rand -base64 32`",
            ));
        }
        if public_url.is_none() {
            return Err(SettingsError::new(
                "[hooks]: set public_url, because what is posted contains URLs of this registry",
            ));
        }
    }
    for (name, WebhookTable { kinds, secret_env, secret_file, .. }) in webhooks {
        if let Some(unknown) = kinds.iter().find(|kind| !EventKind::NAMES.contains(&kind.as_str())) {
            return Err(SettingsError::new(format!(
                "[webhooks.{name}]: there is no kind `{unknown}` of events: see `registry-server log --help`"
            )));
        }
        if secret_env.is_some() == secret_file.is_some() {
            return Err(SettingsError::new(format!(
                "[webhooks.{name}]: name the secret that it is signed with, in either secret_env or secret_file"
            )));
        }
    }
    Ok(())
}
