use std::fmt::Write as _;

use chrono::{DateTime, Datelike as _, Utc};
use maud::{Markup, html};

use super::words::bytes;

/// The most dots that are links; of more versions, the rest is one shape without links.
const LINKED: usize = 200;
const WIDTH: f64 = 1080.0;
const HEIGHT: f64 = 140.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 8.0;

/// A version in the plot.
#[derive(Debug)]
pub(crate) struct Dot {
    pub(crate) version: String,
    pub(crate) time: DateTime<Utc>,
    pub(crate) size: u64,
    pub(crate) is_prerelease: bool,
    pub(crate) is_deprecated: bool,
}

/// Renders versions by time and size, newest first. A hollow dot is a prerelease, a crossed one is deprecated.
pub(crate) fn timeline(dots: &[Dot], address: impl Fn(&str) -> String) -> Option<Markup> {
    let first = dots.iter().map(|dot| dot.time).min()?;
    let last = dots.iter().map(|dot| dot.time).max()?;
    let largest = dots.iter().map(|dot| dot.size).max()?.max(1);
    if dots.len() < 2 {
        return None;
    }
    let x = |time: DateTime<Utc>| {
        LEFT + fraction((time - first).num_seconds(), (last - first).num_seconds()) * (WIDTH - LEFT - RIGHT)
    };
    let y = |size: u64| TOP + (1.0 - ratio(size, largest)) * (HEIGHT - TOP);
    let mut further = String::new();
    for dot in dots.iter().skip(LINKED) {
        // Writing to a text does not fail.
        let _ = write!(further, "M{:.0} {:.0}h0", x(dot.time), y(dot.size));
    }
    let summary = format!(
        "{} versions by publish date and unpacked size, from {} to {}; the largest has {}. The table below has the numbers.",
        dots.len(),
        first.format("%Y-%m-%d"),
        last.format("%Y-%m-%d"),
        bytes(largest)
    );
    Some(html! {
        svg.plot viewBox=(format!("0 0 {WIDTH} {}", HEIGHT + 28.0)) role="group" aria-label=(summary) {
            line.axis x1=(LEFT) y1=(HEIGHT) x2=(WIDTH) y2=(HEIGHT) {}
            line.axis x1=(LEFT) y1=(TOP) x2=(WIDTH) y2=(TOP) stroke-dasharray="2 4" {}
            text x="0" y=(TOP + 4.0) { (bytes(largest)) }
            text x="0" y=(HEIGHT) { "0 B" }
            @for (year, at) in years(first, last) {
                @let at = x(at);
                line.axis x1=(format!("{at:.0}")) y1=(HEIGHT) x2=(format!("{at:.0}")) y2=(HEIGHT + 5.0) {}
                text x=(format!("{at:.0}")) y=(HEIGHT + 20.0) { (year) }
            }
            @if !further.is_empty() {
                path d=(further) stroke="currentColor" stroke-width="5" stroke-linecap="round" opacity=".35" fill="none" {}
            }
            @for dot in dots.iter().take(LINKED).rev() {
                (linked(dot, x(dot.time), y(dot.size), &address(&dot.version)))
            }
        }
    })
}

fn linked(dot: &Dot, x: f64, y: f64, address: &str) -> Markup {
    let kind = match (dot.is_deprecated, dot.is_prerelease) {
        (true, _) => "old",
        (false, true) => "pre",
        (false, false) => "",
    };
    let state = match kind {
        "old" => ", deprecated",
        "pre" => ", prerelease",
        _ => "",
    };
    let title = format!("{}, {}, {}{state}", dot.version, dot.time.format("%Y-%m-%d"), bytes(dot.size));
    html! {
        a class=(kind) href=(address) aria-label=(title) {
            title { (title) }
            circle cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="5" {}
            @if dot.is_deprecated {
                path d=(format!("M{:.1} {:.1}l6 6m0 -6l-6 6", x - 3.0, y - 3.0)) {}
            }
        }
    }
}

/// The beginnings of years or, for a short time, of its first and last day.
fn years(first: DateTime<Utc>, last: DateTime<Utc>) -> Vec<(String, DateTime<Utc>)> {
    let mut years = Vec::new();
    for year in first.year() + 1..=last.year() {
        let start = chrono::NaiveDate::from_ymd_opt(year, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
        years.extend(start.map(|start| (year.to_string(), start.and_utc())));
    }
    // Hostile documents may span thousands of years.
    let step = years.len().div_ceil(12).max(1);
    let mut years: Vec<_> = years.into_iter().step_by(step).collect();
    if years.len() < 2 {
        years = vec![(first.format("%Y-%m-%d").to_string(), first)];
    }
    years
}

#[expect(clippy::cast_precision_loss, reason = "a place in a plot")]
fn fraction(part: i64, whole: i64) -> f64 {
    if whole == 0 { 0.5 } else { part as f64 / whole as f64 }
}

#[expect(clippy::cast_precision_loss, reason = "a place in a plot")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
