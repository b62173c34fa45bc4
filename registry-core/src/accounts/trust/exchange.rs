use std::collections::BTreeMap;

use chrono::TimeDelta;
use secrecy::SecretString;
use url::{Host, Url};

use crate::Error;
use crate::access::PackagePattern;
use crate::accounts::Accounts;
use crate::accounts::tokens::NewToken;
use crate::auth::{Caller, IdToken, TokenHash, TokenKind, TokenLimits, TrustedPublisher, Verified};
use crate::concurrency::detached;
use crate::domain::PackageName;
use crate::domain::trust::TrustClaims;
use crate::error::TrustError;
use crate::events::EventKind;

use super::{ExchangedToken, Trust, TrustedIssuer};

/// The longest lifetime of a build's token.
const LONGEST: TimeDelta = TimeDelta::hours(1);

/// Why a build is rejected: the full reason for the event, and a less detailed error for the build.
struct ExchangeRejection {
    reason: String,
    claims: BTreeMap<String, String>,
    error: Error,
}

impl Accounts {
    pub(crate) async fn exchange_id_token(
        &self,
        caller: &Caller,
        name: &PackageName,
        token: &SecretString,
        base_url: &str,
    ) -> Result<ExchangedToken, Error> {
        let (accounts, caller, name) =
            (self.with_access_snapshot(), caller.without_credentials(), name.clone());
        let (token, audiences) = (token.clone(), accounts.audiences(base_url));
        detached(async move {
            match accounts.exchange(&caller, &name, &token, &audiences?).await? {
                Ok(made) => Ok(made),
                Err(ExchangeRejection { reason, claims, error }) => {
                    accounts.emit_id_token_rejection(&caller, &name, reason, claims);
                    Err(error)
                }
            }
        })
        .await
    }

    async fn exchange(
        &self,
        caller: &Caller,
        name: &PackageName,
        token: &SecretString,
        audiences: &[String],
    ) -> Result<Result<ExchangedToken, ExchangeRejection>, Error> {
        let (issuer, token) = match self.verify_id_token(token, audiences).await? {
            Ok(verified) => verified,
            Err(reason) => return Ok(Err(ExchangeRejection::bad(reason, BTreeMap::new()))),
        };
        if let Some(doubt) = issuer.kind.pull_request(&token.claims).filter(|_| !issuer.pull_requests) {
            let reason = format!(
                "it may be of a pull request, which any user can open ({doubt}): publish from a branch or a \
                 tag, or ask the registry's operator to allow pull requests of {}",
                issuer.name
            );
            return Ok(Err(ExchangeRejection::bad(reason, BTreeMap::new())));
        }
        let identity = issuer.kind.identity(&token.claims);
        let stored = self.stored_trusts(name).await?;
        let (trust, claims) = match trusted(stored.trusts, issuer, &token) {
            Ok(trusted) => trusted,
            Err(reason) => return Ok(Err(ExchangeRejection::not_trusted(name, &token, reason))),
        };
        let told = claims.told(&token.claims);
        if let Err(reason) = trust.refuse_another_repository(&identity) {
            return Ok(Err(ExchangeRejection::not_trusted(name, &token, reason)));
        }
        let Some(principal) = self.truster(name, &trust).await? else {
            let reason = format!("{} may no longer publish the package", trust.by.account);
            return Ok(Err(ExchangeRejection::not_trusted(name, &token, reason)));
        };
        if let Err(reason) = self.pin_trust(name, &trust.id, &identity).await? {
            return Ok(Err(ExchangeRejection::not_trusted(name, &token, reason)));
        }
        let Some(usage) = self.begin_use(issuer.issuer.url(), &token, name).await? else {
            let reason = "it was already exchanged for this package: request a new one".to_owned();
            return Ok(Err(ExchangeRejection::bad(reason, told)));
        };
        let created = self.parts.clock.now();
        let lifetime =
            TimeDelta::from_std(self.parts.settings.trusted_publishing.token_lifetime).unwrap_or(LONGEST);
        let expires = created + lifetime.min(LONGEST);
        let pattern = PackagePattern::parse(name.as_str()).map_err(|error| Error::Internal(error.into()))?;
        let limits = TokenLimits {
            kind: TokenKind::TrustedPublishing,
            expires: Some(expires),
            permission: trust.permission(),
            packages: Some(vec![pattern]),
            bypass_two_factor: true,
            publisher: Some(TrustedPublisher {
                trust: trust.id.clone(),
                issuer_name: issuer.name.clone(),
                issuer: issuer.issuer.url().to_owned(),
                claims: told.clone(),
            }),
            ..TokenLimits::default()
        };
        let new = NewToken { holder: trust.holder(), name: None, description: None, limits };
        let token = self.issue_token(new).await?;
        self.end_use(&usage, TokenHash::of(&token)).await?;
        self.sweep_used(created).await;
        let issuer = issuer.name.clone();
        let told = EventKind::IdTokenExchanged {
            trust: trust.id,
            on_behalf_of: principal.name,
            issuer,
            claims: told,
            expires,
        };
        self.authorization.emit(caller, Some(name), told);
        Ok(Ok(ExchangedToken { token, created, expires }))
    }

    async fn verify_id_token(
        &self,
        token: &SecretString,
        audiences: &[String],
    ) -> Result<Result<(&TrustedIssuer, IdToken), String>, Error> {
        for issuer in &self.parts.settings.trusted_publishing.issuers {
            match issuer.issuer.verify(token, audiences).await? {
                Verified::Token(token) => return Ok(Ok((issuer, token))),
                Verified::Refused(refusal) => return Ok(Err(refusal.to_string())),
                Verified::NotMine => {}
            }
        }
        Ok(Err("this registry does not trust its issuer; ask the registry's operator to add it".to_owned()))
    }

    /// Returns the accepted audiences of identity tokens. A thief of a token for another registry could send any
    /// `Host`, so only the public URL and local addresses are trusted.
    fn audiences(&self, base_url: &str) -> Result<Vec<String>, Error> {
        let url = Url::parse(base_url).map_err(|error| Error::Internal(error.into()))?;
        let is_local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let mut audiences = self.parts.settings.trusted_publishing.audiences.clone();
        if self.parts.settings.public_url.is_some() || is_local {
            let host = url.host_str().unwrap_or_default();
            audiences.push(format!("npm:{host}"));
            // yarn requests a token for the host with its port.
            if let Some(port) = url.port() {
                audiences.push(format!("npm:{host}:{port}"));
            }
        }
        if audiences.is_empty() {
            return Err(Error::Trust(TrustError::IdToken {
                reason:
                    "this registry does not know its public host name: ask its operator to set public_url"
                        .into(),
            }));
        }
        Ok(audiences)
    }
}

/// Returns the trust that matches the build.
fn trusted(
    trusts: Vec<Trust>,
    issuer: &TrustedIssuer,
    token: &IdToken,
) -> Result<(Trust, TrustClaims), String> {
    let host = Url::parse(issuer.issuer.url()).ok();
    let host = host.as_ref().and_then(|url| {
        let host = url.host_str()?;
        Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    });
    let mut reason = "the package trusts no builds".to_owned();
    for trust in trusts {
        if trust.issuer != issuer.name {
            reason = format!("the package trusts builds of {}", trust.issuer);
            continue;
        }
        // The settings may have changed since the trust was stored.
        let claims = TrustClaims::parse(issuer.kind, &trust.claims).map_err(|error| error.to_string())?;
        match claims.mismatch(&token.claims, host.as_deref().unwrap_or_default()) {
            None => return Ok((trust, claims)),
            Some(claim) => reason = format!("the claim {claim} is not that of the trusted build"),
        }
    }
    Err(reason)
}

impl ExchangeRejection {
    /// The token is invalid, independent of any package.
    fn bad(reason: String, claims: BTreeMap<String, String>) -> Self {
        Self { error: Error::Trust(TrustError::IdToken { reason: reason.clone() }), reason, claims }
    }

    /// The build learns what its own token says, and nothing about the package.
    fn not_trusted(name: &PackageName, token: &IdToken, reason: String) -> Self {
        let shown = ["repository", "workflow_ref", "project_path", "ci_config_ref_uri", "environment", "ref"];
        let said = shown.into_iter().filter_map(|claim| {
            let text = token.claims.get(claim)?.as_str()?;
            Some((claim.to_owned(), text[..text.floor_char_boundary(255)].to_owned()))
        });
        let claims: BTreeMap<_, _> = said.collect();
        let build: Vec<_> =
            claims.iter().map(|(claim, text)| format!("{claim} {}", text.escape_debug())).collect();
        let build = if build.is_empty() { "none is named in its token".to_owned() } else { build.join(", ") };
        Self { reason, claims, error: Error::Trust(TrustError::NotTrusted { name: name.clone(), build }) }
    }
}
