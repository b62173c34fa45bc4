//! Makes the issuers that are believed about builds.

use registry_core::accounts::TrustedPublishing;

use crate::settings::TrustedPublishingSettings;

/// Nobody, for this build cannot check what issuers sign.
#[cfg(not(feature = "openid"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature it may fail")]
pub(crate) fn open(_: &TrustedPublishingSettings) -> anyhow::Result<TrustedPublishing> {
    Ok(TrustedPublishing::default())
}

/// Trusted publishing as it is configured. Nobody is asked yet.
#[cfg(feature = "openid")]
pub(crate) fn open(settings: &TrustedPublishingSettings) -> anyhow::Result<TrustedPublishing> {
    use std::sync::Arc;
    use std::time::Duration;

    use anyhow::Context as _;
    use registry_core::accounts::TrustedIssuer;
    use registry_core::auth::openid::{Issuer, IssuerSettings};
    use registry_core::clock::SystemClock;

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
            anyhow::bail!("[[trusted_publishing.issuers]]: {name}, or its URL, is there twice; remove one");
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

#[cfg(test)]
#[cfg(feature = "openid")]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn builds_of_pull_requests_publish_only_where_the_settings_let_them() {
        registry_testkit::install_tls_provider();
        let lets = |more: &str| {
            let table = "[[trusted_publishing.issuers]]\nname = \"github\"\nkind = \"github\"\nurl = \"https://issuer.example\"";
            let settings = Settings::from_toml(&format!("{table}\n{more}")).unwrap();
            let publishing = open(&settings.trusted_publishing).unwrap();
            publishing.issuers.iter().map(|issuer| issuer.pull_requests).collect::<Vec<_>>()
        };
        assert_eq!(lets(""), [false]);
        assert_eq!(lets("pull_requests = true"), [true]);
    }
}
