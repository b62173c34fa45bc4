use super::entry::Entry;
use crate::vocabulary::Principal;

/// The groups that some entries name, boiled down to a few bits: a group without its bit is certainly none of them.
/// Somebody may be in many groups and a rule may name many; this spares comparing each with each.
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

/// The same for names that differ in capitals alone.
fn bit(group: &str) -> u64 {
    // Groups of one provider begin alike and end differently.
    let from_end = |back: usize| {
        group.len().checked_sub(back).map_or(0, |at| usize::from(group.as_bytes()[at].to_ascii_lowercase()))
    };
    let mixed =
        group.len().wrapping_mul(7).wrapping_add(from_end(1)).wrapping_add(from_end(2).wrapping_mul(11));
    1 << (mixed % 64)
}

/// Who asks, with those of their groups that the rule at hand may name.
#[derive(Debug)]
pub(super) struct Asking<'a> {
    pub(super) principal: Option<&'a Principal>,
    pub(super) groups: Vec<&'a str>,
}

impl<'a> Asking<'a> {
    pub(super) fn of(principal: Option<&'a Principal>, named: GroupMask) -> Self {
        let all = principal.filter(|_| named != GroupMask::default()).map_or(&[][..], |one| &one.groups);
        let groups = all.iter().map(String::as_str).filter(|group| named.0 & bit(group) != 0).collect();
        Self { principal, groups }
    }
}
