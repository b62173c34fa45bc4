use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use url::{Url, form_urlencoded};

use super::issuer::About;
use super::{Issuer, OpenIdSettings};
use crate::auth::{AuthError, TokenIssuer as _, Verified};
use crate::randomness::{Randomness, random_bytes};

/// The stored state of a login.
#[derive(Serialize, Deserialize)]
pub(super) struct WebLoginState {
    /// Returned in the query: proves that the browser that ends the login began it.
    state: String,
    /// Returned in the token, which binds it to this login.
    nonce: String,
    /// Proves at the exchange that the same client began the login (RFC 7636).
    verifier: String,
    callback: Url,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: Option<SecretString>,
    error: Option<String>,
}

impl WebLoginState {
    pub(super) fn new(callback: &Url, randomness: &dyn Randomness) -> Self {
        let random = || URL_SAFE_NO_PAD.encode(random_bytes::<32>(randomness));
        Self { state: random(), nonce: random(), verifier: random(), callback: callback.clone() }
    }

    /// Returns the page where the user signs in.
    pub(super) fn page(&self, at: &Url, settings: &OpenIdSettings) -> Url {
        let mut page = at.clone();
        let scopes = [&["openid".to_owned()], settings.scopes.as_slice()].concat().join(" ");
        page.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &settings.client_id)
            .append_pair("redirect_uri", self.callback.as_str())
            .append_pair("scope", &scopes)
            .append_pair("state", &self.state)
            .append_pair("nonce", &self.nonce)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier)))
            .append_pair("code_challenge_method", "S256");
        page
    }

    /// Finishes the login with the query that the browser came back with. Returns the claims of the account, or
    /// `None`.
    pub(super) async fn end(
        &self,
        query: &str,
        issuer: &Issuer,
        settings: &OpenIdSettings,
    ) -> Result<Option<Map<String, Value>>, AuthError> {
        let value = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.trim_start_matches('?').as_bytes());
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let is_ours = value("state").is_some_and(|state| is_same(&state, &self.state));
        // An issuer that identifies itself must be this one (RFC 9207).
        let is_its = value("iss").is_none_or(|said| said == issuer.url());
        let Some(code) = value("code").filter(|_| is_ours && is_its) else { return Ok(None) };
        let Some(token) = self.redeem(&code, issuer, settings).await? else { return Ok(None) };
        let audience = settings.client_id.clone();
        let verified = issuer.verify(&token, std::slice::from_ref(&audience)).await?;
        let Verified::Token(token) = verified else {
            if let Verified::Refused(refusal) = verified {
                tracing::warn!(issuer = %issuer, %refusal, "a login ended with an invalid token");
            }
            return Ok(None);
        };
        let text = |claim: &str| token.claims.get(claim).and_then(Value::as_str);
        let is_of_this_login = text("nonce").is_some_and(|nonce| is_same(nonce, &self.nonce));
        let is_for_us = text("azp").is_none_or(|party| party == audience);
        Ok((is_of_this_login && is_for_us).then_some(token.claims))
    }

    async fn redeem(
        &self,
        code: &str,
        issuer: &Issuer,
        settings: &OpenIdSettings,
    ) -> Result<Option<SecretString>, AuthError> {
        let known = issuer.known(None).await?;
        let Some(endpoint) = &known.about.token_endpoint else {
            return Err(issuer.unavailable("its discovery document names no token endpoint"));
        };
        let (form, credentials) = self.question(code, &known.about, settings);
        let credentials = credentials.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str()));
        let asked = issuer.fetch.post_form::<TokenAnswer>(endpoint, form, credentials).await;
        let answer = asked.map_err(|error| issuer.unavailable(error))?;
        match (answer.body.id_token, answer.body.error.as_deref()) {
            (Some(token), None) if answer.status.is_success() => Ok(Some(token)),
            (_, Some("invalid_grant")) => Ok(None),
            _ => Err(issuer.unavailable(format!(
                "it rejected a login with status {}: check the client id, the client secret and the redirect \
                 URL",
                answer.status.as_u16()
            ))),
        }
    }

    /// Returns the form that redeems a code, and the client's Basic credentials if the issuer takes them.
    fn question(
        &self,
        code: &str,
        about: &About,
        settings: &OpenIdSettings,
    ) -> (String, Option<(String, String)>) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", self.callback.as_str())
            .append_pair("code_verifier", &self.verifier);
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let mut credentials = None;
        match &settings.client_secret {
            Some(secret) if takes_basic(about) => {
                credentials = Some((encode(&settings.client_id), encode(secret.expose_secret())));
            }
            secret => {
                form.append_pair("client_id", &settings.client_id);
                if let Some(secret) = secret {
                    form.append_pair("client_secret", secret.expose_secret());
                }
            }
        }
        (form.finish(), credentials)
    }
}

/// Basic is the default for issuers that do not name a method.
fn takes_basic(about: &About) -> bool {
    let methods = about.token_endpoint_auth_methods_supported.as_deref();
    methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"))
}

fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}
