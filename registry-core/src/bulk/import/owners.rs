use crate::Error;
use crate::bulk::BulkMode;
use crate::domain::packument::SourcePackage;

use super::Importing;

impl Importing {
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
