use crate::access::Action;
use crate::error::TrustError;
use http::header::AUTHORIZATION;
use http::{Response, StatusCode};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Error;
use crate::accounts::trust::{Trust, TrustPermission, TrustRequest};
use crate::auth::Credential;
use crate::clock::timestamp;
use crate::domain::PackageName;

use super::answer::json_response;
use super::body::Body;
use super::handle::Call;
use super::route::TrustRoute;
use super::status::Failure;

/// The document of `npm trust`, one in a list.
#[derive(Deserialize)]
struct TrustDocument {
    #[serde(rename = "type")]
    issuer: String,
    claims: Map<String, Value>,
    #[serde(default)]
    permissions: Vec<TrustPermission>,
}

impl Call<'_> {
    pub(super) async fn trust(self, route: TrustRoute) -> Result<Response<Body>, Failure> {
        match route {
            TrustRoute::List { name } => {
                let trusts = self.registry.trusts(&self.caller, &name).await?;
                Ok(json_response(StatusCode::OK, &trusts.iter().map(shown).collect()))
            }
            TrustRoute::Create { name } => self.create_trust(name).await,
            TrustRoute::Revoke { name, id } => {
                self.registry.revoke_trust(&self.caller, &name, &id).await?;
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                Ok(response)
            }
            TrustRoute::Exchange { name } => self.exchange(name).await,
        }
    }

    async fn create_trust(mut self, name: PackageName) -> Result<Response<Body>, Failure> {
        self.registry.authorization().require_signed_in(
            &self.caller,
            Some(&name),
            Action::Administer.into(),
        )?;
        let documents: Vec<TrustDocument> = self.json().await?;
        let mut documents = documents.into_iter();
        let (Some(TrustDocument { issuer, claims, permissions }), None) =
            (documents.next(), documents.next())
        else {
            return Err(Error::request("a package has one trusted publisher: send a list of one").into());
        };
        let named = Value::from(claims.clone());
        let may_publish = permissions.contains(&TrustPermission::CreatePackage);
        let may = if may_publish { "publish" } else { "stage versions of" };
        self.confirm(format!("let builds with {named} at {issuer:?} {may} {name}"));
        let request = TrustRequest { issuer, claims, permissions };
        let trust = self.registry.create_trust(&self.caller, &name, request).await?;
        Ok(json_response(StatusCode::CREATED, &json!([shown(&trust)])))
    }

    async fn exchange(self, name: PackageName) -> Result<Response<Body>, Failure> {
        let shown = self.header(AUTHORIZATION).and_then(Credential::from_authorization);
        let Some(Credential::Bearer(token)) = shown else {
            return Err(Error::Trust(TrustError::IdToken {
                reason: "no token was sent; send the identity token of your build as a Bearer token".into(),
            })
            .into());
        };
        let base_url = self.base_url();
        let made = self.registry.exchange_id_token(&self.caller, &name, &token, &base_url).await?;
        let answer = json!({
            "token_type": "oidc",
            "token": made.token.expose_secret(),
            "created": timestamp(made.created),
            "expires": timestamp(made.expires),
        });
        Ok(json_response(StatusCode::CREATED, &answer))
    }
}

fn shown(trust: &Trust) -> Value {
    json!({
        "id": trust.id,
        "type": trust.issuer,
        "claims": trust.claims,
        "permissions": trust.permissions,
    })
}
