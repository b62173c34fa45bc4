use std::collections::HashMap;

use http::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Error;
use crate::accounts::account::OwnProfile;
use crate::accounts::two_factor::{TwoFactorChanged, TwoFactorMode, one_time_password};
use crate::auth::{AccountChange, NewPassword, ProfileField};
use crate::clock::timestamp;
use crate::domain::shorten::shorten;
use crate::error::LoginError;

use super::answer::json_response;
use super::body::Body;
use super::handle::Call;
use super::status::Failure;

/// The document of `npm profile set`: all fields as they were read, with one of them changed.
#[derive(Deserialize)]
struct ProfileDocument {
    password: Option<PasswordDocument>,
    tfa: Option<TwoFactorDocument>,
    #[serde(flatten)]
    fields: HashMap<String, Value>,
}

/// Untagged, because an error about another variant would repeat its content: a password.
#[derive(Deserialize)]
#[serde(untagged, expecting = "password must be an object with the texts old and new")]
enum PasswordDocument {
    Change { old: SecretString, new: SecretString },
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "tfa must be an object with password and mode, or a list with one text")]
enum TwoFactorDocument {
    /// Begins, changes or removes the second factor.
    Mode { password: SecretString, mode: String },
    /// The one-time password that completes the setup.
    Confirm([SecretString; 1]),
}

impl Call<'_> {
    pub(super) async fn own_profile(self) -> Result<Response<Body>, Failure> {
        let own = self.registry.own_profile(&self.caller).await?;
        Ok(json_response(StatusCode::OK, &described(&own)))
    }

    pub(super) async fn set_profile(mut self) -> Result<Response<Body>, Failure> {
        // Rejects an unauthenticated caller before the body is read.
        self.registry.whoami(&self.caller)?;
        let mut document: ProfileDocument = self.json().await?;
        if let Some(two_factor) = document.tfa.take() {
            if document.password.is_some()
                || ProfileField::ALL.iter().any(|field| document.fields.contains_key(field.as_str()))
            {
                return Err(
                    Error::request("send `tfa` alone: other fields are changed by another request").into()
                );
            }
            let outcome = self.set_two_factor(two_factor).await?;
            let mut answer = described(&self.registry.own_profile(&self.caller).await?);
            answer["tfa"] = outcome;
            return Ok(json_response(StatusCode::OK, &answer));
        }
        let change = document.into_change()?;
        if change.password.is_some() {
            self.confirm("change the password".to_owned());
        }
        let own = self.registry.change_account(&self.caller, change).await?;
        Ok(json_response(StatusCode::OK, &described(&own)))
    }

    /// Returns what npm expects as `tfa`: a URL to scan, the recovery codes, the mode, or false.
    async fn set_two_factor(&mut self, document: TwoFactorDocument) -> Result<Value, Error> {
        let (password, mode) = match document {
            TwoFactorDocument::Confirm([shown]) => {
                let shown = one_time_password(shown.expose_secret())
                    .ok_or(Error::Login(LoginError::WrongOneTimePassword))?;
                let codes = self.registry.confirm_two_factor(&self.caller, &shown).await?;
                return Ok(codes.iter().map(ExposeSecret::expose_secret).collect());
            }
            TwoFactorDocument::Mode { password, mode } => (password, mode),
        };
        let mode = match mode.as_str() {
            "auth-only" => Some(TwoFactorMode::AuthOnly),
            "auth-and-writes" => Some(TwoFactorMode::AuthAndWrites),
            "disable" => None,
            other => {
                return Err(Error::request(format!(
                    "there is no two-factor mode {:?}: use auth-only, auth-and-writes or disable",
                    shorten(other)
                )));
            }
        };
        self.confirm(match mode {
            None => "remove the second factor of the account".to_owned(),
            Some(TwoFactorMode::AuthOnly) => "require the second factor for the account alone".to_owned(),
            Some(TwoFactorMode::AuthAndWrites) => {
                "require the second factor for changes of packages too".to_owned()
            }
        });
        Ok(match self.registry.set_two_factor(&self.caller, &password, mode).await? {
            TwoFactorChanged::Begun(url) => url.expose_secret().into(),
            TwoFactorChanged::Mode(mode) => json!({ "mode": mode, "pending": false }),
            TwoFactorChanged::Off => false.into(),
        })
    }
}

impl ProfileDocument {
    fn into_change(self) -> Result<AccountChange, Error> {
        let password = self.password.map(|PasswordDocument::Change { old, new }| NewPassword { old, new });
        let mut fields = Vec::new();
        for field in ProfileField::ALL {
            let text = match self.fields.get(field.as_str()) {
                None => continue,
                Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
                Some(Value::String(_) | Value::Null) => None,
                Some(_) => return Err(Error::request(format!("{} must be a text", field.as_str()))),
            };
            fields.push((field, text));
        }
        Ok(AccountChange { password, fields })
    }
}

/// Renders an account for its owner, with npm's field names.
fn described(own: &OwnProfile) -> Value {
    let details = &own.profile.details;
    let two_factor = own.two_factor.map_or(
        Value::Bool(false),
        |two_factor| json!({ "mode": two_factor.mode, "pending": two_factor.pending }),
    );
    let mut answer = json!({
        "name": own.profile.principal.name,
        "email_verified": false,
        "created": details.created.map(timestamp),
        "updated": details.updated.map(timestamp),
        "cidr_whitelist": null,
        "tfa": two_factor,
    });
    for field in ProfileField::ALL {
        let text = match field {
            ProfileField::Email => own.profile.email.as_deref(),
            field => details.get(field),
        };
        answer[field.as_str()] = text.unwrap_or_default().into();
    }
    answer
}
