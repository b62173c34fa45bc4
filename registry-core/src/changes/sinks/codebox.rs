use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use indexmap::IndexMap;
use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::changes::{ChangeSink, DeliveredChange};
use crate::domain::PackageName;
use crate::events::EventError;
use crate::storage::{BlobStore, BlobStoreExt as _, Key};
use crate::vocabulary::BoxError;

use super::post::{EventHead, SinkError, client, in_order_per_package, post};

/// The fields of a manifest that codebox-npm sends along.
const MANIFEST_FIELDS: [&str; 9] = [
    "name",
    "description",
    "version",
    "keywords",
    "license",
    "contributors",
    "dependencies",
    "homepage",
    "repository",
];

/// The settings of a [`CodeboxLog`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CodeboxLogSettings {
    /// Where events are posted to.
    pub url: Url,
    /// `clientId` of an existing deployment.
    pub client_id: String,
    /// `secret` of an existing deployment.
    pub secret: SecretString,
    /// `logTopic` of an existing deployment, sent as the header `logTopic` if it is set.
    pub log_topic: Option<String>,
}

impl CodeboxLogSettings {
    /// Settings without a topic.
    pub fn new(url: Url, client_id: String, secret: SecretString) -> Self {
        Self { url, client_id, secret, log_topic: None }
    }
}

/// Posts each change of a package in the format of codebox-npm's logger, with its credentials: publishes as
/// `info:package:put`, dist-tags as `info:dist-tags:put` and `info:dist-tags:delete`, deprecations and unpublished
/// versions as `info:package:put` with the `command` that made them, packages that are sent again as the same with the
/// `command` `index`. Changes without a counterpart there, such as those
/// of organizations, are not sent.
pub struct CodeboxLog {
    settings: CodeboxLogSettings,
    client: Client,
    store: Arc<dyn BlobStore>,
}

/// The part of an event that the format needs.
#[derive(Debug, Deserialize)]
struct Told {
    package: PackageName,
    #[serde(default)]
    principal: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    tag: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// The part of a packument that the format needs.
#[derive(Debug, Default, Deserialize)]
struct Stored {
    #[serde(default, rename = "dist-tags")]
    dist_tags: IndexMap<String, String>,
    #[serde(default)]
    versions: IndexMap<String, Box<serde_json::value::RawValue>>,
}

impl CodeboxLog {
    /// Creates the sink. `store` is the registry's own. The process must have installed a default `rustls` crypto
    /// provider.
    pub fn new(settings: CodeboxLogSettings, store: Arc<dyn BlobStore>) -> Result<Self, SinkError> {
        Ok(Self { settings, client: client()?, store })
    }

    async fn send(&self, change: &DeliveredChange, head: EventHead) -> Result<(), BoxError> {
        let Some(message) = self.message(change, &head).await? else { return Ok(()) };
        let CodeboxLogSettings { url, client_id, secret, log_topic } = &self.settings;
        let credential = format!("Bearer {client_id}:{}", secret.expose_secret());
        let mut credential = HeaderValue::from_str(&credential)?;
        credential.set_sensitive(true);
        let mut headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (AUTHORIZATION, credential),
        ]);
        if let Some(topic) = log_topic {
            headers.insert("logtopic", HeaderValue::from_str(topic)?);
        }
        post(&self.client, url, headers, message.to_string().into()).await
    }

    async fn message(&self, change: &DeliveredChange, head: &EventHead) -> Result<Option<Value>, BoxError> {
        let (namespace, command) = match head.kind.as_str() {
            "published" | "stage-approved" => ("info:package:put", "publish"),
            "indexed" => ("info:package:put", "index"),
            "deprecated" | "undeprecated" => ("info:package:put", "deprecate"),
            "unpublished" | "package-unpublished" => ("info:package:put", "unpublish"),
            "dist-tag-set" => ("info:dist-tags:put", "dist-tag"),
            "dist-tag-removed" => ("info:dist-tags:delete", "dist-tag"),
            _ => return Ok(None),
        };
        let told: Told = serde_json::from_str(change.event.get())?;
        let stored = self.read(&told.package).await?;
        let (name, version) = (told.package.as_str(), told.version.as_deref());
        let dist_tags = json!(stored.dist_tags);
        let (arguments, body) = match command {
            "publish" | "index" => {
                (json!([]), published(&stored, name, version.unwrap_or_default(), dist_tags)?)
            }
            "dist-tag" => {
                let tag = told.tag.as_deref().unwrap_or_default();
                let mut body = json!({ "name": name, "tag": tag });
                if let Some(version) = version {
                    body["version"] = json!(version);
                }
                body["dist-tags"] = dist_tags;
                let verb = if version.is_some() { "add" } else { "rm" };
                (json!([verb, name, tag]), body)
            }
            _ => {
                let body = json!({
                    "name": name, "versions": told.versions, "message": told.message, "dist-tags": dist_tags,
                });
                (json!([name]), body)
            }
        };
        Ok(Some(json!({
            "user": { "name": told.principal, "avatar": null },
            "timestamp": head.time,
            "level": "info",
            "namespace": namespace,
            "command": { "name": command, "args": arguments },
            "body": body,
        })))
    }

    async fn read(&self, name: &PackageName) -> Result<Stored, BoxError> {
        let paths = [Key::Packument(name).path()?, Key::PlainPackument(name).path()?];
        let found = self.store.get_first(&paths).await?;
        Ok(found.map(|(_, blob)| serde_json::from_slice(&blob.bytes)).transpose()?.unwrap_or_default())
    }
}

/// Returns what codebox-npm tells of a publish. A version that was removed since has only its name.
fn published(stored: &Stored, name: &str, version: &str, dist_tags: Value) -> Result<Value, BoxError> {
    let manifest: Map<String, Value> = match stored.versions.get(version) {
        Some(manifest) => serde_json::from_str(manifest.get())?,
        None => Map::from_iter([("name".into(), name.into()), ("version".into(), version.into())]),
    };
    let field = |field: &str| Some((field.to_owned(), manifest.get(field)?.clone()));
    let mut body: Map<String, Value> = MANIFEST_FIELDS.into_iter().filter_map(field).collect();
    body.insert("dist-tags".into(), dist_tags);
    Ok(body.into())
}

#[async_trait]
impl ChangeSink for CodeboxLog {
    async fn deliver(&self, changes: &[DeliveredChange]) -> Result<(), EventError> {
        let sent = in_order_per_package(changes, |change, head| self.send(change, head)).await;
        sent.map_err(|source| EventError { sink: self.to_string(), source })
    }
}

impl fmt::Debug for CodeboxLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CodeboxLog").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl fmt::Display for CodeboxLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the log of codebox at {}", self.settings.url.host_str().unwrap_or_default())
    }
}
