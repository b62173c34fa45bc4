use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::Action;
use crate::domain::PackageName;

use super::answer::{done, json_response};
use super::body::Body;
use super::handle::Call;
use super::status::Failure;

#[derive(Deserialize)]
struct NewOwner {
    user: String,
}

impl Call<'_> {
    pub(super) async fn owners(self, name: PackageName) -> Result<Response<Body>, Failure> {
        let owners = self.registry.owners(&self.caller, &name).await?;
        let owners: Vec<Value> =
            owners.into_iter().map(|owner| json!({ "username": owner.name, "email": owner.email })).collect();
        Ok(json_response(StatusCode::OK, &json!(owners)))
    }

    pub(super) async fn add_owner(mut self, name: PackageName) -> Result<Response<Body>, Failure> {
        self.registry.authorization().require_signed_in(
            &self.caller,
            Some(&name),
            Action::Administer.into(),
        )?;
        let NewOwner { user } = self.json().await?;
        self.confirm(format!("add the owner {user} to {name}"));
        let revision = self.registry.add_owner(&self.caller, &name, &user).await?;
        Ok(done(StatusCode::OK, &name, Some(&revision)))
    }

    pub(super) async fn remove_owner(
        self,
        name: PackageName,
        account: &str,
    ) -> Result<Response<Body>, Failure> {
        let revision = self.registry.remove_owner(&self.caller, &name, account).await?;
        Ok(done(StatusCode::OK, &name, Some(&revision)))
    }
}
