//! Proofs that a log has an entry (RFC 9162, section 2.1.3.2).

use sha2::{Digest as _, Sha256};

type Hash = [u8; 32];

pub(super) fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

fn node_hash(left: &[u8], right: &[u8]) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// Computes the root of a tree of `size` entries from the entry at `index` and its path; `None` if the path does not fit.
pub(super) fn root_of<'a>(
    entry: &[u8],
    index: u64,
    size: u64,
    path: impl Iterator<Item = &'a [u8]>,
) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = leaf_hash(entry);
    for sibling in path {
        if last == 0 || sibling.len() != hash.len() {
            return None;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root and the path of an entry, as RFC 9162 defines them.
    fn root_and_path(entries: &[&[u8]], index: usize) -> (Hash, Vec<Hash>) {
        if let [only] = entries {
            return (leaf_hash(only), Vec::new());
        }
        let split = entries.len().next_power_of_two() / 2;
        let (left, right) = entries.split_at(split);
        let whole = |half: &[&[u8]]| root_and_path(half, 0).0;
        let ((root, mut path), sibling) = if index < split {
            let (of_left, right) = (root_and_path(left, index), whole(right));
            ((node_hash(&of_left.0, &right), of_left.1), right)
        } else {
            let (left, of_right) = (whole(left), root_and_path(right, index - split));
            ((node_hash(&left, &of_right.0), of_right.1), left)
        };
        path.push(sibling);
        (root, path)
    }

    #[test]
    fn every_entry_of_every_tree_is_proven_at_its_place_alone() {
        let entries: Vec<Vec<u8>> = (0_u8..20).map(|entry| vec![entry]).collect();
        let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        for size in 1..=entries.len() {
            for index in 0..size {
                let (root, path) = root_and_path(&entries[..size], index);
                let proven = |entry: &[u8], index: usize, path: &[Hash]| {
                    let path = path.iter().map(|hash| &hash[..]);
                    root_of(entry, index as u64, size as u64, path) == Some(root)
                };
                assert!(proven(entries[index], index, &path), "{index} of {size}");
                assert!(!proven(b"other", index, &path), "{index} of {size}");
                assert!((0..size).all(|other| other == index || !proven(entries[index], other, &path)));
                for cut in 0..path.len() {
                    let without: Vec<_> = [&path[..cut], &path[cut + 1..]].concat();
                    assert!(!proven(entries[index], index, &without), "{index} of {size}");
                }
                let longer = [&path[..], &[root]].concat();
                assert!(!proven(entries[index], index, &longer), "{index} of {size}");
            }
        }
    }
}
