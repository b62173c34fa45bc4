use std::collections::BTreeMap;

use crate::Error;
use crate::accounts::Accounts;
use crate::domain::PackageName;
use crate::storage::{BlobDecision, Key};

use super::Trust;
use super::record::Trusts;

impl Trust {
    /// Rejects a build of another repository than the one that built first.
    pub(super) fn refuse_another_repository(
        &self,
        identity: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        let anew = "to trust it, revoke the trust and create it again";
        for (claim, pinned) in &self.pinned {
            match identity.get(claim) {
                Some(id) if id == pinned => {}
                Some(id) => {
                    return Err(format!(
                        "{claim} is {id}, and that of the trusted repository is {pinned}: it was renamed or \
                         recreated; {anew}"
                    ));
                }
                None => {
                    return Err(format!("the claim {claim} is missing, which its builds had before; {anew}"));
                }
            }
        }
        Ok(())
    }
}

impl Accounts {
    /// Pins a trust to the repository whose build comes first, across replicas. Returns why this build is not of that
    /// repository.
    pub(super) async fn pin_trust(
        &self,
        name: &PackageName,
        id: &str,
        identity: &BTreeMap<String, String>,
    ) -> Result<Result<(), String>, Error> {
        let path = Key::Trust(name).path()?;
        let pinned = self.parts.store.update_with(&path, |stored| {
            let mut stored = Trusts::read(stored)?;
            let Some(trust) = stored.trusts.iter_mut().find(|trust| trust.id == id) else {
                return Ok(BlobDecision::Keep(Err("the trust was revoked".to_owned())));
            };
            if let Err(reason) = trust.refuse_another_repository(identity) {
                return Ok(BlobDecision::Keep(Err(reason)));
            }
            if identity.keys().all(|claim| trust.pinned.contains_key(claim)) {
                return Ok(BlobDecision::Keep(Ok(())));
            }
            trust.pinned.extend(identity.clone());
            Ok(BlobDecision::Write(stored.write()?, Ok(())))
        });
        pinned.await
    }
}
