use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};
use url::Url;

use super::member::{Member, Unnamed};
use super::web_login::WebLoginState;
use super::{Issuer, OpenIdError, OpenIdSettings};
use crate::auth::external_identity::{MakeProvider, Records, Remembered};
use crate::auth::{
    AuthError, AuthProvider, Credential, Identified, Profile, ProfileDetails, TokenIssuer as _, Verified,
    WebLogin,
};
use crate::clock::Clock;
use crate::randomness::Randomness;
use crate::storage::BlobStore;
use crate::vocabulary::is_usual_name;

const UNVERIFIED: &str = "your email address is your name here, and your provider has not verified it: \
                          verify it there, then sign in again, or ask the registry's operator to set \
                          trust_unverified_email under [openid]";

/// Accounts of one issuer of OpenID Connect, which sign in with the browser.
///
/// - It accepts no passwords, and cannot revoke what the issuer signed.
/// - For each admitted account, the store holds name, subject and groups, and no token. These records answer for
///   tokens of the registry, for [`OpenIdSettings::membership`] after the last sign-in.
/// - A name belongs to the subject that first used it here, even if another account takes the name over at the
///   issuer. To admit the new account, remove `_accounts/openid/NAME.json` and `_names/NAME.json` from the store.
pub struct OpenId {
    settings: OpenIdSettings,
    issuer: Issuer,
    records: Records<Member>,
    randomness: Arc<dyn Randomness>,
}

impl OpenId {
    /// Checks the settings without contacting the issuer. The process must have installed a default `rustls` crypto
    /// provider.
    pub fn new(
        settings: OpenIdSettings,
        store: Arc<dyn BlobStore>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, OpenIdError> {
        Ok(Self::prepare(settings)?(store, clock, randomness))
    }

    /// Checks the settings as [`Self::new`] does, and returns what makes the provider.
    pub(crate) fn prepare(settings: OpenIdSettings) -> Result<MakeProvider<Self>, OpenIdError> {
        settings.check()?;
        let issuer = Issuer::prepare(settings.issuer.clone())?;
        Ok(Box::new(|store, clock, randomness| Self {
            issuer: issuer(Arc::clone(&clock)),
            records: Records::new(store, clock, Arc::clone(&randomness), settings.membership),
            randomness,
            settings,
        }))
    }

    /// Stores the account of a valid token, for later use of its registry tokens, and returns its principal.
    async fn let_in(&self, claims: &Map<String, Value>) -> Result<Identified, AuthError> {
        let member = match Member::of(claims, &self.settings) {
            Ok(member) => member,
            Err(Unnamed::NoName) => {
                let claim = &self.settings.name_claim;
                tracing::warn!(issuer = %self.issuer, claim, "a token has no valid name in this claim");
                return Ok(Identified::Rejected);
            }
            Err(Unnamed::UnverifiedEmail) => {
                tracing::warn!(issuer = %self.issuer, "an email address is not verified, so it is rejected as a name");
                return Err(AuthError::Unacceptable { reason: UNVERIFIED.into() });
            }
        };
        match self.records.keep(&member).await.map_err(|error| self.issuer.unavailable(error))? {
            Remembered::Kept => Ok(Identified::Principal(member.principal(&self.settings))),
            Remembered::NameOfAnother => {
                tracing::warn!(issuer = %self.issuer, "a name at an issuer now belongs to another account");
                Ok(Identified::Rejected)
            }
        }
    }
}

#[async_trait]
impl AuthProvider for OpenId {
    fn id(&self) -> &'static str {
        "openid"
    }

    async fn identify(&self, credential: &Credential) -> Result<Identified, AuthError> {
        let (Credential::Bearer(token), Some(audience)) = (credential, &self.settings.audience) else {
            return Ok(Identified::NotMine);
        };
        match self.issuer.verify(token, std::slice::from_ref(audience)).await? {
            Verified::Token(token) => self.let_in(&token.claims).await,
            Verified::Refused(_) => Ok(Identified::Rejected),
            Verified::NotMine => Ok(Identified::NotMine),
        }
    }

    async fn look_up(&self, name: &str) -> Result<Option<Profile>, AuthError> {
        if !is_usual_name(name) {
            return Ok(None);
        }
        let member = self.records.find(name).await.map_err(|error| self.issuer.unavailable(error))?;
        Ok(member.filter(|member| member.is_of(&self.settings)).map(|member| {
            let principal = member.principal(&self.settings);
            Profile { email: principal.email.clone(), principal, details: ProfileDetails::default() }
        }))
    }

    async fn has_name(&self, name: &str) -> Result<bool, AuthError> {
        if !is_usual_name(name) {
            return Ok(false);
        }
        self.records.had_name(name).await.map_err(|error| self.issuer.unavailable(error))
    }

    async fn start_web_login(&self, callback: &Url) -> Result<Option<WebLogin>, AuthError> {
        let known = self.issuer.known(None).await?;
        let Some(page) = &known.about.authorization_endpoint else {
            return Err(self.issuer.unavailable("its discovery document names no page to sign in"));
        };
        let state = WebLoginState::new(callback, &*self.randomness);
        let kept = serde_json::to_string(&state).map_err(|error| self.issuer.unavailable(error))?;
        Ok(Some(WebLogin { url: state.page(page, &self.settings), state: kept }))
    }

    async fn finish_web_login(&self, state: &str, query: &str) -> Result<Identified, AuthError> {
        let Ok(state) = serde_json::from_str::<WebLoginState>(state) else { return Ok(Identified::Rejected) };
        match state.end(query, &self.issuer, &self.settings).await? {
            Some(claims) => self.let_in(&claims).await,
            None => Ok(Identified::Rejected),
        }
    }
}

impl fmt::Display for OpenId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "OpenID Connect at {}", self.issuer.host())
    }
}

impl fmt::Debug for OpenId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OpenId").field("settings", &self.settings).finish_non_exhaustive()
    }
}
