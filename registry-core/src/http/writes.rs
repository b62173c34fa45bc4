use crate::access::Action;
use crate::error::{ProxyError, RequestError};
use bytes::Bytes;
use http::{Response, StatusCode};
use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::concurrency::compute_elsewhere;
use crate::domain::packument::JsonKey;
use crate::domain::publication::Publication;
use crate::domain::{PackageName, Version, strict_json};
use crate::packages::document_change::{ChangeDocument, seen_revision};

use super::answer::done;
use super::body::Body;
use super::handle::Call;
use super::route::unpublish_phrase;
use super::status::Failure;

/// What a document sent to `PUT /{name}` asks for.
enum Put {
    Publish(Box<Publication>),
    Change {
        document: Box<ChangeDocument>,
        /// The SHA-256 of the body.
        digest: Vec<u8>,
    },
}

impl Call<'_> {
    /// Handles a publish or another change, which only the document distinguishes: never `npm-command` or `Referer`.
    pub(super) async fn put_packument(
        mut self,
        name: PackageName,
        revision: Option<String>,
    ) -> Result<Response<Body>, Failure> {
        // Rejects an unauthenticated caller before a body of up to a hundred megabytes is read.
        self.registry.authorization().require_signed_in(&self.caller, Some(&name), Action::Publish.into())?;
        let limits = self.registry.parts.http.limits;
        let body = self.body.read(limits.publish_body_bytes).await.map_err(|error| match error {
            Error::Request(RequestError::TooLarge { limit }) => {
                Error::Request(RequestError::PublishTooLarge {
                    limit,
                    instead: self.registry.parts.http.publish_elsewhere.clone(),
                })
            }
            other => other,
        })?;
        let url_name = name.clone();
        let put = compute_elsewhere(move || read(&url_name, &body, &limits)).await.map_err(Error::from)??;
        match put {
            Put::Publish(_) if revision.is_some() => {
                Err(Error::request("a version is published with PUT /{name}, without a revision").into())
            }
            Put::Publish(publication) => {
                let (action, content) = action_of_publish(&publication);
                self.confirm_with(action, content);
                let published = self.registry.publish(&self.caller, *publication).await?;
                Ok(done(StatusCode::CREATED, &name, Some(&published.revision)))
            }
            Put::Change { document, digest } => {
                let (action, content) = action_of_change(&name, &document, digest, revision.is_some());
                self.confirm_with(action, content);
                let changed =
                    self.registry.change_by_document(&self.caller, &name, *document, revision.as_deref());
                changed.await?;
                Ok(done(StatusCode::OK, &name, None))
            }
        }
    }

    pub(super) async fn delete_packument(
        self,
        name: PackageName,
        revision: &str,
    ) -> Result<Response<Body>, Failure> {
        self.registry.authorization().require_signed_in(
            &self.caller,
            Some(&name),
            Action::Administer.into(),
        )?;
        let expected = match seen_revision(revision) {
            Ok(expected) => expected,
            Err(error) => {
                // For a package of an upstream, no revision would help.
                let hosted = self.registry.proxy().require_hosted_to_change(&self.caller, &name).await;
                return Err(match hosted {
                    Err(foreign @ Error::Proxy(ProxyError::ComesFromUpstream { .. })) => foreign,
                    _ => error,
                }
                .into());
            }
        };
        self.registry.unpublish_package(&self.caller, &name, Some(expected)).await?;
        Ok(done(StatusCode::OK, &name, None))
    }

    pub(super) async fn delete_tarball(
        self,
        name: PackageName,
        version: Version,
    ) -> Result<Response<Body>, Failure> {
        self.registry.remove_tarball(&self.caller, &name, &version).await?;
        Ok(done(StatusCode::OK, &name, None))
    }
}

/// Describes a publish, with what else it decides about: the bytes, the tag and the access. A client makes the rest of the
/// document anew when it sends it again.
fn action_of_publish(publication: &Publication) -> (String, String) {
    let Publication { name, version, tag, integrity, restricted, .. } = publication;
    let under = if tag.as_str() == "latest" { String::new() } else { format!(" under the tag {tag}") };
    let hidden = if *restricted { ", hidden from the public" } else { "" };
    (format!("publish {name}@{version}{under}{hidden}"), format!("{integrity} {tag} {restricted}"))
}

/// Describes a change by a document, with what else it decides about. What it changes beside the owners, only the comparison
/// with the stored packument says.
fn action_of_change(
    name: &PackageName,
    document: &ChangeDocument,
    digest: Vec<u8>,
    has_revision: bool,
) -> (String, Vec<u8>) {
    match (&document.versions, &document.maintainers) {
        (None, Some(owners)) => {
            let owners: Vec<_> = owners.iter().map(|owner| owner.name.as_str()).collect();
            (format!("let only {} own {name}", owners.join(", ")), digest)
        }
        // Clients name the revision to unpublish, and delete the tarballs with a second request, which has no body.
        (Some(_), _) if has_revision => (unpublish_phrase(name), Vec::new()),
        _ => (format!("change {name}"), digest),
    }
}

fn read(name: &PackageName, body: &Bytes, limits: &crate::limits::Limits) -> Result<Put, Error> {
    /// The one field that distinguishes a publish from every other change.
    #[derive(Deserialize)]
    struct Kind<'json> {
        #[serde(rename = "_attachments", borrow, default)]
        attachments: Option<IndexMap<JsonKey<'json>, IgnoredAny>>,
    }

    let not_json =
        |error: &dyn std::fmt::Display| Error::request(format!("the document is not valid JSON: {error}"));
    strict_json::check_strict_json(body).map_err(|error| not_json(&error))?;
    let Kind { attachments } = serde_json::from_slice(body).map_err(|error| {
        Error::request(format!("the document does not have the format that npm sends: {error}"))
    })?;
    if attachments.is_some_and(|attachments| !attachments.is_empty()) {
        return Ok(Put::Publish(Box::new(Publication::from_document(name, body, limits)?)));
    }
    let digest = Sha256::digest(body).to_vec();
    let change = |document| Put::Change { document: Box::new(document), digest };
    serde_json::from_slice(body).map(change).map_err(|error| {
        Error::request(format!("the document does not have the format that npm sends: {error}"))
    })
}
