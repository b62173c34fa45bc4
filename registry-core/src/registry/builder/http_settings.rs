use std::sync::Arc;

use url::Url;

use super::RegistryBuilder;
use crate::accounts::AccountSettings;
use crate::packages::known_bases::KnownBases;
use crate::registry::HttpSettings;
#[cfg(feature = "web")]
use crate::web::{WebParts, WebSettings};

impl RegistryBuilder {
    /// Sets how the web pages look, and whether there are any. Default: there are, without a logo.
    #[cfg(feature = "web")]
    pub fn web(self, web: WebSettings) -> Self {
        Self { web, ..self }
    }

    /// Returns the origin of the URL at which clients reach the registry.
    pub(super) fn own_origin(&self) -> Option<String> {
        let url = self.public_url.as_deref().and_then(|url| Url::parse(url).ok());
        url.map(|url| url.origin().ascii_serialization())
    }

    pub(super) fn take_account_settings(&mut self) -> AccountSettings {
        AccountSettings {
            public_url: self.public_url.clone(),
            token_lifetimes: self.token_lifetimes,
            trusted_publishing: std::mem::take(&mut self.trusted_publishing),
        }
    }

    pub(super) fn http_settings(&self) -> HttpSettings {
        HttpSettings {
            limits: self.limits,
            randomness: Arc::clone(&self.randomness),
            public_url: self.public_url.clone(),
            path_prefix: self.path_prefix.clone(),
            mounted_at: self.mounted_at.clone(),
            legacy_prefixes: self.legacy_prefixes.clone(),
            bases: KnownBases::new(self.clock.now()),
            clock: Arc::clone(&self.clock),
            publish_elsewhere: self.publish_elsewhere.clone(),
            #[cfg(feature = "web")]
            web: WebParts::new(self.web.clone()),
        }
    }
}

/// Returns the path with one leading slash and no trailing one, or nothing for the root.
pub(super) fn normalize_prefix(path: &str) -> String {
    let trimmed = path.trim_matches('/');
    if trimmed.is_empty() { String::new() } else { format!("/{trimmed}") }
}
