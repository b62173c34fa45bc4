use crate::Error;
use crate::bulk::{BulkError, BulkMode};
use crate::domain::PackageName;
use crate::domain::packument::SourcePackage;
use crate::domain::shorten::shorten;

use super::Importing;
use super::package::of_package;

impl Importing {
    /// Removes the owners whose names no account here can have, and returns their names. Fails if none is left, since a package
    /// without owners belongs to every account.
    pub(super) async fn leave_owners_out(
        &self,
        package: &PackageName,
        source: &mut SourcePackage,
    ) -> Result<Vec<String>, BulkError> {
        let mut left_out = Vec::new();
        for name in source.owner_names() {
            if !self.accounts.can_be_account(name).await.map_err(of_package(package))? {
                left_out.push(name.to_owned());
            }
        }
        if left_out.is_empty() {
            return Ok(left_out);
        }
        source.maintainers.retain(|owner| !left_out.contains(&owner.name));
        if source.maintainers.is_empty() {
            let owners =
                left_out.iter().map(|name| format!("{:?}", shorten(name))).collect::<Vec<_>>().join(", ");
            return Err(BulkError::NoPossibleOwner { package: package.clone(), owners });
        }
        Ok(left_out)
    }

    /// Reserves the names of owners who have no account here, and returns them. It comes before the package is stored, so
    /// that its owners are never free names.
    pub(super) async fn reserve_owners(&self, source: &SourcePackage) -> Result<Vec<String>, Error> {
        let mut reserved = Vec::new();
        for name in source.owner_names() {
            let mut owners = self.owners.lock().await;
            let is_reserved = if let Some(is_reserved) = owners.get(name) {
                *is_reserved
            } else {
                let asked = self.accounts.reserve_name(name, self.mode == BulkMode::Apply).await?;
                owners.insert(name.to_owned(), asked);
                asked
            };
            if is_reserved {
                reserved.push(name.to_owned());
            }
        }
        Ok(reserved)
    }
}
