use std::path::PathBuf;

use serde::Deserialize;

use super::Settings;

/// A source of principals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderName {
    /// Accounts in the storage, which `npm adduser` creates.
    Local,
    /// The file of `[htpasswd]`.
    Htpasswd,
    /// The issuer of `[openid]`.
    Openid,
    /// GitHub, as configured in `[github]`. Last, because it claims every password that no other provider recognizes.
    Github,
}

/// `[htpasswd]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HtpasswdSettings {
    /// The file.
    pub file: Option<PathBuf>,
}

/// `providers` conflicts with the rest of the configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProvidersError {
    /// A provider is listed twice.
    #[error("providers lists the same provider twice; each is asked once, so remove one")]
    Twice,
    /// htpasswd is listed but has no file.
    #[error("providers lists \"htpasswd\", and no file is named: write file = \"…\" under [htpasswd]")]
    NoHtpasswdFile,
    /// GitHub is listed but not configured.
    #[error(
        "providers lists \"github\", and signing in with GitHub is not configured: write a table [github]"
    )]
    NoGithub,
    /// OpenID Connect is listed but not configured.
    #[error("providers lists \"openid\", and no issuer is configured: write a table [openid]")]
    NoOpenId,
    /// htpasswd is configured but not listed.
    #[error(
        "[htpasswd] names a file that is never read: list \"htpasswd\" in providers, such as \
         providers = [\"local\", \"htpasswd\"]"
    )]
    HtpasswdNotListed,
    /// GitHub is listed but not configured.
    #[error(
        "signing in with GitHub is configured but not used: list \"github\" in providers, such as \
         providers = [\"local\", \"github\"]"
    )]
    GithubNotListed,
    /// OpenID Connect is listed but not configured.
    #[error(
        "signing in with OpenID Connect is configured but not used: list \"openid\" in providers, such as \
         providers = [\"local\", \"openid\"]"
    )]
    OpenIdNotListed,
}

impl Settings {
    /// The providers in the order in which they are asked.
    pub fn provider_order(&self) -> Vec<ProviderName> {
        let configured = || {
            let htpasswd = self.htpasswd.file.as_ref().map(|_| ProviderName::Htpasswd);
            let openid = self.openid.as_ref().map(|_| ProviderName::Openid);
            let github = self.github.as_ref().map(|_| ProviderName::Github);
            [Some(ProviderName::Local), htpasswd, openid, github].into_iter().flatten().collect()
        };
        self.providers.clone().unwrap_or_else(configured)
    }

    /// Rejects providers that are listed twice, listed without their configuration, or configured and not listed.
    pub fn check_providers(&self) -> Result<(), ProvidersError> {
        let listed = self.provider_order();
        let is_again = |at: usize| listed[..at].contains(&listed[at]);
        if (0..listed.len()).any(is_again) {
            return Err(ProvidersError::Twice);
        }
        match (listed.contains(&ProviderName::Htpasswd), self.htpasswd.file.is_some()) {
            (true, false) => return Err(ProvidersError::NoHtpasswdFile),
            (false, true) => return Err(ProvidersError::HtpasswdNotListed),
            (true, true) | (false, false) => {}
        }
        match (listed.contains(&ProviderName::Openid), self.openid.is_some()) {
            (true, false) => return Err(ProvidersError::NoOpenId),
            (false, true) => return Err(ProvidersError::OpenIdNotListed),
            (true, true) | (false, false) => {}
        }
        match (listed.contains(&ProviderName::Github), self.github.is_some()) {
            (true, false) => Err(ProvidersError::NoGithub),
            (false, true) => Err(ProvidersError::GithubNotListed),
            (true, true) | (false, false) => Ok(()),
        }
    }
}
