use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::terminal_login::{self, Polled};
use super::token_kind::TokenKind;
use super::web_login::{Ended, WebLoginState};
use super::{ADMINS, Github, Standing, is_login};
use crate::auth::{
    AuthError, AuthProvider, Credential, DeviceLogin, DevicePoll, Identified, LoggedIn, PasswordLogin,
    Profile, ProfileDetails, WebLogin,
};

/// npm prompts for a one-time password when a text contains "one-time pass", so this one does not.
const PASSWORDS_ENDED: &str = "this registry signs in with GitHub, which ended logins with password and \
                               one-time code in 2020: create a personal access token at GitHub (scope \
                               read:org) and paste it in place of the password, or log in with the browser \
                               (npm login --auth-type=web)";

/// Appended if there is an app.
const OR_BY_DEVICE: &str =
    ", or log in with the password `device` to get a code that you enter at GitHub on any device";

const OUTSIDE: &str = "GitHub does not list you as an active member of an organization that may use this \
                       registry: ask its operator for access. If you are a member, create a token that may \
                       read your membership (classic: scope read:org; fine-grained, of that organization: \
                       permission Members: read)";

impl Github {
    /// Identifies the account of the token that a login at GitHub ended with, and revokes the token, which is no
    /// longer needed.
    async fn end_login(&self, token: &SecretString) -> Result<Identified, AuthError> {
        let standing = self.standing(token).await;
        if let Err(error) = self.revoke(&Credential::Bearer(token.clone())).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "a token that is no longer needed was not revoked"
            );
        }
        match standing? {
            Some(Standing::Outside(_)) => Err(AuthError::Unacceptable { reason: OUTSIDE.into() }),
            standing => Ok(self.identified(standing)),
        }
    }

    fn identified(&self, standing: Option<Standing>) -> Identified {
        match standing {
            Some(Standing::In(member)) => Identified::Principal(self.policy.principal(&member)),
            Some(Standing::Outside(_) | Standing::Bad) => Identified::Rejected,
            None => Identified::NotMine,
        }
    }
}

#[async_trait]
impl AuthProvider for Github {
    fn id(&self) -> &'static str {
        "github"
    }

    async fn identify(&self, credential: &Credential) -> Result<Identified, AuthError> {
        match credential {
            Credential::Bearer(token) => Ok(self.identified(self.standing(token).await?)),
            Credential::Basic { name, password } => match self.standing(password).await? {
                Some(Standing::In(member)) if !member.login.eq_ignore_ascii_case(name) => {
                    Ok(Identified::Rejected)
                }
                standing => Ok(self.identified(standing)),
            },
        }
    }

    async fn log_in(&self, login: &PasswordLogin) -> Result<LoggedIn, AuthError> {
        let reason = match self.standing(&login.password).await? {
            Some(Standing::In(member)) if member.login.eq_ignore_ascii_case(&login.name) => {
                return Ok(LoggedIn::Principal(self.policy.principal(&member)));
            }
            Some(Standing::In(_) | Standing::Bad) => return Ok(LoggedIn::WrongPassword),
            Some(Standing::Outside(_)) => OUTSIDE,
            None => {
                let by_device = if self.settings.app.is_some() { OR_BY_DEVICE } else { "" };
                return Err(AuthError::Unacceptable { reason: format!("{PASSWORDS_ENDED}{by_device}") });
            }
        };
        Err(AuthError::Unacceptable { reason: reason.into() })
    }

    async fn look_up(&self, name: &str) -> Result<Option<Profile>, AuthError> {
        if !is_login(name) {
            return Ok(None);
        }
        let member = self.records.find(name).await.map_err(|error| self.unavailable(error))?;
        // The settings may have changed since.
        Ok(member.filter(|member| self.policy.lets_in(member)).map(|member| {
            let principal = self.policy.principal(&member);
            Profile { email: principal.email.clone(), principal, details: ProfileDetails::default() }
        }))
    }

    async fn has_name(&self, name: &str) -> Result<bool, AuthError> {
        if !is_login(name) {
            return Ok(false);
        }
        self.records.had_name(name).await.map_err(|error| self.unavailable(error))
    }

    fn has_group(&self, name: &str) -> bool {
        let names = &self.settings.restricted_organizations;
        name == ADMINS || names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    async fn start_web_login(&self, callback: &Url) -> Result<Option<WebLogin>, AuthError> {
        let Some(app) = &self.settings.app else { return Ok(None) };
        let state = WebLoginState::new(callback, &*self.randomness);
        let kept = serde_json::to_string(&state).map_err(|error| self.unavailable(error))?;
        Ok(Some(WebLogin { url: state.page(&self.settings.url, app), state: kept }))
    }

    async fn finish_web_login(&self, state: &str, query: &str) -> Result<Identified, AuthError> {
        let Some(app) = &self.settings.app else { return Ok(Identified::NotMine) };
        let Ok(state) = serde_json::from_str::<WebLoginState>(state) else { return Ok(Identified::Rejected) };
        match state.end(query, &self.api, app).await.map_err(|trouble| self.unavailable(trouble))? {
            Ended::Token(token) => self.end_login(&token).await,
            Ended::Refused => Ok(Identified::Rejected),
        }
    }

    async fn start_device_login(&self) -> Result<Option<DeviceLogin>, AuthError> {
        let Some(app) = &self.settings.app else { return Ok(None) };
        terminal_login::start(&self.api, app).await.map(Some).map_err(|trouble| self.unavailable(trouble))
    }

    async fn poll_device_login(&self, state: &SecretString) -> Result<DevicePoll, AuthError> {
        let Some(app) = &self.settings.app else { return Ok(DevicePoll::Finished(Identified::NotMine)) };
        let polled = terminal_login::poll(&self.api, app, state).await;
        Ok(match polled.map_err(|trouble| self.unavailable(trouble))? {
            Polled::Token(token) => DevicePoll::Finished(self.end_login(&token).await?),
            Polled::Waiting { slower_by } => DevicePoll::Waiting { slower_by },
            Polled::Refused => DevicePoll::Finished(Identified::Rejected),
        })
    }

    async fn revoke(&self, credential: &Credential) -> Result<(), AuthError> {
        let (Credential::Bearer(token) | Credential::Basic { password: token, .. }) = credential;
        match TokenKind::of(token.expose_secret()) {
            Some(TokenKind::OfApp) => {
                self.answers.forget(token);
                self.api.delete_app_token(token).await.map_err(|trouble| self.unavailable(trouble))
            }
            // Only its user can revoke a personal token, at GitHub.
            Some(TokenKind::Personal | TokenKind::WithoutUser) | None => Ok(()),
        }
    }
}
