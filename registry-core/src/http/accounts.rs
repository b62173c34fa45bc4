use http::{HeaderName, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use crate::Error;
use crate::auth::PasswordLogin;
use crate::error::AccountError;

use super::answer::json_response;
use super::body::Body;
use super::handle::Call;
use super::status::Failure;

/// The header that names the npm command of a request.
const NPM_COMMAND: HeaderName = HeaderName::from_static("npm-command");

/// The user document of `npm login --auth-type=legacy`.
#[derive(Deserialize)]
struct UserDocument {
    name: Option<String>,
    password: Option<SecretString>,
    email: Option<String>,
}

impl Call<'_> {
    pub(super) fn whoami(self) -> Result<Response<Body>, Failure> {
        let username = self.registry.whoami(&self.caller)?;
        Ok(json_response(StatusCode::OK, &json!({ "username": username })))
    }

    pub(super) async fn log_in(mut self, account: String) -> Result<Response<Body>, Failure> {
        let document: UserDocument = self.json().await?;
        if document.name.as_ref().is_some_and(|name| *name != account) {
            return Err(Error::request("the body names another user than the address").into());
        }
        let password = document.password.ok_or_else(|| Error::request("a login needs a password"))?;
        let asked_for_email = document.email.is_some();
        let email = document.email.filter(|email| !email.is_empty());
        let login = PasswordLogin { name: account, password, email };
        // `npm adduser` asks for an email address, and so does the login of pnpm, which has no separate sign-up command.
        // yarn 1 does not send its command.
        let is_npm_login = self.header(NPM_COMMAND) == Some("login") && !asked_for_email;
        let answer = if is_npm_login {
            self.registry.accounts().log_in_without_sign_up(&self.caller, &login).await?
        } else {
            self.registry.log_in(&self.caller, &login).await?
        };
        let session = answer.into_session()?;
        let id = format!("org.couchdb.user:{}", session.principal.name);
        let answer = json!({
            "ok": true,
            "success": true,
            "id": id,
            "rev": "1-0",
            "token": session.token.expose_secret(),
        });
        Ok(json_response(StatusCode::CREATED, &answer))
    }

    pub(super) async fn log_out(self, token: &SecretString) -> Result<Response<Body>, Failure> {
        self.registry.log_out(&self.caller, token).await?;
        Ok(json_response(StatusCode::OK, &json!({ "ok": true, "success": true })))
    }

    pub(super) async fn user(self, account: &str) -> Result<Response<Body>, Failure> {
        let (name, email) = match self.registry.profile(&self.caller, account).await {
            Ok(profile) => (profile.principal.name, profile.email.unwrap_or_default()),
            Err(error) if self.is_left_owner(account, &error).await? => (account.to_owned(), String::new()),
            Err(error) => return Err(error.into()),
        };
        let answer = json!({
            "_id": format!("org.couchdb.user:{name}"),
            "name": name,
            "email": email,
            "type": "user",
            "roles": [],
        });
        Ok(json_response(StatusCode::OK, &answer))
    }

    /// Whether an account that does not exist is still listed as an owner of a package that the caller sees: `npm owner rm`
    /// reads an account before it removes it from the owners.
    async fn is_left_owner(&self, account: &str, error: &Error) -> Result<bool, Error> {
        if !matches!(error, Error::Account(AccountError::NotFound { .. })) {
            return Ok(false);
        }
        Ok(!self.registry.searches().indexed_packages_owned_by(&self.caller, account).await?.is_empty())
    }
}
