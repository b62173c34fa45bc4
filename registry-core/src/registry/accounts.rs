use std::net::IpAddr;

use secrecy::SecretString;

use crate::accounts::whoami;
use crate::accounts::{
    ExchangedToken, LoginAnswer, MadeToken, NewToken, OwnProfile, TokenInfo, TokenOptions, TokenRequest,
    Trust, TrustRequest, TwoFactorChanged, TwoFactorMode,
};
use crate::auth::{AccountChange, Caller, PasswordLogin, Profile};
use crate::domain::PackageName;
use crate::vocabulary::Credential;
use crate::{Error, Registry};

impl Registry {
    /// Returns the caller's own account.
    pub async fn own_profile(&self, caller: &Caller) -> Result<OwnProfile, Error> {
        self.accounts().own_profile(caller).await
    }

    /// Changes the caller's own account: all of the requested fields, or none. Requires a one-time password where the
    /// account has a second factor.
    ///
    /// A new password ends every session of the account except the caller's, on other replicas within the time for
    /// which they cache tokens. Tokens that the holder created stay valid, so that builds do not stop.
    pub async fn change_account(&self, caller: &Caller, change: AccountChange) -> Result<OwnProfile, Error> {
        self.accounts().change_account(caller, change).await
    }

    /// Identifies the caller who sends this credential. No credential is an anonymous caller; a wrong one is an
    /// error, and so is a token that is expired or used from outside its networks.
    ///
    /// An account with a second factor that sends its password with each request must send a one-time password with
    /// each: see [`Registry::identify_with_one_time_password`].
    pub async fn identify(
        &self,
        credential: Option<&Credential>,
        address: Option<IpAddr>,
    ) -> Result<Caller, Error> {
        self.accounts().identify(credential, address).await
    }

    /// Like [`Registry::identify`], for a request that may carry a one-time password. The caller stores it, and
    /// operations that require a second factor check it.
    pub async fn identify_with_one_time_password(
        &self,
        credential: Option<&Credential>,
        address: Option<IpAddr>,
        one_time_password: Option<SecretString>,
    ) -> Result<Caller, Error> {
        self.accounts().identify_with_one_time_password(credential, address, one_time_password).await
    }

    /// Logs in with name and password. A free name gets an account if a provider creates accounts.
    ///
    /// Completes even if the caller cancels, so that every attempt emits its event.
    pub async fn log_in(&self, caller: &Caller, login: &PasswordLogin) -> Result<LoginAnswer, Error> {
        self.accounts().log_in(caller, login).await
    }

    /// Revokes a token on behalf of its holder. An unknown token is not an error: it may have been revoked before.
    pub async fn log_out(&self, caller: &Caller, token: &SecretString) -> Result<(), Error> {
        self.accounts().log_out(caller, token).await
    }

    /// Creates a token for the caller's account. Checks the password, and a one-time password where the account has a
    /// second factor. The token can never do more than its holder.
    pub async fn create_token(&self, caller: &Caller, request: TokenRequest) -> Result<MadeToken, Error> {
        self.accounts().create_token(caller, request).await
    }

    /// Creates a token for an account on behalf of the registry's operator: no password is required, and it does not
    /// expire unless the options say otherwise.
    pub async fn create_operator_token(
        &self,
        account: &str,
        options: TokenOptions,
    ) -> Result<MadeToken, Error> {
        self.accounts().create_operator_token(account, options).await
    }

    /// Creates a token without any access check, which is up to the caller, and without an event. The secret is not
    /// stored: this is the only time it can be read.
    ///
    /// The name of a holder without a provider must be free, and belongs to such tokens from then on.
    pub async fn issue_token(&self, token: NewToken) -> Result<SecretString, Error> {
        self.accounts().issue_token(token).await
    }

    /// Returns the valid tokens that the caller's account created, the newest first. Sessions are not included: a
    /// change of the password ends those.
    pub async fn tokens(&self, caller: &Caller) -> Result<Vec<TokenInfo>, Error> {
        self.accounts().tokens(caller).await
    }

    /// Revokes a token of the caller's account, by its key or by its secret. A caller who has the secret may revoke
    /// any token. No second factor is required, so that revoking stays easy.
    ///
    /// The token is revoked at once on this replica, and on others within the time for which they cache tokens.
    pub async fn revoke_token(&self, caller: &Caller, key_or_token: &SecretString) -> Result<(), Error> {
        self.accounts().revoke_token(caller, key_or_token).await
    }

    /// Returns which builds may publish a package: at most one. Requires the right to administer the package.
    pub async fn trusts(&self, caller: &Caller, name: &PackageName) -> Result<Vec<Trust>, Error> {
        self.accounts().trusts(caller, name).await
    }

    /// Lets builds publish an existing package on behalf of the caller, who must administer it. The builds can do
    /// what the caller may do at that time, and lose the right when the caller loses it.
    pub async fn create_trust(
        &self,
        caller: &Caller,
        name: &PackageName,
        request: TrustRequest,
    ) -> Result<Trust, Error> {
        self.accounts().create_trust(caller, name, request).await
    }

    /// Revokes a trust. Tokens that builds got through it are revoked, on other replicas within the time for which
    /// they cache tokens.
    pub async fn revoke_trust(&self, caller: &Caller, name: &PackageName, id: &str) -> Result<(), Error> {
        self.accounts().revoke_trust(caller, name, id).await
    }

    /// Exchanges a build's identity token for a token for one package. The identity token must be valid, meant for
    /// this registry, of a build that the package trusts, and not exchanged for this package before. `base_url` is
    /// the registry as the client reaches it.
    ///
    /// The account that trusts the build must still be allowed to publish the package. No refusal reveals whether a
    /// package exists, or which builds it trusts.
    pub async fn exchange_id_token(
        &self,
        caller: &Caller,
        name: &PackageName,
        token: &SecretString,
        base_url: &str,
    ) -> Result<ExchangedToken, Error> {
        self.accounts().exchange_id_token(caller, name, token, base_url).await
    }

    /// Sets up a second factor for the caller's account, changes its mode, or removes it with `None`.
    ///
    /// Checks the password, and a one-time password where a second factor exists.
    pub async fn set_two_factor(
        &self,
        caller: &Caller,
        password: &SecretString,
        mode: Option<TwoFactorMode>,
    ) -> Result<TwoFactorChanged, Error> {
        self.accounts().set_two_factor(caller, password, mode).await
    }

    /// Finishes setup: the caller proves that their app has the secret, and gets the recovery codes. The codes are
    /// not stored: this is the only time they can be read.
    pub async fn confirm_two_factor(
        &self,
        caller: &Caller,
        one_time_password: &SecretString,
    ) -> Result<Vec<SecretString>, Error> {
        self.accounts().confirm_two_factor(caller, one_time_password).await
    }

    /// Returns the caller's name.
    pub fn whoami<'caller>(&self, caller: &'caller Caller) -> Result<&'caller str, Error> {
        whoami(caller)
    }

    /// Returns an account. Requires a signed-in caller, so that anonymous clients cannot probe names.
    ///
    /// A token that does not permit account reads gets the name only, which a client needs to add an owner.
    pub async fn profile(&self, caller: &Caller, account: &str) -> Result<Profile, Error> {
        self.accounts().profile(caller, account).await
    }

    /// Returns the id of the provider that owns a name, and the account there. For operators: no access check is
    /// made.
    pub async fn find_account(&self, account: &str) -> Result<Option<(&'static str, Profile)>, Error> {
        self.accounts().find_account(account).await
    }
}
