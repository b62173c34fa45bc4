use http::Response;

use super::body::Body;
use super::handle::Call;
use super::route::HookRoute;
use super::status::Failure;

#[cfg(not(feature = "hooks"))]
impl Call<'_> {
    #[expect(clippy::unused_async, reason = "with the feature `hooks`, it asks the store")]
    pub(super) async fn hook(self, _route: HookRoute) -> Result<Response<Body>, Failure> {
        Err(crate::Error::from(crate::error::HookError::Off).into())
    }
}

#[cfg(feature = "hooks")]
mod with_hooks {
    use chrono::{DateTime, Utc};
    use http::StatusCode;
    use serde_json::{Value, json};
    use url::Url;
    use url::form_urlencoded::parse;

    use super::{Body, Call, Failure, HookRoute, Response};
    use crate::clock::timestamp;
    use crate::hooks::{Hook, HookRequest, HookTarget};
    use crate::http::answer::json_response;

    /// The most hooks on a page.
    const MOST: usize = 100;

    impl Call<'_> {
        pub(in crate::http) async fn hook(mut self, route: HookRoute) -> Result<Response<Body>, Failure> {
            let registry = self.registry;
            let hook = match route {
                HookRoute::List => return self.hooks().await,
                HookRoute::Find { id } => registry.find_hook(&self.caller, &id).await?,
                HookRoute::Delete { id } => registry.delete_hook(&self.caller, &id).await?,
                HookRoute::Create => {
                    // Rejects an unauthenticated caller before the body is read.
                    registry.whoami(&self.caller)?;
                    let request = self.json::<HookRequest>().await?;
                    let (sort, endpoint) = (request.sort.as_str(), shown(&request.target.endpoint));
                    self.confirm(format!("create a hook of the {sort} {:?} at {endpoint}", request.name));
                    let made = registry.create_hook(&self.caller, request).await?;
                    return Ok(json_response(StatusCode::CREATED, &described(&made)));
                }
                HookRoute::Update { id } => {
                    registry.whoami(&self.caller)?;
                    let target = self.json::<HookTarget>().await?;
                    self.confirm(format!("change the hook {id} to {}", shown(&target.endpoint)));
                    registry.update_hook(&self.caller, &id, target).await?
                }
            };
            Ok(json_response(StatusCode::OK, &described(&hook)))
        }

        async fn hooks(self) -> Result<Response<Body>, Failure> {
            let query = self.request.uri.query().unwrap_or_default().as_bytes();
            let value =
                |name: &str| parse(query).find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
            let number = |name: &str| value(name).and_then(|value| value.parse::<usize>().ok());
            let package = value("package").filter(|package| !package.is_empty());
            let limit = number("limit").unwrap_or(MOST).clamp(1, MOST);
            let offset = number("offset").unwrap_or_default();
            let hooks = self.registry.list_hooks(&self.caller, package.as_deref()).await?;
            let page: Vec<Value> = hooks.iter().skip(offset).take(limit).map(described).collect();
            let mut urls = json!({});
            let next = offset.saturating_add(limit);
            if next < hooks.len() {
                let mut query = url::form_urlencoded::Serializer::new(String::new());
                query.extend_pairs(package.as_ref().map(|package| ("package", package)));
                query.append_pair("limit", &limit.to_string()).append_pair("offset", &next.to_string());
                urls["next"] = format!("/-/npm/v1/hooks?{}", query.finish()).into();
            }
            let answer = json!({ "objects": page, "total": hooks.len(), "urls": urls });
            Ok(json_response(StatusCode::OK, &answer))
        }
    }

    /// The endpoint as it will be called, with its host in ASCII.
    fn shown(endpoint: &str) -> String {
        Url::parse(endpoint).map_or_else(|_| "an invalid URL".to_owned(), Into::into)
    }

    /// Renders a hook as npm's API does, without its secret.
    fn described(hook: &Hook) -> Value {
        let moment = |moment: DateTime<Utc>| Value::from(timestamp(moment));
        json!({
            "id": hook.id,
            "username": hook.account,
            "name": hook.name,
            "endpoint": hook.endpoint,
            "type": hook.sort.as_str(),
            "created": moment(hook.created),
            "updated": moment(hook.updated),
            "deleted": hook.is_deleted,
            "delivered": hook.is_delivered,
            "last_delivery": hook.last_delivery.map(moment),
            "response_code": hook.response_code.unwrap_or_default(),
            "status": if hook.is_deleted { "deleted" } else { "active" },
        })
    }
}
