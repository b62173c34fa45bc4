use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use url::Url;
use url::form_urlencoded;

use super::GithubApp;
use super::api::Api;
use super::trouble::Trouble;
use crate::randomness::{Randomness, random_bytes};

/// The scope to request: read access to the user's organizations and teams.
pub(super) const SCOPE: &str = "read:org";

/// The stored state of a login.
#[derive(Serialize, Deserialize)]
pub(super) struct WebLoginState {
    /// Returned in the query: proves that the browser that ends the login began it.
    nonce: String,
    /// Proves at the exchange that the same client began the login (RFC 7636).
    verifier: String,
    callback: Url,
}

/// The end of a browser login at GitHub.
#[derive(Debug)]
pub(super) enum Ended {
    /// A token for the app.
    Token(SecretString),
    /// No token, or not this login.
    Refused,
}

#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) access_token: Option<SecretString>,
    pub(super) error: Option<String>,
}

impl WebLoginState {
    pub(super) fn new(callback: &Url, randomness: &dyn Randomness) -> Self {
        let random = || URL_SAFE_NO_PAD.encode(random_bytes::<32>(randomness));
        Self { nonce: random(), verifier: random(), callback: callback.clone() }
    }

    /// Returns the page where the user agrees.
    pub(super) fn page(&self, github: &Url, app: &GithubApp) -> Url {
        let mut page = github.clone();
        page.set_path(&format!("{}/login/oauth/authorize", github.path().trim_end_matches('/')));
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier));
        page.query_pairs_mut()
            .append_pair("client_id", &app.client_id)
            .append_pair("redirect_uri", self.callback.as_str())
            .append_pair("scope", SCOPE)
            .append_pair("state", &self.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        page
    }

    /// Finishes the login with the query that the browser came back with.
    pub(super) async fn end(&self, query: &str, api: &Api, app: &GithubApp) -> Result<Ended, Trouble> {
        let value = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.trim_start_matches('?').as_bytes());
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let is_ours =
            value("state").is_some_and(|state| bool::from(state.as_bytes().ct_eq(self.nonce.as_bytes())));
        let Some(code) = value("code").filter(|_| is_ours) else { return Ok(Ended::Refused) };
        let body = json!({
            "client_id": app.client_id,
            "client_secret": app.client_secret.expose_secret(),
            "code": code,
            "redirect_uri": self.callback,
            "code_verifier": self.verifier,
        });
        let answer = api.ask_web("/login/oauth/access_token", &body).await?;
        if !answer.status.is_success() {
            return Err(Trouble::down(format!(
                "it rejected the login with status {}",
                answer.status.as_u16()
            )));
        }
        // Errors have status 200 too.
        let answer: TokenAnswer = answer.read()?;
        match (answer.access_token, answer.error.as_deref()) {
            (Some(token), None) => Ok(Ended::Token(token)),
            (_, Some("bad_verification_code" | "access_denied" | "unverified_user_email")) => {
                Ok(Ended::Refused)
            }
            (_, error) => Err(misconfigured(error)),
        }
    }
}

/// Returns an error that the user cannot fix.
pub(super) fn misconfigured(error: Option<&str>) -> Trouble {
    let known = [
        "incorrect_client_credentials",
        "redirect_uri_mismatch",
        "device_flow_disabled",
        "application_suspended",
    ];
    let named = error.and_then(|error| known.into_iter().find(|known| *known == error));
    Trouble::down(format!(
        "it rejected the login with {}: check the client id, the secret and the callback URL of the OAuth \
         app",
        named.unwrap_or("an unknown error")
    ))
}
