use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// How many names one answer to a listing holds: few, so that tests see more than one page.
const PAGE: usize = 7;

/// What a bucket holds.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    ignores_conditions: bool,
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, BTreeMap<u32, Bytes>>,
    last_generation: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) bytes: Bytes,
    pub(super) generation: u64,
}

impl Object {
    /// A digest of the content, as Google's is: an object that is replaced by its own content keeps it.
    pub(super) fn etag(&self) -> String {
        etag(&self.bytes)
    }
}

pub(super) fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", &const_hex::encode(Sha256::digest(bytes))[..32])
}

/// A part of a listing.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) objects: Vec<(String, Object)>,
    pub(super) folders: BTreeSet<String>,
    /// The name after which the next page begins.
    pub(super) next: Option<String>,
}

impl Bucket {
    pub(super) fn that_ignores_conditions() -> Self {
        Self { ignores_conditions: true, ..Self::default() }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Object> {
        self.objects.get(name)
    }

    /// `None` where the condition does not hold. Generation 0 is that of an object that is not there.
    pub(super) fn put(&mut self, name: &str, bytes: Bytes, if_generation: Option<u64>) -> Option<Object> {
        let present = self.objects.get(name).map_or(0, |object| object.generation);
        if if_generation.is_some_and(|wanted| wanted != present) && !self.ignores_conditions {
            return None;
        }
        self.last_generation += 1;
        let object = Object { bytes, generation: 1_700_000_000_000_000 + self.last_generation };
        self.objects.insert(name.to_owned(), object.clone());
        Some(object)
    }

    pub(super) fn delete(&mut self, name: &str) -> bool {
        self.objects.remove(name).is_some()
    }

    pub(super) fn begin_upload(&mut self) -> String {
        self.last_generation += 1;
        let id = format!("upload-{}", self.last_generation);
        self.uploads.insert(id.clone(), BTreeMap::new());
        id
    }

    pub(super) fn put_part(&mut self, id: &str, number: u32, bytes: Bytes) -> bool {
        self.uploads.get_mut(id).map(|parts| parts.insert(number, bytes)).is_some()
    }

    pub(super) fn end_upload(&mut self, id: &str) -> Option<Bytes> {
        let parts: Vec<Bytes> = self.uploads.remove(id)?.into_values().collect();
        Some(parts.concat().into())
    }

    /// Names that begin with `prefix` and come after `after`, in order. What has `delimiter` behind the prefix is told
    /// once, as a folder.
    pub(super) fn list(&self, prefix: &str, delimiter: Option<&str>, after: &str) -> Page {
        let mut page = Page::default();
        let mut last = String::new();
        for (name, object) in self.objects.iter().filter(|(name, _)| name.starts_with(prefix)) {
            let rest = &name[prefix.len()..];
            let folder = delimiter.and_then(|delimiter| rest.split_once(delimiter));
            let folder = folder.map(|(folder, _)| format!("{prefix}{folder}/"));
            // A page that ended with a folder is followed by what is behind the whole folder.
            let shown = folder.as_ref().unwrap_or(name);
            if shown.as_str() <= after || page.folders.contains(shown) {
                continue;
            }
            if page.objects.len() + page.folders.len() == PAGE {
                page.next = Some(last);
                break;
            }
            last.clone_from(shown);
            match folder {
                Some(folder) => drop(page.folders.insert(folder)),
                None => page.objects.push((name.clone(), object.clone())),
            }
        }
        page
    }
}
