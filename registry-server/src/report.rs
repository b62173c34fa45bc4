use serde::Serialize;
use serde_json::Value;

/// What a command prints: text for people, or the same as JSON for programs. The names of fields in JSON are documented and
/// stay.
#[derive(Debug, Default)]
pub(crate) struct Report {
    text: String,
    records: Vec<Value>,
}

impl Report {
    /// A report of one record.
    pub(crate) fn new(text: impl Into<String>, record: &impl Serialize) -> anyhow::Result<Self> {
        Ok(Self { text: text.into(), records: vec![serde_json::to_value(record)?] })
    }

    /// A report of one line, and one record, for each.
    pub(crate) fn list<Item, Record: Serialize>(
        items: impl IntoIterator<Item = Item>,
        line: impl Fn(&Item) -> String,
        record: impl Fn(&Item) -> Record,
    ) -> anyhow::Result<Self> {
        let mut report = Self::default();
        for item in items {
            report.text.push_str(&line(&item));
            report.records.push(serde_json::to_value(record(&item))?);
        }
        Ok(report)
    }

    /// Renders the text, or a line of JSON for each record.
    pub(crate) fn render(self, json: bool) -> String {
        if json {
            self.records.iter().flat_map(|record| [record.to_string(), "\n".to_owned()]).collect()
        } else {
            self.text
        }
    }
}
