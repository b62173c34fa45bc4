use std::borrow::Cow;
use std::collections::HashMap;

use crate::domain::PackageName;
use crate::vocabulary::PackagePattern;

/// Finds the first of many patterns that matches a name, without trying all of them.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    /// Patterns without `*`, in lowercase.
    names: HashMap<Box<str>, usize>,
    /// Patterns for a whole scope, by the scope in lowercase.
    scopes: HashMap<Box<str>, usize>,
    /// All other patterns, in order.
    others: Vec<(Beginning, usize)>,
}

/// The first bytes that a name must have, up to eight, as one number.
#[derive(Debug, Clone, Copy)]
struct Beginning {
    mask: u64,
    bytes: u64,
}

impl Lookup {
    pub(super) fn new<'patterns>(patterns: impl Iterator<Item = &'patterns PackagePattern>) -> Self {
        let mut lookup = Self::default();
        for (at, pattern) in patterns.enumerate() {
            let text = &*folded(pattern.as_str());
            let scope = text.strip_suffix("/**").or_else(|| text.strip_suffix("/*"));
            if !text.contains('*') {
                lookup.names.entry(text.into()).or_insert(at);
            } else if let Some(scope) = scope.filter(|scope| !scope.contains('*')) {
                lookup.scopes.entry(scope.into()).or_insert(at);
            } else {
                lookup.others.push((Beginning::of_pattern(text), at));
            }
        }
        lookup
    }

    /// Returns the index of the first pattern that matches. `patterns` are those passed to `new`.
    pub(super) fn find<'patterns>(
        &self,
        name: &PackageName,
        pattern: impl Fn(usize) -> &'patterns PackagePattern,
    ) -> Option<usize> {
        let name = &*folded(name.as_str());
        let named = self.names.get(name).copied();
        let scoped = name.split_once('/').and_then(|(scope, _)| self.scopes.get(scope).copied());
        let known = named.into_iter().chain(scoped).min();
        let beginning = first_bytes(name);
        let others = self.others.iter().take_while(|(_, at)| known.is_none_or(|known| *at < known));
        let mut others = others.filter(|(required, _)| beginning & required.mask == required.bytes);
        others.find(|(_, at)| pattern(*at).matches(name)).map(|(_, at)| *at).or(known)
    }
}

/// Returns the text in lowercase, in which names and patterns are compared. Allocates only if there are capitals.
fn folded(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

impl Beginning {
    fn of_pattern(pattern: &str) -> Self {
        let literal = pattern.split('*').next().unwrap_or_default();
        let length = literal.len().min(8);
        let mask = if length == 8 { u64::MAX } else { (1 << (8 * length)) - 1 };
        Self { mask, bytes: first_bytes(literal) }
    }
}

/// Returns the first eight bytes in little-endian order, padded with zeros.
fn first_bytes(text: &str) -> u64 {
    let mut bytes = [0; 8];
    let length = text.len().min(8);
    bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn agrees_with_a_linear_search(
            texts in prop::collection::vec("(@[aAb*]{1,2}/)?[abB*]{1,3}|@a[bB]/\\*\\*?|abABabab[ab*]{1,2}", 0..12),
            name in "(@[abA]{1,2}/)?([abB]{1,3}|ababaBab[ab]{1,2})",
        ) {
            let patterns: Vec<PackagePattern> = texts.iter().filter_map(|text| PackagePattern::parse(text).ok()).collect();
            let name = PackageName::parse(&name).unwrap();
            let naive = patterns.iter().position(|pattern| pattern.matches(name.as_str()));
            let found = Lookup::new(patterns.iter()).find(&name, |at| &patterns[at]);
            prop_assert_eq!(found, naive, "{:?} {}", patterns, name);
        }
    }
}
