//! The addresses where programs end a login, which answer errors with status 200.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::ACCEPT;
use http::{Method, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::api::Answered;
use super::world::{Device, Token, World};
use super::{CLIENT_ID, CLIENT_SECRET, Question, shapes};

impl World {
    pub(super) fn answer_web(&mut self, question: &Question) -> Answered {
        if question.header(&ACCEPT) != Some("application/json") {
            return Err("without accept: application/json, GitHub answers with a form".into());
        }
        match (&question.method, question.path.as_str()) {
            (&Method::POST, "/login/oauth/access_token") => self.access_token(question),
            (&Method::POST, "/login/device/code") => self.device_code(question),
            _ => Err("GitHub has no such address".into()),
        }
    }

    fn access_token(&mut self, question: &Question) -> Answered {
        let keys = [
            "client_id",
            "client_secret",
            "code",
            "redirect_uri",
            "code_verifier",
            "device_code",
            "grant_type",
        ];
        let body = question.json(&keys)?;
        if body["client_id"] != CLIENT_ID {
            return Ok(error("incorrect_client_credentials"));
        }
        if body["device_code"].is_string() {
            return Ok(self.poll(&body));
        }
        if body["client_secret"] != CLIENT_SECRET {
            return Ok(error("incorrect_client_credentials"));
        }
        let Some(code) = body["code"].as_str() else { return Err("the body has no code".into()) };
        // A code is good once.
        let Some(code) = self.codes.remove(code) else { return Ok(error("bad_verification_code")) };
        let verifier = body["code_verifier"].as_str().unwrap_or_default();
        if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != code.challenge {
            return Ok(error("bad_verification_code"));
        }
        if body["redirect_uri"] != code.redirect_uri.as_str() {
            return Ok(error("redirect_uri_mismatch"));
        }
        self.secrets.push(("verifier", verifier.to_owned()));
        Ok(self.grant(code.login))
    }

    fn device_code(&mut self, question: &Question) -> Answered {
        let body = question.json(&["client_id", "scope"])?;
        if body["client_id"] != CLIENT_ID {
            return Ok(shapes::error(404, "Not Found"));
        }
        if body["scope"] != "read:org" {
            return Err("the registry needs the scope read:org and no other".into());
        }
        let user_code = format!("WDJB-{:04}", self.devices.len());
        let device_code = self.make("device");
        self.secrets.push(("device code", device_code.clone()));
        self.devices
            .insert(device_code.clone(), Device { user_code: user_code.clone(), ..Device::default() });
        let body = json!({
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": "https://github.example/login/device",
            "expires_in": 900,
            "interval": 5,
        });
        Ok(shapes::answer(200, &body))
    }

    fn poll(&mut self, body: &Value) -> Response<Bytes> {
        if body["grant_type"] != "urn:ietf:params:oauth:grant-type:device_code" {
            return error("unsupported_grant_type");
        }
        let device_code = body["device_code"].as_str().unwrap_or_default();
        let Some(device) = self.devices.get_mut(device_code) else {
            return error("incorrect_device_code");
        };
        if std::mem::take(&mut device.must_slow_down) {
            let body =
                json!({ "error": "slow_down", "error_description": "Too many requests.", "interval": 10 });
            return shapes::answer(200, &body);
        }
        match device.typed.take() {
            None => error("authorization_pending"),
            Some(Err(())) => error("access_denied"),
            Some(Ok(login)) => {
                self.devices.remove(device_code);
                self.grant(login)
            }
        }
    }

    fn grant(&mut self, login: String) -> Response<Bytes> {
        let token = Token { login, scopes: vec!["read:org".into()], is_of_our_app: true };
        let token = self.make_token("gho_", token);
        self.secrets.push(("token", token.clone()));
        shapes::answer(200, &json!({ "access_token": token, "scope": "read:org", "token_type": "bearer" }))
    }
}

fn error(name: &str) -> Response<Bytes> {
    let body = json!({
        "error": name,
        "error_description": "The documentation says more.",
        "error_uri": "https://docs.github.com/apps/oauth-apps",
    });
    shapes::answer(200, &body)
}
