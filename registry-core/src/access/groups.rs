use super::entry::Entry;
use crate::vocabulary::Principal;

/// A Bloom filter over the groups of some entries: a group whose bit is missing is certainly not among them. It
/// avoids comparing every group of a principal with every group of a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct GroupMask(u64);

impl GroupMask {
    pub(super) fn of<'entries>(entries: impl IntoIterator<Item = &'entries Entry>) -> Self {
        let bits = entries.into_iter().map(|entry| match entry {
            Entry::Group(name) => bit(name),
            Entry::All | Entry::Authenticated | Entry::User(_) => 0,
        });
        Self(bits.fold(0, |mask, bit| mask | bit))
    }
}

/// Returns the bit of a group, ignoring case.
fn bit(group: &str) -> u64 {
    // Groups of one provider share a prefix and differ at the end.
    let from_end = |back: usize| {
        group.len().checked_sub(back).map_or(0, |at| usize::from(group.as_bytes()[at].to_ascii_lowercase()))
    };
    let mixed =
        group.len().wrapping_mul(7).wrapping_add(from_end(1)).wrapping_add(from_end(2).wrapping_mul(11));
    1 << (mixed % 64)
}

/// The caller, with the groups that the current rule may name.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) principal: Option<&'a Principal>,
    pub(super) groups: Vec<&'a str>,
}

impl<'a> Subject<'a> {
    pub(super) fn of(principal: Option<&'a Principal>, named: GroupMask) -> Self {
        let all = principal.filter(|_| named != GroupMask::default()).map_or(&[][..], |one| &one.groups);
        let groups = all.iter().map(String::as_str).filter(|group| named.0 & bit(group) != 0).collect();
        Self { principal, groups }
    }
}
