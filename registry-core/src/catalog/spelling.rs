use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::Error;
use crate::catalog::Catalog;
use crate::domain::PackageName;
use crate::storage::{Blob, BlobPath, BlobStoreExt as _, Decision, Key, PutOutcome, When};

/// How many packages of an older store are entered at the same time.
const WRITERS: usize = 16;

/// The second line of an entry whose package was stored.
const STORED: &str = "stored";

/// The entry of a name: in which spelling it was begun, and whether the packument was stored then.
#[derive(Debug)]
struct SpellingEntry {
    name: PackageName,
    is_stored: bool,
}

/// How often a package is looked for that appears between two looks.
pub(crate) const LOOKS: usize = 3;

/// What the entry of a name says of a package that has no packument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// No package of this name was ever begun here.
    Free,
    /// A first publish entered the name, and did not come to store the packument, or has yet to.
    Begun,
    /// The packument is there: it was stored since it was looked for.
    Stored,
}

/// One spelling of each name, and the memory of which names were hosted.
///
/// Names that differ only in capitals are easily taken for one another, so a new package may not have the name of another
/// one in other capitals. The first package of a name enters its spelling under the name in small letters, by a put that
/// only one writer wins, and the entry stays. Once the packument is stored, the entry says so: from then on, a packument
/// that is missing is one that was lost, and its name is not free. A publish that broke off before leaves an entry that
/// does not say so, and anybody who may publish the package may begin it again.
///
/// Packages that are older than these entries are entered once for the whole store, when the next package begins.
impl Catalog {
    /// Refuses a name that differs from that of a hosted package only in capitals. Changes nothing.
    pub(crate) async fn require_free_spelling(&self, name: &PackageName) -> Result<(), Error> {
        let folded = name.folded();
        if let Some(entry) = self.entered_spelling(&folded).await? {
            return one_spelling(name, &entry.name);
        }
        if folded == *name {
            return Ok(());
        }
        if self.parts.store.or_proven_absent(self.read_index(&folded).await?).await?.is_some() {
            return Err(Error::NameInOtherCapitals { name: name.clone(), existing: folded });
        }
        Ok(())
    }

    /// Enters the spelling of a package that is about to begin, or refuses it. Of several writers that begin names which
    /// differ only in capitals, one succeeds.
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

    /// Enters that the packument of a package which claimed its spelling is stored. A failure is no failure of the
    /// publish: the name is then kept from upstreams all the same.
    pub(crate) async fn enter_stored(&self, name: &PackageName) {
        let entered = async {
            let path = Key::Spelling(&name.folded()).path()?;
            Ok::<_, Error>(self.parts.store.put(&path, stored_text(name), When::Always).await?)
        };
        if let Err(error) = entered.await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, package = %name, "could not enter that the package is stored: should its index.json be lost, another publish may begin it again");
        }
    }

    /// What is known of a package of which no packument was found. Fails where the packument was stored once: it is lost
    /// then, and neither is the name free nor may an upstream answer for it.
    pub(crate) async fn standing(&self, name: &PackageName) -> Result<Standing, Error> {
        let entry = self.entered_spelling(&name.folded()).await?;
        let Some(entry) = entry.filter(|entry| entry.name == *name) else { return Ok(Standing::Free) };
        if !entry.is_stored {
            return Ok(Standing::Begun);
        }
        if self.parts.store.or_proven_absent(self.read_index(name).await?).await?.is_some() {
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

    async fn entered_spelling(&self, folded: &PackageName) -> Result<Option<SpellingEntry>, Error> {
        let path = Key::Spelling(folded).path()?;
        let stored = self.parts.store.get(&path).await?;
        stored.map(|blob| SpellingEntry::read(folded, &path, &blob)).transpose()
    }

    /// Enters the packages that were begun before there were such entries. Done once for a store.
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
        if self.read_index(name).await?.is_none() {
            return Ok(());
        }
        let (folded, store) = (name.folded(), &self.parts.store);
        let path = Key::Spelling(&folded).path()?;
        if let PutOutcome::Stored(_) = store.put(&path, stored_text(name), When::Absent).await? {
            return Ok(());
        }
        // Where another spelling is entered already, both exist, and both go on.
        let entered = store.update_with(&path, |stored| {
            let entered = stored.map(|blob| SpellingEntry::read(&folded, &path, blob)).transpose()?;
            Ok::<_, Error>(match entered {
                Some(entry) if entry.name == *name && !entry.is_stored => {
                    Decision::Write(stored_text(name), ())
                }
                _ => Decision::Keep(()),
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
            // Whatever else it says, it does not say that the package never was.
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
    Err(Error::NameInOtherCapitals { name: name.clone(), existing: entered.clone() })
}
