use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::{Url, form_urlencoded};

use super::{FakeIssuer, Question, Signing, State};

/// The client id of the one client that a fake issuer has.
pub const CLIENT_ID: &str = "registry";

/// Its secret.
pub const CLIENT_SECRET: &str = "5ecret-of-the-fake-client";

/// That a user signed in, until it is redeemed once.
pub(super) struct Grant {
    challenge: String,
    callback: String,
    claims: Value,
}

impl FakeIssuer {
    /// Signs in at this page, as in a browser, and answers the query that the browser comes back with. The token that
    /// the registry gets then has these claims, and the nonce of the page if they have none.
    ///
    /// # Panics
    ///
    /// If no page of this issuer is meant, or the request on it is not what the standard wants.
    pub fn sign_in(&self, page: &Url, mut claims: Value) -> String {
        assert!(
            page.as_str().starts_with(&format!("{}/authorize?", self.url())),
            "not a page of mine: {page}"
        );
        let value = |name: &str| {
            let mut pairs = page.query_pairs();
            let found = pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
            found.unwrap_or_else(|| panic!("the page {page} lacks {name}"))
        };
        assert_eq!(value("response_type"), "code");
        assert_eq!(value("client_id"), CLIENT_ID);
        assert_eq!(value("code_challenge_method"), "S256");
        assert!(value("scope").split(' ').any(|scope| scope == "openid"), "{page}");
        if claims.get("nonce").is_none() {
            claims["nonce"] = value("nonce").into();
        }
        let mut state = self.state();
        state.generations += 1;
        let code = format!("code-of-the-issuer-{:020}", state.generations);
        let grant = Grant { challenge: value("code_challenge"), callback: value("redirect_uri"), claims };
        state.grants.insert(code.clone(), grant);
        let answer = [("code", code.as_str()), ("state", &value("state"))];
        form_urlencoded::Serializer::new(String::new()).extend_pairs(answer).finish()
    }
}

impl State {
    /// Redeems a code, once, for who began the login.
    pub(super) fn redeem(&mut self, question: &Question) -> (u16, Value) {
        let form: std::collections::HashMap<_, _> =
            form_urlencoded::parse(&question.body).into_owned().collect();
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
        let by_form = field("client_id") == CLIENT_ID && field("client_secret") == CLIENT_SECRET;
        if question.authorization() != Some(&basic) && !by_form {
            return (401, json!({ "error": "invalid_client" }));
        }
        let Some(grant) = self.grants.remove(field("code")) else {
            return (400, json!({ "error": "invalid_grant" }));
        };
        let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
        let is_whole = field("grant_type") == "authorization_code"
            && proof == grant.challenge
            && field("redirect_uri") == grant.callback;
        if !is_whole {
            return (400, json!({ "error": "invalid_grant" }));
        }
        let header = json!({ "alg": "ES256", "kid": self.newest().id(Signing::Es256) });
        let token = self.newest().sign(Signing::Es256, &header, &grant.claims);
        self.secrets.push(("verifier", field("code_verifier").to_owned()));
        self.secrets.push(("id token", token.clone()));
        (
            200,
            json!({ "access_token": "opaque", "token_type": "Bearer", "expires_in": 300, "id_token": token }),
        )
    }
}
