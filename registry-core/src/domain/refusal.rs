use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// Why a policy refuses a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VersionRefusal {
    /// The rule, as settings spell it, such as `minimum_age`.
    pub rule: String,
    /// What the rule found, as the rest of a sentence that begins with the version.
    pub reason: String,
    /// When the refusal ends by itself; `None` if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// How to ask for an exception, as a sentence without its period; `None` for the usual advice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

impl VersionRefusal {
    /// A refusal by `rule` that does not end by itself. `reason` is the rest of a sentence that begins with the version, such
    /// as `has an install script`.
    pub fn new(rule: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { rule: rule.into(), reason: reason.into(), until: None, contact: None }
    }

    /// Sets when the refusal ends by itself.
    #[must_use]
    pub fn until(self, until: DateTime<Utc>) -> Self {
        Self { until: Some(until), ..self }
    }

    /// Sets how to ask for an exception, as a sentence without its period.
    #[must_use]
    pub fn contact(self, contact: impl Into<String>) -> Self {
        Self { contact: Some(contact.into()), ..self }
    }

    /// Returns the rule, the end and the advice, to stand behind the name of the version.
    pub fn explanation(&self) -> String {
        let until = self.until.map_or_else(
            || "it does not end by itself".to_owned(),
            |until| format!("until {}", until.to_rfc3339_opts(SecondsFormat::Secs, true)),
        );
        let contact =
            self.contact.as_deref().unwrap_or("ask an administrator of this registry for an exception");
        format!("{} (rule {}, {until}). To use it now, {contact}", self.reason, self.rule)
    }
}
