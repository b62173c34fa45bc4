use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::GithubApp;
use super::api::Api;
use super::trouble::Trouble;
use super::web_login::{SCOPE, TokenAnswer, misconfigured};
use crate::auth::DeviceLogin;

/// How much to slow down where GitHub asks for it without a number.
const SLOWER_BY: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
struct Codes {
    device_code: SecretString,
    user_code: String,
    verification_uri: Url,
    expires_in: u64,
    interval: u64,
}

/// The result of a poll.
pub(super) enum Polled {
    Token(SecretString),
    Waiting { slower_by: Duration },
    Refused,
}

pub(super) async fn start(api: &Api, app: &GithubApp) -> Result<DeviceLogin, Trouble> {
    let answer =
        api.ask_web("/login/device/code", &json!({ "client_id": app.client_id, "scope": SCOPE })).await?;
    if !answer.status.is_success() {
        return Err(Trouble::down(format!(
            "it did not begin a login with a code (status {}): check that the OAuth app allows the device \
             flow",
            answer.status.as_u16()
        )));
    }
    let codes: Codes = match answer.read() {
        Ok(codes) => codes,
        Err(trouble) => {
            let refusal: TokenAnswer = answer.read().map_err(|_| trouble)?;
            return Err(misconfigured(refusal.error.as_deref()));
        }
    };
    Ok(DeviceLogin {
        url: codes.verification_uri,
        user_code: codes.user_code,
        interval: Duration::from_secs(codes.interval),
        expires_in: Duration::from_secs(codes.expires_in),
        state: codes.device_code,
    })
}

pub(super) async fn poll(api: &Api, app: &GithubApp, device_code: &SecretString) -> Result<Polled, Trouble> {
    let body = json!({
        "client_id": app.client_id,
        "device_code": device_code.expose_secret(),
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
    });
    let answer = api.ask_web("/login/oauth/access_token", &body).await?;
    if !answer.status.is_success() {
        return Err(Trouble::down(format!("it answered a poll with status {}", answer.status.as_u16())));
    }
    let answer: TokenAnswer = answer.read()?;
    Ok(match (answer.access_token, answer.error.as_deref()) {
        (Some(token), None) => Polled::Token(token),
        (_, Some("authorization_pending")) => Polled::Waiting { slower_by: Duration::ZERO },
        (_, Some("slow_down")) => Polled::Waiting { slower_by: SLOWER_BY },
        (_, Some("expired_token" | "token_expired" | "access_denied" | "incorrect_device_code")) => {
            Polled::Refused
        }
        (_, error) => return Err(misconfigured(error)),
    })
}
