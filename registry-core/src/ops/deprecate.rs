use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use crate::access::Action;
use crate::auth::Caller;
use crate::clock::timestamp;
use crate::domain::packument::{Packument, Revision};
use crate::domain::{PackageName, Version};
use crate::events::EventKind;
use crate::{Error, Registry};

use super::authorize::WriteRight;
use super::commit::{Change, Decision};
use super::publish::internal;

impl Registry {
    /// Sets what installs say of each of these versions; an empty message takes the deprecation back.
    ///
    /// With `expected`, changes nothing and answers [`Error::StaleRevision`] if the packument is not at that
    /// revision any more. Answers the revision after the change.
    pub async fn deprecate(
        &self,
        caller: &Caller,
        name: &PackageName,
        messages: IndexMap<Version, String>,
        expected: Option<Revision>,
    ) -> Result<Revision, Error> {
        let right = self.require_write(caller, name, Action::Publish)?;
        let limits = &self.parts.limits;
        messages.values().try_for_each(|message| limits.check_deprecation(message))?;
        let registry = self.clone();
        let decide = move |packument: &mut Packument<'_>| {
            require_changeable(packument, &right, expected.as_ref())?;
            let mut changed: IndexMap<String, Vec<Version>> = IndexMap::new();
            for (version, message) in &messages {
                if set_deprecated(packument, version, message)? {
                    changed.entry(message.clone()).or_default().push(version.clone());
                }
            }
            if changed.is_empty() {
                return Ok(Decision::Keep(changed));
            }
            packument.time.insert("modified".into(), timestamp(registry.parts.clock.now()));
            Ok(Decision::Commit(changed))
        };
        Ok(self.change(caller, name, decide, tell).await?.revision)
    }
}

async fn tell(change: Change<IndexMap<String, Vec<Version>>>) {
    for (message, versions) in &change.value {
        let (message, versions) = (message.clone(), versions.clone());
        change.emit(if message.is_empty() {
            EventKind::Undeprecated { versions }
        } else {
            EventKind::Deprecated { versions, message }
        });
    }
}

/// Refuses a package that has no versions, or never had any.
pub(super) fn require_existing(packument: &Packument<'_>) -> Result<(), Error> {
    if !packument.versions.is_empty() {
        return Ok(());
    }
    Err(match packument.time.get("unpublished") {
        // That a private package was there is nobody's business.
        Some(time) if !packument.protection.restricted => {
            Error::Unpublished { name: packument.name.clone(), time: time.clone() }
        }
        _ => Error::PackageNotFound(packument.name.clone()),
    })
}

/// Refuses to change a package that is not there, is somebody else's, or is not as the caller saw it.
pub(super) fn require_changeable(
    packument: &Packument<'_>,
    right: &WriteRight,
    expected: Option<&Revision>,
) -> Result<(), Error> {
    require_existing(packument)?;
    right.check(packument)?;
    require_revision(packument, expected)
}

/// Refuses a change that was decided on seeing another revision.
pub(super) fn require_revision(packument: &Packument<'_>, expected: Option<&Revision>) -> Result<(), Error> {
    match expected {
        Some(expected) if *expected != packument.revision => Err(Error::StaleRevision),
        _ => Ok(()),
    }
}

fn set_deprecated(packument: &mut Packument<'_>, version: &Version, message: &str) -> Result<bool, Error> {
    let Some(manifest) = packument.versions.get_mut(version.as_str()) else {
        return Err(Error::VersionNotFound { selector: version.to_string() });
    };
    if deprecation(manifest).unwrap_or_default() == message {
        return Ok(false);
    }
    let mut fields: Map<String, Value> = serde_json::from_str(manifest.get()).map_err(internal)?;
    if message.is_empty() {
        fields.shift_remove("deprecated");
    } else {
        fields.insert("deprecated".into(), message.into());
    }
    *manifest = Cow::Owned(to_raw_value(&fields).map_err(internal)?);
    Ok(true)
}

/// What a stored manifest says of its deprecation.
pub(super) fn deprecation(manifest: &RawValue) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Deprecated {
        deprecated: Option<Value>,
    }
    let Deprecated { deprecated } = serde_json::from_str(manifest.get()).ok()?;
    deprecation_text(deprecated.as_ref())
}

/// How clients spell a deprecation: a message; and an empty one, `false` or nothing for none.
pub(super) fn deprecation_text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(message) if !message.is_empty() => Some(message.clone()),
        Value::Bool(true) => Some("this version is deprecated".into()),
        _ => None,
    }
}
