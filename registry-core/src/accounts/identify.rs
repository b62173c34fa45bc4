use crate::accounts::profiles::whoami;
use crate::error::LoginError;
use std::net::IpAddr;
use std::sync::Arc;

use secrecy::SecretString;

use crate::Error;
use crate::accounts::Accounts;
use crate::auth::{Caller, Credential, Identified, PresentedCredential, Principal, TokenHash};

use super::abuse::Guessed;
use super::tokens::Identity;
use crate::events::CredentialRejection;

impl Accounts {
    pub(crate) async fn identify(
        &self,
        credential: Option<&Credential>,
        address: Option<IpAddr>,
    ) -> Result<Caller, Error> {
        self.identify_with_one_time_password(credential, address, None).await
    }

    pub(crate) async fn identify_with_one_time_password(
        &self,
        credential: Option<&Credential>,
        address: Option<IpAddr>,
        one_time_password: Option<SecretString>,
    ) -> Result<Caller, Error> {
        let anonymous = Caller { address, one_time_password, ..Caller::default() };
        self.identify_caller(credential, anonymous).await
    }

    /// Identifies the caller of a request that says of itself what `anonymous` has.
    pub(crate) async fn identify_caller(
        &self,
        credential: Option<&Credential>,
        anonymous: Caller,
    ) -> Result<Caller, Error> {
        let address = anonymous.address;
        match credential {
            None => Ok(anonymous),
            Some(bearer @ Credential::Bearer(secret)) => {
                let hash = TokenHash::of(secret);
                let remembered = self.parts.tokens.get(&hash);
                let is_first = remembered.is_none();
                let identity = match remembered {
                    Some(identity) => identity,
                    None => match self.identify_bearer(bearer, hash).await {
                        Err(Error::Login(LoginError::InvalidCredential)) => {
                            // Every token is unknown to a store that is not mounted.
                            self.parts.store.confirm_absence().await?;
                            self.emit_rejection(&anonymous, CredentialRejection::UnknownToken, None);
                            return Err(Error::Login(LoginError::InvalidCredential));
                        }
                        Err(error) => {
                            if error.is_name_of_another() {
                                self.emit_rejection(&anonymous, CredentialRejection::NameOfAnother, None);
                            }
                            return Err(error);
                        }
                        Ok(identity) => identity,
                    },
                };
                self.check_token_now(&identity, &anonymous)?;
                let Identity { principal, limits, memberships, signed_in_at } = identity;
                if is_first {
                    self.session_is_here(&principal.name, signed_in_at, address);
                }
                let shown = Some(PresentedCredential::Token(hash));
                Ok(Caller { principal: Some(principal), limits, memberships, shown, ..anonymous })
            }
            Some(basic @ Credential::Basic { name, password }) => {
                let attempt = self.begin_attempt(Guessed::Password, name, &anonymous, password).await?;
                let asked = match self.ask_providers(basic).await {
                    Err(Error::Login(LoginError::InvalidCredential)) => {
                        self.parts.store.confirm_absence().await?;
                        Err(Error::Login(LoginError::InvalidCredential))
                    }
                    asked => asked,
                };
                attempt.settle(&asked, |error| matches!(error, Error::Login(LoginError::InvalidCredential)));
                match &asked {
                    Err(Error::Login(LoginError::InvalidCredential)) => {
                        self.emit_rejection(&anonymous, CredentialRejection::WrongPassword, Some(name));
                    }
                    Err(error) if error.is_name_of_another() => {
                        self.emit_rejection(&anonymous, CredentialRejection::NameOfAnother, Some(name));
                    }
                    _ => {}
                }
                let (principal, memberships) = self.parts.memberships.with_memberships(asked?).await?;
                let (principal, shown) = (Some(Arc::new(principal)), Some(PresentedCredential::Password));
                let caller = Caller { principal, memberships, shown, ..anonymous };
                let account = whoami(&caller)?.to_owned();
                let caller = if self.needs_two_factor(&account).await? {
                    self.require_two_factor(&caller).await?
                } else {
                    caller
                };
                self.signed_in_here(&account, address);
                Ok(caller)
            }
        }
    }

    /// Rejects a token limited to networks if one of `addresses`, which may be the client's own, is outside of them.
    pub(crate) fn check_further_addresses(&self, caller: &Caller, addresses: &[IpAddr]) -> Result<(), Error> {
        let Some(limits) = &caller.limits else { return Ok(()) };
        if addresses.iter().all(|address| limits.permit_address(Some(*address))) {
            return Ok(());
        }
        self.emit_rejection(caller, CredentialRejection::TokenElsewhere, None);
        Err(Error::Login(LoginError::AddressNotPermitted))
    }

    /// Checks expiry and network on every request, also for cached tokens.
    fn check_token_now(&self, identity: &Identity, anonymous: &Caller) -> Result<(), Error> {
        let Some(limits) = &identity.limits else { return Ok(()) };
        // Reads the clock only for tokens that expire.
        let (refused, error) = if let Some(at) = limits.expires
            && limits.is_expired(self.parts.clock.now())
        {
            (CredentialRejection::ExpiredToken, Error::Login(LoginError::TokenExpired { at }))
        } else if limits.permit_address(anonymous.address) {
            return Ok(());
        } else {
            (CredentialRejection::TokenElsewhere, Error::Login(LoginError::AddressNotPermitted))
        };
        let holder = Caller { principal: Some(Arc::clone(&identity.principal)), ..anonymous.clone() };
        self.emit_rejection(&holder, refused, None);
        Err(error)
    }

    async fn identify_bearer(&self, bearer: &Credential, hash: TokenHash) -> Result<Identity, Error> {
        let (principal, limits, signed_in_at) = match self.holder_of_token(hash).await? {
            Some((principal, limits, signed_in_at)) => (principal, Some(limits), signed_in_at),
            None => (self.ask_providers(bearer).await?, None, None),
        };
        let (principal, memberships) = self.parts.memberships.with_memberships(principal).await?;
        let identity = Identity { principal: Arc::new(principal), limits, memberships, signed_in_at };
        self.parts.tokens.insert(hash, identity.clone());
        Ok(identity)
    }

    async fn ask_providers(&self, credential: &Credential) -> Result<Principal, Error> {
        for provider in &self.parts.providers {
            match provider.identify(credential).await? {
                Identified::Principal(principal) => return self.admit(provider.id(), principal).await,
                // A password that one provider rejects may be right at the provider that owns the name.
                Identified::Rejected if matches!(credential, Credential::Basic { .. }) => {}
                Identified::Rejected => return Err(Error::Login(LoginError::InvalidCredential)),
                Identified::NotMine => {}
            }
        }
        Err(Error::Login(LoginError::InvalidCredential))
    }
}
