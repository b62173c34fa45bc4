use std::cmp::Ordering;
use std::fmt;

use semver::Version as Number;
use serde::{Deserialize, Serialize};

use super::osv::OsvEvent;

/// Affected versions between two bounds, spelled as npm's audits do: `>=1.0.0 <1.2.3`, `<=2.0.0`, `*`. Prereleases count by their
/// order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Interval {
    /// `None` begins with the lowest version.
    from: Option<Number>,
    end: End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Open,
    /// The first version that is fixed.
    Before(Number),
    UpTo(Number),
}

/// The text is no interval.
#[derive(Debug, thiserror::Error)]
#[error("not an interval of versions")]
pub(crate) struct IntervalError;

impl Interval {
    /// Every version.
    pub(super) const ALL: Self = Self { from: None, end: End::Open };

    pub(super) fn contains(&self, number: &Number) -> bool {
        let begins = self.from.as_ref().is_none_or(|from| number.cmp_precedence(from).is_ge());
        begins
            && match &self.end {
                End::Open => true,
                End::Before(end) => number.cmp_precedence(end).is_lt(),
                End::UpTo(end) => number.cmp_precedence(end).is_le(),
            }
    }

    /// Returns the first fixed version, if one is known.
    pub(super) fn fixed(&self) -> Option<&Number> {
        match &self.end {
            End::Before(fixed) => Some(fixed),
            End::Open | End::UpTo(_) => None,
        }
    }
}

/// Returns the affected versions of one range of an advisory. A bound that is no version is left open, so that more versions
/// count as affected rather than fewer.
pub(super) fn intervals(events: &[OsvEvent]) -> Vec<Interval> {
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    enum Kind {
        Fixed,
        Introduced,
        LastAffected,
    }
    let mut ordered: Vec<(Option<Number>, Kind)> = Vec::new();
    for event in events {
        ordered.extend(event.introduced.as_deref().map(|text| (number(text), Kind::Introduced)));
        let ends = [(&event.fixed, Kind::Fixed), (&event.last_affected, Kind::LastAffected)];
        for (text, kind) in ends {
            ordered.extend(text.as_deref().and_then(number).map(|number| (Some(number), kind)));
        }
    }
    ordered.sort_by(|(one, kind), (other, other_kind)| {
        let order = match (one, other) {
            (Some(one), Some(other)) => one.cmp_precedence(other),
            (one, other) => one.is_some().cmp(&other.is_some()),
        };
        order.then(kind.cmp(other_kind))
    });
    let mut found = Vec::new();
    let mut open: Option<Option<Number>> = None;
    for (number, kind) in ordered {
        match (kind, number) {
            (Kind::Introduced, number) => {
                open.get_or_insert(number);
            }
            (Kind::Fixed, Some(end)) => {
                found.extend(open.take().map(|from| Interval { from, end: End::Before(end) }));
            }
            (Kind::LastAffected, Some(end)) => {
                found.extend(open.take().map(|from| Interval { from, end: End::UpTo(end) }));
            }
            (Kind::Fixed | Kind::LastAffected, None) => {}
        }
    }
    found.extend(open.map(|from| Interval { from, end: End::Open }));
    found
}

/// Reads a version of an event; `None` for `0`, which is below all versions, and for what is no version.
fn number(text: &str) -> Option<Number> {
    let text = text.trim().trim_start_matches('v');
    if text == "0" {
        return None;
    }
    Number::parse(text).ok().or_else(|| {
        // Some write `1.2` for `1.2.0`.
        let dots = text.matches('.').count();
        let is_short = dots < 2 && text.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
        is_short.then(|| Number::parse(&format!("{text}{}", &".0.0"[2 * dots..])).ok()).flatten()
    })
}

impl fmt::Display for Interval {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(from), End::UpTo(end)) = (&self.from, &self.end)
            && from.cmp_precedence(end) == Ordering::Equal
        {
            return write!(formatter, "={from}");
        }
        let from = self.from.as_ref().map(|from| format!(">={from}"));
        let end = match &self.end {
            End::Open => None,
            End::Before(end) => Some(format!("<{end}")),
            End::UpTo(end) => Some(format!("<={end}")),
        };
        match (from, end) {
            (None, None) => formatter.write_str("*"),
            (Some(one), None) | (None, Some(one)) => formatter.write_str(&one),
            (Some(from), Some(end)) => write!(formatter, "{from} {end}"),
        }
    }
}

impl TryFrom<String> for Interval {
    type Error = IntervalError;

    fn try_from(text: String) -> Result<Self, IntervalError> {
        let number = |text: &str| Number::parse(text).map_err(|_| IntervalError);
        let mut interval = Self::ALL;
        for word in text.split(' ') {
            if word == "*" {
            } else if let Some(from) = word.strip_prefix(">=") {
                interval.from = Some(number(from)?);
            } else if let Some(end) = word.strip_prefix("<=") {
                interval.end = End::UpTo(number(end)?);
            } else if let Some(end) = word.strip_prefix('<') {
                interval.end = End::Before(number(end)?);
            } else {
                let exact = number(word.strip_prefix('=').ok_or(IntervalError)?)?;
                interval = Self { from: Some(exact.clone()), end: End::UpTo(exact) };
            }
        }
        Ok(interval)
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(field: &str, version: &str) -> OsvEvent {
        serde_json::from_value(serde_json::json!({ field: version })).unwrap()
    }

    fn texts(events: &[(&str, &str)]) -> Vec<String> {
        let events: Vec<_> = events.iter().map(|(field, version)| event(field, version)).collect();
        intervals(&events).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn events_become_intervals() {
        for (events, expected) in [
            (&[("introduced", "0"), ("fixed", "1.2.3")][..], &["<1.2.3"][..]),
            (&[("introduced", "0")], &["*"]),
            (&[("introduced", "1.0.0"), ("last_affected", "1.2.0")], &[">=1.0.0 <=1.2.0"]),
            (&[("introduced", "1.0.1"), ("last_affected", "1.0.1")], &["=1.0.1"]),
            (
                &[("fixed", "2.1.0"), ("introduced", "2.0.0"), ("fixed", "1.1.0"), ("introduced", "0")],
                &["<1.1.0", ">=2.0.0 <2.1.0"],
            ),
            (&[("introduced", "1.2"), ("fixed", "v2")], &[">=1.2.0 <2.0.0"]),
            (&[("introduced", "first"), ("fixed", "last")], &["*"]),
            (&[("fixed", "1.0.0")], &[]),
            (&[], &[]),
        ] {
            assert_eq!(texts(events), expected, "{events:?}");
        }
    }

    /// The evaluation as the format's specification describes it.
    fn is_affected(events: &[(usize, Number)], version: &Number) -> bool {
        let mut ordered = events.to_vec();
        ordered.sort_by(|(kind, one), (other_kind, other)| {
            one.cmp_precedence(other).then([1, 0, 2][*kind].cmp(&[1, 0, 2][*other_kind]))
        });
        let mut affected = false;
        for (kind, number) in ordered {
            let order = version.cmp_precedence(&number);
            match kind {
                0 if order.is_ge() => affected = true,
                1 if order.is_ge() => affected = false,
                2 if order.is_gt() => affected = false,
                _ => {}
            }
        }
        affected
    }

    fn number_strategy() -> impl Strategy<Value = Number> {
        let pre = prop_oneof![Just(""), Just("-0"), Just("-rc.1"), Just("-rc.2"), Just("-beta")];
        (0..3_u64, 0..3_u64, 0..3_u64, pre).prop_map(|(major, minor, patch, pre)| {
            Number::parse(&format!("{major}.{minor}.{patch}{pre}")).unwrap()
        })
    }

    proptest! {
        #[test]
        fn intervals_contain_what_the_events_say(
            // Introduced, fixed, last affected.
            events in prop::collection::vec((0..3_usize, number_strategy()), 0..6),
            versions in prop::collection::vec(number_strategy(), 1..20),
        ) {
            // Which of two contradictory events at one version counts is tested above.
            let kinds = ["introduced", "fixed", "last_affected"];
            let spelled: Vec<_> =
                events.iter().map(|(kind, number)| event(kinds[*kind], &number.to_string())).collect();
            // As ordered here: fixed, introduced, last affected.
            let found = intervals(&spelled);
            for version in versions {
                let expected = is_affected(&events, &version);
                prop_assert_eq!(found.iter().any(|interval| interval.contains(&version)), expected, "{}", version);
                for interval in &found {
                    let again = Interval::try_from(interval.to_string()).unwrap();
                    prop_assert_eq!(&again, interval);
                }
            }
        }

        #[test]
        fn an_interval_is_what_the_semver_crate_says(
            (from, end) in (number_strategy(), number_strategy()),
            version in number_strategy(),
        ) {
            // The crate compares prereleases only with bounds of the same numbers.
            let release = |number: Number| Number::new(number.major, number.minor, number.patch);
            let (from, end, version) = (release(from), release(end), release(version));
            let found = intervals(&[event("introduced", &from.to_string()), event("fixed", &end.to_string())]);
            // A fix below or at the beginning does not end it.
            let range = if end > from { format!(">={from}, <{end}") } else { format!(">={from}") };
            let expected = semver::VersionReq::parse(&range).unwrap().matches(&version);
            prop_assert_eq!(found.iter().any(|interval| interval.contains(&version)), expected);
        }
    }
}
