use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

/// Builds a tarball entry by entry, also such as no packer would write.
#[derive(Default)]
pub(crate) struct TarballBuilder {
    archive: Vec<u8>,
}

impl TarballBuilder {
    /// With a `package.json` that is in order.
    pub(crate) fn with_manifest() -> Self {
        Self::default().file("package/package.json", br#"{"name":"greet","version":"1.0.0"}"#)
    }

    /// A regular file.
    pub(crate) fn file(self, path: &str, content: &[u8]) -> Self {
        self.entry(EntryType::Regular, path, content)
    }

    /// An entry of any type.
    pub(crate) fn entry(self, kind: EntryType, path: &str, content: &[u8]) -> Self {
        self.altered(kind, path, content, |_| {})
    }

    /// A link to `target`.
    pub(crate) fn link(self, kind: EntryType, path: &str, target: &str) -> Self {
        self.altered(kind, path, b"", |header| {
            header[157..157 + target.len()].copy_from_slice(target.as_bytes());
        })
    }

    /// An entry whose header is changed before its checksum is written.
    pub(crate) fn altered(
        self,
        kind: EntryType,
        path: &str,
        content: &[u8],
        alter: impl FnOnce(&mut [u8; 512]),
    ) -> Self {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        alter(header.as_mut_bytes());
        header.set_cksum();
        self.raw(header.as_bytes()).padded(content)
    }

    /// A record of an extended header, and the entry that it describes.
    pub(crate) fn extended(self, key: &str, value: &str) -> Self {
        self.entry(EntryType::XHeader, "PaxHeader", record(key, value).as_bytes())
    }

    /// Bytes as they are.
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.archive.extend_from_slice(bytes);
        self
    }

    /// Bytes and zeros up to the next block.
    pub(crate) fn padded(self, bytes: &[u8]) -> Self {
        let padding = bytes.len().next_multiple_of(512) - bytes.len();
        self.raw(bytes).raw(&vec![0; padding])
    }

    /// The gzipped archive.
    pub(crate) fn build(self) -> Vec<u8> {
        gzip(&self.raw(&[0; 1024]).archive)
    }

    /// The gzipped archive without the zeros that end it.
    pub(crate) fn build_without_end(self) -> Vec<u8> {
        gzip(&self.archive)
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A record of an extended header, which begins with its own length.
pub(crate) fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let length =
        (rest.len()..rest.len() + 9).find(|length| length.to_string().len() + rest.len() == *length).unwrap();
    format!("{length}{rest}")
}
