use indexmap::IndexMap;

use crate::access::Action;
use crate::auth::Caller;
use crate::clock::timestamp;
use crate::domain::packument::{Packument, Revision};
use crate::domain::{PackageName, Version};
use crate::events::EventKind;
use crate::{Error, Registry};

use super::authorize::WriteRight;
use super::commit::{Change, Decision};

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
            let changed = packument.deprecate_versions(&messages, &timestamp(registry.parts.clock.now()))?;
            if changed.is_empty() {
                return Ok(Decision::Keep(changed));
            }
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

/// Refuses to change a package that does not exist, has other owners, or is not as the caller saw it.
pub(crate) fn require_changeable(
    packument: &Packument<'_>,
    right: &WriteRight,
    expected: Option<&Revision>,
) -> Result<(), Error> {
    packument.require_existing()?;
    right.check(packument)?;
    Ok(packument.require_revision(expected)?)
}
