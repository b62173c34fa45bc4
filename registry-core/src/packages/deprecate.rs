use indexmap::IndexMap;

use crate::Error;
use crate::access::Action;
use crate::auth::Caller;
use crate::clock::timestamp;
use crate::domain::packument::{Packument, Revision};
use crate::domain::{PackageName, Version};
use crate::events::EventKind;
use crate::packages::Packages;

use super::commit::PackumentDecision;

impl Packages {
    pub(crate) async fn deprecate(
        &self,
        caller: &Caller,
        name: &PackageName,
        messages: IndexMap<Version, String>,
        expected: Option<Revision>,
    ) -> Result<Revision, Error> {
        let right = self.authorization.require_write(caller, name, Action::Publish)?;
        let limits = &self.parts.limits;
        messages.values().try_for_each(|message| limits.check_deprecation(message))?;
        let packages = self.clone();
        let decide = move |packument: &mut Packument<'_>| {
            right.require_changeable(packument, expected.as_ref())?;
            let changed = packument.deprecate_versions(&messages, &timestamp(packages.parts.clock.now()))?;
            if changed.is_empty() {
                return Ok(PackumentDecision::Keep(changed));
            }
            Ok(PackumentDecision::Commit(changed))
        };
        Ok(self.change(caller, name, decide, events).await?.revision)
    }
}

fn events(changed: &IndexMap<String, Vec<Version>>) -> Vec<EventKind> {
    let event = |(message, versions): (&String, &Vec<Version>)| {
        let (message, versions) = (message.clone(), versions.clone());
        if message.is_empty() {
            EventKind::Undeprecated { versions }
        } else {
            EventKind::Deprecated { versions, message }
        }
    };
    changed.iter().map(event).collect()
}
