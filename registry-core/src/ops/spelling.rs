use crate::blob::{BlobStoreExt as _, Key, PutOutcome, When};
use crate::domain::PackageName;
use crate::{Error, Registry};

/// One spelling of each name.
///
/// Names that differ only in capitals are easily taken for one another, so a new package may not have the name of another
/// one in other capitals. The first package of a name enters its spelling under the name in small letters, by a put that
/// only one writer wins, and the entry stays. Packages that are older than these entries are looked up in the store: one
/// in small letters is found at its own place, and those with capitals are entered once for the whole store.
impl Registry {
    /// Refuses a name that differs from that of a hosted package only in capitals. Changes nothing.
    pub(super) async fn require_free_spelling(&self, name: &PackageName) -> Result<(), Error> {
        let folded = name.folded();
        if let Some(entered) = self.entered_spelling(&folded).await? {
            return one_spelling(name, &entered);
        }
        if folded == *name {
            return Ok(());
        }
        if self.or_proven_absent(self.read_index(&folded).await?).await?.is_some() {
            return Err(Error::NameInOtherCapitals { name: name.clone(), existing: folded });
        }
        Ok(())
    }

    /// Enters the spelling of a package that is about to begin, or refuses it. Of several writers that begin names which
    /// differ only in capitals, one succeeds.
    pub(super) async fn claim_spelling(&self, name: &PackageName) -> Result<(), Error> {
        self.enter_older_spellings().await?;
        self.require_free_spelling(name).await?;
        let path = Key::Spelling(&name.folded()).path()?;
        let text = name.as_str().to_owned();
        match self.parts.store.put(&path, text.into(), When::Absent).await? {
            PutOutcome::Stored(_) => Ok(()),
            PutOutcome::Conflict => match self.entered_spelling(&name.folded()).await? {
                Some(entered) => one_spelling(name, &entered),
                None => Err(Error::Busy),
            },
        }
    }

    async fn entered_spelling(&self, folded: &PackageName) -> Result<Option<PackageName>, Error> {
        let Some(blob) = self.parts.store.get(&Key::Spelling(folded).path()?).await? else { return Ok(None) };
        let text = std::str::from_utf8(&blob.bytes).ok().and_then(|text| PackageName::parse(text).ok());
        let entered = text.filter(|entered| entered.folded() == *folded);
        let damaged =
            || Error::Damaged(format!("the entry of the spelling of {folded} names no such package").into());
        entered.map(Some).ok_or_else(damaged)
    }

    /// Enters the packages with capitals that were begun before there were such entries. Done once for a store.
    async fn enter_older_spellings(&self) -> Result<(), Error> {
        let done = Key::SpellingsEntered.path()?;
        let store = &self.parts.store;
        if store.get(&done).await?.is_some() {
            return Ok(());
        }
        for name in self.list_packages().await? {
            let folded = name.folded();
            if folded == name || self.read_index(&name).await?.is_none() {
                continue;
            }
            // Where another spelling is entered already, both exist, and both go on.
            let _ = store
                .put(&Key::Spelling(&folded).path()?, name.as_str().to_owned().into(), When::Absent)
                .await?;
        }
        store.put_content_addressed(&done, bytes::Bytes::new()).await?;
        Ok(())
    }
}

fn one_spelling(name: &PackageName, entered: &PackageName) -> Result<(), Error> {
    if entered == name {
        return Ok(());
    }
    Err(Error::NameInOtherCapitals { name: name.clone(), existing: entered.clone() })
}
