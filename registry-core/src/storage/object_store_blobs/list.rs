use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore as _};

use super::ObjectStoreBlobs;
use crate::storage::{BlobError, BlobPath, BlobPrefix, ListedBlob};

pub(super) fn blobs(
    store: &ObjectStoreBlobs,
    prefix: &BlobPrefix,
) -> BoxStream<'static, Result<ListedBlob, BlobError>> {
    let location = match location(store, prefix) {
        Ok(location) => location,
        Err(error) => return stream::once(async { Err(error) }).boxed(),
    };
    let listed = store.store.list(location.as_ref());
    let (store, prefix) = (store.clone(), prefix.clone());
    let in_order = store.lists_in_order;
    let blobs = listed.filter_map(move |meta| {
        let blob = match meta {
            Ok(meta) => listed_blob(&store, &prefix, &meta).map(Ok),
            Err(error) => Some(Err(store.failed(&prefix, error))),
        };
        async { blob }
    });
    if in_order { blobs.boxed() } else { sorted(blobs.boxed()) }
}

pub(super) async fn folders(store: &ObjectStoreBlobs, prefix: &BlobPrefix) -> Result<Vec<String>, BlobError> {
    let location = location(store, prefix)?;
    let listed = store.store.list_with_delimiter(location.as_ref()).await;
    let folders = listed.map_err(|error| store.failed(prefix, error))?.common_prefixes;
    let mut names: Vec<String> = folders
        .iter()
        .filter_map(|folder| folder.as_ref().rsplit('/').next())
        .filter(|name| BlobPath::parse(name).is_ok())
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn location(store: &ObjectStoreBlobs, prefix: &BlobPrefix) -> Result<Option<Path>, BlobError> {
    match (prefix.path(), store.prefix.path()) {
        (Some(folder), _) => store.location(folder).map(Some),
        (None, Some(root)) => {
            Path::parse(root.as_str()).map(Some).map_err(|error| store.failed(root, error.into()))
        }
        (None, None) => Ok(None),
    }
}

/// Skips keys that are not valid blob paths, such as the folder markers of a cloud console.
fn listed_blob(store: &ObjectStoreBlobs, prefix: &BlobPrefix, meta: &ObjectMeta) -> Option<ListedBlob> {
    let whole = BlobPath::parse(meta.location.as_ref()).ok()?;
    let path = BlobPath::parse(store.prefix.remainder(&whole)?).ok()?;
    prefix.holds(&path).then_some(ListedBlob { path, length: meta.size, last_modified: meta.last_modified })
}

fn sorted(
    blobs: BoxStream<'static, Result<ListedBlob, BlobError>>,
) -> BoxStream<'static, Result<ListedBlob, BlobError>> {
    let gathered = async {
        let mut blobs: Vec<ListedBlob> = blobs.try_collect().await?;
        blobs.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(stream::iter(blobs.into_iter().map(Ok)))
    };
    stream::once(gathered).try_flatten().boxed()
}
