use chrono::{Datelike as _, Days, Months, NaiveDate};

use super::shorten::shorten;

/// The longest period.
const LONGEST: Months = Months::new(18);

/// Days in UTC for which downloads are asked, including both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadPeriod {
    first: NaiveDate,
    last: NaiveDate,
}

/// Why a text is not a period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadPeriodError {
    /// It is neither a word nor one or two days.
    #[error(
        "{text:?} is not a period: write last-day, last-week, last-month, last-year, a day such as 2026-01-31, or two \
         days such as 2026-01-01:2026-01-31"
    )]
    Malformed {
        /// The text.
        text: String,
    },
    /// The first day comes after the last.
    #[error("the period ends before it begins: write the earlier day first, as in {last}:{first}")]
    Backwards {
        /// The first day.
        first: NaiveDate,
        /// The last day.
        last: NaiveDate,
    },
    /// It is longer than 18 months.
    #[error("the period from {first} to {last} is longer than 18 months: ask for parts of it")]
    TooLong {
        /// The first day.
        first: NaiveDate,
        /// The last day.
        last: NaiveDate,
    },
}

impl DownloadPeriod {
    /// Parses `last-day`, `last-week` (7 days), `last-month` (30), `last-year` (365), a day such as `2026-01-31`, or two
    /// days with a colon between them. The words are for days that end `today`.
    ///
    /// ```
    /// use registry_core::domain::DownloadPeriod;
    /// let today = "2026-01-31".parse().unwrap();
    /// let week = DownloadPeriod::parse("last-week", today)?;
    /// assert_eq!((week.first().to_string(), week.last()), ("2026-01-25".to_owned(), today));
    /// assert!(DownloadPeriod::parse("last-decade", today).is_err());
    /// # Ok::<(), registry_core::domain::DownloadPeriodError>(())
    /// ```
    pub fn parse(text: &str, today: NaiveDate) -> Result<Self, DownloadPeriodError> {
        let days = match text {
            "last-day" => 1,
            "last-week" => 7,
            "last-month" => 30,
            "last-year" => 365,
            _ => {
                let (first, last) = text.split_once(':').unwrap_or((text, text));
                return match (day(first), day(last)) {
                    (Some(first), Some(last)) => Self::between(first, last),
                    _ => Err(DownloadPeriodError::Malformed { text: shorten(text).into_owned() }),
                };
            }
        };
        Ok(Self::days_until(today, days))
    }

    /// The period of so many days, at least one, of which `last` is the last.
    pub(crate) fn days_until(last: NaiveDate, days: u32) -> Self {
        let before = Days::new(days.saturating_sub(1).into());
        Self { first: last.checked_sub_days(before).unwrap_or(NaiveDate::MIN), last }
    }

    fn between(first: NaiveDate, last: NaiveDate) -> Result<Self, DownloadPeriodError> {
        if first > last {
            return Err(DownloadPeriodError::Backwards { first, last });
        }
        if first.checked_add_months(LONGEST).is_some_and(|end| last > end) {
            return Err(DownloadPeriodError::TooLong { first, last });
        }
        Ok(Self { first, last })
    }

    /// Returns the first day.
    pub fn first(&self) -> NaiveDate {
        self.first
    }

    /// Returns the last day.
    pub fn last(&self) -> NaiveDate {
        self.last
    }

    pub(crate) fn holds(self, day: NaiveDate) -> bool {
        (self.first..=self.last).contains(&day)
    }

    /// Returns each day.
    pub(crate) fn days(self) -> impl Iterator<Item = NaiveDate> {
        self.first.iter_days().take_while(move |day| *day <= self.last)
    }

    /// Returns a day of each month.
    pub(crate) fn months(self) -> Vec<NaiveDate> {
        let mut months = Vec::new();
        let mut month = self.first.with_day(1);
        while let Some(first) = month.filter(|first| *first <= self.last) {
            months.push(first);
            month = first.checked_add_months(Months::new(1));
        }
        months
    }
}

/// Parses a day as npm writes it, and in no other form.
fn day(text: &str) -> Option<NaiveDate> {
    let has_form = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    text.parse().ok().filter(|_| has_form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        let period = DownloadPeriod::parse(text, "2026-03-01".parse().unwrap());
        let shown = |period: DownloadPeriod| format!("{} to {}", period.first(), period.last());
        period.map(shown).map_err(|error| error.to_string())
    }

    #[test]
    fn periods_are_read_as_npm_reads_them_and_end_today() {
        for (text, expected) in [
            ("last-day", "2026-03-01 to 2026-03-01"),
            ("last-week", "2026-02-23 to 2026-03-01"),
            ("last-month", "2026-01-31 to 2026-03-01"),
            ("last-year", "2025-03-02 to 2026-03-01"),
            ("2024-02-29", "2024-02-29 to 2024-02-29"),
            ("2025-01-01:2026-07-01", "2025-01-01 to 2026-07-01"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(expected), "{text}");
        }
        for (text, expected) in [
            ("", "is not a period"),
            ("last-decade", "is not a period"),
            ("2026-1-1", "is not a period"),
            ("+2026-01-01", "is not a period"),
            ("2025-02-29", "is not a period"),
            ("2026-01-01:", "is not a period"),
            ("2026-01-01:2026-01-02:2026-01-03", "is not a period"),
            ("2026-01-02:2026-01-01", "ends before it begins"),
            ("2025-01-01:2026-07-02", "longer than 18 months"),
        ] {
            assert!(parse(text).is_err_and(|error| error.contains(expected)), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn months_are_named_once() {
        let period = DownloadPeriod::parse("2025-12-31:2026-02-01", NaiveDate::MIN).unwrap();
        let months: Vec<_> = period.months().iter().map(NaiveDate::to_string).collect();
        assert_eq!(months, ["2025-12-01", "2026-01-01", "2026-02-01"]);
    }
}
