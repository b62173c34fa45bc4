use crate::Error;
use crate::access::{Action, Verdict};
use crate::accounts::Accounts;
use crate::accounts::tokens::TokenHolder;
use crate::auth::{Principal, TokenKind, TokenLimits};
use crate::domain::PackageName;
use crate::domain::packument::Packument;

use super::Trust;

impl Accounts {
    /// Returns whether the trust of a token still exists. Always true for tokens of other kinds.
    pub(crate) async fn is_still_trusted(&self, limits: &TokenLimits) -> Result<bool, Error> {
        if limits.kind != TokenKind::TrustedPublishing {
            return Ok(true);
        }
        let package = limits.packages.as_ref().and_then(|packages| packages.first());
        let name = package.and_then(|pattern| PackageName::parse(pattern.as_str()).ok());
        let (Some(name), Some(publisher)) = (name, &limits.publisher) else { return Ok(false) };
        let stored = self.stored_trusts(&name).await?;
        Ok(stored.trusts.iter().any(|trust| trust.id == publisher.trust))
    }

    /// Returns the account that trusts the builds, if it may still publish the package itself.
    pub(super) async fn truster(
        &self,
        name: &PackageName,
        trust: &Trust,
    ) -> Result<Option<Principal>, Error> {
        let Some(principal) = self.account_now(&trust.holder(), trust.created).await? else {
            return Ok(None);
        };
        if !self.authorization.access().origin(name).hosted {
            return Ok(None);
        }
        let verdict = self.authorization.access().decide(Action::Publish, Some(&principal), name).verdict;
        let Some(index) = self.catalog().read_packument(name).await? else { return Ok(None) };
        let packument = Packument::parse(name, &index.blob.bytes)?;
        let may = match verdict {
            Verdict::Denied => false,
            Verdict::AllowedToOwners => packument.is_owned_by(&principal.name),
            Verdict::Allowed => true,
        };
        Ok((may && !packument.versions.is_empty()).then_some(principal))
    }
}

impl Trust {
    pub(super) fn holder(&self) -> TokenHolder {
        TokenHolder::Account { provider: self.by.provider.clone(), account: self.by.account.clone() }
    }
}
