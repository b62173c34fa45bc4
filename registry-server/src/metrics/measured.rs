//! The part of the page that the library counts by itself, in the text format of Prometheus.

use std::fmt::{Display, Write as _};

use registry_core::measurements::{Durations, Measurements};

/// Renders what the registry counted.
pub(super) fn render(measurements: &Measurements) -> String {
    let mut page = Page::default();
    storage(&mut page, measurements);
    upstreams(&mut page, measurements);
    caches(&mut page, measurements);
    events(&mut page, measurements);
    downloads(&mut page, measurements);
    policies(&mut page, measurements);
    page.text
}

fn storage(page: &mut Page, measurements: &Measurements) {
    page.family(
        "registry_storage_operation_duration_seconds",
        "histogram",
        "Until the storage answered. A stream that the storage sends counts until it began.",
    );
    for measured in &measurements.storage {
        page.histogram(&[("operation", measured.operation)], &measured.durations);
    }
    page.family(
        "registry_storage_errors_total",
        "counter",
        "Operations that failed: unavailable (no answer) or refused (permissions, space).",
    );
    for measured in &measurements.storage {
        for (error, count) in [("unavailable", measured.unavailable), ("refused", measured.refused)] {
            page.sample("", &[("operation", measured.operation), ("error", error)], count);
        }
    }
    page.family(
        "registry_storage_conflicts_total",
        "counter",
        "Conditional writes whose condition did not hold, because another writer was faster or the object is already there.",
    );
    page.sample("", &[], measurements.storage_conflicts);
}

fn upstreams(page: &mut Page, measurements: &Measurements) {
    page.family(
        "registry_upstream_request_duration_seconds",
        "histogram",
        "Until an upstream answered, retries included; for a tarball, until its first byte.",
    );
    for measured in &measurements.upstreams {
        for (outcome, durations) in &measured.outcomes {
            page.histogram(&[("upstream", &measured.upstream), ("outcome", outcome)], durations);
        }
    }
    page.family(
        "registry_upstream_paused",
        "gauge",
        "1 while requests to an upstream pause because it failed repeatedly, until it answers again, else 0.",
    );
    for measured in &measurements.upstreams {
        page.sample("", &[("upstream", &measured.upstream)], u8::from(measured.is_paused));
    }
}

fn caches(page: &mut Page, measurements: &Measurements) {
    page.family("registry_cache_hits_total", "counter", "Lookups that found a current entry.");
    for measured in &measurements.caches {
        page.sample("", &[("cache", measured.cache)], measured.hits);
    }
    page.family("registry_cache_misses_total", "counter", "Lookups that had to make or fetch the entry.");
    for measured in &measurements.caches {
        page.sample("", &[("cache", measured.cache)], measured.misses);
    }
}

fn events(page: &mut Page, measurements: &Measurements) {
    let events = &measurements.events;
    page.family("registry_events_waiting", "gauge", "Events that the audit log does not have yet.");
    for (kind, count) in [("change", events.changes_waiting), ("denial", events.denials_waiting)] {
        page.sample("", &[("kind", kind)], count);
    }
    page.family(
        "registry_events_capacity",
        "gauge",
        "How many events of each kind may wait, before writers wait and denials are dropped.",
    );
    page.sample("", &[], events.capacity);
    page.family("registry_events_lost_total", "counter", "Events that were dropped.");
    page.sample("", &[], events.lost);
}

fn policies(page: &mut Page, measurements: &Measurements) {
    let policies = &measurements.policies;
    page.family(
        "registry_policy_files_unreadable",
        "gauge",
        "Files of versions that policies name and that cannot be used now.",
    );
    page.sample("", &[], policies.unreadable_files);
    page.family(
        "registry_policy_file_failures_total",
        "counter",
        "How often a file of versions could not be used, found out at most once a second.",
    );
    page.sample("", &[], policies.failed_reads);
}

fn downloads(page: &mut Page, measurements: &Measurements) {
    let downloads = &measurements.downloads;
    page.family("registry_downloads_total", "counter", "Downloads of tarballs that were counted.");
    page.sample("", &[], downloads.counted);
    page.family(
        "registry_downloads_lost_total",
        "counter",
        "Downloads that were counted, and whose count is lost.",
    );
    page.sample("", &[], downloads.lost);
    page.family(
        "registry_download_flush_failures_total",
        "counter",
        "How often the counts of downloads could not be written to the storage, and had to wait for the next time.",
    );
    page.sample("", &[], downloads.failed_flushes);
}

/// A page in the text format 0.0.4.
#[derive(Default)]
struct Page {
    text: String,
    /// The metric that samples are of.
    name: &'static str,
}

impl Page {
    /// Begins a metric. The samples that follow are of it.
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        // Writing to a string does not fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let Self { text: page, name } = self;
        let _ = write!(page, "{name}{suffix}");
        for (place, (label, value)) in labels.iter().enumerate() {
            page.push(if place == 0 { '{' } else { ',' });
            let _ = write!(page, "{label}=\"{}\"", escape(value));
        }
        let _ = writeln!(page, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    fn histogram(&mut self, labels: &[(&str, &str)], durations: &Durations) {
        let with = |bound: &str, page: &mut Self, count| {
            let labels = [labels, &[("le", bound)]].concat();
            page.sample("_bucket", &labels, count);
        };
        for (bound, count) in &durations.at_most {
            with(&bound.to_string(), self, *count);
        }
        with("+Inf", self, durations.count);
        self.sample("_sum", labels, durations.seconds);
        self.sample("_count", labels, durations.count);
    }
}

/// Escapes a label's value.
fn escape(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut page = Page::default();
        page.family("pears_total", "counter", "Pears.");
        page.sample("", &[("kind", "a\"b\\c\nd"), ("ripe", "yes")], 7);
        page.sample("_sum", &[], 0.5);
        let expected = "# HELP pears_total Pears.\n# TYPE pears_total counter\n\
                        pears_total{kind=\"a\\\"b\\\\c\\nd\",ripe=\"yes\"} 7\npears_total_sum 0.5\n";
        assert_eq!(page.text, expected);
    }
}
