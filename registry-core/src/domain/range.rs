use std::cmp::Ordering;

use semver::{BuildMetadata, Prerelease, Version as Number};

use super::Version;
use super::dist_tag::Part;
use super::version::LARGEST_NUMBER;

/// The longest range in bytes, the same as for a version.
const LONGEST: usize = 256;

/// A range of versions in npm's syntax: `^1.2.3`, `~1.2`, `1.x || >=2.5.0 <3`, `1.0.0 - 2.9.9`, `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range(Vec<Alternative>);

/// Bounds that a version must satisfy together; none for any version.
type Alternative = Vec<Bound>;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    operator: Operator,
    number: Number,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Below,
    UpTo,
    Exactly,
    From,
    Above,
}

impl Range {
    /// Parses a range; `None` if npm does not read the text as one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        text.split("||").map(alternative).collect::<Option<_>>().map(Self)
    }

    /// Whether a version is in the range. A prerelease is only if a bound is a prerelease of the same three numbers.
    pub(crate) fn includes(&self, version: &Version) -> bool {
        let version = version.parsed();
        self.0.iter().any(|bounds| {
            let names = |bound: &Bound| {
                let number = &bound.number;
                !number.pre.is_empty()
                    && (number.major, number.minor, number.patch)
                        == (version.major, version.minor, version.patch)
            };
            bounds.iter().all(|bound| bound.includes(version))
                && (version.pre.is_empty() || bounds.iter().any(names))
        })
    }

    /// Whether a version is between the bounds, prereleases included.
    pub(crate) fn spans(&self, version: &Version) -> bool {
        self.0.iter().any(|bounds| bounds.iter().all(|bound| bound.includes(version.parsed())))
    }

    /// Whether it includes every version except prereleases.
    pub(in crate::domain) fn is_any(&self) -> bool {
        self.0.iter().any(Vec::is_empty)
    }
}

impl Bound {
    fn includes(&self, version: &Number) -> bool {
        let order = version.cmp_precedence(&self.number);
        match self.operator {
            Operator::Below => order == Ordering::Less,
            Operator::UpTo => order != Ordering::Greater,
            Operator::Exactly => order == Ordering::Equal,
            Operator::From => order != Ordering::Less,
            Operator::Above => order == Ordering::Greater,
        }
    }
}

/// A version whose last numbers may be missing, or `x` for any.
struct Partial {
    numbers: [Option<u64>; 3],
    prerelease: Prerelease,
    /// Whether it can stand alone as a bound, which npm parses more strictly.
    is_strict: bool,
    /// Whether no number follows an `x`.
    is_ordered: bool,
}

/// Parses the bounds of one alternative.
fn alternative(text: &str) -> Option<Alternative> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if let [from, "-", to] = words.as_slice()
        && let (Some(from), Some(to)) = (Partial::parse(from), Partial::parse(to))
    {
        return between(&from, &to);
    }
    let mut bounds = Vec::new();
    let mut operator = String::new();
    for word in words {
        operator.push_str(word);
        // Spaces may separate the operator from its version.
        if !operator.ends_with(['<', '>', '=', '~', '^']) {
            bounds.extend(comparator(&operator)?);
            operator.clear();
        }
    }
    operator.is_empty().then_some(bounds)
}

fn between(from: &Partial, to: &Partial) -> Option<Alternative> {
    let mut bounds = Vec::new();
    match from.given() {
        0 => {}
        3 if !from.is_strict => return None,
        _ => bounds.push(from.bound(Operator::From)?),
    }
    match to.given() {
        0 => {}
        3 if !to.is_strict && to.prerelease.is_empty() => return None,
        3 => bounds.push(to.bound(Operator::UpTo)?),
        given => bounds.push(to.next(given - 1)?),
    }
    Some(bounds)
}

/// Parses the bounds of `^1.2`, `~1.2`, `>=1.2`, `1.2` and the like.
fn comparator(text: &str) -> Option<Alternative> {
    if let Some(version) = text.strip_prefix('^') {
        return within(&Partial::parse(version)?, |version| {
            let first = version.numbers.iter().position(|number| *number != Some(0));
            first.unwrap_or(2).min(version.given() - 1)
        });
    }
    if let Some(version) = text.strip_prefix('~') {
        let version = version.strip_prefix('>').unwrap_or(version);
        return within(&Partial::parse(version)?, |version| (version.given() - 1).min(1));
    }
    let (operator, version) = operator(text);
    let version = Partial::parse(version).filter(|version| version.is_ordered)?;
    match (version.given(), operator) {
        (3, operator) if version.is_strict => Some(vec![version.bound(operator)?]),
        (3, _) => None,
        // No version is above or below all versions.
        (0, Operator::Above | Operator::Below) => Some(vec![lowest(Operator::Below)]),
        (0, _) => Some(Vec::new()),
        (_, Operator::Exactly) => within(&version, |version| version.given() - 1),
        (_, Operator::From) => Some(vec![version.bound(Operator::From)?]),
        (_, Operator::Below) => Some(vec![version.lower(Operator::Below)?]),
        (given, Operator::UpTo) => Some(vec![version.next(given - 1)?]),
        (given, Operator::Above) => {
            let mut next = version.next(given - 1)?;
            (next.operator, next.number.pre) = (Operator::From, Prerelease::EMPTY);
            Some(vec![next])
        }
    }
}

fn operator(text: &str) -> (Operator, &str) {
    let known = [
        ("<=", Operator::UpTo),
        (">=", Operator::From),
        ("<", Operator::Below),
        (">", Operator::Above),
        ("=", Operator::Exactly),
    ];
    let found = known.iter().find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)));
    found.unwrap_or((Operator::Exactly, text))
}

/// The bounds from a version up to the next one in the number that `changes` selects.
fn within(version: &Partial, changes: impl Fn(&Partial) -> usize) -> Option<Alternative> {
    if version.given() == 0 {
        return Some(Vec::new());
    }
    Some(vec![version.bound(Operator::From)?, version.next(changes(version))?])
}

fn lowest(operator: Operator) -> Bound {
    Bound { operator, number: Number { pre: zero(), ..Number::new(0, 0, 0) } }
}

/// The lowest prerelease.
fn zero() -> Prerelease {
    Prerelease::new("0").unwrap_or(Prerelease::EMPTY)
}

impl Partial {
    fn parse(text: &str) -> Option<Self> {
        let version = text.trim_start_matches(['v', '=']);
        let prefix = &text[..text.len() - version.len()];
        let (version, build) = apart(version, '+');
        let (version, prerelease) = apart(version, '-');
        let parts: Vec<Part> = version.split('.').map(Part::parse).collect::<Option<_>>()?;
        let is_whole = parts.len() == 3 || (parts.len() < 3 && prerelease.is_none() && build.is_none());
        let is_build = |build: &str| !build.is_empty() && BuildMetadata::new(build).is_ok();
        if !is_whole || build.is_some_and(|build| !is_build(build)) {
            return None;
        }
        let prerelease = match prerelease {
            None => Prerelease::EMPTY,
            Some("") => return None,
            Some(prerelease) => Prerelease::new(prerelease).ok()?,
        };
        let mut numbers = [None; 3];
        let mut is_ordered = true;
        for (place, part) in parts.iter().enumerate() {
            match part {
                // A number after an `x` is ignored.
                Part::Number(number) if numbers[..place].iter().all(Option::is_some) => {
                    numbers[place] = Some(*number);
                }
                Part::Number(_) => is_ordered = false,
                Part::Any => {}
            }
        }
        Some(Self { numbers, prerelease, is_strict: matches!(prefix, "" | "v"), is_ordered })
    }

    /// How many numbers are given.
    fn given(&self) -> usize {
        self.numbers.iter().flatten().count()
    }

    /// The version itself, with zeros for missing numbers.
    fn bound(&self, operator: Operator) -> Option<Bound> {
        let [major, minor, patch] = self.numbers.map(Option::unwrap_or_default);
        let pre = if self.given() == 3 { self.prerelease.clone() } else { Prerelease::EMPTY };
        let fits = [major, minor, patch].into_iter().all(|number| number <= LARGEST_NUMBER);
        fits.then(|| Bound { operator, number: Number { pre, ..Number::new(major, minor, patch) } })
    }

    /// Below the version and all of its prereleases.
    fn lower(&self, operator: Operator) -> Option<Bound> {
        let mut bound = self.bound(operator)?;
        bound.number.pre = zero();
        Some(bound)
    }

    /// Below the next version in the number at this place, and all of its prereleases.
    fn next(&self, place: usize) -> Option<Bound> {
        let mut numbers = self.numbers.map(Option::unwrap_or_default);
        numbers[place] = numbers[place].checked_add(1)?;
        numbers[place + 1..].fill(0);
        let [major, minor, patch] = numbers;
        let fits = numbers.into_iter().all(|number| number <= LARGEST_NUMBER);
        fits.then(|| Bound {
            operator: Operator::Below,
            number: Number { pre: zero(), ..Number::new(major, minor, patch) },
        })
    }
}

fn apart(text: &str, separator: char) -> (&str, Option<&str>) {
    text.split_once(separator).map_or((text, None), |(before, after)| (before, Some(after)))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        versions: Vec<String>,
        ranges: Vec<(String, Option<Vec<usize>>)>,
    }

    #[test]
    fn ranges_match_npm() {
        let vectors: Vectors = serde_json::from_str(include_str!("../../tests/vectors/ranges.json")).unwrap();
        let versions: Vec<Version> =
            vectors.versions.iter().map(|version| Version::parse(version).unwrap()).collect();
        assert!(vectors.ranges.len() > 300, "the vectors are too few to prove anything");
        for (text, expected) in vectors.ranges {
            let included = Range::parse(&text).map(|range| {
                (0..versions.len()).filter(|index| range.includes(&versions[*index])).collect::<Vec<_>>()
            });
            assert_eq!(included, expected, "{text:?}");
        }
    }

    #[test]
    fn a_long_text_is_no_range() {
        assert!(Range::parse(&"1 ".repeat(128)).is_some());
        assert!(Range::parse(&"1 ".repeat(129)).is_none());
    }
}
