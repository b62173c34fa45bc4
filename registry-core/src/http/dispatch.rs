use http::{Response, StatusCode};
use serde_json::json;

use super::answer::json_response;
use super::body::Body;
use super::handle::Call;
use super::robots::robots;
use super::route::Route;
use super::status::Failure;

impl Call<'_> {
    /// Answers a route by the operation that is its own.
    pub(super) async fn dispatch(self, route: Route) -> Result<Response<Body>, Failure> {
        match route {
            Route::Root => Ok(self.root()),
            Route::Ping => Ok(json_response(StatusCode::OK, &json!({}))),
            Route::Robots => Ok(robots()),
            Route::Whoami => self.whoami(),
            Route::Packument { name } => self.packument(name).await,
            Route::Tarball { name, version } => self.tarball(name, version).await,
            // The others are boxed, so that the future of every read need not have room for the largest write.
            Route::Manifest { name, selector } => Box::pin(self.manifest(name, &selector)).await,
            Route::PutPackument { name } => Box::pin(self.put_packument(name, None)).await,
            Route::PutPackumentRevision { name, revision } => {
                Box::pin(self.put_packument(name, Some(revision))).await
            }
            Route::DeletePackument { name, revision } => {
                Box::pin(self.delete_packument(name, &revision)).await
            }
            Route::DeleteTarball { name, version, .. } => Box::pin(self.delete_tarball(name, version)).await,
            Route::DistTags { name } => Box::pin(self.dist_tags(name)).await,
            Route::SetDistTag { name, tag } => Box::pin(self.set_dist_tag(name, tag)).await,
            Route::RemoveDistTag { name, tag } => Box::pin(self.remove_dist_tag(name, tag)).await,
            Route::Sbom { name, version } => Box::pin(self.sbom(name, version)).await,
            Route::Owners { name } => Box::pin(self.owners(name)).await,
            Route::AddOwner { name } => Box::pin(self.add_owner(name)).await,
            Route::RemoveOwner { name, account } => Box::pin(self.remove_owner(name, &account)).await,
            Route::Login { account } | Route::LoginRevision { account, .. } => {
                Box::pin(self.log_in(account)).await
            }
            Route::User { account } => Box::pin(self.user(&account)).await,
            Route::Logout { token } => Box::pin(self.log_out(&token)).await,
            Route::Star { name } => Box::pin(self.star(name, true)).await,
            Route::Unstar { name } => Box::pin(self.star(name, false)).await,
            Route::Stars { account } => Box::pin(self.stars(account)).await,
            Route::StarredBy => Box::pin(self.starred_by()).await,
            Route::Audit(route) => Box::pin(self.audit(route)).await,
            Route::Token(route) => Box::pin(self.token(route)).await,
            Route::Stage(route) => Box::pin(self.stage(route)).await,
            Route::Access(route) => Box::pin(self.access(route)).await,
            Route::Trust(route) => Box::pin(self.trust(route)).await,
            Route::Search => Box::pin(self.search()).await,
            Route::Changes => Box::pin(self.changes()).await,
            Route::Downloads(route) => Box::pin(self.downloads(route)).await,
            Route::Policy(route) => Box::pin(self.policy(route)).await,
            Route::Hook(route) => Box::pin(self.hook(route)).await,
            Route::WebLogin(route) => Box::pin(self.web_login(route)).await,
            #[cfg(feature = "web")]
            Route::Web(route) => Box::pin(self.web(route)).await,
        }
    }

    /// The page for a person who opens the address in a browser. No client reads it.
    fn root(&self) -> Response<Body> {
        let registry = format!("{}/", self.base_url());
        let answer = json!({
            "message": "This is an npm registry.",
            "registry": registry,
            "log_in": format!("npm login --registry={registry}"),
            "use_for_a_project": format!("npm config set --location=project registry={registry}"),
        });
        json_response(StatusCode::OK, &answer)
    }
}
