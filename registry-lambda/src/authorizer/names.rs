//! The packages that a caller may act on, in sets that a policy can express.

use registry_core::packages::PermissionSummary;

/// All names that equal a text, or that begin with it. Any two such sets are disjoint, or one contains the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NameSet {
    One(String),
    /// With an empty text, all names.
    Beginning(String),
}

/// The decision over sets of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// The same for all names.
    All(bool),
    /// The allowed sets, without the denied sets inside them.
    Some { allowed: Vec<NameSet>, denied: Vec<NameSet> },
    /// Not expressible as sets, since a denial in a policy overrides every allowance inside it.
    Unspeakable,
}

/// A pattern of the access rules, as a set.
enum Pattern {
    Set(NameSet),
    WithoutScope,
}

impl NameSet {
    pub(super) fn everything() -> Self {
        Self::Beginning(String::new())
    }

    fn covers(&self, other: &Self) -> bool {
        let (Self::One(name) | Self::Beginning(name)) = other;
        match self {
            Self::Beginning(text) => name.starts_with(text.as_str()),
            Self::One(_) => self == other,
        }
    }
}

impl Pattern {
    /// Returns `None` for a pattern that is not such a set: `@*/web`, `*-internal`.
    fn of(pattern: &str) -> Option<Self> {
        if !pattern.contains('*') {
            return Some(Self::Set(NameSet::One(pattern.to_owned())));
        }
        let beginning = |text: &str| Some(Self::Set(NameSet::Beginning(text.to_owned())));
        let every_name = pattern.strip_suffix("/**").or_else(|| pattern.strip_suffix("/*"));
        // All names in every scope that begins like this.
        if let Some(scope) = every_name.and_then(|scope| scope.strip_suffix('*')) {
            let is_plain = scope.starts_with('@') && !scope.contains('*');
            return if is_plain { beginning(scope) } else { None };
        }
        let text = pattern.trim_end_matches('*');
        match text {
            _ if text.contains('*') => None,
            "" if pattern == "*" => Some(Self::WithoutScope),
            // In a path, the registry's own routes begin like this too.
            "-" => None,
            // The star leaves open whether a slash follows.
            _ if text.starts_with('@') && !text.contains('/') && !pattern.ends_with("**") => None,
            _ => beginning(text),
        }
    }

    /// Whether it contains all names of a set, except those in another set inside that one. All names except those with
    /// a scope are the names without one.
    fn covers(&self, other: &NameSet) -> bool {
        match self {
            Self::Set(set) => set.covers(other),
            Self::WithoutScope => {
                let (NameSet::One(text) | NameSet::Beginning(text)) = other;
                !text.starts_with('@')
            }
        }
    }
}

impl Shape {
    /// Returns the shape of a summary. `may` decides on a single package.
    pub(super) fn of(summary: &PermissionSummary, may: impl Fn(&str) -> bool) -> Self {
        // No rule is evaluated after one for all names.
        let last = summary.rules.iter().position(|rule| rule.pattern.as_str() == "**");
        let rules = &summary.rules[..last.map_or(summary.rules.len(), |last| last + 1)];
        let first = rules.first().is_some_and(|rule| rule.caller_may);
        let agree = rules.iter().all(|rule| rule.caller_may == first && rule.anonymous_may == first);
        if agree && summary.granted.is_empty() && (last.is_some() || !first) {
            return Self::All(first);
        }
        let read = |pattern: &registry_core::access::PackagePattern| Pattern::of(pattern.as_str());
        let patterns: Option<Vec<_>> = rules
            .iter()
            .map(|rule| Some((read(&rule.pattern)?, rule.caller_may, rule.anonymous_may)))
            .collect();
        let limits: Option<Option<Vec<_>>> = match &summary.limited_to {
            None => Some(None),
            Some(limits) => limits.iter().map(read).collect::<Option<Vec<_>>>().map(Some),
        };
        let (Some(patterns), Some(limits)) = (patterns, limits) else { return Self::Unspeakable };
        let mut sets = vec![NameSet::everything(), NameSet::Beginning("@".to_owned())];
        let named = patterns.iter().map(|(pattern, ..)| pattern).chain(limits.iter().flatten());
        sets.extend(named.filter_map(|pattern| match pattern {
            Pattern::Set(set) => Some(set.clone()),
            Pattern::WithoutScope => None,
        }));
        sets.extend(summary.granted.iter().map(|name| NameSet::One(name.to_string())));
        let decide = |set: &NameSet| match set {
            NameSet::One(name) => may(name),
            NameSet::Beginning(_) => {
                let is_for =
                    limits.as_ref().is_none_or(|limits| limits.iter().any(|limit| limit.covers(set)));
                let rule = patterns.iter().find(|(pattern, ..)| pattern.covers(set));
                rule.is_some_and(|(_, caller, anonymous)| if is_for { *caller } else { *anonymous })
            }
        };
        Self::of_sets(sets.into_iter().map(|set| (decide(&set), set)).collect())
    }

    /// Each decision in `sets` applies to the names that are in no smaller set.
    fn of_sets(mut sets: Vec<(bool, NameSet)>) -> Self {
        let length = |(_, set): &(bool, NameSet)| match set {
            NameSet::Beginning(text) => (text.len(), false),
            NameSet::One(text) => (text.len(), true),
        };
        sets.sort_by_key(length);
        sets.dedup();
        let (mut allowed, mut denied): (Vec<NameSet>, Vec<NameSet>) = (Vec::new(), Vec::new());
        for at in 0..sets.len() {
            let (lets, set) = &sets[at];
            let around = sets[..at].iter().rev().find(|(_, around)| around.covers(set) && around != set);
            if around.map_or(!lets, |(around, _)| around == lets) {
                continue;
            }
            if *lets && denied.iter().any(|denied| denied.covers(set)) {
                return Self::Unspeakable;
            }
            if *lets { &mut allowed } else { &mut denied }.push(set.clone());
        }
        match (&allowed[..], &denied[..]) {
            ([], _) => Self::All(false),
            ([all], []) if *all == NameSet::everything() => Self::All(true),
            _ => Self::Some { allowed, denied },
        }
    }

    /// Returns the allowed sets; `everything` is the set of all names.
    pub(super) fn allowed<'a>(&'a self, everything: &'a [NameSet]) -> &'a [NameSet] {
        match self {
            Self::All(true) => everything,
            Self::Some { allowed, .. } => allowed,
            Self::All(false) | Self::Unspeakable => &[],
        }
    }

    /// Returns the denied sets inside the allowed ones.
    pub(super) fn denied(&self) -> &[NameSet] {
        match self {
            Self::Some { denied, .. } => denied,
            Self::All(_) | Self::Unspeakable => &[],
        }
    }

    /// Whether anything is allowed at all.
    pub(super) fn allows_something(&self) -> bool {
        !matches!(self, Self::All(false))
    }
}

#[cfg(test)]
mod tests {
    use registry_core::access::PackagePattern;
    use registry_core::packages::SummarizedRule;

    use super::*;

    fn shape(rules: &[(&str, bool)]) -> Shape {
        let rules = rules.iter().map(|(pattern, lets)| SummarizedRule {
            pattern: PackagePattern::parse(pattern).unwrap(),
            caller_may: *lets,
            anonymous_may: *lets,
        });
        let summary = PermissionSummary { rules: rules.collect(), limited_to: None, granted: Vec::new() };
        let rules = summary.rules.clone();
        let may = |name: &str| {
            rules.iter().find(|rule| rule.pattern.matches(name)).is_some_and(|rule| rule.caller_may)
        };
        Shape::of(&summary, may)
    }

    fn some(allowed: &[&str], denied: &[&str]) -> Shape {
        let set = |text: &&str| match text.strip_suffix('*') {
            Some(text) => NameSet::Beginning(text.to_owned()),
            None => NameSet::One((*text).to_owned()),
        };
        Shape::Some { allowed: allowed.iter().map(set).collect(), denied: denied.iter().map(set).collect() }
    }

    #[test]
    fn rules_become_sets() {
        for (rules, expected) in [
            (&[("**", true)][..], Shape::All(true)),
            (&[("**", false)], Shape::All(false)),
            (&[], Shape::All(false)),
            (&[("@acme/*", true), ("**", true)], Shape::All(true)),
            (&[("*-x", true), ("**", true)], Shape::All(true)),
            (&[("@acme/*", true)], some(&["@acme/*"], &[])),
            (&[("@acme/*", false), ("**", true)], some(&["*"], &["@acme/*"])),
            (&[("@acme/one", true), ("@acme/*", false)], some(&["@acme/one"], &[])),
            (&[("@acme/one", true), ("@acme/*", false), ("**", true)], Shape::Unspeakable),
            (&[("@acme/one", false), ("@acme/*", true)], some(&["@acme/*"], &["@acme/one"])),
            (&[("*", true)], some(&["*"], &["@*"])),
            (&[("*", true), ("@*/*", true)], Shape::All(true)),
            (&[("@*/*", true)], some(&["@*"], &[])),
            (&[("acme-*", true), ("@acme-*/**", true)], some(&["acme-*", "@acme-*"], &[])),
            (&[("*-x", true)], Shape::Unspeakable),
            (&[("@*/x", false), ("**", true)], Shape::Unspeakable),
        ] {
            assert_eq!(shape(rules), expected, "{rules:?}");
        }
    }
}
