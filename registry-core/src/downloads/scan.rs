//! Reads documents of counts without building them: an entry that is wanted goes to a sink, and the rest is skipped.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use chrono::{Datelike as _, NaiveDate};
use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::counts::place_of;
use super::gather::{Download, Gather};
use super::wanted::Wanted;
use crate::domain::{DownloadPeriod, PackageName, VersionError};

/// The ids of the objects of days that are in a shard, and on which day they were folded.
pub(super) type Folded = BTreeMap<String, NaiveDate>;

/// Reads the document of a day. Returns what is wanted of it, by shard.
pub(super) fn scan_day<Kept: Gather>(
    bytes: &[u8],
    wanted: &Wanted,
    day: NaiveDate,
    empty: Kept,
) -> Result<BTreeMap<usize, Kept>, serde_json::Error> {
    let mut sink = DaySink { day, empty, places: BTreeMap::new() };
    scan(bytes, wanted, &mut sink)?;
    Ok(sink.places)
}

/// Reads a shard of a month, of which `month` is any day. Returns what is wanted of the period, and what is folded.
pub(super) fn scan_month<Kept: Gather>(
    bytes: &[u8],
    wanted: &Wanted,
    period: DownloadPeriod,
    month: NaiveDate,
    empty: Kept,
) -> Result<(Folded, Kept), serde_json::Error> {
    let mut sink = MonthSink { period, month, kept: empty };
    let folded = scan(bytes, wanted, &mut sink)?.ok_or_else(|| serde_json::Error::missing_field("folded"))?;
    Ok((folded, sink.kept))
}

fn scan<To: Sink>(bytes: &[u8], wanted: &Wanted, sink: &mut To) -> Result<Option<Folded>, serde_json::Error> {
    let mut source = serde_json::Deserializer::from_slice(bytes);
    let folded = Document { wanted, sink }.deserialize(&mut source)?;
    source.end()?;
    Ok(folded)
}

/// Where the counts of versions go.
trait Sink {
    /// What a document has for each version.
    type Stored: DeserializeOwned;

    fn keep(&mut self, name: &PackageName, version: &str, stored: Self::Stored) -> Result<(), VersionError>;
}

struct DaySink<Kept> {
    day: NaiveDate,
    empty: Kept,
    places: BTreeMap<usize, Kept>,
}

impl<Kept: Gather> Sink for DaySink<Kept> {
    type Stored = u64;

    fn keep(&mut self, name: &PackageName, version: &str, count: u64) -> Result<(), VersionError> {
        let kept = self.places.entry(place_of(name)).or_insert_with(|| self.empty.clone());
        kept.add(&Download { day: self.day, name, version, count })
    }
}

struct MonthSink<Kept> {
    period: DownloadPeriod,
    month: NaiveDate,
    kept: Kept,
}

impl<Kept: Gather> Sink for MonthSink<Kept> {
    /// Day of the month → downloads.
    type Stored = BTreeMap<u32, u64>;

    fn keep(&mut self, name: &PackageName, version: &str, days: Self::Stored) -> Result<(), VersionError> {
        for (day, count) in days {
            let Some(day) = self.month.with_day(day).filter(|day| self.period.holds(*day)) else { continue };
            self.kept.add(&Download { day, name, version, count })?;
        }
        Ok(())
    }
}

/// A document of a day or a month. Its value is what a shard lists as folded.
struct Document<'a, To> {
    wanted: &'a Wanted,
    sink: &'a mut To,
}

impl<'de, To: Sink> DeserializeSeed<'de> for Document<'_, To> {
    type Value = Option<Folded>;

    fn deserialize<Source: Deserializer<'de>>(self, source: Source) -> Result<Self::Value, Source::Error> {
        source.deserialize_map(self)
    }
}

impl<'de, To: Sink> Visitor<'de> for Document<'_, To> {
    type Value = Option<Folded>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("counts of downloads")
    }

    fn visit_map<Entries: MapAccess<'de>>(self, mut entries: Entries) -> Result<Self::Value, Entries::Error> {
        let (mut folded, mut has_packages) = (None, false);
        while let Some(key) = entries.next_key::<Text<'de>>()? {
            match &*key.0 {
                "packages" if has_packages => return Err(Error::duplicate_field("packages")),
                "packages" => {
                    entries.next_value_seed(Packages { wanted: self.wanted, sink: &mut *self.sink })?;
                    has_packages = true;
                }
                "folded" => folded = Some(entries.next_value::<Folded>()?),
                _ => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        if has_packages { Ok(folded) } else { Err(Error::missing_field("packages")) }
    }
}

/// Package → versions.
struct Packages<'a, To> {
    wanted: &'a Wanted,
    sink: &'a mut To,
}

impl<'de, To: Sink> DeserializeSeed<'de> for Packages<'_, To> {
    type Value = ();

    fn deserialize<Source: Deserializer<'de>>(self, source: Source) -> Result<(), Source::Error> {
        source.deserialize_map(self)
    }
}

impl<'de, To: Sink> Visitor<'de> for Packages<'_, To> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("packages")
    }

    fn visit_map<Entries: MapAccess<'de>>(self, mut entries: Entries) -> Result<(), Entries::Error> {
        while let Some(name) = entries.next_key_seed(WantedName(self.wanted))? {
            match name {
                Some(name) => entries.next_value_seed(Versions { name: &name, sink: &mut *self.sink })?,
                None => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The name of a package; `None` if it is not wanted.
struct WantedName<'a>(&'a Wanted);

impl<'de> DeserializeSeed<'de> for WantedName<'_> {
    type Value = Option<PackageName>;

    fn deserialize<Source: Deserializer<'de>>(self, source: Source) -> Result<Self::Value, Source::Error> {
        source.deserialize_str(self)
    }
}

impl Visitor<'_> for WantedName<'_> {
    type Value = Option<PackageName>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a package")
    }

    fn visit_str<Failure: Error>(self, name: &str) -> Result<Self::Value, Failure> {
        self.0.find(name).map_err(Failure::custom)
    }
}

/// Version → what is stored for it.
struct Versions<'a, To> {
    name: &'a PackageName,
    sink: &'a mut To,
}

impl<'de, To: Sink> DeserializeSeed<'de> for Versions<'_, To> {
    type Value = ();

    fn deserialize<Source: Deserializer<'de>>(self, source: Source) -> Result<(), Source::Error> {
        source.deserialize_map(self)
    }
}

impl<'de, To: Sink> Visitor<'de> for Versions<'_, To> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("versions")
    }

    fn visit_map<Entries: MapAccess<'de>>(self, mut entries: Entries) -> Result<(), Entries::Error> {
        while let Some(version) = entries.next_key::<Text<'de>>()? {
            let stored = entries.next_value()?;
            self.sink.keep(self.name, &version.0, stored).map_err(Entries::Error::custom)?;
        }
        Ok(())
    }
}

/// A key, borrowed from the document unless it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::super::gather::ByVersion;
    use super::*;

    const DAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 1, 2).unwrap();

    fn day(text: &str) -> Result<Vec<(String, u64)>, String> {
        let wanted = Wanted::these([PackageName::parse("pear").unwrap()]);
        let places = scan_day(text.as_bytes(), &wanted, DAY, ByVersion::default());
        let listed =
            |kept: ByVersion| kept.0.into_iter().map(|(version, count)| (version.to_string(), count));
        let places = places.map_err(|error| error.to_string())?;
        Ok(places.into_values().flat_map(listed).collect())
    }

    #[test]
    fn one_package_is_read_and_the_rest_is_skipped() {
        let text = r#"{"closed":true,"packages":{"fig":{"1.0.0":[{"a":1}]},"pear":{"1.0.0":2},"plum":7}}"#;
        assert_eq!(day(text), Ok(vec![("1.0.0".to_owned(), 2)]));
        let escaped = "{\"packages\":{\"\\u0070ear\":{\"1\\u002e0.0\":3}}}";
        assert_eq!(day(escaped), Ok(vec![("1.0.0".to_owned(), 3)]));
    }

    #[test]
    fn a_document_that_is_cut_off_or_another_one_is_an_error() {
        for text in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"packages":{"fig":{"1.0.0":1}"#,
            r#"{"packages":{"pear":{"1.0.0":-1}}}"#,
            r#"{"packages":{"pear":{"one":1}}}"#,
            r#"{"packages":{"pear":{"1.0.0":1}}} {}"#,
            r#"{"packages":{},"packages":{}}"#,
        ] {
            assert!(day(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_month_has_the_days_of_the_period_and_says_what_is_folded() {
        let text =
            r#"{"folded":{"a-0":"2026-01-04"},"packages":{"pear":{"1.0.0":{"1":1,"2":2,"3":4,"40":8}}}}"#;
        let period = DownloadPeriod::parse("2026-01-02:2026-01-31", DAY).unwrap();
        let (folded, kept) =
            scan_month(text.as_bytes(), &Wanted::All, period, DAY, ByVersion::default()).unwrap();
        assert_eq!(folded.keys().collect::<Vec<_>>(), ["a-0"]);
        assert_eq!(kept.0.into_values().collect::<Vec<_>>(), [6]);
        let without = r#"{"packages":{}}"#;
        let read = scan_month(without.as_bytes(), &Wanted::All, period, DAY, ByVersion::default());
        assert!(read.is_err());
    }
}
