use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::Error;
use crate::catalog::Catalog;
use crate::domain::PackageName;
use crate::error::NewPackageError;
use crate::storage::{Blob, BlobDecision, BlobPath, BlobStoreExt as _, Key, PutOutcome, When};

/// How many packages of an older store are entered concurrently.
const WRITERS: usize = 16;

/// The second line of an entry whose packument was stored.
const STORED: &str = "stored";

/// The entry of a name: the spelling that began it, and whether the packument was stored.
#[derive(Debug)]
struct SpellingEntry {
    name: PackageName,
    is_stored: bool,
}

/// How often a lookup is repeated for a package that appears between two lookups.
pub(crate) const MAX_LOOKUPS: usize = 3;

/// What the entry of a name says about a package that has no packument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// No package of this name ever began here.
    Free,
    /// A first publish entered the name and has not stored the packument, or never did.
    Begun,
    /// The packument exists: it was stored after the lookup.
    Stored,
}

/// One spelling of each name, and the memory of which names were hosted.
///
/// Names that differ only in capitals are easily confused, so a new package may not have another package's name in
/// different capitals. The first package of a name enters its spelling under the lowercase name, by a put that only one
/// writer wins, and the entry stays. Once the packument is stored, the entry says so: from then on, a missing packument
/// is a lost one, and its name is not free. An interrupted publish leaves an entry that does not say so, and every
/// caller who may publish the package may begin it again.
///
/// Packages older than these entries are entered once for the whole store, when the next package begins.
impl Catalog {
    /// Rejects a name that differs from a hosted package's only in capitals. Changes nothing.
    pub(crate) async fn require_free_spelling(&self, name: &PackageName) -> Result<(), Error> {
        let folded = name.folded();
        if let Some(entry) = self.entered_spelling(&folded).await? {
            return one_spelling(name, &entry.name);
        }
        if folded == *name {
            return Ok(());
        }
        if self.parts.store.or_proven_absent(self.read_packument(&folded).await?).await?.is_some() {
            return Err(Error::NewPackage(NewPackageError::NameInOtherCapitals {
                name: name.clone(),
                existing: folded,
            }));
        }
        Ok(())
    }

    /// Claims the spelling of a new package, or rejects it. Of several writers whose names differ only in capitals, one
    /// succeeds.
    pub(crate) async fn claim_spelling(&self, name: &PackageName) -> Result<(), Error> {
        self.enter_older_packages().await?;
        self.require_free_spelling(name).await?;
        let path = Key::Spelling(&name.folded()).path()?;
        let text = name.as_str().to_owned();
        match self.parts.store.put(&path, text.into(), When::Absent).await? {
            PutOutcome::Stored(_) => Ok(()),
            PutOutcome::Conflict => match self.entered_spelling(&name.folded()).await? {
                Some(entry) => one_spelling(name, &entry.name),
                None => Err(Error::Busy),
            },
        }
    }

    /// Records that the packument of a claimed spelling is stored. A failure does not fail the publish: the name is
    /// withheld from upstreams in either case.
    pub(crate) async fn enter_stored(&self, name: &PackageName) {
        let entered = async {
            let path = Key::Spelling(&name.folded()).path()?;
            Ok::<_, Error>(self.parts.store.put(&path, stored_text(name), When::Always).await?)
        };
        if let Err(error) = entered.await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, package = %name, "could not record that the package is stored: if its index.json is lost, another publish may begin it again");
        }
    }

    /// Returns what is known of a package without a packument. Fails if the packument was once stored: it is lost, so
    /// the name is not free and no upstream may answer for it.
    pub(crate) async fn standing(&self, name: &PackageName) -> Result<Standing, Error> {
        let entry = self.entered_spelling(&name.folded()).await?;
        let Some(entry) = entry.filter(|entry| entry.name == *name) else { return Ok(Standing::Free) };
        if !entry.is_stored {
            return Ok(Standing::Begun);
        }
        if self.parts.store.or_proven_absent(self.read_packument(name).await?).await?.is_some() {
            return Ok(Standing::Stored);
        }
        let (index, entry) = (Key::Packument(name).path()?, Key::Spelling(&name.folded()).path()?);
        Err(Error::Damaged(
            format!(
                "{index} is gone, though {name} is hosted here: restore it from a backup, or free the name by deleting \
                 {entry}, too"
            )
            .into(),
        ))
    }

    /// Whether it is certain that no packument of this name was ever stored here, so that a missing one is not lost.
    pub(crate) async fn was_never_stored(&self, name: &PackageName) -> Result<bool, Error> {
        match self.entered_spelling(&name.folded()).await {
            Ok(Some(entry)) => Ok(entry.name == *name && !entry.is_stored),
            // Without an entry, only a store in which all older packages were entered proves it.
            Ok(None) => Ok(self.parts.store.get_proven(&Key::SpellingsEntered.path()?).await?.is_some()),
            Err(Error::Damaged(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns the package whose spelling is entered under a lowercase name.
    pub(crate) async fn spelled_as(&self, folded: &PackageName) -> Result<Option<PackageName>, Error> {
        Ok(self.entered_spelling(folded).await?.map(|entry| entry.name))
    }

    async fn entered_spelling(&self, folded: &PackageName) -> Result<Option<SpellingEntry>, Error> {
        let path = Key::Spelling(folded).path()?;
        let stored = self.parts.store.get(&path).await?;
        stored.map(|blob| SpellingEntry::read(folded, &path, &blob)).transpose()
    }

    /// Enters the packages that began before entries existed. Runs once per store.
    async fn enter_older_packages(&self) -> Result<(), Error> {
        let done = Key::SpellingsEntered.path()?;
        if self.parts.store.get(&done).await?.is_some() {
            return Ok(());
        }
        let names = self.list_packages().await?;
        let entering = names.into_iter().map(|name| async move { self.enter_older_package(&name).await });
        stream::iter(entering).buffer_unordered(WRITERS).try_collect::<()>().await?;
        Ok(self.parts.store.put_content_addressed(&done, Bytes::new()).await?)
    }

    async fn enter_older_package(&self, name: &PackageName) -> Result<(), Error> {
        if self.read_packument(name).await?.is_none() {
            return Ok(());
        }
        let (folded, store) = (name.folded(), &self.parts.store);
        let path = Key::Spelling(&folded).path()?;
        if let PutOutcome::Stored(_) = store.put(&path, stored_text(name), When::Absent).await? {
            return Ok(());
        }
        // Where another spelling is already entered, both packages exist and both stay.
        let entered = store.update_with(&path, |stored| {
            let entered = stored.map(|blob| SpellingEntry::read(&folded, &path, blob)).transpose()?;
            Ok::<_, Error>(match entered {
                Some(entry) if entry.name == *name && !entry.is_stored => {
                    BlobDecision::Write(stored_text(name), ())
                }
                _ => BlobDecision::Keep(()),
            })
        });
        entered.await
    }
}

impl SpellingEntry {
    fn read(folded: &PackageName, path: &BlobPath, blob: &Blob) -> Result<Self, Error> {
        let text = std::str::from_utf8(&blob.bytes).unwrap_or_default();
        let (spelled, is_stored) = match text.split_once('\n') {
            None => (text, false),
            Some((spelled, STORED)) => (spelled, true),
            // An unreadable second line does not prove that the package never existed.
            Some(_) => ("", false),
        };
        match PackageName::parse(spelled) {
            Ok(name) if name.folded() == *folded => Ok(Self { name, is_stored }),
            _ => Err(Error::Damaged(
                format!("{path} names no spelling of {folded}: restore it from a backup").into(),
            )),
        }
    }
}

fn stored_text(name: &PackageName) -> Bytes {
    format!("{name}\n{STORED}").into()
}

fn one_spelling(name: &PackageName, entered: &PackageName) -> Result<(), Error> {
    if entered == name {
        return Ok(());
    }
    Err(Error::NewPackage(NewPackageError::NameInOtherCapitals {
        name: name.clone(),
        existing: entered.clone(),
    }))
}
