//! Numbers and times as pages show them.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use maud::{Markup, html};

/// Writes a number with thin groups of three digits, such as `1,204`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Writes a number and its noun, such as `1 file` and `2 files`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{} {}", thousands(number), plural(number, noun))
}

/// Returns the noun, with an `s` unless the number is one.
fn plural(number: u64, noun: &str) -> String {
    if number == 1 { noun.to_owned() } else { format!("{noun}s") }
}

/// Writes a size with its unit, such as `48.2 kB`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn bytes(size: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if size < 1000 {
        return format!("{size} B");
    }
    let mut shown = size as f64;
    let mut unit = "";
    for next in UNITS {
        if shown < 999.5 {
            break;
        }
        shown /= 1000.0;
        unit = next;
    }
    if shown < 99.95 { format!("{shown:.1} {unit}") } else { format!("{shown:.0} {unit}") }
}

/// Renders a moment by its age, with the exact time for who wants it.
pub(crate) fn since(moment: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    let exact = moment.to_rfc3339_opts(SecondsFormat::Secs, true);
    html! { time datetime=(exact) title=(moment.format("%Y-%m-%d %H:%M:%S UTC")) { (age(now - moment)) } }
}

fn age(age: TimeDelta) -> String {
    let ago = |number: i64, noun: &str| {
        let number = u64::try_from(number).unwrap_or_default();
        format!("{} ago", count(number, noun))
    };
    if age < TimeDelta::minutes(-1) {
        "in the future".to_owned()
    } else if age < TimeDelta::minutes(1) {
        "just now".to_owned()
    } else if age < TimeDelta::hours(1) {
        ago(age.num_minutes(), "minute")
    } else if age < TimeDelta::days(1) {
        ago(age.num_hours(), "hour")
    } else if age < TimeDelta::days(60) {
        ago(age.num_days(), "day")
    } else if age < TimeDelta::days(730) {
        ago(age.num_days() / 30, "month")
    } else {
        ago(age.num_days() / 365, "year")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_groups_and_units() {
        let shown = [0, 7, 999, 1000, 1204, 1_000_000].map(thousands);
        assert_eq!(shown, ["0", "7", "999", "1,000", "1,204", "1,000,000"]);
        let shown = [0, 999, 1000, 48_213, 312_000, 999_499, 999_500, 5_000_000_000].map(bytes);
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "48.2 kB", "312 kB", "999 kB", "1.0 MB", "5.0 GB"]);
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(2000, "file"), "2,000 files");
    }

    #[test]
    fn ages_are_rounded_down() {
        let ages = [
            (TimeDelta::seconds(59), "just now"),
            (TimeDelta::seconds(60), "1 minute ago"),
            (TimeDelta::hours(23), "23 hours ago"),
            (TimeDelta::days(3), "3 days ago"),
            (TimeDelta::days(60), "2 months ago"),
            (TimeDelta::days(800), "2 years ago"),
            (TimeDelta::days(-2), "in the future"),
        ];
        for (time, expected) in ages {
            assert_eq!(age(time), expected);
        }
    }
}
