use std::net::IpAddr;
use std::sync::Arc;

use crate::auth::{Caller, Credential, Identified, Principal};
use crate::{Error, Registry};

use super::tokens::TokenHash;

impl Registry {
    /// Finds out who shows this credential. No credential is an anonymous caller; a bad one is an error.
    pub async fn identify(
        &self,
        credential: Option<&Credential>,
        address: Option<IpAddr>,
    ) -> Result<Caller, Error> {
        let principal = match credential {
            None => None,
            Some(bearer @ Credential::Bearer(secret)) => {
                let hash = TokenHash::of(secret);
                match self.parts.tokens.get(&hash) {
                    Some(principal) => Some(principal),
                    None => Some(self.identify_bearer(bearer, hash).await?),
                }
            }
            Some(basic @ Credential::Basic { .. }) => Some(Arc::new(self.ask_providers(basic).await?)),
        };
        Ok(Caller { principal, address })
    }

    async fn identify_bearer(&self, bearer: &Credential, hash: TokenHash) -> Result<Arc<Principal>, Error> {
        let principal = Arc::new(match self.principal_of_token(hash).await? {
            Some(principal) => principal,
            None => self.ask_providers(bearer).await?,
        });
        self.parts.tokens.insert(hash, Arc::clone(&principal));
        Ok(principal)
    }

    async fn ask_providers(&self, credential: &Credential) -> Result<Principal, Error> {
        for provider in &self.parts.providers {
            match provider.identify(credential).await? {
                Identified::Principal(principal) => return Ok(principal),
                Identified::Rejected => return Err(Error::InvalidCredential),
                Identified::NotMine => {}
            }
        }
        Err(Error::InvalidCredential)
    }
}
