use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Error;
use crate::domain::PackageName;
use crate::events::DeniedAction;

use super::answer::{done, json_response};
use super::body::Body;
use super::handle::Call;
use super::status::Failure;

#[derive(Deserialize)]
struct StarredPackage {
    package: Option<String>,
    name: Option<String>,
}

impl Call<'_> {
    /// Stars a package, which the path or else the body names.
    pub(super) async fn star(
        mut self,
        name: Option<PackageName>,
        starred: bool,
    ) -> Result<Response<Body>, Failure> {
        self.registry.authorization().require_signed_in(&self.caller, name.as_ref(), DeniedAction::Star)?;
        let name = if let Some(name) = name {
            name
        } else {
            let body: StarredPackage = self.json().await?;
            let name = body.package.or(body.name);
            let name =
                name.ok_or_else(|| Error::request("the body names no package: send {\"package\": …}"))?;
            PackageName::parse(&name).map_err(Error::from)?
        };
        self.registry.star(&self.caller, &name, starred).await?;
        Ok(done(StatusCode::OK, &name, None))
    }

    pub(super) async fn stars(self, account: Option<String>) -> Result<Response<Body>, Failure> {
        let account = match &account {
            Some(account) => account,
            None => self.registry.whoami(&self.caller)?,
        };
        let starred = self.registry.stars(&self.caller, account).await?;
        Ok(json_response(StatusCode::OK, &json!(starred)))
    }

    /// `?key="ana"`: the name is JSON inside the query.
    pub(super) async fn starred_by(self) -> Result<Response<Body>, Failure> {
        let query = self.request.uri.query().unwrap_or_default();
        let key = url::form_urlencoded::parse(query.as_bytes()).find(|(field, _)| field == "key");
        let account = key.and_then(|(_, key)| serde_json::from_str::<String>(&key).ok());
        let account =
            account.ok_or_else(|| Error::request("the query must name an account, as in ?key=\"ana\""))?;
        let starred = self.registry.stars(&self.caller, &account).await?;
        let rows: Vec<Value> = starred.iter().map(|name| json!({ "value": name })).collect();
        Ok(json_response(StatusCode::OK, &json!({ "rows": rows })))
    }
}
