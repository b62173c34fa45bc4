use std::sync::Arc;

use url::form_urlencoded;

use crate::auth::Caller;
use crate::concurrency::compute;
use crate::domain::packument::VersionDecisions;
use crate::domain::shorten::shorten;
use crate::domain::{PackageName, VersionRefusal};
use crate::error::{PackageError, PolicyError};
use crate::http::handle::Call;
use crate::packages::known_bases::RenderedBase;
use crate::upstream::PackumentForm;
use crate::web::{ListedVersion, PackageView};
use crate::{Error, Registry};

use super::Frame;

/// Who looks at a page, and with what.
pub(super) struct Viewer<'a> {
    pub(super) registry: &'a Registry,
    pub(super) caller: Caller,
    pub(super) frame: Frame<'a>,
    pub(super) base: RenderedBase,
    query: &'a str,
}

/// A package as the viewer may see it.
pub(super) struct ShownPackage {
    pub(super) name: PackageName,
    pub(super) view: Arc<PackageView>,
    /// The versions that policies refuse.
    pub(super) refused: Vec<(String, VersionRefusal)>,
    /// Whether only some callers may read it, although the access rules would let others.
    pub(super) is_restricted: bool,
}

impl<'a> Viewer<'a> {
    pub(super) fn of(call: &Call<'a>) -> Self {
        Self {
            registry: call.registry,
            caller: call.caller.clone(),
            frame: Frame::of(call),
            base: call.rendered_base(),
            query: call.request.uri.query().unwrap_or_default(),
        }
    }

    /// Returns a field of the query.
    pub(super) fn field(&self, field: &str) -> Option<String> {
        let mut fields = form_urlencoded::parse(self.query.as_bytes());
        fields.find(|(name, _)| name == field).map(|(_, value)| value.into_owned())
    }

    /// Reads a package as the JSON route does.
    pub(super) async fn package(&self, name: &PackageName) -> Result<ShownPackage, Error> {
        let read = self.registry.packument(&self.caller, name, PackumentForm::Full, &self.base.rendered);
        let representation = read.await?;
        let views = &self.frame.web.views;
        let key = format!("{name} {}", representation.etag);
        let view = if let Some(view) = views.get(&key) {
            view
        } else {
            let json = representation.identity.clone();
            let view = compute(json.len(), move || PackageView::parse(json)).await?;
            let view = Arc::new(view.map_err(|error| Error::Internal(error.into()))?);
            views.insert(key, Arc::clone(&view));
            view
        };
        let refused = representation.decisions.iter().flat_map(VersionDecisions::refused);
        let refused = refused.map(|(version, refusal)| (version.to_owned(), refusal.clone())).collect();
        let is_restricted = representation.audience.is_restricted();
        Ok(ShownPackage { name: name.clone(), view, refused, is_restricted })
    }
}

impl ShownPackage {
    /// Returns the version of this number or dist-tag, or the latest one.
    pub(super) fn select(&self, selector: Option<&str>) -> Result<&ListedVersion, Error> {
        let not_found = |selector: &str| {
            let refused = self.refused.iter().find(|(version, _)| version == selector);
            match refused {
                Some((version, refusal)) => Error::Policy(PolicyError::Refused {
                    name: self.name.clone(),
                    version: version.clone(),
                    refusal: Box::new(refusal.clone()),
                }),
                None => {
                    Error::Package(PackageError::VersionNotFound { selector: shorten(selector).into_owned() })
                }
            }
        };
        match selector {
            None => {
                self.view.latest().ok_or_else(|| Error::Package(PackageError::NotFound(self.name.clone())))
            }
            Some(selector) => self.view.find(selector).ok_or_else(|| not_found(selector)),
        }
    }
}
