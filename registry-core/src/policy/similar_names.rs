use std::collections::BTreeMap;
use std::time::Duration;

use moka::sync::Cache;

use crate::domain::PackageName;
use crate::vocabulary::PackagePattern;

/// How long a name is not told of again.
const TOLD_FOR: Duration = Duration::from_hours(1);
/// The most names that are remembered.
const MOST_TOLD: u64 = 10_000;
/// Shorter names are often one edit apart.
const SHORTEST: usize = 5;

/// What happens when a package is asked for or published for the first time whose name looks like another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SimilarNamesAction {
    /// A line in the log, an event, and a notice that npm shows.
    #[default]
    Warn,
    /// It is refused.
    Refuse,
}

/// How names that look like others are found.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SimilarNameSettings {
    /// What happens.
    pub action: SimilarNamesAction,
    /// Names that are used much, besides those of hosted packages.
    pub popular: Vec<PackageName>,
    /// Names that are not checked.
    pub allow: Vec<PackagePattern>,
}

impl SimilarNameSettings {
    /// Warns of names that look like hosted ones.
    pub fn new(action: SimilarNamesAction) -> Self {
        Self { action, ..Self::default() }
    }

    /// Compares with about a thousand names, too, that applications use much.
    #[must_use]
    pub fn with_shipped_names(mut self) -> Self {
        let shipped = include_str!("popular_names.txt").split_whitespace();
        self.popular.extend(shipped.filter_map(|name| PackageName::parse(name).ok()));
        self
    }
}

/// Finds names that look like others, and remembers which it found.
#[derive(Debug)]
pub(crate) struct SimilarNames {
    settings: SimilarNameSettings,
    popular: KnownNames,
    found: Cache<PackageName, FoundName>,
}

/// A name that another was found to look like.
#[derive(Debug, Clone)]
pub(crate) struct FoundName {
    pub(crate) like: PackageName,
    /// Whether strangers may be told of it.
    pub(crate) is_public: bool,
}

/// Names that others are compared with, and how they look.
#[derive(Debug, Default)]
pub(crate) struct KnownNames(BTreeMap<PackageName, String>);

impl FromIterator<PackageName> for KnownNames {
    fn from_iter<Names: IntoIterator<Item = PackageName>>(names: Names) -> Self {
        Self(names.into_iter().map(|name| (name.clone(), skeleton(&name))).collect())
    }
}

impl KnownNames {
    pub(crate) fn contains(&self, name: &PackageName) -> bool {
        self.0.contains_key(name)
    }

    /// Returns those that a name looks like.
    pub(crate) fn like(&self, name: &PackageName) -> Vec<PackageName> {
        let skeleton = skeleton(name);
        let alike = self.0.iter().filter(|known| looks_like(name, &skeleton, *known));
        alike.map(|(known, _)| known.clone()).collect()
    }
}

impl SimilarNames {
    pub(crate) fn new(settings: SimilarNameSettings) -> Self {
        let found = Cache::builder().max_capacity(MOST_TOLD).time_to_live(TOLD_FOR).build();
        let popular = settings.popular.iter().cloned().collect();
        Self { settings, popular, found }
    }

    pub(crate) fn refuses(&self) -> bool {
        self.settings.action == SimilarNamesAction::Refuse
    }

    /// Whether a name is not checked: it is allowed, or is one of those that others are compared with.
    pub(crate) fn is_exempt(&self, name: &PackageName) -> bool {
        self.settings.allow.iter().any(|pattern| pattern.matches(name.as_str()))
            || self.popular.contains(name)
    }

    /// Returns a name that is used much and that this one looks like.
    pub(crate) fn popular_like(&self, name: &PackageName) -> Option<PackageName> {
        self.popular.like(name).into_iter().next()
    }

    /// Remembers a name. Returns whether it was not remembered.
    pub(crate) fn note(&self, name: &PackageName, found: &FoundName) -> bool {
        self.found.entry_by_ref(name).or_insert_with(|| found.clone()).is_fresh()
    }

    /// Returns the name that a name was found to look like within the last hour, if strangers may be told of it.
    pub(crate) fn noted(&self, name: &PackageName) -> Option<PackageName> {
        self.found.get(name).filter(|found| found.is_public).map(|found| found.like)
    }
}

/// Whether readers may take a name for another: it has the same letters to the eye, or is one edit away.
fn looks_like(
    name: &PackageName,
    skeleton_of_name: &str,
    (known, skeleton_of_known): (&PackageName, &String),
) -> bool {
    // Who owns a scope chooses all of its names.
    if name == known || (name.scope().is_some() && name.scope() == known.scope()) {
        return false;
    }
    if skeleton_of_name == skeleton_of_known {
        return true;
    }
    let (name, known) = (name.as_str(), known.as_str());
    name.len().min(known.len()) >= SHORTEST
        && name.len().abs_diff(known.len()) <= 1
        && strsim::osa_distance(&name.to_ascii_lowercase(), &known.to_ascii_lowercase()) == 1
}

/// Returns a name as it looks: names of packages are ASCII, so few letters look alike. Without what separates words.
fn skeleton(name: &PackageName) -> String {
    let letters = name.as_str().to_ascii_lowercase();
    let letters = letters.replace("rn", "m").replace("vv", "w").replace("cl", "d");
    let letters = letters.chars().filter(char::is_ascii_alphanumeric);
    letters
        .map(|letter| match letter {
            '0' => 'o',
            '1' | 'i' => 'l',
            '5' => 's',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_names_are_names_and_one_of_another_is_exempt() {
        let settings = SimilarNameSettings::default().with_shipped_names();
        let shipped = include_str!("popular_names.txt").split_whitespace().count();
        assert_eq!(settings.popular.len(), shipped);
        let names = SimilarNames::new(settings);
        let parse = |name: &str| PackageName::parse(name).unwrap();
        // One edit apart, and both are what they say.
        assert!(names.is_exempt(&parse("preact")) && names.is_exempt(&parse("react")));
        assert_eq!(names.popular_like(&parse("lodahs")), Some(parse("lodash")));
    }

    #[test]
    fn names_look_alike_by_their_letters_or_one_edit() {
        let parse = |name: &str| PackageName::parse(name).unwrap();
        let known = ["lodash", "cross-env", "express", "chalk", "@acme/pear", "left-pad", "core"].map(parse);
        let names = SimilarNames::new(SimilarNameSettings {
            popular: known.to_vec(),
            allow: vec![PackagePattern::parse("lodahs").unwrap()],
            ..SimilarNameSettings::default()
        });
        for (name, like) in [
            ("1odash", Some("lodash")),
            ("lodahs", Some("lodash")),
            ("crossenv", Some("cross-env")),
            ("expres", Some("express")),
            ("Express", Some("express")),
            ("acme-pear", Some("@acme/pear")),
            ("@acne/pear", Some("@acme/pear")),
            ("left_pad", Some("left-pad")),
            ("core-js", None),
            ("cora", None),
            ("@acme/peer", None),
            ("lodash", None),
            ("plum", None),
        ] {
            let found = names.popular_like(&parse(name));
            assert_eq!(found.as_ref().map(PackageName::as_str), like, "{name}");
        }
        assert!(names.is_exempt(&parse("lodahs")) && names.is_exempt(&parse("lodash")));
        assert!(!names.is_exempt(&parse("crossenv")));
        let found = |is_public| FoundName { like: parse("cross-env"), is_public };
        assert!(names.note(&parse("crossenv"), &found(true)));
        assert!(!names.note(&parse("crossenv"), &found(true)));
        assert_eq!(names.noted(&parse("crossenv")), Some(parse("cross-env")));
        assert!(names.note(&parse("cross_env"), &found(false)));
        assert_eq!(names.noted(&parse("cross_env")), None);
    }
}
