//! `log`: reads the audit log directly from the storage, newest last.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::StreamExt as _;
use registry_core::Registry;
use registry_core::clock::{Clock as _, SystemClock};
use registry_core::events::{AuditLogError, AuditRecord, AuditSpan, read_audit_log, remove_audit_log_before};
use registry_core::settings::{Trial, open_existing_store};
use registry_core::storage::BlobStore;
use serde_json::Value;

use crate::command_line::{LogQuestion, Overrides};
use crate::settings::Settings;

/// The interval at which the storage is polled for new events.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// How late an event may be written to the log and still be shown by `--follow`.
const LATEST: TimeDelta = TimeDelta::minutes(2);

/// Writes the requested records to stdout. Damaged lines are reported on stderr and skipped.
pub(crate) fn show(overrides: &Overrides, question: &LogQuestion) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let moment = |text: &Option<String>| text.as_deref().map(|text| parse_moment(text, now)).transpose();
    let span = AuditSpan { since: moment(&question.since)?, until: moment(&question.until)? };
    let settings = Settings::load_for_process(overrides)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the threads of the command")?.block_on(async {
        let store = open_existing_store(&settings.registry.storage, Trial::Always).await?;
        let mut stdout = io::BufWriter::new(io::stdout().lock());
        if question.follow {
            return follow(&store, span, question, &mut stdout).await;
        }
        let mut records = read_audit_log(store, span);
        while let Some(record) = records.next().await {
            let Some(record) = undamaged(record)? else { continue };
            if is_wanted(&record, question) && !write(&mut stdout, &record, question.json)? {
                return Ok(());
            }
        }
        finished(stdout.flush()).map(drop)
    })
}

/// Writes the existing records, and then new ones until stdout is closed.
async fn follow(
    store: &Arc<dyn BlobStore>,
    mut span: AuditSpan,
    question: &LogQuestion,
    output: &mut impl Write,
) -> anyhow::Result<()> {
    let mut shown = BTreeSet::new();
    loop {
        let mut records = read_audit_log(Arc::clone(store), span);
        while let Some(record) = records.next().await {
            let Some(record) = undamaged(record)? else { continue };
            let is_new = shown.insert((record.time, serde_json::to_string(&record.fields)?));
            if is_new && is_wanted(&record, question) && !write(output, &record, question.json)? {
                return Ok(());
            }
        }
        if !finished(output.flush())? {
            return Ok(());
        }
        // Shows late events, and no event twice.
        if let Some((newest, _)) = shown.last() {
            let since = *newest - LATEST;
            span.since = span.since.max(Some(since));
            shown.retain(|(time, _)| *time >= since);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// Returns the record. A damaged line is reported on stderr.
fn undamaged(record: Result<AuditRecord, AuditLogError>) -> anyhow::Result<Option<AuditRecord>> {
    match record {
        Ok(record) => Ok(Some(record)),
        Err(error @ AuditLogError::Damaged { .. }) => {
            let _ = writeln!(io::stderr(), "registry-server: {error}; it is skipped");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Removes batches older than the retention time.
pub(crate) async fn clean(registry: &Registry, keep_days: u32) {
    let oldest = SystemClock.now() - TimeDelta::days(keep_days.into());
    match remove_audit_log_before(&**registry.store(), oldest.date_naive()).await {
        Ok(0) => {}
        Ok(batches) => tracing::info!(batches, keep_days, "removed old batches of the audit log"),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "cannot remove old batches of the audit log; retrying tomorrow");
        }
    }
}

/// Parses `2026-01-02T03:04:05Z`, `2026-01-02` (its beginning in UTC), or an age: `30m`, `24h`, `7d`.
pub(crate) fn parse_moment(text: &str, now: DateTime<Utc>) -> anyhow::Result<DateTime<Utc>> {
    let ago = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let number: i64 = number.parse().ok()?;
        let span = match unit {
            "m" => TimeDelta::try_minutes(number)?,
            "h" => TimeDelta::try_hours(number)?,
            "d" => TimeDelta::try_days(number)?,
            _ => return None,
        };
        now.checked_sub_signed(span)
    };
    let day =
        || text.parse::<chrono::NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|midnight| midnight.and_utc());
    text.parse().ok().or_else(day).or_else(ago).with_context(|| {
        format!("{text:?} is not a time: write one such as 2026-01-02T03:04:05Z, 2026-01-02, 30m, 24h or 7d")
    })
}

fn is_wanted(record: &AuditRecord, question: &LogQuestion) -> bool {
    let text = |field: &str| record.fields.get(field).and_then(Value::as_str);
    let kind = text("kind");
    let action = record.fields.get("access").and_then(|access| access.get("action")).and_then(Value::as_str);
    let is = |wanted: &Option<String>, found: &[Option<&str>]| {
        wanted.as_deref().is_none_or(|wanted| found.contains(&Some(wanted)))
    };
    // A failed login has the name in another field, because its owner is not proved.
    is(&question.user, &[text("principal"), text("name")])
        && is(&question.package, &[text("package")])
        && is(&question.action, &[kind, action, text("action")])
        && (!question.denied || kind.is_some_and(is_rejection))
}

fn is_rejection(kind: &str) -> bool {
    matches!(
        kind,
        "denied"
            | "login-failed"
            | "credential-refused"
            | "id-token-refused"
            | "two-factor-failed"
            | "two-factor-missing"
            | "web-login-refused"
    )
}

/// Writes a record. Returns whether stdout is still open.
fn write(output: &mut impl Write, record: &AuditRecord, json: bool) -> anyhow::Result<bool> {
    let line = if json { serde_json::to_string(&record.fields)? } else { to_text(record) };
    finished(writeln!(output, "{line}"))
}

fn finished(written: io::Result<()>) -> anyhow::Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot write to stdout"),
    }
}

/// `TIME PRINCIPAL ADDRESS KIND PACKAGE`, then the other fields, then the decision of the access rules.
fn to_text(record: &AuditRecord) -> String {
    let mut fields = record.fields.clone();
    let access = fields.shift_remove("access");
    let denied_by = fields.shift_remove("by").as_ref().map(plain);
    if let Some(Value::String(reason)) = fields.get_mut("reason") {
        *reason = in_words(reason);
    }
    // For programs, which read the JSON.
    for field in ["time", "event-id", "token", "client", "request"] {
        fields.shift_remove(field);
    }
    let mut text = record.time.to_rfc3339_opts(SecondsFormat::Millis, true);
    for field in ["principal", "address", "kind", "package"] {
        let value = fields.shift_remove(field);
        text.push(' ');
        text.push_str(&value.as_ref().map_or_else(|| "-".to_owned(), plain));
    }
    for (name, value) in &fields {
        // Writing to a string cannot fail.
        let _ = write!(text, " {name}={}", plain(value));
    }
    let by_rules = access.map(|access| {
        let part = |field: &str| access.get(field).map(plain);
        let rule = match (part("rule"), part("pattern"), part("entry")) {
            (Some(rule), Some(pattern), Some(entry)) => format!("rule {rule} {pattern}: {entry}"),
            (Some(rule), Some(pattern), None) => format!("rule {rule} {pattern}"),
            _ => "no rule".to_owned(),
        };
        let (verdict, action) = (part("verdict").unwrap_or_default(), part("action").unwrap_or_default());
        (verdict == "denied", format!("{action} {verdict} by {rule}"))
    });
    // Where the rules deny it, they are the reason, whatever else would deny it too.
    let reason = denied_by.map(|by| in_words(&by)).filter(|_| !matches!(&by_rules, Some((true, _))));
    let decision = match (reason, by_rules) {
        (Some(reason), Some((_, rules))) => format!(" (denied by {reason}; by the rules alone: {rules})"),
        (Some(reason), None) => format!(" (denied by {reason})"),
        (None, Some((_, rules))) => format!(" ({rules})"),
        (None, None) => String::new(),
    };
    text + &decision
}

/// Returns what a reader understands by a reason of a rejection. Reasons that are sentences stay as they are.
fn in_words(reason: &str) -> String {
    let words = match reason {
        "malformed" => "invalid credential header",
        "unknown-token" => "unknown or revoked token",
        "expired-token" => "expired token",
        "token-elsewhere" => "token used outside its networks",
        "wrong-password" => "wrong password",
        "name-of-another" => "name of an account of another provider",
        "other-browser" => "begun in another browser",
        "form" => "form too old, or of another page",
        "provider" => "not confirmed by the provider",
        "other-account" => "other account signed in than the one to confirm",
        "second-factor" => "wrong second factor",
        "rules" => "the rules",
        "ownership" => "ownership, as the user is no owner of the package",
        "token" => "the limits of the token",
        "private-package" => "the package, which its owners made private",
        "not-signed-in" => "the registry, as the caller is not signed in",
        "organization-role" => "the role of the user in the organization",
        other => other,
    };
    words.to_owned()
}

/// Renders a value in one line and without control characters, which a name may contain.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.escape_debug().to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        let now: DateTime<Utc> = "2026-01-09T12:00:00Z".parse().unwrap();
        for (text, moment) in [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05+01:00", "2026-01-02T02:04:05Z"),
            ("2026-01-02", "2026-01-02T00:00:00Z"),
            ("30m", "2026-01-09T11:30:00Z"),
            ("24h", "2026-01-08T12:00:00Z"),
            ("7d", "2026-01-02T12:00:00Z"),
        ] {
            assert_eq!(parse_moment(text, now).unwrap(), moment.parse::<DateTime<Utc>>().unwrap(), "{text}");
        }
        for wrong in
            ["", "d", "yesterday", "7w", "2026-13-01", "99999999999999999999d", "9223372036854775807d", "ä"]
        {
            assert!(parse_moment(wrong, now).unwrap_err().to_string().contains("is not a time"), "{wrong}");
        }
    }
}
