//! Tar archives of whatever a fuzzer says.

/// The unit of a tar archive.
const BLOCK: usize = 512;

/// Packs files below `package/`, without minding what their paths are.
pub(super) fn pack<'a>(files: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Vec<u8> {
    let mut archive = Vec::new();
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        let path = [b"package/", path].concat();
        let path = &path[..path.len().min(100)];
        header.as_mut_bytes()[..path.len()].copy_from_slice(path);
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(content);
        fill_block(&mut archive);
    }
    end(archive)
}

/// Makes an archive of bytes that are none: with the right checksum in each header, filled up and ended.
pub(super) fn mend(bytes: &[u8]) -> Vec<u8> {
    let mut archive = bytes.to_vec();
    fill_block(&mut archive);
    let mut at = 0;
    while let Some(block) = archive.get_mut(at..at + BLOCK) {
        let mut header = tar::Header::new_old();
        header.as_mut_bytes().copy_from_slice(block);
        header.set_cksum();
        block.copy_from_slice(header.as_bytes());
        let size = header.entry_size().ok().and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
        at = at.saturating_add(BLOCK).saturating_add(size.saturating_add(BLOCK - 1) / BLOCK * BLOCK);
        if at > archive.len() {
            break;
        }
    }
    end(archive)
}

fn fill_block(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(BLOCK), 0);
}

fn end(mut archive: Vec<u8>) -> Vec<u8> {
    archive.resize(archive.len() + 2 * BLOCK, 0);
    archive
}
