//! Opens the trusted issuers of builds.

use crate::accounts::TrustedPublishing;

use crate::settings::{SettingsError, TrustedPublishingSettings};

/// Returns no issuers: this build cannot verify their signatures.
#[cfg(not(feature = "openid"))]
pub fn open_trusted_publishing(_: &TrustedPublishingSettings) -> Result<TrustedPublishing, SettingsError> {
    Ok(TrustedPublishing::default())
}

/// Returns trusted publishing as configured. Sends no request yet.
#[cfg(feature = "openid")]
pub fn open_trusted_publishing(
    settings: &TrustedPublishingSettings,
) -> Result<TrustedPublishing, SettingsError> {
    use std::sync::Arc;
    use std::time::Duration;

    use crate::accounts::TrustedIssuer;
    use crate::auth::openid::{Issuer, IssuerSettings};
    use crate::clock::SystemClock;
    use crate::settings::error::Context as _;

    super::install_tls_provider();
    let mut publishing = TrustedPublishing {
        token_lifetime: Duration::from_mins(settings.token_minutes.get().into()),
        audiences: settings.audiences.clone(),
        ..TrustedPublishing::default()
    };
    if !settings.enabled {
        return Ok(publishing);
    }
    for table in &settings.issuers {
        let name = table.name.clone();
        let is_again = |known: &TrustedIssuer| known.name == name || known.issuer.url() == table.url.as_str();
        if publishing.issuers.iter().any(is_again) {
            return Err(SettingsError::new(format!(
                "[[trusted_publishing.issuers]]: {name}, or its URL, is there twice; remove one"
            )));
        }
        let mut issuer = IssuerSettings::new(table.url.as_str());
        for file in &table.certificate_files {
            let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            issuer.extra_root_certificates.push(pem.into());
        }
        let issuer = Issuer::new(issuer, Arc::new(SystemClock));
        let issuer = issuer.with_context(|| format!("[[trusted_publishing.issuers]]: {name}"))?;
        publishing.issuers.push(TrustedIssuer {
            name,
            kind: table.kind,
            issuer: Arc::new(issuer),
            pull_requests: table.pull_requests,
        });
    }
    Ok(publishing)
}
