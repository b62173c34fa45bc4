use std::net::IpAddr;

use secrecy::SecretString;

use crate::accounts::{
    ExchangedToken, MadeToken, NewToken, OwnProfile, Session, TokenInfo, TokenOptions, TokenRequest, Trust,
    TrustRequest, TwoFactorChanged, TwoFactorMode,
};
use crate::auth::{AccountChange, Caller, PasswordLogin, Profile};
use crate::domain::PackageName;
use crate::vocabulary::Credential;
use crate::{Error, Registry};

impl Registry {
    /// What is known of the caller's own account.
    pub async fn own_profile(&self, caller: &Caller) -> Result<OwnProfile, Error> {
        self.accounts().own_profile(caller).await
    }

    /// Changes the caller's own account: all that is asked for, or nothing. A one-time password is asked for where
    /// the account has a second factor.
    ///
    /// A new password ends every session of the account but the one that the caller is in, on other replicas within
    /// the time for which they believe tokens. Tokens that the holder made go on: builds do not stop because a person
    /// has a new password.
    pub async fn change_account(&self, caller: &Caller, change: AccountChange) -> Result<OwnProfile, Error> {
        self.accounts().change_account(caller, change).await
    }

    /// Finds out who shows this credential. No credential is an anonymous caller; a bad one is an error, and so is
    /// a token that is shown after its time or from outside its networks.
    ///
    /// Whoever has a second factor and shows a password with each request must show a one-time password with each: see
    /// [`Registry::identify_with_one_time_password`].
    pub async fn identify(
        &self,
        credential: Option<&Credential>,
        address: Option<IpAddr>,
    ) -> Result<Caller, Error> {
        self.accounts().identify(credential, address).await
    }

    /// Like [`Registry::identify`], for a request that may bring a one-time password along. The caller keeps it, and an
    /// operation that asks for a second factor looks at it then.
    pub async fn identify_with_one_time_password(
        &self,
        credential: Option<&Credential>,
        address: Option<IpAddr>,
        one_time_password: Option<SecretString>,
    ) -> Result<Caller, Error> {
        self.accounts().identify_with_one_time_password(credential, address, one_time_password).await
    }

    /// Logs in with name and password. A free name gets an account if a provider makes accounts.
    ///
    /// Runs to its end also if the caller goes away, so that every attempt is told of.
    pub async fn log_in(&self, caller: &Caller, login: &PasswordLogin) -> Result<Session, Error> {
        self.accounts().log_in(caller, login).await
    }

    /// Revokes a token on behalf of its holder. An unknown token was revoked before.
    pub async fn log_out(&self, caller: &Caller, token: &SecretString) -> Result<(), Error> {
        self.accounts().log_out(caller, token).await
    }

    /// Makes a token for the caller's account. The password is checked, and a one-time password where the account has
    /// a second factor. The token can never do more than its holder.
    pub async fn create_token(&self, caller: &Caller, request: TokenRequest) -> Result<MadeToken, Error> {
        self.accounts().create_token(caller, request).await
    }

    /// Makes a token for an account on behalf of the registry's operator: no password is asked for, and it lasts until
    /// it is revoked unless the options say otherwise.
    pub async fn create_operator_token(
        &self,
        account: &str,
        options: TokenOptions,
    ) -> Result<MadeToken, Error> {
        self.accounts().create_operator_token(account, options).await
    }

    /// Makes a token, and asks nobody whether it may be made: that is for whoever calls this to know. Tells the sink
    /// of nothing. The secret is kept nowhere: this is the only time it can be read.
    ///
    /// The name of a holder whom no provider knows must be nobody else's, and belongs to such tokens from then on.
    pub async fn issue_token(&self, token: NewToken) -> Result<SecretString, Error> {
        self.accounts().issue_token(token).await
    }

    /// The tokens that the caller's account made and that are still good, the newest first. Sessions are not among
    /// them: a change of the password ends those.
    pub async fn tokens(&self, caller: &Caller) -> Result<Vec<TokenInfo>, Error> {
        self.accounts().tokens(caller).await
    }

    /// Revokes a token of the caller's account, by its key or as a whole. Whoever has the whole of a token may revoke
    /// it, whosever it is. No second factor is asked for: to lock a door must be easy.
    ///
    /// The token is dead at once here, and on other replicas within the time for which they believe tokens.
    pub async fn revoke_token(&self, caller: &Caller, key_or_token: &SecretString) -> Result<(), Error> {
        self.accounts().revoke_token(caller, key_or_token).await
    }

    /// Which builds may publish a package: one at most. For those who may administer it.
    pub async fn trusts(&self, caller: &Caller, name: &PackageName) -> Result<Vec<Trust>, Error> {
        self.accounts().trusts(caller, name).await
    }

    /// Lets builds publish a package, which must exist, on behalf of the caller, who must administer it. From then on
    /// the builds may what the caller may, and no longer than that.
    pub async fn create_trust(
        &self,
        caller: &Caller,
        name: &PackageName,
        request: TrustRequest,
    ) -> Result<Trust, Error> {
        self.accounts().create_trust(caller, name, request).await
    }

    /// Takes it back. The tokens that builds got by it are dead, on other replicas within the time for which they
    /// believe tokens.
    pub async fn revoke_trust(&self, caller: &Caller, name: &PackageName, id: &str) -> Result<(), Error> {
        self.accounts().revoke_trust(caller, name, id).await
    }

    /// Gives a build a token for one package in exchange for its identity token, which must be good, meant for this
    /// registry, of a build that the package trusts, and not exchanged for this package before. `base_url` is the
    /// registry as the client reaches it.
    ///
    /// Whoever trusts the build must still be allowed to publish the package. Whether a package is there, and whom it
    /// trusts, no refusal tells.
    pub async fn exchange_id_token(
        &self,
        caller: &Caller,
        name: &PackageName,
        token: &SecretString,
        base_url: &str,
    ) -> Result<ExchangedToken, Error> {
        self.accounts().exchange_id_token(caller, name, token, base_url).await
    }

    /// Sets up a second factor for the caller's account, changes when it is asked for, or with `None` takes it away.
    ///
    /// The password is checked. Where there is a second factor already, so is a one-time password.
    pub async fn set_two_factor(
        &self,
        caller: &Caller,
        password: &SecretString,
        mode: Option<TwoFactorMode>,
    ) -> Result<TwoFactorChanged, Error> {
        self.accounts().set_two_factor(caller, password, mode).await
    }

    /// Ends the setting up: the caller shows that their app knows the secret, and gets the recovery codes. They are
    /// kept nowhere: this is the only time they can be read.
    pub async fn confirm_two_factor(
        &self,
        caller: &Caller,
        one_time_password: &SecretString,
    ) -> Result<Vec<SecretString>, Error> {
        self.accounts().confirm_two_factor(caller, one_time_password).await
    }

    /// The name of the caller.
    pub fn whoami<'caller>(&self, caller: &'caller Caller) -> Result<&'caller str, Error> {
        self.accounts().whoami(caller)
    }

    /// What is known of an account. Only for callers who are signed in, so that strangers cannot try names.
    ///
    /// With a token that may see nothing of accounts, it is the name alone, which is what a client needs to add an owner.
    pub async fn profile(&self, caller: &Caller, account: &str) -> Result<Profile, Error> {
        self.accounts().profile(caller, account).await
    }

    /// An account, as the provider that owns its name knows it, and the id of that provider. For whoever runs the
    /// registry: nobody is asked whether they may know.
    pub async fn find_account(&self, account: &str) -> Result<Option<(&'static str, Profile)>, Error> {
        self.accounts().find_account(account).await
    }
}
